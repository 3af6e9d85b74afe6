#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: the module comes, and serves, while memory of the system is short.

. /usr/lib/memmgr/boots/verdict.sh

# A test that skips has seen nothing.
whole() {
	run_on "$1" memmgr && ! grep -i '# skip' $out
}

echo "KTAP version 1"
insmod /lib/modules/memmgr_importer.ko || exit 1
whole load_fault
verdict $? load_fault
insmod /lib/modules/memmgr.ko || exit 1
for test in fault fault_files; do
	whole $test
	verdict $? $test
done
rmmod memmgr memmgr_importer
verdict $? unload

# realtime=1 makes all that main may need at load.
for parameters in "" realtime=1; do
	insmod /lib/modules/memmgr.ko $parameters || exit 1
	insmod /lib/modules/memmgr_caller.ko || exit 1
	whole no_memory
	verdict $? "no_memory${parameters:+_realtime}"
	rmmod memmgr_caller memmgr
done
all_judged
