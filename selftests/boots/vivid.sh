#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: vivid, the stock kernel's camera, captures into dma-bufs of
# both regions, first through the kernel's mapping (its default), then by address
# on the bus (allocators=1).

. /usr/lib/memmgr/boots/verdict.sh

# All that a test could lack is here.
whole_on() { run_on vivid "$1" && ! grep '# SKIP' $out; }

# capture NAME
capture() {
	for device in memmgr memmgr1; do
		whole_on $device
		verdict $? "$1_$device"
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
all_judged
