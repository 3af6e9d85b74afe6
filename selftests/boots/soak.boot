# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="recorded programs at 90 % usage, with and without health; SOAK_OPS= and SOAK_SEED= of the environment"
CHECK=1
DTSO="no-map"
PLAIN="base=0x50000000 size=32M"
GUEST="sh /usr/lib/memmgr/boots/soak.sh ${SOAK_OPS:-100000} ${SOAK_SEED:-1}"
TIMEOUT=$((600 + ${SOAK_OPS:-100000} / 1000))
TAKES=30
