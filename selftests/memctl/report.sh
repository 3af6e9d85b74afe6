# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command report: figures and advice from a trace and from a region, and
# the page as HTML.

# A trace whose figures can be counted by hand; anybody may have written its tags.
tiny_trace() {
	printf '%s\n' '# memmgr-trace 1' '# program: tiny <b>&"' 'a 0 100 0 <script>alert(1)</script>' \
		'a 1 200 64 t1' 'f 0' 'a 2 100' 'r 1 4000' 'f 2' 'a 3 100 0 t1' >"$work/tiny"
}

test_report_trace() {
	tiny_trace
	# It takes no region.
	m -r /nonexistent --json report "$work/tiny" </dev/null >"$work/stdout"
	says '.report.facts | [.events, .allocs, .frees, .resizes, .peak_live, .peak_bytes]' \
		'[7,4,2,1,2,4100]' m --json report "$work/tiny"
	# 100 B take seven granules of 16, 4000 B take 250.
	says '.report.facts | [.granted, .size, .granule, .least, .failed, .never_freed, .never_freed_bytes]' \
		'[4112,8192,16,8192,0,2,4100]' m --json report "$work/tiny"
	says '.report.usage | map(.event, .granted, .asked, .live)' \
		'[1,112,100,1,2,320,300,2,3,208,200,1,4,320,300,2,5,4112,4100,2,6,4000,4000,1,7,4112,4100,2]' \
		m --json report "$work/tiny"
	says '.report.sizes' '[{"up_to":128,"count":3},{"up_to":256,"count":1}]' \
		m --json report "$work/tiny"
	says '.report.often | map([.size, .allocs, .share, .live_most])' \
		'[[100,3,750,1],[200,1,250,1]]' m --json report "$work/tiny"
	says '.report.lifetimes' '[{"up_to":1,"count":0},{"up_to":2,"count":2}]' \
		m --json report "$work/tiny"
	says '.report.owners | map([.tag, .allocs, .bytes_most, .bytes_end, .count_end])' \
		'[["t1",2,4100,4100,2],["(no tag)",1,100,0,0],["<script>alert(1)</script>",1,100,0,0]]' \
		m --json report "$work/tiny"
	says '.report.leaks | map([.count, .size, .bytes, .first, .last, .late, .tag])' \
		'[[1,4000,4000,2,2,0,"t1"],[1,100,100,7,7,1,"t1"]]' m --json report "$work/tiny"
	advises '100.0% of the allocations are 2 sizes: 100 B (75.0%, 1 at a time), 200 B' \
		m report "$work/tiny"
	prints 'memctl heap create s100 --kind slab --object 104' m report "$work/tiny"
	advises '50.0% of the frees are of the youngest' m report "$work/tiny"
	advises '1 of them (50.0%) were made in the second half' m report "$work/tiny"
	advises 'up to 8 KiB for the 4.0 KiB that are asked for: 49.9% of that is waste' \
		m report "$work/tiny"
	[ "$(m report --json - <"$work/tiny" | jq .report.facts.events)" = 7 ]
	[ "$(gzip -c "$work/tiny" | m report --json - | jq .report.facts.events)" = 7 ]
}

# What cannot be served is told, with the reason.
test_report_trace_small() {
	printf 'a %s\n' '0 1024' '1 1024' '2 1024' '3 1024' >"$work/trace"
	printf '%s\n' 'f 0' 'f 2' 'a 4 2048' 'f 4' 'a 5 4096' 'f 1' 'f 3' >>"$work/trace"
	says '.report.facts | [.size, .failed, .external]' '[4096,2,500]' \
		m --json report --size 4K "$work/trace"
	says '.report.fragmentation | map(.external)' '[0,0,0,0,0,500,500,500,500,0,0]' \
		m --json report --size 4K "$work/trace"
	says '.report.fragmentation[5] | [.free, .largest]' '[2048,1024]' \
		m --json report --size 4K "$work/trace"
	advises 'In 4 KiB, 2 requests failed (1 exhausted, 1 fragmented), the first at event 7.' \
		m report --size 4K "$work/trace"
	advises 'the largest run being 1 KiB; 1 request failed for' m report --size 4K "$work/trace"
	prints 'memctl health --on --compact-above 30%' m report --size 4K "$work/trace"
	says '.report.facts | [.size, .least, .failed, .never_freed]' '[8192,8192,0,1]' \
		m --json report "$work/trace"
	says '.report.facts.size' 8192 m --json report --size 4097 "$work/trace"
}

