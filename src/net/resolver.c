/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolver.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "net/resolver_internal.h"

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* The struct, the slices, the octets they point to and the canonical name lie in one block. */
struct dns_answer *dns_answer_make(enum error status, bool secure, uint32_t ttl, const struct slice *rr, size_t count,
                                   const char *canonical)
{
	size_t name_size = canonical ? strlen(canonical) + 1 : 0;
	size_t size = sizeof(struct dns_answer) + count * sizeof(struct slice) + name_size;
	for (size_t i = 0; i < count; i++) size += rr[i].n;
	struct dns_answer *a = malloc(size);
	if (!a) return NULL;
	struct slice *slices = (struct slice *)(void *)(a + 1);
	char *octets = (char *)(slices + count);
	for (size_t i = 0; i < count; i++) {
		if (rr[i].n > 0) memcpy(octets, rr[i].p, rr[i].n);
		slices[i] = slice_of(octets, rr[i].n);
		octets += rr[i].n;
	}
	if (canonical) memcpy(octets, canonical, name_size);
	*a = (struct dns_answer){.status = status,
	                         .secure = secure,
	                         .ttl = ttl,
	                         .count = count,
	                         .rr = slices,
	                         .canonical_name = canonical ? octets : NULL};
	return a;
}

size_t dns_answer_size(const struct dns_answer *a)
{
	size_t size = sizeof *a + a->count * sizeof(struct slice);
	for (size_t i = 0; i < a->count; i++) size += a->rr[i].n;
	return size + (a->canonical_name ? strlen(a->canonical_name) + 1 : 0);
}

void dns_answer_free(struct dns_answer *a)
{
	free(a);
}

/* ---- the cache of this thread ------------------------------------------------------------------------------------ */

static _Thread_local struct dns_cache *cache;
static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;
static bool cache_key_made;

static void free_cache(void *p)
{
	dns_cache_free(p);
	cache = NULL;
}

static void make_key(void)
{
	cache_key_made = pthread_key_create(&cache_key, free_cache) == 0;
}

/* NULL without memory: then nothing is cached. */
static struct dns_cache *thread_cache(void)
{
	if (cache) return cache;
	pthread_once(&cache_once, make_key);
	struct dns_cache *c = cache_key_made ? dns_cache_new() : NULL;
	if (!c) return NULL;
	if (pthread_setspecific(cache_key, c) != 0) {
		dns_cache_free(c);
		return NULL;
	}
	return cache = c;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static struct resolver *checked(struct resolver *r)
{
	assert(r && r->magic == RESOLVER_MAGIC);
	return r;
}

void resolver_init(struct resolver *r, const struct resolver_kind *kind, bool use_cache)
{
	static atomic_uint next_id = 1;
	*r = (struct resolver){.magic = RESOLVER_MAGIC,
	                       .id = atomic_fetch_add(&next_id, 1),
	                       .use_cache = use_cache,
	                       .kind = kind};
}

void resolver_free(struct resolver *r)
{
	if (!r) return;
	checked(r);
	r->magic = 0;
	r->kind->free(r);
}

enum error resolver_query(struct resolver *r, const char *name, enum dns_type type, int64_t deadline,
                          struct dns_answer **out)
{
	struct dns_name wire;
	*out = NULL;
	checked(r);
	if (!dns_name_parse(slice_str(name), &wire)) return ERR_INVALID;
	metric_add(METRIC_dns_queries, 1);
	struct dns_cache *c = r->use_cache ? thread_cache() : NULL;
	if (c && (*out = dns_cache_find(c, r->id, &wire, type, clock_now_ms()))) {
		metric_add(METRIC_dns_cached, 1);
		return (*out)->status;
	}
	enum error e = r->kind->ask(r, &wire, type, deadline, out);
	if (c && *out) dns_cache_store(c, r->id, &wire, type, *out, clock_now_ms());
	if (!*out && e != ERR_CANCELLED) metric_add(METRIC_dns_failures, 1);
	return e;
}
