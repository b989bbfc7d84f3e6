/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/answering.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "relay/answers.h"
#include "relay/learning.h"
#include "relay/ledger_writer.h"
#include "relay/storm.h"
#include "relay/storm_watch.h"

#define LEDGER_PATIENCE_MS 300  /* how long what is answered may still be on its way to the ledger's writer */
#define CATCH_UP_MS        1000 /* and how long that is waited for, which takes a few milliseconds */

struct catching_up {
	struct ledger_writer *writer;
	bool done;
};

static void wait_for_ledger(void *arg)
{
	struct catching_up *c = arg;
	c->done = ledger_writer_catch_up(c->writer, clock_deadline(CATCH_UP_MS));
}

bool answering_catch_up(struct passage *p)
{
	struct catching_up c = {.writer = p->visit->worker->relay->ledger_writer};
	fiber_offload(wait_for_ledger, &c);
	return c.done;
}

/* ---- the verdict ----------------------------------------------------------------------------------------------------- */

struct judging {
	struct passage *passage;
	struct answer *answer;
	enum answer_ground ground;
	struct answer_verdict worst; /* of all recipients */
	struct slice whom;           /* the one it is about */
	bool joined;                 /* all of them */
	char storm[STORM_NAME];      /* it is held for one against that; empty: none */
	bool after_loss;             /* it is held because the ledger was lost */
};

/* Backscatter for one is backscatter; unknown for one is unknown. */
static bool is_worse(enum judge_verdict a, enum judge_verdict b)
{
	static const int order[] = {[JUDGE_genuine] = 0, [JUDGE_unknown] = 1, [JUDGE_backscatter] = 2};
	return order[a] > order[b];
}

