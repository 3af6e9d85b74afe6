# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), commands frag and defrag: they compact a region, or say why no more
# can be gained.

test_explain() {
	prints 'A request for 48 MiB in heap' m frag --explain 48M
	prints 'would succeed now.' m frag --explain 48M
	prints 'can never succeed' m frag --explain 1G
	checkerboard
	prints 'would fail now (fragmented):' m frag --explain 2M
	prints 'Moving 24 MiB in 24 blocks, at the least' m frag --explain 2M
	prints 'memctl defrag main --size 2M' m frag main --explain 2M
	prints 'ask for less: at most 1 MiB now' m frag --explain 2M
	prints "tag 'keep', made by pid" m frag --explain 2M
	says '.explanation | [.succeeds, .reason, .move.blocks, .in_the_way.run]' \
		'[false,"fragmented",24,3145728]' m --json frag --explain 2M
	says '.explanation.orders[8] | [.size, .runs, .aligned]' '[1048576,24,1048576]' \
		m --json frag --explain 2M
	prints 'only 24 MiB is free' m frag --explain 30M
	prints 'memctl list --heap main --sort size' m frag --explain 30M
	m heap create s --kind stack --size 64K >/dev/null
	fails 1 'only buddy and tlsf heaps can be explained' m frag s --explain 4K
	fails 2 'not about all' m frag all --explain 4K
	fails 2 'power of two' m frag --explain 4K,3
	fails 2 '--explain' m frag --explain 4K,
	fails 2 'at least 1 byte' m frag --explain 0
	fails 1 'memctl frag main --explain 2M,1M' m alloc 2M --align 1M
}

# Another program has a block in the middle pinned.
test_explain_pinned() {
	checkerboard
	m pin "$(sed -n 24p "$work/handles")" -- "$out/memctl" frag --explain 24M >"$work/stdout"
	cat "$work/stdout"
	grep -q 'would fail now (fragmented)' "$work/stdout"
	grep -q '^pinned *1M  not while somebody' "$work/stdout"
	grep -q 'end the pins on 1 MiB at offset 0x1700000: tag' "$work/stdout"
	grep -q 'ask for less: at most 1 MiB now, 12 MiB after memctl defrag' "$work/stdout"
}

test_defrag() {
	checkerboard
	m write "$(tail -n 1 "$work/handles")" 'still here' >/dev/null
	says '.compaction | [.dry_run, .moved, .moves, .before, .after]' \
		'[true,25165824,24,1048576,25165824]' m --json defrag --dry-run
	prints 'Nothing was moved' m defrag --dry-run
	says '.explanation.largest' 1048576 m --json frag --explain 2M
	# 24 calls of 1 MiB, of 16 steps each.
	says '.compaction | [.dry_run, .moved, .moves, .least, .ratio, .steps, .left, .before, .after]' \
		'[false,25165824,24,25165824,1000,384,0,1048576,25165824]' m --json defrag
	[ "$(m read "$(tail -n 1 "$work/handles")" --raw --length 10)" = 'still here' ]
	says '.allocations[5] | [.movable, .moves]' '[true,1]' m --json list
	says '.compaction | [.moved, .ratio]' '[0,null]' m --json defrag
	says '.compaction.longest_bytes' 0 m --json defrag --budget 4K
	says '.compaction.moved' 0 m --json defrag main --size 1M
	says '.compaction.moved' 0 m --json defrag --order 8 --align 1M
	fails 1 'no free run of 25 MiB can be made: heap' m defrag --size 25M
	fails 1 '"reason": "exhausted"' m defrag --size 25M --json
	says '.compaction | [.offset, .left]' '[null,0]' m --json defrag --range 4M,1M
	fails 1 "no range of heap 'main'" m defrag --range 48M,1M
}

test_defrag_pinned() {
	checkerboard
	m pin "$(sed -n 24p "$work/handles")" -- "$out/memctl" defrag >"$work/stdout" 2>"$work/stderr"
	grep -q 'In the way, and stayed' "$work/stdout"
	grep -q '^pinned *1M' "$work/stdout"
	[ ! -s "$work/stderr" ]
	fails 1 'has memory in the way that may not move' \
		m pin "$(sed -n 24p "$work/handles")" -- "$out/memctl" defrag --size 24M
}

test_defrag_usage() {
	fails 2 'one of --size, --order and --range' m defrag --size 1M --order 2
	fails 2 'one of --size, --order and --range' m defrag --size 1M --range 0,1M
	fails 2 'one of --size, --order and --range' m defrag --range 0,1M --size 1M
	fails 2 'goes with --size or --order' m defrag --align 1M
	fails 2 'has no size' m defrag --range 4M
	fails 2 'out of range' m defrag --order 32
	m heap create s --kind slab --object 64 >/dev/null
	m heap create p --kind pool --object 64 --count 4 >/dev/null
	fails 1 'is a slab heap' m defrag s --size 1M
	fails 1 'nothing moves in pools' m defrag p
	says '.compaction.heap' s m defrag s --json
}

# It ends although there is always as much left.
test_defrag_restless() {
	checkerboard
	FAKE_RESTLESS=1 says '.compaction | [.left > 0, .moves < 1000000]' '[true,true]' m --json defrag
}

test_defrag_interrupted() {
	local rc=0
	checkerboard
	FAKE_INTERRUPT=3 m defrag --json >"$work/stdout" || rc=$?
	[ "$rc" = 130 ]
	[ "$(jq -c '.compaction | [.interrupted, .moves, .left]' "$work/stdout")" = '[true,3,22020096]' ]
}

test_may_compact() {
	checkerboard
	fails 1 'is fragmented' m alloc 2M
	says '.allocations[0].offset' 25165824 m --json alloc 2M --may-compact
	fails 1 'is exhausted' m alloc 24M --may-compact
}
