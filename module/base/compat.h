/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * All differences between kernel versions, 6.1 to 7.3, and between architectures, and
 * nothing else. The comment on each says which kernel changed what.
 */
#ifndef MEMMGR_COMPAT_H
#define MEMMGR_COMPAT_H

#include <linux/compiler_attributes.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/version.h>

#define COMPAT_BEFORE(major, minor) \
	(KERNEL_VERSION(major, minor, 0) > LINUX_VERSION_CODE)

/*
 * A variable that is not cleared at its beginning, although the kernel is built so that
 * variables on the stack are: for what is written before it is read, whatever happens.
 * Stable kernels have the name, early ones do not.
 */
#ifndef __uninitialized
#define __uninitialized
#endif

/*
 * 6.3: the flags of a mapping are read-only, two functions change them. Debian's 6.1 has
 * the functions from stable; early 6.1 does not.
 */
#if COMPAT_BEFORE(6, 3)
#define compat_vm_flags_set(vma, flags)		((vma)->vm_flags |= (flags))
#define compat_vm_flags_clear(vma, flags)	((vma)->vm_flags &= ~(flags))
#else
#define compat_vm_flags_set(vma, flags)		vm_flags_set(vma, flags)
#define compat_vm_flags_clear(vma, flags)	vm_flags_clear(vma, flags)
#endif

/*
 * A character device's mmap() offsets may exceed what an unsigned long can hold in
 * bytes. 6.12: a flag of the file's operations allows this, no longer a mode of the file.
 */
#ifdef FOP_UNSIGNED_OFFSET
#define COMPAT_FOP_FLAGS	.fop_flags = FOP_UNSIGNED_OFFSET,
#define COMPAT_FILE_MODE	((__force fmode_t)0)
#else
#define COMPAT_FOP_FLAGS
#define COMPAT_FILE_MODE	FMODE_UNSIGNED_OFFSET
#endif

/* 6.11: platform_driver.remove returns nothing, no longer an int. */
#if COMPAT_BEFORE(6, 11)
#define COMPAT_REMOVE_TYPE	int
#define COMPAT_REMOVE_RESULT	0
#else
#define COMPAT_REMOVE_TYPE	void
#define COMPAT_REMOVE_RESULT
#endif

/*
 * spinlock_api_smp.h defines the raw spinlock's functions inline, and a build
 * option of the kernel decides whether raw_spin_lock_irqsave() uses them. Kernels
 * that check their locks keep the functions that they were built with.
 */
#if defined(CONFIG_SMP) && !defined(CONFIG_GENERIC_LOCKBREAK) && \
	!defined(CONFIG_DEBUG_SPINLOCK) && !defined(CONFIG_DEBUG_LOCK_ALLOC)
#define COMPAT_INLINE_LOCK
#endif

/*
 * Uncached memory that still behaves as memory: accesses of any size and alignment work.
 * On ARM the device attribute does not allow that, but the attribute that memremap() calls
 * write-combine does. On x86 any access works in an ioremap() mapping (0).
 */
#if defined(CONFIG_X86)
#define COMPAT_UNCACHED_MAP		0
#define compat_pgprot_uncached(prot)	pgprot_noncached(prot)
#else
#define COMPAT_UNCACHED_MAP		MEMREMAP_WC
#define compat_pgprot_uncached(prot)	pgprot_writecombine(prot)
#endif

/* 6.13: MODULE_IMPORT_NS() takes the name of a namespace as a string. */
#if COMPAT_BEFORE(6, 13)
#define COMPAT_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#else
#define COMPAT_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#endif

/* 6.10: __assign_str() takes the value from __string(), no longer a second time. */
#if COMPAT_BEFORE(6, 10)
#define COMPAT_ASSIGN_STR(field, value)	__assign_str(field, value)
#else
#define COMPAT_ASSIGN_STR(field, value)	__assign_str(field)
#endif

/*
 * Do only the dma-ranges of its bus translate addresses for this device? 6.12: an IOMMU is
 * called directly, it has no dma_map_ops any more.
 */
