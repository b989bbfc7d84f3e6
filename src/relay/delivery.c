/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/delivery.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mail/envelope.h"
#include "relay/delivery_internal.h"

#define DELIVERY_MAGIC 0xde11fe87u
/* Connections in all; fewer when the process may not have that many descriptors. */
#define CARRIERS_MOST  2000
#define TICK_MS        1000
#define SWEEP_MS       60000
#define RECORD_ROOM    (1024 * 1024)
#define RECIPIENT_ROOM 4096

static struct delivery *checked(void *arg)
{
	struct delivery *d = arg;
	assert(d->magic == DELIVERY_MAGIC);
	return d;
}

/* ---- small helpers ---- */

uint32_t delivery_random(struct delivery *d)
{
	d->random = d->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(d->random >> 33);
}

struct tenants *delivery_tenants(struct delivery *d)
{
	char why[256];
	struct tenants *fresh;
	if (tenants_generation(d->state) == tenants_snapshot_generation(d->tenants)) return d->tenants;
	if (tenants_load(d->state, &fresh, why)) {
		log_text(LOG_ERROR, "tenants", "%s", why);
		return d->tenants;
	}
	tenants_unref(d->tenants);
	d->tenants = fresh;
	return fresh;
}

const struct keyring *delivery_keys(struct delivery *d)
{
	return key_holder_newest(&d->keys);
}

void delivery_wake_clock(struct delivery *d)
{
	event_signal(&d->wake);
}

void delivery_count(struct delivery *d)
{
	metric_set(METRIC_queue_messages, (int64_t)d->queue.count);
	metric_set(METRIC_queue_held, (int64_t)d->queue.held);
}

/* ---- what comes in ---- */

void delivery_accept(struct delivery *d, struct message *m)
{
	if (queue_find(&d->queue, m->record.id)) { /* known from an edit by `backstop queue` */
		message_unref(m);
		return;
	}
	struct queued *q = queue_add(&d->queue, m);
	if (!q) {
		/* It is on stable storage and will be found at the next start. */
		log_text(LOG_ERROR, "delivery_memory", "no memory for a queued message; it waits for a restart");
		metric_add(METRIC_out_of_resources, 1);
		message_unref(m);
		return;
	}
	delivery_count(d);
	if (m->record.hold)
		queue_schedule(&d->queue, q, outcome_expires(d, &m->record));
	else if (m->record.next_attempt > clock_unix())
		queue_schedule(&d->queue, q, m->record.next_attempt);
	else
		dispatch_message(d, q, false);
}

static void submitted(void *arg)
{
	struct message *m = arg;
	struct delivery *d = checked(m->link);
	m->link = NULL;
	if (d->stopping) {
		message_unref(m);
		return;
	}
	if (m->record.hold) {
		if (!m->record.held_since) m->record.held_since = m->record.arrived; /* as the stored one is read */
		outcome_log_held(d, &m->record);
	}
	delivery_accept(d, m);
}

void delivery_submit(struct delivery *d, struct message *m)
{
	m->link = d;
	m->post = (struct post){.fn = submitted, .arg = m};
	loop_post(d->loop, &m->post);
}

bool delivery_load(const struct spool_message *record, void *arg)
{
	struct delivery *d = arg;
	struct message *m = message_new();
	if (m) {
		m->arena.limit = RECORD_ROOM + record->recipient_count * RECIPIENT_ROOM;
		if (queue_copy_record(&m->arena, record, &m->record)) {
			delivery_accept(d, m);
			return true;
		}
		message_unref(m);
	}
	log_text(LOG_ERROR, "delivery_memory", "no memory to load the whole queue; the rest waits for a restart");
	return false;
}

/* ---- the clock ---- */

static void due(struct delivery *d, struct queued *q, int64_t now)
{
	if (!q->message->record.hold) {
		dispatch_message(d, q, false);
	} else if (outcome_expires(d, &q->message->record) <= now) {
		outcome_hold_over(d, q);
	} else {
		queue_schedule(&d->queue, q, outcome_expires(d, &q->message->record));
	}
}

static void run_due(struct delivery *d)
{
	struct queued *q;
	size_t n = 0;
	while (!d->stopping && (q = queue_take_due(&d->queue, clock_unix()))) {
		due(d, q, clock_unix());
		if (++n % 256 == 0) fiber_yield();
	}
}

static void kick(struct destination *to, void *arg)
{
	dispatch_kick(arg, to);
}

/* A fiber. It also looks after what was put off for want of memory. */
static void run_clock(void *arg)
{
	struct delivery *d = checked(arg);
	int64_t sweep = clock_deadline(SWEEP_MS);
	while (!d->stopping) {
		run_due(d);
		dispatch_starving(d);
		reports_kick(d);
		delivery_tenants(d); /* names for the log */
		if (clock_now_ms() >= sweep) {
			destinations_each(&d->destinations, kick, d);
			destinations_sweep(&d->destinations, clock_unix());
			sweep = clock_deadline(SWEEP_MS);
		}
		if (event_wait(&d->wake, clock_deadline(TICK_MS)) == ERR_CANCELLED) return;
	}
}

