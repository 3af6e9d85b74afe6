#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Tests the in-kernel interface with the example client: its own tests, and from
# outside what holding heaps means. Prints KTAP.

set -u

modules=${MODULES:-/lib/modules}
heaps="frames:pool:object=4K,count=64;objects:slab:object=192"
heaps="$heaps;scratch:stack:bytes=64K;pieces:tlsf:bytes=256K"
# The client asks for physical addresses: memory that the kernel was not given.
region="base=0x58000000 size=16M"
missing="No such file\|unknown symbol"	# what busybox makes of ENOENT
run=/sys/kernel/debug/memmgr_client/run

number=0
failed=0

# verdict RC NAME
verdict() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		failed=$((failed + 1))
	fi
}

# try NAME COMMAND...: the command must work; its output is shown when not.
try() {
	name=$1
	shift
	output=$("$@" 2>&1)
	rc=$?
	[ $rc = 0 ] || echo "$output" | sed 's/^/# /'
	verdict $rc "$name"
}

# refuse NAME TEXT COMMAND...: the command must fail and say TEXT.
refuse() {
	name=$1 text=$2
	shift 2
	output=$("$@" 2>&1)
	if [ $? = 0 ] || ! echo "$output" | grep -q "$text"; then
		echo "# not refused with '$text': $output"
		verdict 1 "$name"
	else
		verdict 0 "$name"
	fi
}

loaded() { [ -d "/sys/module/$1" ]; }
stat() { memctl --json stats "$1" | sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p" | head -n 1; }
unused() { [ "$(stat frames kernel_live)$(stat objects kernel_live)$(stat scratch kernel_live)$(stat pieces kernel_live)" = 0000 ]; }
sound() {
	for heap in main frames objects scratch pieces; do
		memctl check "$heap" || return 1
	done
}

# The client's own tests, renumbered.
own_tests() {
	while read -r result; do
		case $result in
		"ok "*) verdict 0 "${result#ok * }" ;;
		"not ok "*) verdict 1 "${result#not ok * }" ;;
		"#"*) echo "$result" ;;
		esac
	done <"$1"
}

# $1: what their names begin with.
run_own_tests() {
	answer=$(mktemp)
	cat $run | sed "s/^\(\(not \)*ok [0-9]*\) /\1 $1/" >"$answer"
	own_tests "$answer"
	planned=$(sed -n 's/^1\.\.//p' "$answer")
	[ "${planned:-0}" != 0 ] && [ "$(grep -cE '^(not )?ok ' "$answer")" = "$planned" ]
	verdict $? "${1}own_tests_complete"
	rm "$answer"
}

# Allocations of kernel code that are known, as "COUNT BYTES" of all of them.
known() {
	grep ' kernel ' /sys/kernel/debug/memmgr/*/sites |
		awk '{ n += $3; bytes += $4 } END { print n + 0, bytes + 0 }'
}
# The site of the example client's ring, which it holds all the time.
known_by_name() { memctl leaks main | grep -w memmgr_client; }
# Calls of a heap that were timed and did not fail: "ALLOCS FREES"; the same by its books.
timed() {
	memctl latency "$1" | awk '/^(alloc|free): [0-9]/ { n[$1] = $2 - $4 }
		END { print n["alloc:"] + 0, n["free:"] + 0 }'
}
booked() { echo "$(stat "$1" allocs) $(stat "$1" frees)"; }
# timed_as_booked HEAP "ALLOCS FREES": what the books said when it was turned on.
timed_as_booked() {
	echo "$2 $(booked "$1") $(timed "$1")"
	echo "$2 $(booked "$1") $(timed "$1")" |
		awk '{ exit !($5 && $3 - $1 == $5 && $4 - $2 == $6) }'
}
# The interrupt asks for frames, a work item gives them back, and nobody else does.
timed_in_interrupts() {
	memctl latency frames --reset && echo 8 >"${run%/*}/capture" && memctl latency frames
	memctl latency frames | grep "alloc took .* for .*memmgr_client\], in a hard interrupt, interrupts off, on" &&
		memctl latency frames | grep "free took .* by .*memmgr_client\] in kworker" &&
		grep "^frames .* alloc .* hardirq *irqs-off .* (interrupt) .*memmgr_client" \
			/sys/kernel/debug/memmgr/*/latency
}
traced() { grep -c "$1: .*$2" $tracing/trace; }
trace() { for event in alloc free; do echo "$1" >$tracing/events/memmgr/memmgr_$event/enable; done; }

