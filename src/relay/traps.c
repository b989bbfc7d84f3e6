/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/traps.h"

#include "base/metrics.h"
#include "bounce/virus.h"
#include "mail/address.h"
#include "relay/accuse.h"
#include "relay/classified.h"

/* ---- which addresses are traps ------------------------------------------------------------------------------------ */

static bool is_named(const struct config *c, struct slice local, struct slice domain)
{
	for (size_t i = 0; i < c->keeper.trap_address_count; i++) {
		struct slice trap = slice_str(c->keeper.trap_addresses[i]);
		if (trap.n == local.n + 1 + domain.n && slice_equal_nocase(slice_sub(trap, 0, local.n), local) &&
		    trap.p[local.n] == '@' && slice_equal(slice_sub(trap, local.n + 1, trap.n), domain))
			return true;
	}
	return false;
}

bool traps_has(const struct config *c, struct slice local, struct slice domain, bool tenants)
{
	if (is_named(c, local, domain)) return true;
	for (size_t i = 0; i < c->keeper.trap_count && !tenants; i++)
		if (domain_within(domain, slice_str(c->keeper.traps[i]))) return true;
	return false;
}

bool traps_any(const struct config *c)
{
	return c->keeper.trap_count || c->keeper.trap_address_count;
}

/* ---- a transaction with one --------------------------------------------------------------------------------------- */

void check_trap(struct passage *p, struct rcpt *r, struct verdict *v)
{
	bool trap = traps_has(p->visit->setup->config, r->local, r->domain, r->tenant != NULL);
	bool first = p->transaction->envelope.recipient_count == 0;
	if (!trap && (first || !p->trap)) return;
	if (!first && trap != p->trap) {
		v->reason = REASON_other_downstream;
	} else if (!first && p->sender.null) {
		v->reason = REASON_null_many_recipients;
	} else {
		p->trap = true;
		v->done = true;
	}
}

static bool is_virus_notice(const struct passage *p, struct classified *c)
{
	/* Mail with a sender that only speaks of viruses may be anybody's advertisement. */
	if (!c->mime.root || (c->class.class == CLASS_OTHER && !p->sender.null)) return false;
	return virus_notice(&c->arena, c->mime.root);
}

void trap_message(struct passage *p, const struct trace_header *header, struct reply *out)
{
	struct transaction *t = p->transaction;
	struct classified c;
	enum act_class class;
	classified_read(&c, p->visit->worker, &t->body, t->envelope.return_path);
	bool act = accuse_class(c.class.class, is_virus_notice(p, &c), &class);
	classified_free(&c);
	for (size_t i = 0; act && i < t->envelope.recipient_count; i++)
		passage_accuse(p, class, WITNESSED_trap, passage_address(p, i), header->text);
	if (!act) passage_expose(p, false);
	metric_add(act ? METRIC_trap_answers : METRIC_trap_other, 1);
	reply_set_reason(&t->arena, out, act ? REASON_trap : REASON_not_read, SLICE_EMPTY);
	for (size_t i = 0; t->rcpt_replies && i < t->envelope.recipient_count; i++) t->rcpt_replies[i] = *out;
	policy_log_message(p, LEDGER_refused, out, NULL, header->message_id);
}

void trap_end(struct passage *p)
{
	const struct envelope *e = &p->transaction->envelope;
	if (!p->trap || !p->sender.null || !e->recipient_count || p->data_asked || p->cut_off) return;
	metric_add(METRIC_trap_callouts, 1);
	passage_accuse(p, ACT_callout, WITNESSED_trap, passage_address(p, 0), SLICE_EMPTY);
}
