#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: vivid, the stock kernel's camera, captures into dma-bufs of
# both regions, first through the kernel's mapping (its default), then by address
# on the bus (allocators=1).

out=/tmp/vivid.out
number=0
bad=0

verdict() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		bad=1
	fi
}

# capture NAME: a skip is a failure, since all that a test could lack is here.
capture() {
	for device in memmgr memmgr1; do
		rc=0
		MEMMGR_DEVICE=/dev/$device /usr/lib/memmgr/selftests/memmgr/vivid >$out 2>&1 || rc=$?
		sed 's/^/    /' $out
		! grep '# SKIP' $out || rc=1
		verdict $rc "$1_$device"
	done
}

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
capture vmalloc
rmmod vivid
insmod /lib/modules/stock/vivid.ko allocators=1
verdict $? reload
capture dma_contig
rmmod vivid
rmmod memmgr
verdict $? unload
echo "1..$number"
exit $bad