/* The first fiber: no message may be delivered twice, so the spool is read before anything else is taken. */
static void begin(void *arg)
{
	struct delivery *d = checked(arg);
	enum error e = spool_each(d->spool, delivery_load, d);
	if (e) {
		log_begin(LOG_ERROR, "queue_load");
		log_error("error", e);
		log_end();
	}
	log_begin(LOG_INFO, "queue_loaded");
	log_uint("messages", d->queue.count);
	log_uint("held", d->queue.held);
	log_end();
	sem_post(&d->loaded);
	if (scope_spawn(loop_scope(d->loop), "delivery clock", run_clock, d) ||
	    scope_spawn(loop_scope(d->loop), "queue changes", edits_watch, d) ||
	    scope_spawn(&d->scope, "digests", digester_run, d))
		log_text(LOG_ERROR, "delivery_memory", "no memory for the delivery's own fibers");
}

/* ---- reload ---- */

struct reload {
	struct post post;
	struct delivery *delivery;
	struct config *config;
};

static void reloaded(void *arg)
{
	struct reload *r = arg;
	struct delivery *d = checked(r->delivery);
	config_unref(d->config);
	d->config = r->config;
	free(r);
	pools_reset(&d->pools);
	if (!d->stopping) dispatch_again(d);
}

void delivery_reload(struct delivery *d, struct config *c)
{
	struct reload *r = calloc(1, sizeof(*r));
	if (!r) {
		log_text(LOG_ERROR, "delivery_memory", "no memory to take the new configuration");
		return;
	}
	r->delivery = d;
	r->config = config_ref(c);
	r->post = (struct post){.fn = reloaded, .arg = r};
	loop_post(d->loop, &r->post);
}

/* ---- start and stop ---- */

static void *run(void *arg)
{
	struct delivery *d = checked(arg);
	loop_run(d->loop);
	loop_free(d->loop); /* here: it makes itself the loop of the thread it is freed on */
	d->loop = NULL;
	return NULL;
}

static uint32_t carriers_most(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 4 >= CARRIERS_MOST) return CARRIERS_MOST;
	return limit.rlim_cur / 4 > 4 ? (uint32_t)(limit.rlim_cur / 4) : 4;
}

static void free_delivery(struct delivery *d)
{
	destinations_free(&d->destinations);
	queue_free(&d->queue);
	if (d->loop) loop_free(d->loop);
	hosts_free(d->hosts);
	tls_unref(d->tls);
	key_holder_free(&d->keys);
	tenants_unref(d->tenants);
	config_unref(d->config);
	sem_destroy(&d->loaded);
	d->magic = 0;
	free(d);
}

static enum error prepare(struct delivery *d)
{
	char why[256];
	enum error e;
	if ((e = queue_init(&d->queue)) || (e = destinations_init(&d->destinations))) return e;
	d->hosts = hosts_new();
	d->loop = d->hosts ? loop_new() : NULL;
	if (!d->loop) return ERR_NO_MEMORY;
	if ((e = tls_client_new(&d->tls, why)) || (e = tenants_load(d->state, &d->tenants, why))) {
		log_text(LOG_ERROR, "delivery_start", "%s", why);
		return e;
	}
	key_holder_init(&d->keys, d->state); /* nothing may leave without its tag because it came first */
	scope_init(&d->scope);
	return scope_spawn(loop_scope(d->loop), "delivery", begin, d);
}

enum error delivery_start(struct config *c, struct resolver *r, struct db *spool, struct db *state, struct writer *w,
                          struct delivery **out)
{
	*out = NULL;
	struct delivery *d = calloc(1, sizeof(*d));
	if (!d) return ERR_NO_MEMORY;
	d->magic = DELIVERY_MAGIC;
	d->config = config_ref(c);
	d->resolver = r;
	d->spool = spool;
	d->state = state;
	d->writer = w;
	d->random = (uint64_t)clock_now_ns() ^ (uint64_t)clock_unix_ms() << 20;
	d->carriers_most = carriers_most();
	sem_init(&d->loaded, 0, 0);
	enum error e = prepare(d);
	if (!e && pthread_create(&d->thread, NULL, run, d)) e = ERR_NO_MEMORY;
	if (e) {
		free_delivery(d);
		return e;
	}
	/* A message that were both read from the spool and submitted might be delivered twice. */
	while (sem_wait(&d->loaded) && errno == EINTR) continue;
	*out = d;
	return ERR_OK;
}

static void wake_idle(struct destination *to, void *arg)
{
	(void)arg;
	waitlist_wake_all(&to->idle);
}

/* A fiber: transactions under way may end, until the drain time is over. */
static void drain(void *arg)
{
	struct delivery *d = checked(arg);
	int64_t deadline = clock_deadline(d->config->relay.drain_time);
	destinations_each(&d->destinations, wake_idle, NULL);
	event_signal(&d->wake);
	while (d->carriers + d->reporters > 0 && event_wait(&d->settled, deadline) == ERR_OK) continue;
	scope_cancel(&d->scope);
	scope_join(&d->scope, DEADLINE_NEVER);
	writer_flush(d->writer);
	loop_stop(d->loop);
}

static void stop(void *arg)
{
	struct delivery *d = checked(arg);
	d->stopping = true;
	/* without memory for a fiber there is no draining */
	if (scope_spawn(loop_scope(d->loop), "delivery drain", drain, d)) loop_stop(d->loop);
}

static void join(void *arg)
{
	struct delivery *d = arg;
	pthread_join(d->thread, NULL);
}

void delivery_stop(struct delivery *d)
{
	struct post post = {.fn = stop, .arg = checked(d)};
	loop_post(d->loop, &post);
	fiber_offload(join, d); /* the caller's loop may go on */
	free_delivery(d);
}
