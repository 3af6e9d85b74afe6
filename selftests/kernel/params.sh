#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Module parameters, good and bad. For a bad one, the module says why in one line of the
# kernel's log and leaves nothing behind.
# Rule: memmgr(4), WHERE A REGION COMES FROM and MODULE PARAMETERS.

cd "$(dirname "$0")" || exit 1
. ./common.sh
! has_tree_regions || skip_all "the device tree has regions of its own"
require_module

# good NAME CONDITION PARAMETER...
good() {
	title=$1
	condition=$2
	shift 2
	check "$title" load "$@"
	check "$title.holds" eval "$condition"
	check "$title.unload" rmmod memmgr
	check "$title.nothing_left" nothing_left
}

# refused NAME WORDS PARAMETER...: WORDS must be in the one line.
refused() {
	title=$1
	words=$2
	shift 2
	mark_log
	check "$title" not load "$@"
	unload
	# shellcheck disable=SC2086 # a list of words
	check "$title.one_line" one_error_line $words
	check "$title.nothing_left" nothing_left
}

# left_out NAME WORDS PARAMETER: the region comes without the heap, WORDS are in the line.
heaps_left=1
left_out() {
	title=$1
	words=$2
	mark_log
	check "$title" load "$3"
	check "$title.heaps" heaps_are $heaps_left
	check "$title.one_line" one_error_line "left out.*$words"
	check "$title.unload" rmmod memmgr
}

heaps_are() { [ "$(cat /sys/kernel/debug/memmgr/*/heaps | grep -vc '^#')" = "$1" ]; }
size_is() { grep -rhw "$1" /sys/kernel/debug/memmgr/*/summary; }
heap_is_there() { grep -hw "$1" /sys/kernel/debug/memmgr/*/heaps; }
four_heaps() {
	for heap in main frames objs scratch small; do
		heap_is_there $heap || return 1
	done
}
four='frames:pool:object=64K,count=16;objs:slab:object=192;scratch:stack:bytes=1M;small:buddy:bytes=1M,granule=32'

# What main costs the system: its records, of which realtime=1 makes all at load.
kernel_bytes() { memctl --json heap list | sed -n 's/.*"kernel_bytes": *\([0-9]*\).*/\1/p' | head -n 1; }

good default "size_is 16777216"
good records_when_used '[ "$(kernel_bytes)" -lt 65536 ]'
good records_at_once '[ "$(kernel_bytes)" -gt $((2048000000 / page)) ]' realtime=1
good origins_when_used "! MEMMGR_FRESH=1 ./origin | grep '^not ok'"
good origins_at_once "! ./origin | grep '^not ok'" realtime=1
good size_in_mebibytes "size_is 8388608" size=8M
good size_in_kibibytes "size_is 1048576" size=1024K
good size_in_bytes "size_is 4194304" size=4194304
good size_in_hexadecimal "size_is 2097152" size=0x200000
good heaps four_heaps "heaps=$four"
good heap_with_everything "heap_is_there all" "heaps=all:pool:object=100,align=128,count=8,max=4,fallback=main"
heap_has_rights() { heap_is_there fenced | grep -E ' 0640 +7 +44$' && heap_is_there open | grep -E ' 0666 +0 +0$'; }
good heap_with_rights heap_has_rights "heaps=fenced:pool:object=4K,count=8,mode=0640,uid=7,gid=44;open:stack:bytes=64K"
good no_joining "! ./alloc | grep -q '^not ok'" join=0
good few_records "MEMMGR_RECORDS=100 ./query" max_allocations=100

