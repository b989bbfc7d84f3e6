/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the world to a tenant: cut-through. The leg's answers become the client's (cutthrough.h). What the return path proves decides
 * what the server behind may tell it, and what happens when that server is away (fate.h).
 */
#include "base/clock.h"
#include "base/metrics.h"
#include "relay/contain.h"
#include "relay/fate.h"
#include "relay/inbound_copies.h"
#include "relay/inbound_judge.h"
#include "relay/intake.h"
#include "relay/refusals.h"
#include "relay/stamping.h"

static bool verified(const struct passage *p)
{
	return proving_so_far(&p->proving) != PROOF_none;
}

/* The server behind may tell the sender of a failure. Of the null return path it cannot. */
static bool may_be_told(const struct passage *p)
{
	return verified(p) || p->sender.null;
}

/* ---- what the tenant's server is told ------------------------------------------------------------------------------------ */

/* The return path it gets: its own, or one of ours for what did not prove itself. Without a secret or memory the mail must not go
 * uncontained: {NULL,0}. */
static struct slice path_for(struct passage *p, const struct tenant *t, bool proven)
{
	const struct envelope *e = &p->transaction->envelope;
	char id[SPOOL_ID_TEXT];
	if (proven || !t->contain || p->sender.null) return e->return_path;
	int64_t now = clock_unix();
	struct srs_secrets secrets = keyring_srs(p->keys, now);
	return contain_return_path(&p->transaction->arena, p->visit->setup->config, &secrets, e->return_path,
	                           spool_id_text(p->id, id), now);
}

/* What is known by now of the sender goes into the leg's envelope; a transaction that was begun with other words is begun anew. The
 * server is told nothing different when it does not know NOTIFY. */
static bool tell(struct passage *p, struct leg *l)
{
	bool proven = verified(p);
	struct slice path = path_for(p, l->tenant, proven);
	if (!path.p) return false;
	struct slice envelope_id = stamping_envelope_id(p);
	if (!envelope_id.p) return false;
	bool other = !slice_equal(path, l->envelope.return_path) ||
	             (leg_speaks_dsn(l) && !slice_equal(envelope_id, l->envelope.envid));
	l->envelope.return_path = path;
	l->envelope.envid = envelope_id;
	for (size_t i = 0; i < l->envelope.recipient_count; i++) {
		struct envelope_recipient *r = &l->envelope.recipients[i];
		uint8_t asked = p->transaction->envelope.recipients[l->positions[i]].notify;
		uint8_t notify = fate_notify(asked, may_be_told(p));
		other = other || (notify != r->notify && leg_speaks_dsn(l));
		r->notify = notify;
	}
	if (other) leg_close(l);
	return true;
}

/* ---- RCPT ---------------------------------------------------------------------------------------------------------------- */

static struct leg *leg_of(struct passage *p, const struct tenant *t)
{
	for (struct leg *l = p->legs; l; l = l->next)
		if (l->tenant == t) return l;
	struct visit *v = p->visit;
	struct transaction *tr = p->transaction;
	struct leg *l = leg_new(&tr->arena, v->worker->downstreams, v->setup, t, &tr->envelope, tr->prdr);
	if (!l) return NULL;
	l->next = p->legs;
	p->legs = l;
	return l;
}

static bool leg_elsewhere(const struct passage *p, const struct tenant *t)
{
	for (const struct leg *l = p->legs; l; l = l->next)
		if (l->tenant != t && l->envelope.recipient_count) return true;
	return false;
}

static bool is_away(const struct reply *r)
{
	return r->reason == REASON_downstream_unavailable || r->reason == REASON_downstream_lost;
}

static void ask(struct passage *p, struct leg *l, const struct rcpt *r, struct verdict *v)
{
	size_t position = p->transaction->envelope.recipient_count;
	struct envelope_recipient recipient = {.address = r->address,
	                                       .orcpt = r->command->orcpt,
	                                       .notify = fate_notify(r->command->notify, may_be_told(p))};
	bool later = !r->ask_now;
	if (!later) {
		if (!tell(p, l)) {
			v->reason = REASON_storage_failed;
			return;
		}
		leg_rcpt(l, &recipient, position, &v->reply);
		later = is_away(&v->reply) && fate_worth_waiting(p->sender.null, r->known, l->tenant->spool);
	}
	if (!later) return;
	v->reply = (struct reply){0};
	l->all_known = l->all_known && r->known;
	if (!leg_add(l, &recipient, position)) v->reason = REASON_no_memory;
}