# What cannot grow where it stands moves, as realloc() has it.
test_report_trace_resize() {
	printf 'a 0 100\na 1 100\nr 0 1000\nr 0 40\n' >"$work/trace"
	says '.report.usage | map(.granted)' '[112,224,1120,160]' m --json report "$work/trace"
	says '.report.leaks | map([.size, .count])' '[[100,1],[40,1]]' m --json report "$work/trace"
}

# The time grows as the trace does: what fails is not searched for in all that lives, again
# and again. Seconds of the CPU, so that it does not matter what else runs.
test_report_many() {
	seq 1 300000 | awk '{ print "a", $1, 16 }' >"$work/trace"
	(ulimit -t 60; m report --json "$work/trace") </dev/null >"$work/report"
	says '.report.facts | [.peak_live, .least, .failed]' '[300000,4800512,0]' cat "$work/report"
	# Nor where all of it is shown, with most of it failed.
	(ulimit -t 60; m report --json --size 4M "$work/trace") </dev/null >"$work/report"
	says '.report.facts | [.size, .failed]' '[4194304,37856]' cat "$work/report"
	says '.report.advice[0].text' \
		'In 4 MiB, 37856 requests failed (37856 exhausted), the first at event 262145.' \
		cat "$work/report"
}

# As tools/trace/stats counts them, in the README of the traces.
test_report_recorded() {
	says '.report.facts | [.events, .allocs, .frees, .resizes, .peak_bytes, .peak_live, .failed]' \
		'[78297,40060,36358,1879,3218446,4268,0]' \
		m --json report "$top/selftests/traces/gcc.trace.gz"
	says '.report.sizes | map(.count) | add' 40060 m --json report "$top/selftests/traces/gcc.trace.gz"
	says '.report.lifetimes | map(.count) | add' 36358 m --json report "$top/selftests/traces/gcc.trace.gz"
	says '.report.usage | [length, .[-1].event]' '[120,78297]' \
		m --json report "$top/selftests/traces/gcc.trace.gz"
	advises 'Nine of ten allocations are at most 4 KiB' m report "$top/selftests/traces/gcc.trace.gz"
	advises '45.8% of the frees are of the youngest' m report "$top/selftests/traces/gcc.trace.gz"
	says '.report.facts | .least > .peak_bytes and .least * 100 < .peak_bytes * 110' true \
		m --json report "$top/selftests/traces/gcc.trace.gz"
	says '(.report.fragmentation | map(.external) | max) == .report.facts.external' true \
		m --json report "$top/selftests/traces/git.trace.gz"
	# The peak is in the picture, wherever it lies between two places of it.
	says '(.report.usage | map(.granted) | max) == .report.facts.granted' true \
		m --json report "$top/selftests/traces/gstreamer.trace.gz"
}

# The allocator that needs less is advised, and what the other one needs is said.
test_report_kinds() {
	local sqlite=$top/selftests/traces/sqlite.trace.gz
	says '.report.facts | [.kind, .least == .least_tlsf, .least_tlsf < .least_buddy]' \
		'["tlsf",true,true]' m --json report "$sqlite"
	says '.report.facts | .least * 100 < .peak_bytes * 112' true m --json report "$sqlite"
	prints 'memctl heap create app --kind tlsf --size 896K --granule 16' m report "$sqlite"
	advises 'a buddy needs' m report "$sqlite"
	# A tie: neither has anything to round.
	printf 'a %s 4096\n' 0 1 2 3 >"$work/trace"
	says '.report.facts | [.kind, .least_tlsf, .least_buddy]' '["tlsf",16384,16384]' \
		m --json report "$work/trace"
	# Nothing serves it.
	printf 'a %s 4294967296\n' 0 1 >"$work/trace"
	says '.report.facts | [.least, .least_tlsf, .least_buddy]' '[null,null,null]' \
		m --json report "$work/trace"
	advises 'No region serves all of it' m report "$work/trace"
}