# Once more, the long way: every heap tracked, and the calls traced.
watched_tests() {
	tracing=/sys/kernel/tracing
	[ -d $tracing/events ] || mount -t tracefs none $tracing 2>/dev/null
	rmmod memmgr_client
	try tracked_on memctl leaks --on
	insmod "$modules/memmgr_client.ko"
	try tracked_site_named known_by_name
	try timed_on memctl latency --on --reset
	frames_before=$(booked frames) objects_before=$(booked objects)
	before=$(known)
	traced=1
	[ ! -d $tracing/events/memmgr ] || traced=0
	[ $traced = 1 ] || { echo >$tracing/trace && trace 1; }
	run_own_tests watched.
	[ "$before" = "$(known)" ] || echo "# known before: $before; now: $(known)"
	[ "$before" = "$(known)" ]
	verdict $? tracked_none_left
	if [ $traced = 0 ]; then
		trace 0
		[ "$(traced memmgr_alloc 'caller=.*memmgr_client')" -gt 50 ] &&
			[ "$(traced memmgr_free 'caller=.*memmgr_client')" -gt 50 ]
		verdict $? traced_calls
	else
		number=$((number + 1))
		echo "ok $number traced_calls # SKIP this kernel has no tracing"
	fi
	try timed_each_of_a_pool timed_as_booked frames "$frames_before"
	try timed_each_of_a_slab timed_as_booked objects "$objects_before"
	try timed_caller_named sh -c 'memctl latency frames | grep "longest .*memmgr_client\]"'
	try timed_in_interrupts timed_in_interrupts
	try tracked_off memctl leaks --off
	try timed_off memctl latency --off
	[ "$(known)" = "0 0" ]
	verdict $? tracked_forgotten
	run_own_tests unwatched.
}

# And between red zones, poisoned and kept for a while: drivers do not see it.
debugged_tests() {
	rmmod memmgr_client
	try debugged_on memctl debug --red-zones --poison
	insmod "$modules/memmgr_client.ko"
	run_own_tests debugged.
	try debugged_sound sound
	try debugged_off memctl debug --off
}

# Flags that memmgr_alloc() does not know are warned of once: the boot case counts that.
[ ! -w /proc/sys/kernel/panic_on_warn ] || echo 0 >/proc/sys/kernel/panic_on_warn

echo "KTAP version 1"
# shellcheck disable=SC2086 # two words
insmod "$modules/memmgr.ko" $region "heaps=$heaps" || exit 1
memctl alloc 20K --tag of-a-user >/dev/null || exit 1

refuse unknown_heap_refused "$missing" insmod "$modules/memmgr_client.ko" pool=nowhere
refuse wrong_kind_refused "Invalid argument" insmod "$modules/memmgr_client.ko" pool=objects
# busybox tries a second time.
refuse injected_refused "memory" memctl inject heap main --every 1 -- \
	insmod "$modules/memmgr_client.ko"
try load insmod "$modules/memmgr_client.ko"

run_own_tests ""
watched_tests
debugged_tests

answer=$(mktemp)
# What the driver does when its interrupt gets no block, and nobody waits for one.
memctl inject heap frames --every 1 -- cat "$run" >"$answer" 2>&1
grep -q "^not ok .*wait_runs_out" "$answer"
verdict $? injected_is_not_waited_for
grep -q " of .* requests failed on purpose" "$answer"
verdict $? injected_hits_the_driver
cat "$run" >"$answer"
! grep "^not ok" "$answer"
verdict $? own_tests_afterwards
rm "$answer"

refuse held_heap_not_destroyed "busy\|use\|held\|live" memctl heap destroy frames
rmmod memmgr 2>/dev/null
loaded memmgr
verdict $? held_module_stays
try check_while_held sound
try users_allocation_intact memctl free of-a-user

try unload rmmod memmgr_client
try nothing_left_behind unused
try check_afterwards sound
try heap_destroyed_afterwards memctl heap destroy frames
refuse destroyed_heap_not_found "$missing" insmod "$modules/memmgr_client.ko"
try unload_memmgr rmmod memmgr

echo "1..$number"
[ $failed = 0 ]
