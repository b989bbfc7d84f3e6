/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena - see arena.h
 *
 * Blocks form a list, newest first. Each block is twice as big as the one before, up to BLOCK_MOST, so a big arena
 * costs few mallocs and a small one little room. An object too big for that gets a block of its own size, put behind
 * the newest so that the room left there is still used.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGNMENT  16
#define BLOCK_MOST (64 * 1024)
#define PRINT_ONCE 512 /* octets; what is longer is printed twice */

struct arena_block {
	struct arena_block *older;
	size_t size; /* of the room behind this header */
};

_Static_assert(sizeof(struct arena_block) % ALIGNMENT == 0, "objects behind the header are aligned");

static char *block_room(struct arena_block *b)
{
	return (char *)(b + 1);
}

void arena_init_sized(struct arena *a, size_t limit, size_t first)
{
	assert(limit > 0 && first > sizeof(struct arena_block) && first <= BLOCK_MOST && first % ALIGNMENT == 0);
	*a = (struct arena){.limit = limit, .first = first};
}

void arena_init(struct arena *a, size_t limit)
{
	arena_init_sized(a, limit, ARENA_FIRST_BLOCK);
}

static size_t first_room(const struct arena *a)
{
	return a->first - sizeof(struct arena_block);
}

/* Frees all blocks but keep (which may be NULL). */
static void free_blocks(struct arena *a, struct arena_block *keep)
{
	for (struct arena_block *b = a->blocks, *older; b; b = older) {
		older = b->older;
		if (b != keep) free(b);
	}
	if (keep) keep->older = NULL;
	a->blocks = keep;
	a->next = keep ? block_room(keep) : NULL;
	a->end = keep ? a->next + keep->size : NULL;
	a->used = 0;
	a->exhausted = false;
}

void arena_free(struct arena *a)
{
	free_blocks(a, NULL);
}

void arena_reset(struct arena *a)
{
	struct arena_block *first = NULL;
#ifndef ARENA_MALLOC
	for (first = a->blocks; first && first->size != first_room(a); first = first->older) {
	}
#endif
	free_blocks(a, first);
}

static struct arena_block *new_block(size_t size)
{
	struct arena_block *b = malloc(sizeof *b + size);
	if (b) b->size = size;
	return b;
}

/* n is a multiple of ALIGNMENT and within the limit. */
static void *alloc_from_new_block(struct arena *a, size_t n)
{
	size_t size = a->blocks ? a->blocks->size * 2 + sizeof(struct arena_block) : first_room(a);
	if (size > BLOCK_MOST) size = BLOCK_MOST;
#ifdef ARENA_MALLOC
	size = 0;
#endif
	struct arena_block *b = new_block(n > size ? n : size);
	if (!b) return NULL;
	if (n > size && a->blocks) {
		b->older = a->blocks->older;
		a->blocks->older = b;
		return block_room(b);
	}
	b->older = a->blocks;
	a->blocks = b;
	a->next = block_room(b) + n;
	a->end = block_room(b) + b->size;
	return block_room(b);
}

static size_t round_up(size_t n)
{
	size_t rounded = n ? n : 1;
	if (__builtin_add_overflow(rounded, ALIGNMENT - 1, &rounded)) rounded = SIZE_MAX;
	return rounded & ~(size_t)(ALIGNMENT - 1);
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t rounded = round_up(n);
	void *p = NULL;
	if (rounded <= a->limit - a->used) {
#ifdef ARENA_MALLOC
		p = alloc_from_new_block(a, n); /* the exact size: one octet beyond is seen */
#else
		if (rounded <= (size_t)(a->end - a->next)) {
			p = a->next;
			a->next += rounded;
		} else {
			p = alloc_from_new_block(a, rounded);
		}
#endif
	}
	if (p)
		a->used += rounded;
	else
		a->exhausted = true;
	return p;
}

bool arena_resize(struct arena *a, const void *object, size_t n, size_t to)
{
#ifndef ARENA_MALLOC
	size_t before = round_up(n), after = round_up(to);
	char *begin = (char *)object;
	bool last = a->next && begin + before == a->next;
	if (last && after <= (size_t)(a->end - begin) && (after <= before || after - before <= a->limit - a->used)) {
		a->next = begin + after;
		a->used += after - before; /* less, modulo, when it shrinks */
		return true;
	}
#endif
	return false;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);
	if (p) memset(p, 0, n);
	return p;
}

char *arena_strdup(struct arena *a, struct slice s)
{
	char *copy = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;
	if (!copy) return NULL;
	if (s.n) memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	if (s.n == 0) return SLICE_EMPTY;
	char *copy = arena_alloc(a, s.n);
	if (!copy) return (struct slice){NULL, 0};
	memcpy(copy, s.p, s.n);
	return (struct slice){copy, s.n};
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
	char small[PRINT_ONCE];
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(small, sizeof small, format, args);
	va_end(args);
	char *text = NULL;
	if (n >= 0)
		text = arena_alloc(a, (size_t)n + 1);
	else
		a->exhausted = true; /* longer than INT_MAX */
	if (text && (size_t)n < sizeof small)
		memcpy(text, small, (size_t)n + 1);
	else if (text)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text ? (struct slice){text, (size_t)n} : (struct slice){NULL, 0};
}

bool arena_exhausted(const struct arena *a)
{
	return a->exhausted;
}
