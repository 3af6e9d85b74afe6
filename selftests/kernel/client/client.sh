#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Tests the in-kernel interface with the example client: its own tests, and from
# outside what holding heaps means. Prints KTAP.

set -u

modules=${MODULES:-/lib/modules}
heaps="frames:pool:object=4K,count=64;objects:slab:object=192"
heaps="$heaps;scratch:stack:bytes=64K"
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
unused() { [ "$(stat frames kernel_live)$(stat objects kernel_live)$(stat scratch kernel_live)" = 000 ]; }
sound() {
	for heap in main frames objects scratch; do
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

echo "KTAP version 1"
# shellcheck disable=SC2086 # two words
insmod "$modules/memmgr.ko" $region "heaps=$heaps" || exit 1
memctl alloc 20K --tag of-a-user >/dev/null || exit 1

refuse unknown_heap_refused "$missing" insmod "$modules/memmgr_client.ko" pool=nowhere
refuse wrong_kind_refused "Invalid argument" insmod "$modules/memmgr_client.ko" pool=objects
try load insmod "$modules/memmgr_client.ko"

answer=$(mktemp)
cat $run >"$answer"
verdict $? own_tests_ran
own_tests "$answer"
planned=$(sed -n 's/^1\.\.//p' "$answer")
[ "$(grep -cE '^(not )?ok ' "$answer")" = "$planned" ]
verdict $? own_tests_complete
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
