/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/evidence.h"

struct evidence_run {
	struct arena *arena;
	struct evidence_check check;
	struct dkim_verifier *dkim;
	struct arc_verifier *arc;
	struct slice from_domain;
	enum error author; /* why from_domain is empty */
	struct dmarc_discovery policy;
};

/* ---- begin ---------------------------------------------------------------------------------------------------------------- */

enum error evidence_begin(struct arena *a, const struct evidence_check *c, struct evidence_run **out)
{
	struct evidence_run *run = ARENA_NEW(a, struct evidence_run);
	const struct dkim_options options = {.now = c->now};
	*out = NULL;
	if (!run) return ERR_NO_MEMORY;
	run->arena = a;
	run->check = *c;
	run->policy.error = ERR_DNS_TEMPORARY; /* until it is asked for */
	run->author = dmarc_author_domain(a, c->header, &run->from_domain);
	enum error e = run->author == ERR_NO_MEMORY ? run->author : ERR_OK;
	if (!e) e = dkim_verify_begin(a, c->header, &options, &run->dkim);
	if (!e) e = arc_verify_begin(a, c->header, c->now, &run->arc);
	if (!e)
		*out = run;
	else if (run->dkim)
		dkim_verify_end(run->dkim, NULL);
	return e;
}

bool evidence_needs_body(const struct evidence_run *run)
{
	return dkim_verify_count(run->dkim) > 0 || arc_verify_count(run->arc) > 0;
}

/* ---- questions -------------------------------------------------------------------------------------------------------------- */

static void ask_dkim(void *arg)
{
	struct evidence_run *run = arg;
	dkim_verify_keys(run->dkim, run->check.source.resolver, run->check.source.deadline);
}

static void ask_arc(void *arg)
{
	struct evidence_run *run = arg;
	arc_verify_keys(run->arc, run->check.source.resolver, run->check.source.deadline);
}

static void ask_policy(struct evidence_run *run)
{
	dmarc_discover(run->arena, &run->check.source, run->from_domain, &run->policy);
}

/* In a fiber of its own where that can be had and has something to ask; else at once. True: it was started. */
static bool start(struct scope *scope, bool asks, void (*ask)(void *), struct evidence_run *run)
{
	if (asks && fiber_current() && scope_spawn(scope, "evidence", ask, run) == ERR_OK) return true;
	ask(run);
	return false;
}

void evidence_ask(struct evidence_run *run)
{
	struct scope scope;
	scope_init(&scope);
	bool dkim = start(&scope, dkim_verify_count(run->dkim) > 0, ask_dkim, run);
	bool arc = start(&scope, arc_verify_count(run->arc) > 0, ask_arc, run);
	ask_policy(run);
	/* Each question has the deadline itself; the fibers use our arena and must be gone before we are. */
	if (dkim || arc) scope_join(&scope, INT64_MAX);
}

void evidence_body(struct evidence_run *run, struct slice piece)
{
	dkim_verify_body(run->dkim, piece);
	arc_verify_body(run->arc, piece);
}

/* ---- the end ---------------------------------------------------------------------------------------------------------------- */

static enum error evaluate(struct evidence_run *run, struct evidence *out)
{
	const struct spf_verdict *spf = run->check.spf;
	struct dmarc_identifier envelope = {.result = AUTH_none};
	struct dmarc_identifier *signatures = arena_alloc(run->arena, (out->dkim.count + 1) * sizeof *signatures);
	struct dmarc_query q = {.from = run->from_domain, .spf = &envelope, .dkim = signatures};
	if (!signatures) return ERR_NO_MEMORY;
	if (spf && spf->domain.n > 0) {
		envelope = (struct dmarc_identifier){.result = spf->result, .domain = spf->domain};
		q.spf_count = 1;
	}
	for (; q.dkim_count < out->dkim.count; q.dkim_count++) {
		const struct dkim_signature *s = &out->dkim.signatures[q.dkim_count];
		signatures[q.dkim_count] = (struct dmarc_identifier){.result = s->result, .domain = s->domain};
	}
	dmarc_evaluate(run->arena, &run->check.source, &run->policy, &q, &out->dmarc);
	return ERR_OK;
}

static void judge(struct evidence_run *run, struct evidence *out)
{
	if (run->author == ERR_INVALID) {
		/* RFC 9989 5.3.1: several authors, or none that can be told. Nobody can vouch for them. */
		out->dmarc = (struct dmarc_verdict){.result = AUTH_permerror,
		                                    .disposition = DMARC_POLICY_NONE,
		                                    .org_domain = SLICE_EMPTY,
		                                    .policy_domain = SLICE_EMPTY,
		                                    .problem = "the author is not one domain"};
	} else if (evaluate(run, out)) {
		out->dmarc = (struct dmarc_verdict){.result = AUTH_temperror,
		                                    .disposition = DMARC_POLICY_NONE,
		                                    .org_domain = SLICE_EMPTY,
		                                    .policy_domain = SLICE_EMPTY,
		                                    .problem = "out of memory"};
	}
	const struct proof_facts facts = {.mail_from_domain = run->check.mail_from_domain,
	                                  .tag = run->check.tag,
	                                  .spf = run->check.spf,
	                                  .dkim = &out->dkim,
	                                  .dmarc = &out->dmarc,
	                                  .from_domain = run->from_domain};
	out->proof = proof_find(run->arena, &run->check.source, &facts);
}

void evidence_end(struct evidence_run *run, struct evidence *out)
{
	if (out) *out = (struct evidence){.spf = run->check.spf, .from_domain = run->from_domain};
	dkim_verify_end(run->dkim, out ? &out->dkim : NULL);
	arc_verify_end(run->arc, out ? &out->arc : NULL);
	if (out) judge(run, out);
}
