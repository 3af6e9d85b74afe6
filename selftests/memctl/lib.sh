# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test: builds memctl and the fake region, runs the one on the other, and says what
# a test expects of it.

build() {
	local sanitize='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'
	mkdir -p "$out"
	make --no-print-directory -C "$top/tools" O="$out" CC=gcc CFLAGS="$sanitize" "$out/memctl" >&2
	gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -shared -fPIC \
		-I"$top/include/uapi" -o "$out/fake_memmgr.so" \
		"$top/selftests/memctl/fake_memmgr.c" -ldl
	asan=$(gcc -print-file-name=libasan.so)
}

# memctl on the fake region. What hangs is ended, and its exit code is 124.
m() {
	touch "$work/region"
	timeout --foreground -k 10 "$command_bound" env MEMMGR_DEVICE="$work/region" \
		ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$asan $out/fake_memmgr.so" \
		"$out/memctl" "$@" || ended "$?" "$@"
}

# ended CODE ARGUMENT...: says what was ended by force.
ended() {
	local code=$1
	shift
	[ "$code" != 124 ] || echo "no end after $command_bound s: memctl $*" >&2
	return "$code"
}

# The same in place of this shell, so that a signal reaches memctl: see wait_end.
m_exec() {
	touch "$work/region"
	MEMMGR_DEVICE=$work/region ASAN_OPTIONS=detect_leaks=0 \
		LD_PRELOAD="$asan $out/fake_memmgr.so" exec "$out/memctl" "$@"
}

# wait_for TEXT FILE: until the file is there and has it.
wait_for() {
	local i
	for ((i = 0; i < command_bound * 10; i++)); do
		! grep -qsF -- "$1" "$2" || return 0
		sleep 0.1
	done
	echo "no '$1' in:"
	cat "$2"
	return 1
}

# ended_as CODE EXPECTED TEXT: the exit code of what ran into $work/ran and $work/stderr,
# and the text among what it printed.
ended_as() {
	[ "$1" = "$2" ] && grep -qF -- "$3" "$work/ran" && return
	echo "exit code $1 instead of $2, or no '$3' in:"
	cat "$work/ran" "$work/stderr"
	return 1
}

# wait_end PID: its exit code, as of m.
wait_end() {
	local pid=$1 watcher rc=0
	(trap 'kill $!; exit' TERM; sleep "$command_bound" & wait $!; kill -KILL "$pid") >/dev/null 2>&1 &
	watcher=$!
	wait "$pid" || rc=$?
	kill "$watcher" 2>/dev/null || echo "no end after $command_bound s: process $pid" >&2
	return "$rc"
}

# until_caught SIGNAL PID: until the process is memctl, no longer a shell, and has a handler
# for it; a bit each in hexadecimal.
until_caught() {
	local i caught bit=$((1 << ($(kill -l "$1") - 1)))
	for ((i = 0; i < 600; i++)); do
		caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$2/status") || return
		((0x$caught & bit)) && [ "$(cat "/proc/$2/comm")" = memctl ] && return
		sleep 0.1
	done
	echo "process $2 does not catch $1"
	return 1
}

# fails CODE TEXT COMMAND...: the exit code, and the text on stderr.
fails() {
	local code=$1 text=$2 rc=0
	shift 2
	"$@" >"$work/stdout" 2>"$work/stderr" </dev/null || rc=$?
	[ "$rc" = "$code" ] || { echo "exit code $rc instead of $code: $*"; return 1; }
	[ -z "$text" ] || grep -qF -- "$text" "$work/stderr" || {
		echo "no '$text' in:"; cat "$work/stderr"; return 1; }
}

# prints TEXT COMMAND...: success, and the text on stdout.
prints() {
	local text=$1
	shift
	"$@" >"$work/stdout" </dev/null
	grep -qF -- "$text" "$work/stdout" || { echo "no '$text' in:"; cat "$work/stdout"; return 1; }
}

# says FILTER VALUE COMMAND...: success, JSON of our schema, and what jq finds there.
says() {
	local expression=$1 value=$2 found
	shift 2
	"$@" </dev/null >"$work/stdout"
	[ "$(jq -r .schema "$work/stdout")" = memctl/1 ]
	found=$(jq -rc "$expression" "$work/stdout")
	[ "$found" = "$value" ] || { echo "$expression is $found instead of $value"; return 1; }
}

lacks() { ! grep -E "$1" "$2" || { echo "'$1' in:"; cat -v "$2"; return 1; }; }

# no_controls FILE: no byte that a terminal may take for a command, only text in lines.
no_controls() {
	! LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f-\xff]' "$1" || { cat -v "$1"; return 1; }
}

no_escapes() { lacks $'\033' "$1"; }

# terminal TERM WORDS: memctl on a terminal of 80 x 24 with stdin as its keys; what it
# wrote is in $work/screen, and its exit code is returned. Whoever started the tests may
# ignore signals (nohup, a job in the background): memctl shall not.
terminal() {
	cat >"$work/run" <<-EOT
		stty rows 24 cols 80
		stty -g >$work/stty.before
		export MEMMGR_DEVICE=$work/region ASAN_OPTIONS=detect_leaks=0 TERM=$1
		LD_PRELOAD='$asan $out/fake_memmgr.so' $out/memctl $2
		code=\$?
		stty -g >$work/stty.after
		exit \$code
	EOT
	touch "$work/region"
	timeout --foreground 120 env --default-signal script -qec "bash $work/run" /dev/null \
		>"$work/screen"
}

# checkerboard: main is full of allocations of 1 MiB, and every second one is freed:
# 24 MiB free. The fake device has 48 MiB.
checkerboard() {
	m alloc 1M --count 48 --tag keep --json | jq -r '.allocations[].handle' >"$work/handles"
	# shellcheck disable=SC2046 # words
	m free $(awk 'NR % 2' "$work/handles") >/dev/null
}

# by COMM UID PINS COMMAND...: what somebody else allocates.
by() {
	local owner="$1 $2 $3"
	shift 3
	FAKE_OWNER=$owner m "$@" >/dev/null
}

# A region with three owners: 6 MiB of a heap, then 12 MiB that may move, then 6 MiB of
# which 3 may not.
three_owners() {
	m heap create frames --kind pool --block-size 1M --count 6 >/dev/null
	by camera 1000 0 alloc 6M --count 2 --tag picture
	by 'a<&>b' 1001 0 alloc 3M --tag small
	by 'a<&>b' 1001 2 alloc 3M --tag weights
}

# bad_trace TEXT LINES: printf of LINES as a trace is refused with TEXT.
bad_trace() {
	# shellcheck disable=SC2059 # it is a format
	printf "$2" >"$work/trace"
	fails 1 "$1" m replay "$work/trace"
}

# advises TEXT COMMAND...: success, and the text among the advice of a report.
advises() {
	local text=$1
	shift
	"$@" --json </dev/null | jq -r '.report.advice[].text' >"$work/stdout"
	grep -qF -- "$text" "$work/stdout" || { echo "no '$text' in:"; cat "$work/stdout"; return 1; }
}
