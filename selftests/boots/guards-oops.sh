#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: threads die of a guard page, in each kind of heap, twice.

. /usr/lib/memmgr/boots/verdict.sh

# How often the log has a line like this.
logged() { dmesg | grep -c "$1"; }

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
insmod /lib/modules/memmgr_caller.ko || exit 1
run_on corruption_oops memmgr
verdict $? corruption_oops
! grep SKIP $seen
verdict $? nothing_skipped
[ "$(logged 'memmgr: .*: access [0-9]* bytes past the end of an allocation of 100 bytes')" = 5 ]
verdict $? past_the_end_logged
[ "$(logged 'memmgr: .*: access 7 bytes into a freed allocation of 100 bytes')" = 5 ]
verdict $? after_free_logged
[ "$(logged 'memmgr: .*allocated by corruption_oops.* at caller_.*memmgr_caller')" = 10 ]
verdict $? maker_logged
[ "$(logged 'memmgr: .*freed by corruption_oops.* at caller_.*memmgr_caller')" = 5 ]
verdict $? freer_logged
rmmod memmgr_caller && rmmod memmgr
verdict $? unload
all_judged
