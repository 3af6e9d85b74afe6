#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: loads the module, then the test collection: all of it, the tests
# named, those about moves, or those that have no boot of their own.
# usage: [CALLER=1] kselftest.sh [TEST...|moves|rest]
#   CALLER=1  loads memmgr_caller.ko too, by which the tests call the functions for drivers

collection=${COLLECTION:-/usr/lib/memmgr/selftests}
moves="compact_live_writers compact_checkerboard compact_explained compact_ranges compact_steps
	compact_slabs compact_refused compact_on_failure compact_interrupted"
apart="isolation fuzz_device corruption_guard corruption_kernel corruption_oops bulk $moves
	regions.sh params.sh beyond.sh"
list=
if [ "$1" = rest ]; then
	for test in $apart; do
		sed -i "/^memmgr:$test\$/d" $collection/kselftest-list.txt
	done
	# Where a debugging feature was once on, allocations of a batch are made one by one.
	sed -i -e '/^memmgr:batch$/d' -e '/^memmgr:wait$/d' \
		-e '1i memmgr:batch' -e '1i memmgr:wait' $collection/kselftest-list.txt
else
	# shellcheck disable=SC2086 # words
	[ "$1" != moves ] || set -- $moves
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
[ -z "$CALLER" ] || insmod /lib/modules/memmgr_caller.ko || exit 1
# kselftest's runner ends with 0, whatever its tests say.
# shellcheck disable=SC2086 # a list of options
$collection/run_kselftest.sh $list |
	awk '{ print; fflush() } /^ok / { good = 1 } /^not ok / { bad = 1 } END { exit bad || !good }'