/* The last check at RCPT: the recipient's own server. */
void inbound_rcpt_ask(struct passage *p, struct rcpt *r, struct verdict *v)
{
	if (!p->transaction->prdr && leg_elsewhere(p, r->tenant)) {
		v->reason = REASON_other_downstream; /* one answer at the end cannot be two servers' */
		return;
	}
	struct leg *l = leg_of(p, r->tenant);
	if (!l) {
		v->reason = REASON_no_memory;
		return;
	}
	if (p->transaction->envelope.recipient_count == 0) p->tenant = r->tenant;
	ask(p, l, r, v);
}

/* ---- end of data --------------------------------------------------------------------------------------------------------- */

/* A recipient was refused for good only now, and others were not: see refusals.h. */
static void refused_one(struct passage *p, struct leg *l, size_t refused, struct reply *out)
{
	const struct envelope_recipient *r = &l->envelope.recipients[refused];
	if (p->transaction->envelope.recipient_count == 1 || !reply_permanent(out)) return;
	refusals_remember(l->tenant->id, r->address, out, clock_now_ms());
	out->code = 451;
	out->enhanced[0] = '4';
	out->text = arena_printf(&p->transaction->arena,
	                         "<%.*s> was refused by its server (%.*s); please send again, "
	                         "the other recipients will be served",
	                         SLICE_ARG(r->address), SLICE_ARG(out->text));
}

/* What is asked of whoever gets it, and told of it, in fields of its own. */
static struct slice requests(struct passage *p, const struct tenant *t, struct slice bounce)
{
	if (!bounce.p) return bounce;
	const struct dmarc_verdict *d = &p->proving.evidence.dmarc;
	bool failed = d->disposition == DMARC_POLICY_QUARANTINE || d->disposition == DMARC_POLICY_REJECT;
	return arena_printf(&p->work, "%s%s%s%.*s", may_be_told(p) ? "" : MARKS_SUPPRESS,
	                    failed && t->dmarc != TENANT_DMARC_IGNORE ? MARKS_DMARC : "",
	                    failed && t->dmarc == TENANT_DMARC_ENFORCE ? MARKS_QUARANTINE : "", SLICE_ARG(bounce));
}

static struct marks marks_of(struct passage *p, const struct tenant *t, struct slice received,
                             const struct trace_header *header, struct slice bounce)
{
	const struct evidence *e = &p->proving.evidence;
	struct authres results = {.spf = e->spf,
	                          .mail_from = p->transaction->envelope.return_path,
	                          .helo = p->session->helo,
	                          .dkim = &e->dkim,
	                          .dmarc = &e->dmarc,
	                          .from_domain = e->from_domain,
	                          .arc = &e->arc};
	return marks_make(&p->work, received, header->text, slice_str(p->visit->setup->config->auth.authserv_id),
	                  &results, requests(p, t, bounce));
}

/* On disk until its server is back. */
static enum ledger_result keep(struct passage *p, struct leg *l, const struct marks *marks,
                               const struct trace_header *header, struct reply *out)
{
	struct intake in = {.id = p->stored ? spool_new_id(clock_unix_ms())
	                                    : p->id, /* with PRDR several legs may be kept */
	                    .kind = SPOOL_INBOUND,
	                    .pool = POOL_bounce,
	                    .marks = *marks,
	                    .header_size = header->size,
	                    .from = &l->envelope,
	                    .message_id = header->message_id,
	                    .tenant = l->tenant->id,
	                    .verified = true,
	                    .downstream = true};
	enum error e = intake_store(p, &in);
	if (e) {
		reply_set_reason(&p->transaction->arena, out, server_storage_reason(e), SLICE_EMPTY);
		return LEDGER_deferred;
	}
	p->stored = true;
	metric_add(METRIC_inbound_spooled, 1);
	reply_set(&p->transaction->arena, out, 250, "2.0.0",
	          SLICE("kept; its server is away and gets it when it is back"));
	return LEDGER_spooled;
}

static enum ledger_result result_of(const struct reply *r)
{
	return reply_positive(r) ? LEDGER_delivered : reply_permanent(r) ? LEDGER_refused : LEDGER_deferred;
}

