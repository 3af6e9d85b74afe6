#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: direct I/O into a region without struct pages and into one
# with them, and on the latter the tests of protection, which others run without.

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
	! grep -q '^ok .*vmsplice_and' $out || paged=/dev/$device
	echo "$status $number pages_$device"
done
for program in protect protect_race violation adversary; do
	number=$((number + 1))
	rc=0
	MEMMGR_DEVICE=$paged /usr/lib/memmgr/selftests/memmgr/$program >$out 2>&1 || rc=$?
	sed 's/^/    /' $out
	[ $rc = 0 ] && echo "ok $number ${program}_with_pages" && continue
	echo "not ok $number ${program}_with_pages"
	bad=1
done
number=$((number + 1))
if grep -q '^ok .*efault_without' $seen && grep -q '^ok .*vmsplice_and' $seen &&
	[ "$(grep -c '^ok .*refused_by_a_write_under_way' $seen)" = 2 ] &&
	[ "$(grep -c '^ok .*direct_io' $seen)" = 2 ]; then
	echo "ok $number nothing_skipped_on_both"
else
	echo "not ok $number nothing_skipped_on_both"
	bad=1
fi
echo "1..$number"
exit $bad
