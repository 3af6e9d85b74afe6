#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: loads the module, then the test collection: all of it, the
# tests named, or all but the tests named after -x.
# usage: kselftest.sh [-x] [TEST...]

collection=${COLLECTION:-/usr/lib/memmgr/selftests}
list=
if [ "$1" = -x ]; then
	shift
	for test; do
		sed -i "/^memmgr:$test\$/d" $collection/kselftest-list.txt
	done
else
	for test; do
		list="$list -t memmgr:$test"
	done
fi

# busybox's timeout lacks an option that kselftest's runner needs; without one the
# tests have their own limits, and the boot has one.
rm -f /usr/bin/timeout

# A debug kernel is many times slower.
case $KERNEL in
*debug) export STRESS_OPS=300 ;;
esac

# shellcheck disable=SC2086 # words
insmod /lib/modules/memmgr.ko $MEMMGR_PARAMETERS || exit 1
# shellcheck disable=SC2086 # a list of options
$collection/run_kselftest.sh $list
