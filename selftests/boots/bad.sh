#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest, with the device tree of bad.dtso: the bad regions are refused
# with one line each and leave nothing, the good one beside them works. A region
# with a bad heap works without that heap.

cd /usr/lib/memmgr/selftests/memmgr || exit 1
. ./common.sh
require_module

# refused WHAT REASON: one complaint about WHAT, which says REASON.
refused() {
	lines=$(complaints | grep -E "$1")
	echo "$lines"
	[ "$(echo "$lines" | wc -l)" = 1 ] && echo "$lines" | grep -qiE "$2"
}

claims() { [ "$(grep -ci memmgr /proc/iomem)" = "$1" ]; }
folders() { [ "$(ls /sys/kernel/debug/memmgr | wc -l)" = "$1" ]; }
heaps() { [ "$(cat /sys/kernel/debug/memmgr/*/heaps | grep -vc '^#')" = "$1" ]; }

mark_log
check load load
check a_device_for_each_good_one devices memmgr memmgr1 memmgr2 memmgr3 memmgr4
check a_folder_for_each_good_one folders 5
check only_main_heaps heaps 5
check no_memory_region refused no-memory-region 'no memory-region'
check disabled refused 'memmgr disabled' 'not reserved'
check elsewhere refused 'memmgr elsewhere' 'not reserved'
check zero refused 52200000 'size is 0'
check misaligned_base refused 52400100 'base is not a multiple of the page'
check misaligned_size refused 52600000 'size is not a multiple of the page'
check same_memory refused 50000000 'overlap'
check beyond_ram refused 90000000 'no such RAM'
check heap_without_kind refused "node anything refused.*''" 'kind'
check heap_of_unknown_kind refused "node anything refused.*'tree'" 'kind'
check heap_without_size refused "heap 'none' refused" 'missing'
check heap_too_large refused "heap 'huge' refused" 'fit'
good=$(log | sed -n 's/.* 16384 KiB at \([^,]*\).*/\1/p')
check the_good_one_serves env MEMMGR_DEVICE="$good" ./alloc
check unload rmmod memmgr
check nothing_left nothing_left
finish
