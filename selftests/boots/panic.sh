#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest, which has to panic near the end.

. /usr/lib/memmgr/boots/verdict.sh

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko panic_on_corruption=1 || exit 1
# It runs over the end where nobody looks.
camera >/dev/null && memctl check >/dev/null
verdict $? not_looked_for
memctl debug main --red-zones --poison >/dev/null
verdict $? debug
memctl alloc 20K --tag right >/dev/null && memctl free right >/dev/null && memctl check >/dev/null
verdict $? no_error
# Users' calls that are refused damage nothing.
run_on room memmgr
verdict $? refused_calls
memctl debug main --red-zones --poison >/dev/null
echo "1..$number"
sleep 1
camera
verdict 1 still_here
exit 1