# command_word OPTION REPORT: of the heap that the report advises to create.
command_word() {
	jq -r '.report.advice[].commands[]' "$2" |
		sed -n "s/^memctl heap create app .*--$1 \([^ ]*\).*/\1/p"
}

# What is advised holds the trace, in whatever size that is shown.
test_report_granule() {
	local size granule
	seq 1 1000 | awk '{ print "a", $1, 16 }' >"$work/trace"
	m report --json --size 4G "$work/trace" </dev/null >"$work/report"
	size=$(command_word size "$work/report")
	granule=$(command_word granule "$work/report")
	[ "$(($(numfmt --from=iec "$size") / granule))" -ge 1000 ] ||
		{ echo "1000 blocks in $size with a granule of $granule"; return 1; }
	# As the least has it, though the usual one for 80M is larger.
	echo 'a 1 62914560' >"$work/trace"
	prints 'memctl heap create app --kind tlsf --size 80M --granule 16' m report "$work/trace"
	seq 1 200 | awk '{ print "a", $1, $1 }' >"$work/trace"
	advises 'leave 31.7% of theirs idle; a tlsf with a granule of 16 leaves 7.0%.' \
		m report --size 4G "$work/trace"
}

# No command asks for more than a region can have.
test_report_most() {
	local trace=$work/trace
	echo 'a 1 4294967296' >"$trace"
	prints 'memctl heap create app --kind tlsf --size 4G --granule 1024' m report "$trace"
	advises 'those tried; a buddy needs 4 GiB. No region is larger.' m report "$trace"
	m report "$trace" >"$work/stdout"
	lacks '5G|quota user' "$work/stdout"
	# Nothing of it was served, yet a stack has to hold it.
	printf '%s\n' 'a 1 8192' 'f 1' >"$trace"
	prints 'memctl heap create scratch --kind stack --size 12K' m report --size 4K "$trace"
	lacks 'quota user' "$work/stdout"
	printf '%s\n' 'a 1 4294967296' 'a 2 4294967296' 'f 2' 'f 1' >"$trace"
	prints 'a stack heap suits' m report "$trace"
	lacks '[$] memctl heap create|quota user' "$work/stdout"
	for _ in {1..16}; do
		printf 'a %s 1073741824\n' {1..5}
		printf 'f %s\n' {1..5}
	done >"$trace"
	m report "$trace" >"$work/stdout"
	lacks 'kind pool' "$work/stdout"
	advises 'No region serves all of it: 5 GiB are asked for at the peak, and a region is' \
		m report "$trace"
	# The size is not what is in the way.
	printf 'a %s 16 4294967296\n' 1 2 >"$trace"
	advises '32 B are asked for at the peak, but alignment or fragmentation keeps even 4 GiB' \
		m report "$trace"
	lacks 'quota of' "$work/stdout"
}

# Nothing is written for what is wrong, and what was there stays.
test_report_bad() {
	local bad
	tiny_trace
	echo old >"$work/page"
	for bad in 'a 0 5\nf 1\n' 'a 0\n' '# memmgr-trace 1\n' '' 'no trace\n' '\0\1\2'; do
		# shellcheck disable=SC2059 # it is a format
		printf "$bad" >"$work/trace"
		fails 1 "$work/trace: " m report --html "$work/page" "$work/trace"
		grep -q 'give a trace of format 1' "$work/stderr"
		[ "$(cat "$work/page")" = old ]
		[ ! -s "$work/stdout" ]
	done
	fails 1 '-: it has no events' m report -
	printf 'a 0 5\nf 1\n' >"$work/trace"
	fails 1 'line 2: id 1 is freed but not live' m report "$work/trace"
	gzip -c "$top/selftests/traces/README.md" | head -c 200 >"$work/trace"
	fails 1 'not an event' m report "$work/trace"
	gzip -c "$work/tiny" | head -c 60 >"$work/trace"
	fails 1 'truncated gzip data' m report --html "$work/page" "$work/trace"
	fails 1 'No such file' m report "$work/none"
	fails 1 'Is a directory' m report "$work"
	fails 3 'insmod memmgr.ko' m -r /nonexistent report --html "$work/page"
	[ "$(cat "$work/page")" = old ]
	fails 1 '"remedy"' m report --json "$work/none"
}

