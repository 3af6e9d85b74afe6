# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command latency: histograms, the longest call, and switching both off.

# The fake takes a nanosecond for each byte, and half of that to free it.
test_latency() {
	prints 'nothing was measured yet' m latency
	says '.latency' '[]' m latency --json
	prints '1 heap is measured' m latency main --on
	prints 'alloc: no calls' m latency
	m alloc 100 --count 98 --tag small >/dev/null
	m alloc 5000 --tag large >/dev/null
	m alloc 1000000 --tag huge >/dev/null
	m free huge >/dev/null
	m latency >"$work/stdout"
	grep -q "^heap 'main', measured$" "$work/stdout"
	grep -q '^alloc: 100 calls, 0 failed; mean 10.1 us, min 100 ns, max 1.0 ms$' "$work/stdout"
	grep -qF 'at most: p50 127 ns, p99 8.2 us, p99.9 1.0 ms (the ends of rows)' "$work/stdout"
	grep -qE '^ +64 ns \.\. +98 #{50}$' "$work/stdout"
	grep -qE '^ +128 ns \.\. +0$' "$work/stdout"
	grep -qE '^ +4\.1 us \.\. +1 #$' "$work/stdout"
	[ "$(grep -cE '^ .* \.\. ' "$work/stdout")" = 15 ]
	grep -qE '^  The longest alloc took 1\.0 ms: 976\.5 KiB for memctl \(pid [0-9]+, thread [0-9]+, uid 0\), on CPU 3, [0-9]+s ago$' "$work/stdout"
	grep -q '^free: 1 call, 0 failed; mean 500.0 us, min 500.0 us, max 500.0 us$' "$work/stdout"
	grep -q '^  The longest free took 500.0 us: of 976.5 KiB by memctl ' "$work/stdout"
	says '.latency[0] | [.heap, .op, .on, .count, .failed, .mean_ns]' \
		'["main","alloc",true,100,0,10148]' m latency main --json
	says '.latency[0] | [.min_ns, .p50_ns, .p99_ns, .p999_ns, .max_ns]' \
		'[100,127,8191,1000000,1000000]' m latency --json
	says '.latency[0].buckets | map(select(.count > 0)) | map([.from_ns, .below_ns, .count])' \
		'[[64,128,98],[4096,8192,1],[524288,1048576,1]]' m latency --json
	says '.latency[0].buckets | [length, .[0].from_ns, .[31].below_ns]' '[32,0,null]' m latency --json
	says '.latency[0].longest | [.bytes, .context, .comm, .caller, .failed, .irqs_off]' \
		'[1000000,"process","memctl",null,false,false]' m latency --json
	says '.latency[1] | [.op, .count]' '["free",1]' m latency --json
}

test_latency_switching() {
	m heap create pool --kind pool --object 4K --count 8 >/dev/null
	prints '2 heaps are measured' m latency --on
	m alloc 4K --tag a >/dev/null
	m alloc 4K -H pool --tag b >/dev/null
	prints '0 heaps are measured' m latency pool --off
	m alloc 4K -H pool >/dev/null
	says '[.latency[] | .heap, .on, .count]' '["main",true,1,"main",true,0,"pool",false,1,"pool",false,0]' \
		m latency --json
	prints "heap 'pool', no longer measured" m latency pool
	prints 'what was measured is forgotten' m latency main --reset
	says '[.latency[].count]' '[0,0]' m latency main --json
	says '.latency[0] | [.min_ns, .p50_ns, .max_ns, .longest]' '[null,null,null,null]' m latency main --json
	says .measured_heaps 2 m latency --on --reset --json
	fails 2 'not both' m latency --on --off
	fails 2 'one word too many' m latency main pool
	fails 1 "there is no heap 'nowhere'" m latency nowhere
	fails 1 "there is no heap 'nowhere'" m latency nowhere -- true
	FAKE_OLD=1 fails 1 'does not know this call' m latency
}

# The longest, in every place that a call can come from.
test_latency_longest() {
	local context
	m latency --on >/dev/null
	longest() {
		m latency --reset >/dev/null
		FAKE_CONTEXT=$1 m alloc 4K >/dev/null
		prints "4 KiB for $2, on CPU 3" m latency
	}
	longest '20:probe+0x1c/0x80 [driver]' 'probe+0x1c/0x80 [driver], in a hard interrupt'
	says '.latency[0].longest | [.context, .caller, .irqs_off]' \
		'["hardirq","probe+0x1c/0x80 [driver]",false]' m latency --json
	longest '26:tasklet+0x1/0x2' 'tasklet+0x1/0x2, in a soft interrupt, interrupts off'
	m latency --reset >/dev/null
	FAKE_CONTEXT='17:probe+0x1c/0x80' m alloc 4K >/dev/null
	prints '4 KiB for probe+0x1c/0x80 in memctl (pid ' m latency
	m latency --reset >/dev/null
	FAKE_CONTEXT=64: m alloc 4K >/dev/null
	prints 'it was not yours; root is told whose' m latency
	says '.latency[0] | [.count, .longest]' '[1,null]' m latency --json
	m latency --reset >/dev/null
	fails 1 'memctl' m alloc 1G
	prints 's ago; it failed' m latency
	prints 'alloc: 1 call, 1 failed' m latency
}

# Whatever ends the command, it is off and was shown.
# shellcheck disable=SC2016 # for the command's shell
test_latency_command() {
	m latency main --on >/dev/null
	m alloc 4K >/dev/null
	local rc=0
	m latency main -- sh -c '"$@" alloc 8K; "$@" latency | grep -x "heap .main., measured" && exit 7' \
		sh "$out/memctl" >"$work/stdout" || rc=$?
	[ $rc = 7 ]
	grep -q "no longer measured" "$work/stdout"
	grep -q '^alloc: 1 call, 0 failed; mean 8.2 us' "$work/stdout"
	says '.latency[0] | [.on, .count]' '[false,1]' m latency --json
	rc=0
	m latency -- sh -c 'kill $$' || rc=$?
	[ $rc = 143 ]
	fails 127 'cannot be run' m latency -- /nonexistent
	says '.latency[0] | [.on, .count]' '[false,0]' m latency --json
	fails 2 'leave out --on' m latency --on -- true
	fails 2 'the command is missing' m latency main --
	(set -m; m_exec latency main -- sh -c 'trap "exit 9" TERM; echo runs; while :; do sleep 0.1; done' \
		>"$work/ran" 2>"$work/stderr" </dev/null & echo $! >"$work/pid"; rc=0
		wait $! || rc=$?; echo $rc >"$work/rc") &
	wait_for runs "$work/ran"
	says '.latency[0].on' true m latency main --json
	kill "$(cat "$work/pid")"
	wait
	ended_as "$(cat "$work/rc")" 9 runs
	says '.latency[0].on' false m latency main --json
}
