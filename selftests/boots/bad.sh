#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest, with the device tree of bad.dtso: of many regions one is
# good. The others are refused with one line each, and leave nothing.

cd /usr/lib/memmgr/selftests/memmgr || exit 1
. ./common.sh
require_module

# refused NODE WORDS: one line that names the node and says all of WORDS.
refused() {
	lines=$(log | grep -w "$1")
	echo "$lines"
	[ "$(echo "$lines" | wc -l)" = 1 ] && echo "$lines" | grep -qiE "$2"
}

claims() { [ "$(grep -ci memmgr /proc/iomem)" = "$1" ]; }
folders() { [ "$(ls /sys/kernel/debug/memmgr | wc -l)" = "$1" ]; }

mark_log
check load load
check only_the_good_device devices memmgr
check only_the_good_folder folders 1
check only_the_good_claim claims 1
check no_memory_region refused no-memory-region 'memory-region'
check disabled refused disabled 'memory-region|reserved'
check elsewhere refused elsewhere 'memory-region|reserved'
check zero refused zero 'size|memory-region|reserved'
check misaligned_base refused misaligned-base 'page|align'
check misaligned_size refused misaligned-size 'page|align'
check same_memory refused same-memory 'overlap'
check beyond_ram refused beyond-ram 'ram|memory'
check heap_without_kind refused heap-without-kind 'kind'
check heap_of_unknown_kind refused heap-of-unknown-kind 'tree|kind'
check heap_without_size refused heap-without-size 'none|size|property'
check heap_too_large refused heap-too-large 'huge|fit|large'
check the_good_one_serves ./alloc
check unload rmmod memmgr
check nothing_left nothing_left
finish
