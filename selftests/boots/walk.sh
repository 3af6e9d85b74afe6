#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: for each document the commands that it shows ("# " begins one), on a
# module that was just loaded. Compares what they print with what the document says.

. /usr/lib/memmgr/boots/verdict.sh

walks=/usr/lib/memmgr/boots/walks
# After a command that starts or ends what runs beside, the next one may be too early.
patience=30

# Times, process and client ids are others each time, code is where the compiler puts it.
# Columns are as wide as the widest of these. Blank lines at the end only set commands apart.
masked() {
	sed -E -e 's/(pid|client) [0-9]+/\1 N/g' -e 's/\+0x[0-9a-f]+/+0xN/g' -e 's/^\[[ 0-9.]+\] //' \
		-e 's/[0-9.]+ (ns|us|ms|s) before/N before/' -e 's/[0-9]+s( |$)/Ns\1/g' \
		-e 's/ [0-9]+ +(memctl|camera|recorder) / N \1 /g' -e 's/  +/ /g' |
		awk 'NF { for (; blank; blank--) print ""; print; next } { blank++ }'
}

# Command $1 prints what is in /tmp/want: at once, or with patience $2.
prints() {
	tries=$2
	until eval "$1" >/tmp/got 2>&1; masked </tmp/got >/tmp/got.masked
	      cmp -s /tmp/want.masked /tmp/got.masked; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 1
	done
}

# The command that was read, and what it should print.
judge() {
	[ -n "$command" ] || return 0
	masked </tmp/want >/tmp/want.masked
	rc=0
	prints "$command" $allowed || rc=1
	sed 's/^/    /' /tmp/got
	cat /tmp/got >>$seen
	[ $rc = 0 ] || diff /tmp/want.masked /tmp/got.masked | sed 's/^/# /'
	verdict $rc "$(echo "$command" | tr -cs 'a-z0-9\n' _)"
	allowed=1
	case $command in
	*'&' | kill*) allowed=$patience ;;
	esac
}

# Program $1 was named, and nowhere but in the line that is to blame.
blamed() {
	grep -o "/$1+0x[0-9a-f]*" $seen | cut -d+ -f2 | sort -u >/tmp/sites
	[ -s /tmp/sites ] && ! grep -vxF -f /usr/lib/memmgr/boots/"$1".bug /tmp/sites
	verdict $? "blamed_$1"
}

# walk DOCUMENT
walk() {
	insmod /lib/modules/memmgr.ko || exit 1
	command='' allowed=1
	: >/tmp/want
	while IFS= read -r line <&3; do
		case $line in
		'# '*)
			judge
			command=${line#'# '}
			: >/tmp/want
			;;
		*) printf '%s\n' "$line" >>/tmp/want ;;
		esac
	done 3<"$1"
	judge
	rmmod memmgr
	verdict $? "unload_${1##*/}"
}

echo "KTAP version 1"
cd /tmp || exit 1
for document in "$walks"/*; do
	echo "# ${document##*/}"
	walk "$document"
done
blamed camera
blamed recorder
all_judged
