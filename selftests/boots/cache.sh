#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest, with the device tree of cache.dtso: everything works without
# a cache, and a region that cannot be so is refused with one line.

cd /usr/lib/memmgr/selftests/memmgr || exit 1
. ./common.sh
require_module

refused() {
	lines=$(complaints | grep -E "$1")
	echo "$lines"
	[ "$(echo "$lines" | wc -l)" = 1 ] && echo "$lines" | grep -qiE "$2"
}

cached_so() { grep -qx "cache $1" /sys/kernel/debug/memmgr/*/summary; }

mark_log
check load load
check only_the_good_ones devices memmgr memmgr1
check mapped refused '54000000|mapped' 'no-map|cache'
check wrong_word refused '56000000|wrong-word' 'cache|write-through'
check write_combine cached_so write-combine
check uncached cached_so uncached
for device in memmgr memmgr1; do
	for program in alloc copy mmap dmabuf dma_heap pages; do
		check ${program}_$device env MEMMGR_DEVICE=/dev/$device ./$program
	done
done
check unload rmmod memmgr
check nothing_left nothing_left
finish
