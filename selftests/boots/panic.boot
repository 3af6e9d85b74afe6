# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="a memory error is a panic where that is asked for, and only a memory error"
CHECK=1
DTSO="demo"
GUEST="sh /usr/lib/memmgr/boots/panic.sh"
PANIC="memmgr: memory error and panic_on_corruption is set"
