/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence_writer - see evidence_writer.h
 *
 * A list of acts and a table of counts under a mutex. The thread takes the whole list at once; while it commits, which takes an
 * fsync, the next ones gather: a group commit without a delay for the first. The table has a twin, so that the
 * thread writes one while sessions fill the other.
 */
#include "relay/evidence_writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/exposure.h"

#define MAGIC 0xe51de9ceu

#define CHUNK  64    /* acts in a transaction */
#define SLOTS  16384 /* of a table of counts; a power of two above EXPOSURE_UNITS */
#define COUNTS 512   /* in a transaction */

struct waiting {
	struct waiting *next;
	struct act act;
	struct slice target;
	size_t octets;
	char text[]; /* what the slices point to */
};

struct counts {
	struct exposure_count *slots; /* family 0: free */
	size_t units;
};

struct evidence_writer {
	unsigned magic;
	struct db *state;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct waiting *list, **list_end;
	size_t octets; /* of the list, and of what is being written */
	struct counts counts, spare;
	int64_t counts_due;        /* clock_now_ms() when the counts are written; 0: there are none */
	bool stop, hurry, writing; /* hurry: somebody waits, or the table is full */
	bool failing;              /* the thread's own */
};

static uint64_t unit_hash(const struct prefix *unit)
{
	return slice_hash(slice_of(unit->ip.octets, sizeof unit->ip.octets));
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

static struct slice keep(char **at, struct slice text)
{
	struct slice kept = slice_of(*at, text.n);
	if (text.n) memcpy(*at, text.p, text.n);
	*at += text.n;
	return kept;
}

static struct waiting *copy(const struct act *a, struct slice target)
{
	size_t octets = sizeof(struct waiting) + target.n + a->reporter.n + a->specimen.n;
	struct waiting *w = malloc(octets);
	if (!w) return NULL;
	char *at = w->text;
	*w = (struct waiting){.act = *a, .octets = octets};
	w->target = keep(&at, target);
	w->act.reporter = keep(&at, a->reporter);
	w->act.specimen = keep(&at, a->specimen);
	return w;
}

static bool enqueue(struct evidence_writer *w, struct waiting *one)
{
	pthread_mutex_lock(&w->lock);
	bool room = w->octets + one->octets <= EVIDENCE_QUEUE_MOST;
	if (room) {
		*w->list_end = one;
		w->list_end = &one->next;
		w->octets += one->octets;
	}
	pthread_mutex_unlock(&w->lock);
	if (room) pthread_cond_signal(&w->work);
	return room;
}

void evidence_writer_add(struct evidence_writer *w, const struct act *a, struct slice target)
{
	assert(w->magic == MAGIC);
	struct waiting *one = copy(a, target);
	if (one && enqueue(w, one)) return;
	free(one);
	metric_add(METRIC_evidence_dropped, 1);
}

/* With the lock. False: the table is full. */
static bool count(struct evidence_writer *w, const struct prefix *unit, bool taken)
{
	size_t i = unit_hash(unit) & (SLOTS - 1);
	struct exposure_count *slots = w->counts.slots;
	while (slots[i].unit.ip.family && !ip_equal(&slots[i].unit.ip, &unit->ip)) i = (i + 1) & (SLOTS - 1);
	if (!slots[i].unit.ip.family) {
		if (w->counts.units == EXPOSURE_UNITS) return false;
		w->counts.units++;
		slots[i].unit = *unit;
	}
	if (taken && slots[i].messages < UINT32_MAX) slots[i].messages++;
	return true;
}

void evidence_writer_expose(struct evidence_writer *w, const struct ip *client, bool taken)
{
	assert(w->magic == MAGIC);
	struct prefix unit = ip_unit(client);
	pthread_mutex_lock(&w->lock);
	bool counted = count(w, &unit, taken), first = counted && !w->counts_due;
	if (first) w->counts_due = clock_now_ms() + EXPOSURE_GATHER_MS;
	bool full = w->counts.units == EXPOSURE_UNITS && !w->hurry;
	if (full) w->hurry = true;
	pthread_mutex_unlock(&w->lock);
	if (first || full) pthread_cond_signal(&w->work);
	if (taken) metric_add(counted ? METRIC_exposure_counted : METRIC_exposure_dropped, 1);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void tell(struct evidence_writer *w, enum error err)
{
	if (!err == !w->failing) return;
	w->failing = err != ERR_OK;
	log_begin(err ? LOG_WARNING : LOG_INFO, err ? "evidence_failing" : "evidence_recovered");
	log_str("folder", db_state_dir(w->state));
	if (err) log_error("error", err);
	log_end();
}

static enum error write_chunk(struct evidence_writer *w, struct waiting *const *chunk, size_t n)
{
	struct act acts[CHUNK];
	enum error err = ERR_OK;
	for (size_t i = 0; i < n && !err; i++) {
		acts[i] = chunk[i]->act;
		err = act_target(w->state, chunk[i]->target, &acts[i].target);
	}
	return err ? err : acts_add(w->state, acts, n);
}

static void write_acts(struct evidence_writer *w, struct waiting *list)
{
	while (list) {
		struct waiting *chunk[CHUNK];
		size_t n = 0, octets = 0;
		for (; list && n < CHUNK; list = list->next) chunk[n++] = list;
		enum error err = write_chunk(w, chunk, n);
		metric_add(err ? METRIC_evidence_dropped : METRIC_evidence_acts, (int64_t)n);
		tell(w, err);
		for (size_t i = 0; i < n; i++) {
			octets += chunk[i]->octets;
			free(chunk[i]);
		}
		pthread_mutex_lock(&w->lock);
		w->octets -= octets;
		pthread_mutex_unlock(&w->lock);
	}
}

static void write_some_counts(struct evidence_writer *w, const struct exposure_count *counts, size_t n)
{
	int64_t messages = 0;
	enum error err = exposure_add(w->state, counts, n, clock_unix());
	tell(w, err);
	if (!err) return;
	for (size_t i = 0; i < n; i++) messages += counts[i].messages;
	metric_add(METRIC_exposure_dropped, messages);
}

static void write_counts(struct evidence_writer *w, struct counts *c)
{
	struct exposure_count some[COUNTS];
	size_t n = 0;
	for (size_t i = 0; i < SLOTS; i++) {
		if (!c->slots[i].unit.ip.family) continue;
		some[n++] = c->slots[i];
		if (n == COUNTS) {
			write_some_counts(w, some, n);
			n = 0;
		}
	}
	if (n) write_some_counts(w, some, n);
	memset(c->slots, 0, SLOTS * sizeof *c->slots);
	c->units = 0;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* With the lock: until there is something to write, or the end. */
static void wait_for_work(struct evidence_writer *w)
{
	w->writing = false;
	pthread_cond_broadcast(&w->idle);
	while (!w->stop && !w->hurry && !w->list) {
		struct timespec ts = {.tv_sec = w->counts_due / 1000, .tv_nsec = w->counts_due % 1000 * 1000000};
		if (!w->counts_due)
			pthread_cond_wait(&w->work, &w->lock);
		else if (clock_now_ms() >= w->counts_due)
			break;
		else
			pthread_cond_timedwait(&w->work, &w->lock, &ts);
	}
	w->writing = true;
}

/* With the lock: the counts, when they are due. */
static bool take_counts(struct evidence_writer *w, struct counts *out)
{
	bool due = w->counts_due && (w->stop || w->hurry || clock_now_ms() >= w->counts_due);
	w->hurry = false;
	if (!due) return false;
	*out = w->counts;
	w->counts = w->spare;
	w->spare = *out; /* empty when it is needed again: this thread alone swaps them */
	w->counts_due = 0;
	return true;
}

static void *run(void *arg)
{
	struct evidence_writer *w = arg;
	struct counts counts;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		wait_for_work(w);
		struct waiting *list = w->list;
		w->list = NULL;
		w->list_end = &w->list;
		bool due = take_counts(w, &counts), stop = w->stop && !list && !due;
		pthread_mutex_unlock(&w->lock);
		if (stop) return NULL;
		write_acts(w, list);
		if (due) write_counts(w, &counts);
		pthread_mutex_lock(&w->lock);
		if (due) w->spare = counts;
	}
}

void evidence_writer_flush(struct evidence_writer *w)
{
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->lock);
	while (w->list || w->counts_due || w->writing) {
		w->hurry = true;
		pthread_cond_signal(&w->work);
		pthread_cond_wait(&w->idle, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

static void writer_free(struct evidence_writer *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->idle);
	free(w->counts.slots);
	free(w->spare.slots);
	w->magic = 0;
	free(w);
}

static int start_thread(struct evidence_writer *w)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	int rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

enum error evidence_writer_start(struct db *state, struct evidence_writer **out)
{
	pthread_condattr_t attr;
	struct evidence_writer *w = calloc(1, sizeof *w);
	*out = NULL;
	if (!w) return ERR_NO_MEMORY;
	w->magic = MAGIC;
	w->state = state;
	w->list_end = &w->list;
	w->counts.slots = calloc(SLOTS, sizeof *w->counts.slots);
	w->spare.slots = calloc(SLOTS, sizeof *w->spare.slots);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, &attr);
	pthread_cond_init(&w->idle, &attr);
	pthread_condattr_destroy(&attr);
	int rc = w->counts.slots && w->spare.slots ? start_thread(w) : ENOMEM;
	if (rc) {
		writer_free(w);
		return error_from_errno(rc);
	}
	*out = w;
	return ERR_OK;
}

void evidence_writer_stop(struct evidence_writer *w)
{
	if (!w) return;
	assert(w->magic == MAGIC);
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	pthread_cond_signal(&w->work);
	pthread_join(w->thread, NULL);
	writer_free(w);
}