test_report_usage() {
	tiny_trace
	fails 2 'one word too many' m report "$work/tiny" "$work/tiny"
	fails 2 'unrecognized option' m report --htm1 x
	fails 2 '--html: is empty' m report --html= "$work/tiny"
	fails 2 'are for the region' m report --for 1 "$work/tiny"
	fails 2 '--size is for a trace' m report --size 4K
	fails 2 'at most 4G' m report --size 5G "$work/tiny"
	fails 2 '--size: must be at least 1' m report --size 0 "$work/tiny"
	fails 2 '--for: '"'5x'"' is no time' m report --for 5x
	fails 2 '--interval: is too short' m report --interval 0
	fails 2 'look less often' m report --for 1d --interval 1s
	fails 2 'is longer than --for' m report --interval 6s
	fails 2 "did you mean 'report'" m repotr
}

# balanced FILE: every element of it is closed in order, without any tool for XML.
balanced() {
	tr '\n' ' ' <"$1" | sed 's/<!DOCTYPE[^>]*>//; s/<style>.*<\/style>//' |
		grep -oE '<[^>]*>' | awk '
		/\/>$/ { next }
		/^<\// { if (open[n--] != substr($0, 3, length($0) - 3)) exit bad = 1; next }
		{ sub(/^</, ""); sub(/[ >].*/, ""); open[++n] = $0 }
		END { exit bad || n }'
}

# page FILE: it is sound, complete in itself, and has no place for what others wrote.
page() {
	balanced "$1"
	! command -v xmllint >/dev/null || xmllint --noout "$1"
	head -n 1 "$1" | grep -qx '<!DOCTYPE html>'
	tail -n 1 "$1" | grep -qx '</html>'
	grep -q '<meta name="viewport" content="width=device-width' "$1"
	grep -q 'prefers-color-scheme:dark' "$1"
	lacks '<script|<link|<img|<iframe|src=|href=|@import|url\(|<b>&| on[a-z]+=' "$1"
	[ "$(grep -oE 'https?://[^"]*' "$1" | sort -u)" = http://www.w3.org/1999/xhtml ]
}

test_report_html() {
	tiny_trace
	m report --html "$work/page" "$work/tiny" >"$work/stdout"
	[ ! -s "$work/stdout" ]
	page "$work/page"
	grep -qF '>&#60;script&#62;alert(1)&#60;/script&#62;<' "$work/page"
	grep -qF 'tiny &#60;b&#62;&#38;&#34;' "$work/page"
	[ "$(grep -c '<polyline' "$work/page")" = 3 ]
	# Events 1 and 7 of 7, 112 and 4112 of 6 KiB: x to the right, y down.
	grep -qE '<polyline class="l0" points="142.86,98.18 .* 1000.00,33.07 "/>' "$work/page"
	grep -qF '<span style="bottom:66.67%">4 KiB</span>' "$work/page"
	grep -qF 'event 5, 4.0K granted, 4.0K asked for</title>' "$work/page"
	grep -qF '<td>up to 128 B</td>' "$work/page"
	m report --html - "$work/tiny" | cmp - "$work/page"
	m report --html "$work/real" "$top/selftests/traces/gstreamer.trace.gz"
	page "$work/real"
}

