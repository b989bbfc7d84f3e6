/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/destination.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "mail/address.h"

#define DESTINATION_MAGIC 0xde571a70u
#define FIRST_BUCKETS     256
#define DOMAIN_ARENA      4096
/* What failed is remembered beyond its rest, so that waiting times go on growing. */
#define REMEMBER_SECONDS 3600

enum error destinations_init(struct destinations *t)
{
	memset(t, 0, sizeof(*t));
	t->buckets = calloc(FIRST_BUCKETS, sizeof(*t->buckets));
	if (!t->buckets) return ERR_NO_MEMORY;
	t->bucket_count = FIRST_BUCKETS;
	return ERR_OK;
}

void destinations_free(struct destinations *t)
{
	for (size_t i = 0; i < t->bucket_count; i++) {
		for (struct destination *to = t->buckets[i], *next; to; to = next) {
			next = to->next;
			for (struct part *p; (p = destination_take(to));) part_free(p);
			to->magic = 0;
			free(to);
		}
	}
	free(t->buckets);
	memset(t, 0, sizeof(*t));
}

/* ---- which destination ---- */

struct key {
	enum destination_kind kind;
	uint8_t pool;
	uint32_t tenant;
	struct slice domain;
};

static struct destination **bucket(struct destination **buckets, size_t n, const struct key *k)
{
	uint64_t hash = slice_hash(k->domain) + k->kind * 31u + k->pool * 1031u + k->tenant * 0x9e3779b97f4a7c15u;
	return &buckets[hash & (n - 1)];
}

static bool is_key(const struct destination *to, const struct key *k)
{
	return to->kind == k->kind && to->pool == k->pool && to->tenant == k->tenant &&
	       slice_equal(slice_str(to->domain), k->domain);
}

static struct key key_of(const struct destination *to)
{
	return (struct key){to->kind, to->pool, to->tenant, slice_str(to->domain)};
}

