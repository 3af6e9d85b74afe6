# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by check and check-debug: runs suites, prints one flat TAP, counts.
# The caller sets $pattern, an extended regular expression or nothing.

results=$build/results
[ "${kernel:-armhf}" = armhf ] || results+=-$kernel
passed=0 failed=0 skipped=0 number=0
# Seconds until a suite is ended by force, and then until nothing of it is left: only what
# hangs takes so long, be the machine as slow and as busy as it may.
bound=1800 grace=30
mkdir -p "$results"

# What a suite's results may depend on: known names are trusted while it is the same.
tests_hash=$(cd "$top" && find selftests scripts tools/trace -type f -exec sha256sum {} + |
	LC_ALL=C sort | sha256sum | cut -c1-16)

matches() { [ -z "$pattern" ] || [[ $1 =~ $pattern ]]; }

# alternatives PATTERN: those that | parts outside of parentheses, one a line.
alternatives() {
	local i char depth=0 text=''
	for ((i = 0; i < ${#1}; i++)); do
		char=${1:i:1}
		case $char in
		\\)
			i=$((i + 1))
			text+=$char char=${1:i:1}
			;;
		'(') depth=$((depth + 1)) ;;
		')') depth=$((depth - 1)) ;;
		esac
		if [ "$char$depth" = '|0' ]; then
			echo "$text"
			text=''
		else
			text+=$char
		fi
	done
	echo "$text"
}

# may_match SUITE PATTERN: not, where what the pattern begins with, ^word or ^(word|word),
# is no name of the suite and its tests.
may_match() {
	local part word rest
	while read -r part; do
		if [[ $part =~ ^\^\(([a-z|-]+)\)(.*) ]]; then
			rest=${BASH_REMATCH[2]}
			[[ $rest != [?*\{]* ]] || return 0
			! may_match "$1" "^${BASH_REMATCH[1]//|/$rest|^}$rest" || return 0
			continue
		fi
		[[ $part =~ ^\^(([a-z-]|\\\.)+)([?*{]?) ]] || return 0
		word=${BASH_REMATCH[1]//\\./.}
		[ -z "${BASH_REMATCH[3]}" ] || word=${word%?}
		[[ $1. != "$word"* && $word != "$1."* ]] || return 0
	done < <(alternatives "$2")
	return 1
}

# Can the suite have a test that the pattern wants? Its last run tells which tests it has;
# a suite that has not run since its sources changed might have any.
wanted() {
	local names=$results/$1.names
	[ -n "$pattern" ] || return 0
	may_match "$1" "$pattern" || return 1
	[ "$(head -n 1 "$names" 2>/dev/null)" = "$tests_hash" ] || return 0
	grep -qE -- "$pattern" <(tail -n +2 "$names")
}

# result STATUS NAME [COMMENT]
result() {
	matches "$2" || return 0
	number=$((number + 1))
	case $1 in
	ok)
		passed=$((passed + 1))
		echo "ok $number $2"
		;;
	skip)
		skipped=$((skipped + 1))
		echo "ok $number $2 # $3"
		;;
	*)
		failed=$((failed + 1))
		echo "not ok $number $2${3:+ # $3}"
		;;
	esac
}

# A failure that no name in the pattern may hide.
failure() {
	local pattern=''
	result 'not ok' "$@"
}

# fold SUITE FILE: counts the results in a file of TAP. Sets fold_failed.
fold() {
	local kind status name comment shown=0
	fold_failed=0 fold_results=0
	echo "$tests_hash" >"$results/$1.names"
	while IFS=$'\t' read -r kind status name comment; do
		if [ "$kind" = D ]; then
			[ $shown = 0 ] || echo "#   $status"
			continue
		fi
		fold_results=$((fold_results + 1))
		echo "$1.$name" >>"$results/$1.names"
		shown=0
		if [ "$status" = 'not ok' ]; then
			fold_failed=$((fold_failed + 1))
			! matches "$1.$name" || shown=1
		fi
		result "$status" "$1.$name" "$comment"
	done < <(awk -f "$top/scripts/tap.awk" "$2" | sed 's/\t\t/\t-\t/; s/\t-$/\t/')
}

# A suite is a command that prints TAP. Its two halves, so that suites can run
# beside each other: capture NAME COMMAND... runs it, in a subshell of its own, conclude
# NAME counts its results. An exit code that these do not explain is a failure, and so is
# a suite without results, or one that has not ended in $bound.
capture() {
	local name=$1 rc=0 start=$SECONDS late=''
	shift
	# Commands in the background would ignore SIGINT.
	env --default-signal=INT,QUIT timeout -k "$grace" "$bound" "$@" \
		>"$results/$name.tap" 2>"$results/$name.err" </dev/null &
	# It has made a process group of its own, and ends that when it is told to.
	# shellcheck disable=SC2064 # of this process
	trap "kill $!; exit 143" INT TERM
	wait $! || rc=$?
	[ $((SECONDS - start)) -lt "$bound" ] || late="no end after $bound s"
	echo "$rc $late" >"$results/$name.rc"
	echo $((SECONDS - start)) >"$results/$name.time"
	say "$name: $((SECONDS - start)) s"
}

