/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_writer - see ledger_writer.h
 *
 * A list of encoded passages under a mutex. The first one that is added to an empty list wakes the thread, which then
 * waits for more to gather, takes the whole list and writes it in chunks. LMDB lets one writer in at a time and its
 * mutex is not fair: between chunks the thread sleeps a little, so that a session that wants to write a fingerprint
 * waits for one chunk at most.
 */
#include "relay/ledger_writer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/fingerprint.h"
#include "store/ledger_log.h"
#include "store/spool.h"

#define MAGIC 0x1ed9e40u

#define CHUNK             64                  /* passages in a transaction: about a millisecond */
#define CHUNK_OCTETS      (256 * 1024)        /* of records */
#define PAUSE_US          200                 /* between transactions */
#define EXPIRE_ENTRIES    512                 /* in a transaction */
#define EXPIRE_STEPS      16                  /* at a time; what is left comes after the next passages */
#define FINGERPRINTS_MOST 10000               /* expired in one upkeep */
#define DISK_RESERVE      (64u * 1024 * 1024) /* left free on the disk: the spool needs it more */
#define DISK_PART         8                   /* or this part of a small disk */
#define SPARE_LEAST       (8u * 1024 * 1024)  /* room in the file that lets the writer go on without the log */

struct entry {
	struct entry *next;
	uint64_t id;
	size_t n;
	char octets[];
};

struct ledger_writer {
	unsigned magic;
	struct db *ledger;
	struct ledger_log *log; /* the thread's own */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct entry *entries, **entries_end;
	size_t waiting;       /* octets, what is being written included */
	uint64_t added, done; /* passages, since the start; done: written or dropped */
	struct ledger_bounds bounds;
	bool stop, hurry, writing; /* hurry: somebody waits */
	/* the thread's own */
	bool failing, disk_has_room;
	int64_t upkeep_at, log_sync_at, sync_at;
};

/* ---- adding ------------------------------------------------------------------------------------------------------- */

static bool enqueue(struct ledger_writer *w, struct entry *e)
{
	pthread_mutex_lock(&w->lock);
	bool room = w->waiting + e->n <= LEDGER_QUEUE_MOST, first = room && !w->entries;
	if (room) {
		*w->entries_end = e;
		w->entries_end = &e->next;
		w->waiting += e->n;
		w->added++;
	}
	pthread_mutex_unlock(&w->lock);
	if (first) pthread_cond_signal(&w->work);
	return room;
}

void ledger_writer_add(struct ledger_writer *w, const struct ledger_passage *p)
{
	assert(w->magic == MAGIC);
	struct entry *e = malloc(sizeof *e + ledger_record_size(p));
	if (e) {
		e->next = NULL;
		e->id = p->id;
		e->n = ledger_encode(p, e->octets).n;
		if (enqueue(w, e)) return;
	}
	free(e);
	metric_add(METRIC_ledger_dropped, 1);
}

