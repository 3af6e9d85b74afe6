# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Builds of the module beside the tree, for checks: source this behind lib.sh.

work=$build/static
[ "$kernel" = armhf ] || work+=-$kernel

# kbuild NAME [VARIABLE=VALUE]...: builds the module in a copy of its own. Fails
# if there is an error or a warning, and prints these alone.
kbuild() {
	local dir=$work/$1 log=$work/$1.make rc=0
	shift
	copy_sources "$dir" Kbuild module include
	make --no-print-directory -C "$headers" M="$dir" "${kbuild_flags[@]}" \
		-j"$jobs" "$@" modules >"$log" 2>&1 || rc=$?
	! grep -E -A 3 '(warning|error):|(WARNING|ERROR):|\*\*\*' "$log" || return 1
	return $rc
}

# The same from nothing, unless a check of this run has built NAME without a warning.
kbuild_once() {
	[ ! -f "$work/$1.built" ] || return 0
	rm -rf "${work:?}/$1"
	kbuild "$@" && touch "$work/$1.built"
}
