# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=sh
# Sourced by the shell tests that load and unload the module themselves: KTAP,
# the module, and what a region leaves on the system. POSIX sh: the guest has
# busybox only.
#
#   MEMMGR_KO    the module; else /lib/modules/memmgr.ko, else modprobe's
#   MEMMGR_SPARE physical memory, as START:BYTES, that neither the kernel nor
#                anybody else uses; tests of base= skip without it
#   MEMMGR_NO_RAM an address where there is no memory

number=0
bad=0
out=/tmp/memmgr-test.$$
module=${MEMMGR_KO:-/lib/modules/memmgr.ko}
page=$(($(sed -n '/^KernelPageSize: */ { s///; s/ kB//p; q }' /proc/self/smaps) * 1024))

skip_all() {
	echo "1..0 # SKIP $1"
	exit 4
}

# check NAME COMMAND...: one result; what the command said is shown if it fails.
check() {
	name=$1
	shift
	number=$((number + 1))
	if "$@" >"$out" 2>&1; then
		echo "ok $number $name"
	else
		sed 's/^/# /' "$out"
		echo "not ok $number $name"
		bad=1
	fi
	rm -f "$out"
}

skip() {
	number=$((number + 1))
	echo "ok $number $1 # SKIP $2"
}

finish() {
	restore
	echo "1..$number"
	exit $bad
}

# load PARAMETER...
load() {
	if [ -f "$module" ]; then
		insmod "$module" "$@"
	else
		modprobe memmgr "$@"
	fi
}

is_loaded() { [ -d /sys/module/memmgr ]; }

unload() { ! is_loaded || rmmod memmgr; }

not() { ! "$@"; }

# Nothing of any region is to be seen.
nothing_left() {
	! ls -d /dev/memmgr* 2>/dev/null &&
		! ls -d /sys/kernel/debug/memmgr 2>/dev/null &&
		! ls -d /sys/class/misc/memmgr* 2>/dev/null &&
		! grep -i memmgr /proc/iomem
}

# Only these device nodes are there: devices NODE...
devices() {
	seen=$(cd /dev && echo memmgr*)
	[ "$seen" = "$*" ] && return
	echo "devices: '$seen', expected '$*'"
	return 1
}

# The kernel's messages since the last mark_log.
mark_log() {
	mark="memmgr-test $$ $number"
	echo "$mark" >/dev/kmsg
}
# Without times and repetitions: busybox's insmod tries a refused module twice,
# and the driver core adds a line of its own when a probe fails.
log() {
	dmesg | sed "1,/$mark/d" | grep memmgr | sed 's/^\[[^]]*\] //' |
		grep -v 'probe \(of\|with driver\) .* failed with error' | sort -u
}
complaints() { log | grep -v 'KiB at /dev/memmgr'; }

# Exactly one complaint of memmgr since the mark, and it says all of WORD...
one_error_line() {
	if [ "$(complaints | wc -l)" != 1 ]; then
		echo "not one line:"
		log
		return 1
	fi
	for word; do
		complaints | grep -qiE "$word" && continue
		log
		echo "says nothing of '$word'"
		return 1
	done
}

# A board whose device tree has regions already: parameters add no first one.
has_tree_regions() {
	grep -qs '^memmgr,region' /proc/device-tree/*/compatible
}

# The module as it was before the tests, with the parameters that it had.
remember() {
	was_loaded=0
	parameters=
	is_loaded || return 0
	was_loaded=1
	for file in /sys/module/memmgr/parameters/*; do
		[ -r "$file" ] || continue
		value=$(cat "$file")
		[ -z "$value" ] || [ "$value" = "(null)" ] ||
			parameters="$parameters ${file##*/}=$value"
	done
}

restore() {
	unload
	# shellcheck disable=SC2086 # a list of parameters
	[ "$was_loaded" = 0 ] || load $parameters
}

require_module() {
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	[ -f "$module" ] || modprobe -n memmgr 2>/dev/null ||
		skip_all "no module: set MEMMGR_KO"
	[ -d /sys/kernel/debug/tracing ] || [ -d /sys/kernel/debug/bdi ] ||
		mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
	remember
	unload || skip_all "memmgr.ko is in use"
	trap restore INT TERM
}
