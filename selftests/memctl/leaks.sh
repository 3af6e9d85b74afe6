# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command leaks: owners, call sites, and allocations since a snapshot.

test_leaks() {
	prints 'nothing lives' m leaks
	prints 'no heap is tracked' m leaks
	prints '1 heap is tracked' m leaks --on
	by camera 1000 0 alloc 4K --count 3 --tag picture
	by sensor 1001 1 alloc 8K --tag rows
	m leaks --by tag >"$work/stdout"
	grep -qE '^ +3 +12K +[0-9]+[smh] .*picture$' "$work/stdout"
	m leaks --by owner --json >"$work/stdout"
	[ "$(jq -r '.leaks[0].where | split(" ")[0]' "$work/stdout")" = camera ]
	[ "$(jq -c '[.leaks[] | .count, .bytes]' "$work/stdout")" = '[3,12288,1,8192]' ]
	[ "$(m leaks --by size --json | jq -c '[.leaks[] | .where, .count]')" = '["4096",3,"8192",1]' ]
	prints 'nothing lives for that long' m leaks --older 1h --by tag
	fails 2 'is no time' m leaks --older 5x
	fails 2 'is no time' m leaks --older -1s
	fails 2 'unknown; give one of site' m leaks --by colour
	fails 2 'not both' m leaks --on --off
	fails 2 'one word too many' m leaks main main
	fails 1 'nowhere' m leaks nowhere
	FAKE_OLD=1 prints 'does not track sites' m leaks
}

test_leaks_sites() {
	local program=$work/program
	printf 'int leaky(void)\n{\n\treturn 0;\n}\n\nint main(void)\n{\n\treturn leaky();\n}\n' >"$work/program.c"
	gcc -O0 -g -o "$program" "$work/program.c"
	# Where the file has the function: its address less the segment's.
	local address offset
	address=$((16#$(nm "$program" | awk '$3 == "leaky" { print $1 }')))
	offset=$(readelf -lW "$program" | while read -r type from at _ bytes _; do
		[ "$type" != LOAD ] || ((address < at || address >= at + bytes)) || echo $((address - at + from))
	done)
	export FAKE_SITES="2:$((offset + 2)):$program 2:16:/no/such/file 1:0:probe+0x10/0x20 2:7:$work/program.c"
	for id in 1 2 3 4 9; do
		FAKE_SITE=$id m alloc 4K >/dev/null
	done
	m leaks >"$work/stdout"
	grep -q "leaky .*program.c:[12]" "$work/stdout"
	grep -qF '/no/such/file+0x10' "$work/stdout"
	grep -qF 'probe+0x10/0x20' "$work/stdout"
	# A file without symbols, and a site that nobody knows.
	grep -qF "$work/program.c+0x7" "$work/stdout"
	grep -qF '(unknown)' "$work/stdout"
	# What another put in its place is not opened: not a pipe, which would wait.
	rm "$program.c"
	mkfifo "$program.c"
	m leaks >"$work/stdout" &
	local left=200
	while kill -0 $! 2>/dev/null && ((left--)); do
		sleep 0.1
	done
	! kill $! 2>/dev/null || return 1
	grep -qF "$work/program.c+0x7" "$work/stdout"
	# Nor a file of somebody whom we have no reason to trust.
	[ "$(id -u)" = 0 ] || return 0
	chown 12345 "$program"
	m leaks >"$work/stdout"
	lacks leaky "$work/stdout"
	grep -qF "$program+0x" "$work/stdout"
	SUDO_UID=12345 m leaks >"$work/stdout"
	grep -q "leaky .*program.c:[12]" "$work/stdout"
}

test_leaks_snapshots() {
	m alloc 4K --tag kept >/dev/null
	m alloc 4K --tag gone >/dev/null
	prints "2 allocations written to $work/before" m leaks --snapshot "$work/before"
	m free gone >/dev/null
	m alloc 16K --count 3 --tag grown >/dev/null
	m leaks --by tag --diff "$work/before" >"$work/stdout"
	grep -q '^ *3 .*+3, +48 KiB  *grown$' "$work/stdout"
	grep -q '^ *1 .* -  *kept$' "$work/stdout"
	grep -q '^ *0 .*-1, -4 KiB  *gone$' "$work/stdout"
	[ "$(awk 'NR == 2 { print $NF }' "$work/stdout")" = grown ]
	m leaks --by tag --diff "$work/before" --json >"$work/stdout"
	[ "$(jq -c '[.leaks[] | .count - .count_before]' "$work/stdout")" = '[3,0,-1]' ]
	# What was young counts neither now nor then.
	says '.leaks' '[]' m leaks --by tag --older 1h --diff "$work/before" --json
	m leaks --snapshot - >"$work/stdout"
	jq -e .allocations "$work/stdout" >/dev/null
	fails 2 'only switch tracking' m leaks --on --snapshot "$work/before"
	head -c 200 "$work/before" >"$work/part"
	fails 1 'no snapshot of memctl leaks, or only a part' m leaks --diff "$work/part"
	echo '{}' >"$work/part"
	fails 1 'no snapshot' m leaks --diff "$work/part"
	sed 's/"bytes":4096/"bytes":"x"/' "$work/before" >"$work/part"
	fails 1 'no snapshot' m leaks --diff "$work/part"
	fails 1 'cannot read' m leaks --diff "$work/nowhere"
	fails 1 'cannot write' m leaks --snapshot "$work/nowhere/file"
	sed 's/"boot":"[^"]*"/"boot":"another"/' "$work/before" >"$work/part"
	fails 1 'before the machine was started' m leaks --diff "$work/part"
	# Of something else, or by another.
	fails 1 "$work/before is a snapshot of all heaps, and this is heap main; give the same HEAP" \
		m leaks main --diff "$work/before"
	m leaks main --snapshot "$work/main" >/dev/null
	prints kept m leaks main --by tag --diff "$work/main"
	fails 1 'is a snapshot of heap main, and this is all heaps' m leaks --diff "$work/main"
	sed 's/"region":"[^"]*"/"region":"other"/' "$work/before" >"$work/part"
	fails 1 'is a snapshot of region other, and this is region memmgr' m leaks --diff "$work/part"
	sed 's/"uid":[0-9]*/"uid":4711/' "$work/before" >"$work/part"
	fails 1 'was taken by user 4711' m leaks --diff "$work/part"
	sed 's/"uid":[0-9]*/"uid":"x"/' "$work/before" >"$work/part"
	fails 1 'no snapshot' m leaks --diff "$work/part"
}
