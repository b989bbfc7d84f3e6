/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A carrier is a fiber with at most one connection. It takes parts from its destination one after the other, connects when it
 * has one and is not connected, and keeps the connection for destination-idle-time. It ends when nothing more comes, when its
 * destination rests, and when others wait for a carrier and it has had its share (destination-reuse messages).
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "relay/delivery_internal.h"

#define CARRIER_MAGIC 0xca881e80u
/* Replies of one transaction to a thousand recipients, with much text. */
#define CARRIER_ARENA (4 * 1024 * 1024)
/* After a connection was refused while others work: how long no further one is tried. */
#define CROWDED_MS 60000

static struct carrier *checked(void *arg)
{
	struct carrier *c = arg;
	assert(c->magic == CARRIER_MAGIC);
	return c;
}

void carrier_disconnect(struct carrier *c, bool politely)
{
	if (!c->client) return;
	struct client *client = c->client;
	c->client = NULL;
	c->to->connected--;
	if (politely)
		client_close(client);
	else
		client_free(client);
}

static bool used_up(const struct carrier *c)
{
	uint32_t most = client_extensions(c->client)->mail_max; /* RFC 9422 */
	return c->sent >= (uint64_t)c->config->relay.destination_reuse ||
	       (most && client_transactions(c->client) >= most);
}

/* The next part; NULL: this carrier ends. */
static struct part *next_part(struct carrier *c)
{
	struct delivery *d = c->delivery;
	struct destination *to = c->to;
	int64_t deadline = clock_deadline(d->config->relay.destination_idle_time);
	while (!d->stopping && !fiber_cancelled()) {
		bool others_wait = d->destinations.first_starving != NULL;
		if (c->client && used_up(c)) {
			carrier_disconnect(c, true);
			c->sent = 0;
			if (others_wait) return NULL;
			continue;
		}
		if (to->first && to->not_before <= clock_unix()) return destination_take(to);
		if (!c->client || others_wait) return NULL;
		if (waitlist_wait(&to->idle, deadline)) return NULL;
	}
	return NULL;
}

/* Nobody could be reached. While others of this destination are connected that is no verdict on it: it takes no more
 * connections than it has. */
static void not_connected(struct carrier *c, struct part *p, const struct reply *failure)
{
	destination_add_first(c->to, p);
	if (c->to->connected > 0 && reply_temporary(failure)) {
		c->to->crowded_until = clock_now_ms() + CROWDED_MS;
		waitlist_wake_one(&c->to->idle);
		return;
	}
	dispatch_failed(c->delivery, c->to, failure);
}

static bool connect_for(struct carrier *c, struct part *p)
{
	struct reply failure = {0};
	struct destination *to = c->to;
	bool was_failing = to->failures > 0;
	enum error e = carrier_connect(c, &failure);
	if (e == ERR_CANCELLED) {
		dispatch_part_done(c->delivery, p);
		return false;
	}
	if (e) {
		not_connected(c, p, &failure);
		return false;
	}
	to->connected++;
	to->failures = 0;
	to->not_before = 0;
	if (was_failing) /* one was sent ahead: now the others may come */
		for (size_t i = to->waiting; i > 0 && to->carriers < c->config->relay.destination_concurrency; i--)
			dispatch_kick(c->delivery, to);
	return true;
}

/* False: the carrier ends. */
static bool deliver(struct carrier *c, struct part *p)
{
	struct queued *q = p->queued;
	while (p->done < p->count && !q->dropped && !q->message->record.hold) {
		if (c->client && used_up(c)) {
			carrier_disconnect(c, true); /* one message may take several transactions */
			c->sent = 0;
		}
		if (c->client && !client_usable(c->client)) carrier_disconnect(c, false);
		if (!c->client) {
			if (!connect_for(c, p)) return false;
			continue; /* that took a while: the message may be on hold now */
		}
		if (carrier_transaction(c, p) == ERR_CANCELLED) {
			/* What was not answered stays pending: it is tried after the next start. */
			carrier_disconnect(c, false);
			dispatch_part_done(c->delivery, p);
			return false;
		}
	}
	dispatch_part_done(c->delivery, p);
	return true;
}

static void carrier_main(void *arg)
{
	struct carrier *c = checked(arg);
	struct delivery *d = c->delivery;
	struct destination *to = c->to;
	for (struct part *p; (p = next_part(c)) && deliver(c, p);) continue;
	carrier_disconnect(c, true);
	to->carriers--;
	d->carriers--;
	/* Another one goes on with what is left, unless this one gave way to the others. */
	if (to->first && d->destinations.first_starving)
		destination_starve(&d->destinations, to);
	else
		dispatch_kick(d, to);
	destination_release(&d->destinations, to, clock_unix());
	dispatch_starving(d);
	arena_free(&c->arena);
	config_unref(c->config);
	c->magic = 0;
	free(c);
	event_signal(&d->settled);
}

bool carrier_start(struct delivery *d, struct destination *to)
{
	struct carrier *c = calloc(1, sizeof(*c));
	if (!c) return false;
	c->magic = CARRIER_MAGIC;
	c->delivery = d;
	c->to = to;
	c->config = config_ref(d->config);
	arena_init(&c->arena, CARRIER_ARENA);
	if (scope_spawn(&d->scope, "carrier", carrier_main, c)) {
		config_unref(c->config);
		free(c);
		return false;
	}
	to->carriers++;
	d->carriers++;
	return true;
}
