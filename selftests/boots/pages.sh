#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: direct I/O into a region without struct pages and into one
# with them.

out=/tmp/pages.out
number=0
bad=0

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
for device in memmgr memmgr1; do
	number=$((number + 1))
	if MEMMGR_DEVICE=/dev/$device /usr/lib/memmgr/selftests/memmgr/pages >$out 2>&1; then
		status=ok
	else
		status="not ok"
		bad=1
	fi
	sed 's/^/    /' $out
	echo "$status $number pages_$device"
done
echo "1..$number"
exit $bad
