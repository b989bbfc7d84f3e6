/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/keyring.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "mail/address.h"
#include "store/keys.h"
#include "store/tenants.h"

#define MEMORY ((size_t)256 * 1024 * 1024)

struct entry {
	struct key key; /* its slices are in the ring's arena */
	struct signing_key *signing;
};

struct group { /* BATV keys of a tenant, or SRS secrets of the relay: entries [first, first + count) */
	uint32_t tenant;
	size_t first, count;
	struct batv_key *batv;
	struct slice *srs;
};

struct record { /* of a DKIM key, whatever its state */
	uint32_t tenant;
	int64_t active_from, retired;
};

struct keyring {
	atomic_uint references;
	uint64_t generation;
	struct arena arena;
	struct entry *entries; /* sorted: DKIM, BATV, SRS; see order() */
	size_t count, room;
	size_t dkim_count;
	struct group *groups; /* sorted by tenant */
	size_t group_count;
	struct group srs;
	struct record *records; /* sorted by tenant; public[i] is of records[i] */
	struct provenance_key *public;
	size_t record_count, record_room;
};

uint64_t keyring_generation(struct db *state)
{
	return keys_generation(state) + tenants_generation(state); /* both only grow */
}

uint64_t keyring_snapshot_generation(const struct keyring *ring)
{
	return ring ? ring->generation : 0;
}

struct keyring *keyring_ref(struct keyring *ring)
{
	atomic_fetch_add(&ring->references, 1);
	return ring;
}

void keyring_unref(struct keyring *ring)
{
	if (!ring || atomic_fetch_sub(&ring->references, 1) > 1) return;
	for (size_t i = 0; i < ring->count; i++) signing_key_unref(ring->entries[i].signing);
	arena_free(&ring->arena);
	free(ring->entries);
	free(ring->records);
	free(ring->public);
	free(ring);
}

/* ---- loading ------------------------------------------------------------------------------------------------------ */

struct load {
	struct keyring *ring;
	const struct tenants *tenants;
	enum error error;
};

/* Of a DKIM key whose tenant has lost the domain nothing is signed. */
static bool wanted(const struct load *l, const struct key *k)
{
	const struct tenant *t = k->tenant == KEYS_RELAY ? NULL : tenants_by_id(l->tenants, k->tenant);
	if (k->secret.n == 0 || (k->tenant != KEYS_RELAY && !t)) return false;
	switch (k->kind) {
	case KEY_DKIM: return t && tenant_owns(t, k->domain);
	case KEY_BATV: return t != NULL;
	case KEY_SRS: return !t;
	}
	return false;
}

static enum error make_room(struct keyring *ring)
{
	if (ring->record_count < ring->record_room) return ERR_OK;
	size_t room = ring->record_room ? 2 * ring->record_room : 16;
	struct record *records = reallocarray(ring->records, room, sizeof *records);
	if (records) ring->records = records;
	struct provenance_key *public = reallocarray(ring->public, room, sizeof *public);
	if (public) ring->public = public;
	if (!records || !public) return ERR_NO_MEMORY;
	ring->record_room = room;
	return ERR_OK;
}

/* Rows come in order of their tenants. */
static enum error collect_record(struct keyring *ring, const struct key *k)
{
	if (k->kind != KEY_DKIM || k->record.n == 0) return ERR_OK;
	if (make_room(ring)) return ERR_NO_MEMORY;
	ring->records[ring->record_count] =
		(struct record){.tenant = k->tenant, .active_from = k->active_from, .retired = k->retired};
	ring->public[ring->record_count++] = (struct provenance_key){.domain = arena_copy(&ring->arena, k->domain),
	                                                             .selector = arena_copy(&ring->arena, k->selector),
	                                                             .record = arena_copy(&ring->arena, k->record)};
	return arena_exhausted(&ring->arena) ? ERR_NO_MEMORY : ERR_OK;
}

static bool collect(const struct key *k, void *arg)
{
	struct load *l = arg;
	struct keyring *ring = l->ring;
	l->error = collect_record(ring, k);
	if (l->error || !wanted(l, k)) return !l->error;
	if (ring->count == ring->room) {
		size_t room = ring->room ? 2 * ring->room : 16;
		struct entry *entries = reallocarray(ring->entries, room, sizeof *entries);
		if (!entries) {
			l->error = ERR_NO_MEMORY;
			return false;
		}
		ring->entries = entries;
		ring->room = room;
	}
	struct entry *e = &ring->entries[ring->count++];
	*e = (struct entry){.key = *k};
	e->key.domain = arena_copy(&ring->arena, k->domain);
	e->key.selector = arena_copy(&ring->arena, k->selector);
	e->key.secret = arena_copy(&ring->arena, k->secret);
	e->key.record = SLICE_EMPTY;
	if (arena_exhausted(&ring->arena)) l->error = ERR_NO_MEMORY;
	return !l->error;
}

