/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenants_snapshot - all tenants compiled for look-ups
 *
 * Names, domains, certificates and users are in one open-addressed hash table each, at most half full. Source prefixes may nest, so
 * they are flattened into ranges that do not overlap, each with the tenant of its longest prefix: a look-up is one
 * binary search.
 */
#include "store/tenants_snapshot.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/octets.h"
#include "store/tenants_json.h"

#define MAGIC       0x7e4a4751u
#define ARENA_LIMIT (SIZE_MAX / 2) /* as much as there are tenants; the system's memory is the limit */

typedef unsigned __int128 number; /* an address */

struct entry { /* empty: tenant is NULL */
	struct slice key;
	const struct tenant *tenant;
	size_t index; /* which of the tenant's domains, users, .. */
};
struct table {
	struct entry *entries;
	size_t mask;
};
struct range { /* from start to the next range's start */
	number start;
	const struct tenant *tenant; /* NULL: nobody's */
};
struct ranges {
	struct range *list;
	size_t count;
};

struct tenants {
	unsigned magic;
	_Atomic int references;
	uint64_t generation;
	struct arena arena;
	struct tenant *list; /* by name */
	size_t count;
	const struct tenant **by_id;
	struct table names, domains, certificates, users;
	struct ranges v4, v6;
};

/* ---- hash tables -------------------------------------------------------------------------------------------------- */

static bool table_init(struct table *t, struct arena *a, size_t n)
{
	size_t size = 2;
	while (size < n * 2) size *= 2;
	t->entries = arena_zalloc(a, size * sizeof *t->entries);
	t->mask = size - 1;
	return t->entries != NULL;
}

static struct entry *table_find(const struct table *t, struct slice key)
{
	size_t i = slice_hash_nocase(key) & t->mask;
	while (t->entries[i].tenant && !slice_equal_nocase(t->entries[i].key, key)) i = (i + 1) & t->mask;
	return &t->entries[i];
}

/* The first one stays: tenants_put() lets nothing belong to two. */
static void table_add(struct table *t, const char *key, const struct tenant *tenant, size_t index)
{
	struct entry *e = table_find(t, slice_str(key));
	if (!e->tenant) *e = (struct entry){.key = slice_str(key), .tenant = tenant, .index = index};
}

/* ---- source ranges ------------------------------------------------------------------------------------------------ */

static number to_number(const struct ip *ip)
{
	number n = 0;
	for (int i = 0; i < (ip->family == AF_INET ? 4 : 16); i++) n = n << 8 | ip->octets[i];
	return n;
}

struct span { /* a prefix as numbers, both ends included */
	number first, last;
	const struct tenant *tenant;
};

/* An outer prefix comes before what it contains. */
static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	if (x->first != y->first) return x->first < y->first ? -1 : 1;
	return (x->last < y->last) - (x->last > y->last);
}

static void add_range(struct ranges *r, number start, const struct tenant *tenant)
{
	if (r->count > 0 && r->list[r->count - 1].start == start) r->count--;
	r->list[r->count++] = (struct range){.start = start, .tenant = tenant};
}

/* Closes the spans on the stack that end before here; where one ends its outer one goes on. */
static size_t pop_before(struct ranges *r, const struct span **stack, size_t depth, number here, bool all)
{
	while (depth > 0 && (all || stack[depth - 1]->last < here)) {
		number end = stack[--depth]->last;
		if (end + 1 != 0) add_range(r, end + 1, depth > 0 ? stack[depth - 1]->tenant : NULL);
	}
	return depth;
}

static bool flatten(struct ranges *r, struct arena *a, struct span *spans, size_t n)
{
	const struct span *stack[130]; /* prefixes nest: one of each length at most, and none is there twice */
	size_t depth = 0;
	r->list = arena_alloc(a, (2 * n + 1) * sizeof *r->list);
	if (!r->list) return false;
	if (n > 1) qsort(spans, n, sizeof *spans, by_start);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && by_start(&spans[i - 1], &spans[i]) == 0) continue;
		depth = pop_before(r, stack, depth, spans[i].first, false);
		assert(depth < sizeof stack / sizeof *stack);
		stack[depth++] = &spans[i];
		add_range(r, spans[i].first, spans[i].tenant);
	}
	pop_before(r, stack, depth, 0, true);
	return true;
}

