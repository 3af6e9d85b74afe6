# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), commands alloc, free, list, read, write and resize.

test_alloc_refused() {
	m heap create frames --kind pool --block-size 64K --count 2 >/dev/null
	fails 1 "heap 'frames' is exhausted: 64 KiB asked" m alloc 64K --heap frames --count 3
	grep -q '2 of 3 were made and freed again' "$work/stderr"
	says '.allocations | length' 0 m list --json
	fails 1 'can never serve' m alloc 128K --heap frames
	fails 1 "there is no heap 'nix'; choose one of main frames" m alloc 1 --heap nix
	fails 1 '"reason": "too-large"' m --json alloc 1G
	jq . "$work/stderr" >/dev/null
	[ ! -s "$work/stdout" ]
	says '.total' 3 m failures --json
}

test_handles_and_tags() {
	local handle
	handle=$(m alloc 100 --tag one | awk 'NR == 2 { print $1 }')
	m alloc 200 --tag two --count 2 >/dev/null
	prints one m list
	fails 1 "2 allocations have the tag 'two': 0x" m free two
	fails 1 "no allocation with the tag 'three'" m free three
	fails 1 'never made, or freed already' m free 0x1234567
	m free "$handle" >/dev/null
	fails 1 'never made, or freed already' m free "$handle"
	says '.freed | length' 2 m free --all two --json
	prints 'nothing is allocated' m list
}

test_contents() {
	m alloc 64 --tag c >/dev/null
	m write c 'hello world' >/dev/null
	prints '68 65 6c 6c 6f 20 77 6f  72 6c 64 00' m read c
	prints '*' m read c
	printf 'from a pipe' | m write c --offset 53 >/dev/null
	[ "$(m read c --raw --offset 53)" = 'from a pipe' ]
	says '.read.data' 68656c6c m read c --length 4 --json
	m fill c 0xdeadbeef --offset 1 --length 6 >/dev/null
	says '.read.data' 68deadbeefdead6f m read c --length 8 --json
	m fill c 255 >/dev/null
	says '.read.data' ffff m read c --offset 62 --json
	fails 1 'past its end' m read c --offset 64
	fails 1 'past its end' m fill c 1 --offset 60 --length 5
	fails 1 'does not fit' m write c --offset 60 12345
	fails 2 'PATTERN' m fill c 256
	fails 2 'PATTERN' m fill c 0xabc
}

test_resize() {
	m alloc 4K --tag r >/dev/null
	says '.allocation.granted' 12288 m resize r 10K --json
	m alloc 4K >/dev/null
	fails 1 'something else behind' m resize r 64K
}
