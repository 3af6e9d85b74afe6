# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="all kernel selftests on a region that the device tree reserved (no-map)"
CHECK=1
QUICK=1
DEBUGCHECK=1
DTSO="no-map"
PLAIN="base=0x50000000 size=32M"
GUEST="sh /usr/lib/memmgr/boots/kselftest.sh rest"
TIMEOUT=3000
TAKES=600
