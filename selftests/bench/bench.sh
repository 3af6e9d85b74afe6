#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in a guest that counts instructions: measures memmgr and its rivals, one
# line "BENCH {json}" each, then judges the targets as KTAP.

set -eu

modules=${MODULES:-/lib/modules}
dir=/sys/kernel/debug/memmgr_bench
mappings=${MAPPINGS:-/usr/lib/memmgr/selftests/mappings}
mallocs=${MALLOCS:-/usr/lib/memmgr/selftests/mallocs}
rivals=${RIVALS:-/usr/lib/memmgr/rivals}
traces=${TRACES:-/usr/share/memmgr/traces}
results=$(mktemp)
trap 'rm -f "$results"' EXIT

heaps="bpool:pool:object=64,count=4096"
heaps="$heaps;bslab:slab:object=64,bytes=4M"
heaps="$heaps;bstack:stack:bytes=64K"
heaps="$heaps;bcheck:buddy:bytes=8M,granule=32"
heaps="$heaps;btlsf:tlsf:bytes=8M"

# name of the measurement, figure that counts, comparison, bound. The calls of programs are held
# where they are. The project wants less of some: 3,800 of ioctl_main_page_pair, 450, 600, 600
# and 800 of the batches of pool, slab, stack and buddy, no more of ioctl_refused than of an ALLOC
# that succeeds, and 3,000 of frag_query_worst.
targets() {
	cat <<-EOT
	clock_64_nops       max   -eq  64
	pool_pair           mean  -le  100
	pool_exhausted      mean  -le  150
	bulk_pool_pair      mean  -le  35
	bulk_slab_pair      mean  -le  60
	slab_pair           mean  -le  180
	stack_pair          mean  -le  110
	buddy_pair          mean  -le  250
	buddy_checkerboard  max   -le  500
	tlsf_random_alloc   max   -le  400
	frag_query          mean  -le  2670
	frag_query_worst    mean  -le  4045
	ioctl_pool_pair     mean  -le  2995
	ioctl_private_pair  mean  -le  2900
	ioctl_slab_pair     mean  -le  3300
	ioctl_stack_pair    mean  -le  3030
	ioctl_buddy_pair    mean  -le  3275
	ioctl_main_page_pair  mean  -le  4015
	ioctl_refused       mean  -le  3025
	batch_pool_pair     mean  -le  580
	batch_private_pair  mean  -le  565
	batch_slab_pair     mean  -le  880
	batch_stack_pair    mean  -le  615
	batch_buddy_pair    mean  -le  985
	move_granule        mean  -le  $((2 * $(figure copy_granule mean) + 1500))
	map_write_page      mean  -le  400
	map_prefault_page   mean  -le  120
	unmap_page          mean  -le  110
	merge_dry           mean  -le  300
	compact_off         mean  -le  2000
	compact_off_mapped  mean  -le  2000
	load_64m            mean  -le  1024
	heap_pool_4096      mean  -le  128
	heap_slab_empty     mean  -le  32
	EOT
}

# feature of memctl, how it is turned on, how off: what a pair costs meanwhile
features() {
	cat <<-EOT
	leaks       leaks --on bcheck                  leaks --off bcheck
	latency     latency bcheck --on                latency bcheck --off
	inject      inject heap bcheck --skip=4000000000  inject heap bcheck --off
	red-zones   debug bcheck --red-zones           debug bcheck --off
	poison      debug bcheck --poison              debug bcheck --off
	quarantine  debug bcheck --quarantine          debug bcheck --off
	guards      debug bcheck --guards              debug bcheck --off
	EOT
}

# What costs no more while it is off than in a build without it.
pairs="pool_pair slab_pair stack_pair buddy_small"
off_bound=6

# What the documents say of the measurements: NAME IMPL FIELD;NUMBER;WHERE. A new compiler or
# kernel moves figures by a few instructions, and is no reason to change the documents.
documented=${0%/*}/documented
drift=0.02

# Of the system's memory, unless the arguments say where.
load() {
	insmod "${module:-$modules/memmgr.ko}" size=32M "$@"
	insmod "$modules/memmgr_bench.ko" unit=insn
}

unload() {
	rmmod memmgr_bench
	rmmod memmgr
}

# measure FILE...: one line each, also kept for the judgement.
measure() {
	for file; do
		if line=$(cat "$file" 2>&1); then
			echo "$line" >>"$results"
			echo "BENCH $line"
		else
			echo "# ${file##*/}: $line"
		fi
	done
}

# figure NAME KEY: of memmgr, or of the clock itself; rounded up, empty without a result.
figure() {
	sed -n "s/.*\"name\":\"$1\",\"impl\":\"\(memmgr\|clock\|kernel\)\".*\"$2\":\([0-9.]*\).*/\2/p" \
		"$results" | awk '{ n = int($1); print n + ($1 > n) }'
}

# System memory that is free, in KiB: in the kernel's lists, and kept at hand by each CPU. Caches
# that the kernel can do without count as free.
free_memory() {
	echo 3 >/proc/sys/vm/drop_caches
	sleep 0.2
	awk '/pages free/ { n += $3 } /count:/ { n += $2 } END { print n * 4 }' /proc/zoneinfo
}

