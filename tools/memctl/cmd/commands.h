/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The commands: one row a command, in the order of memctl help. A command is a function
 * in cmd/, which parses its arguments with argp, calls libmemmgr, and shows the result
 * as a struct table: text for people or JSON for programs from one source.
 *
 * The declarations below, the table of main.c, memctl help, the completion of bash (by
 * memctl help --names), and the check of the man page are made from these rows.
 */
#ifndef MEMCTL_COMMANDS_H
#define MEMCTL_COMMANDS_H

#include "memctl.h"

/* Build options of tools/Makefile; what belongs to MEMCTL itself is always there. */
#define WITH_MEMCTL	1
#ifndef WITH_TOP
#define WITH_TOP	1
#endif
#ifndef WITH_REPORT
#define WITH_REPORT	1
#endif

/* C(function cmd_*, build option, the words that are typed, one line of memctl help) */
#define COMMANDS(C) \
	C(info, MEMCTL, "info", "the region: its size, free memory, and abilities") \
	C(heap_list, MEMCTL, "heap list", "the heaps of the region") \
	C(heap_create, MEMCTL, "heap create", "make a heap") \
	C(heap_destroy, MEMCTL, "heap destroy", "unmake a heap") \
	C(heap_mode, MEMCTL, "heap mode", "the users that may use a heap") \
	C(alloc, MEMCTL, "alloc", "allocate memory that stays") \
	C(free, MEMCTL, "free", "free allocations by handle or tag") \
	C(resize, MEMCTL, "resize", "change the size of an allocation in place") \
	C(list, MEMCTL, "list", "the allocations and their owners") \
	C(read, MEMCTL, "read", "show the bytes of an allocation") \
	C(write, MEMCTL, "write", "write into an allocation") \
	C(fill, MEMCTL, "fill", "fill an allocation with a pattern") \
	C(stats, MEMCTL, "stats", "the books of the heaps: used, peak, waste, failures") \
	C(frag, MEMCTL, "frag", "how fragmented the heaps are; why a request would fail") \
	C(defrag, MEMCTL, "defrag", "move memory together, under the programs that use it") \
	C(map, MEMCTL, "map", "a picture of the region: owners, free and movable memory") \
	C(top, TOP, "top", "the region, live: usage, health, rates, owners") \
	C(report, REPORT, "report", "one page about the region or a trace, with advice") \
	C(check, MEMCTL, "check", "verify that the heaps are whole") \
	C(failures, MEMCTL, "failures", "the last requests that failed, and the reasons") \
	C(leaks, MEMCTL, "leaks", "the allocations that live, by age and origin") \
	C(latency, MEMCTL, "latency", "how long allocations and frees take, and the longest") \
	C(debug, MEMCTL, "debug", "look for memory errors: red zones, poison, quarantine, guards") \
	C(errors, MEMCTL, "errors", "the memory errors that were found, and their code") \
	C(health, MEMCTL, "health", "the state of the region, and compaction by itself") \
	C(watch, MEMCTL, "watch", "wait for events: low memory, fragmentation, errors") \
	C(protect, MEMCTL, "protect", "allow or forbid access to an allocation") \
	C(seal, MEMCTL, "seal", "make the protection and size of an allocation final") \
	C(pin, MEMCTL, "pin", "keep an allocation in its place while a command runs") \
	C(export, MEMCTL, "export", "run a command with an allocation as a dma-buf") \
	C(sync, MEMCTL, "sync", "make caches and memory of an allocation agree") \
	C(clients, MEMCTL, "clients", "the programs that opened the region, and their memory") \
	C(quota, MEMCTL, "quota", "limit the memory of a client or a user") \
	C(demo, MEMCTL, "demo", "the strength of each allocator, shown on live memory") \
	C(replay, MEMCTL, "replay", "run a recorded trace through the allocators, compare them") \
	C(inject, MEMCTL, "inject", "requests for memory fail on purpose, for tests")

/* @argv[0] is "memctl NAME"; returns an enum exit_code. */
#define COMMAND_DECLARE(name, option, words, summary) \
	int cmd_##name(struct memctl *ctl, int argc, char **argv);
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

#endif /* MEMCTL_COMMANDS_H */
