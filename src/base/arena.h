/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena - memory that is freed all at once
 *
 * A session, a mail transaction and a DNS query each own an arena. Allocation is a pointer bump; there is no free of a
 * single object. An arena has a limit: beyond it, or when the system has no memory, allocation returns NULL and the arena
 * remembers (arena_exhausted), so a caller may do several allocations and check once; exhaustion becomes an SMTP or DNS
 * reply (452, SERVFAIL), never a crash. The first block is small (ARENA_FIRST_BLOCK) so that an idle session stays small; an
 * arena for work that always takes more begins with one of its own size, so that most times there is one malloc, or, after a reset, none.
 * Blocks come from malloc. Built with -Darena_malloc=true every allocation is a malloc of its own, so that
 * AddressSanitizer sees overruns inside an arena.
 *
 * An arena belongs to one thread at a time. Memory is 16-byte aligned and not zeroed unless said.
 *
 *     struct arena a;
 *     arena_init(&a, 64 * 1024);
 *     char *copy = arena_strdup(&a, slice);
 *     if (!copy) return reply(452);
 *     arena_reset(&a);            // RSET: everything goes, the first block stays
 *     arena_free(&a);
 */
#ifndef BACKSTOP_BASE_ARENA_H
#define BACKSTOP_BASE_ARENA_H

#include "base/slice.h"

#define ARENA_FIRST_BLOCK 1024

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	char *next, *end;           /* free room in the newest block */
	size_t used, limit;         /* bytes handed out; the most that may be */
	size_t first;               /* bytes of the first block, with its header */
	bool exhausted;
};

/* Allocates nothing yet. limit in bytes, > 0. */
void arena_init(struct arena *a, size_t limit);
/* first: bytes of the first block, 32 to 65536, a multiple of 16. */
void arena_init_sized(struct arena *a, size_t limit, size_t first);
void arena_reset(struct arena *a); /* frees all objects, clears exhausted, keeps the first block */
void arena_free(struct arena *a);  /* frees everything; the arena may be used again as after init */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
/* The object that was allocated last, of n octets, becomes one of `to`, where it is; false: it stays as it is, since another was
 * allocated after it, or there is no room behind it. */
bool arena_resize(struct arena *a, const void *object, size_t n, size_t to);
char *arena_strdup(struct arena *a, struct slice s); /* NUL-terminated copy */
/* Copy of s; {NULL, 0} on exhaustion. The empty slice copies to a non-NULL empty slice. */
struct slice arena_copy(struct arena *a, struct slice s);
struct slice arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool arena_exhausted(const struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

#endif
