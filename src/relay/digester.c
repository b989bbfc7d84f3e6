/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Now and then all messages on hold are looked at, tenant by tenant. A digest is stored in the transaction that notes its
 * time, so whenever the process dies no message is told of twice or never. One that cannot be delivered ends there, with a
 * line in the log: it is a report (reports_fill), which is never held, so that no digest tells of digests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "relay/delivery_internal.h"
#include "relay/digest.h"
#include "store/digests.h"

#define TICK_LEAST_MS 1000
#define TICK_MOST_MS  60000
#define DIGEST_MEMORY (1024 * 1024)

/* All messages on hold, by tenant and time. */
struct held {
	const struct spool_message **all;
	size_t n, room;
};

static void collect(const struct queued *q, void *arg)
{
	struct held *h = arg;
	const struct spool_message *m = &q->message->record;
	if (m->hold && m->tenant && h->n < h->room) h->all[h->n++] = m;
}

static int by_tenant_and_time(const void *a, const void *b)
{
	const struct spool_message *x = *(const struct spool_message *const *)a;
	const struct spool_message *y = *(const struct spool_message *const *)b;
	if (x->tenant != y->tenant) return x->tenant < y->tenant ? -1 : 1;
	if (x->held_since != y->held_since) return x->held_since < y->held_since ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

/* ---- one digest ---- */

/* Empty: nobody is to be told. */
static struct slice address_of(struct arena *a, const struct tenant *t)
{
	if (t->digest) return slice_str(t->digest);
	if (!t->domain_count) return SLICE_EMPTY;
	return arena_printf(a, "postmaster@%s", t->domains[0].name);
}

static bool fill_text(struct delivery *d, struct digest *g, struct arena *a, uint64_t id, struct report_message *out)
{
	unsigned char octets[8];
	char id_text[SPOOL_ID_TEXT];
	if (getrandom(octets, sizeof(octets), 0) != sizeof(octets)) abort(); /* cannot fail for so few octets */
	g->message_id = arena_printf(a, "%s.%02x%02x%02x%02x@%s", spool_id_text(id, id_text), octets[0], octets[1],
	                             octets[2], octets[3], d->config->hostname);
	*out = (struct report_message){0};
	return g->message_id.p && digest_write(a, g, &out->text);
}

static struct message *make(struct delivery *d, const struct tenant *t, const struct spool_message **held, size_t n,
                            size_t told_before, int64_t now)
{
	struct arena a;
	struct report_message text;
	struct message *m = NULL;
	arena_init(&a, DIGEST_MEMORY);
	struct digest g = {.hostname = slice_str(d->config->hostname),
	                   .tenant = slice_str(t->name),
	                   .to = address_of(&a, t),
	                   .now = now,
	                   .messages = held,
	                   .count = n,
	                   .told_before = told_before};
	if (g.to.n && (m = message_new())) {
		m->record.id = spool_new_id(clock_unix_ms());
		if (!fill_text(d, &g, &a, m->record.id, &text) || !reports_fill(d, &text, g.to, t->id, now, m)) {
			message_unref(m);
			m = NULL;
		}
	}
	arena_free(&a);
	return m;
}

static void log_digest(const struct message *m, const char *tenant, size_t n)
{
	char id[SPOOL_ID_TEXT];
	metric_add(METRIC_digests_sent, 1);
	log_begin(LOG_INFO, "digest");
	log_str("id", spool_id_text(m->record.id, id));
	log_str("tenant", tenant);
	log_slice("to", m->record.recipients[0].address);
	log_str("pool", m->record.downstream ? "downstream" : pool_name(m->record.pool));
	log_uint("messages", n);
	log_end();
}

struct told {
	uint32_t tenant;
	int64_t when;
};

static enum error note(struct db_txn *t, void *arg)
{
	const struct told *x = arg;
	return digests_put(t, x->tenant, x->when);
}

/* Waits. False: not now. */
static bool store(struct delivery *d, struct message *m, uint32_t tenant, const char *name, size_t n, int64_t now)
{
	struct told told = {tenant, now};
	enum error e = writer_store_also(d->writer, m, note, &told);
	if (e) {
		log_begin(LOG_ERROR, "digest_store");
		log_str("tenant", name);
		log_error("error", e);
		log_end();
		message_unref(m);
		return false;
	}
	log_digest(m, name, n);
	if (d->stopping)
		message_unref(m); /* the next start finds it */
	else
		delivery_accept(d, m);
	return true;
}

/* ---- who is due ---- */

/* The messages of one tenant. True: a digest was stored, and the queue may be another since. */
static bool tell_tenant(struct delivery *d, const struct spool_message **held, size_t n, int64_t now, bool *failed)
{
	int64_t last;
	uint32_t id = held[0]->tenant;
	char name[64];
	const struct tenant *t = tenants_by_id(delivery_tenants(d), id);
	if (!t || !t->enabled || (t->digest && !*t->digest)) return false;
	enum error e = digests_last(d->spool, id, &last);
	if (e) {
		log_begin(LOG_ERROR, "digest_store");
		log_str("tenant", t->name);
		log_error("error", e);
		log_end();
		return false;
	}
	size_t first = digest_due(held, n, last, d->config->relay.digest_interval / 1000, now);
	if (first == n) return false;
	size_t count = digest_reach(held, n, now) - first;
	snprintf(name, sizeof(name), "%s", t->name);
	struct message *m = make(d, t, held + first, count, first, now);
	*failed = m && !store(d, m, id, name, count, now);
	return m != NULL;
}

/* True: there may be more. */
static bool tell_one(struct delivery *d)
{
	struct held h = {.room = d->queue.held};
	int64_t now = clock_unix();
	bool sent = false, failed = false;
	if (h.room == 0 || !(h.all = malloc(h.room * sizeof(*h.all)))) return false;
	queue_each(&d->queue, collect, &h);
	qsort(h.all, h.n, sizeof(*h.all), by_tenant_and_time);
	for (size_t i = 0, end; i < h.n && !sent; i = end) {
		for (end = i + 1; end < h.n && h.all[end]->tenant == h.all[i]->tenant;) end++;
		sent = tell_tenant(d, h.all + i, end - i, now, &failed);
	}
	free(h.all);
	return sent && !failed;
}

static int64_t tick(const struct config *c)
{
	int64_t part = c->relay.digest_interval / 10;
	return part < TICK_LEAST_MS ? TICK_LEAST_MS : part > TICK_MOST_MS ? TICK_MOST_MS : part;
}

void digester_run(void *arg)
{
	struct delivery *d = arg;
	while (!d->stopping && fiber_sleep(clock_deadline(tick(d->config))) == ERR_OK)
		while (d->config->relay.digest_interval > 0 && !d->stopping && tell_one(d)) continue;
}
