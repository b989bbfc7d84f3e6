/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a tenant to the world (or to another tenant): signed, stored, synced, and handed to the delivery thread; then 250. An answer
 * that a program made (a bounce, an auto-reply) is judged first: what goes to somebody who did not prove that he sent
 * the mail it answers is held, and does not leave (answering.h).
 */
#include "auth/dmarc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "relay/answering.h"
#include "relay/intake.h"
#include "relay/learning.h"
#include "relay/stamping.h"

#define SIGN_OFFLOAD (1024 * 1024)

/* ---- our signature ------------------------------------------------------------------------------------------------------- */

struct signing_job {
	struct signer *signer;
	const struct blob *body;
	uint64_t from;
	struct slice field;
	enum error error;
};

static enum error sign_piece(struct slice piece, void *arg)
{
	signer_body(arg, piece);
	return ERR_OK;
}

static void sign_body(void *arg)
{
	struct signing_job *j = arg;
	j->error = blob_each(j->body, j->from, sign_piece, j->signer);
	enum error e = signer_end(j->signer, j->error ? NULL : &j->field);
	if (!j->error) j->error = e;
}

/* The domain whose key signs: the author's, else the return path's. */
static const struct signing_key *key_for(struct passage *p, struct slice header, struct signing *s)
{
	struct slice author = SLICE_EMPTY;
	const struct signing_key *key = NULL;
	uint32_t tenant = p->source->id;
	if (dmarc_author_domain(&p->work, header, &author) == ERR_OK)
		key = keyring_dkim(p->keys, tenant, author, s->now, &s->selector, &s->domain);
	if (!key && p->sender_domain.n)
		key = keyring_dkim(p->keys, tenant, p->sender_domain, s->now, &s->selector, &s->domain);
	return key;
}

/* The field, or nothing: mail that cannot be signed goes as it is. */
static struct slice sign(struct passage *p, const struct trace_header *header)
{
	struct signing s = {.now = clock_unix()};
	struct signing_job j = {.body = &p->transaction->body, .from = header->size, .field = SLICE_EMPTY};
	if (!p->source->sign || !(s.key = key_for(p, header->text, &s))) return SLICE_EMPTY;
	enum error e = signer_begin(&p->work, header->text, &s, &j.signer);
	if (!e) {
		if (j.body->size > SIGN_OFFLOAD)
			fiber_offload(sign_body, &j);
		else
			sign_body(&j);
		e = j.error;
	}
	metric_add(e ? METRIC_sign_failed : METRIC_signed, 1);
	return e ? SLICE_EMPTY : j.field;
}

/* ---- the message --------------------------------------------------------------------------------------------------------- */

static enum pool pool_of(const struct passage *p)
{
	return p->sender.null || address_is_postmaster(&p->sender) ? POOL_ndr : POOL_regular;
}

