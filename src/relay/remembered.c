/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/remembered.h"

#include "auth/proof.h"
#include "store/spool.h"

#define PASSAGE_MOST (64 * 1024) /* octets of one, taken apart */

struct handing_on {
	provenance_take *take;
	void *arg;
};

/* Inbound, of a server that was too slow to say so: it has the message, and answers it. */
static bool perhaps_taken(const struct ledger_passage *p)
{
	return !p->outbound && p->result == LEDGER_deferred && p->size > 0;
}

struct provenance_row remembered_row(const struct ledger_passage *p)
{
	return (struct provenance_row){
		.id = p->id,
		.time = p->time,
		.tenant = p->tenant,
		.outbound = p->outbound,
		.taken = p->result == LEDGER_delivered || p->result == LEDGER_spooled || p->result == LEDGER_queued ||
	                 perhaps_taken(p),
		.proven = p->proof != PROOF_none,
		.author_proven = p->dmarc == AUTH_pass,
		.author = p->from_domain,
		.return_path = p->return_path,
		.handed_on = p->handed_on,
		.message_id = p->message_id,
		.recipients = p->recipients,
		.recipient_count = p->recipient_count,
		.more_recipients = p->recipient_total > p->recipient_count,
	};
}

static bool hand_on(const struct ledger_passage *p, void *arg)
{
	const struct handing_on *h = arg;
	struct provenance_row row = remembered_row(p);
	return h->take(&row, h->arg);
}

static bool by_message_id(void *arg, struct slice message_id, provenance_take *take, void *taker)
{
	const struct remembered *m = arg;
	struct handing_on h = {take, taker};
	return ledger_each_by_message_id(m->ledger, message_id, hand_on, &h) == ERR_OK;
}

static bool by_trace(void *arg, struct slice text, provenance_take *take, void *taker)
{
	const struct remembered *m = arg;
	struct handing_on h = {take, taker};
	struct ledger_passage passage;
	struct arena a;
	uint64_t id;
	if (!spool_id_parse(text, &id)) return true;
	arena_init(&a, PASSAGE_MOST);
	enum error err = ledger_get(m->ledger, id, &a, &passage);
	if (!err) hand_on(&passage, &h);
	arena_free(&a);
	return !err || err == ERR_NOT_FOUND;
}

static bool by_return_path(void *arg, struct slice address, provenance_take *take, void *taker)
{
	const struct remembered *m = arg;
	struct handing_on h = {take, taker};
	return ledger_each_by_return_path(m->ledger, m->tenant, address, hand_on, &h) == ERR_OK;
}

static bool by_author(void *arg, struct slice address, provenance_take *take, void *taker)
{
	const struct remembered *m = arg;
	struct handing_on h = {take, taker};
	return ledger_each_by_author(m->ledger, m->tenant, address, hand_on, &h) == ERR_OK;
}

struct provenance_ledger remembered_ledger(struct remembered *m)
{
	return (struct provenance_ledger){by_message_id, by_trace, by_return_path, by_author, m};
}
