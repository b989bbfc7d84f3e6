/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/filter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define LINE_WORDS  8    /* 64-bit words of a cache line */
#define ROWS_LEAST  4096 /* for which there is room at least */
#define LARGE_PAGE  (2 << 20)
#define LINE_ROWS   32    /* rows for which a line is made: two octets each */
#define FOLLOW_MOST 10000 /* changes that are followed in one go: some milliseconds */

struct filter {
	uint32_t from;          /* the serial at which it was made */
	_Atomic uint32_t until; /* up to which it has all */
	size_t rows, room;      /* put in; that may be */
	size_t users;           /* under the lock */
	size_t mask;            /* lines, less one */
	_Atomic uint64_t *words;
};

struct filters {
	struct db *state;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct filter *now; /* NULL: none, or it does not hold any more */
	bool wanted, stop;  /* a new one is to be made */
};

/* ---- bits ------------------------------------------------------------------------------------------------------------- */

/* Each question looks at one random place: in large pages that is one miss, not a walk through page tables besides. */
static void *words_new(size_t size)
{
	bool large = size >= LARGE_PAGE;
	void *p = aligned_alloc(large ? LARGE_PAGE : LINE_WORDS * sizeof(uint64_t), size);
	if (p && large) madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static struct filter *filter_new(size_t rows)
{
	size_t lines = 1, room = 2 * rows < ROWS_LEAST ? ROWS_LEAST : 2 * rows;
	while (lines * LINE_ROWS < rows + rows / 4 || lines * LINE_ROWS < ROWS_LEAST) lines *= 2;
	struct filter *f = calloc(1, sizeof *f);
	if (!f) return NULL;
	*f = (struct filter){.room = room, .mask = lines - 1};
	f->words = words_new(lines * LINE_WORDS * sizeof *f->words);
	if (!f->words) {
		free(f);
		return NULL;
	}
	for (size_t i = 0; i < lines * LINE_WORDS; i++) atomic_init(&f->words[i], 0);
	return f;
}

static void filter_free(struct filter *f)
{
	if (!f) return;
	free(f->words);
	free(f);
}

/* Spreads what may be neighbours. Nobody gains by finding addresses that collide: they are then looked up. */
static uint64_t hash_of(const uint8_t *key, size_t n)
{
	uint64_t h = n;
	memcpy(&h, key, n < sizeof h ? n : sizeof h);
	h ^= (uint64_t)n << 56;
	h *= 0x9e3779b97f4a7c15ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ h >> 32;
}

static _Atomic uint64_t *line_of(const struct filter *f, uint64_t hash)
{
	return f->words + (hash >> 24 & f->mask) * LINE_WORDS;
}

static void filter_add(struct filter *f, const uint8_t *key, size_t n)
{
	uint64_t hash = hash_of(key, n);
	_Atomic uint64_t *line = line_of(f, hash);
	unsigned a = hash & 511, b = hash >> 9 & 511;
	atomic_fetch_or_explicit(&line[a / 64], 1ULL << (a % 64), memory_order_relaxed);
	atomic_fetch_or_explicit(&line[b / 64], 1ULL << (b % 64), memory_order_relaxed);
	f->rows++;
}

bool filter_may_have(const struct filter *f, const uint8_t *key, size_t n)
{
	uint64_t hash = hash_of(key, n);
	_Atomic uint64_t *line = line_of(f, hash);
	unsigned a = hash & 511, b = hash >> 9 & 511;
	return atomic_load_explicit(&line[a / 64], memory_order_relaxed) >> (a % 64) & 1 &&
	       atomic_load_explicit(&line[b / 64], memory_order_relaxed) >> (b % 64) & 1;
}

/* ---- making one -------------------------------------------------------------------------------------------------------- */

static bool add_row(struct slice key, const struct published *p, void *filter)
{
	filter_add(filter, (const uint8_t *)key.p, key.n);
	return true;
}

/* Of all rows, those that have expired too: it is asked at other times than now. */
static struct filter *make(struct db *state)
{
	struct db_txn *t;
	if (db_begin_read(state, &t)) return NULL;
	struct filter *f = filter_new(published_count(t));
	if (f) {
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

/* Without memory, or with a state that cannot be read: not again at once. */
static void pause_a_second(struct filters *s)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (!s->stop) pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

static void *maker(void *arg)
{
	struct filters *s = arg;
	prctl(PR_SET_NAME, "dns-filter", 0, 0, 0);
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		if (!s->wanted) {
			pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		struct filter *made = make(s->state);
		pthread_mutex_lock(&s->lock);
		drop(s);
		s->now = made;
		if (!made) pause_a_second(s);
		s->wanted = false;
		pthread_cond_broadcast(&s->changed);
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

static bool add_change(const struct published_change *c, void *filter)
{
	struct filter *f = filter;
	if (c->has) filter_add(f, (const uint8_t *)c->key.p, c->key.n);
	return f->rows <= f->room;
}

/* Serials go round (RFC 1982). */
static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* With the lock. Whether it holds for that serial now. */
static bool follow(struct filter *f, struct db_txn *t, uint32_t serial)
{
	uint32_t until = atomic_load(&f->until);
	if (is_before(serial, f->from)) return false; /* what has gone since is not in it */
	if (!is_before(until, serial)) return true;
	if (serial - until > FOLLOW_MOST || published_changes(t, until, add_change, f) || f->rows > f->room)
		return false;
	atomic_store(&f->until, serial);
	return true;
}

static bool holds(const struct filter *f, uint32_t serial)
{
	return !is_before(serial, f->from) && !is_before(atomic_load(&f->until), serial);
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

const struct filter *filters_follow(struct filters *s, const struct filter *held, struct db_txn *t, uint32_t serial)
{
	struct filter *f = NULL;
	if (held && holds(held, serial)) return held;
	pthread_mutex_lock(&s->lock);
	if (s->now && follow(s->now, t, serial)) {
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
