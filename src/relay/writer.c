/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer - see writer.h
 *
 * Two lists under one mutex: stores, whose fibers wait, and changes, for which nobody does. The thread takes both, commits
 * them, posts each store's end to its loop. Changes of a failed commit are put back in front and tried again with the next
 * store, at latest after RETRY_MS.
 */
#include "relay/writer.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "relay/writer_batch.h"

#define MAGIC        0x3b17e4u
#define BATCH_OCTETS (16 * 1024 * 1024) /* bodies in one commit: it must not take seconds */
#define RETRY_MS     1000
/* Under load a commit waits this long for company, or until there is enough: it costs each session little and cuts the
 * number of commits to a third. A session that is alone never waits. */
#define GATHER_US     1500
#define GATHER_ENOUGH 16
/* Left free for removals, which need pages too: 16 MiB, or a part of a small disk. */
#define RESERVE_MOST (16u * 1024 * 1024)
#define RESERVE_PART 16
#define MERGE_FROM   4096 /* changes waiting for a full disk */

struct writer {
	unsigned magic;
	struct db *spool;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct writer_job *stores, **stores_end;
	size_t waiting; /* stores */
	struct writer_change *changes, **changes_end;
	int64_t changes_since; /* when the oldest came, or when to try again minus the linger */
	bool stop;
	/* the thread's own */
	bool failing;
	size_t merge_at;
	size_t last_stores; /* in the batch before */
};

/* ---- the commit --------------------------------------------------------------------------------------------------- */

static void wake(void *arg)
{
	struct writer_job *s = arg;
	event_signal(&s->done);
}

/* The store is gone once it is posted: its fiber may run at once. */
static void finish_stores(struct writer_job *s, enum error err)
{
	for (struct writer_job *next; s; s = next) {
		next = s->next;
		s->result = err;
		s->post = (struct post){.fn = wake, .arg = s};
		loop_post(s->loop, &s->post);
	}
}

static void finish_changes(struct writer *w, struct writer_change *c)
{
	for (struct writer_change *next; c; c = next) {
		next = c->next;
		if (!c->record.p && c->body_in_file) spool_body_remove(w->spool, c->id);
		writer_change_free(c);
	}
}

static void put_back(struct writer *w, struct writer_change *list)
{
	struct writer_change *last = list;
	size_t n = 1;
	if (!list) return;
	for (; last->next; last = last->next) n++;
	if (n >= w->merge_at) {
		n = writer_changes_merge(&list);
		w->merge_at = n * 2 > MERGE_FROM ? n * 2 : MERGE_FROM;
		for (last = list; last->next;) last = last->next;
	}
	pthread_mutex_lock(&w->lock);
	last->next = w->changes;
	if (!w->changes) w->changes_end = &last->next;
	w->changes = list;
	w->changes_since = clock_now_ms() + RETRY_MS - WRITER_LINGER_MS;
	pthread_mutex_unlock(&w->lock);
}

static void tell(struct writer *w, enum error err)
{
	if (!err == !w->failing) return;
	w->failing = err != ERR_OK;
	log_begin(err ? LOG_ERROR : LOG_INFO, err ? "spool_failing" : "spool_recovered");
	log_str("folder", db_state_dir(w->spool));
	if (err) log_error("error", err);
	log_end();
}

static uint64_t reserve(const struct db *spool)
{
	uint64_t part = db_disk_size(spool) / RESERVE_PART;
	return part < RESERVE_MOST ? part : RESERVE_MOST;
}

/* Takes those stores off the batch for which the disk has no room and ends them. */
static void refuse_for_space(struct writer_batch *b)
{
	struct writer_job *refused = NULL, **refused_end = &refused;
	uint64_t room = db_free_space(b->spool), needed = reserve(b->spool);
	for (struct writer_job **s = &b->stores; *s;) {
		uint64_t n = 2 * ((*s)->record.n + (*s)->body.n);
		if ((*s)->record.n == 0 || needed + n <= room) {
			needed += n;
			s = &(*s)->next;
			continue;
		}
		*refused_end = *s;
		refused_end = &(*s)->next;
		*s = (*s)->next;
		*refused_end = NULL;
	}
	finish_stores(refused, ERR_NO_SPACE);
}

