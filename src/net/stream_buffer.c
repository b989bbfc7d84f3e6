/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>

#include "net/stream_internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p))
#endif

/* What is kept beyond this goes back to malloc, so that a burst does not hold memory for ever. */
#define POOL_KEEP 64

struct free_buffer {
	struct free_buffer *next;
};

struct pool {
	struct free_buffer *first;
	size_t count;
	bool registered;
};

static _Thread_local struct pool pool;
static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static bool pool_key_made;

static void drain_pool(void *arg)
{
	struct pool *p = arg;
	while (p->first) {
		struct free_buffer *b = p->first;
		p->first = b->next;
		ASAN_UNPOISON_MEMORY_REGION(b, STREAM_BUFFER);
		free(b);
	}
	p->count = 0;
	p->registered = false;
}

static void make_key(void)
{
	pool_key_made = pthread_key_create(&pool_key, drain_pool) == 0;
}

/* Has the list freed when the thread ends. Without a key nothing is kept. */
static bool register_pool(void)
{
	if (pool.registered) return true;
	pthread_once(&pool_once, make_key);
	pool.registered = pool_key_made && pthread_setspecific(pool_key, &pool) == 0;
	return pool.registered;
}

char *stream_buffer_borrow(void)
{
	struct free_buffer *b = pool.first;
	if (!b) return malloc(STREAM_BUFFER);
	pool.first = b->next;
	pool.count--;
	ASAN_UNPOISON_MEMORY_REGION(b, STREAM_BUFFER);
	return (char *)b;
}

void stream_buffer_return(char *buffer)
{
	if (!buffer) return;
	if (pool.count >= POOL_KEEP || !register_pool()) {
		free(buffer);
		return;
	}
	struct free_buffer *b = (struct free_buffer *)(void *)buffer;
	b->next = pool.first;
	pool.first = b;
	pool.count++;
	ASAN_POISON_MEMORY_REGION(buffer + sizeof *b, STREAM_BUFFER - sizeof *b); /* shows use after stream_consume() */
}
