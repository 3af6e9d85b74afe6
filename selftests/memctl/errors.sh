# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), commands errors and check: each kind of report, in words and as JSON.

# tells TEXT...: the lines of memctl errors, each of them.
tells() {
	local text
	m errors >"$work/stdout" </dev/null
	for text in "$@"; do
		grep -qF -- "$text" "$work/stdout" || { echo "no '$text' in:"; cat "$work/stdout"; return 1; }
	done
}

test_errors_none() {
	prints 'no memory error was found' m errors
	prints 'nothing is looked for; for example, as root: memctl debug' m errors
	says '[.total, .errors]' '[0,[]]' m errors --json
	m debug --poison >/dev/null
	m errors >"$work/stdout"
	[ "$(cat "$work/stdout")" = 'no memory error was found' ]
	FAKE_HIDDEN=3 prints '3 errors were found; of those that are remembered your' m errors
	fails 2 'Too many arguments' m errors main
}

# Each kind: what was done where, whose it is and who did it.
test_errors_kinds() {
	export FAKE_ERRORS
	FAKE_ERRORS='1:0:5:100:0:0:0:-' tells '#1  out of bounds before an allocation, 3s ago' \
		'5 bytes written, the last of them 0 bytes before an allocation of 100 bytes in heap main' \
		"it is at 0x300000, handle 0x100000003, tag 'picture'" \
		'allocated by camera (pid 103, thread 105, uid 1000), 2h before' \
		'found     by view?er (pid 200)' '1 error was found'
	lacks 'freed|, at$' "$work/stdout"
	FAKE_ERRORS='2:3:1:100:0:0:0:f' tells '#1  out of bounds behind an allocation' \
		'1 byte written, the first of them 3 bytes past the end of an allocation of 100 bytes' \
		'it was at 0x300000' 'freed     by camera (pid 103), 1.5 ms before'
	FAKE_ERRORS='2:1:2:1:0:0:0:k' tells '2 bytes written, the first of them 1 byte past the end of an allocation of 1 byte' \
		'it is at 0x300000, of kernel code, tag'
	FAKE_ERRORS='3:12:17:4096:0:0:0:f' tells '#1  written after free' \
		'17 bytes written from byte 12 of an allocation of 4096 bytes in heap main that had been freed'
	FAKE_ERRORS='4:0:0:100:0:0:0:f' tells '#1  double free' \
		'an allocation of 100 bytes in heap main was to be freed once more' \
		'freed     by camera (pid 103), 1.5 ms before' 'tried     by view?er (pid 200)'
	lacks '0x[0-9a-f]* +expected' "$work/stdout"
	FAKE_ERRORS='4:0:0:0:0:0:0:u' tells 'handle 0x100000003 was to be freed, and had been before' \
		'tried     by view?er (pid 200, uid 1000)'
	lacks 'allocated|it is|it was' "$work/stdout"
	FAKE_ERRORS='5:0:0:0:0:0:0:uko' tells '#1  wrong free' \
		'an address outside of the region was to be freed'
	FAKE_ERRORS='5:64:0:0:0:0:0:uk' tells 'offset 0x300040 of the region was to be freed'
	FAKE_ERRORS='5:0:0:0:0:0:0:u' tells 'handle 0x100000003 was to be freed, which is no allocation'
	FAKE_ERRORS='5:16:0:100:0:0:0:k' tells \
		'what was to be freed is 16 bytes behind the begin of an allocation of 100 bytes'
	FAKE_ERRORS='5:0:0:100:0:0:0:k' tells 'was to be freed by another than its owner'
	FAKE_ERRORS='6:0:0:100:0:0:0:f' tells '#1  use after free' \
		'an allocation of 100 bytes in heap main was to be used after it had been freed'
	FAKE_ERRORS='6:8:0:100:0:0:0:f' tells 'byte 8 of an allocation of 100 bytes'
	FAKE_ERRORS='6:0:0:0:0:0:0:u' tells 'handle 0x100000003 was to be used, and had been freed before'
	FAKE_ERRORS='7:12:0:4096:0:0:0:ik' tells '#1  guard page touched' \
		'touched 12 bytes past the end of an allocation of 4096 bytes' \
		'touched   by kernel code in an interrupt'
	FAKE_ERRORS='7:12:1:4096:0:0:0:k' tells 'touched 12 bytes before the begin of an allocation' \
		'touched   by view?er (pid 200)'
	FAKE_ERRORS='99:1:2:3:0:0:0:-' tells '#1  memory error' 'kind 99 of this newer module'
	FAKE_ERRORS='1:0:5:100:0:0:0:- 4:0:0:0:0:0:0:u' tells '#1  out of bounds' '#2  double free' \
		'2 errors were found'
	FAKE_HIDDEN=1 FAKE_ERRORS='4:0:0:0:0:0:0:u' tells '2 errors were found; of those that are remembered your' 'root sees all'
}

