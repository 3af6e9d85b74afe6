# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by the other scripts: where things are, how to speak, how to take turns.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
cache=${MEMMGR_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/memmgr}
jobs=${JOBS:-$(nproc)}
self=${0##*/}

. "$top/scripts/kernels.sh"

say() { printf '%s: %s\n' "$self" "$*" >&2; }

die() {
	say "error: $1"
	[ -z "${2:-}" ] || say "  remedy: $2"
	exit 1
}

# step TEXT COMMAND...: says what starts and, at its end, how long it took.
# The command's output goes to a log that is shown only when it fails, with $remedy
# if the caller set one. The
# command runs in a subshell that ends at the first error.
step() {
	local text=$1 log rc start=$SECONDS
	shift
	mkdir -p "$build/log"
	log=$(mktemp "$build/log/step.XXXXXX")
	printf '%s: %s ... ' "$self" "$text" >&2
	set +e
	if [ "${V:-0}" = 1 ]; then
		printf '\n' >&2
		(set -e; "$@") 2>&1 | tee "$log" >&2
	else
		(set -e; "$@") >"$log" 2>&1
	fi
	rc=$?
	set -e
	[ $rc = 0 ] || step_failed "$log"
	rm -f "$log"
	printf '%d s\n' $((SECONDS - start)) >&2
}

step_failed() {
	printf 'failed\n' >&2
	[ "${V:-0}" = 1 ] || tail -n 40 "$1" >&2
	rm -f "$1"
	[ -z "${remedy:-}" ] || say "remedy: $remedy"
	exit 1
}

# One writer at a time for a thing under build/ or the cache. The lock is held
# until the script ends; locks are taken in the order cache, build.
turn() {
	mkdir -p "$(dirname "$1")"
	exec {lock_fd}>"$1"
	if ! flock -n "$lock_fd"; then
		say "waiting for another run that holds $1"
		flock "$lock_fd"
	fi
}

# copy_sources DIR PATH...: the sources under PATH, with their times.
copy_sources() {
	local dir=$1 file
	shift
	mkdir -p "$dir"
	find "$@" -type f \( -name '*.[chS]' -o -name Kbuild \) | cpio -pdmu --quiet "$dir"
	# A header that has moved must not be found where it was.
	while read -r file; do
		[ -e "$file" ] || rm -f "$dir/$file"
	done < <(cd "$dir" && find . -name '*.[hS]')
}

# The boot cases with $1=1.
boots_with() {
	grep -l "^$1=1" "$top"/selftests/boots/*.boot | xargs -n 1 basename -s .boot
}

# A case's ONLY is a machine, or none, and a reason.
only_fits() { [ -z "$ONLY" ] || [ "${ONLY%%:*}" = "$arch" ]; }

# Does case $1 boot on this kernel?
boots_here() {
	(
		ONLY=''
		# shellcheck source=/dev/null
		. "$top/selftests/boots/$1.boot"
		only_fits
	)
}

# The kernel that make's KERNEL= names.
for_kernel "${KERNEL:-armhf}"
