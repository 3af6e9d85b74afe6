# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command pin: an allocation stays pinned as long as the command runs,
# and no longer, whatever ends the command.

# shellcheck disable=SC2016 # for the command's shell
test_pin() {
	m alloc 8K --tag a >/dev/null
	m alloc 12K --tag b >/dev/null
	prints '8192 12288' m pin b -- sh -c 'echo $MEMMGR_OFFSET $MEMMGR_SIZE'
	fails 3 three m pin b -- sh -c 'echo three >&2; exit 3'
	fails 143 killed m pin b -- sh -c 'echo killed >&2; kill $$'
	fails 127 'cannot be run' m pin b -- /nonexistent
	says '.allocations[1] | [.pins, .leased, .movable]' '[1,true,false]' \
		m pin b --lease -- "$out/memctl" list --json
	fails 1 'is pinned by another program' m pin b -- "$out/memctl" free b
	says '.allocations[1] | [.pins, .movable]' '[0,true]' m list --json
	fails 2 'HANDLE or TAG is missing' m pin
	fails 2 "did you mean 'pin'" m unpin b
	fails 1 "no allocation with the tag 'c'" m pin c
}

# Without a command: until the pipe ends, or, with /dev/null, a signal comes.
test_pin_holds() {
	local rc=0
	m alloc 8K --tag a >/dev/null
	mkfifo "$work/pipe"
	m pin a --lease <"$work/pipe" >"$work/pinned" 2>"$work/stderr" &
	exec 7>"$work/pipe"
	echo text >&7
	wait_for 'until standard input ends' "$work/stderr"
	prints 'yes' m list
	says '.allocations[0].pins' 1 m list --json
	exec 7>&-
	wait $!
	grep -q '^0x' "$work/pinned"
	grep -q '0 page faults' "$work/stderr"
	says '.allocations[0].pins' 0 m list --json
	m_exec pin a </dev/null >"$work/pinned" 2>"$work/stderr" &
	wait_for 'until a signal' "$work/stderr"
	kill -TERM $!
	wait_end $! || rc=$?
	[ "$rc" = 0 ]
	says '.allocations[0].pins' 0 m list --json
}

# In the background of a terminal it is not stopped for reading from there.
test_pin_background() {
	m alloc 8K --tag a >/dev/null
	cat >"$work/run" <<-EOT
		set -m
		export MEMMGR_DEVICE=$work/region ASAN_OPTIONS=detect_leaks=0
		LD_PRELOAD='$asan $out/fake_memmgr.so' $out/memctl pin a 2>$work/stderr &
		pid=\$!
		until grep -q 'until a signal' $work/stderr; do sleep 0.1; done
		sleep 1
		sed -n 's/^State:[[:space:]]*//p' /proc/\$pid/status >$work/state
		kill -TERM \$pid
		wait \$pid
		echo \$? >$work/rc
		! kill -KILL \$pid 2>/dev/null
	EOT
	echo line | timeout --foreground -k 10 60 env --default-signal script -qec "bash $work/run" /dev/null
	[ -s "$work/state" ]
	lacks stopped "$work/state"
	[ "$(cat "$work/rc")" = 0 ]
}
