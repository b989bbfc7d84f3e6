/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a tenant to the world (or to another tenant): signed, stored, synced, and handed to the delivery thread; then 250. An answer
 * that a program made (a bounce, an auto-reply) is judged first: what goes to somebody who did not prove that he sent
 * the mail it answers is held, and does not leave (answers.h).
 */
#include "auth/dmarc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "relay/answers.h"
#include "relay/intake.h"
#include "relay/ledger_writer.h"

#define LEDGER_PATIENCE_MS 300  /* how long what is answered may still be on its way to the ledger's writer */
#define CATCH_UP_MS        1000 /* and how long that is waited for, which takes a few milliseconds */
#define SIGN_OFFLOAD       (1024 * 1024)

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

/* ---- answers ------------------------------------------------------------------------------------------------------------- */

struct catching_up {
	struct ledger_writer *writer;
	bool done;
};

static void wait_for_ledger(void *arg)
{
	struct catching_up *c = arg;
	c->done = ledger_writer_catch_up(c->writer, clock_deadline(CATCH_UP_MS));
}

/* Waits until what came before is in the ledger, which is written beside the sessions. False: it is not. */
static bool catch_up(struct passage *p)
{
	struct catching_up c = {.writer = p->visit->worker->relay->ledger_writer};
	fiber_offload(wait_for_ledger, &c);
	return c.done;
}

/* The worst of all recipients; *whom is the one it is about. */
static enum answer_verdict judge_once(struct passage *p, const struct trace_header *header, struct slice *whom,
                                      struct answer_witness *witness)
{
	struct relay *relay = p->visit->worker->relay;
	const struct envelope *e = &p->transaction->envelope;
	enum answer_verdict all = ANSWER_PROVEN;
	*witness = (struct answer_witness){.by_id = true};
	for (size_t i = 0; i < e->recipient_count; i++) {
		struct answer_witness w;
		enum answer_verdict one = answers_judge(relay->ledger, p->source->id, e->recipients[i].address,
		                                        header->text, &p->transaction->body, clock_unix(), &w);
		witness->by_id = witness->by_id && w.by_id;
		if (!witness->about || one != ANSWER_PROVEN) witness->about = w.about;
		if (one == ANSWER_PROVEN) continue;
		*whom = e->recipients[i].address;
		all = one;
		if (one == ANSWER_UNPROVEN) break;
	}
	return all;
}

/* A server may answer faster than its message came into the ledger. Until then other messages of the same return path must not speak for it. */
static enum answer_verdict judge(struct passage *p, const struct trace_header *header, struct slice *whom,
                                 uint64_t *about)
{
	struct answer_witness witness;
	catch_up(p);
	enum answer_verdict v = judge_once(p, header, whom, &witness);
	if (!witness.by_id) {
		fiber_sleep(clock_deadline(LEDGER_PATIENCE_MS));
		bool caught_up = catch_up(p);
		v = judge_once(p, header, whom, &witness);
		if (v == ANSWER_PROVEN && !witness.by_id && !caught_up) v = ANSWER_UNKNOWN;
	}
	*about = witness.about;
	return v;
}

static void log_answer(struct passage *p, enum answer_verdict v, uint64_t about)
{
	static const char *const names[] =
		{[ANSWER_UNKNOWN] = "unknown", [ANSWER_PROVEN] = "proven", [ANSWER_UNPROVEN] = "unproven"};
	char id[SPOOL_ID_TEXT];
	log_begin(LOG_INFO, "answer");
	log_str("id", spool_id_text(p->id, id));
	log_str("tenant", p->source->name);
	log_slice("from", p->transaction->envelope.return_path);
	log_slice("to", p->transaction->envelope.recipients[0].address);
	log_str("verdict", names[v]);
	if (about) log_str("about", spool_id_text(about, id));
	log_end();
}

