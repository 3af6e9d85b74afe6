# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="regions that make no sense are refused, the good one beside them works"
CHECK=1
DTSO=bad
GUEST="sh /usr/lib/memmgr/boots/bad.sh"
