/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/filter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"

#define LINE         64 /* octets: what one miss of the cache brings */
#define LINE_SLOTS   10
#define LINE_ROWS    8 /* for which a line is made; what finds it full goes to the next */
#define CHAIN        8 /* lines that may follow */
#define LINES_LEAST  1024
#define ROWS_SPARE   4096
#define LARGE_PAGE   (2 << 20)
#define FOLLOW_MOST  10000          /* changes that are followed in one go: some milliseconds */
#define FORGET_EVERY 5              /* seconds */
#define LIFETIME     3600           /* seconds, after which a new one is made */
#define EXPIRY_AHEAD (2 * LIFETIME) /* a row that expires within it is looked up */

/* Of a line's count. */
#define MORE 0x100u /* some that belong here, or in a line before, are in the next */
#define LOST 0x200u /* and some had no room in any of the chain */

#define ASK 0x8000u /* of a row: look it up */

struct line {
	_Atomic uint32_t count;
	_Atomic uint32_t keys[LINE_SLOTS];
	_Atomic uint16_t rows[LINE_SLOTS];
};
_Static_assert(sizeof(struct line) == LINE, "a line of the cache");

struct filter {
	uint32_t from;          /* the serial at which it was made */
	_Atomic uint32_t until; /* up to which it has all */
	int64_t made;           /* Unix time */
	size_t used, room;      /* rows put in; that may be */
	size_t users;           /* under the lock */
	uint32_t line_count;
	struct line *lines;
};

struct filters {
	struct db *state;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct filter *now; /* NULL: none, or it does not hold any more */
	bool wanted, stop;  /* a new one is to be made */
};

/* ---- lines ------------------------------------------------------------------------------------------------------------ */

