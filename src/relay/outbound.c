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
#include "relay/stamping.h"

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

struct judging {
	struct passage *passage;
	struct answer *answer;
	struct answer_verdict worst; /* of all recipients */
	struct slice whom;           /* the one it is about */
	bool joined;                 /* all of them */
};

/* Backscatter for one is backscatter; unknown for one is unknown. */
static bool is_worse(enum judge_verdict a, enum judge_verdict b)
{
	static const int order[] = {[JUDGE_genuine] = 0, [JUDGE_unknown] = 1, [JUDGE_backscatter] = 2};
	return order[a] > order[b];
}

static void judge_once(struct judging *j)
{
	struct passage *p = j->passage;
	const struct envelope *e = &p->transaction->envelope;
	j->joined = true;
	for (size_t i = 0; i < e->recipient_count; i++) {
		struct answer_verdict v;
		answer_judge(j->answer, p->visit->worker->relay->ledger, p->source->id, e->recipients[i].address,
		             clock_unix(), &v);
		j->joined = j->joined && v.joined;
		if (i > 0 && !is_worse(v.judgement.verdict, j->worst.judgement.verdict)) continue;
		j->worst = v;
		j->whom = e->recipients[i].address;
	}
}

/* A server may answer faster than its message came into the ledger. Until then other messages of the same return path must not speak for it. */
static void judge(struct judging *j)
{
	catch_up(j->passage);
	judge_once(j);
	if (j->joined) return;
	fiber_sleep(clock_deadline(LEDGER_PATIENCE_MS));
	bool caught_up = catch_up(j->passage);
	judge_once(j);
	if (j->joined || caught_up || j->worst.judgement.verdict != JUDGE_genuine) return;
	j->worst.judgement = (struct judgement){JUDGE_unknown, "what came in of late is not yet known"};
}

static void log_answer(struct passage *p, const struct judging *j)
{
	char id[SPOOL_ID_TEXT];
	log_begin(LOG_INFO, "answer");
	log_str("id", spool_id_text(p->id, id));
	log_str("tenant", p->source->name);
	log_slice("from", p->transaction->envelope.return_path);
	log_slice("to", p->transaction->envelope.recipients[0].address);
	log_str("verdict", judge_text(j->worst.judgement.verdict));
	log_str("why", j->worst.judgement.why);
	if (j->worst.about) log_str("about", spool_id_text(j->worst.about, id));
	if (j->worst.evidence.p) log_slice("evidence", j->worst.evidence);
	log_end();
}

/* Sets pool and hold of what answers a message. False: no memory. */
static bool judge_answer(struct passage *p, struct intake *in)
{
	static const enum metric metrics[] = {[JUDGE_unknown] = METRIC_answers_unknown,
	                                      [JUDGE_genuine] = METRIC_answers_proven,
	                                      [JUDGE_backscatter] = METRIC_answers_unproven};
	static const enum pool pools[] =
		{[JUDGE_unknown] = POOL_ndr, [JUDGE_genuine] = POOL_bounce, [JUDGE_backscatter] = POOL_ndr};
	struct judging j = {.passage = p,
	                    .answer = answer_read(&p->transaction->body, p->session->settings->hostname,
	                                          keyring_srs(p->keys, clock_unix()))};
	if (!j.answer) return false;
	judge(&j);
	enum judge_verdict v = j.worst.judgement.verdict;
	metric_add(metrics[v], 1);
	log_answer(p, &j);
	in->pool = pools[v];
	in->hold = in->answer = v == JUDGE_backscatter;
	if (in->hold)
		in->hold_reason =
			arena_printf(&p->transaction->arena,
		                     "answers mail that did not prove to be from %.*s: it would be backscatter",
		                     SLICE_ARG(j.whom));
	answer_free(j.answer);
	return true;
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
	/* also what goes to another tenant, or to the same: its users are forged, too */
	bool judged = !answers_is_answer(&p->sender, header->text) || judge_answer(p, &in);
	struct slice signature = sign(p, header);
	struct slice received = stamping_received(p);
	in.marks.head = arena_printf(&p->work, "%.*s%.*s", SLICE_ARG(signature), SLICE_ARG(received));
	enum error e =
		judged && envelope.recipients && received.p && in.marks.head.p ? intake_store(p, &in) : ERR_NO_MEMORY;
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
	in.hold_reason = arena_printf(&t->arena,
	                              "answers mail that did not prove to be from %.*s: it came back by its contained "
	                              "return path",
	                              SLICE_ARG(passage_address(p, 0)));
	enum error e =
		envelope.recipients && in.marks.head.p && in.hold_reason.p ? intake_store(p, &in) : ERR_NO_MEMORY;
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
