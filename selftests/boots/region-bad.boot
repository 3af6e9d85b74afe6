# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="regions that make no sense are refused, the good ones beside them work"
CHECK=1
DTSO=bad
QEMU="-object memory-backend-ram,id=low,size=256M -object memory-backend-ram,id=high,size=256M -numa node,memdev=low,cpus=0-1 -numa node,memdev=high"
GUEST="sh /usr/lib/memmgr/boots/bad.sh"