/* Each question looks at one random place: in large pages that is one miss, not a walk through page tables besides. */
static void *lines_new(size_t size)
{
	size_t unit = size >= LARGE_PAGE ? LARGE_PAGE : LINE;
	size = (size + unit - 1) / unit * unit;
	void *p = aligned_alloc(unit, size);
	if (!p) return NULL;
	if (unit == LARGE_PAGE) madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

static struct filter *filter_new(size_t rows)
{
	struct filter *f = calloc(1, sizeof *f);
	if (!f) return NULL;
	f->room = rows + rows / 8 + ROWS_SPARE;
	f->line_count = (uint32_t)(rows + rows / 16) / LINE_ROWS + LINES_LEAST;
	f->lines = lines_new((f->line_count + CHAIN) * sizeof(struct line));
	if (f->lines) return f;
	free(f);
	return NULL;
}

static void filter_free(struct filter *f)
{
	if (!f) return;
	free(f->lines);
	free(f);
}

/* An IPv4 address stands for itself; a /64 has a number that others may have too, and is always looked up. */
static uint32_t number_of(const uint8_t *key, size_t n)
{
	uint64_t v = 0;
	memcpy(&v, key, n <= sizeof v ? n : sizeof v);
	return n == 4 ? (uint32_t)v : (uint32_t)(v * 0x9e3779b97f4a7c15ULL >> 32);
}

/* Spreads what may be neighbours. Nobody gains by finding addresses that meet: they are then looked up. */
static uint32_t line_of(const struct filter *f, uint32_t number)
{
	uint32_t h = number * 0x9e3779b1u;
	h = (h ^ h >> 15) * 0x85ebca77u;
	h ^= h >> 13;
	return (uint32_t)((uint64_t)h * f->line_count >> 32);
}

/* The number's slot; -1. */
static int slot_of(const struct line *l, uint32_t count, uint32_t number)
{
	uint32_t slots = count & 0xff;
	for (uint32_t i = 0; i < slots && i < LINE_SLOTS; i++)
		if (atomic_load_explicit(&l->keys[i], memory_order_relaxed) == number) return (int)i;
	return -1;
}

static bool mark(struct line *l, uint32_t count, uint32_t number)
{
	int slot = slot_of(l, count, number);
	if (slot >= 0) atomic_store_explicit(&l->rows[slot], ASK, memory_order_relaxed);
	return slot >= 0;
}

/* Readers see a slot when the count has it. */
static bool insert(struct line *l, uint32_t count, uint32_t number, uint16_t row)
{
	uint32_t slot = count & 0xff;
	if (slot == LINE_SLOTS) return false;
	atomic_store_explicit(&l->keys[slot], number, memory_order_relaxed);
	atomic_store_explicit(&l->rows[slot], row, memory_order_relaxed);
	atomic_store_explicit(&l->count, count + 1, memory_order_release);
	return true;
}

/* One writer at a time. A number that is there already is to be looked up from now on. A reader must find a new one by the time that it
 * sees the way to it: so the slot is filled first, then the lines before it say MORE. */
static void put(struct filter *f, const uint8_t *key, size_t n, uint16_t row)
{
	uint32_t number = number_of(key, n), first = line_of(f, number), at = 0;
	for (bool more = true; more && at < CHAIN; at++) {
		struct line *l = &f->lines[first + at];
		uint32_t count = atomic_load_explicit(&l->count, memory_order_relaxed);
		if (mark(l, count, number)) return;
		more = count & MORE;
	}
	f->used++;
	for (at = 0; at < CHAIN; at++) {
		struct line *l = &f->lines[first + at];
		if (insert(l, atomic_load_explicit(&l->count, memory_order_relaxed), number, row)) break;
	}
	uint32_t say = at == CHAIN ? LOST : 0;
	while (at-- > 0) atomic_fetch_or_explicit(&f->lines[first + at].count, MORE | say, memory_order_release);
}

static enum filter_says tell(const struct line *l, int slot, size_t n, struct published *out)
{
	uint16_t row = atomic_load_explicit(&l->rows[slot], memory_order_relaxed);
	if (row & ASK || n != 4) return FILTER_ASK;
	*out = (struct published){.classes = row & 0xff, .grade = row >> 8 & 7, .flags = row >> 11 & 3};
	return FILTER_LISTED;
}

enum filter_says filter_find(const struct filter *f, const uint8_t *key, size_t n, struct published *out)
{
	uint32_t number = number_of(key, n), count = MORE;
	const struct line *l = &f->lines[line_of(f, number)];
	for (unsigned i = 0; i < CHAIN && count & MORE; i++, l++) {
		count = atomic_load_explicit(&l->count, memory_order_acquire);
		int slot = slot_of(l, count, number);
		if (slot >= 0) return tell(l, slot, n, out);
	}
	return count & LOST ? FILTER_ASK : FILTER_ABSENT;
}

/* ---- making one -------------------------------------------------------------------------------------------------------- */

/* What does not fit, or will be over while the filter is in use, is looked up. */
static uint16_t row_of(const struct filter *f, struct slice key, const struct published *p)
{
	bool over = p->expires && p->expires <= f->made + EXPIRY_AHEAD;
	if (over || key.n != 4 || p->grade > 7 || p->flags > 3) return ASK;
	return (uint16_t)(p->classes | p->grade << 8 | p->flags << 11);
}

static bool add_row(struct slice key, const struct published *p, void *filter)
{
	struct filter *f = filter;
	put(f, (const uint8_t *)key.p, key.n, row_of(f, key, p));
	return true;
}

/* Of all rows, those that have expired too: it is asked at other times than now. */
static struct filter *make(struct db *state)
{
	struct db_txn *t;
	if (db_begin_read(state, &t)) return NULL;
	struct filter *f = filter_new(published_count(t));
	if (f) {
		f->made = clock_unix();
		f->from = published_serial(t);
		atomic_init(&f->until, f->from);
		if (published_each(t, SLICE_EMPTY, 0, add_row, f)) {
			filter_free(f);
			f = NULL;
		}
	}
	db_end_read(t);
	return f;
}

/* With the lock. Whoever still uses it frees it. */
static void drop(struct filters *s)
{
	if (s->now && s->now->users == 0) filter_free(s->now);
	s->now = NULL;
}

/* What looking up has mapped meanwhile: it is little that is needed again. */
static void forget_pages(struct db *state)
{
	struct db_txn *t;
	if (db_begin_read(state, &t)) return;
	db_forget_pages(t);
	db_end_read(t);
}

/* With the lock. */
static void wait_seconds(struct filters *s, time_t seconds)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	if (!s->stop) pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

static void *maker(void *arg)
{
	struct filters *s = arg;
	prctl(PR_SET_NAME, "dns-filter", 0, 0, 0);
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		bool wanted = s->wanted;
		pthread_mutex_unlock(&s->lock);
		struct filter *made = wanted ? make(s->state) : NULL;
		forget_pages(s->state);
		pthread_mutex_lock(&s->lock);
		if (wanted) {
			drop(s);
			s->now = made;
			if (!made)
				wait_seconds(s, 1); /* no memory, or a state that cannot be read: not again at once */
			s->wanted = false;
			pthread_cond_broadcast(&s->changed);
		}
		if (!s->wanted) wait_seconds(s, FORGET_EVERY);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct filters *filters_start(struct db *state)
{
	struct filters *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	s->state = state;
	s->wanted = true;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (pthread_create(&s->thread, NULL, maker, s) == 0) return s;
	free(s);
	return NULL;
}

void filters_stop(struct filters *s)
{
	if (!s) return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	filter_free(s->now);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
}

void filters_settle(struct filters *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->wanted) pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* ---- using it ---------------------------------------------------------------------------------------------------------- */

/* A row that has changed since is looked up, so that each transaction sees its own. */
static bool add_change(const struct published_change *c, void *filter)
{
	struct filter *f = filter;
	put(f, (const uint8_t *)c->key.p, c->key.n, ASK);
	return f->used <= f->room;
}

/* Serials go round (RFC 1982). */
static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* Rows are about to expire. A clock that went back says the same. */
static bool is_over(const struct filter *f, int64_t now)
{
	return now - f->made > LIFETIME || now < f->made - 1;
}

/* With the lock. Whether it holds for that serial now. */
static bool follow(struct filter *f, struct db_txn *t, uint32_t serial, int64_t now)
{
	uint32_t until = atomic_load(&f->until);
	if (is_before(serial, f->from) || is_over(f, now)) return false; /* what has gone since is not in it */
	if (!is_before(until, serial)) return true;
	if (serial - until > FOLLOW_MOST || published_changes(t, until, add_change, f) || f->used > f->room)
		return false;
	atomic_store(&f->until, serial);
	return true;
}

static bool holds(const struct filter *f, uint32_t serial, int64_t now)
{
	return !is_over(f, now) && !is_before(serial, f->from) && !is_before(atomic_load(&f->until), serial);
}

/* With the lock. */
static void give_back(struct filters *s, struct filter *f)
{
	if (f && --f->users == 0 && f != s->now) filter_free(f);
}

static struct filter *writable(const struct filter *f)
{
	return (struct filter *)(uintptr_t)f;
}

const struct filter *filters_follow(struct filters *s, const struct filter *held, struct db_txn *t, uint32_t serial,
                                    int64_t now)
{
	struct filter *f = NULL;
	if (held && holds(held, serial, now)) return held;
	pthread_mutex_lock(&s->lock);
	if (s->now && follow(s->now, t, serial, now)) {
		f = s->now;
		f->users++;
	} else if (!s->wanted && (!s->now || !is_before(serial, s->now->from))) {
		/* Not for a transaction that is merely older than the filter. */
		s->wanted = true;
		pthread_cond_broadcast(&s->changed);
	}
	give_back(s, writable(held));
	pthread_mutex_unlock(&s->lock);
	return f;
}

void filters_release(struct filters *s, const struct filter *used)
{
	if (!used) return;
	pthread_mutex_lock(&s->lock);
	give_back(s, writable(used));
	pthread_mutex_unlock(&s->lock);
}
