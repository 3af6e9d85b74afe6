# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command inject: the command takes its failures back, whatever ends it.

test_inject() {
	m heap create pool --kind pool --object 4K --count 8 >/dev/null
	says '.injections' '[]' m inject --json
	says '.injections[0].times' 0 m inject heap pool --json
	says '.injections[0] | [.skip, .every, .times]' '[1,1,1]' \
		m inject heap pool --skip 1 --times 1 --json
	says '.injections[0] | [.whom, .name, .skip]' '["heap","pool",1]' m inject --json
	m alloc 4K -H pool >/dev/null
	fails 1 'was told to let it fail' m alloc 4K -H pool
	m alloc 4K -H pool >/dev/null
	m alloc 4K >/dev/null
	says '.injections[0] | [.seen, .failed]' '[3,1]' m inject heap pool --json
	says '.heaps[1].failures | [.injected, .windows]' '[1,0]' m stats --json
	prints 'failed: injected' m stats pool
	prints 'no limit' m inject heap pool --chance 5%
	says '.injections[0] | [.chance, .seed, .times]' '[50,7,null]' \
		m inject heap pool --chance 0.05 --seed 7 --json
	prints off m inject heap pool --off
	says '.injections' '[]' m inject --json
	fails 2 'heap HEAP or client ID is missing' m inject --times 1
	fails 2 'the heap is missing' m inject heap --times 1
	fails 2 'is unknown; give one of heap, client' m inject user 5
	fails 2 'goes alone' m inject heap pool --off --times 1
	fails 2 'goes with --chance' m inject heap pool --seed 1
	fails 2 'lets nothing fail' m inject heap pool --chance 0
	fails 2 'out of range' m inject heap pool --times 0
	fails 2 'which requests shall fail' m inject heap pool -- true
	fails 2 'the command is missing after --' m inject heap pool --times 1 --
	fails 2 "'true' is one word too many" m inject heap pool true --times 1
	says '.injections' '[]' m inject --json
	fails 1 "there is no heap 'nowhere'" m inject heap nowhere --times 1
	fails 1 'there is no client 99' m inject client 99 --times 1
	fails 1 'there is no client me' m inject client me
}

# Whatever ends the command, or memctl, it is taken back.
# shellcheck disable=SC2016 # for the command's shell
test_inject_command() {
	local rc signal
	fails 7 "heap 'main': 1 of 2 requests failed on purpose" m inject heap main --times 1 -- \
		sh -c '"$@" alloc 4K; "$@" alloc 4K && exit 7' sh "$out/memctl"
	says '.injections[0].times' 0 m inject heap main --json
	fails 143 'on purpose' m inject heap main --times 1 -- sh -c 'kill $$'
	says '.injections[0].times' 0 m inject heap main --json
	fails 127 'cannot be run' m inject heap main --times 1 -- /nonexistent
	says '.injections[0].times' 0 m inject heap main --json
	for signal in INT:130 TERM:143 HUP:129; do
		# A shell's jobs in the background ignore SIGINT, and so would the command.
		(set -m; m_exec inject heap main --times 1 -- sh -c 'echo runs; exec sleep 60' \
			>"$work/ran" 2>"$work/stderr" </dev/null & echo $! >"$work/pid"; rc=0
			wait $! || rc=$?; echo $rc >"$work/rc") &
		wait_for runs "$work/ran"
		says '.injections[0].times' 1 m inject heap main --json
		kill -"${signal%:*}" "$(cat "$work/pid")"
		wait
		ended_as "$(cat "$work/rc")" "${signal#*:}" runs
		says '.injections[0].times' 0 m inject heap main --json
		rm "$work/ran"
	done
}
