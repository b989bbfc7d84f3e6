/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence_writer - see evidence_writer.h
 *
 * A backlog of acts, and a table of counts under its lock. While the thread commits, which takes an fsync, the next acts gather: a
 * group commit without a delay for the first. The table has a twin, so that the thread writes one while sessions fill
 * the other.
 */
#include "relay/evidence_writer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/backlog.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/exposure.h"

#define MAGIC 0xe51de9ceu

#define CHUNK  64    /* acts in a transaction */
#define SLOTS  16384 /* of a table of counts; a power of two above EXPOSURE_UNITS */
#define COUNTS 512   /* in a transaction */

struct waiting {
	struct backlog_item item;
	struct act act;
	struct slice target;
	char text[]; /* what the slices point to */
};

struct counts {
	struct exposure_count *slots; /* family 0: free */
	size_t units;
};

struct evidence_writer {
	unsigned magic;
	struct db *state;
	struct backlog backlog;
	struct counts counts, spare; /* under its lock; owed when there are counts */
	bool failing;                /* the thread's own */
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
	*w = (struct waiting){.item.octets = octets, .act = *a};
	w->target = keep(&at, target);
	w->act.reporter = keep(&at, a->reporter);
	w->act.specimen = keep(&at, a->specimen);
	return w;
}

void evidence_writer_add(struct evidence_writer *w, const struct act *a, struct slice target)
{
	assert(w->magic == MAGIC);
	struct waiting *one = copy(a, target);
	if (one && backlog_add(&w->backlog, &one->item)) return;
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
	pthread_mutex_lock(&w->backlog.lock);
	bool counted = count(w, &unit, taken);
	if (counted && !w->backlog.owed) backlog_owe(&w->backlog, clock_now_ms() + EXPOSURE_GATHER_MS);
	if (w->counts.units == EXPOSURE_UNITS && !w->backlog.hurry) backlog_hurry(&w->backlog);
	pthread_mutex_unlock(&w->backlog.lock);
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

static void write_acts(struct evidence_writer *w, struct backlog_item *list)
{
	while (list) {
		struct waiting *chunk[CHUNK];
		size_t n = 0, octets = 0;
		for (; list && n < CHUNK; list = list->next) chunk[n++] = (struct waiting *)list;
		enum error err = write_chunk(w, chunk, n);
		metric_add(err ? METRIC_evidence_dropped : METRIC_evidence_acts, (int64_t)n);
		tell(w, err);
		for (size_t i = 0; i < n; i++) {
			octets += chunk[i]->item.octets;
			free(chunk[i]);
		}
		backlog_done(&w->backlog, octets, n);
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

/* The counts, when they are due. */
static bool take_counts(struct evidence_writer *w, struct counts *out)
{
	pthread_mutex_lock(&w->backlog.lock);
	bool due = w->backlog.pay;
	if (due) {
		*out = w->counts;
		w->counts = w->spare; /* empty when it is needed again: this thread alone swaps them */
		w->backlog.owed = false;
	}
	pthread_mutex_unlock(&w->backlog.lock);
	return due;
}

static void *run(void *arg)
{
	struct evidence_writer *w = arg;
	struct backlog_item *list;
	struct counts counts;
	while (backlog_take(&w->backlog, INT64_MAX, 0, &list)) {
		bool due = take_counts(w, &counts);
		write_acts(w, list);
		if (!due) continue;
		write_counts(w, &counts);
		w->spare = counts;
	}
	return NULL;
}

void evidence_writer_flush(struct evidence_writer *w)
{
	assert(w->magic == MAGIC);
	backlog_flush(&w->backlog);
}

static void writer_free(struct evidence_writer *w)
{
	backlog_destroy(&w->backlog);
	free(w->counts.slots);
	free(w->spare.slots);
	w->magic = 0;
	free(w);
}

enum error evidence_writer_start(struct db *state, struct evidence_writer **out)
{
	struct evidence_writer *w = calloc(1, sizeof *w);
	*out = NULL;
	if (!w) return ERR_NO_MEMORY;
	w->magic = MAGIC;
	w->state = state;
	w->counts.slots = calloc(SLOTS, sizeof *w->counts.slots);
	w->spare.slots = calloc(SLOTS, sizeof *w->spare.slots);
	backlog_init(&w->backlog, EVIDENCE_QUEUE_MOST);
	enum error err = w->counts.slots && w->spare.slots ? backlog_start(&w->backlog, run, w) : ERR_NO_MEMORY;
	if (err)
		writer_free(w);
	else
		*out = w;
	return err;
}

void evidence_writer_stop(struct evidence_writer *w)
{
	if (!w) return;
	assert(w->magic == MAGIC);
	backlog_stop(&w->backlog);
	writer_free(w);
}