/* Not on the loop: who floods makes the ledger have thousands of rows for one question, and an answer may have a thousand recipients. */
static void ask_ledger(void *arg)
{
	struct judging *j = arg;
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

static void judge_once(struct judging *j)
{
	fiber_offload(ask_ledger, j);
}

/* A server may answer faster than its message came into the ledger. Until then other messages of the same return path must not speak for it. */
static void judge(struct judging *j)
{
	answering_catch_up(j->passage);
	judge_once(j);
	if (j->joined) return;
	fiber_sleep(clock_deadline(LEDGER_PATIENCE_MS));
	bool caught_up = answering_catch_up(j->passage);
	judge_once(j);
	if (j->joined || caught_up || j->worst.judgement.verdict != JUDGE_genuine) return;
	j->worst.judgement = (struct judgement){JUDGE_unknown, "what came in of late is not yet known"};
}

/* ---- storms ---------------------------------------------------------------------------------------------------------- */

/* What a tenant's servers tell its own people is no part of a campaign. */
static bool stays_home(const struct passage *p)
{
	return !p->external && p->tenant == p->source;
}

static void weather(struct judging *j, const struct trace_header *header)
{
	struct passage *p = j->passage;
	struct storms *storms = p->visit->worker->relay->storms;
	enum judge_verdict v = j->worst.judgement.verdict;
	const struct envelope *e = &p->transaction->envelope;
	int64_t now = clock_now_ms();
	struct slice own_id = slice_of((const char *)&p->id, sizeof p->id);
	if (stays_home(p)) return;
	for (size_t i = 0; i < e->recipient_count; i++) {
		struct storm_event begun[2];
		struct storm_answer a = {.address = e->recipients[i].address,
		                         .identity = header->message_id.n ? header->message_id : own_id,
		                         .suspect = v != JUDGE_genuine};
		size_t n = storm_count(storms, &a, now, begun);
		for (size_t k = 0; k < n; k++) storm_watch_begun(&begun[k]);
	}
	for (size_t i = 0; v == JUDGE_unknown && i < e->recipient_count && !j->storm[0]; i++)
		storm_holds(storms, e->recipients[i].address, now, j->storm);
}

/* ---- a lost ledger --------------------------------------------------------------------------------------------------- */

#define CLOCKS_DIFFER (2 * 86400) /* seconds that a clock may have gone back since */

/* What it answers may have come before the ledger was lost; with what came later it would have been joined. */
static void consider_loss(struct judging *j)
{
	const struct passage *p = j->passage;
	int64_t lost = p->visit->worker->relay->ledger_lost, age = clock_unix() - lost;
	int64_t hold = p->visit->setup->config->relay.hold_after_loss / 1000;
	if (lost == 0 || hold == 0 || age >= hold || age < -CLOCKS_DIFFER || stays_home(p)) return;
	j->after_loss = j->worst.judgement.verdict == JUDGE_unknown && !j->storm[0];
}

/* ---- what follows ---------------------------------------------------------------------------------------------------- */

static void log_answer(struct judging *j)
{
	struct passage *p = j->passage;
	const struct classified *c = p->classified;
	char id[SPOOL_ID_TEXT];
	log_begin(LOG_INFO, "answer");
	log_str("id", spool_id_text(p->id, id));
	log_str("tenant", p->source->name);
	log_slice("from", p->transaction->envelope.return_path);
	log_slice("to", p->transaction->envelope.recipients[0].address);
	log_str("verdict", judge_text(j->worst.judgement.verdict));
	log_str("why", j->worst.judgement.why);
	if (j->worst.about) log_str("about", spool_id_text(j->worst.about, id));
	if (j->storm[0]) log_str("storm", j->storm);
	if (j->after_loss) log_bool("after_loss", true);
	if (j->worst.evidence.p) log_slice("evidence", j->worst.evidence);
	log_str("ground", answer_ground_text(j->ground));
	if (c->known) {
		char signals[CLASSIFIED_SIGNALS];
		log_str("class", class_word(c->class.class));
		log_str("kind", kind_word(c->class.kind));
		log_printf("probability", "%.4f", c->class.probability);
		log_str("signals", classified_signals(c, signals));
	}
	log_end();
}

static void count(const struct judging *j)
{
	static const enum metric metrics[] = {[JUDGE_unknown] = METRIC_answers_unknown,
	                                      [JUDGE_genuine] = METRIC_answers_proven,
	                                      [JUDGE_backscatter] = METRIC_answers_unproven};
	metric_add(metrics[j->worst.judgement.verdict], 1);
	if (j->storm[0]) metric_add(METRIC_answers_stormed, 1);
	if (j->after_loss) metric_add(METRIC_answers_after_loss, 1);
}

/* "ndr, failed; ledger=against (...); received=silent (...)": for who looks at what is held. {NULL,0}: no memory. */
static struct slice words(struct arena *a, const struct classified *c, struct slice evidence)
{
	const char *kind = c->known ? kind_word(c->class.kind) : NULL;
	return arena_printf(a, "%s%s%s%s%.*s", c->known ? class_word(c->class.class) : "not classified",
	                    kind ? ", " : "", kind ? kind : "", evidence.n ? "; " : "", SLICE_ARG(evidence));
}

/* What is held for a storm or a loss may be let go by its owner; what is unproven never to its addressee (spool.h, answer). */
static void settle(const struct judging *j, struct intake *in)
{
	static const enum pool pools[] =
		{[JUDGE_unknown] = POOL_ndr, [JUDGE_genuine] = POOL_bounce, [JUDGE_backscatter] = POOL_ndr};
	struct arena *a = &j->passage->transaction->arena;
	enum judge_verdict v = j->worst.judgement.verdict;
	in->pool = pools[v];
	in->answer = v == JUDGE_backscatter;
	in->hold = in->answer || j->storm[0] || j->after_loss;
	if (!in->hold) return;
	struct slice found = words(a, j->passage->classified, j->worst.evidence);
	if (in->answer)
		in->hold_reason =
			arena_printf(a,
		                     "answers mail that did not prove to be from %.*s: it would be backscatter [%.*s]",
		                     SLICE_ARG(j->whom), SLICE_ARG(found));
	else if (j->after_loss)
		in->hold_reason =
			arena_printf(a,
		                     "answers mail that is not known, to %.*s, shortly after what is known was "
		                     "lost: it may be backscatter [%.*s]",
		                     SLICE_ARG(j->whom), SLICE_ARG(found));
	else
		in->hold_reason = arena_printf(a,
		                               "answers mail that is not known, to %.*s, while a forged campaign "
		                               "against %s lasts [%.*s]",
		                               SLICE_ARG(j->whom), j->storm, SLICE_ARG(found));
}

struct slice answering_words(struct passage *p, uint32_t tenant, struct slice addressee)
{
	const struct classified *c = p->classified;
	struct arena *a = &p->transaction->arena;
	struct answer_verdict v = {.evidence = SLICE_EMPTY};
	struct answer *answer =
		answer_read(c->mime.root, c->cut, p->session->settings->hostname, keyring_srs(p->keys, clock_unix()));
	if (answer) answer_judge(answer, p->visit->worker->relay->ledger, tenant, addressee, clock_unix(), &v);
	if (answer && p->source) learning_answer(p, &v);
	struct slice found = words(a, c, v.evidence);
	answer_free(answer);
	return found;
}

bool answering_judge(struct passage *p, const struct trace_header *header, struct intake *in)
{
	const struct classified *c = p->classified;
	struct judging j = {.passage = p, .ground = answers_ground(&p->sender, header->text, &c->class)};
	if (j.ground == ANSWER_none) return true;
	if (p->sender.null && answers_complains(&c->class, c->mime.root, &p->transaction->envelope)) return true;
	struct srs_secrets secrets = keyring_srs(p->keys, clock_unix());
	j.answer = answer_read(c->mime.root, c->cut, p->session->settings->hostname, secrets);
	if (!j.answer) return false;
	judge(&j);
	if (j.ground != ANSWER_likely || j.joined) {
		weather(&j, header);
		consider_loss(&j);
		count(&j);
		log_answer(&j);
		learning_answer(p, &j.worst);
		settle(&j, in);
	}
	answer_free(j.answer);
	return true;
}
