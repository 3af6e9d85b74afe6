# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the functions for drivers under user-mode Linux; on a board, guards and other cases have these tests"
QUICK=1
DTSO="no-map"
GUEST="CALLER=1 sh /usr/lib/memmgr/boots/kselftest.sh bulk corruption_kernel latency room tracepoints"
