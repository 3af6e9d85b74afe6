# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="hostile programs; FUZZ_CALLS=, FUZZ_KILLS= and SEED= of the environment"
CHECK=1
DEBUGCHECK=1
DTSO=dmabuf
# A kernel that is built here has no RAM disk: no direct I/O there.
is_built_here || MODULES="brd"
GUEST="sh /usr/lib/memmgr/boots/fuzz.sh ${FUZZ_CALLS:-0} ${FUZZ_KILLS:-0} ${SEED:-}"
TIMEOUT=$((600 + ${FUZZ_CALLS:-0} / 100))
TAKES=120
