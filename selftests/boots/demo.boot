# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="what make run shows: load, heaps, a replayed trace, map, statistics, fragmentation"
ROOT=run
DTSO="demo"
PLAIN="base=0x50000000 size=64M heaps=frames:pool:object=64K,count=64;objects:slab:object=192,bytes=4M;scratch:stack:bytes=1M;small:buddy:bytes=2M,granule=32"
GUEST="sh /usr/lib/memmgr/boots/demo.sh"