conclude() {
	local rc late
	fold "$1" "$results/$1.tap"
	read -r rc late <"$results/$1.rc"
	explain "$1" "$rc" "$late"
}

# Captures a suite beside others, in a process group of its own; end_jobs ends those
# that still run.
beside() {
	set -m
	capture "$@" &
	set +m
}

# Suites that wait most of the time, or use what others leave: they take no place, and what
# CPU the boots leave, which have a bound in time.
aside=()
beside_all() {
	beside "$1" nice "${@:2}"
	aside+=($!)
}

# A place for one more beside those that run; $1: how many there may be.
await_place() {
	while [ "$(jobs -rp | grep -cvxFf <(printf '%s\n' - "${aside[@]}"))" -ge "$1" ]; do
		wait -n
	done
}

# The terminal's Ctrl-C does not reach other process groups. make passes a signal on that
# has come here too: the second one must not end this.
end_jobs() {
	local pid
	trap '' INT TERM
	for pid in $(jobs -p); do
		kill -- "-$pid" 2>/dev/null || true
	done
}

# Seconds until scripts/boot ends the guest of case $1: the case may compute them.
boot_timeout() {
	(
		TIMEOUT=600
		# shellcheck source=/dev/null
		. "selftests/boots/$1.boot"
		echo "$TIMEOUT"
	)
}

# The boot cases with $1=1, those first that take longest: so that none of these is begun
# when the others are done.
longest_first() {
	local case
	for case in $(boots_with "$1"); do
		echo "$(sed -n 's/^TAKES=//p' "selftests/boots/$case.boot" | grep . || echo 0) $case"
	done | sort -s -k1,1nr | awk '{ print $NF }'
}

# A boot ends its guest by force after TIMEOUT; what it does before and after has a bound
# as well. $1: the case.
boot_bound() {
	local seconds
	seconds=$(boot_timeout "$1")
	[[ $kernel != *debug ]] || seconds=$((seconds * 3))
	echo $((seconds + 300))
}

# Boots the cases with $1=1, by scripts/boot with the options that follow $2, which is
# put before their names. The caller's guest makes what they boot. Most of a boot keeps
# one CPU busy: as many share the machine as it has, up to 4 for the sake of its memory.
# Their results come in order, as soon as those before have ended. Exit code 3 of a boot
# is its command's: failed tests explain it.
boots() {
	local flag=$1 prefix=$2 case name names=() pids=() own_rc=3 bound
	shift 2
	for case in $(longest_first "$flag"); do
		name=$prefix$case
		wanted "$name" || continue
		guest
		await_place $((jobs < 4 ? jobs : 4))
		conclude_ended
		bound=$(boot_bound "$case")
		beside "$name" scripts/boot "$@" "$case"
		names+=("$name")
		pids+=($!)
	done
	while [ ${#pids[@]} != 0 ]; do
		wait "${pids[0]}" || true
		conclude_ended
	done
}

# Of boots: the first ones that have ended.
conclude_ended() {
	while [ ${#pids[@]} != 0 ] && ! jobs -rp | grep -qx "${pids[0]}"; do
		conclude "${names[0]}"
		names=("${names[@]:1}")
		pids=("${pids[@]:1}")
	done
}

# explain SUITE CODE LATE
explain() {
	local text=$3
	if [ -n "$text" ]; then
		text+=", after $fold_results results"
	elif [ "$2" != 0 ] && { [ "$2" != "${own_rc:-$2}" ] || [ $fold_failed = 0 ]; }; then
		text="exit code $2 after $fold_results results"
	elif [ $fold_results = 0 ]; then
		text="no results"
	fi
	echo "$1.end" >>"$results/$1.names"
	if [ -z "$text" ]; then
		result ok "$1.end"
		return
	fi
	failure "$1.end" "$text"
	{ tail -n 15 "$results/$1.tap"; tail -n 45 "$results/$1.err"; } | sed 's/^/#   /'
}

# The closing line, and the exit code.
close() {
	local line="$passed passed, $failed failed"
	[ $skipped = 0 ] || line+=", $skipped skipped"
	[ $((passed + failed)) != 0 ] || say "error: no test${pattern:+ matches $pattern}"
	[ -z "${TIMES:-}" ] || "$top/scripts/times" "$TIMES"
	echo "1..$number"
	echo "$line"
	[ $failed = 0 ] && [ $passed != 0 ]
}
