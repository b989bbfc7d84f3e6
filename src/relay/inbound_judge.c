/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/inbound_judge.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "bounce/bouncefield.h"
#include "bounce/virus.h"
#include "relay/accuse.h"
#include "relay/answering.h"
#include "relay/answers.h"
#include "relay/bounce_facts.h"
#include "relay/bounce_origin.h"
#include "relay/remembered.h"
#include "store/spool.h"

#define ORIGIN_MS 5000 /* for the tenant's own records, which are mostly in the resolver's cache */

struct judged { /* one recipient */
	struct provenance_facts facts;
	struct provenance provenance;
	struct judgement judgement;
	bool unsure; /* the tenant's SPF record could not be had */
	bool refused;
};

void inbound_judge_begin(struct inbound_judge *j, struct passage *p, const struct trace_header *header)
{
	*j = (struct inbound_judge){.passage = p, .header = header->text};
	const struct envelope *e = &p->transaction->envelope;
	if (e->recipient_count > INBOUND_JUDGED) return;
	classified_read(&j->classified, p->visit->worker, &p->transaction->body, e->return_path);
	p->classified = &j->classified;
	enum bounce_class class = j->classified.class.class;
	j->wanted = class == CLASS_NDR || class == CLASS_AUTOREPLY || class == CLASS_CHALLENGE;
	enum answer_ground ground = answers_ground(&p->sender, header->text, &j->classified.class);
	p->answer = ground != ANSWER_none;
	j->sure = ground == ANSWER_marked || ground == ANSWER_classed;
	returned_nothing(&j->returned);
	if (j->wanted && !returned_read(&j->classified.arena, j->classified.mime.root, &j->returned))
		returned_nothing(&j->returned);
	if (j->classified.cut) j->returned.whole = false; /* the rest may have been cut off by us */
}

void inbound_judge_end(struct inbound_judge *j)
{
	j->passage->classified = NULL;
	classified_free(&j->classified);
}

/* ---- one recipient --------------------------------------------------------------------------------------------------- */

static void weigh(struct inbound_judge *j, struct judged *out)
{
	const struct relay *relay = j->passage->visit->worker->relay;
	int64_t now = out->facts.now;
	bool covered = coverage_book_complete(relay->coverage, out->facts.tenant, out->facts.remembers, now);
	judge_inbound(&out->provenance, covered, &out->judgement);
}

struct asking {
	struct inbound_judge *judge;
	struct judged *out;
};

static void ask_witnesses(void *arg)
{
	const struct asking *a = arg;
	struct inbound_judge *j = a->judge;
	provenance_find(&j->classified.arena, &j->returned, &a->out->facts, &a->out->provenance);
}

/* Not on the loop: the ledger may have thousands of rows for one question. */
static void find(struct inbound_judge *j, struct judged *out)
{
	struct asking a = {.judge = j, .out = out};
	fiber_offload(ask_witnesses, &a);
	weigh(j, out);
}

static bool is_genuine(const struct judged *out)
{
	return out->judgement.verdict == JUDGE_genuine;
}

/* Who handed the original to the reporter: one whom the tenant lets send? */
static void ask_origin(struct inbound_judge *j, struct judged *out)
{
	const struct visit *v = j->passage->visit;
	struct orgdomain_source source = {.resolver = v->worker->relay->resolver,
	                                  .suffixes = v->setup->suffixes,
	                                  .deadline = clock_deadline(ORIGIN_MS)};
	struct bounce_origin o =
		bounce_origin(&j->classified.arena, &source, out->facts.addressee, &j->returned.origin, out->facts.now);
	out->provenance.origin = o.origin;
	out->unsure = o.unsure;
	if (o.unsure && !out->provenance.doubt)
		out->provenance.doubt = "whether the tenant lets the original's sender send cannot be told now";
	weigh(j, out);
}

/* Unless the tenant's SPF record says that others sent it. */
static void consider_reporter(struct inbound_judge *j, struct judged *out)
{
	const struct visit *v = j->passage->visit;
	struct coverage_book *book = v->worker->relay->coverage;
	if (out->provenance.origin == ORIGIN_FOREIGN) return;
	if (!coverage_book_odd(book, out->facts.tenant, &v->client, out->facts.now)) return;
	out->provenance.doubt = "its server often reports what no witness knows: the tenant may also send through it";
	weigh(j, out);
}

