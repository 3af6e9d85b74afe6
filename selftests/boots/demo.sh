#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest of make run: each command is shown, then its output. The
# first one that fails ends the demonstration, and with it make run.
set -eu

show() {
	echo
	echo "# $*"
	"$@"
}

echo "An emulated board ($KERNEL), $(uname -sr), $(nproc) CPUs."
if [ -d /proc/device-tree ]; then
	echo "64 MiB at 0x50000000 are reserved in its device tree."
else
	echo "64 MiB at 0x50000000 are reserved by memmap= and given by base=."
fi
# shellcheck disable=SC2086 # words
show insmod /lib/modules/memmgr.ko $MEMMGR_PARAMETERS
dmesg | grep 'memmgr: ' | grep -v taint
show ls -l /dev/memmgr
show memctl info
show memctl heap list
show memctl heap create packets --kind pool --object 2K --count 512
show memctl alloc 300K --tag camera
show memctl alloc 64K --heap frames --tag display
show memctl list
echo
echo "A trace of a real program (every malloc and free of it), replayed on each allocator:"
show memctl replay /usr/share/memmgr/traces/bash.trace.gz
show memctl map
show memctl stats
show memctl frag main
show memctl check
show memctl free camera
show memctl free display
