#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: sharing and protection where the kernel watches closest, on a
# region without struct pages and on one with them. vgem and brd are not needed.

. /usr/lib/memmgr/boots/verdict.sh

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
insmod /lib/modules/memmgr_importer.ko || exit 1
for device in memmgr memmgr1; do
	for program in importer dmabuf dma_heap pages protect protect_race violation; do
		run_on $program $device
		verdict $? ${program}_$device
	done
done
rmmod memmgr_importer
rmmod memmgr
verdict $? unload
all_judged
