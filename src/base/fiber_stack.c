/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber_stack - stacks of fibers
 *
 *     low                                                               high
 *     | guard page | ........ stack grows down ........ | struct fiber |
 *
 * The guard is installed with MADV_GUARD_INSTALL (Linux 6.13) where the kernel has it: neighbouring stacks then stay
 * one mapping, and their number is not bounded by vm.max_map_count. Elsewhere it is a page without access, which
 * makes two mappings of each stack: with the usual limit of 65,530 that is good for about 32,000 fibers in a process.
 *
 * Memory does not creep: a pooled stack keeps its top KEEP octets, the rest is given back; and the loop's sweep gives
 * back what lies below the stack pointer of fibers that have waited for some seconds (fiber_stack_trim).
 */
#include "base/fiber_internal.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if FIBER_ASAN
#include <sanitizer/asan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(low, high) 0u
#define VALGRIND_STACK_DEREGISTER(id)      (void)(id)
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define KEEP      (16 * 1024) /* of a pooled stack */
#define POOL_MOST 256
#define POOL_WARM 32
#define RED_ZONE  1024 /* below the saved stack pointer: the x86-64 red zone, or swapcontext()'s frame */

/* At the very top, above the fiber. */
struct foot {
	struct fiber fiber;
	unsigned valgrind_id;
};

static size_t page_size(void)
{
	static _Atomic size_t size;
	if (!size) size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

static size_t foot_size(void)
{
	return (sizeof(struct foot) + 63) & ~(size_t)63;
}

static size_t mapping_size(void)
{
	return page_size() + FIBER_STACK;
}

static char *mapping_of(struct fiber *f)
{
	return (char *)f + foot_size() - mapping_size();
}

char *fiber_stack_bottom(struct fiber *f)
{
	return mapping_of(f) + page_size();
}

static bool guard(char *page)
{
	if (madvise(page, page_size(), MADV_GUARD_INSTALL) == 0) return true;
	return mprotect(page, page_size(), PROT_NONE) == 0;
}

static struct fiber *map_stack(void)
{
	char *m = mmap(NULL, mapping_size(), PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (m == MAP_FAILED) return NULL;
	/* A huge page would give each stack 2 MiB. Newer kernels know that from MAP_STACK. */
	madvise(m, mapping_size(), MADV_NOHUGEPAGE);
	if (!guard(m)) {
		munmap(m, mapping_size());
		return NULL;
	}
	struct foot *foot = (struct foot *)(m + mapping_size() - foot_size());
	foot->valgrind_id = VALGRIND_STACK_REGISTER(m + page_size(), (char *)foot);
	return &foot->fiber;
}

static bool unmap_stack(struct fiber *f)
{
	VALGRIND_STACK_DEREGISTER(((struct foot *)f)->valgrind_id);
	return munmap(mapping_of(f), mapping_size()) == 0;
}

struct fiber *fiber_stack_take(struct loop *loop)
{
	struct fiber *f = loop->pool;
	if (f) {
		loop->pool = f->ready_next;
		loop->pooled--;
	} else {
		f = map_stack();
		if (!f) return NULL;
	}
#if FIBER_ASAN
	__asan_unpoison_memory_region((char *)f - KEEP, KEEP); /* the frames of fiber_main(), which never returned */
#endif
	memset(f, 0, sizeof *f);
	return f;
}

void fiber_stack_give(struct loop *loop, struct fiber *f)
{
	f->magic = 0;
	/* Unmapping from the middle of a row of stacks can fail for want of a mapping: then the pool grows instead. */
	if (loop->pooled >= POOL_MOST && unmap_stack(f)) return;
	/* The next fiber takes the stack given last: a few may stay as they are, which saves it the page faults. */
	if (loop->pooled >= POOL_WARM) madvise(fiber_stack_bottom(f), FIBER_STACK - KEEP, MADV_DONTNEED);
	f->ready_next = loop->pool;
	loop->pool = f;
	loop->pooled++;
}

void fiber_stack_trim(struct fiber *f)
{
	char *bottom = fiber_stack_bottom(f);
	uintptr_t used = ((uintptr_t)f->context.sp - RED_ZONE) & ~(uintptr_t)(page_size() - 1);
	if (used > (uintptr_t)bottom) madvise(bottom, used - (uintptr_t)bottom, MADV_DONTNEED);
}

void fiber_stack_free_pool(struct loop *loop)
{
	while (loop->pool) {
		struct fiber *f = loop->pool;
		loop->pool = f->ready_next;
		unmap_stack(f);
	}
	loop->pooled = 0;
}
