# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the in-kernel interface, used by the example client module"
CHECK=1
DEBUGCHECK=1
RAM=384
PLAIN="base=0x58000000 size=16M"
WARNINGS=1
GUEST="sh /usr/lib/memmgr/client/client.sh"
TAKES=140
