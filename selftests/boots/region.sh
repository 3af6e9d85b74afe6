#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: one source of memory. The module loads on it, claims what
# it should, serves, unloads, and nothing is left.
# usage: region.sh CLAIM DEVICES [PARAMETER...]
#   CLAIM    what /proc/iomem must show, an extended regular expression; none: nothing,
#            for memory that is not reserved; ram: nothing, the range is System RAM
#   DEVICES  how many device nodes

cd /usr/lib/memmgr/selftests/memmgr || exit 1
. ./common.sh
claim=$1
devices=$2
shift 2
require_module

claimed() {
	if [ "$claim" = none ] || [ "$claim" = ram ]; then
		! grep -i memmgr /proc/iomem
	else
		grep -iE "$claim : memmgr" /proc/iomem || { grep -i memmgr /proc/iomem; return 1; }
	fi
}

all_devices() { [ "$(ls /dev | grep -c '^memmgr')" = "$devices" ]; }
all_folders() { [ "$(ls /sys/kernel/debug/memmgr | wc -l)" = "$devices" ]; }

# A region that is not reserved says so.
says_whether_reserved() {
	if [ "$claim" = none ]; then
		log | grep -i 'not reserved'
	else
		log | grep -iE "at /dev/memmgr.*reserved" && ! log | grep -i 'not reserved'
	fi
}

mark_log
check load load "$@"
check device test -c /dev/memmgr
check devices all_devices
check folders all_folders
check claim claimed
check says_whether_reserved says_whether_reserved
for device in $(cd /dev && echo memmgr*); do
	for program in query alloc free resize copy mmap; do
		check $program-$device env MEMMGR_DEVICE=/dev/$device ./$program
	done
done
[ "$devices" = 1 ] || check isolation ./isolation
# A device to remove, and memory that can be the target of I/O: else it skips most.
[ "$claim" != ram ] || check removal ./removal
heap_has_rights() { grep -hE ' fenced .* 0640 +7 +44$' /sys/kernel/debug/memmgr/*/heaps; }
! find /proc/device-tree/ -name fenced | grep -q . || check heap_has_rights heap_has_rights
check unload rmmod memmgr
check nothing_left nothing_left
check load_again load "$@"
check query_again ./query
finish
