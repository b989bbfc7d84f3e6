/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mail/address.h"
#include "relay/backoff.h"
#include "relay/delivery_internal.h"

/* How long a message waits that there was no memory to deliver. */
#define NO_MEMORY_SECONDS 60
/* Out of descriptors or memory: our fault, so it is no attempt and the rest is short. */
#define NO_RESOURCES         452
#define NO_RESOURCES_SECONDS 10

/* The parts of one message while it is being given out. */
struct parts {
	struct part *first;
	uint32_t count;
};

static struct part *part_for(struct parts *parts, struct queued *q, struct destination *to)
{
	struct part *p = parts->first;
	while (p && p->destination != to) p = p->next;
	if (p) return p;
	if (!(p = part_new(q, to))) return NULL;
	p->next = parts->first;
	parts->first = p;
	parts->count++;
	return p;
}

/* The destination rests: not an attempt, but the log says why nothing happens. */
static void rests(struct delivery *d, struct queued *q, uint32_t i, const struct destination *to)
{
	char text[300];
	struct reply r = {.code = 451, .enhanced = "4.4.1"};
	snprintf(text, sizeof(text), "not tried, the destination rests: %s", to->last_failure);
	r.text = slice_str(text);
	if (to->not_before > q->not_before) q->not_before = to->not_before;
	outcome_recipient(d, q, i, ROUND_DEFERRED, &r, NULL);
}

/* One tenant's mail to another's users goes to that other's servers. */
static uint32_t tenant_of(struct delivery *d, const struct spool_message *m, struct slice address)
{
	struct arena a;
	arena_init(&a, 4096);
	struct slice domain = domain_canonical(&a, address_domain(address));
	const struct tenant *t = domain.p ? tenants_by_domain(delivery_tenants(d), domain) : NULL;
	uint32_t id = t ? t->id : m->tenant;
	arena_free(&a);
	return id;
}

static void give(struct delivery *d, struct queued *q, uint32_t i, struct parts *parts, bool now_please)
{
	struct spool_message *m = &q->message->record;
	struct destination *to;
	struct slice address = m->recipients[i].address;
	uint32_t tenant = m->downstream ? tenant_of(d, m, address) : m->tenant;
	enum error e = destination_find(&d->destinations, d->config, m, address, tenant, &to);
	if (e == ERR_INVALID) {
		struct reply r = {.code = 550, .enhanced = "5.1.2", .text = SLICE("that is not a mail domain")};
		outcome_recipient(d, q, i, ROUND_FAILED, &r, NULL);
		return;
	}
	if (!e) {
		if (now_please) to->not_before = 0;
		if (to->not_before > clock_unix()) {
			rests(d, q, i, to);
			return;
		}
		struct part *p = part_for(parts, q, to);
		if (p && part_add(p, i)) return;
	}
	q->not_before = clock_unix() + NO_MEMORY_SECONDS;
}

void dispatch_message(struct delivery *d, struct queued *q, bool now_please)
{
	struct parts parts = {0};
	queue_unschedule(&d->queue, q);
	if (q->message->record.answer && !q->message->record.downstream) { /* invariant 1, whoever asked for it */
		outcome_hold(d, q, SLICE("an answer to a message that its addressee is not known to have sent"));
		return;
	}
	for (uint32_t i = 0; i < q->message->record.recipient_count; i++)
		if (q->message->record.recipients[i].state == RECIPIENT_PENDING) give(d, q, i, &parts, now_please);
	if (!parts.first) {
		outcome_settle(d, q);
		return;
	}
	q->parts = parts.count;
	for (struct part *p = parts.first, *next; p; p = next) {
		next = p->next;
		destination_add(p->destination, p);
		dispatch_kick(d, p->destination);
	}
}

void dispatch_kick(struct delivery *d, struct destination *to)
{
	if (d->stopping || !to->first || to->not_before > clock_unix() || waitlist_wake_one(&to->idle)) return;
	uint32_t most = (uint32_t)d->config->relay.destination_concurrency;
	if (to->failures)
		most = 1; /* one finds out whether somebody answers again */
	else if (to->crowded_until > clock_now_ms())
		most = to->connected ? to->connected : 1;
	if (to->carriers >= most) return;
	if (d->carriers >= d->carriers_most || !carrier_start(d, to)) destination_starve(&d->destinations, to);
}

void dispatch_starving(struct delivery *d)
{
	while (d->carriers < d->carriers_most) {
		struct destination *to = destination_unstarve(&d->destinations);
		if (!to) return;
		dispatch_kick(d, to);
		if (to->starving) return; /* no memory: the clock comes again */
		destination_release(&d->destinations, to, clock_unix());
	}
}

static void answer_part(struct delivery *d, struct part *p, const struct reply *failure)
{
	struct queued *q = p->queued;
	if (failure->code != NO_RESOURCES) q->tried = true;
	if (p->destination->not_before > q->not_before) q->not_before = p->destination->not_before;
	for (; p->done < p->count; p->done++) outcome_reply(d, q, p->recipients[p->done], failure, NULL);
	dispatch_part_done(d, p);
}

void dispatch_failed(struct delivery *d, struct destination *to, const struct reply *failure)
{
	int64_t now = clock_unix();
	snprintf(to->last_failure, sizeof(to->last_failure), "%.*s", SLICE_ARG(failure->text));
	if (failure->code == NO_RESOURCES) {
		to->not_before = now + NO_RESOURCES_SECONDS;
	} else if (reply_temporary(failure) && to->not_before <= now) {
		to->failures++;
		to->not_before = now + backoff_seconds(d->config->relay.retry_schedule, d->config->relay.retry_count,
		                                       to->failures, delivery_random(d));
	}
	for (struct part *p = destination_take_all(to), *next; p; p = next) {
		next = p->next;
		answer_part(d, p, failure);
	}
}

static void collect(struct destination *to, void *arg)
{
	struct part ***end = arg;
	**end = destination_take_all(to);
	while (**end) *end = &(**end)->next;
}

void dispatch_again(struct delivery *d)
{
	struct part *list = NULL, **list_end = &list;
	destinations_each(&d->destinations, collect, &list_end);
	while (list) {
		/* Recipients of a part that another carrier holds are not in it, so only these are given out again. */
		struct part *p = list;
		struct queued *q = p->queued;
		struct parts parts = {0};
		list = p->next;
		for (uint32_t i = p->done; i < p->count; i++) give(d, q, p->recipients[i], &parts, false);
		q->parts += parts.count;
		for (struct part *n = parts.first, *next; n; n = next) {
			next = n->next;
			destination_add(n->destination, n);
			dispatch_kick(d, n->destination);
		}
		dispatch_part_done(d, p);
	}
}

void dispatch_part_done(struct delivery *d, struct part *p)
{
	struct queued *q = p->queued;
	part_free(p);
	if (--q->parts == 0) outcome_settle(d, q);
}
