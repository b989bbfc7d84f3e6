/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/storm_recall.h"

#include "store/ledger.h"
#include "store/spool.h"

struct recall {
	struct storms *storms;
	int64_t since, now_ms; /* since: Unix time */
	size_t looked;
	void (*begun)(const struct storm_event *);
};

static void count(struct recall *r, struct slice address, uint64_t id, struct slice message_id, bool suspect)
{
	struct storm_event begun[2];
	struct storm_answer a = {.address = address,
	                         .identity = message_id.n ? message_id : slice_of((const char *)&id, sizeof id),
	                         .suspect = suspect};
	size_t n = storm_count(r->storms, &a, r->now_ms, begun);
	for (size_t i = 0; i < n; i++) r->begun(&begun[i]);
}

/* An answer that left, to the world, or was thrown away. Newest first. */
static bool take_passage(const struct ledger_passage *p, void *arg)
{
	struct recall *r = arg;
	if (p->time < r->since || ++r->looked > STORM_RECALL_LOOKED) return false;
	bool left = p->result == LEDGER_queued, discarded = p->result == LEDGER_discarded;
	if (!p->outbound || (p->return_path.n && !discarded) || (!left && !discarded)) return true;
	for (size_t i = 0; i < p->recipient_count; i++) count(r, p->recipients[i], p->id, p->message_id, discarded);
	return true;
}

/* One that is held. */
static bool take_held(const struct spool_message *m, void *arg)
{
	struct recall *r = arg;
	if (++r->looked > STORM_RECALL_LOOKED) return false;
	bool answer = m->answer || m->return_path.n == 0;
	if (!m->hold || !answer || m->kind != SPOOL_OUTBOUND || m->downstream || m->held_since < r->since) return true;
	for (size_t i = 0; i < m->recipient_count; i++) count(r, m->recipients[i].address, m->id, m->message_id, true);
	return true;
}

void storm_recall(struct storms *s, struct db *spool, struct db *ledger, int64_t window, int64_t now, int64_t now_ms,
                  void (*begun)(const struct storm_event *))
{
	struct recall r = {.storms = s, .since = now - window / 1000, .now_ms = now_ms, .begun = begun};
	ledger_each(ledger, take_passage, &r); /* first: what is proven keeps the share low */
	r.looked = 0;
	spool_each(spool, take_held, &r);
}
