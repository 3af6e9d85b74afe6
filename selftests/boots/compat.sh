#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: the collection of programs of another width than the kernel's, all
# but those that have a boot of their own, and then those that steer kernel code.

export COLLECTION=/usr/lib/memmgr/selftests-armhf
. /usr/lib/memmgr/boots/verdict.sh

sh /usr/lib/memmgr/boots/kselftest.sh rest || bad=1

echo "KTAP version 1"
for module in memmgr_caller memmgr_importer; do
	insmod /lib/modules/$module.ko || exit 1
done
for test in corruption_guard corruption_kernel importer debugger; do
	run_on $test memmgr
	verdict $? ${test}_with_modules
done
# Nothing may pass by being skipped for lack of a module.
! grep '# SKIP no memmgr' $seen && [ "$(grep -c '^ok .*corruption_guard_beside$' $seen)" = 4 ]
verdict $? nothing_skipped
rmmod memmgr_importer memmgr_caller && rmmod memmgr
verdict $? unload
all_judged