# footprint NAME COMMAND...: the system memory that the command leaves in use.
footprint() {
	name=$1
	shift
	before=$(free_memory)
	"$@" >/dev/null
	kib=$((before - $(free_memory)))
	line="{\"name\":\"$name\",\"impl\":\"memmgr\",\"unit\":\"KiB\",\"n\":1,\"mean\":$kib,\"max\":$kib}"
	echo "$line" >>"$results"
	echo "BENCH $line"
}

# The memory of the region lies beyond mem=. The first call of memctl is no part of a figure.
footprints() {
	memctl --version >/dev/null
	footprint load_64m insmod "$modules/memmgr.ko" base=0x58000000 size=64M
	memctl info >/dev/null
	footprint heap_pool_4096 \
		memctl heap create fpool --kind pool --object-size 64 --count 4096
	footprint heap_slab_empty memctl heap create fslab --kind slab --object-size 8 --size 4M
	rmmod memmgr
}

# What needs an empty region goes first, with no heap but main.
echo "KTAP version 1"
footprints
load
measure $dir/memmgr.buddy_pair $dir/memmgr.buddy_5pages $dir/kernel.copy_granule
# Compaction moves allocations, which only a program has. The calls of programs have a region
# of their own, as the records of moves are still there.
"${MOVES:-/usr/lib/memmgr/selftests/moves}" | tee "$results.moves"
unload
load
"${CALLS:-/usr/lib/memmgr/selftests/calls}" | tee "$results.calls"
unload
load
"$mappings" memmgr-pages | tee "$results.pages"
unload
load base=0x58000000 size=64M
"$mappings" | tee "$results.mappings"
{
	"$mallocs" memmgr "$traces"/*
	"$mallocs" glibc '' "$traces"/*
	"$mallocs" jemalloc "$rivals/libjemalloc.so.2" "$traces"/*
	"$mallocs" mimalloc "$rivals/libmimalloc.so.2" "$traces"/*
} >"$results.mallocs"
cat "$results.mallocs"
unload
sed 's/^BENCH //' "$results.moves" "$results.calls" "$results.mappings" "$results.pages" \
	"$results.mallocs" >>"$results"
rm "$results.moves" "$results.calls" "$results.mappings" "$results.pages" "$results.mallocs"
load "heaps=$heaps"
for file in "$dir"/*.*; do
	case $file in
	*/memmgr.buddy_pair | */memmgr.buddy_5pages | */kernel.copy_granule) ;;
	*) measure "$file" ;;
	esac
done

# measure_as IMPL NAME: the same under another name.
measure_as() {
	line=$(sed "s/\"impl\":\"memmgr\"/\"impl\":\"$1\"/" "$dir/memmgr.$2")
	echo "$line" >>"$results"
	echo "BENCH $line"
}

# With a feature on, and the heap as it is else.
features | sed 's/   */;/g' >"$results.features"
while IFS=';' read -r feature on off; do
	# shellcheck disable=SC2086 # words
	memctl $on >/dev/null && measure_as "memmgr+$feature" buddy_small && memctl $off >/dev/null
done <"$results.features"
rm "$results.features"

number=0
failed=0
echo "1..$(($(targets | wc -l) + $(echo "$pairs" | wc -w) + 1 + $(wc -l <"$documented")))"
verdict() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		failed=$((failed + 1))
	fi
}

# The same again must give the same figures, to the digit.
again=0
for name in memmgr.pool_pair memmgr.slab_pair memmgr.stack_pair memmgr.buddy_small; do
	grep -qxF "$(cat $dir/$name)" "$results" || again=1
done
unload

# A build without DEBUG, measured the same way.
module=$modules/memmgr-nodebug.ko
load "heaps=$heaps"
for name in $pairs; do
	measure_as memmgr-without-debug "$name"
done
unload

# measured NAME IMPL FIELD
measured() {
	sed -n "s/.*\"name\":\"$1\",\"impl\":\"$2\".*\"$3\":\([0-9.]*\).*/\1/p" "$results" | head -n 1
}

for name in $pairs; do
	on=$(measured "$name" memmgr mean) without=$(measured "$name" memmgr-without-debug mean)
	rc=0
	awk "BEGIN { exit !($on - $without <= $off_bound) }" || rc=1
	verdict $rc "off_costs_$name # $on insn, $without in a build without DEBUG, at most $off_bound more"
done

targets >"$results.targets"
while read -r name key comparison bound; do
	value=$(figure "$name" "$key")
	rc=1
	[ -z "$value" ] || [ ! "$value" "$comparison" "$bound" ] || rc=0
	unit=$(sed -n "s/.*\"name\":\"$name\",.*\"unit\":\"\([^\"]*\)\".*/\1/p" "$results" | head -n 1)
	verdict $rc "$name # $key ${value:-none} $unit, target $comparison $bound"
done <"$results.targets"
rm "$results.targets"
verdict $again "repeatable"

while IFS=';' read -r key told where; do
	# shellcheck disable=SC2086 # NAME IMPL FIELD
	value=$(measured $key)
	rc=0
	awk "BEGIN {
		v = ${value:-0}; d = $drift * $told + 0.5
		exit !(v > 0 && v >= $told - d && v <= $told + d)
	}" || rc=1
	verdict $rc "document_$(echo "$key" | tr ' ' _) # ${value:-not} measured, $where says $told"
done <"$documented"
[ $failed = 0 ]
