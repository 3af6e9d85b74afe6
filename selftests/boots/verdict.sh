# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=sh
# Sourced by scripts that run test programs one by one, and judge more than these say.

out=/tmp/out		# of the last program
seen=/tmp/seen		# of all of them
number=0
bad=0

# $1: 0 is good; $2: the name
verdict() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		bad=1
	fi
}

# Test program $1 on region $2: its exit code, its output indented and kept.
run_on() {
	rc=0
	MEMMGR_DEVICE=/dev/$2 "${COLLECTION:-/usr/lib/memmgr/selftests}/memmgr/$1" >$out 2>&1 || rc=$?
	sed 's/^/    /' $out
	cat $out >>$seen
	return $rc
}

all_judged() {
	echo "1..$number"
	exit $bad
}
