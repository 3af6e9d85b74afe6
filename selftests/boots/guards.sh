#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: memory errors of kernel code, and guarded allocations of clients, on
# a region without struct pages and on one with them.

. /usr/lib/memmgr/boots/verdict.sh

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
insmod /lib/modules/memmgr_caller.ko || exit 1
for device in memmgr memmgr1; do
	for test in corruption_guard corruption_shift library_mapped corruption_kernel bulk; do
		run_on $test $device
		verdict $? ${test}_$device
	done
done
# Kernel code uses heaps that nobody has used.
run_on footprint memmgr && ! grep 'no memmgr_caller' $out
verdict $? footprint_with_kernel_code
# Nothing that only the other one has may pass by being skipped.
[ "$(grep -c '^ok .*corruption_guard_beside$' $seen)" = 10 ] &&
	[ "$(grep -c '^ok .*corruption_shift_place$' $seen)" = 6 ] &&
	[ "$(grep -c '^ok .*library_mapped_ends_at_the_guard$' $seen)" = 2 ]
verdict $? nothing_skipped
# Each region's main has to take back what its own guards have.
{ memctl debug main --guards=1 && MEMMGR_DEVICE=/dev/memmgr1 memctl debug main --guards=1; } >$out &&
	rmmod memmgr_caller && rmmod memmgr
verdict $? unload
all_judged
