#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest: the shortest way through all of it, and nothing left behind.

number=0
bad=0
# check NAME COMMAND...
check() {
	name=$1
	shift
	number=$((number + 1))
	if "$@" >/tmp/smoke.out 2>&1; then
		echo "ok $number $name"
	else
		sed 's/^/# /' /tmp/smoke.out
		echo "not ok $number $name"
		bad=1
	fi
}

nothing_left() {
	! ls /dev/memmgr* /sys/kernel/debug/memmgr && ! grep memmgr /proc/iomem
}

# No rule of udev has been here: this is what the module gives.
group_only() { stat -c '%a %F' "$1" && [ "$(stat -c '%a %F' "$1")" = "660 character special file" ]; }

echo "KTAP version 1"
echo "1..35"
# shellcheck disable=SC2086 # words
check insmod insmod /lib/modules/memmgr.ko $MEMMGR_PARAMETERS
check device test -c /dev/memmgr
check device_mode group_only /dev/memmgr
check dma_heap_mode group_only /dev/dma_heap/memmgr
check reserved grep -i '^ *50000000-53ffffff : memmgr' /proc/iomem
check debugfs ls /sys/kernel/debug/memmgr/memmgr/summary
check info memctl info
check heaps_of_the_board sh -c '
	for heap in main frames objects scratch small; do
		memctl heap list | grep -w $heap || exit 1
	done'
check alloc memctl alloc 20K --tag smoke
check protect sh -c 'memctl protect smoke read | grep -w read'
check protected sh -c '! echo x | memctl write smoke'
check sync memctl sync smoke device --length 4K
# 20 KiB in whole pages.
size=$(memctl info | awk '/^granule/ { page = $2 * 1024; print int((20479 + page) / page) * page }')
export size
check export sh -c '
	memctl export smoke -- sh -c "readlink /proc/self/fd/\$MEMMGR_FD | grep dmabuf &&
		test \$MEMMGR_SIZE = $size && exit 7"
	test $? = 7'
check seal sh -c 'memctl seal smoke | grep -w yes'
check sealed sh -c '! memctl protect smoke read-write 2>&1 && ! memctl resize smoke 4K'
check clients sh -c 'memctl clients | grep -w closed'
check quota sh -c 'memctl quota user 0 --bytes 24K | grep -w "24 KiB"'
check over_quota sh -c '! memctl alloc 8K 2>/tmp/error && grep -i quota /tmp/error'
check no_quota sh -c 'memctl quota user 0 --default && memctl alloc 8K --tag more'
check no_such_client sh -c '! memctl quota client 4000000 --bytes 1'
check no_such_access sh -c '! memctl protect smoke everything'
check free memctl free smoke
check explain sh -c 'memctl frag --explain 1M | grep "would succeed"'
check defrag sh -c 'memctl defrag --dry-run && memctl defrag | grep "largest run"'
check health sh -c 'memctl health | grep -w good'
check pin memctl pin more -- sh -c 'test -n "$MEMMGR_OFFSET" && memctl free more; test $? = 1'
check inject sh -c '
	memctl inject heap main --skip 1 --times 1 -- sh -c "
		memctl alloc 4K --tag in && ! memctl alloc 4K && memctl free in && exit 5"
	test $? = 5 && memctl inject heap main | grep -w off'
check injected sh -c 'memctl failures | grep -w injected'
check inject_killed sh -c '
	memctl inject heap main --times 1 -- sleep 60 &
	i=0
	until memctl inject | grep -w main; do
		i=$((i + 1)); [ $i -lt 60 ] || exit 1; sleep 1
	done
	kill -TERM $!; wait $!; test $? = 143 && memctl alloc 4K --tag in && memctl free in'
check latency sh -c '
	memctl latency main -- sh -c "memctl alloc 64K --tag timed && memctl free timed && exit 6" >/tmp/latency
	test $? = 6 && grep "^alloc: 1 call, 0 failed" /tmp/latency &&
		grep "longest free took .*: of 64 KiB by memctl (pid" /tmp/latency'
check latency_json sh -c '
	memctl latency main --json | grep "\"count\": 1" && memctl latency main --off --reset'
check leaks sh -c '
	memctl leaks --on | grep "heaps are tracked" && memctl alloc 4K --tag leaked &&
		memctl leaks | grep "4K.*memctl+0x" && memctl leaks --off && memctl free leaked'
check leave sh -c 'memctl alloc 1M --tag left && memctl heap create left --kind pool --object 4K --count 16'
check rmmod rmmod memmgr
# What looks at a region some time after it changed must not find it gone.
sleep 1
check nothing_left nothing_left
exit $bad
