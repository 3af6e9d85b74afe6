#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest, with the device tree of bad.dtso: the bad regions are refused
# with one line each and leave nothing, the good ones beside them work. A region
# with a bad heap works without that heap.

cd /usr/lib/memmgr/selftests/memmgr || exit 1
. ./common.sh
require_module

# refused WHAT REASON...: one complaint about WHAT, which says each REASON.
refused() {
	lines=$(complaints | grep -E "$1")
	echo "$lines"
	[ "$(echo "$lines" | wc -l)" = 1 ] || return 1
	shift
	for reason; do
		echo "$lines" | grep -qiE "$reason" || return 1
	done
}

says() { complaints | grep -E "$1"; }

folders() { [ "$(ls /sys/kernel/debug/memmgr | wc -l)" = "$1" ]; }
heaps() { [ "$(cat /sys/kernel/debug/memmgr/*/heaps | grep -vc '^#')" = "$1" ]; }

# came LABEL DEVICE: the region is there, under its name and number.
came() { log | grep -E "^memmgr: $1: .* at /dev/$2, reserved memory" && test -c "/dev/$2"; }

# Every node of the tree has its number, whether its region came or not.
good_devices="memmgr memmgr1 memmgr13 memmgr14 memmgr15 memmgr2 memmgr26 memmgr3 memmgr4 memmgr42"

mark_log
check load load
# shellcheck disable=SC2086 # words
check good_ones devices $good_devices
check a_folder_for_each_good_one folders "$(echo "$good_devices" | wc -w)"
check alias_decides came good memmgr
check alias_of_a_later_one came banks memmgr42
check first_without_alias came memmgr1 memmgr1
check order_of_the_tree came memmgr4 memmgr4
check no_memory_region refused /no-memory-region: 'no memory-region'
check disabled refused /disabled: off 'not reserved' 'status'
check elsewhere refused /elsewhere: 'not reserved' 'move it'
check zero refused /zero: 52200000 'size is 0'
check misaligned_base refused /misaligned-base: 52400100 'base is not a multiple of the page'
check misaligned_size refused /misaligned-size: 52600000 'size is not a multiple of the page'
check same_memory refused /same-memory: 'heaps4@53600000' 'overlaps region memmgr1'
check beyond_ram refused /beyond-ram: 90000000 'no such RAM'
check cma refused /cma: 'cma@55000000' reusable 'without compatible'
check dma_pool refused /dma-pool: 'dma-pool@56000000' 'pool of the kernel' 'without compatible'
check reusable refused /reusable: 'reusable@56200000' 'movable' 'without compatible and reusable'
check initrd refused /in-initrd: 'in-initrd@48200000' 'initrd' 'elsewhere'
check kernel_image refused /in-kernel: 'in-kernel@40400000' 'the kernel itself' 'move'
check pages_that_were_freed refused /in-init: 'in-init@41300000' "$((0x10000 / page)) pages of it are in use" 'move'
check another_node refused /over-dsp: 'over-dsp@57080000' 'overlaps /reserved-memory/dsp@57000000'
check two_phandles refused /two-phandles: 'names 2 nodes' 'a region of each'
check two_ranges refused /two-ranges: 'ranges2@57600000' 'several ranges' 'of each'
check no_room refused /no-room: 'no room' 'smaller'
check compatible_of_memory refused /reserved-memory/no-device@57a00000: 'no device' 'at the root'
check no_bus refused /shelf/no-bus: 'no device' 'to the root'
check label_taken refused /label-taken: "'good' is taken" 'called memmgr26'
check label_overlong refused /label-overlong: 'longer than 31' 'called memmgr15'
check label_with_a_slash refused /label-slash: "'a/b'" 'called memmgr14'
check label_of_a_node refused /heap-without-kind: "'memmgr2' is taken" 'called memmgr4'
check label_of_a_number refused /heap-of-unknown-kind: "'26' is taken" 'called memmgr3'
check property_misspelt refused "/misspelt: property 'lable'" 'ignored' 'yaml'
check own_property_misspelt refused "property 'memmgr,cahce'" 'ignored' 'yaml'
check heap_property_misspelt refused "/misspelt/frames: property 'memmgr,aling'" 'ignored'
check property_of_another not says 'other,property'
check only_good_heaps heaps 11
check heap_without_kind refused "node anything left out.*''" 'kind'
check heap_of_unknown_kind refused "node anything left out.*'tree'" 'kind'
check heap_without_size refused "heap 'none' left out" 'memmgr,size is missing'
check heap_too_large refused "heap 'huge' left out" 'fit'
check the_good_one_serves ./alloc
check two_banks_serve env MEMMGR_DEVICE=/dev/memmgr42 ./alloc
check unload rmmod memmgr
check nothing_left nothing_left

# What is not ours of the tree is not ours by base= either.
mark_log
check base_over_a_pool not load base=0x56000000 size=64K
check base_over_a_pool_is_one_line refused 'base=: .*56000000' 'overlaps /reserved-memory/dma-pool@56000000'
check nothing_of_it_left nothing_left
finish
