#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Several regions at once: a device node and a debugfs folder each, isolated.
# Rule: memmgr(4), DESCRIPTION and WHERE A REGION COMES FROM.

cd "$(dirname "$0")" || exit 1
. ./common.sh
! has_tree_regions || skip_all "the device tree has regions of its own"
[ -n "$MEMMGR_SPARE" ] || skip_all "no spare memory: set MEMMGR_SPARE=START:BYTES"
require_module
first=$((${MEMMGR_SPARE%:*}))
first=$(printf '0x%x' $first)
second=$(printf '0x%x' $((first + 0x1000000)))
third=$(printf '0x%x' $((first + 0x2000000)))
page_more=$(printf '0x%x' $((0x1000000 + page)))

folders() { [ "$(ls /sys/kernel/debug/memmgr | wc -l)" = "$1" ]; }
claims() { [ "$(grep -ci memmgr /proc/iomem)" = "$1" ]; }

check load_three load base=$first,$second,$third size=16M,16M,8M
check three_devices devices memmgr memmgr1 memmgr2
check three_folders folders 3
check three_claims claims 3
check isolation ./isolation
check alloc_in_the_second env MEMMGR_DEVICE=/dev/memmgr1 ./alloc
check mmap_in_the_third env MEMMGR_DEVICE=/dev/memmgr2 ./mmap
check unload rmmod memmgr
check nothing_left nothing_left

mark_log
check overlap_is_refused not load base=$first,$first size=16M,16M
check overlap_is_one_line one_error_line overlap
check overlap_leaves_nothing nothing_left
mark_log
check part_overlap_is_refused not load base=$second,$first size=16M,$page_more
check part_overlap_is_one_line one_error_line overlap
check part_overlap_leaves_nothing nothing_left
check good_pair_still_loads load base=$first,$second size=16M,16M
check pair_devices devices memmgr memmgr1
finish