static void grow(struct destinations *t)
{
	size_t n = t->bucket_count * 2;
	struct destination **buckets = calloc(n, sizeof(*buckets));
	if (!buckets) return;
	for (size_t i = 0; i < t->bucket_count; i++) {
		for (struct destination *to = t->buckets[i], *next; to; to = next) {
			struct key k = key_of(to);
			struct destination **b = bucket(buckets, n, &k);
			next = to->next;
			to->next = *b;
			*b = to;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->bucket_count = n;
}

static enum error find_or_make(struct destinations *t, const struct key *k, struct destination **out)
{
	struct destination **b = bucket(t->buckets, t->bucket_count, k);
	struct destination *to = *b;
	while (to && !is_key(to, k)) to = to->next;
	if (!to) {
		to = calloc(1, sizeof(*to) + k->domain.n + 1);
		if (!to) return ERR_NO_MEMORY;
		char *domain = (char *)(to + 1);
		memcpy(domain, k->domain.p, k->domain.n);
		to->magic = DESTINATION_MAGIC;
		to->kind = k->kind;
		to->pool = k->pool;
		to->tenant = k->tenant;
		to->domain = domain;
		to->next = *b;
		*b = to;
		if (++t->count > t->bucket_count) grow(t);
	}
	*out = to;
	return ERR_OK;
}

/* Literals stay as they are but for the case of "IPv6:". */
static struct slice literal(struct arena *a, struct slice domain)
{
	struct slice copy = arena_copy(a, domain);
	for (size_t i = 0; copy.p && i < copy.n; i++) {
		char *c = (char *)copy.p + i;
		if (*c >= 'A' && *c <= 'Z') *c += 'a' - 'A';
	}
	return copy;
}

static enum error find_by_domain(struct destinations *t, const struct config *c, struct arena *a, struct key *k,
                                 struct slice address, struct destination **out)
{
	size_t at = slice_find_last(address, '@');
	struct slice domain = slice_sub(address, at + 1, address.n);
	if (at == address.n || domain.n == 0) return ERR_INVALID;
	k->domain = domain.p[0] == '[' ? literal(a, domain) : domain_canonical(a, domain);
	if (!k->domain.p) return arena_exhausted(a) ? ERR_NO_MEMORY : ERR_INVALID;
	const struct config_route *route = config_route(c, k->domain);
	if (route) {
		k->kind = DESTINATION_ROUTE;
		k->domain = slice_str(route->domain);
	}
	return find_or_make(t, k, out);
}

enum error destination_find(struct destinations *t, const struct config *c, const struct spool_message *m,
                            struct slice address, uint32_t tenant, struct destination **out)
{
	struct key k = {.kind = DESTINATION_MX, .pool = m->pool};
	if (m->downstream) {
		k.kind = DESTINATION_DOWNSTREAM;
		k.tenant = tenant;
		k.pool = 0; /* pools are for the outside world */
		k.domain = SLICE_EMPTY;
		return find_or_make(t, &k, out);
	}
	struct arena a;
	arena_init(&a, DOMAIN_ARENA);
	enum error e = find_by_domain(t, c, &a, &k, address, out);
	arena_free(&a);
	return e;
}

/* ---- what waits ---- */

void destination_add(struct destination *to, struct part *p)
{
	assert(to->magic == DESTINATION_MAGIC);
	p->next = NULL;
	if (to->last)
		to->last->next = p;
	else
		to->first = p;
	to->last = p;
	to->waiting++;
}

void destination_add_first(struct destination *to, struct part *p)
{
	assert(to->magic == DESTINATION_MAGIC);
	p->next = to->first;
	to->first = p;
	if (!to->last) to->last = p;
	to->waiting++;
}

struct part *destination_take(struct destination *to)
{
	struct part *p = to->first;
	if (!p) return NULL;
	to->first = p->next;
	if (!to->first) to->last = NULL;
	p->next = NULL;
	to->waiting--;
	return p;
}

struct part *destination_take_all(struct destination *to)
{
	struct part *list = to->first;
	to->first = to->last = NULL;
	to->waiting = 0;
	return list;
}

void destination_starve(struct destinations *t, struct destination *to)
{
	if (to->starving) return;
	to->starving = true;
	to->next_starving = NULL;
	if (t->last_starving)
		t->last_starving->next_starving = to;
	else
		t->first_starving = to;
	t->last_starving = to;
}

struct destination *destination_unstarve(struct destinations *t)
{
	struct destination *to = t->first_starving;
	if (!to) return NULL;
	t->first_starving = to->next_starving;
	if (!t->first_starving) t->last_starving = NULL;
	to->starving = false;
	return to;
}

void destination_release(struct destinations *t, struct destination *to, int64_t now)
{
	assert(to->magic == DESTINATION_MAGIC);
	if (to->first || to->carriers || to->starving) return;
	if (to->failures && to->not_before + REMEMBER_SECONDS > now) return;
	struct key k = key_of(to);
	struct destination **at = bucket(t->buckets, t->bucket_count, &k);
	while (*at != to) at = &(*at)->next;
	*at = to->next;
	t->count--;
	to->magic = 0;
	free(to);
}

void destinations_sweep(struct destinations *t, int64_t now)
{
	for (size_t i = 0; i < t->bucket_count; i++) {
		for (struct destination *to = t->buckets[i], *next; to; to = next) {
			next = to->next;
			destination_release(t, to, now);
		}
	}
}

void destinations_each(struct destinations *t, void (*each)(struct destination *, void *arg), void *arg)
{
	for (size_t i = 0; i < t->bucket_count; i++)
		for (struct destination *to = t->buckets[i]; to; to = to->next) each(to, arg);
}

/* ---- parts ---- */

struct part *part_new(struct queued *m, struct destination *to)
{
	struct part *p = calloc(1, sizeof(*p));
	if (!p) return NULL;
	p->queued = m;
	p->destination = to;
	return p;
}

bool part_add(struct part *p, uint32_t recipient)
{
	if (p->count == p->room) {
		uint32_t room = p->room ? p->room * 2 : 1;
		uint32_t *recipients = realloc(p->recipients, room * sizeof(*recipients));
		if (!recipients) return false;
		p->recipients = recipients;
		p->room = room;
	}
	p->recipients[p->count++] = recipient;
	return true;
}

void part_free(struct part *p)
{
	free(p->recipients);
	free(p);
}