# The bytes, those that differ marked, and what there is to read.
test_errors_dump() {
	export FAKE_ERRORS='2:1:5:100:0:0:0:-'
	m errors >"$work/stdout"
	grep -qxF '    0x00300065  expected  a0 a1 a2 a3 a4' "$work/stdout"
	grep -qE '^ {16}found     41 a1 43 44 a4 {36}\|A\.CD\.\|$' "$work/stdout"
	grep -qxF '                          ^^    ^^ ^^' "$work/stdout"
	FAKE_ERRORS='3:0:100:100:0:0:0:f' m errors >"$work/stdout"
	grep -qxF '    0x00300010  expected  b0 b1 b2 b3 b4 b5 b6 b7  b8 b9 ba bb bc bd be bf' "$work/stdout"
	[ "$(grep -c '|$' "$work/stdout")" = 2 ]
	grep -qF 'these are the first 32 of 100 bytes' "$work/stdout"
	# The bar stands where it does below a whole line.
	FAKE_ERRORS='3:0:8:100:0:0:0:f 3:0:9:100:0:0:0:f 3:0:16:100:0:0:0:f' m errors >"$work/stdout"
	[ "$(sed -n 's/^\( *found  [^|]*\)|.*/\1/p' "$work/stdout" | awk '{ print length }' | sort -u | wc -l)" = 1 ]
	no_escapes "$work/stdout"
}

# Sites by name, the whole stack of kernel code, and their numbers where there is no more.
test_errors_sites() {
	export FAKE_SITES='1:0:probe+0x10/0x20|really_probe+0x44/0x90|attach+0x1/0x2 2:16:/no/file'
	export FAKE_ERRORS='4:0:0:100:2:1:9:fk'
	m errors >"$work/stdout"
	[ "$(sed -n '/allocated/,$p' "$work/stdout" | grep '^        ' | paste -sd,)" = \
		'        /no/file+0x10,        probe+0x10/0x20,        really_probe+0x44/0x90,        attach+0x1/0x2,        site 9' ]
	says '.errors[0] | [.allocated.where, .freed.where, .running.where, .running.site]' \
		'[["/no/file+0x10"],["probe+0x10/0x20","really_probe+0x44/0x90","attach+0x1/0x2"],["site 9"],9]' \
		m errors --json
	FAKE_SITES='' tells 'site 2' 'site 1' 'site 9'
}

test_errors_json() {
	export FAKE_ERRORS='2:3:1:100:0:0:0:f 5:0:0:0:0:0:0:uko 3:0:40:64:0:0:0:i'
	says '[.total, (.errors | map(.seq, .kind))]' '[3,[1,"behind",2,"wrong-free",3,"freed"]]' \
		m errors --json
	says '.errors[0] | [.heap, .heap_id, .handle, .offset, .distance, .damaged, .place, .bytes, .tag, .expected, .found]' \
		'["main",0,"0x100000003",3145831,3,1,3145728,100,"picture","a0","41"]' m errors --json
	says '.errors[0].allocated | [.pid, .tid, .uid, .comm, .before_ns, .site, .where]' \
		'[103,105,1000,"camera",7200000000000,0,[]]' m errors --json
	says '.errors[0].freed | [.pid, .tid, .comm, .before_ns, .site, .where]' \
		'[103,103,"camera",1500000,0,[]]' m errors --json
	says '.errors[0].running | [.pid, .tid, .comm, .uid]' '[200,200,"view?er",null]' m errors --json
	says '.errors[0].age_ms | . >= 3000 and . < 60000' true m errors --json
	says '.errors[1] | [.handle, .offset, .place, .bytes, .allocated, .freed, .expected, .running.uid]' \
		'[null,null,null,null,null,null,"",1000]' m errors --json
	says '.errors[2] | [(.found | length), .damaged, .running.pid, .running.comm]' '[64,40,0,""]' \
		m errors --json
	says '.errors[0].text' \
		'1 byte written, the first of them 3 bytes past the end of an allocation of 100 bytes in heap main' \
		m errors --json
}

# All that are remembered, of kinds that follow each other.
test_errors_many() {
	FAKE_ERRORS=$(for ((i = 0; i < 32; i++)); do printf '%u:0:4:100:0:0:0:f ' $((i % 7 + 1)); done)
	export FAKE_ERRORS
	says '.errors | length' 32 m errors --json
	says '.errors[:7] | map(.kind)' \
		'["before","behind","freed","double-free","wrong-free","stale","guard"]' m errors --json
	FAKE_HIDDEN=8 tells '#32  ' '40 errors were found, the last 32 are remembered'
}

test_check() {
	prints 'yes' m check
	says '.heaps[0] | [.heap, .whole, .what, .errors]' '["main",true,null,0]' m check --json
	m check >"$work/stdout"
	lacks 'ERRORS|BROKEN' "$work/stdout"
	FAKE_BROKEN='4096:3:red zone' fails 1 \
		'3 memory errors in 1 heap, whose books are in order; memctl errors shows' m check
	grep -qE '^main +0 +no +red zone +0x1000 +3$' "$work/stdout"
	! FAKE_BROKEN='4096:1:poison' m check --json >"$work/stdout" 2>"$work/stderr" || return 1
	[ "$(jq -c '.heaps[0] | [.whole, .what, .offset, .errors]' "$work/stdout")" = \
		'[false,"poison",4096,1]' ]
	grep -qF '1 memory error in 1 heap,' "$work/stderr"
	FAKE_BROKEN='64:0:links of a block' fails 1 '1 damaged; save what you can' m check
	grep -qE '^main +0 +no +links of a block +0x40$' "$work/stdout"
	FAKE_NO_DEBUG=1 FAKE_BROKEN='64:0:links' fails 1 '1 damaged; save what you can' m check
}