static void judge(struct inbound_judge *j, const struct tenant *t, struct slice addressed, struct judged *out)
{
	struct passage *p = j->passage;
	struct remembered remembered = {.ledger = p->visit->worker->relay->ledger, .tenant = t->id};
	struct slice hostname = slice_str(p->session->settings->hostname);
	struct bounce_case c = {.tenant = t,
	                        .keys = p->keys,
	                        .addressed = addressed,
	                        .null_path = p->sender.null,
	                        .class = j->classified.class.class,
	                        .now = clock_unix()};
	*out = (struct judged){.judgement = {JUDGE_unknown, "there was no memory to look"}};
	if (!bounce_facts(&j->classified.arena, &c, &out->facts)) return;
	out->facts.ledger = remembered_ledger(&remembered);
	out->facts.hostnames = &hostname;
	out->facts.hostname_count = 1;
	out->facts.secrets = keyring_srs(p->keys, c.now);
	out->facts.remembers = ledger_reaches_back(remembered.ledger, c.now - BOUNCE_FACTS_AGE);
	find(j, out);
	if (!is_genuine(out) && !j->caught_up) { /* servers bounce faster than the ledger is written */
		j->caught_up = answering_catch_up(p);
		find(j, out);
	}
	if (!is_genuine(out) && out->provenance.header && j->returned.origin.family) ask_origin(j, out);
	if (out->judgement.verdict == JUDGE_backscatter) consider_reporter(j, out);
}

/* A person's mail that quotes a bounce is let in, whatever it quotes. Programs that reply by themselves quote as they like, or not at all. */
static bool is_sure(const struct inbound_judge *j, const struct judged *out)
{
	const struct witness *w = out->provenance.witnesses;
	if (!j->sure) return false;
	return j->classified.class.class == CLASS_NDR || w[WITNESS_tag].says == SPEAKS_AGAINST ||
	       w[WITNESS_dkim].says == SPEAKS_AGAINST;
}

static bool refuses(const struct inbound_judge *j, const struct tenant *t, const struct judged *out)
{
	return out->judgement.verdict == JUDGE_backscatter && t->backscatter == TENANT_BACKSCATTER_REFUSE &&
	       is_sure(j, out);
}

static struct coverage_event event_of(const struct inbound_judge *j, const struct judged *out)
{
	bool counts = j->classified.class.class == CLASS_NDR && j->sure && !out->unsure;
	return (struct coverage_event){.tenant = out->facts.tenant,
	                               .what = counts ? judge_case(&out->provenance, &out->judgement)
	                                              : COVERAGE_NOT_COUNTED,
	                               .about = out->provenance.message_id.n ? out->provenance.message_id
	                                                                     : out->facts.addressed,
	                               .origin = j->returned.origin,
	                               .reporter = j->passage->visit->client};
}

/* ---- what is told ------------------------------------------------------------------------------------------------------ */

static void count_verdict(const struct judged *out)
{
	static const enum metric metrics[] = {[JUDGE_unknown] = METRIC_bounces_unknown,
	                                      [JUDGE_genuine] = METRIC_bounces_genuine,
	                                      [JUDGE_backscatter] = METRIC_bounces_backscatter};
	metric_add(metrics[out->judgement.verdict], 1);
	if (out->refused) metric_add(METRIC_bounces_refused, 1);
}

static void log_bounce(struct inbound_judge *j, const struct tenant *t, struct slice to, const struct judged *out)
{
	struct passage *p = j->passage;
	const struct classification *c = &j->classified.class;
	struct slice evidence = judge_evidence(&j->classified.arena, &out->provenance);
	bool backscatter = out->judgement.verdict == JUDGE_backscatter;
	char id[SPOOL_ID_TEXT], signals[CLASSIFIED_SIGNALS];
	log_begin(LOG_INFO, "bounce");
	log_str("id", spool_id_text(p->id, id));
	log_str("tenant", t->name);
	log_slice("from", p->transaction->envelope.return_path);
	log_slice("to", to);
	log_str("class", class_word(c->class));
	log_str("kind", kind_word(c->kind));
	log_printf("probability", "%.3f", c->probability);
	log_str("signals", classified_signals(&j->classified, signals));
	log_str("verdict", judge_text(out->judgement.verdict));
	log_str("why", out->judgement.why);
	if (out->provenance.about) log_str("about", spool_id_text(out->provenance.about, id));
	if (out->provenance.message_id.n) log_slice("original", out->provenance.message_id);
	if (evidence.p) log_slice("evidence", evidence);
	log_str("action", out->refused ? "refused" : backscatter ? "marked" : "passed");
	log_end();
}

