# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command top: the screen, its keys and signals, and the output without
# a terminal.

test_top_batch() {
	three_owners
	fails 1 'too-large' m --json alloc 1G
	m top -n 2 --delay 0.1 >"$work/top"
	no_escapes "$work/top"
	[ "$(grep -c '^in use .* 50.0%' "$work/top")" = 2 ]
	grep -q '^so far .*1 failures' "$work/top"
	grep -q '^per second .*0 failures' "$work/top"
	grep -q '^health *good' "$work/top"
	grep -q '^last failure .*memctl: too-large, 1 GiB of main' "$work/top"
	[ "$(m top -n 1 --sort name | sed -n '/OWNER/,$ s/^. \([^ ]*\) .*/\1/p' | paste -sd ' ')" = \
		'OWNER a<&>b camera heap' ]
	prints "memmgr  48 MiB  by tag, sorted by pins" m top -n 1 --by tag --sort pins
	FAKE_OLD=1 m top -n 1 >"$work/top"
	grep -q '^health *not known' "$work/top"
	lacks 'MOVABLE|moves' "$work/top"
	fails 2 'is not a time' m top --delay 0
	fails 2 'is not a time' m top --delay 1,5
	fails 2 'is not a time' m top --delay nan
	fails 2 'unknown; give one of bytes' m top --sort size
	# It is no terminal: frames until nobody reads them.
	{ m top --delay 0.1 || true; } | head -n 1 | grep -q '^memmgr'
}

test_top_json() {
	three_owners
	says '.top.used / 1048576' 24 m top --json -n 1
	says '[.top.owners[].count]' '[2,2,0]' m top --json -n 1
	says '.top.per_second.allocs, .top.health.low' $'null\nfalse' m top --json -n 1
	FAKE_OLD=1 says '.top.health' null m top --json -n 1
	m top --json -n 2 --delay 0.1 >"$work/top"
	[ "$(wc -l <"$work/top")" = 2 ]
	[ "$(sed -n 2p "$work/top" | jq '.top.per_second.allocs == 0')" = true ]
}

test_top_screen() {
	three_owners
	(sleep 1; printf c; sleep 0.5; printf q) | terminal xterm 'top --delay 0.2'
	cmp "$work/stty.before" "$work/stty.after"
	grep -q 'count' "$work/screen"
	# It took another screen and gave it back.
	grep -q $'\033\\[?1049h' "$work/screen"
	grep -q $'\033\\[?1049l' "$work/screen"
	(sleep 1; printf q) | terminal vt100 top
	! terminal nonsense top </dev/null || return 1
	grep -q "the terminal 'nonsense' is not known" "$work/screen"
}

# A window of another size is drawn anew. The last letter of a key that memctl does not
# know is no key by itself.
test_top_keys() {
	local pid
	three_owners
	(
		until pid=$(pgrep -f "^$out/memctl top --delay 34"); do sleep 0.1; done
		until grep -qs "in use" "$work/screen"; do sleep 0.1; done
		printf '\033[15n'
		stty rows 40 cols 120 <"/proc/$pid/fd/0"
		until grep -q $'\033\\[40;1H' "$work/screen"; do sleep 0.1; done
		printf q
	) | terminal xterm 'top --delay 34'
	cmp "$work/stty.before" "$work/stty.after"
	lacks 'sorted by name' "$work/screen"
}

test_top_signals() {
	local signal pid
	three_owners
	for signal in TERM:143 INT:130 HUP:129 QUIT:131; do
		(
			until pid=$(pgrep -f "^$out/memctl top --delay 33"); do sleep 0.1; done
			until grep -qs "in use" "$work/screen"; do sleep 0.1; done
			kill -s "${signal%:*}" "$pid"
			sleep 1
		) | { terminal xterm 'top --delay 33' || echo $? >"$work/code"; }
		cmp "$work/stty.before" "$work/stty.after"
		[ "$(cat "$work/code")" = "${signal#*:}" ]
		grep -q $'\033\\[?1049l' "$work/screen"
		rm "$work/screen" "$work/code"
	done
}
