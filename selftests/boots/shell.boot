# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="what make shell starts: a shell with the module loaded"
ROOT=run
DTSO="demo"
GUEST="sh /usr/lib/memmgr/boots/shell.sh"
