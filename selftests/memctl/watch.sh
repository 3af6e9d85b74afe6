# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), commands health and watch: watch prints events as they come, and a
# signal ends each wait.

test_health() {
	prints 'compacts itself        no' m health
	says '.health | [.on, .compact_above, .warn_above, .hysteresis, .cpu]' '[false,300,900,50,100]' \
		m health --json
	says '.health | [.on, .compact_above, .warn_above, .hysteresis, .cpu]' '[true,255,800,20,1000]' \
		m --json health --on --compact-above 25.5% --warn-above .8 --hysteresis 0.02 --cpu 1
	says '.health | [.on, .cpu]' '[false,30]' m --json health --off --cpu 3%
	prints 'good' m health
	m alloc 40M >/dev/null
	prints 'low on memory' m health
	prints 'compacted above      25.5%' m health --on
	prints 'above 25.5% (memctl health)' m info
	fails 1 'refuses these thresholds' m health --cpu 0
	local share
	for share in '' 30 1.1 -0.5 0.3333 12.55% 101% x 0.5x . % 99999999999; do
		fails 2 '' m health --cpu "$share"
	done
	fails 2 'is no share' m health --cpu 30
	fails 2 'not both' m health --on --off
	fails 2 'one word too many' m health 30%
}

# shellcheck disable=SC2016 # for the command's shell
test_watch() {
	export FAKE_EVENTS='1:912:900:5242880 3:450:300:1048576 0:7:0:0 5:8192:0:65536 9:1:2:3 6:5:0:4096'
	prints 'low             main: usage 91.2% rose above 90.0%, 5 MiB free' m watch --count 1
	prints 'main: 8 KiB moved, the largest free run is 64 KiB' m watch --count 3
	prints 'memmgr: 7 events were lost' m watch --count 3
	prints 'kind 9, value 1, limit 2, bytes 3' m watch --count 4
	m watch --json --count 4 >"$work/stdout"
	[ "$(wc -l <"$work/stdout")" = 5 ]
	[ "$(jq -r .event.kind "$work/stdout" | paste -sd' ')" = \
		'low fragmented lost compacted unknown' ]
	m watch --kind compacted --count 1 >"$work/stdout"
	[ "$(awk '{ print $3 }' "$work/stdout" | paste -sd' ')" = 'lost compacted' ]
	prints 'low 912 900 5242880 main memmgr 1' m watch --count 1 --exec \
		'echo $MEMMGR_EVENT $MEMMGR_VALUE $MEMMGR_LIMIT $MEMMGR_BYTES $MEMMGR_HEAP $MEMMGR_REGION $MEMMGR_SEQ'
	m watch --count 2 --exec 'exit 5' >"$work/stdout" 2>"$work/stderr"
	[ "$(grep -c 'exit code 5' "$work/stderr")" = 2 ]
	fails 1 '5 of 9 events came in 1 s' m watch --count 9 --timeout 1
	prints 'low' m watch --timeout 1
	fails 1 '1 of 4 events came in 1 s' m watch --count 4 --timeout 1 --exec 'sleep 1.1'
	prints 'closed with 5 allocations, 4 KiB, not freed' m watch --count 5
	fails 2 'unknown; give one of low, not-low, fragmented, not-fragmented, compacted, leak, corruption' \
		m watch --kind lost
	fails 2 'unknown; give one of low' m watch --kind lost
	fails 2 'is empty' m watch --kind ,
	fails 2 'one word too many' m watch true
}

# shellcheck disable=SC2016 # for the command's shell
test_watch_errors() {
	export FAKE_EVENTS='7:1:0:5 7:9:0:4 6:5:0:4096 7:2:0:0'
	export FAKE_ERRORS='2:3:5:100:0:0:0:- 4:0:0:0:0:0:0:u'
	m watch --kind corruption --count 3 >"$work/stdout"
	grep -qF 'corruption      main: out of bounds behind an allocation: 5 bytes written, the first of them 3 bytes past the end of an allocation of 100 bytes in heap main; see memctl errors, #1' "$work/stdout"
	grep -qF 'main: memory error #9, 4 bytes damaged; see memctl errors as root' "$work/stdout"
	grep -qF 'main: double free: handle 0x100000003 was to be freed, and had been before; see memctl errors, #2' "$work/stdout"
	prints 'corruption 1 0 5 main' m watch --count 1 --exec \
		'echo $MEMMGR_EVENT $MEMMGR_VALUE $MEMMGR_LIMIT $MEMMGR_BYTES $MEMMGR_HEAP'
	m watch --json --count 1 >"$work/stdout"
	[ "$(jq -c '.event | [.kind, .value, .bytes, .heap]' "$work/stdout")" = '["corruption",1,5,"main"]' ]
	FAKE_NO_DEBUG=1 prints 'memory error #1, 5 bytes damaged' m watch --count 1
}

test_watch_interrupted() {
	local rc=0
	m_exec watch >"$work/stdout" 2>"$work/stderr" &
	# A shell has its background jobs ignore SIGINT, but a handler is set anew.
	until_caught INT $!
	kill -INT $!
	wait_end $! || rc=$?
	[ "$rc" = 130 ] && [ ! -s "$work/stderr" ]
}

# A signal that comes after the last look and before the wait is none that was lost.
test_waits_interrupted() {
	local signal code
	m alloc 8K --tag a >/dev/null
	for signal in 2 15 1; do
		FAKE_BEFORE_WAIT="1 $signal" fails $((128 + signal)) '' m watch
		[ ! -s "$work/stderr" ]
		FAKE_BEFORE_WAIT="1 $signal" fails 0 'until a signal' m pin a
		FAKE_BEFORE_WAIT="1 $signal" fails $((128 + signal)) interrupted m alloc 40M --count 2 --wait
		FAKE_BEFORE_WAIT="2 $signal" fails $((128 + signal)) '' m report --for 600 --interval 0.1 --json
		[ "$(jq '.report.usage | length' "$work/stdout")" = 2 ]
		code=0
		FAKE_BEFORE_WAIT="1 $signal" terminal xterm 'top --delay 33' </dev/null || code=$?
		[ "$code" = $((128 + signal)) ]
	done
	says '.allocations | length' 1 m list --json
}

# A signal of another kind ends no wait: Ctrl-Z and fg, another size of the terminal.
test_waits_go_on() {
	local signal
	for signal in CONT WINCH; do
		FAKE_BEFORE_WAIT="1 $(kill -l $signal)" fails 1 '0 of 1 events came in 1 s' \
			m watch --count 1 --timeout 1
		FAKE_BEFORE_WAIT="1 $(kill -l $signal)" says '.report.usage | length' 3 \
			m report --for 0.2 --interval 0.1 --json
	done
}

# shellcheck disable=SC2016 # for the command's shell
test_watch_exec_interrupted() {
	local rc signal
	export FAKE_EVENTS='1:912:900:5242880'
	for signal in INT TERM HUP; do
		rc=0
		m_exec watch --exec 'trap "echo told; exit 0" INT TERM HUP; echo runs; while :; do sleep 0.1; done' \
			>"$work/ran" 2>"$work/stderr" </dev/null &
		wait_for runs "$work/ran"
		kill -"$signal" $!
		wait_end $! || rc=$?
		ended_as "$rc" $((128 + $(kill -l "$signal"))) told
		rm "$work/ran"
	done
	# What nohup has ignored stays ignored, for the command too.
	rc=0
	(trap "" HUP; m_exec watch --count 1 --exec 'kill -HUP $PPID; kill -HUP $$; echo stays') \
		>"$work/ran" 2>"$work/stderr" || rc=$?
	ended_as "$rc" 0 stays
}
