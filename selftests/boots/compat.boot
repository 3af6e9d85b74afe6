# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="programs of 32 bits on a kernel of 64 bits"
CHECK=1
ONLY="arm64:its programs are of armhf"
[ "$arch" != arm64 ] || [ -n "$compat" ] || ONLY="none:programs of armhf need pages of 4096 bytes"
CONFIG=COMPAT
DTSO="no-map"
GUEST="sh /usr/lib/memmgr/boots/compat.sh"
TIMEOUT=1200
TAKES=100
