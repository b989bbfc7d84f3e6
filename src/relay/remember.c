/* SPDX-License-Identifier: Apache-2.0 */
/* A passage goes into the ledger: all that was known of it when it ended, so that what answers it later can be judged. */
#include "base/clock.h"
#include "relay/classified.h"
#include "relay/ledger_writer.h"
#include "relay/visit.h"

static void add_evidence(const struct passage *p, struct ledger_passage *l)
{
	const struct evidence *e = &p->proving.evidence;
	if (p->proves && p->proving.spf_done) l->spf = (uint8_t)p->proving.spf.result;
	if (!p->proves || !p->proving.examined) return;
	l->spf = (uint8_t)p->proving.spf.result;
	l->dkim = (uint8_t)e->dkim.result;
	l->dmarc = (uint8_t)e->dmarc.result;
	l->arc = (uint8_t)e->arc.result;
	l->from_domain = e->from_domain;
	l->has_digest = true;
	memcpy(l->digest, p->proving.digest, sizeof l->digest);
	for (size_t i = 0; i < e->dkim.count; i++)
		if (e->dkim.signatures[i].result == AUTH_pass)
			ledger_passage_dkim_domain(l, e->dkim.signatures[i].domain);
}

/* A transaction that ended before a message came was refused when its last recipient was, else given up by its client. */
static uint8_t result_of(const struct passage *p)
{
	if (p->ending.result != LEDGER_abandoned || p->transaction->envelope.recipient_count) return p->ending.result;
	return p->ending.code >= 500 ? LEDGER_refused : p->ending.code >= 400 ? LEDGER_deferred : LEDGER_abandoned;
}

/* Which of several fields a server behind us goes by cannot be known, so what came in with them has no name (bounce/witness_ledger.c). */
static struct slice name_of(const struct passage *p)
{
	return p->ending.several_ids && p->direction != OUTBOUND ? SLICE_EMPTY : p->ending.message_id;
}

/* Not of what no server got: that is answered by nobody, and costs its sender nothing. */
static void add_authors(const struct passage *p, struct ledger_passage *l)
{
	if (l->result != LEDGER_delivered && l->result != LEDGER_spooled && l->result != LEDGER_deferred) return;
	for (size_t i = 0; i < p->ending.authors.count; i++) ledger_passage_author(l, p->ending.authors.address[i]);
}

void passage_remember(struct passage *p)
{
	struct visit *v = p->visit;
	const struct envelope *e = &p->transaction->envelope;
	const struct tenant *t = p->direction == OUTBOUND ? p->source : p->tenant;
	struct ledger_passage l = {
		.id = p->id,
		.time = clock_unix(),
		.outbound = p->direction == OUTBOUND,
		.authenticated = p->source != NULL,
		.tenant = t ? t->id : 0,
		.client = v->client,
		.helo = p->session->helo,
		.return_path = e->return_path,
		.handed_on = slice_equal(p->ending.handed_on, e->return_path) ? SLICE_EMPTY : p->ending.handed_on,
		.message_id = name_of(p),
		.from_domain = SLICE_EMPTY,
		.result = result_of(p),
		.reply_code = p->ending.code,
		.reason = p->ending.reason ? slice_str(reason_row(p->ending.reason)->name) : SLICE_EMPTY,
		.proof = (uint8_t)(p->proves ? proving_so_far(&p->proving) : p->proof),
		.size = p->transaction->body.size,
		.server = slice_str(p->ending.server),
	};
	add_evidence(p, &l);
	add_authors(p, &l);
	if (p->classified && p->classified->known) l.class = (uint8_t)(1 + p->classified->class.class);
	for (size_t i = 0; i < e->recipient_count; i++) ledger_passage_recipient(&l, passage_address(p, i));
	if (!e->recipient_count && p->ending.refused.n) ledger_passage_recipient(&l, p->ending.refused);
	ledger_writer_add(v->worker->relay->ledger_writer, &l);
	p->remembered = true;
}
