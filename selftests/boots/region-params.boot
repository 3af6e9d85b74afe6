# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="memory beyond mem=, given by module parameters, good and bad"
CHECK=1
DEBUGCHECK=1
GUEST="MEMMGR_NO_RAM=0x90000000 sh /usr/lib/memmgr/boots/kselftest.sh regions.sh params.sh beyond.sh"
RAM=384
SPARE=0x58000000:0x8000000
DTSO=buses
PLAIN=none
TAKES=145
