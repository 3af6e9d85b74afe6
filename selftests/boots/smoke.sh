#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: the shortest way through all of it, and nothing left behind.

number=0
bad=0
# check NAME COMMAND...
check() {
	name=$1
	shift
	number=$((number + 1))
	if "$@" >/tmp/smoke.out 2>&1; then
		echo "ok $number $name"
	else
		sed 's/^/# /' /tmp/smoke.out
		echo "not ok $number $name"
		bad=1
	fi
}

nothing_left() {
	! ls /dev/memmgr* /sys/kernel/debug/memmgr && ! grep memmgr /proc/iomem
}

echo "KTAP version 1"
echo "1..10"
check insmod insmod /lib/modules/memmgr.ko
check device test -c /dev/memmgr
check reserved grep -i '^ *50000000-53ffffff : memmgr' /proc/iomem
check debugfs ls /sys/kernel/debug/memmgr/memmgr/summary
check info memctl info
check device_tree_heaps sh -c '
	for heap in main frames objects scratch small; do
		memctl heap list | grep -w $heap || exit 1
	done'
check alloc memctl alloc 20K --tag smoke
check free memctl free smoke
check rmmod rmmod memmgr
check nothing_left nothing_left
exit $bad
