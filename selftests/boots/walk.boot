# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the commands that the documents show print what the documents say"
CHECK=1
DTSO="demo"
PAGE=4096
GUEST="sh /usr/lib/memmgr/boots/walk.sh"
