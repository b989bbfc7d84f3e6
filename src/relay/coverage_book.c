/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/coverage_book.h"

#include <pthread.h>
#include <stdlib.h>

#include "store/coverages.h"

struct entry {
	uint32_t tenant;
	bool dirty, foreign; /* foreign: a newer version wrote it; it is left as it is */
	struct coverage counts;
	uint64_t about[COVERAGE_ABOUT]; /* hashes; a ring */
	unsigned about_next;
	/* the hour that runs */
	int64_t hour; /* when it began; 0: none has */
	struct coverage before;
	unsigned unconfirmed, origin_count;
	uint64_t origins[COVERAGE_STORM_ORIGINS];
	bool storm;
};

struct coverage_book {
	struct db *state;
	pthread_mutex_t lock;
	struct entry **entries; /* sorted by tenant */
	size_t count, room;
};

struct coverage_book *coverage_book_new(struct db *state)
{
	struct coverage_book *b = calloc(1, sizeof *b);
	if (!b) return NULL;
	b->state = state;
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void coverage_book_free(struct coverage_book *b)
{
	if (!b) return;
	for (size_t i = 0; i < b->count; i++) free(b->entries[i]);
	free(b->entries);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* ---- entries: with the lock --------------------------------------------------------------------------------------- */

static size_t position(const struct coverage_book *b, uint32_t tenant)
{
	size_t low = 0, high = b->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (b->entries[middle]->tenant < tenant)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *load(struct coverage_book *b, uint32_t tenant)
{
	char octets[COVERAGES_MOST];
	size_t n;
	enum error err = coverages_get(b->state, tenant, octets, &n);
	if (err && err != ERR_NOT_FOUND && err != ERR_LIMIT) return NULL; /* perhaps next time */
	struct entry *e = calloc(1, sizeof *e);
	if (!e) return NULL;
	e->tenant = tenant;
	if (err != ERR_NOT_FOUND) e->foreign = err || !coverage_unpack(slice_of(octets, n), &e->counts);
	return e;
}

static struct entry *entry_of(struct coverage_book *b, uint32_t tenant)
{
	size_t at = position(b, tenant);
	if (at < b->count && b->entries[at]->tenant == tenant) return b->entries[at];
	if (b->count == b->room) {
		size_t room = b->room ? 2 * b->room : 16;
		struct entry **more = reallocarray(b->entries, room, sizeof *more);
		if (!more) return NULL;
		b->entries = more;
		b->room = room;
	}
	struct entry *e = load(b, tenant);
	if (!e) return NULL;
	memmove(b->entries + at + 1, b->entries + at, (b->count - at) * sizeof *b->entries);
	b->entries[at] = e;
	b->count++;
	return e;
}

/* ---- what is left out ------------------------------------------------------------------------------------------------ */

static bool told_before(struct entry *e, struct slice about)
{
	uint64_t h = slice_hash_nocase(about);
	if (about.n == 0) return false;
	for (unsigned i = 0; i < COVERAGE_ABOUT; i++)
		if (e->about[i] == h) return true;
	e->about[e->about_next++ % COVERAGE_ABOUT] = h;
	return false;
}

/* An IPv4 /24, an IPv6 /48. */
static uint64_t network_of(const struct ip *ip)
{
	size_t n = ip->family == AF_INET ? 3 : ip->family == AF_INET6 ? 6 : 0;
	return slice_hash(slice_of(ip->octets, n));
}

static bool is_stormy(const struct entry *e)
{
	return e->unconfirmed > COVERAGE_STORM && e->origin_count == COVERAGE_STORM_ORIGINS;
}

/* A new hour begins. What was a storm goes on, unless the last hour was calm, or long ago. */
static void begin_hour(struct entry *e, int64_t now)
{
	bool next = now >= e->hour && now - e->hour < 2 * (int64_t)COVERAGE_STORM_S;
	e->storm = e->hour && next && is_stormy(e);
	e->hour = now;
	e->before = e->counts;
	e->unconfirmed = e->origin_count = 0;
}

static void note_origin(struct entry *e, const struct ip *origin)
{
	uint64_t network = network_of(origin);
	for (unsigned i = 0; i < e->origin_count; i++)
		if (e->origins[i] == network) return;
	if (e->origin_count < COVERAGE_STORM_ORIGINS) e->origins[e->origin_count++] = network;
}

/* True while it storms. */
static bool weather(struct entry *e, const struct coverage_event *event, int64_t now)
{
	if (!e->hour || now < e->hour || now - e->hour >= COVERAGE_STORM_S) begin_hour(e, now);
	if (event->what == COVERAGE_UNCONFIRMED) {
		e->unconfirmed++;
		note_origin(e, &event->origin);
	}
	if (!e->storm && is_stormy(e)) {
		e->storm = true;
		e->counts = e->before;
		e->dirty = true;
	}
	return e->storm;
}

/* Of one network few count that nobody confirms. */
static bool heard(struct entry *e, const struct coverage_event *event, int64_t now)
{
	struct reporters *r = &e->counts.reporters;
	if (event->what == COVERAGE_UNCONFIRMED) return reporters_add(r, &event->reporter, &event->origin, now);
	reporters_confirm(r, &event->reporter, now);
	return true;
}

/* ---- the book -------------------------------------------------------------------------------------------------------- */

bool coverage_book_add(struct coverage_book *b, const struct coverage_event *event, int64_t now)
{
	if (event->what == COVERAGE_NOT_COUNTED) return false;
	pthread_mutex_lock(&b->lock);
	struct entry *e = entry_of(b, event->tenant);
	bool fresh = e && !e->foreign && !told_before(e, event->about) && !weather(e, event, now);
	if (fresh) e->dirty = true;
	bool counts = fresh && heard(e, event, now);
	if (counts) coverage_add(&e->counts, event->what, now);
	pthread_mutex_unlock(&b->lock);
	return counts;
}

bool coverage_book_odd(struct coverage_book *b, uint32_t tenant, const struct ip *reporter, int64_t now)
{
	pthread_mutex_lock(&b->lock);
	struct entry *e = entry_of(b, tenant);
	bool odd = e && !e->foreign && reporters_odd(&e->counts.reporters, reporter, now);
	pthread_mutex_unlock(&b->lock);
	return odd;
}

bool coverage_book_complete(struct coverage_book *b, uint32_t tenant, bool ledger, int64_t now)
{
	pthread_mutex_lock(&b->lock);
	struct entry *e = entry_of(b, tenant);
	bool complete = e && !e->foreign && coverage_complete(&e->counts, ledger, now);
	pthread_mutex_unlock(&b->lock);
	return complete;
}

/* Copies of what changed, packed; the rows point into packed. With the lock. */
static size_t take_changed(struct coverage_book *b, struct coverages_row *rows, char (*packed)[COVERAGE_PACKED])
{
	size_t n = 0;
	for (size_t i = 0; i < b->count; i++) {
		struct entry *e = b->entries[i];
		if (!e->dirty) continue;
		size_t size = coverage_pack(&e->counts, packed[n]);
		rows[n] = (struct coverages_row){e->tenant, slice_of(packed[n], size)};
		e->dirty = false;
		n++;
	}
	return n;
}

static void put_back(struct coverage_book *b, const struct coverages_row *rows, size_t n)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < n; i++) b->entries[position(b, rows[i].tenant)]->dirty = true;
	pthread_mutex_unlock(&b->lock);
}

enum error coverage_book_flush(struct coverage_book *b)
{
	pthread_mutex_lock(&b->lock);
	struct coverages_row *rows = reallocarray(NULL, b->count + 1, sizeof *rows);
	char(*packed)[COVERAGE_PACKED] = reallocarray(NULL, b->count + 1, sizeof *packed);
	size_t n = rows && packed ? take_changed(b, rows, packed) : 0;
	pthread_mutex_unlock(&b->lock);
	enum error err = rows && packed ? coverages_put(b->state, rows, n) : ERR_NO_MEMORY;
	if (err) put_back(b, rows, n);
	free(packed);
	free(rows);
	return err;
}
