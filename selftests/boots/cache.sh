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

# The kernel gives the list out in pieces, and passes over an entry when one before it goes
# between two of them.
mapped_by() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		! grep "phys=0x0*$1 " /proc/vmallocinfo | grep "$2" || return 0
	done
	false
}

mark_log
check load load
# An overlay's nodes come into the tree in front of each other: the last one is the first.
check only_the_good_ones devices memmgr2 memmgr3 memmgr4
check mapped refused '54000000|mapped' 'no-map|cache'
check wrong_word refused '56000000|wrong-word' 'cache|write-through'
check write_combine cached_so write-combine
check uncached cached_so uncached
check device cached_so device
# As memory, which takes any access, or as a device, which does not: see who asked for the mapping.
# The list of arm64's 6.12 names one function for all.
if mapped_by 52000000 ioremap_prot >/dev/null && mapped_by 58000000 ioremap_prot >/dev/null; then
	skip uncached_is_memory "the kernel does not list who asked for a mapping"
	skip device_is_a_device "the kernel does not list who asked for a mapping"
else
	check uncached_is_memory mapped_by 52000000 memremap
	check device_is_a_device not mapped_by 58000000 memremap
fi
for device in memmgr2 memmgr3 memmgr4; do
	for program in alloc copy mmap dmabuf dma_heap pages; do
		check ${program}_$device env MEMMGR_DEVICE=/dev/$device ./$program
	done
done
check unload rmmod memmgr
check nothing_left nothing_left
finish
