// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "../../modules/caller/caller.h"
#include "calling.h"
#include "calls.h"

int ask(int caller, unsigned long command, __u32 block, __s64 offset, struct caller_call *call)
{
	call->block = block;
	call->offset = offset;
	return mm_call(caller, command, call);
}

int block_alloc(int caller, __u32 block, __u64 bytes, __u64 align, __u32 zero, __u64 *at)
{
	struct caller_call call = { .bytes = bytes, .align = align, .zero = zero };
	int result = ask(caller, CALLER_ALLOC, block, 0, &call);

	if (at)
		*at = call.value;
	return result;
}

int block_free(int caller, __u32 block, __s64 offset)
{
	struct caller_call call = { 0 };

	return ask(caller, CALLER_FREE, block, offset, &call);
}

int block_read(int caller, __u32 block, __s64 offset)
{
	struct caller_call call = { 0 };
	int result = ask(caller, CALLER_READ, block, offset, &call);

	return result ? result : (int)call.value;
}

int block_write(int caller, __u32 block, __s64 offset, __u8 value)
{
	struct caller_call call = { .value = value };

	return ask(caller, CALLER_WRITE, block, offset, &call);
}

int block_phys(int caller, __u32 block, __s64 offset, __u64 *phys)
{
	struct caller_call call = { 0 };
	int result = ask(caller, CALLER_PHYS, block, offset, &call);

	*phys = call.value;
	return result;
}