static enum fate_server server_of(const struct reply *r)
{
	if (is_away(r)) return FATE_SERVER_AWAY;
	return reply_positive(r)    ? FATE_SERVER_ACCEPTED
	       : reply_permanent(r) ? FATE_SERVER_REFUSED
	                            : FATE_SERVER_DEFERRED;
}

/* *out is what its server said, or that it is away, and becomes what the client is told. */
static enum ledger_result settle(struct passage *p, struct leg *l, const struct marks *marks,
                                 const struct trace_header *header, struct reply *out)
{
	struct fate_arrival facts = {.verified = verified(p),
	                             .known = l->all_known,
	                             .spool = l->tenant->spool,
	                             .server = server_of(out)};
	switch (fate_on_arrival(&facts)) {
	case FATE_DELIVERED: return LEDGER_delivered;
	case FATE_REFUSED: return LEDGER_refused;
	case FATE_SPOOLED: return keep(p, l, marks, header, out);
	case FATE_UNPROVEN: reply_set_reason(&p->transaction->arena, out, REASON_unproven_sender, SLICE_EMPTY); break;
	case FATE_DEFERRED: break;
	}
	return LEDGER_deferred;
}

/* The author's domain asks to reject, and the tenant does as it asks. */
static bool refused_by_dmarc(struct passage *p, const struct leg *l, struct reply *out)
{
	const struct dmarc_verdict *d = &p->proving.evidence.dmarc;
	if (l->tenant->dmarc != TENANT_DMARC_ENFORCE || d->disposition != DMARC_POLICY_REJECT) return false;
	metric_add(METRIC_dmarc_refused, 1);
	reply_set_reason(&p->transaction->arena, out, REASON_dmarc_reject,
	                 arena_copy(&p->transaction->arena, p->proving.evidence.from_domain));
	return true;
}

/* What we refuse ourselves, before its server has the message. */
static bool refused_here(struct passage *p, struct leg *l, const struct marks *marks, struct reply *out)
{
	if (refused_by_dmarc(p, l, out)) {
		leg_close(l);
		return true;
	}
	enum reason r = !marks->head.p ? REASON_no_memory : !tell(p, l) ? REASON_storage_failed : REASON_ok;
	if (r) reply_set_reason(&p->transaction->arena, out, r, SLICE_EMPTY);
	return r != REASON_ok;
}

static enum ledger_result hand_over(struct passage *p, struct leg *l, struct slice received,
                                    const struct trace_header *header, struct slice bounce, struct reply *out,
                                    struct reply *own)
{
	size_t n = l->envelope.recipient_count, refused = n;
	struct marks marks = marks_of(p, l->tenant, received, header, bounce);
	enum ledger_result result;
	bool answered = false; /* by its server, and own has each recipient's answer */
	l->envelope.size = p->transaction->envelope.size + marks.head.n - marks.skip;
	l->envelope.body = p->transaction->envelope.body;
	if (refused_here(p, l, &marks, out)) {
		result = result_of(out);
	} else {
		answered = leg_message(l, marks.head, &p->transaction->body, marks.skip, out, own, &refused);
		if (refused < n && !p->transaction->prdr) refused_one(p, l, refused, out);
		result = settle(p, l, &marks, header, out);
	}
	for (size_t i = 0; i < n && !answered; i++) own[i] = *out;
	return result;
}

static enum ledger_result deliver_judged(struct passage *p, struct leg *l, struct slice received,
                                         const struct trace_header *header, struct slice bounce, struct reply *out,
                                         struct reply *replies)
{
	struct fingerprint *f = copies_fingerprints(p, l, header);
	if (f) copies_drop(p, l, f, replies);
	size_t n = l->envelope.recipient_count;
	if (n == 0) {
		reply_set(&p->transaction->arena, out, 250, "2.0.0",
		          SLICE("delivered already, when you sent it before"));
		return LEDGER_delivered;
	}
	struct reply *own = arena_zalloc(&p->transaction->arena, n * sizeof *own);
	enum ledger_result result = LEDGER_deferred;
	if (own)
		result = hand_over(p, l, received, header, bounce, out, own);
	else
		reply_set_reason(&p->transaction->arena, out, REASON_no_memory, SLICE_EMPTY);
	size_t taken = 0;
	for (size_t i = 0; i < n; i++) {
		replies[l->positions[i]] = own ? own[i] : *out;
		if (f && own && reply_positive(&own[i])) f[taken++] = f[i];
	}
	if (f && taken) copies_remember(p->visit, f, taken);
	return result;
}