#if COMPAT_BEFORE(6, 12)
#define compat_dma_is_direct(device)	(!get_dma_ops(device))
#else
#include <linux/scatterlist.h>	/* which the next one lacks */
#include <linux/iommu-dma.h>
#define compat_dma_is_direct(device)	(!get_dma_ops(device) && !use_dma_iommu(device))
#endif

/* 7.1: zap_vma_ptes() is called zap_special_vma_range(). */
#if COMPAT_BEFORE(7, 1)
#define compat_zap(vma, address, bytes)	zap_vma_ptes(vma, address, bytes)
#else
#define compat_zap(vma, address, bytes)	zap_special_vma_range(vma, address, bytes)
#endif

/*
 * Write a page table entry of a program, which executes nothing there. set_pte_at() looks
 * after instructions too. 6.6: modules do not have it on ARM; nor on ARM64, where the
 * kernel is built with DEBUG_VM.
 */
#if defined(CONFIG_ARM)
#define compat_set_entry(mm, address, entry, value)	\
	((void)(mm), (void)(address), set_pte_ext(entry, value, PTE_EXT_NG))
#elif defined(CONFIG_ARM64)
/* Unlike set_pte_at() it does not tell the check of page tables, which looks at each removal. */
#if !defined(CONFIG_PAGE_TABLE_CHECK)
#define compat_table_check(mm, address, entry, value)	((void)(mm), (void)(address))
#elif COMPAT_BEFORE(6, 6)
#define compat_table_check(mm, address, entry, value)	\
	page_table_check_pte_set(mm, address, entry, value)
#elif COMPAT_BEFORE(7, 0)
#define compat_table_check(mm, address, entry, value)	\
	((void)(address), page_table_check_ptes_set(mm, entry, value, 1))
#else
#define compat_table_check(mm, address, entry, value)	\
	page_table_check_ptes_set(mm, address, entry, value, 1)
#endif
#define compat_set_entry(mm, address, entry, value)	\
	(compat_table_check(mm, address, entry, value), set_pte(entry, value))
#else
#define compat_set_entry(mm, address, entry, value)	set_pte_at(mm, address, entry, value)
#endif

/*
 * Entries of a range were written. User-mode Linux tells the host of pages when it flushes, and
 * by itself only of the page of a fault.
 */
#if defined(CONFIG_UML)
#include <asm/tlbflush.h>
#define compat_entries_written(vma, from, to)	flush_tlb_range(vma, from, to)
#else
#define compat_entries_written(vma, from, to)	((void)0)
#endif

/*
 * Write back and discard the cache lines of a range, down to the level that devices
 * see. The kernel has this only for its linear map, which does not cover our memory.
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
/* On other architectures devices see the CPU's caches. */
static inline void compat_cache_flush(void *virt, phys_addr_t phys, size_t bytes)
{
	mb();	/* all writes are visible before a device is told */
}
#endif

/*
 * The address of this CPU's last fault. After a fatal fault of the kernel it is the
 * address of that fault, unless the CPU has taken another one since. 0 if unknown.
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
 * Offset in its page of a program's access. ARM's kernel reports only the page; there the
 * CPU knows the offset, unless it has taken another fault since. 0 if unknown. When a page
 * becomes writable, the kernel does not say whether the program accessed it.
 */
static inline unsigned long compat_fault_byte(const struct vm_fault *vmf)
{
	unsigned long address = vmf->real_address;

	if (IS_ENABLED(CONFIG_ARM) && vmf->flags & (FAULT_FLAG_USER | FAULT_FLAG_MKWRITE) &&
	    (compat_fault_address() ^ vmf->address) < PAGE_SIZE)
		address = compat_fault_address();
	return offset_in_page(address);
}

/* Inlined, because each call of a program pays for it; not where size matters more. */
#if IS_ENABLED(CONFIG_MEMMGR_LEAN)
#define quick_inline		inline
#else
#define quick_inline		__always_inline
#endif

#endif /* MEMMGR_COMPAT_H */
