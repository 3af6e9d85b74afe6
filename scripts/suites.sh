# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by check and quick, behind results.sh: the suites that need no kernel.

# What the build prints goes to the step's log, the list to a file.
list_units() {
	make --no-print-directory -C selftests/unit -j"$jobs" O="$build/unit" >&2
	make -s --no-print-directory -C selftests/unit O="$build/unit" list >"$results/units"
}

build_units() {
	! wanted unit || step "building the unit tests" list_units
}

units() {
	local program name names=() pids=()
	wanted unit || return 0
	while read -r program; do
		name=unit.$(basename "$program")
		wanted "$name" || continue
		names+=("$name")
		await_place "$jobs"
		beside "$name" "$program"
		pids+=($!)
	done <"$results/units"
	[ ${#pids[@]} = 0 ] || wait "${pids[@]}" 2>/dev/null || true
	for name in "${names[@]}"; do
		conclude "$name"
	done
}

# Suites of one process run beside all others: memctl's tests wait most of the time, and the
# static checks use what the boots leave.
begun=()
begin() {
	wanted "$1" || return 0
	beside_all "$@"
	begun+=("$1")
}

# The static checks named.
statics() {
	local name names=()
	for name; do
		! matches "static.$name" || names+=("$name")
	done
	[ ${#names[@]} -gt 0 ] || return 0
	beside_all static scripts/static "${names[@]}"
	begun+=(static)
}

end_begun() {
	local name
	wait
	for name in "${begun[@]}"; do
		conclude "$name"
	done
}
