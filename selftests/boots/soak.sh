#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Three recorded programs in a loop: soak.sh OPERATIONS SEED
set -eu
traces=/usr/share/memmgr/traces
# shellcheck disable=SC2086 # words
insmod /lib/modules/memmgr.ko $MEMMGR_PARAMETERS
/usr/lib/memmgr/selftests/soak "$1" "$2" $traces/bash.trace.gz $traces/gcc.trace.gz $traces/sqlite.trace.gz
grep -v '^#' /sys/kernel/debug/memmgr/*/compaction | sed 's/^/# /'
