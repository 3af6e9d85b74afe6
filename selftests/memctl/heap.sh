# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command heap: heaps of each kind, their owners and their limits.

test_heaps() {
	fails 2 'needs --count' m heap create x --kind pool --block-size 4K
	fails 2 'needs --size' m heap create x --kind stack
	fails 2 '--kind is missing' m heap create x
	fails 2 'unknown; give one of buddy' m heap create x --kind bin
	m heap create x --kind stack --size 64K >/dev/null
	fails 1 'a heap of that name exists' m heap create x --kind stack --size 64K
	fails 1 "heap 'main'" m heap create huge --kind stack --size 1G
	m alloc 1000 --heap x --tag a >/dev/null
	m alloc 1000 --heap x --tag b >/dev/null
	# The arena of x is one block of main, and kernel code's.
	says '.heaps[] | [.name, .live]' '["main",1]
["x",2]' m heap list --json
	fails 1 'newest allocation first' m free a
	fails 1 'it is in use' m heap destroy x
	says '.heap.returned' 65536 m heap destroy x --force --json
	m heap create y --kind stack --size 64K --mode 0640 --group 40044 --owner 40007 >/dev/null
	prints 'rw-r-----' m heap list
	says '.heaps[1] | [.mode, .uid, .gid]' '[416,40007,40044]' m heap list --json
	prints "heap 'y': rw-r----- 40007 40044" m heap mode y
	says '.heap.mode' 0000 m heap mode y --mode 0 --json
	prints "heap 'y': kernel 40007 40044" m heap mode y
	prints "heap 'main': rw-rw---- root root" m heap mode main --mode 0660
	fails 2 'not an octal number' m heap mode y --mode 0777
	fails 2 'not an octal number' m heap mode y --mode rw
	fails 2 "there is no group 'nogroupatall'" m heap mode y --group nogroupatall
	fails 2 "there is no user 'nouseratall'" m heap create z --kind stack --size 4K --owner nouseratall
	fails 2 'HEAP is missing' m heap mode
	FAKE_OTHER=1 fails 1 "heap 'y'" m heap mode y --mode 0
	fails 1 'as long as its region' m heap destroy main
	prints 'system memory     64K' m info
	prints 'of it by heap     main 2K' m info
	says '.info.kernel_bytes' 65536 m info --json
	says '.info.kernel_bytes_by_heap.main' 2048 m info --json
	local name
	for name in a-long-name-of-a-heap-1 a-long-name-of-a-heap-2 a-long-name-of-a-heap-3 a-long-name-of-a-heap-4; do
		m heap create "$name" --kind stack --size 4K >/dev/null
	done
	prints ', ...' m info
	says '.info.kernel_bytes_by_heap | length >= 5' true m info --json
}