/* What is surely backscatter, for all of its recipients, is evidence, whether the tenant wants it refused or marked. */
static void accuse(struct inbound_judge *j, const struct judged *judged, size_t n)
{
	struct classified *c = &j->classified;
	enum act_class act;
	for (size_t i = 0; i < n; i++)
		if (judged[i].judgement.verdict != JUDGE_backscatter || !is_sure(j, &judged[i])) return;
	if (!accuse_class(c->class.class, virus_notice(&c->arena, c->mime.root), &act)) return;
	for (size_t i = 0; i < n; i++)
		passage_accuse(j->passage, act, WITNESSED_judge, judged[i].facts.addressee, j->header);
}

static struct slice field_of(struct inbound_judge *j, const struct judged *out)
{
	const struct classification *c = &j->classified.class;
	struct bouncefield f = {.class = c->class,
	                        .kind = c->kind,
	                        .probability = c->probability,
	                        .judgement = &out->judgement,
	                        .provenance = &out->provenance};
	return bouncefield(&j->passage->work, &f);
}

/* ---- a leg --------------------------------------------------------------------------------------------------------------- */

static void refuse(struct inbound_judge *j, struct leg *l, size_t index, struct reply *replies)
{
	reply_set_reason(&j->passage->transaction->arena, &replies[l->positions[index]], REASON_backscatter,
	                 SLICE_EMPTY);
	leg_drop(l, index);
}

/* The best of what was found for those that are left. */
static size_t best_of(const struct judged *judged, size_t n)
{
	static const int order[] = {[JUDGE_backscatter] = 0, [JUDGE_unknown] = 1, [JUDGE_genuine] = 2};
	size_t best = 0;
	for (size_t i = 1; i < n; i++)
		if (order[judged[i].judgement.verdict] > order[judged[best].judgement.verdict]) best = i;
	return best;
}

static size_t drop_refused(struct inbound_judge *j, struct leg *l, struct judged *judged, struct reply *replies)
{
	size_t n = l->envelope.recipient_count, left = 0;
	for (size_t i = 0; i < n; i++) {
		if (judged[i].refused)
			refuse(j, l, left, replies);
		else
			judged[left++] = judged[i];
	}
	j->refused = left == 0;
	return left;
}

struct slice inbound_judge_leg(struct inbound_judge *j, struct leg *l, struct reply *replies)
{
	struct passage *p = j->passage;
	const struct envelope *e = &p->transaction->envelope;
	struct judged judged[INBOUND_JUDGED];
	size_t n = l->envelope.recipient_count, refused = 0;
	j->count = 0;
	j->refused = false;
	if (!j->wanted) return SLICE_EMPTY;
	for (size_t i = 0; i < n; i++) {
		judge(j, l->tenant, e->recipients[l->positions[i]].address, &judged[i]);
		judged[i].refused = refuses(j, l->tenant, &judged[i]);
		refused += judged[i].refused;
		j->counts[j->count++] = event_of(j, &judged[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (!p->transaction->prdr && refused < n) judged[i].refused = false;
		count_verdict(&judged[i]);
		log_bounce(j, l->tenant, l->envelope.recipients[i].address, &judged[i]);
	}
	accuse(j, judged, n);
	size_t left = drop_refused(j, l, judged, replies);
	if (left == 0) return SLICE_EMPTY;
	const struct judged *best = &judged[best_of(judged, left)];
	if (best->judgement.verdict == JUDGE_backscatter) p->noted = REASON_backscatter;
	return field_of(j, best);
}

void inbound_judge_settled(struct inbound_judge *j, enum ledger_result result)
{
	/* What its own server refuses may be to somebody who is not there; what is put off comes again. */
	bool stays = j->refused || result == LEDGER_delivered || result == LEDGER_spooled;
	struct coverage_book *book = j->passage->visit->worker->relay->coverage;
	int64_t now = clock_unix();
	for (size_t i = 0; stays && i < j->count; i++) coverage_book_add(book, &j->counts[i], now);
}