# A page appears whole or not at all.
test_report_html_file() {
	tiny_trace
	fails 1 "cannot write $work/none/page: No such file" \
		m report --html "$work/none/page" "$work/tiny"
	grep -q 'name a file in a directory' "$work/stderr"
	mkdir "$work/dir"
	# A disk that is full: no file of that size may be.
	(trap '' XFSZ; ulimit -f 4
		fails 1 'File too large' m report --html "$work/dir/page" "$work/tiny")
	[ -z "$(find "$work/dir" -mindepth 1)" ]
	# What is no plain file stays what it is.
	mkfifo "$work/fifo"
	cat "$work/fifo" >"$work/page" &
	m report --html "$work/fifo" "$work/tiny"
	wait
	[ -p "$work/fifo" ]
	page "$work/page"
	fails 1 'Is a directory' m report --html "$work/dir" "$work/tiny"
	(umask 027; m report --html "$work/dir/page" "$work/tiny")
	[ "$(stat -c %a "$work/dir/page")" = 640 ]
	# What takes the place of another file is open to the same users.
	echo old >"$work/dir/page"
	chmod 600 "$work/dir/page"
	ln -s page "$work/dir/link"
	m report --html "$work/dir/link" "$work/tiny"
	page "$work/dir/page"
	[ -L "$work/dir/link" ]
	[ "$(stat -c %a "$work/dir/page")" = 600 ]
	[ "$(find "$work/dir" -mindepth 1 | wc -l)" = 2 ]
	# Not to more of them, because another made it so or linked it there.
	chmod 666 "$work/dir/page"
	ln "$work/dir/page" "$work/dir/other"
	(umask 022; m report --html "$work/dir/page" "$work/tiny")
	[ "$(stat -c %a "$work/dir/page")" = 644 ]
	[ "$(cat "$work/dir/other")" != '' ]
	[ "$(stat -c %a "$work/dir/other")" = 666 ]
	[ "$(id -u)" = 0 ] || return 0
	chown 12345 "$work/dir/page"
	chmod 666 "$work/dir/page"
	(umask 022; m report --html "$work/dir/page" "$work/tiny")
	[ "$(stat -c %a "$work/dir/page")" = 644 ]
}

test_report_region() {
	three_owners
	fails 1 'too-large' m --json alloc 1G
	m report --json --for 0 >"$work/stdout" </dev/null
	cp "$work/stdout" "$work/report"
	says '.report.facts | [.size, .used, .live, .heaps, .failed]' '[50331648,25165824,4,2,1]' \
		cat "$work/report"
	says '.report.usage | map(.time_ns, .granted, .live)' '[0,25165824,5]' cat "$work/report"
	says '.report.heaps | map([.heap, .kind, .used])' \
		'[["main","buddy",25165824],["frames","pool",0]]' cat "$work/report"
	says '.report.sizes | map(select(.count > 0)) | map([.up_to, .count])' \
		'[[4194304,2],[8388608,3]]' cat "$work/report"
	says '.report.ages | map(.count) | add' 4 cat "$work/report"
	says '.report.owners | map([(.who | split(" ")[0]), .bytes / 1048576])' \
		'[["camera",12],["a<&>b",3],["a<&>b",3]]' cat "$work/report"
	says '.report.tags | map([.who, .count, .share])' \
		'[["picture",2,666],["small",1,166],["weights",1,166]]' cat "$work/report"
	advises 'Requests failed: 1 too-large. The last: 1 GiB of heap main for memctl' m report --for 0
	advises 'At most 24 MiB of 48 MiB were ever in use, that is 50.0%' m report --for 0
	advises 'Heap frames holds 6 MiB of the region and has served nothing' m report --for 0
	prints 'a recorded trace does' m report --for 0
	m report --for 0.2 --interval 0.1 --html "$work/page"
	page "$work/page"
	grep -qF 'a&#60;&#38;&#62;b' "$work/page"
	lacks 'a<&' "$work/page"
	says '.report.usage | length' 3 m report --for 0.2 --interval 0.1 --json
	says '.report.usage | length' 2 m report --for 0.2 --json
}

test_report_region_growth() {
	m alloc 4K >/dev/null
	m report --json --for 0.5 --interval 0.1 </dev/null | jq -r '.report.advice[].text' >"$work/stdout"
	lacks 'did not come down' "$work/stdout"
	FAKE_GROWS='8 14 65536' advises 'and did not come down: at that pace the region is full in' \
		m report --for 2 --interval 0.1
	says '[.report.usage[0, -1].granted]' '[462848,462848]' m report --for 0.2 --json
}