/* As the next server is to have them: a tenant's own, tagged addresses without their tags. */
static struct envelope untagged(struct passage *p)
{
	struct envelope e = p->transaction->envelope;
	e.recipients = arena_alloc(&p->transaction->arena, e.recipient_count * sizeof *e.recipients);
	for (size_t i = 0; e.recipients && i < e.recipient_count; i++) {
		e.recipients[i] = p->transaction->envelope.recipients[i];
		e.recipients[i].address = passage_address(p, i);
	}
	return e;
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------------- */

/* Its end, with the reason. */
static void discard(struct passage *p, const struct tenant *t, const struct intake *in)
{
	char id[SPOOL_ID_TEXT];
	metric_add(METRIC_answers_discarded, 1);
	log_begin(LOG_INFO, "discarded");
	log_str("id", spool_id_text(p->id, id));
	log_str("tenant", t->name);
	log_slice("from", in->from->return_path);
	log_slice("to", in->from->recipients[0].address);
	log_uint("recipients", in->from->recipient_count);
	log_slice("reason", in->hold_reason);
	log_end();
}

/* Into the spool, unless it is an answer to who proved nothing and the tenant t does not want to see those. */
static enum error keep(struct passage *p, const struct tenant *t, struct intake *in, enum ledger_result *result)
{
	if (in->answer && t && t->unproven == TENANT_UNPROVEN_DISCARD) {
		discard(p, t, in);
		*result = LEDGER_discarded;
		return ERR_OK;
	}
	enum error e = intake_store(p, in);
	*result = e ? LEDGER_deferred : in->hold ? LEDGER_held : LEDGER_queued;
	return e;
}

static void reply_discarded(struct passage *p, struct reply *out)
{
	char id[SPOOL_ID_TEXT];
	reply_set(&p->transaction->arena, out, 250, "2.0.0",
	          arena_printf(&p->transaction->arena,
	                       "discarded as %s: what it answers did not prove to be from its addressee",
	                       spool_id_text(p->id, id)));
}

void outbound_message(struct passage *p, const struct trace_header *header, struct reply *out)
{
	struct transaction *t = p->transaction;
	struct envelope envelope = untagged(p);
	struct intake in = {.id = p->id,
	                    .kind = SPOOL_OUTBOUND,
	                    .pool = pool_of(p),
	                    .header_size = header->size,
	                    .from = &envelope,
	                    .message_id = header->message_id,
	                    .tenant = p->source->id,
	                    .verified = true,
	                    .downstream = !p->external,
	                    .hold_reason = SLICE_EMPTY};
	struct classified classified;
	classified_read(&classified, p->visit->worker, &t->body, envelope.return_path);
	p->classified = &classified;
	/* also what goes to another tenant, or to the same: its users are forged, too */
	bool judged = answering_judge(p, header, &in);
	learning_sender(p);
	struct slice signature = sign(p, header);
	struct slice received = stamping_received(p);
	in.marks.head = arena_printf(&p->work, "%.*s%.*s", SLICE_ARG(signature), SLICE_ARG(received));
	enum error e = ERR_NO_MEMORY;
	enum ledger_result result = LEDGER_deferred;
	if (judged && envelope.recipients && received.p && in.marks.head.p) e = keep(p, p->source, &in, &result);
	if (e) {
		reply_set_reason(&t->arena, out, server_storage_reason(e), SLICE_EMPTY);
	} else if (result == LEDGER_discarded) {
		reply_discarded(p, out);
	} else {
		char id[SPOOL_ID_TEXT];
		reply_set(&t->arena, out, 250, "2.0.0",
		          arena_printf(&t->arena, in.hold ? "held as %s" : "queued as %s", spool_id_text(p->id, id)));
	}
	if (t->rcpt_replies)
		for (size_t i = 0; i < t->envelope.recipient_count; i++) t->rcpt_replies[i] = *out;
	policy_log_message(p, result, out, NULL, header->message_id);
	p->classified = NULL;
	classified_free(&classified);
}

/* ---- what comes to a return path that we gave out (contain.h) ------------------------------------------------------------- */

static bool find_tenant(const struct ledger_passage *passage, void *arg)
{
	uint32_t *tenant = arg;
	*tenant = passage->tenant;
	return *tenant == 0;
}

/* Whose it is: the tenant that sends it, else the one whose mail it answers. */
static uint32_t tenant_answering(struct passage *p)
{
	uint32_t tenant = 0;
	if (p->source) return p->source->id;
	struct slice given = p->transaction->envelope.recipients[0].address;
	answering_catch_up(p);
	ledger_each_by_return_path(p->visit->worker->relay->ledger, 0, given, find_tenant, &tenant);
	return tenant;
}

void contained_message(struct passage *p, const struct trace_header *header, struct reply *out)
{
	struct transaction *t = p->transaction;
	struct envelope envelope = untagged(p);
	char id[SPOOL_ID_TEXT];
	struct intake in = {.id = p->id,
	                    .kind = SPOOL_INBOUND,
	                    .pool = POOL_ndr,
	                    .marks = {.head = stamping_received(p)},
	                    .header_size = header->size,
	                    .from = &envelope,
	                    .message_id = header->message_id,
	                    .tenant = tenant_answering(p),
	                    .downstream = true,
	                    .hold = true,
	                    .answer = true};
	struct classified classified;
	classified_read(&classified, p->visit->worker, &t->body, envelope.return_path);
	p->classified = &classified;
	struct slice found = answering_words(p, in.tenant, passage_address(p, 0));
	in.hold_reason = arena_printf(&t->arena,
	                              "answers mail that did not prove to be from %.*s: it came back by its contained "
	                              "return path [%.*s]",
	                              SLICE_ARG(passage_address(p, 0)), SLICE_ARG(found));
	enum error e = ERR_NO_MEMORY;
	enum ledger_result result = LEDGER_deferred;
	if (envelope.recipients && in.marks.head.p && in.hold_reason.p)
		e = keep(p, in.tenant ? tenants_by_id(p->tenants, in.tenant) : NULL, &in, &result);
	if (!e) metric_add(METRIC_answers_contained, 1);
	if (e) {
		reply_set_reason(&t->arena, out, server_storage_reason(e), SLICE_EMPTY);
	} else if (result == LEDGER_discarded) {
		reply_discarded(p, out);
	} else {
		reply_set(&t->arena, out, 250, "2.0.0",
		          arena_printf(&t->arena, "held as %s", spool_id_text(p->id, id)));
	}
	if (t->rcpt_replies) t->rcpt_replies[0] = *out;
	policy_log_message(p, result, out, NULL, header->message_id);
	p->classified = NULL;
	classified_free(&classified);
}
