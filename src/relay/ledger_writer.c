/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_writer - see ledger_writer.h
 *
 * A backlog of encoded passages, which the thread writes in chunks. LMDB lets one writer in at a time and its
 * mutex is not fair: between chunks the thread sleeps a little, so that a session that wants to write a fingerprint
 * waits for one chunk at most.
 */
#include "relay/ledger_writer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/backlog.h"
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
	struct backlog_item item;
	uint64_t id;
	char octets[];
};

struct ledger_writer {
	unsigned magic;
	struct db *ledger;
	struct ledger_log *log; /* the thread's own */
	struct backlog backlog;
	struct ledger_bounds bounds; /* under its lock */
	/* the thread's own */
	bool failing, disk_has_room;
	int64_t upkeep_at, log_sync_at, sync_at;
};

/* ---- adding ------------------------------------------------------------------------------------------------------- */

void ledger_writer_add(struct ledger_writer *w, const struct ledger_passage *p)
{
	assert(w->magic == MAGIC);
	struct entry *e = malloc(sizeof *e + ledger_record_size(p));
	if (e) {
		e->id = p->id;
		e->item.octets = ledger_encode(p, e->octets).n;
		if (backlog_add(&w->backlog, &e->item)) return;
	}
	free(e);
	metric_add(METRIC_ledger_dropped, 1);
}

void ledger_writer_set_bounds(struct ledger_writer *w, const struct ledger_bounds *bounds)
{
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->backlog.lock);
	w->bounds = *bounds;
	pthread_mutex_unlock(&w->backlog.lock);
}

static struct ledger_bounds bounds_of(struct ledger_writer *w)
{
	pthread_mutex_lock(&w->backlog.lock);
	struct ledger_bounds bounds = w->bounds;
	pthread_mutex_unlock(&w->backlog.lock);
	return bounds;
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
static size_t next_chunk(struct backlog_item **list, struct ledger_row rows[CHUNK], size_t *n)
{
	size_t octets = 0;
	*n = 0;
	while (*list && *n < CHUNK && octets < CHUNK_OCTETS) {
		const struct entry *e = (const struct entry *)*list;
		rows[(*n)++] = (struct ledger_row){e->id, slice_of(e->octets, e->item.octets)};
		octets += e->item.octets;
		*list = e->item.next;
	}
	return octets;
}

static void free_entries(struct backlog_item *from, const struct backlog_item *to)
{
	for (struct backlog_item *next; from != to; from = next) {
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

static void write_all(struct ledger_writer *w, struct backlog_item *list, const struct ledger_bounds *b)
{
	struct ledger_row rows[CHUNK];
	enum error err = room(w);
	while (list) {
		struct backlog_item *begin = list;
		size_t n, octets = next_chunk(&list, rows, &n);
		if (!err) err = put(w, rows, n, b);
		metric_add(err ? METRIC_ledger_dropped : METRIC_ledger_written, (int64_t)n);
		free_entries(begin, list);
		backlog_done(&w->backlog, octets, n);
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
	struct backlog_item *list = NULL;
	if (now >= r->write_at || backlog_hurries(&w->backlog)) {
		list = backlog_take_now(&w->backlog, &r->stopped);
		r->write_at = now + LEDGER_GATHER_MS;
	}
	*bounds = bounds_of(w);
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
	struct backlog_item *list;
	rebuild(w);
	while (backlog_take(&w->backlog, w->upkeep_at, LEDGER_GATHER_MS, &list)) {
		struct ledger_bounds bounds = bounds_of(w);
		if (list) write_all(w, list, &bounds);
		upkeep(w, &bounds);
	}
	return NULL;
}

void ledger_writer_flush(struct ledger_writer *w)
{
	assert(w->magic == MAGIC);
	backlog_flush(&w->backlog);
}

bool ledger_writer_catch_up(struct ledger_writer *w, int64_t deadline)
{
	assert(w->magic == MAGIC);
	return backlog_catch_up(&w->backlog, deadline);
}

static void writer_free(struct ledger_writer *w)
{
	backlog_destroy(&w->backlog);
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
	                            .bounds = *bounds,
	                            .upkeep_at = now + LEDGER_UPKEEP_MS,
	                            .sync_at = now + LEDGER_SYNC_MS};
	backlog_init(&w->backlog, LEDGER_QUEUE_MOST);
	err = backlog_start(&w->backlog, run, w);
	if (err) {
		writer_free(w);
		snprintf(why, 256, "no thread");
		return err;
	}
	*out = w;
	return ERR_OK;
}

void ledger_writer_stop(struct ledger_writer *w)
{
	if (!w) return;
	assert(w->magic == MAGIC);
	backlog_stop(&w->backlog);
	ledger_log_sync(w->log);
	db_sync(w->ledger);
	writer_free(w);
}
