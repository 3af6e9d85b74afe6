# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: selftests/traces/README.md, the format of traces, and memctl(1), command replay:
# the number of a wrong line is in the message.

test_trace_bad() {
	bad_trace 'line 2: id 1 is freed but not live' 'a 0 5\nf 1\n'
	bad_trace 'line 1: id 0 is resized but not live' 'r 0 5\n'
	bad_trace 'line 2: id 0 is live already' 'a 0 5\na 0 5\n'
	bad_trace "line 1: size '-5'" 'a 0 -5\n'
	bad_trace 'line 1: size 4294967297 is out of range' 'a 0 4294967297\n'
	bad_trace 'line 1: size 99999999999999999999 is out of range' 'a 0 99999999999999999999\n'
	bad_trace 'line 1: id 2147483648 is out of range' 'a 2147483648 1\n'
	bad_trace 'line 1: alignment 24 is not a power of two' 'a 0 1 24\n'
	bad_trace 'line 1: wrong number of words' 'a 0\n'
	bad_trace 'line 1: wrong number of words' 'f 0 1\n'
	bad_trace "line 3: 'x' is not an event" 'a 0 1\n\nx 0\n'
	bad_trace 'line 1: the format is not version 1' '# memmgr-trace 2\n'
	bad_trace 'line 1: no text' 'a 0 1\0 \n'
	bad_trace 'it has no events' '# memmgr-trace 1\n'
	fails 1 'No such file' m replay "$work/none"
	printf 'a 0 1\nf 0\n' | gzip -c | head -c 24 >"$work/trace"
	fails 1 'truncated gzip data' m replay "$work/trace"
}

test_replay() {
	local trace=$work/trace.gz
	printf '# memmgr-trace 1\na 0 100 0 t\nalloc 1 200 64\nf 0\nr 1 4000\nresize 1 50\n\na 9 3000000\n' |
		gzip >"$trace"
	says '.runs | length' 5 m replay --json "$trace"
	says '.trace.peak_bytes' 3000050 m replay --json "$trace"
	says '[.runs[].kind]' '["slab","stack"]' m replay --json --kind stack,slab "$trace"
	# The aligned one and the large one are no match for a class.
	says '.runs[0].passed_on' 2 m replay --json -k pool "$trace"
	says '.runs[0].refused_frees' 1 m replay --json -k stack "$trace"
	says '.runs[0].kept_most' 104 m replay --json -k stack "$trace"
	says '.runs[0].failed' 1 m replay --json -k buddy --size 64K "$trace"
	says '.runs[0].events' 2 m replay --json -k buddy --limit 2 "$trace"
	says '.runs[0].kind' main m replay --json --heap main "$trace"
	says '.runs[0].damaged' 0 m replay --json --verify -k slab "$trace"
	prints 'nothing is allocated' m list
	says '.heaps | length' 1 m heap list --json
}

# Wherever a gzip ends too soon, that is what is said, and no part of a line is taken for one.
test_trace_cut() {
	local size at rc
	printf 'a 1 24000\na 2 36000\nf 1\na 3 45000\nf 2\nf 3\n' | gzip >"$work/whole"
	size=$(stat -c %s "$work/whole")
	# A single byte is no gzip yet.
	for ((at = 2; at < size; at++)); do
		head -c "$at" "$work/whole" >"$work/trace"
		fails 1 'trace: it ends in the middle: truncated gzip data' m report "$work/trace"
		rc=0
		m replay --json --kind buddy --limit 1 "$work/trace" >"$work/stdout" \
			2>"$work/stderr" </dev/null || rc=$?
		[ "$rc" != 0 ] || [ "$(jq .trace.peak_bytes "$work/stdout")" = 24000 ] ||
			{ echo "cut at $at:"; cat "$work/stdout"; return 1; }
		[ "$rc" = 0 ] || grep -q 'truncated gzip data' "$work/stderr" ||
			{ echo "cut at $at:"; cat "$work/stderr"; return 1; }
	done
	# Its last line lacks a newline, and nothing else.
	printf 'a 1 24\na 2 36' | gzip >"$work/trace"
	says .trace.peak_bytes 60 m replay --json --kind buddy "$work/trace"
	printf 'a 1 24\nx' | gzip >"$work/trace"
	fails 1 "line 2: 'x' is not an event" m report "$work/trace"
}

# What a trace, or its name, has for a terminal does not reach it.
test_trace_clean() {
	local name=$work/$'name\033]0;owned\a' command
	printf '\033]0;owned\a 1 2\n' >"$name"
	for command in replay report; do
		fails 1 "line 1: '?]0;owned?' is not an event" m "$command" "$name"
		no_controls "$work/stderr"
	done
	printf 'a 1 2 0 \033]0;a-tag-that-is-longer-than-one-may-be\a\n' >"$name"
	fails 1 "tag '?]0;a-tag" m replay "$name"
	no_controls "$work/stderr"
	printf '# program: \033]0;owned\a\na 1 2\n' >"$name"
	for command in replay report; do
		LC_ALL=C prints '?]0;owned?' m "$command" "$name"
		no_controls "$work/stdout"
	done
}

# A request of no bytes is one of a byte, as malloc(0) is.
test_replay_zero() {
	printf 'a 0 0\na 1 5\nr 1 0\nf 1\nf 0\n' >"$work/trace"
	says '[.trace.zeros,.trace.peak_bytes]' '[2,6]' m replay --json "$work/trace"
	says '[.runs[].failed]' '[0,0,0,0,0]' m replay --json "$work/trace"
	prints '2 of them ask for 0 bytes' m replay "$work/trace"
}

# What is aligned is in main and moves within it, where the classes have no room for it.
test_replay_aligned() {
	local kind
	printf '%s\n' 'a 9 6000' 'a 1 24 64' 'a 2 24 64' 'r 1 5000' 'f 1' >"$work/trace"
	for kind in pool slab; do
		says '.runs[0] | [.failed,.moved,.passed_on,.heaps]' '[0,1,3,1]' \
			m replay --json -k "$kind" "$work/trace"
	done
}

test_replay_damage() {
	printf 'a 0 100\na 1 3\nf 1\nr 0 120\nf 0\n' >"$work/trace"
	says '[.runs[].damaged]' '[0,0,0,0,0]' m replay --json --verify "$work/trace"
	FAKE_DAMAGE=1 fails 1 'did not keep their contents' m replay --verify "$work/trace"
}

test_replay_recorded() {
	says '[.runs[].failed]' '[0,0,0]' \
		m replay --json -k buddy,slab,pool --limit 3000 "$top/selftests/traces/git.trace.gz"
}

test_interrupt() {
	local command
	for command in "replay --heap main $top/selftests/traces/git.trace.gz" 'alloc 1 --count 200'; do
		# shellcheck disable=SC2086 # words
		FAKE_INTERRUPT=100 fails 130 'made' m $command
		[ ! -s "$work/stdout" ]
		prints 'nothing is allocated' m list
	done
	says '.heaps[0].allocs' 200 m --json stats
}