static enum ledger_result leg_deliver(struct passage *p, struct leg *l, struct slice received,
                                      const struct trace_header *header, struct inbound_judge *j, struct reply *out,
                                      struct reply *replies)
{
	enum ledger_result result = LEDGER_refused;
	struct slice bounce = inbound_judge_leg(j, l, replies);
	if (j->refused)
		reply_set_reason(&p->transaction->arena, out, REASON_backscatter, SLICE_EMPTY);
	else
		result = deliver_judged(p, l, received, header, bounce, out, replies);
	inbound_judge_settled(j, result);
	return result;
}

/* One answer for several legs (PRDR): good news if anybody got it, since each recipient has its own answer. */
static void sum_up(struct passage *p, struct reply *replies, struct reply *out)
{
	size_t n = p->transaction->envelope.recipient_count, good = 0;
	for (size_t i = 0; i < n; i++) good += reply_positive(&replies[i]);
	if (good == 0) {
		*out = replies[0];
		return;
	}
	reply_set(&p->transaction->arena, out, 250, "2.0.0",
	          arena_printf(&p->transaction->arena, "taken for %zu of %zu recipients", good, n));
}

/* All that is known before anybody is told. False: *out says why the message cannot be taken now. */
static bool examine(struct passage *p, const struct trace_header *header, struct reply *out)
{
	enum error e = proving_examine(&p->proving, header->text, &p->transaction->body);
	if (e)
		reply_set_reason(&p->transaction->arena, out, server_storage_reason(e), SLICE_EMPTY);
	else
		p->proof = p->proving.evidence.proof;
	return e == ERR_OK;
}

static void note_authors(struct passage *p, const struct trace_header *header)
{
	const struct evidence *e = &p->proving.evidence;
	struct authors_proof proof = {.return_path = p->transaction->envelope.return_path,
	                              .return_path_proven = verified(p),
	                              .author = e->from_domain,
	                              .author_proven = e->dmarc.result == AUTH_pass};
	authors_find(&p->work, header->text, &proof, &p->ending.authors);
}

void inbound_message(struct passage *p, const struct trace_header *header, struct reply *out)
{
	struct transaction *t = p->transaction;
	size_t n = t->envelope.recipient_count;
	struct reply *replies = arena_zalloc(&t->arena, n * sizeof *replies);
	const char *server = NULL;
	enum ledger_result result = LEDGER_deferred;
	if (!replies) reply_set_reason(&t->arena, out, REASON_no_memory, SLICE_EMPTY);
	bool ready = replies && examine(p, header, out);
	struct slice received = ready ? stamping_received(p) : SLICE_EMPTY;
	if (!received.p) {
		reply_set_reason(&t->arena, out, REASON_no_memory, SLICE_EMPTY);
		ready = false;
	}
	struct inbound_judge judge;
	if (ready) note_authors(p, header);
	if (ready) inbound_judge_begin(&judge, p, header);
	for (struct leg *l = ready ? p->legs : NULL; l; l = l->next) {
		if (!l->envelope.recipient_count) continue;
		result = leg_deliver(p, l, received, header, &judge, out, replies);
		p->ending.handed_on = l->envelope.return_path;
		if (l->server[0]) server = l->server;
	}
	if (t->rcpt_replies) {
		for (size_t i = 0; i < n; i++) t->rcpt_replies[i] = ready ? replies[i] : *out;
		if (ready) sum_up(p, replies, out);
		result = reply_positive(out) && result != LEDGER_spooled ? LEDGER_delivered : result;
	} else if (reply_positive(out)) {
		char id[SPOOL_ID_TEXT];
		out->text = arena_printf(&t->arena, "%.*s (id %s)", SLICE_ARG(out->text), spool_id_text(p->id, id));
	}
	policy_log_message(p, result, out, server, header->message_id);
	if (ready) inbound_judge_end(&judge);
}

void inbound_end(struct passage *p)
{
	for (struct leg *l = p->legs; l; l = l->next) leg_close(l);
	p->legs = NULL;
}
