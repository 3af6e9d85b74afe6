#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Runs in the guest of make shell.
# shellcheck disable=SC2086 # words
insmod /lib/modules/memmgr.ko $MEMMGR_PARAMETERS || exit
memctl info
cat <<'EOT'

memmgr is loaded. Try: memctl help, memctl demo, ls /sys/kernel/debug/memmgr
"exit" powers the board off; Ctrl-A x ends QEMU at once.
EOT
PS1='board# ' sh
exit 0
