# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="recorded traces of programs, replayed on allocators of each kind"
CHECK=1
PLAIN=none
GUEST="sh /usr/lib/memmgr/boots/traces.sh"
TAKES=40
