/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `backstop queue` and `backstop held` changed in the spool is looked for four times a second and taken up.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery_internal.h"

#define POLL_MS      250
#define CHANGED_MOST 256

struct changes {
	struct db *spool;
	uint64_t ids[CHANGED_MOST];
	size_t n;
	enum error error;
};

static void take_changes(void *arg)
{
	struct changes *c = arg;
	c->error = spool_take_changed(c->spool, c->ids, CHANGED_MOST, &c->n);
}

/* Released to another address: the record in memory is of no use any more. */
static bool is_redirected(const struct spool_message *stored, const struct spool_message *m)
{
	return stored->redirected && (!m->redirected || stored->recipient_count != m->recipient_count ||
	                              !slice_equal(stored->recipients[0].address, m->recipients[0].address));
}

void edits_take_again(struct delivery *d, struct queued *q)
{
	struct spool_message stored;
	struct arena a;
	arena_init(&a, SIZE_MAX / 2);
	enum error e = spool_get(d->spool, q->message->record.id, &a, &stored);
	if (!e) {
		if (q->message->record.hold && !stored.hold) outcome_log_released(d, &stored);
		queue_remove(&d->queue, q);
		delivery_load(&stored, d);
	} else if (e == ERR_NOT_FOUND) {
		outcome_dropped(d, q);
	} else {
		log_begin(LOG_ERROR, "queue_load");
		log_error("error", e);
		log_end();
		queue_remove(&d->queue, q); /* it is on the disk, and found at the next start */
	}
	delivery_count(d);
	arena_free(&a);
}

static void newly_held(struct delivery *d, struct queued *q, const struct spool_message *stored)
{
	struct spool_message *m = &q->message->record;
	struct slice reason = arena_copy(&q->message->arena, stored->hold_reason);
	m->hold = true;
	m->hold_reason = reason.p ? reason : SLICE_EMPTY;
	m->held_since = stored->held_since;
	m->expires = clock_unix() + d->config->relay.hold_lifetime / 1000;
	d->queue.held++;
	q->changed = true;
	outcome_log_held(d, m);
	if (!queue_busy(q)) outcome_finish(d, q);
}

/* A life of its own from now on, as if it had just come. Why it was held stays. */
static void released(struct delivery *d, struct queued *q)
{
	struct spool_message *m = &q->message->record;
	int64_t life = m->return_path.n ? d->config->relay.queue_lifetime : d->config->relay.bounce_lifetime;
	m->hold = false;
	m->attempts = 0;
	m->expires = clock_unix() + life / 1000;
	d->queue.held--;
	q->changed = true;
	outcome_log_released(d, m);
}

/* What the command line decides: hold, the time of the next attempt, and where to. The recipients' states are ours. */
static void edited(struct delivery *d, struct queued *q, const struct spool_message *stored)
{
	struct spool_message *m = &q->message->record;
	if (is_redirected(stored, m)) {
		q->replaced = true;
		if (!queue_busy(q)) edits_take_again(d, q);
	} else if (stored->hold && !m->hold) {
		newly_held(d, q, stored);
	} else if (!stored->hold) {
		bool was_held = m->hold;
		if (was_held) released(d, q);
		if (!queue_busy(q) && (was_held || stored->next_attempt <= clock_unix())) dispatch_message(d, q, true);
	}
}

/* What has ended is out of the queue before it is out of the spool, and must not be taken for a new one: it would be sent twice. */
static bool is_gone(struct delivery *d, uint64_t id)
{
	return !queue_find(&d->queue, id) && writer_flush(d->writer) != ERR_OK && !queue_find(&d->queue, id);
}

void edits_apply(struct delivery *d, uint64_t id)
{
	struct spool_message stored;
	struct arena a;
	if (is_gone(d, id)) return; /* the disk fails: if there is something to do, the next start finds it */
	struct queued *q = queue_find(&d->queue, id);
	arena_init(&a, SIZE_MAX / 2);
	enum error e = spool_get(d->spool, id, &a, &stored);
	if (e == ERR_NOT_FOUND) {
		if (q) q->dropped = true;
		if (q && !queue_busy(q)) outcome_dropped(d, q);
	} else if (!e && q) {
		edited(d, q, &stored);
	} else if (!e) {
		delivery_load(&stored, d);
	}
	arena_free(&a);
	delivery_count(d);
}

static void poll_changes(struct delivery *d, struct changes *c)
{
	do {
		c->n = 0;
		fiber_offload(take_changes, c);
		if (c->error) {
			log_begin(LOG_WARNING, "queue_changes");
			log_error("error", c->error);
			log_end();
			return;
		}
		for (size_t i = 0; i < c->n; i++) edits_apply(d, c->ids[i]);
	} while (c->n == CHANGED_MOST && !d->stopping);
}

/* A fiber: until the delivery stops. */
void edits_watch(void *arg)
{
	struct delivery *d = arg;
	struct changes *c = calloc(1, sizeof(*c));
	if (!c) return;
	c->spool = d->spool;
	while (!d->stopping && fiber_sleep(clock_deadline(POLL_MS)) == ERR_OK) poll_changes(d, c);
	free(c);
}
