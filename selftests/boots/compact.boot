# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="allocations move under running programs, in steps (memory without struct pages)"
CHECK=1
QUICK=1
DEBUGCHECK=1
DTSO="no-map"
PLAIN="base=0x50000000 size=32M"
GUEST="sh /usr/lib/memmgr/boots/kselftest.sh moves"
# That of its longest test, of a million moves: an emulated PC makes a tenth of arm64's in a second.
TIMEOUT=3000
TAKES=150
