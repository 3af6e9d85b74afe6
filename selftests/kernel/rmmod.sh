#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Unloading: refused while somebody uses the device, complete otherwise.
# Rule: memmgr(4), DESCRIPTION, and memmgr(7), SHARING, "dma-bufs".

cd "$(dirname "$0")" || exit 1
. ./common.sh
require_module

refused_while_open() {
	exec 5<>/dev/memmgr
	if rmmod memmgr 2>/dev/null; then
		echo "rmmod was not refused"
		return 1
	fi
	rmmod memmgr 2>&1 | grep -i 'busy\|unavailable\|in use' || return 1
	[ -c /dev/memmgr ] || return 1
	exec 5>&-
}

# A process that sleeps with the device as its standard input.
refused_while_a_process_holds_it() {
	sleep 1000 </dev/memmgr &
	i=0
	until [ "$(readlink /proc/$!/fd/0)" = /dev/memmgr ]; do
		i=$((i + 1))
		[ $i -lt 60 ] || return 1
		sleep 1
	done
	if rmmod memmgr 2>/dev/null; then
		echo "rmmod was not refused"
		kill $!
		return 1
	fi
	kill $!
	wait $! 2>/dev/null
	rmmod memmgr
}

load_and_unload_many_times() {
	i=0
	while [ $i -lt 20 ]; do
		load || return 1
		[ -c /dev/memmgr ] || return 1
		rmmod memmgr || return 1
		nothing_left || return 1
		i=$((i + 1))
	done
}

# An open file does not keep the kernel from freeing a module whose init fails. So no
# node of any region may have been there before the last parameter was refused.
failed_load_shows_no_node() {
	mark_log
	not load base=1 size=4K || return 1
	log
	log | grep -q refused && ! log | grep 'KiB at /dev/'
}

second_load_is_refused() {
	! load 2>/dev/null && [ -c /dev/memmgr ]
}

check nothing_before nothing_left
check failed_load_shows_no_node failed_load_shows_no_node
check nothing_left_by_failed_load nothing_left
check load load
check device test -c /dev/memmgr
check debugfs ls -d /sys/kernel/debug/memmgr/*/summary
check second_load_is_refused second_load_is_refused
check refused_while_open refused_while_open
check unload_after_close rmmod memmgr
check nothing_left nothing_left
check load_again load
check refused_while_a_process_holds_it refused_while_a_process_holds_it
check nothing_left_of_it nothing_left
check load_and_unload_many_times load_and_unload_many_times
finish
