# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="two regions of the device tree"
CHECK=1
QUICK=1
DEBUGCHECK=1
DTSO=two
GUEST="sh /usr/lib/memmgr/boots/region.sh 5[04]000000-50ffffff 2"
