# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="insmod on memory beyond mem= and on memory of the system while each allocation of its init fails once"
DEBUGCHECK=1
RAM=384
APPEND="slub_debug=A;-,kmemleak_object,kmemleak_scan_area"
GUEST="sh /usr/lib/memmgr/boots/load-fault.sh 'base=0x58000000 size=2M cache=write-combine heaps=frames:pool:object=4K,count=16;bits:slab:object=64,bytes=64K;scratch:stack:bytes=64K' 'size=1M realtime=1'"
TAKES=240
