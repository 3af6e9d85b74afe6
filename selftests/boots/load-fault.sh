#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: the module comes, and serves, while memory of the system is short.
# usage: load-fault.sh [PARAMETERS...]
#   PARAMETERS  of insmod, each in turn: it comes with these alone. None: it finds its regions
#               in the device tree, and serves.

. /usr/lib/memmgr/boots/verdict.sh

# A test that skips has seen nothing.
whole() {
	run_on "$1" memmgr && ! grep -i '# skip' $out
}

echo "KTAP version 1"
insmod /lib/modules/memmgr_importer.ko || exit 1
if [ $# != 0 ]; then
	for parameters; do
		# Nothing but a device of the device tree can be bound.
		LOAD_PARAMETERS=$parameters run_on load_fault memmgr &&
			[ "$(grep -ci '# skip' $out)" = 1 ] && grep -qi '# skip no region of the device tree' $out
		verdict $? "load_fault_${parameters%% heaps=*}"
	done
	rmmod memmgr_importer
	all_judged
fi
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
