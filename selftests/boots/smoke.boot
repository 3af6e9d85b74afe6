# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the module loads on reserved memory, memctl sees it, the module unloads"
CHECK=1
QUICK=1
DEBUGCHECK=1
DTSO="demo"
PLAIN="base=0x50000000 size=64M heaps=frames:pool:object=64K,count=64;objects:slab:object=192,bytes=4M;scratch:stack:bytes=1M;small:buddy:bytes=2M,granule=32"
GUEST="sh /usr/lib/memmgr/boots/smoke.sh"
