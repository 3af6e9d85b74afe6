// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pins: promises to a client that an allocation stays in its place. A lease is a pin
 * that also maps all pages, for real time.
 *
 * A record counts all pins, and separately those of its owner. A persistent allocation has
 * no owner. A client that pins it has an entry for it in a table of its own, which was
 * made with the client, so that a pin needs no memory. A pin does not keep the client that
 * made it from freeing the allocation, and ends with the allocation.
 *
 * The lock of the allocation's heap guards all this, except the table, which
 * client_lock guards.
 */
#include <linux/capability.h>
#include <linux/slab.h>

#include "base/trace.h"
#include "core/handle.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/moments.h"
#include "heap/pins.h"
#include "heap/record.h"
#include "heap/use.h"
#include "region/memory.h"
#include "region/region.h"

#define PINS_MOST	128u	/* a search ends soon */

/**
 * struct pin - a client's pins of one persistent allocation
 * @handle: handle of the allocation
 * @count: number of plain pins
 * @leases: number of leases
 */
struct pin {
	u64 handle;
	u32 count;
	u32 leases;
};

/* Allocate the table for a client's pins of persistent allocations, or return NULL. */
struct pin *pins_make(void)
{
	return kcalloc(PINS_MOST, sizeof(struct pin), GFP_KERNEL_ACCOUNT);
}

/* The entry of a handle, or the first free one, which may be behind the end. O(PINS_MOST) */
static struct pin *pins_find(const struct client *client, u64 handle)
{
	u32 i;

	for (i = 0; i < client->pins_used && client->pins[i].handle != handle; i++)
		;
	return &client->pins[i];
}

static bool pin_is_used(const struct client *client, const struct pin *pin)
{
	return pin < client->pins + client->pins_used;
}

/* Remove an entry; the last entry takes its place. */
static void pins_drop(struct client *client, struct pin *pin)
{
	*pin = client->pins[--client->pins_used];
	client_give_locked(client, ACCOUNT_PINS, 1);
}

/* Number of pins and leases that a client has of an allocation. Under the heap's lock. */
u32 client_pins(const struct client *client, const struct record *record)
{
	struct region *region = client->region;
	unsigned long flags;
	struct pin *pin;
	u32 n;

	if (record->owned)
		return record->client == client ? record->own_pins + record->own_leases : 0;
	raw_spin_lock_irqsave(&region->client_lock, flags);
	pin = pins_find(client, record->handle);
	n = pin_is_used(client, pin) ? pin->count + pin->leases : 0;
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return n;
}

static void pin_forget(struct client *client, struct memmgr_heap *heap, struct pin *pin)
{
	lockdep_assert_held(&client->region->client_lock);
	heap_assert_locked(heap);
	client->pinned[heap->id] -= pin->count + pin->leases;
	pins_drop(client, pin);
}

/*
 * A client has freed a persistent allocation that no other client had pinned. Remove its
 * entry from the table.
 */
void client_forget_pin(struct client *client, struct memmgr_heap *heap, u64 handle)
{
	struct region *region = client->region;
	unsigned long flags;
	struct pin *pin;

	heap_assert_locked(heap);
	raw_spin_lock_irqsave(&region->client_lock, flags);
	pin = pins_find(client, handle);
	if (pin_is_used(client, pin))
		pin_forget(client, heap, pin);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
}

/**
 * client_forget_pins - remove the entries of all persistent allocations of a heap
 * @client: the client that destroys the heap; no other client has pins in it
 * @heap: the heap; it is dying, so pins neither come nor go
 *
 * Context: any. O(PINS_MOST).
 */
void client_forget_pins(struct client *client, struct memmgr_heap *heap)
{
	struct region *region = client->region;
	unsigned long flags = heap_lock(heap);
	u32 i;

	raw_spin_lock(&region->client_lock);
	/* Backwards, because the last entry moves into the place of a removed one. */
	for (i = client->pins_used; i--;)
		if (handle_heap(client->pins[i].handle) == heap->id)
			pin_forget(client, heap, &client->pins[i]);
	raw_spin_unlock(&region->client_lock);
	heap_unlock(heap, flags);
}

/* Add @change to the count in the table of a client. Under client_lock. */
static int pins_count(struct client *client, u64 handle, bool lease, int change, u32 *now)
{
	struct pin *pin = pins_find(client, handle);
	u32 *count = lease ? &pin->leases : &pin->count;
	bool fresh = !pin_is_used(client, pin);
	int err;

	if (change < 0 && (fresh || !*count))
		return -EINVAL;
	if (fresh) {
		if (client->pins_used == PINS_MOST)
			return -ENOSPC;
		err = client_take_locked(client, ACCOUNT_PINS, 1);
		if (err)
			return err;
		*pin = (struct pin) { .handle = handle };
		client->pins_used++;
	}
	*count += change;
	*now = *count;
	if (!pin->count && !pin->leases)
		pins_drop(client, pin);
	return 0;
}