/* Sets pool and hold of what answers a message. */
static void judge_answer(struct passage *p, const struct trace_header *header, struct intake *in)
{
	static const enum metric metrics[] = {[ANSWER_UNKNOWN] = METRIC_answers_unknown,
	                                      [ANSWER_PROVEN] = METRIC_answers_proven,
	                                      [ANSWER_UNPROVEN] = METRIC_answers_unproven};
	static const enum pool pools[] =
		{[ANSWER_UNKNOWN] = POOL_ndr, [ANSWER_PROVEN] = POOL_bounce, [ANSWER_UNPROVEN] = POOL_ndr};
	uint64_t about = 0;
	struct slice whom = SLICE_EMPTY;
	enum answer_verdict v = judge(p, header, &whom, &about);
	metric_add(metrics[v], 1);
	log_answer(p, v, about);
	in->pool = pools[v];
	in->hold = in->answer = v == ANSWER_UNPROVEN;
	if (in->hold)
		in->hold_reason =
			arena_printf(&p->transaction->arena,
		                     "answers mail that did not prove to be from %.*s: it would be backscatter",
		                     SLICE_ARG(whom));
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

void outbound_message(struct passage *p, struct slice received, const struct trace_header *header, struct reply *out)
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
	/* also what goes to another tenant, or to the same: its users are forged, too */
	if (answers_is_answer(&p->sender, header->text)) judge_answer(p, header, &in);
	struct slice signature = sign(p, header);
	in.marks.head = arena_printf(&p->work, "%.*s%.*s", SLICE_ARG(signature), SLICE_ARG(received));
	enum error e = envelope.recipients && in.marks.head.p ? intake_store(p, &in) : ERR_NO_MEMORY;
	enum ledger_result result = e ? LEDGER_deferred : in.hold ? LEDGER_held : LEDGER_queued;
	if (e) {
		reply_set_reason(&t->arena, out, server_storage_reason(e), SLICE_EMPTY);
	} else {
		char id[SPOOL_ID_TEXT];
		reply_set(&t->arena, out, 250, "2.0.0",
		          arena_printf(&t->arena, in.hold ? "held as %s" : "queued as %s", spool_id_text(p->id, id)));
	}
	if (t->rcpt_replies)
		for (size_t i = 0; i < t->envelope.recipient_count; i++) t->rcpt_replies[i] = *out;
	policy_log_message(p, result, out, NULL, header->message_id);
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
	catch_up(p);
	ledger_each_by_return_path(p->visit->worker->relay->ledger, 0, given, find_tenant, &tenant);
	return tenant;
}

void contained_message(struct passage *p, struct slice received, const struct trace_header *header, struct reply *out)
{
	struct transaction *t = p->transaction;
	struct envelope envelope = untagged(p);
	char id[SPOOL_ID_TEXT];
	struct intake in = {.id = p->id,
	                    .kind = SPOOL_INBOUND,
	                    .pool = POOL_ndr,
	                    .marks = {.head = received},
	                    .header_size = header->size,
	                    .from = &envelope,
	                    .message_id = header->message_id,
	                    .tenant = tenant_answering(p),
	                    .downstream = true,
	                    .hold = true,
	                    .answer = true};
	in.hold_reason = arena_printf(&t->arena,
	                              "answers mail that did not prove to be from %.*s: it came back by its contained "
	                              "return path",
	                              SLICE_ARG(passage_address(p, 0)));
	enum error e = envelope.recipients && in.hold_reason.p ? intake_store(p, &in) : ERR_NO_MEMORY;
	if (e) {
		reply_set_reason(&t->arena, out, server_storage_reason(e), SLICE_EMPTY);
	} else {
		metric_add(METRIC_answers_contained, 1);
		reply_set(&t->arena, out, 250, "2.0.0",
		          arena_printf(&t->arena, "held as %s", spool_id_text(p->id, id)));
	}
	if (t->rcpt_replies) t->rcpt_replies[0] = *out;
	policy_log_message(p, e ? LEDGER_deferred : LEDGER_held, out, NULL, header->message_id);
}
