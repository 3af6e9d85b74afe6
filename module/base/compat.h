/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Every difference between kernel versions, 6.1 to 6.12, and nothing else. */
#ifndef MEMMGR_COMPAT_H
#define MEMMGR_COMPAT_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/version.h>

#define COMPAT_BEFORE(major, minor) \
	(KERNEL_VERSION(major, minor, 0) > LINUX_VERSION_CODE)

#if COMPAT_BEFORE(6, 3)
/* Debian's 6.1 has these two from stable, early 6.1 does not. */
#define compat_vm_flags_set(vma, flags)		((vma)->vm_flags |= (flags))
#define compat_vm_flags_clear(vma, flags)	((vma)->vm_flags &= ~(flags))
#else
#define compat_vm_flags_set(vma, flags)		vm_flags_set(vma, flags)
#define compat_vm_flags_clear(vma, flags)	vm_flags_clear(vma, flags)
#endif

/*
 * A character device's mmap() offsets may go beyond what an unsigned long can
 * hold in bytes: a mode of the file, later a flag of its operations.
 */
#ifdef FOP_UNSIGNED_OFFSET
#define COMPAT_FOP_FLAGS	.fop_flags = FOP_UNSIGNED_OFFSET,
#define COMPAT_FILE_MODE	((__force fmode_t)0)
#else
#define COMPAT_FOP_FLAGS
#define COMPAT_FILE_MODE	FMODE_UNSIGNED_OFFSET
#endif

/* platform_driver.remove lost its result, in two steps. */
#if COMPAT_BEFORE(6, 11)
#define COMPAT_REMOVE_TYPE	int
#define COMPAT_REMOVE_RESULT	0
#else
#define COMPAT_REMOVE_TYPE	void
#define COMPAT_REMOVE_RESULT
#endif

/*
 * spinlock_api_smp.h defines the raw spinlock's functions inline, and a build
 * option of the kernel decides whether raw_spin_lock_irqsave() uses them. A
 * kernel that looks into its locks is left its own way.
 */
#if defined(CONFIG_SMP) && !defined(CONFIG_GENERIC_LOCKBREAK) && \
	!defined(CONFIG_DEBUG_SPINLOCK) && !defined(CONFIG_DEBUG_LOCK_ALLOC)
#define COMPAT_INLINE_LOCK
#endif

/*
 * Memory without a cache, but memory all the same: any access of any size and place
 * works, which a device's attribute does not take on ARM. What memremap() calls
 * write-combine is that there. x86 takes any access to what ioremap() maps (0).
 */
#if defined(CONFIG_X86)
#define COMPAT_UNCACHED_MAP		0
#define compat_pgprot_uncached(prot)	pgprot_noncached(prot)
#else
#define COMPAT_UNCACHED_MAP		MEMREMAP_WC
#define compat_pgprot_uncached(prot)	pgprot_writecombine(prot)
#endif

/* The name of a namespace became a string. */
#if COMPAT_BEFORE(6, 13)
#define COMPAT_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#else
#define COMPAT_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#endif

/* A tracepoint's strings were named twice. */
#if COMPAT_BEFORE(6, 10)
#define COMPAT_ASSIGN_STR(field, value)	__assign_str(field, value)
#else
#define COMPAT_ASSIGN_STR(field, value)	__assign_str(field)
#endif

/* Does nothing translate for this device but the dma-ranges of its bus? */
#if COMPAT_BEFORE(6, 12)
#define compat_dma_is_direct(device)	(!get_dma_ops(device))
#else
#include <linux/iommu-dma.h>
#define compat_dma_is_direct(device)	(!get_dma_ops(device) && !use_dma_iommu(device))
#endif

/*
 * Write back and discard the cache lines of a range, down to where devices look.
 * The kernel has that for its linear map alone, which does not hold our memory.
 */
#if defined(CONFIG_ARM)
#include <asm/cacheflush.h>
#include <asm/outercache.h>
static inline void compat_cache_flush(void *virt, phys_addr_t phys, size_t bytes)
{
	__cpuc_flush_dcache_area(virt, bytes);
	outer_flush_range(phys, phys + bytes);
}
#elif defined(CONFIG_ARM64)
#include <asm/barrier.h>
#include <asm/cache.h>
static inline void compat_cache_flush(void *virt, phys_addr_t phys, size_t bytes)
{
	unsigned long line = 4ul << ((read_cpuid_cachetype() >> 16) & 0xf);
	unsigned long at = (unsigned long)virt & ~(line - 1);

	for (; at < (unsigned long)virt + bytes; at += line)
		asm volatile("dc civac, %0" : : "r" (at) : "memory");
	dsb(sy);
}
#else
/* Devices see the CPU's caches. */
static inline void compat_cache_flush(void *virt, phys_addr_t phys, size_t bytes)
{
	mb();	/* what was written is on its way, before a device is told */
}
#endif

/*
 * The address of this CPU's last fault: of the one that a kernel dies of, as long as it
 * has not taken another one since. 0 where there is no way to tell.
 */
#if defined(CONFIG_ARM)
static inline unsigned long compat_fault_address(void)
{
	unsigned long address;

	asm volatile("mrc p15, 0, %0, c6, c0, 0" : "=r" (address));	/* DFAR */
	return address;
}
#elif defined(CONFIG_ARM64)
#include <asm/sysreg.h>
static inline unsigned long compat_fault_address(void)
{
	return read_sysreg(far_el1);
}
#elif defined(CONFIG_X86)
#include <asm/special_insns.h>
static inline unsigned long compat_fault_address(void)
{
	return native_read_cr2();
}
#else
static inline unsigned long compat_fault_address(void)
{
	return 0;
}
#endif

/*
 * Where in its page a program touched it. ARM's kernel tells of the page only: there the
 * CPU knows, as long as it has not taken another fault since. 0 where nobody knows. Of a
 * page that becomes writable the kernel does not say whether the program did it.
 */
static inline unsigned long compat_fault_byte(const struct vm_fault *vmf)
{
	unsigned long address = vmf->real_address;

	if (IS_ENABLED(CONFIG_ARM) && vmf->flags & (FAULT_FLAG_USER | FAULT_FLAG_MKWRITE) &&
	    (compat_fault_address() ^ vmf->address) < PAGE_SIZE)
		address = compat_fault_address();
	return offset_in_page(address);
}

#endif /* MEMMGR_COMPAT_H */