/* Add @change to the count in a record of the client's own. Under client_lock. */
static int own_count(struct client *client, struct record *record, bool lease, int change,
		     u32 *now)
{
	u16 *count = lease ? &record->own_leases : &record->own_pins;
	int err;

	if (change < 0 && !*count)
		return -EINVAL;
	if (!(record->own_pins | record->own_leases)) {
		err = client_take_locked(client, ACCOUNT_PINS, 1);
		if (err)
			return err;
	}
	*count += change;
	*now = *count;
	if (!(record->own_pins | record->own_leases))
		client_give_locked(client, ACCOUNT_PINS, 1);
	return 0;
}

/* Add @change to the count of a client. Under the heap's lock. */
static int client_count_pin(struct client *client, struct record *record, bool lease,
			    int change, u32 *now)
{
	struct region *region = client->region;
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	err = record->owned ? own_count(client, record, lease, change, now) :
			       pins_count(client, record->handle, lease, change, now);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return err;
}

static void record_count_pin(struct memmgr_heap *heap, struct record *record, bool lease,
			     int change)
{
	heap_assert_locked(heap);
	record->pins += change;
	heap->lasting.pinned += change;
	if (!lease)
		return;
	if (change > 0 && !record->leases)
		record->lease_faults = 0;
	record->leases += change;
}

/* Count a pin or lease, or one less. @mine: set to the client's own number of them. */
static noinline int pin_count(struct memmgr_heap *heap, struct client *client,
			      struct record *record, bool lease, int change, u32 *mine)
{
	int err = client_count_pin(client, record, lease, change, mine);

	if (err)
		return err;
	client->pinned[heap->id] += change;
	record_count_pin(heap, record, lease, change);
	trace_memmgr_pin(heap->region->name, heap->name, record->handle,
			 heap_place(heap, record->offset), lease, change, record->pins);
	return 0;
}

/* Add or remove a pin or lease, and report the allocation's place. */
int pin_change(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *out,
	       bool lease, int change)
{
	struct viewer viewer = viewer_of(client);
	struct record *record;
	unsigned long flags;
	int err;

	record = heap_use(heap, &viewer, out->handle, false, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (err)
		heap_moment(heap, misuse, client, out->handle, err, false);
	if (!err && change > 0 && record->pins >= U16_MAX)
		err = -EBUSY;
	if (!err)
		err = pin_count(heap, client, record, lease, change, &out->mine);
	if (!err) {
		out->offset = heap_place(heap, record->offset);
		out->pins = record->pins;
	}
	heap_unlock(heap, flags);
	out->phys = !err && capable(CAP_SYS_ADMIN) ?
		    region_phys(heap->region, out->offset) : 0;
	return err;
}

/**
 * pin_undo - remove a pin or lease of a call that fails
 * @heap: heap of the allocation
 * @client: the client that has it
 * @handle: handle of the allocation
 * @lease: it is a lease
 *
 * It always succeeds, whatever other calls do with the allocation: one that changes it would
 * refuse UNPIN. If the allocation or the heap was destroyed meanwhile, so were its pins.
 *
 * Context: any. O(1).
 */
void pin_undo(struct memmgr_heap *heap, struct client *client, u64 handle, bool lease)
{
	struct record *record;
	unsigned long flags;
	u32 left;

	flags = heap_lock(heap);
	record = record_of(heap, handle);
	if (record && record->state != RECORD_HELD && !heap->lasting.dying)
		pin_count(heap, client, record, lease, -1, &left);
	heap_unlock(heap, flags);
}

/* Remove a pin or lease. */
int heap_unpin(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *out)
{
	return pin_change(heap, client, out, out->flags & MEMMGR_PIN_LEASE, -1);
}

/* End a closing client's pins of a persistent allocation. */
static void pin_end(struct client *client, const struct pin *pin)
{
	struct memmgr_heap *heap = heap_get(client->region, handle_heap(pin->handle));
	u32 pins = pin->count + pin->leases;
	struct record *record;
	unsigned long flags;

	if (!heap)
		return;
	flags = heap_lock(heap);
	record = record_of(heap, pin->handle);
	if (record && record->state != RECORD_HELD) {
		record->pins -= pins;
		record->leases -= pin->leases;
		heap->lasting.pinned -= pins;
		client->pinned[heap->id] -= pins;
		trace_memmgr_pin(heap->region->name, heap->name, pin->handle,
				 heap_place(heap, record->offset), pin->leases, -pins,
				 record->pins);
	}
	heap_unlock(heap, flags);
	heap_put(heap);
}

/**
 * client_unpin_all - end all pins of a closing client
 * @client: the client; no call of it runs
 *
 * Pins of its own allocations end with these.
 *
 * Context: process, may sleep. O(PINS_MOST).
 */
void client_unpin_all(struct client *client)
{
	u32 i;

	for (i = 0; i < client->pins_used; i++) {
		pin_end(client, &client->pins[i]);
		cond_resched();
	}
	client_give(client, ACCOUNT_PINS, client->pins_used);
}
