#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: hostile programs on a region without struct pages and on one with
# them, by turns as programs of each width that the kernel runs.
# usage: fuzz.sh CALLS KILLS [SEED]      0: as many as the test itself makes

. /usr/lib/memmgr/boots/verdict.sh

selftests=/usr/lib/memmgr/selftests
[ "$1" = 0 ] || export FUZZ_CALLS="$1"
[ "$2" = 0 ] || export FUZZ_KILLS="$2"
[ -z "$3" ] || export SEED="$3"

# run WIDTH FOLDER DEVICE
run() {
	rc=0
	MEMMGR_DEVICE=/dev/$3 "$2/memmgr/fuzz_device" >$out 2>&1 || rc=$?
	sed 's/^/    /' $out
	verdict $rc "fuzz_$1_$3"
}

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
for device in memmgr memmgr1; do
	run own $selftests $device
	[ ! -x $selftests-armhf/memmgr/fuzz_device ] || run compat $selftests-armhf $device
done
rmmod memmgr
verdict $? unload
all_judged
