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
	local program name names=()
	wanted unit || return 0
	while read -r program; do
		name=unit.$(basename "$program")
		wanted "$name" || continue
		names+=("$name")
		await_place "$jobs"
		beside "$name" "$program"
	done <"$results/units"
	wait
	for name in "${names[@]}"; do
		conclude "$name"
	done
}

# Suites of one process run beside the unit tests.
begun=()
begin() {
	wanted "$1" || return 0
	beside "$@"
	begun+=("$1")
}

end_begun() {
	local name
	wait
	for name in "${begun[@]}"; do
		conclude "$name"
	done
}

# The static checks named run beside the boots.
statics() {
	local name names=()
	static_pid=
	for name; do
		! matches "static.$name" || names+=("$name")
	done
	[ ${#names[@]} -gt 0 ] || return 0
	beside static scripts/static "${names[@]}"
	static_pid=$!
}

statics_end() {
	[ -n "$static_pid" ] || return 0
	wait "$static_pid"
	conclude static
}
