// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pins: promises of a client that an allocation stays where it is. A lease is a pin
 * that maps all pages as well, for real time.
 *
 * A record counts the pins of all, a client has a list of its own: so its pins go
 * with it. A pin does not keep an allocation from being freed by who made the pin;
 * the entry in its list is then without an object, and goes too.
 */
#include <linux/capability.h>
#include <linux/slab.h>

#include "heap.h"
#include "trace.h"

/**
 * struct pin - the pins of an allocation that a client has
 * @node: in client.pins
 * @handle: of the allocation
 * @count: plain pins
 * @leases: leases
 */
struct pin {
	struct list_head node;
	u64 handle;
	u32 count;
	u32 leases;
};

/* Under client_lock. */
static struct pin *pin_find(const struct client *client, u64 handle)
{
	struct pin *pin;

	list_for_each_entry(pin, &client->pins, node)
		if (pin->handle == handle)
			return pin;
	return NULL;
}

/* It is no longer the client's, and counts no more. Under client_lock. */
static void pin_remove(struct client *client, struct pin *pin)
{
	list_del(&pin->node);
	client_give_locked(client, ACCOUNT_PINS, 1);
}

/* How many pins and leases a client has of an allocation. O(its pins). */
u32 client_pins(const struct client *client, u64 handle)
{
	struct region *region = client->region;
	unsigned long flags;
	struct pin *pin;
	u32 n;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	pin = pin_find(client, handle);
	n = pin ? pin->count + pin->leases : 0;
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return n;
}

/* Does it still count in its allocation? What is held has no pins of clients. */
static bool pin_counts(struct memmgr_heap *heap, u64 handle)
{
	const struct record *record = record_of(heap, handle);

	return record && record->state != RECORD_HELD;
}

/* The same of all allocations of a heap, whose lock is held. */
u32 client_pins_in(const struct client *client, struct memmgr_heap *heap)
{
	struct region *region = heap->region;
	unsigned long flags;
	struct pin *pin;
	u32 n = 0;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	list_for_each_entry(pin, &client->pins, node)
		if (handle_heap(pin->handle) == heap->id && pin_counts(heap, pin->handle))
			n += pin->count + pin->leases;
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return n;
}

/* The allocation goes: so does what is known of its pins. To be freed by the caller. */
struct pin *client_forget_pin(struct client *client, u64 handle)
{
	struct region *region = client->region;
	unsigned long flags;
	struct pin *pin;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	pin = pin_find(client, handle);
	if (pin)
		pin_remove(client, pin);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return pin;
}

/* Count one up or down. @fresh is taken when there is none yet, and is NULL then. */
static int client_count_pin(struct client *client, u64 handle, bool lease, int change,
			    struct pin **fresh, u32 *now)
{
	struct region *region = client->region;
	unsigned long flags;
	struct pin *pin;
	int err = 0;
	u32 *count;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	pin = pin_find(client, handle);
	if (!pin && change > 0)
		err = client_take_locked(client, ACCOUNT_PINS, 1);
	if (!pin && change > 0 && !err) {
		pin = *fresh;
		*fresh = NULL;
		pin->handle = handle;
		list_add(&pin->node, &client->pins);
	}
	count = !pin ? NULL : lease ? &pin->leases : &pin->count;
	if (!count || (change < 0 && !*count)) {
		err = err ? : -EINVAL;
	} else {
		*count += change;
		*now = *count;
		if (!pin->count && !pin->leases) {
			pin_remove(client, pin);
			*fresh = pin;
		}
	}
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return err;
}

/* Under the heap's lock. */
static void record_count_pin(struct memmgr_heap *heap, struct record *record, bool lease,
			     int change)
{
	record->pins += change;
	heap->pinned += change;
	if (!lease)
		return;
	if (change > 0 && !record->leases)
		record->lease_faults = 0;
	record->leases += change;
}

/* Count it, and tell where it is. */
static int pin_change(struct memmgr_heap *heap, struct client *client,
		      struct memmgr_pin *out, bool lease, int change)
{
	struct viewer viewer = viewer_of(client);
	struct pin *fresh = NULL;
	struct record *record;
	unsigned long flags;
	int err;

	if (change > 0) {
		fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
		if (!fresh)
			return -ENOMEM;
	}
	record = heap_use(heap, &viewer, out->handle, false, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (err)
		heap_report_handle(heap, client, out->handle, err, false);
	if (!err && change > 0 && record->pins >= U16_MAX)
		err = -EBUSY;
	if (!err)
		err = client_count_pin(client, out->handle, lease, change, &fresh,
				       &out->mine);
	if (!err) {
		record_count_pin(heap, record, lease, change);
		out->offset = heap_place(heap, record->offset);
		out->pins = record->pins;
		trace_memmgr_pin(heap->region->name, heap->name, out->handle,
				 out->offset, lease, change, out->pins);
	}
	heap_unlock(heap, flags);
	kfree(fresh);
	out->phys = !err && capable(CAP_SYS_ADMIN) ?
		    region_phys(heap->region, out->offset) : 0;
	return err;
}

/**
 * heap_pin - keep an allocation where it is
 * @heap: that its handle names
 * @client: who asks
 * @out: handle and flags as in the ABI; the answers are filled in
 *
 * Context: process, may sleep. O(pins of the client); a lease: and the pages.
 * Return: 0 or an error of the ABI's table.
 */
int heap_pin(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *out)
{
	bool lease = out->flags & MEMMGR_PIN_LEASE;
	struct memmgr_pin undone = *out;
	int err;

	if (!lease)
		return pin_change(heap, client, out, false, 1);
	if (!heap_has_pages(heap))
		return -EOPNOTSUPP;
	/* Pinned while it is mapped, and faults count only from then on. */
	err = pin_change(heap, client, &undone, false, 1);
	if (err)
		return err;
	err = heap_wait_unmapped(heap->region);
	if (!err)
		err = mapping_populate(heap->region, out->handle);
	if (!err)
		err = pin_change(heap, client, out, true, 1);
	pin_change(heap, client, &undone, false, -1);
	out->pins -= !err;
	return err;
}

/* The same the other way round. */
int heap_unpin(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *out)
{
	return pin_change(heap, client, out, out->flags & MEMMGR_PIN_LEASE, -1);
}

static struct pin *client_take_pin(struct client *client)
{
	struct region *region = client->region;
	unsigned long flags;
	struct pin *pin;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	pin = list_first_entry_or_null(&client->pins, struct pin, node);
	if (pin)
		pin_remove(client, pin);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return pin;
}

/**
 * client_unpin_all - a client goes, and its pins with it
 * @client: no call of it runs
 *
 * Context: process. O(its pins).
 */
void client_unpin_all(struct client *client)
{
	struct memmgr_heap *heap;
	struct record *record;
	unsigned long flags;
	struct pin *pin;

	while ((pin = client_take_pin(client))) {
		heap = heap_get(client->region, handle_heap(pin->handle));
		if (heap) {
			flags = heap_lock(heap);
			record = record_of(heap, pin->handle);
			if (record && record->state != RECORD_HELD) {
				record->pins -= pin->count + pin->leases;
				record->leases -= pin->leases;
				heap->pinned -= pin->count + pin->leases;
				trace_memmgr_pin(heap->region->name, heap->name,
						 pin->handle,
						 heap_place(heap, record->offset),
						 pin->leases, -(pin->count + pin->leases),
						 record->pins);
			}
			heap_unlock(heap, flags);
			heap_put(heap);
		}
		kfree(pin);
	}
}