static const struct tenant *find_range(const struct ranges *r, number n)
{
	size_t low = 0, high = r->count; /* the last range that starts at or before n is below high */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->list[middle].start <= n)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? r->list[low - 1].tenant : NULL;
}

static bool build_ranges(struct ranges *r, const struct tenants *s, struct arena *a, int family)
{
	size_t n = 0, width = family == AF_INET ? 32 : 128;
	for (size_t i = 0; i < s->count; i++) n += s->list[i].from_count;
	struct span *spans = malloc((n + 1) * sizeof *spans);
	if (!spans) return false;
	n = 0;
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->list[i].from_count; k++) {
			const struct prefix *p = &s->list[i].from[k];
			if (p->ip.family != family || p->length > width) continue;
			number first = to_number(&p->ip);
			number host =
				p->length == 0 ? ~(number)0 >> (128 - width) : (((number)1 << (width - p->length)) - 1);
			spans[n++] = (struct span){.first = first, .last = first | host, .tenant = &s->list[i]};
		}
	bool ok = flatten(r, a, spans, n);
	free(spans);
	return ok;
}

/* ---- building ----------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tenant *)a)->name, ((const struct tenant *)b)->name);
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = (*(const struct tenant *const *)a)->id, y = (*(const struct tenant *const *)b)->id;
	return (x > y) - (x < y);
}

static bool compile(struct tenants *s)
{
	size_t domains = 0, certificates = 0, users = 0;
	for (size_t i = 0; i < s->count; i++) {
		domains += s->list[i].domain_count;
		certificates += s->list[i].certificate_count;
		users += s->list[i].user_count;
	}
	struct arena *a = &s->arena;
	s->by_id = arena_alloc(a, (s->count + 1) * sizeof *s->by_id);
	if (!s->by_id || !table_init(&s->names, a, s->count) || !table_init(&s->domains, a, domains) ||
	    !table_init(&s->certificates, a, certificates) || !table_init(&s->users, a, users))
		return false;
	if (s->count > 1) qsort(s->list, s->count, sizeof *s->list, by_name);
	for (size_t i = 0; i < s->count; i++) {
		const struct tenant *t = s->by_id[i] = &s->list[i];
		table_add(&s->names, t->name, t, 0);
		for (size_t k = 0; k < t->domain_count; k++) table_add(&s->domains, t->domains[k].name, t, k);
		for (size_t k = 0; k < t->certificate_count; k++) table_add(&s->certificates, t->certificates[k], t, k);
		for (size_t k = 0; k < t->user_count; k++) table_add(&s->users, t->users[k].name, t, k);
	}
	if (s->count > 1) qsort(s->by_id, s->count, sizeof *s->by_id, by_id);
	return build_ranges(&s->v4, s, a, AF_INET) && build_ranges(&s->v6, s, a, AF_INET6);
}

struct tenants *tenants_snapshot_new(uint64_t generation, size_t count)
{
	struct tenants *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	s->magic = MAGIC;
	atomic_init(&s->references, 1);
	s->generation = generation;
	arena_init(&s->arena, ARENA_LIMIT);
	s->list = arena_zalloc(&s->arena, (count + 1) * sizeof *s->list);
	if (s->list) return s;
	tenants_unref(s);
	return NULL;
}

enum error tenants_snapshot_add(struct tenants *s, uint32_t id, struct slice json)
{
	enum error err = tenant_decode(&s->arena, id, json, &s->list[s->count]);
	if (!err) s->count++;
	return err;
}

enum error tenants_snapshot_finish(struct tenants *s)
{
	return compile(s) ? ERR_OK : ERR_NO_MEMORY;
}

struct tenants *tenants_ref(struct tenants *s)
{
	assert(s->magic == MAGIC);
	atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
	return s;
}

void tenants_unref(struct tenants *s)
{
	if (!s) return;
	assert(s->magic == MAGIC);
	if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1) return;
	arena_free(&s->arena);
	s->magic = 0;
	free(s);
}

/* ---- look-ups ----------------------------------------------------------------------------------------------------- */

