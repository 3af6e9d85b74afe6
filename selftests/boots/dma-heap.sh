#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: the kernel's own selftest of dma-buf heaps, unmodified, then
# ours, with vgem and devices that fail at will, or sit on strange buses, as importers. Its exit code alone
# says little: it ends with 0 when vgem is lacking and when a buffer is not zeroed,
# so what it prints is judged too.

heaps=2		# of dmabuf.dtso
passes=6	# that it prints for each heap
. /usr/lib/memmgr/boots/verdict.sh

heaps_selftest() {
	rc=0
	/usr/lib/memmgr/selftests/dmabuf-heap >$out 2>&1 || rc=$?
	sed 's/^/# /' $out
	echo "# exit code $rc"
	[ $rc = 0 ] || return 1
	! grep -iE 'fail|skip' $out || return 1
	[ "$(grep -c '^Testing heap: ' $out)" = $heaps ] || return 1
	[ "$(grep -cE '^  Testing .*: +OK$' $out)" = $((heaps * passes)) ]
}

# All that a test could lack is here, but for a kernel that asks drivers.
whole_on() {
	run_on "$1" "$2" || return 1
	! grep '# SKIP' $out | grep -v 'this kernel does not ask drivers$'
}

nothing_left() { ! ls -d /dev/memmgr* /dev/dma_heap/* 2>/dev/null; }

# The system has a dma-heap of a region's name: the region comes without that node, says so
# in one line, and the other one has all of its own.
name_taken() {
	taken=/dev/dma_heap/$1
	mkdir -p /dev/dma_heap
	mknod "$taken" c 1 3 || return 1
	dmesg -c >/dev/null
	insmod /lib/modules/memmgr.ko || return 1
	run_on alloc memmgr && run_on alloc memmgr1 || return 1
	dmesg | grep 'left out' >$out
	cat $out
	[ "$(wc -l <$out)" = 1 ] && grep -E "memmgr: $1: .*$taken .*another label" $out || return 1
	[ "$(ls /dev/dma_heap | wc -l)" = $heaps ] || return 1
	rmmod memmgr && [ "$(ls -d /dev/memmgr* /dev/dma_heap/*)" = "$taken" ] || return 1
	rm "$taken"
}

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
insmod /lib/modules/memmgr_importer.ko || exit 1
heaps_selftest
verdict $? dmabuf_heaps_selftest
for device in memmgr memmgr1; do
	for program in dma_heap dmabuf importer debugger; do
		whole_on $program $device
		verdict $? ${program}_$device
	done
done
name=$(ls /dev/dma_heap | head -n 1)
rmmod memmgr_importer
rmmod memmgr
verdict $? unload
nothing_left
verdict $? nothing_left
name_taken "$name"
verdict $? name_taken
all_judged