static void commit(struct writer *w, struct writer_batch *b)
{
	refuse_for_space(b);
	if (!b->stores && !b->changes) return;
	enum error err = db_update(w->spool, writer_batch_commit, b);
	tell(w, err);
	if (err) {
		metric_add(METRIC_spool_failures, 1);
		put_back(w, b->changes);
	} else {
		w->merge_at = MERGE_FROM;
		metric_add(METRIC_spool_commits, 1);
		metric_add(METRIC_spool_stored, (int64_t)b->stored);
		metric_add(METRIC_spool_removed, (int64_t)b->removed);
	}
	if (!err) finish_changes(w, b->changes); /* first: who flushes may look whether the body files are gone */
	finish_stores(b->stores, err);
}

/* ---- the thread --------------------------------------------------------------------------------------------------- */

static struct timespec to_timespec(int64_t ms)
{
	return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

/* With the lock. Returns when there is something to commit, or false at the end. */
static bool wait_for_work(struct writer *w)
{
	for (;;) {
		if (w->stores || w->stop) return w->stores || w->changes;
		if (!w->changes) {
			pthread_cond_wait(&w->work, &w->lock);
			continue;
		}
		int64_t due = w->changes_since + WRITER_LINGER_MS;
		if (clock_now_ms() >= due) return true;
		struct timespec until = to_timespec(due);
		pthread_cond_timedwait(&w->work, &w->lock, &until);
	}
}

/* With the lock, which is given up meanwhile. */
static void gather(struct writer *w)
{
	struct timespec until;
	if (w->last_stores < 2) return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += GATHER_US * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (w->waiting < GATHER_ENOUGH && !w->stop)
		if (pthread_cond_timedwait(&w->work, &w->lock, &until)) break;
}

/* With the lock. All changes, and stores up to a size; at least one. */
static void take_batch(struct writer *w, struct writer_batch *b)
{
	size_t octets = 0;
	struct writer_job **s = &w->stores;
	b->changes = w->changes;
	w->changes = NULL;
	w->changes_end = &w->changes;
	w->last_stores = 0;
	for (; *s && octets < BATCH_OCTETS; s = &(*s)->next) {
		octets += (*s)->record.n + (*s)->body.n;
		w->last_stores++;
	}
	w->waiting -= w->last_stores;
	b->stores = w->stores;
	w->stores = *s;
	if (!*s) w->stores_end = &w->stores;
	*s = NULL;
}

static void *run(void *arg)
{
	struct writer *w = arg;
	assert(w->magic == MAGIC);
	pthread_setname_np(pthread_self(), "spool-writer");
	pthread_mutex_lock(&w->lock);
	while (wait_for_work(w)) {
		struct writer_batch b = {.spool = w->spool};
		if (w->stores) gather(w);
		bool last = w->stop;
		take_batch(w, &b);
		pthread_mutex_unlock(&w->lock);
		commit(w, &b);
		pthread_mutex_lock(&w->lock);
		if (last && !w->stores) break; /* what could not be written now is done again after the next start */
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

enum error writer_start(struct db *spool, struct writer **out)
{
	struct writer *w = calloc(1, sizeof *w);
	*out = NULL;
	if (!w) return ERR_NO_MEMORY;
	*w = (struct writer){.magic = MAGIC, .spool = spool, .merge_at = MERGE_FROM};
	w->stores_end = &w->stores;
	w->changes_end = &w->changes;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are for the main thread. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		pthread_cond_destroy(&w->work);
		pthread_mutex_destroy(&w->lock);
		free(w);
		return error_from_errno(rc);
	}
	*out = w;
	return ERR_OK;
}

void writer_stop(struct writer *w)
{
	if (!w) return;
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	assert(!w->stores);
	for (struct writer_change *c = w->changes, *next; c; c = next) {
		next = c->next;
		writer_change_free(c);
	}
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	w->magic = 0;
	free(w);
}

/* ---- what fibers call --------------------------------------------------------------------------------------------- */

/* Shielded: the store is on this fiber's stack until the thread is done with it. */
static enum error hand_over(struct writer *w, struct writer_job *s)
{
	s->loop = loop_current();
	assert(s->loop && fiber_current());
	pthread_mutex_lock(&w->lock);
	bool first = !w->stores;
	*w->stores_end = s;
	w->stores_end = &s->next;
	bool enough = ++w->waiting == GATHER_ENOUGH;
	pthread_mutex_unlock(&w->lock);
	if (first || enough) pthread_cond_signal(&w->work);
	fiber_shield();
	enum error err = event_wait(&s->done, DEADLINE_NEVER);
	fiber_unshield();
	assert(err == ERR_OK);
	return s->result;
}

struct link {
	struct db *spool;
	struct message *m;
	enum error result;
};

static void link_body(void *arg)
{
	struct link *l = arg;
	char path[PATH_MAX];
	if (db_free_space(l->spool) < reserve(l->spool) + l->m->body.size) {
		l->result = ERR_NO_SPACE;
		return;
	}
	spool_body_path(l->spool, l->m->record.id, path, sizeof path);
	l->result = blob_link(&l->m->body, path);
}

/* After a failed commit. A record that did reach the disk (its root page may have, although the write of it failed) keeps
 * its body: better a second copy than half a message. */
static void unlink_body(struct writer *w, struct message *m)
{
	struct arena a;
	struct spool_message stored;
	arena_init(&a, SIZE_MAX / 2);
	if (spool_get(w->spool, m->record.id, &a, &stored) == ERR_NOT_FOUND) {
		spool_body_remove(w->spool, m->record.id);
		m->record.body_in_file = false;
	}
	arena_free(&a);
}

struct also {
	enum error (*fn)(struct db_txn *, void *arg);
	void *arg;
};

static enum error store_encoded(struct writer *w, struct message *m, struct also also, struct arena *a)
{
	struct writer_job s = {.id = m->record.id,
	                       .record = spool_encode(a, &m->record),
	                       .also = also.fn,
	                       .also_arg = also.arg};
	if (!s.record.p) return ERR_NO_MEMORY;
	if (!m->record.body_in_file) s.body = blob_in_memory(&m->body);
	return hand_over(w, &s);
}

static enum error store(struct writer *w, struct message *m, struct also also)
{
	struct arena a;
	assert(w->magic == MAGIC && m->record.id);
	m->record.body_in_file = m->body.size > SPOOL_BODY_INLINE || !blob_in_memory(&m->body).p;
	if (m->record.body_in_file) {
		struct link l = {.spool = w->spool, .m = m};
		fiber_offload(link_body, &l);
		if (l.result) return l.result;
	}
	arena_init(&a, SIZE_MAX / 2);
	enum error err = store_encoded(w, m, also, &a);
	arena_free(&a);
	if (err && m->record.body_in_file) unlink_body(w, m);
	return err;
}

enum error writer_store(struct writer *w, struct message *m)
{
	return store(w, m, (struct also){0});
}

enum error writer_store_also(struct writer *w, struct message *m, enum error (*also)(struct db_txn *, void *arg),
                             void *arg)
{
	return store(w, m, (struct also){also, arg});
}

enum error writer_store_about(struct writer *w, struct message *m, const struct spool_message *about)
{
	struct writer_change *change = writer_change_new(about->id, about);
	if (!change) return ERR_NO_MEMORY;
	enum error err = store(w, m, (struct also){writer_change_apply, change});
	writer_change_free(change);
	return err;
}

enum error writer_flush(struct writer *w)
{
	struct writer_job s = {0};
	return hand_over(w, &s);
}

/* ---- what anybody calls ------------------------------------------------------------------------------------------- */

static enum error add_change(struct writer *w, struct writer_change *c)
{
	if (!c) return ERR_NO_MEMORY;
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->lock);
	bool first = !w->changes;
	if (first) w->changes_since = clock_now_ms();
	*w->changes_end = c;
	w->changes_end = &c->next;
	pthread_mutex_unlock(&w->lock);
	if (first) pthread_cond_signal(&w->work);
	return ERR_OK;
}

enum error writer_update(struct writer *w, const struct spool_message *m)
{
	return add_change(w, writer_change_new(m->id, m));
}

enum error writer_remove(struct writer *w, uint64_t id, bool body_in_file)
{
	struct writer_change *c = writer_change_new(id, NULL);
	if (c) c->body_in_file = body_in_file;
	return add_change(w, c);
}
