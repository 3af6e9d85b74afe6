# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the module loads on reserved memory, memctl sees it, the module unloads"
CHECK=1
DEBUGCHECK=1
DTSO="demo"
GUEST="sh /usr/lib/memmgr/boots/smoke.sh"