refused size_zero size size=0
refused size_is_no_number "size|invalid" size=many
refused size_beyond_everything 'size|larger' size=0xffffffffff000
refused size_beyond_64_bits "size|large" size=16E
refused size_of_too_many_digits "size|large" size=0x1000000000001000000
refused size_misaligned "page|align" size=1000001
refused max_allocations_zero max_allocations max_allocations=0
left_out heap_of_unknown_kind "kind" heaps=a:tree:bytes=1M
left_out heap_without_kind "kind" heaps=a
left_out heap_with_unknown_key "colour" heaps=a:buddy:colour=7
left_out heap_without_size "bytes is missing" heaps=a:buddy
left_out heap_without_object "object is missing" heaps=a:slab
left_out pool_without_count "count is missing" heaps=a:pool:object=4K
left_out pool_without_anything "object, count is missing" heaps=a:pool
left_out stack_with_a_granule "granule is not for a stack" heaps=a:stack:bytes=1M,granule=64
left_out heap_of_bad_mode "mode" heaps=a:stack:bytes=64K,mode=0777
left_out heap_of_bad_mode_text "mode=rw" heaps=a:stack:bytes=64K,mode=rw
left_out heap_of_no_user "uid=0xfffffffff" heaps=a:stack:bytes=64K,uid=0xfffffffff
left_out heap_of_zero "bytes is missing" heaps=a:stack:bytes=0
left_out heap_too_large "fit" heaps=a:buddy:bytes=1G
left_out heap_with_a_bad_name "name" heaps=a/b:stack:bytes=64K
left_out heap_with_a_bad_number "bytes=64X" heaps=a:stack:bytes=64X
left_out heap_beyond_64_bits "bytes=16E" heaps=a:stack:bytes=16E
left_out heap_with_an_odd_granule "granule" heaps=a:buddy:bytes=64K,granule=48
left_out heap_with_unknown_fallback "fallback=nobody" heaps=a:stack:bytes=64K,fallback=nobody
left_out heap_called_main "taken" heaps=main:stack:bytes=64K
heaps_left=2
left_out heap_twice "taken" "heaps=a:stack:bytes=64K;a:stack:bytes=64K"
left_out good_heap_beside_a_bad_one "count is missing" "heaps=a:pool:object=4K;b:stack:bytes=64K"

# A physical address that is the kernel's own memory, from the map of memory.
kernel_memory=0x$(sed -n 's/^\([0-9a-f]*\)-.*System RAM$/\1/p' /proc/iomem | sed -n 1p)
refused memory_of_the_kernel "ram|kernel|use" base="$kernel_memory" size=16M

if [ -n "$MEMMGR_SPARE" ]; then
	base=$((${MEMMGR_SPARE%:*}))
	bytes=$((${MEMMGR_SPARE#*:}))
	at() { printf '0x%x' $((base + $1)); }
	good base_and_size "size_is 16777216" base="$(at 0)" size=16M
	good all_of_it "size_is $bytes" base="$(at 0)" size=$bytes
	good odd_number_of_pages "size_is 5259264" base="$(at "$page")" size=5259264
	good one_page "size_is $page" base="$(at 0)" size="$page"
	good heaps_in_the_first_of_two "devices memmgr memmgr1 && four_heaps" \
		base="$(at 0),$(at 0x2000000)" size=16M,16M "heaps=$four"
	refused base_misaligned "page|align" base="$(at 100)" size=16M
	refused base_size_misaligned "page|align" base="$(at 0)" size=1000001
	refused base_size_zero size base="$(at 0)" size=0
	refused base_without_size size base="$(at 0)"
	refused fewer_sizes_than_bases size base="$(at 0),$(at 0x2000000)" size=16M
	refused more_sizes_than_bases "size|base" base="$(at 0)" size=16M,16M
	last_page=0xffffffffffff$(printf '%04x' $((0x10000 - page)))
	refused wraps "wrap|beyond|larger" base="$(at 0)" size="$last_page"
	refused beyond_all_addresses "beyond|address|ram|size" base=0xfffffffffff00000 size=16M
	refused second_is_bad "page|align" base="$(at 0),$(at 0x2000010)" size=16M,16M
	refused overlap overlap base="$(at 0),$(at 0x800000)" size=16M,16M
else
	skip base_parameters "no spare memory: set MEMMGR_SPARE=START:BYTES"
fi
if [ -n "$MEMMGR_NO_RAM" ]; then
	refused beyond_ram "ram|memory" base="$MEMMGR_NO_RAM" size=16M
else
	skip beyond_ram "set MEMMGR_NO_RAM to an address where there is no memory"
fi
finish
