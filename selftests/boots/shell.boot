# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="a shell in the guest, as make shell starts it"
DTSO="demo"
GUEST="insmod /lib/modules/memmgr.ko; uname -a; sh"
