# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command map: a picture of the region as text, in color and as SVG.

# The text of a map, without the offsets at its left.
cells() { LC_ALL=C m map --width 16 --rows 3 | sed -n 's/.*|\(.*\)|/\1/p' | paste -sd ' '; }

test_map() {
	local jq='.map.owners | map([.name, .kind, .bytes / 1048576, .fixed / 1048576, .pins])'
	three_owners
	[ "$(cells)" = 'CCCCCCaaaaaaaaaa aabbbBBB........ ................' ]
	says "$jq" '[["camera","program",12,0,0],["a<&>b","program",6,3,2],["heap frames","heap",6,6,0]]' \
		m map --json
	says '.map.cells | length' 48 m map --json -w 16 --rows 3
	says '[.map.cells[].used] | add / 1048576' 24 m map --json
	says '.map.cells[0] | [.heap, .owner, .fixed / 1048576]' '[1,2,1]' m map --json -w 16 --rows 3
	says '.map.owners | map(.name)' '["picture","heap frames","small","weights"]' m map --by tag --json
	prints 'TAG' m map --by tag
	fails 2 'unknown; give one of auto' m map --color sometimes
	fails 2 '--width times --rows' m map --width 512 --rows 128
	# What nobody lists is the kernel's, and is not there if it is nothing.
	m map >"$work/map"
	lacks kernel "$work/map"
}

# Where the module moves nothing, a capital tells that much is in use.
test_map_old() {
	three_owners
	m alloc 40K >/dev/null
	[ "$(FAKE_OLD=1 cells)" = 'CCCCCCAAAAAAAAAA AABBBBBBd....... ................' ]
	FAKE_OLD=1 m map >"$work/map"
	grep -q BYTES "$work/map"
	lacks 'MOVABLE|may move' "$work/map"
}

test_map_color() {
	local jq='.map.cells | length'
	three_owners
	NO_COLOR='' TERM=xterm-256color m map >"$work/map"
	no_escapes "$work/map"
	NO_COLOR=1 TERM=xterm-256color m map --color always >"$work/map"
	grep -q $'\033\\[0;30;48;5;' "$work/map"
	TERM=linux COLORTERM='' m map --color always >"$work/map"
	grep -q $'\033\\[0;30;4[0-9]m' "$work/map"
	terminal xterm 'map' </dev/null
	grep -q $'\033\\[0;' "$work/screen"
	NO_COLOR=1 terminal xterm 'map' </dev/null
	no_escapes "$work/screen"
	terminal xterm 'map --color never' </dev/null
	no_escapes "$work/screen"
	says "$jq" 512 m map --json
}

test_map_svg() {
	three_owners
	m map --svg "$work/map.svg"
	m map --svg - | cmp - "$work/map.svg"
	grep -q '^<svg xmlns=' "$work/map.svg"
	tail -n 1 "$work/map.svg" | grep -q '^</svg>$'
	grep -q 'a&#60;&#38;&#62;b (uid 1001)' "$work/map.svg"
	lacks 'a<&' "$work/map.svg"
	! command -v xmllint >/dev/null || xmllint --noout "$work/map.svg"
	fails 1 'No such file' m map --svg "$work/none/map.svg"
}