uint64_t tenants_snapshot_generation(const struct tenants *s)
{
	return s->generation;
}

size_t tenants_count(const struct tenants *s)
{
	return s->count;
}

const struct tenant *tenants_at(const struct tenants *s, size_t i)
{
	return i < s->count ? &s->list[i] : NULL;
}

const struct tenant *tenants_by_name(const struct tenants *s, struct slice name)
{
	return table_find(&s->names, name)->tenant;
}

const struct tenant *tenants_by_id(const struct tenants *s, uint32_t id)
{
	const struct tenant key = {.id = id}, *wanted = &key;
	const struct tenant **found = s->count ? bsearch(&wanted, s->by_id, s->count, sizeof *s->by_id, by_id) : NULL;
	return found ? *found : NULL;
}

const struct tenant *tenants_by_domain(const struct tenants *s, struct slice domain)
{
	for (bool exact = true; domain.n > 0; exact = false) {
		const struct entry *e = table_find(&s->domains, domain);
		if (e->tenant && (exact || e->tenant->domains[e->index].subdomains)) return e->tenant;
		domain = slice_sub(domain, slice_find(domain, '.') + 1, domain.n);
	}
	return NULL;
}

const struct tenant *tenants_by_source(const struct tenants *s, const struct ip *ip)
{
	if (ip->family != AF_INET && ip->family != AF_INET6) return NULL;
	return find_range(ip->family == AF_INET ? &s->v4 : &s->v6, to_number(ip));
}

const struct tenant *tenants_by_certificate(const struct tenants *s, const char *sha256_hex)
{
	return table_find(&s->certificates, slice_str(sha256_hex))->tenant;
}

const struct tenant *tenants_by_user(const struct tenants *s, struct slice user, const struct tenant_user **out)
{
	const struct entry *e = table_find(&s->users, user);
	if (out) *out = e->tenant ? &e->tenant->users[e->index] : NULL;
	return e->tenant;
}

bool tenant_tag_exempt(const struct tenant *t, struct slice local, struct slice domain)
{
	for (size_t i = 0; i < t->tag_exception_count; i++) {
		struct slice e = slice_str(t->tag_exceptions[i]);
		size_t at = slice_find_last(e, '@');
		if (!slice_equal_nocase(slice_sub(e, at + 1, e.n), domain)) continue;
		if (at == 0 || slice_equal_nocase(slice_sub(e, 0, at), local)) return true;
	}
	return false;
}

enum tenant_tag_check tenant_tag_check(const struct tenant *t, struct slice local, struct slice domain, int64_t now)
{
	if (t->tags == TENANT_TAGS_OFF || t->tag_check == TENANT_CHECK_OFF) return TENANT_CHECK_OFF;
	if (tenant_tag_exempt(t, local, domain)) return TENANT_CHECK_OFF;
	if (t->tag_check == TENANT_CHECK_REFUSE || now >= t->tags_since + TENANT_LEARNING_S) return TENANT_CHECK_REFUSE;
	return TENANT_CHECK_LEARN;
}

bool tenant_owns(const struct tenant *t, struct slice domain)
{
	for (size_t i = 0; i < t->domain_count; i++) {
		struct slice own = slice_str(t->domains[i].name);
		if (slice_equal_nocase(domain, own)) return true;
		if (t->domains[i].subdomains && domain.n > own.n + 1 && domain.p[domain.n - own.n - 1] == '.' &&
		    slice_ends_nocase(domain, own))
			return true;
	}
	return false;
}