void ledger_writer_set_bounds(struct ledger_writer *w, const struct ledger_bounds *bounds)
{
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->lock);
	w->bounds = *bounds;
	pthread_mutex_unlock(&w->lock);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void nap(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static void tell(struct ledger_writer *w, enum error err)
{
	if (!err == !w->failing) return;
	w->failing = err != ERR_OK;
	log_begin(err ? LOG_WARNING : LOG_INFO, err ? "ledger_failing" : "ledger_recovered");
	log_str("folder", db_state_dir(w->ledger));
	if (err) log_error("error", err);
	log_end();
}

/* Pages of the file that are free cost the disk nothing. */
static bool has_spare(struct db *ledger)
{
	struct db_txn *t;
	if (db_begin_read(ledger, &t)) return false;
	bool enough = db_spare_size(t) >= SPARE_LEAST;
	db_end_read(t);
	return enough;
}

static enum error room(struct ledger_writer *w)
{
	uint64_t part = db_disk_size(w->ledger) / DISK_PART;
	uint64_t reserve = part < DISK_RESERVE ? part : DISK_RESERVE;
	w->disk_has_room = db_free_space(w->ledger) >= reserve;
	return w->disk_has_room || has_spare(w->ledger) ? ERR_OK : ERR_NO_SPACE;
}

/* Takes a chunk off the list; returns what it takes in octets. */
static size_t next_chunk(struct entry **list, struct ledger_row rows[CHUNK], size_t *n)
{
	size_t octets = 0;
	*n = 0;
	for (struct entry *e = *list; e && *n < CHUNK && octets < CHUNK_OCTETS; e = e->next) {
		rows[(*n)++] = (struct ledger_row){e->id, slice_of(e->octets, e->n)};
		octets += e->n;
		*list = e->next;
	}
	return octets;
}

static void free_entries(struct entry *from, const struct entry *to)
{
	for (struct entry *next; from != to; from = next) {
		next = from->next;
		free(from);
	}
}

/* The log first: what is in the environment can then be had again. When the disk is nearly full the log does not grow. */
static enum error put(struct ledger_writer *w, const struct ledger_row *rows, size_t n, const struct ledger_bounds *b)
{
	int64_t now = clock_unix();
	enum error err = w->disk_has_room ? ledger_log_append(w->log, b, rows, n, now) : ERR_OK;
	return err ? err : ledger_put(w->ledger, b, rows, n, now);
}

static void write_all(struct ledger_writer *w, struct entry *list, const struct ledger_bounds *b)
{
	struct ledger_row rows[CHUNK];
	enum error err = room(w);
	while (list) {
		struct entry *begin = list;
		size_t n, octets = next_chunk(&list, rows, &n);
		if (!err) err = put(w, rows, n, b);
		metric_add(err ? METRIC_ledger_dropped : METRIC_ledger_written, (int64_t)n);
		free_entries(begin, list);
		pthread_mutex_lock(&w->lock);
		w->waiting -= octets;
		w->done += n;
		pthread_cond_broadcast(&w->idle);
		pthread_mutex_unlock(&w->lock);
		if (list && !err) nap(PAUSE_US);
	}
	tell(w, err);
}

/* ---- upkeep ------------------------------------------------------------------------------------------------------- */

/* True when there is more to do. What cannot be removed now, since the disk fails, is removed later: write_all() tells of
 * the disk. */
static bool expire(struct ledger_writer *w, const struct ledger_bounds *b)
{
	size_t removed = 1, passages;
	uint64_t log = ledger_log_size(w->log), least = b->size / 4;
	struct ledger_bounds rest = {.lifetime = b->lifetime, .size = b->size > log ? b->size - log : 0};
	if (rest.size < least) rest.size = least;
	for (int i = 0; removed && i < EXPIRE_STEPS; i++) {
		if (ledger_expire(w->ledger, &rest, clock_unix(), EXPIRE_ENTRIES, &removed, &passages)) return false;
		metric_add(METRIC_ledger_expired, (int64_t)passages);
		if (removed) nap(PAUSE_US);
	}
	struct ledger_summary s;
	if (!ledger_summarize(w->ledger, &s)) ledger_log_trim(w->log, s.oldest_id);
	return removed > 0;
}

static void upkeep(struct ledger_writer *w, const struct ledger_bounds *b)
{
	size_t removed;
	int64_t now = clock_now_ms();
	if (now >= w->upkeep_at) {
		w->upkeep_at = expire(w, b) ? now : now + LEDGER_UPKEEP_MS;
	}
	if (now >= w->log_sync_at) {
		w->log_sync_at = now + LEDGER_LOG_SYNC_MS;
		ledger_log_sync(w->log);
	}
	if (now >= w->sync_at) {
		w->sync_at = now + LEDGER_SYNC_MS;
		fingerprint_expire(w->ledger, clock_unix(), FINGERPRINTS_MOST, &removed);
		db_sync(w->ledger);
	}
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static void wait_until(struct ledger_writer *w, int64_t deadline)
{
	struct timespec ts = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
	pthread_cond_timedwait(&w->work, &w->lock, &ts);
}

/* With the lock: waits for work, and then for more of it. */
static void gather(struct ledger_writer *w)
{
	w->writing = false;
	pthread_cond_broadcast(&w->idle);
	while (!w->stop && !w->hurry && !w->entries && clock_now_ms() < w->upkeep_at) wait_until(w, w->upkeep_at);
	int64_t until = clock_now_ms() + LEDGER_GATHER_MS;
	while (!w->stop && !w->hurry && w->entries && clock_now_ms() < until) wait_until(w, until);
}

/* With the lock: what has gathered. */
static struct entry *take(struct ledger_writer *w, struct ledger_bounds *bounds)
{
	struct entry *list = w->entries;
	*bounds = w->bounds;
	w->entries = NULL;
	w->entries_end = &w->entries;
	return list;
}

/* ---- after a crash of the machine --------------------------------------------------------------------------------- */

struct rebuild {
	struct ledger_writer *w;
	int64_t write_at;
	uint64_t passages;
	enum error error;
	bool stopped;
};

/* What sessions say meanwhile is written as usual. */
static void write_between(struct rebuild *r, struct ledger_bounds *bounds)
{
	struct ledger_writer *w = r->w;
	int64_t now = clock_now_ms();
	pthread_mutex_lock(&w->lock);
	r->stopped = w->stop;
	struct entry *list = now >= r->write_at || w->hurry ? take(w, bounds) : NULL;
	*bounds = w->bounds;
	w->hurry = false;
	pthread_mutex_unlock(&w->lock);
	if (now >= r->write_at) r->write_at = now + LEDGER_GATHER_MS;
	if (list) write_all(w, list, bounds);
}

static bool put_again(const struct ledger_row *rows, size_t n, void *arg)
{
	struct rebuild *r = arg;
	struct ledger_row young[CHUNK];
	struct ledger_bounds bounds;
	size_t count = 0;
	write_between(r, &bounds);
	int64_t now = clock_unix();
	for (size_t i = 0; i < n && count < CHUNK; i++)
		if ((int64_t)(rows[i].id >> 20) / 1000 >= now - bounds.lifetime) young[count++] = rows[i];
	if (!r->stopped) r->error = ledger_put(r->w->ledger, &bounds, young, count, now);
	if (!r->error) r->passages += count;
	if (count) nap(PAUSE_US);
	return !r->stopped && !r->error;
}

static void rebuild(struct ledger_writer *w)
{
	struct rebuild r = {.w = w};
	int64_t begin = clock_now_ms();
	bool needed = false;
	r.error = ledger_rebuild_needed(w->ledger, &needed);
	if (r.error || !needed || !ledger_log_has_past(w->log)) return;
	r.error = ledger_rebuild_mark(w->ledger, true);
	if (!r.error) r.error = ledger_log_replay(w->log, put_again, &r);
	if (!r.error && !r.stopped) r.error = ledger_rebuild_mark(w->ledger, false);
	log_begin(r.error ? LOG_WARNING : LOG_INFO, "ledger_rebuilt");
	log_uint("transactions", r.passages);
	log_int("took_ms", clock_now_ms() - begin);
	log_bool("complete", !r.error && !r.stopped);
	if (r.error) log_error("error", r.error);
	log_end();
}

/* ---- running -------------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct ledger_writer *w = arg;
	rebuild(w);
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct ledger_bounds bounds;
		gather(w);
		struct entry *list = take(w, &bounds);
		bool stop = w->stop && !list;
		w->writing = list != NULL;
		if (stop) pthread_cond_broadcast(&w->idle);
		pthread_mutex_unlock(&w->lock);
		if (stop) return NULL;
		if (list) write_all(w, list, &bounds);
		upkeep(w, &bounds);
		pthread_mutex_lock(&w->lock);
		if (!w->entries) w->hurry = false;
	}
}

void ledger_writer_flush(struct ledger_writer *w)
{
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->lock);
	while (w->entries || w->writing) {
		w->hurry = true;
		pthread_cond_signal(&w->work);
		pthread_cond_wait(&w->idle, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

bool ledger_writer_catch_up(struct ledger_writer *w, int64_t deadline)
{
	struct timespec ts = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->lock);
	uint64_t target = w->added;
	for (int e = 0; w->done < target && !e;) {
		w->hurry = true;
		pthread_cond_signal(&w->work);
		e = pthread_cond_timedwait(&w->idle, &w->lock, &ts);
	}
	bool caught_up = w->done >= target;
	pthread_mutex_unlock(&w->lock);
	return caught_up;
}

static void writer_free(struct ledger_writer *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->idle);
	ledger_log_close(w->log);
	w->magic = 0;
	free(w);
}

static bool note_newest(const struct ledger_passage *p, void *arg)
{
	spool_ids_above(p->id);
	return false;
}

enum error ledger_writer_start(struct db *ledger, const struct ledger_bounds *bounds, struct ledger_writer **out,
                               char why[256])
{
	struct ledger_writer *w = calloc(1, sizeof *w);
	*out = NULL;
	snprintf(why, 256, "%s", error_text(ERR_NO_MEMORY));
	if (!w) return ERR_NO_MEMORY;
	struct ledger_log *log;
	enum error err = ledger_log_open(db_state_dir(ledger), &log, why);
	if (err) {
		free(w);
		return err;
	}
	/* Ids are new also when the clock went back. What cannot be read now is told when something is written. */
	ledger_each(ledger, note_newest, NULL);
	int64_t now = clock_now_ms();
	*w = (struct ledger_writer){.magic = MAGIC,
	                            .ledger = ledger,
	                            .log = log,
	                            .writing = true, /* until the past is there */
	                            .bounds = *bounds,
	                            .upkeep_at = now + LEDGER_UPKEEP_MS,
	                            .sync_at = now + LEDGER_SYNC_MS};
	w->entries_end = &w->entries;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, &attr);
	pthread_cond_init(&w->idle, &attr);
	pthread_condattr_destroy(&attr);
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	int rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		writer_free(w);
		snprintf(why, 256, "no thread");
		return error_from_errno(rc);
	}
	*out = w;
	return ERR_OK;
}

void ledger_writer_stop(struct ledger_writer *w)
{
	if (!w) return;
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	pthread_cond_signal(&w->work);
	pthread_join(w->thread, NULL);
	ledger_log_sync(w->log);
	db_sync(w->ledger);
	writer_free(w);
}
