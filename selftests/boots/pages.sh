#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: direct I/O into a region without struct pages and into one
# with them.

out=/tmp/pages.out
number=0
bad=0

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
# One region of each make, or the tests of one would all be skipped.
seen=/tmp/pages.seen
for device in memmgr memmgr1; do
	number=$((number + 1))
	if MEMMGR_DEVICE=/dev/$device /usr/lib/memmgr/selftests/memmgr/pages >$out 2>&1; then
		status=ok
	else
		status="not ok"
		bad=1
	fi
	sed 's/^/    /' $out
	cat $out >>$seen
	echo "$status $number pages_$device"
done
number=$((number + 1))
if grep -q '^ok .*efault_without' $seen && grep -q '^ok .*vmsplice_and' $seen &&
	[ "$(grep -c '^ok .*direct_io' $seen)" = 2 ]; then
	echo "ok $number nothing_skipped_on_both"
else
	echo "not ok $number nothing_skipped_on_both"
	bad=1
fi
echo "1..$number"
exit $bad