static int compare_names(uint32_t tenant_a, struct slice a, uint32_t tenant_b, struct slice b)
{
	if (tenant_a != tenant_b) return tenant_a < tenant_b ? -1 : 1;
	return slice_compare(a, b);
}

/* Later first; 0 is never. */
static int compare_ends(int64_t a, int64_t b)
{
	if (a == b) return 0;
	if (a == 0 || b == 0) return a == 0 ? -1 : 1;
	return a > b ? -1 : 1;
}

/* Kind, tenant, domain; then what is good for longest, so that what has not expired comes first, the newest of it first of all. */
static int order(const void *pa, const void *pb)
{
	const struct key *a = &((const struct entry *)pa)->key, *b = &((const struct entry *)pb)->key;
	if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
	int c = compare_names(a->tenant, a->domain, b->tenant, b->domain);
	if (c == 0) c = compare_ends(a->expires, b->expires);
	return c ? c : compare_ends(a->active_from, b->active_from);
}

static void load_signing_keys(struct keyring *ring, char why[256])
{
	for (size_t i = 0; i < ring->count && ring->entries[i].key.kind == KEY_DKIM; i++) {
		struct entry *e = &ring->entries[i];
		char reason[256] = "";
		ring->dkim_count++;
		if (signing_key_load(e->key.secret, &e->signing, reason) == ERR_OK) continue;
		e->signing = NULL;
		struct slice selector = slice_sub(e->key.selector, 0, 60), domain = slice_sub(e->key.domain, 0, 90);
		snprintf(why, 256, "DKIM key %.*s of %.*s: %.80s", SLICE_ARG(selector), SLICE_ARG(domain), reason);
	}
}

/* Entries [first, end) of one tenant as arrays of what the look-ups return. */
static enum error add_group(struct keyring *ring, struct group *g, size_t first, size_t end)
{
	size_t n = end - first;
	const struct entry *entries = ring->entries + first;
	*g = (struct group){.tenant = entries->key.tenant, .first = first, .count = n};
	g->batv = arena_alloc(&ring->arena, n * sizeof *g->batv);
	g->srs = arena_alloc(&ring->arena, n * sizeof *g->srs);
	for (size_t i = 0; g->batv && g->srs && i < n; i++) {
		g->batv[i] =
			(struct batv_key){.secret = entries[i].key.secret, .number = (uint8_t)entries[i].key.number};
		g->srs[i] = entries[i].key.secret;
	}
	return arena_exhausted(&ring->arena) ? ERR_NO_MEMORY : ERR_OK;
}

static enum error make_groups(struct keyring *ring)
{
	enum error err = ERR_OK;
	size_t n = ring->count - ring->dkim_count;
	ring->groups = arena_alloc(&ring->arena, (n + 1) * sizeof *ring->groups);
	if (!ring->groups) return ERR_NO_MEMORY;
	for (size_t first = ring->dkim_count, end; !err && first < ring->count; first = end) {
		const struct key *k = &ring->entries[first].key;
		for (end = first + 1; end < ring->count; end++)
			if (ring->entries[end].key.kind != k->kind || ring->entries[end].key.tenant != k->tenant) break;
		err = add_group(ring, k->kind == KEY_SRS ? &ring->srs : &ring->groups[ring->group_count++], first, end);
	}
	return err;
}

enum error keyring_load(struct db *state, struct keyring **out, char why[256])
{
	struct keyring *ring = calloc(1, sizeof *ring);
	struct tenants *tenants = NULL;
	struct load l = {.ring = ring};
	*out = NULL;
	why[0] = '\0';
	if (!ring) return ERR_NO_MEMORY;
	atomic_init(&ring->references, 1);
	arena_init(&ring->arena, MEMORY);
	ring->generation = keyring_generation(state); /* before the rows: what changes meanwhile is loaded again */
	enum error err = tenants_load(state, &tenants, why);
	l.tenants = tenants;
	if (!err) err = keys_each(state, KEYS_ALL, collect, &l);
	if (!err) err = l.error;
	tenants_unref(tenants);
	if (!err && ring->count) qsort(ring->entries, ring->count, sizeof *ring->entries, order);
	if (!err) load_signing_keys(ring, why);
	if (!err) err = make_groups(ring);
	if (err && !why[0]) snprintf(why, 256, "the keys: %s", error_text(err));
	if (err)
		keyring_unref(ring);
	else
		*out = ring;
	return err;
}

/* ---- look-ups ----------------------------------------------------------------------------------------------------- */

