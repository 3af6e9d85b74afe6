# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the test programs that TESTS= of the environment names"
DTSO="no-map"
PLAIN="base=0x50000000 size=32M"
GUEST="${TESTS:+CALLER=1 }sh /usr/lib/memmgr/boots/kselftest.sh ${TESTS:-}"
