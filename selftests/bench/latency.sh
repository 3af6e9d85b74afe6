#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in a guest that counts instructions: how long each call keeps interrupts off,
# and a real-time thread from running.
# usage: latency.sh [CASE...]

set -eu

insmod /lib/modules/memmgr.ko base=0x58000000 size=64M max_allocations=65536 health=0 \
	user_max_pins=0 user_max_heaps=0
insmod /lib/modules/memmgr_bench.ko unit=insn
# Lines on the console are written with interrupts off.
dmesg -n 1
chmod 666 /dev/memmgr
/usr/lib/memmgr/selftests/latency "$@"
