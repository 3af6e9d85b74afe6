/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The commands, a file each. */
#ifndef MEMCTL_COMMANDS_H
#define MEMCTL_COMMANDS_H

#include "memctl.h"

extern const struct command cmd_info, cmd_heap_list, cmd_heap_create,
	cmd_heap_destroy, cmd_heap_mode, cmd_alloc, cmd_free, cmd_resize, cmd_list, cmd_read,
	cmd_write, cmd_fill, cmd_stats, cmd_frag, cmd_map, cmd_check,
	cmd_failures, cmd_protect, cmd_seal, cmd_clients, cmd_quota, cmd_export,
	cmd_sync, cmd_demo, cmd_replay, cmd_defrag, cmd_pin, cmd_health, cmd_watch,
	cmd_top, cmd_leaks, cmd_inject, cmd_report, cmd_latency, cmd_debug, cmd_errors;

#endif /* MEMCTL_COMMANDS_H */
