#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Memory that the kernel does not know and has no struct pages for: devices and debuggers
# get all of it that they may.
# Rule: memmgr(4), WHERE A REGION COMES FROM, and memmgr(7), SHARING, "Direct I/O and devices".

cd "$(dirname "$0")" || exit 1
. ./common.sh
importer=${MEMMGR_IMPORTER_KO:-/lib/modules/memmgr_importer.ko}
! has_tree_regions || skip_all "the device tree has regions of its own"
[ -n "$MEMMGR_SPARE" ] || skip_all "no MEMMGR_SPARE"
[ -f "$importer" ] || skip_all "no memmgr_importer.ko"
[ -d /proc/device-tree ] || skip_all "no device tree has the importer's buses"
require_module

# Bus addresses of the debug kernel, which is built without LPAE, have 32 bits.
bits=64
[ "${KERNEL:-}" != debug ] || bits=32

# All of a program's tests, with nothing lacking.
whole() {
	MEMMGR_NO_PAGES=1 MEMMGR_DMA_BITS=$bits ./"$1" >"$out.whole"
	rc=$?
	cat "$out.whole"
	! grep '# SKIP' "$out.whole" | grep -v 'this kernel \(does not ask drivers\|counts what .*\)$' &&
		[ $rc = 0 ]
}

check load load base="${MEMMGR_SPARE%%:*}" size=16M
check importer_load insmod "$importer"
check importer whole importer
check debugger whole debugger
check importer_unload rmmod memmgr_importer
check unload rmmod memmgr
rm -f "$out.whole"
finish