# What grows while it is watched is a suspect, and so is what nobody owns.
test_report_region_leaks() {
	by camera 1000 1 alloc 1M --tag pinned
	says '.report.leaks' '[]' m report --for 0 --json
	FAKE_GROWS='2 2 2097152' m report --json --for 0.5 --interval 0.1 </dev/null >"$work/report"
	says '.report.leaks | map([.where, .count, .bytes, .abandoned, .grown_by])' \
		'[["grows",1,2097152,1,2097152]]' cat "$work/report"
	says '[.report.usage[0, -1].granted]' '[1048576,3145728]' cat "$work/report"
	advises '1 persistent allocation of programs that are gone holds 2 MiB' m report --for 0
	prints 'no heap is tracked' m report --for 0
	export FAKE_SITES='2:16:/usr/bin/camera'
	FAKE_SITE=1 m alloc 4K >/dev/null
	FAKE_TRACKED=1 says '.report.leaks[1].where' /usr/bin/camera+0x10 m report --for 0 --json
	FAKE_TRACKED=1 m report --for 0 >"$work/stdout"
	lacks 'no heap is tracked' "$work/stdout"
}

test_report_region_advice() {
	checkerboard
	advises '95.9% of the 24 MiB that are free cannot be had in one piece, the largest run being 1 MiB' \
		m report --for 0
	says '.report.advice | map(select(.commands[0] == "memctl defrag").level)' '["warn"]' \
		m report --for 0 --json
	advises '24 of the 24 allocations that live (100.0%) are of 1 MiB' m report --for 0
	advises 'At most 48 MiB of 48 MiB were ever in use, that is 100.0%: reserve 60 MiB' m report --for 0
	FAKE_USER='7 33554432 37748736 0 3' prints 'memctl quota user 7 --bytes 48M' m report --for 0
	FAKE_USER='7 33554432 37748736 0 3' advises 'Quotas refused 3 requests' m report --for 0
	FAKE_USER='7 33554432 37748736 50331648 0' m report --for 0 >"$work/stdout"
	lacks 'memctl quota' "$work/stdout"
	# The most urgent first.
	says '.report.advice | map(.level) | . == sort_by({ warn: 0, note: 1, good: 2 }[.])' true \
		m report --for 0 --json
	FAKE_OLD=1 advises 'This module cannot move memory' m report --for 0
	FAKE_OLD=1 prints 'this module does not track that' m report --for 0
}

test_report_region_waste() {
	m alloc 100 --count 20 >/dev/null
	advises '97.5% of what heap main has granted was not asked for: 20 of its 20' m report --for 0
	says '.report.advice | map(.commands[0] // "") | map(select(test("granule 32"))) | length' 1 \
		m report --for 0 --json
}

test_report_interrupted() {
	local rc=0
	FAKE_INTERRUPT_STATS=5 m report --json --for 60 --interval 0.1 </dev/null >"$work/report" || rc=$?
	[ "$rc" = 130 ]
	says '.report.usage | length' 5 cat "$work/report"
	grep -q 'then interrupted' "$work/report"
}

# A terminal must not take what others wrote for commands.
test_report_clean() {
	printf '# program: \033[31mred\na 0 5 0 \033[31mred\n' >"$work/trace"
	m report "$work/trace" >"$work/stdout"
	no_escapes "$work/stdout"
	grep -qF '?[31mred' "$work/stdout"
	m report --html "$work/page" "$work/trace"
	no_escapes "$work/page"
	LC_ALL=C m report "$work/trace" >"$work/stdout"
	grep -q '|####' "$work/stdout"
	! LC_ALL=C grep -P '[^\x00-\x7f]' "$work/stdout" || return 1
	LC_ALL=C terminal xterm "report $work/trace" </dev/null
	[ "$(awk '{ print length }' "$work/screen" | sort -n | tail -n 1)" -le 81 ]
}
