# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1) for all commands: options, sizes, exit codes, messages, JSON.

test_usage_codes() {
	fails 2 'COMMAND' m
	fails 2 "did you mean 'alloc'" m aloc
	fails 2 'memctl help' m xyzzy
	fails 2 'heap create' m heap
	fails 2 'unrecognized option' m info --nonsense
	fails 2 'SIZE is missing' m alloc
}

test_no_device() {
	fails 3 'insmod memmgr.ko' m -r /nonexistent info
	fails 3 'insmod memmgr.ko' m info --region=17
	fails 3 'no device of memmgr' m -r /dev/null info
	fails 3 '"remedy"' m -r nowhere --json info
}

test_help() {
	local name
	prints 'heap create' m help
	prints 'memctl' m --version
	for name in info 'heap list' 'heap create' 'heap destroy' 'heap mode' alloc free resize list read write \
		fill stats frag map check failures leaks demo replay defrag pin health watch top inject report \
		latency debug errors; do
		# shellcheck disable=SC2086 # two words
		prints "Usage: memctl $name" m help $name
		# shellcheck disable=SC2086
		prints "Usage: memctl $name" m $name --help
	done
}

test_sizes_in() {
	local pair
	for pair in 4096:4096 64K:65536 64k:65536 4MiB:4194304 4mib:4194304 0x1000:4096 100B:100 \
		'64 KiB:65536' 0x10K:16384 1M:1048576; do
		says '.allocations[0].bytes' "${pair#*:}" m --json alloc "${pair%:*}"
	done
}

test_sizes_bad() {
	local size
	for size in '' K 12Q 1.5M 0x 4KB 64KiBs ' 4' 4e3 +4; do
		fails 2 'SIZE: ' m alloc "$size"
	done
	fails 2 "'-5' is negative" m alloc -5
	fails 2 'is negative' m alloc -- -5
	fails 2 '--align: ' m alloc 5 --align -4
	fails 2 'too large' m alloc 99999999999999999999
	fails 2 'too large' m alloc 16777216T
	fails 2 'at least 1' m alloc 0
	fails 2 'power of two' m alloc 5 --align 3
	fails 2 'without a unit' m alloc 5 --count 4K
	fails 2 'out of range' m alloc 5 --count 0
	fails 2 'too long' m alloc 5 --tag 12345678901234567890123456789012
}

# Every command's JSON is JSON, with the command's name.
test_json() {
	local command
	for command in info 'heap list' list stats 'stats main' frag 'frag main' map check failures \
		defrag health; do
		# shellcheck disable=SC2086 # words
		says '.command' "${command% main}" m --json $command
		# shellcheck disable=SC2086
		says '.command' "${command% main}" m $command --json
	done
	says '.command' demo m demo --json buddy
}

# utf8_json FILTER VALUE FILE: it is JSON in UTF-8, as a strict reader has it, and says that.
utf8_json() {
	local file=$3
	iconv -f utf-8 -t utf-8 "$file" >/dev/null || { cat -v "$file"; return 1; }
	[ "$(jq -rc "$1" "$file")" = "$2" ] || { cat -v "$file"; return 1; }
}

# Files and heaps have names of any bytes; JSON has not.
test_json_utf8() {
	local command
	for command in report replay; do
		fails 1 'No such file' m "$command" --json $'no\xff'
		utf8_json .error.message 'no?: No such file or directory' "$work/stderr"
	done
	echo 'a 1 2' >"$work/"$'t\xff'
	m replay --json "$work/"$'t\xff' >"$work/stdout" </dev/null
	utf8_json .trace.file "$work/t?" "$work/stdout"
	# memctl makes no heap of such a name; other programs may.
	m heap create h-other --kind buddy --size 64K >/dev/null
	LC_ALL=C sed -i 's/h-other/h-\xffther/' "$work/region"
	fails 1 '"errno"' m alloc 60K --align 64K --count 2 --heap 1 --no-fallback --json
	utf8_json '[.error.heap, (.error.remedy | contains("--heap h-?ther"))]' '["h-?ther",true]' \
		"$work/stderr"
}

test_output_error() {
	local form full='No space left on device'
	m list >/dev/null
	(m help >/dev/full) 2>"$work/stderr" && return 1
	grep -q 'cannot write the result' "$work/stderr"
	# More than stdio keeps: the first of it fails before the end does.
	seq 1 1000 | awk '{ print "a", $1, 16 }' >"$work/trace"
	for form in '' --json --html=-; do
		# shellcheck disable=SC2086 # a word or none
		[ "$(m report $form "$work/trace" | wc -c)" -gt 4096 ]
		# shellcheck disable=SC2086
		(m report $form "$work/trace" >/dev/full) 2>"$work/stderr" && return 1
		cat "$work/stderr"
		[ "$(cat "$work/stderr")" = "memctl: cannot write the result: $full" ]
	done
}
