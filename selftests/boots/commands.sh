#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: the lessons; the beginning of each recorded trace on allocators of each kind,
# and a trace with requests of no bytes. The region has room for all of them; a stack keeps what
# is not on top, so it may run out.

. /usr/lib/memmgr/boots/verdict.sh

# Trace $1 through an allocator of kind $2: nothing is refused.
replays() {
	memctl replay --limit 10000 --kind "$2" "$1" >$out 2>&1 || { cat $out; return 1; }
	[ "$2" = stack ] || grep -q '^failed requests *0$' $out || { cat $out; return 1; }
}

# Every lesson ends with all of its heap given back.
lessons() {
	memctl demo all >$out 2>&1 && [ "$(grep -c '^    memctl heap create' $out)" = 5 ] ||
		{ cat $out; return 1; }
}

zeros() {
	printf 'a 0 0\na 1 5\nr 1 0\nf 1\nf 0\n' | memctl replay - >$out 2>&1 || return 1
	grep -q '^2 of them ask for 0 bytes' $out
}

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko size=48M || exit 1
lessons
verdict $? lessons
for trace in /usr/share/memmgr/traces/*.trace.gz; do
	name=${trace##*/}
	for kind in buddy slab pool stack tlsf; do
		replays "$trace" $kind
		verdict $? "${name%.trace.gz}_$kind"
	done
done
zeros
verdict $? zeros
memctl check all && memctl list | grep -q 'nothing is allocated'
verdict $? nothing_left
rmmod memmgr
verdict $? unload
all_judged