static const struct group *find_group(const struct keyring *ring, uint32_t tenant)
{
	size_t low = 0, high = ring->group_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ring->groups[middle].tenant < tenant)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ring->group_count && ring->groups[low].tenant == tenant ? &ring->groups[low] : NULL;
}

/* How many of the group have not expired: they are its first. */
static size_t unexpired(const struct keyring *ring, const struct group *g, int64_t now)
{
	size_t n = 0;
	while (n < g->count && key_state(&ring->entries[g->first + n].key, now) != KEY_EXPIRED) n++;
	return n;
}

static const struct keyring no_keys; /* while they cannot be read */

const struct batv_key *keyring_batv_keys(const struct keyring *ring, uint32_t tenant, int64_t now, size_t *count)
{
	if (!ring) ring = &no_keys;
	const struct group *g = find_group(ring, tenant);
	*count = g ? unexpired(ring, g, now) : 0;
	return *count ? g->batv : NULL;
}

const struct batv_key *keyring_batv_sign_key(const struct keyring *ring, uint32_t tenant, int64_t now)
{
	if (!ring) ring = &no_keys;
	const struct group *g = find_group(ring, tenant);
	const struct key *best = NULL;
	size_t at = 0, n = g ? unexpired(ring, g, now) : 0;
	for (size_t i = 0; i < n; i++) {
		const struct key *k = &ring->entries[g->first + i].key;
		if (k->active_from > now || (best && k->active_from <= best->active_from)) continue;
		best = k;
		at = i;
	}
	return best ? &g->batv[at] : NULL;
}

struct srs_secrets keyring_srs(const struct keyring *ring, int64_t now)
{
	if (!ring) ring = &no_keys;
	return (struct srs_secrets){ring->srs.srs, unexpired(ring, &ring->srs, now)};
}

/* First DKIM entry that is not before the domain. */
static size_t find_domain(const struct keyring *ring, uint32_t tenant, struct slice domain)
{
	size_t low = 0, high = ring->dkim_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct key *k = &ring->entries[middle].key;
		if (compare_names(k->tenant, k->domain, tenant, domain) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct entry *dkim_of(const struct keyring *ring, uint32_t tenant, struct slice domain, int64_t now)
{
	const struct entry *best = NULL;
	for (size_t i = find_domain(ring, tenant, domain); i < ring->dkim_count; i++) {
		const struct entry *e = &ring->entries[i];
		if (e->key.tenant != tenant || !slice_equal(e->key.domain, domain)) break;
		if (!e->signing || e->key.active_from > now || key_state(&e->key, now) == KEY_EXPIRED) continue;
		if (!best || e->key.active_from > best->key.active_from) best = e;
	}
	return best;
}

const struct signing_key *keyring_dkim(const struct keyring *ring, uint32_t tenant, struct slice domain, int64_t now,
                                       struct slice *selector, struct slice *signing_domain)
{
	if (!ring) ring = &no_keys;
	while (domain.n) {
		const struct entry *e = dkim_of(ring, tenant, domain, now);
		if (e) {
			*selector = e->key.selector;
			*signing_domain = e->key.domain;
			return e->signing;
		}
		domain = slice_sub(domain, slice_find(domain, '.') + 1, domain.n);
	}
	return NULL;
}

/* First record that is not before the tenant. */
static size_t find_records(const struct keyring *ring, uint32_t tenant)
{
	size_t low = 0, high = ring->record_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ring->records[middle].tenant < tenant)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct provenance_key *keyring_dkim_records(const struct keyring *ring, uint32_t tenant, size_t *count)
{
	if (!ring) ring = &no_keys;
	size_t first = find_records(ring, tenant), end = first;
	while (end < ring->record_count && ring->records[end].tenant == tenant) end++;
	*count = end - first;
	return *count ? &ring->public[first] : NULL;
}

int64_t keyring_dkim_since(const struct keyring *ring, uint32_t tenant, struct slice domain, int64_t now)
{
	struct slice selector, signing_domain;
	if (!keyring_dkim(ring, tenant, domain, now, &selector, &signing_domain)) return INT64_MAX;
	size_t first = find_records(ring, tenant);
	int64_t since = now;
	for (bool earlier = true; earlier;) { /* a key that was in force until what we have so far */
		earlier = false;
		for (size_t i = first; i < ring->record_count && ring->records[i].tenant == tenant; i++) {
			const struct record *r = &ring->records[i];
			if (r->active_from >= since || (r->retired && r->retired < since)) continue;
			if (!domain_within(domain, ring->public[i].domain)) continue;
			since = r->active_from;
			earlier = true;
		}
	}
	return since;
}
