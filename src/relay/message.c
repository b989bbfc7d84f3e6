/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/message.h"

#include <assert.h>
#include <stdlib.h>

#define MAGIC       0x6d657373u
#define ARENA_LIMIT (1024 * 1024)

struct message *message_new(void)
{
	struct message *m = calloc(1, sizeof *m);
	if (!m) return NULL;
	m->magic = MAGIC;
	m->references = 1;
	arena_init(&m->arena, ARENA_LIMIT);
	blob_init(&m->body, 0, NULL);
	return m;
}

struct message *message_ref(struct message *m)
{
	assert(m->magic == MAGIC);
	/* Atomic although one thread owns it at a time: what a connection still holds may end on another thread's account. */
	__atomic_fetch_add(&m->references, 1, __ATOMIC_RELAXED);
	return m;
}

void message_unref(struct message *m)
{
	if (!m) return;
	assert(m->magic == MAGIC);
	if (__atomic_fetch_sub(&m->references, 1, __ATOMIC_ACQ_REL) != 1) return;
	blob_free(&m->body);
	arena_free(&m->arena);
	m->magic = 0;
	free(m);
}
