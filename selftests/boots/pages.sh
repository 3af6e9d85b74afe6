#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: direct I/O into a region without struct pages and into one
# with them, and on the latter the tests of protection, which others run without.

. /usr/lib/memmgr/boots/verdict.sh

echo "KTAP version 1"
insmod /lib/modules/memmgr.ko || exit 1
# One region of each make, or the tests of one would all be skipped.
for device in memmgr memmgr1; do
	run_on pages $device
	verdict $? pages_$device
	! grep -q '^ok .*vmsplice_and' $out || paged=$device
done
for program in protect protect_race violation adversary_handles adversary_mappings \
	adversary_remains adversary_structures adversary_protection adversary_rights \
	adversary_quotas adversary_buffers adversary_races; do
	run_on $program "$paged"
	verdict $? ${program}_with_pages
done
grep -q '^ok .*efault_without' $seen && grep -q '^ok .*vmsplice_and' $seen &&
	[ "$(grep -c '^ok .*refused_by_a_write_under_way' $seen)" = 2 ] &&
	grep -q '^ok .*freed_while_exported' $seen &&
	[ "$(grep -c '^ok .*direct_io' $seen)" = 2 ]
verdict $? nothing_skipped_on_both
all_judged
