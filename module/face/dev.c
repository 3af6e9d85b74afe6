// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The device node of a region: open, close, mmap, read and poll. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "base/compat.h"
#include "client/client.h"
#include "face/dev.h"
#include "face/ioctl.h"
#include "face/nodes.h"
#include "heap/account.h"
#include "region/events.h"
#include "region/region.h"
#include "share/mmap.h"

static int dev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct client *client = file->private_data;

	return region_is_gone(client->region) ? -ENODEV : mapping_create(client, vma);
}

static int dev_open(struct inode *inode, struct file *file)
{
	struct region *region = container_of(file->private_data, struct region_nodes,
					     dev)->region;
	struct client *client = client_create(region);

	if (!client)
		return -ENOMEM;
	file->private_data = client;
	file->f_mapping = region->view.inode->i_mapping;
	file->f_mode |= COMPAT_FILE_MODE;
	return 0;
}

static int dev_release(struct inode *inode, struct file *file)
{
	client_destroy(file->private_data);
	return 0;
}

/* Is there an event to read, or will there never be another one? */
static bool read_due(const struct client *client)
{
	return events_last(&client->region->events) != READ_ONCE(client_file(client)->event) ||
	       region_is_gone(client->region);
}

/*
 * One reader at a time, so that each event is read once. A reader may fault while it holds
 * the mutex, so with O_NONBLOCK this does not wait for the mutex either.
 */
static int read_begin(const struct file *file, struct client *client)
{
	if (region_is_gone(client->region))
		return -ENODEV;
	if (file->f_flags & O_NONBLOCK)
		return mutex_trylock(&client_file(client)->read_mutex) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&client_file(client)->read_mutex) ? -ERESTARTSYS : 0;
}

/* Wait for an event, without the mutex. Another reader may get the event first. */
static int read_wait(const struct file *file, struct client *client)
{
	if (file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(client->region->events.wait, read_due(client));
}

/* Copy whole events out; only then they count as read. Returns bytes, 0 if none. */
static ssize_t read_events(struct client *client, char __user *to, size_t bytes)
{
	struct memmgr_event event;
	ssize_t done = 0;
	int err = 0;

	while (!err && bytes - done >= sizeof(event) &&
	       events_next(&client->region->events, client_file(client)->event, &event)) {
		if (copy_to_user(to + done, &event, sizeof(event))) {
			err = -EFAULT;
			break;
		}
		WRITE_ONCE(client_file(client)->event,
			   event.kind == MEMMGR_EVENT_LOST ? event.seq - 1 : event.seq);
		done += sizeof(event);
	}
	return done ? done : err;
}

static ssize_t dev_read(struct file *file, char __user *to, size_t bytes, loff_t *pos)
{
	struct client *client = file->private_data;
	ssize_t done = 0;
	int err;

	if (bytes < sizeof(struct memmgr_event))
		return -EINVAL;
	do {
		err = read_begin(file, client);
		if (err)
			break;
		done = read_events(client, to, bytes);
		mutex_unlock(&client_file(client)->read_mutex);
		if (done)
			break;
		err = read_wait(file, client);
	} while (!err);
	return done ? done : err;
}

static __poll_t dev_poll(struct file *file, struct poll_table_struct *table)
{
	struct client *client = file->private_data;
	struct events *events = &client->region->events;

	poll_wait(file, &events->wait, table);
	if (region_is_gone(client->region))
		return EPOLLHUP | EPOLLERR;
	if (events_last(events) == READ_ONCE(client_file(client)->event))
		return 0;
	return EPOLLIN | EPOLLRDNORM;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	COMPAT_FOP_FLAGS
	.open = dev_open,
	.release = dev_release,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = dev_mmap,
	.read = dev_read,
	.poll = dev_poll,
	.llseek = noop_llseek,
};

int dev_add_region(struct region *region)
{
	struct miscdevice *dev = &region->nodes->dev;
	int err;

	dev->minor = MISC_DYNAMIC_MINOR;
	dev->name = region->nodes->dev_name;
	dev->fops = &dev_fops;
	dev->mode = 0660;
	err = misc_register(dev);
	if (err)
		dev->this_device = NULL;
	else
		events_set_device(&region->events, dev->this_device);
	return err;
}

/*
 * The region is marked as gone before, so no new call begins. Readers that wait for an
 * event are woken. A region that was never published has no node.
 */
void dev_remove_region(struct region *region)
{
	struct miscdevice *dev = &region->nodes->dev;

	events_set_device(&region->events, NULL);
	if (dev->this_device)
		misc_deregister(dev);
	wake_up_all(&region->events.wait);
}
