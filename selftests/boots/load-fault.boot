# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="insmod and calls while each allocation of the kernel's fails once"
DEBUGCHECK=1
DTSO=two
# Every cache may fail but those of the search for leaks.
APPEND="slub_debug=A;-,kmemleak_object,kmemleak_scan_area"
GUEST="sh /usr/lib/memmgr/boots/load-fault.sh"
TAKES=230
