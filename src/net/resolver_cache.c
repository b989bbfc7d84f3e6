/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of SETS x WAYS answers. An answer may stand only in the set that its hash names; when that is full, the one
 * not used for longest goes. Nothing is swept: what has expired is overwritten, and the whole is bounded.
 */
#include <stdlib.h>

#include "net/resolver_internal.h"

#define SETS       512
#define WAYS       4
#define ANSWER_MAX 4096 /* a bigger answer is not kept */

struct cached {
	uint64_t hash;
	uint64_t used; /* tick of the last use */
	int64_t expires;
	struct dns_answer *answer;
	uint32_t resolver;
	uint16_t type;
	uint8_t n;
	unsigned char name[];
};

struct dns_cache {
	uint64_t tick;
	struct cached *at[SETS][WAYS];
};

struct dns_cache *dns_cache_new(void)
{
	return calloc(1, sizeof(struct dns_cache));
}

static void drop(struct cached **slot)
{
	if (!*slot) return;
	dns_answer_free((*slot)->answer);
	free(*slot);
	*slot = NULL;
}

void dns_cache_free(struct dns_cache *c)
{
	if (!c) return;
	for (size_t i = 0; i < SETS; i++)
		for (size_t j = 0; j < WAYS; j++) drop(&c->at[i][j]);
	free(c);
}

static uint64_t hash_of(uint32_t resolver, const struct dns_name *name, enum dns_type type)
{
	uint64_t h = slice_hash(dns_name_slice(name)) ^ ((uint64_t)resolver << 16 | (uint64_t)type);
	return h * 0x9e3779b97f4a7c15U;
}

static struct cached **set_of(struct dns_cache *c, uint64_t hash)
{
	return c->at[(hash >> 32) % SETS];
}

static struct cached **find(struct dns_cache *c, uint64_t hash, uint32_t resolver, const struct dns_name *name,
                            enum dns_type type)
{
	struct cached **set = set_of(c, hash);
	for (size_t i = 0; i < WAYS; i++) {
		const struct cached *k = set[i];
		if (k && k->hash == hash && k->resolver == resolver && k->type == (uint16_t)type &&
		    slice_equal(slice_of(k->name, k->n), dns_name_slice(name)))
			return &set[i];
	}
	return NULL;
}

struct dns_answer *dns_cache_find(struct dns_cache *c, uint32_t resolver, const struct dns_name *name,
                                  enum dns_type type, int64_t now)
{
	struct cached **slot = find(c, hash_of(resolver, name, type), resolver, name, type);
	if (!slot) return NULL;
	struct cached *k = *slot;
	if (now >= k->expires) {
		drop(slot);
		return NULL;
	}
	k->used = ++c->tick;
	const struct dns_answer *a = k->answer;
	uint32_t ttl = (uint32_t)((k->expires - now + 999) / 1000);
	return dns_answer_make(a->status, a->secure, ttl, a->rr, a->count, a->canonical_name);
}

/* The slot to be given up for hash: an empty one, else the one not used for longest. */
static struct cached **victim(struct dns_cache *c, uint64_t hash)
{
	struct cached **set = set_of(c, hash), **oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (!set[i]) return &set[i];
		if (set[i]->used < (*oldest)->used) oldest = &set[i];
	}
	return oldest;
}

void dns_cache_store(struct dns_cache *c, uint32_t resolver, const struct dns_name *name, enum dns_type type,
                     const struct dns_answer *a, int64_t now)
{
	uint32_t limit = a->status == ERR_OK ? DNS_CACHE_TTL_MAX : DNS_CACHE_NEGATIVE_TTL_MAX;
	uint32_t ttl = a->ttl < limit ? a->ttl : limit;
	if (ttl == 0 || dns_answer_size(a) > ANSWER_MAX) return;
	struct cached *k = malloc(sizeof *k + name->n);
	struct dns_answer *copy = dns_answer_make(a->status, a->secure, ttl, a->rr, a->count, a->canonical_name);
	if (!k || !copy) {
		free(k);
		dns_answer_free(copy);
		return;
	}
	uint64_t hash = hash_of(resolver, name, type);
	*k = (struct cached){.hash = hash,
	                     .used = ++c->tick,
	                     .expires = now + (int64_t)ttl * 1000,
	                     .answer = copy,
	                     .resolver = resolver,
	                     .type = (uint16_t)type,
	                     .n = name->n};
	memcpy(k->name, name->wire, name->n);
	struct cached **slot = find(c, hash, resolver, name, type);
	if (!slot) slot = victim(c, hash);
	drop(slot);
	*slot = k;
}

size_t dns_cache_count(const struct dns_cache *c)
{
	size_t n = 0;
	for (size_t i = 0; i < SETS; i++)
		for (size_t j = 0; j < WAYS; j++) n += c->at[i][j] != NULL;
	return n;
}
