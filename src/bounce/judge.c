/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/judge.h"

#define DETAIL_MOST 120 /* octets of what a witness saw */

const char *judge_text(enum judge_verdict v)
{
	static const char *const texts[] = {
#define X(name) [JUDGE_##name] = #name,
		JUDGE_TABLE(X)
#undef X
	};
	return (unsigned)v < JUDGE_COUNT ? texts[v] : "unknown";
}

static void settle(struct judgement *out, enum judge_verdict verdict, const char *why)
{
	*out = (struct judgement){.verdict = verdict, .why = why};
}

static bool says(const struct provenance *p, enum witness_name w, enum testimony t)
{
	return p->witnesses[w].says == t;
}

static bool anybody(const struct provenance *p, enum testimony t)
{
	for (int i = 0; i < WITNESS_COUNT; i++)
		if (p->witnesses[i].says == t) return true;
	return false;
}

/* ---- inbound --------------------------------------------------------------------------------------------------- */

/* A header that was signed by us may be shown to somebody who did not send it, by whoever got the message. */
static bool signature_convinces(const struct provenance *p)
{
	return says(p, WITNESS_dkim, SPEAKS_FOR) && !says(p, WITNESS_ledger, SPEAKS_AGAINST) &&
	       !says(p, WITNESS_received, SPEAKS_AGAINST);
}

static bool memory_convinces(const struct provenance *p)
{
	if (!p->header || anybody(p, SPEAKS_AGAINST)) return false;
	if (says(p, WITNESS_received, SPEAKS_FOR)) return true;
	return says(p, WITNESS_ledger, SPEAKS_FOR) && !p->signs_all && !p->hop_gone;
}

/* Why silence is not to be held against a report; NULL: it is. */
static const char *why_unknown(const struct provenance *p, bool covered)
{
	if (anybody(p, SPEAKS_FOR))
		return anybody(p, SPEAKS_AGAINST) ? "the witnesses contradict each other"
		                                  : "what speaks for it could have been copied";
	if (p->doubt) return p->doubt;
	if (p->origin == ORIGIN_OWN) return "a server that the tenant lets send handed over the original";
	if (!p->header && !says(p, WITNESS_tag, SPEAKS_AGAINST)) return "no header of the original came back";
	if (!anybody(p, SPEAKS_AGAINST) && !p->would_know)
		return "too little of the original came back for a witness to know it";
	if (!covered) return "no witness speaks for it, but not all that the tenant sends has one";
	return NULL;
}

void judge_inbound(const struct provenance *p, bool covered, struct judgement *out)
{
	if (says(p, WITNESS_tag, SPEAKS_FOR))
		return settle(out, JUDGE_genuine, "it came to an address with a good tag");
	if (signature_convinces(p)) return settle(out, JUDGE_genuine, "it returns a header that we signed");
	if (memory_convinces(p)) return settle(out, JUDGE_genuine, "it returns the header of a message that we sent");
	const char *why = why_unknown(p, covered);
	if (why)
		settle(out, JUDGE_unknown, why);
	else
		settle(out, JUDGE_backscatter, "the addressee did not send what it is about");
}

enum coverage_case judge_case(const struct provenance *p, const struct judgement *j)
{
	if (j->verdict == JUDGE_genuine)
		return says(p, WITNESS_tag, SPEAKS_FOR) || signature_convinces(p) ? COVERAGE_STRONG : COVERAGE_WEAK;
	if (p->origin == ORIGIN_FOREIGN) return COVERAGE_NOT_COUNTED;
	/* Too little came back for more than a name that is known: that is no silence. */
	if (anybody(p, SPEAKS_FOR) && !anybody(p, SPEAKS_AGAINST) && !p->hop_gone) return COVERAGE_NOT_COUNTED;
	return p->header ? COVERAGE_UNCONFIRMED : COVERAGE_NOT_COUNTED;
}

/* ---- outbound -------------------------------------------------------------------------------------------------- */

void judge_outbound(const struct provenance *p, struct judgement *out)
{
	if (anybody(p, SPEAKS_AGAINST))
		settle(out, JUDGE_backscatter, "what it answers did not prove to be from its addressee");
	else if (anybody(p, SPEAKS_FOR) && p->hop_gone)
		settle(out, JUDGE_unknown, "what it answers has a known name, but did not come through us");
	else if (anybody(p, SPEAKS_FOR))
		settle(out, JUDGE_genuine, "what it answers proved to be from its addressee");
	else
		settle(out, JUDGE_unknown, "what it answers is not known");
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

/* What came from outside stays within its parentheses and on one line. */
static struct slice clean(struct arena *a, struct slice text)
{
	struct slice out = arena_copy(a, slice_sub(text, 0, DETAIL_MOST));
	for (size_t i = 0; out.p && i < out.n; i++) {
		unsigned char c = (unsigned char)out.p[i];
		if (c < ' ' || c > 126 || c == '(' || c == ')' || c == '\\') ((char *)out.p)[i] = '?';
	}
	return out;
}

struct slice judge_testimony(struct arena *a, const struct provenance *p, enum witness_name name)
{
	const struct witness *w = &p->witnesses[name];
	if (!w->why) return SLICE_EMPTY;
	struct slice detail = clean(a, w->detail);
	if (!detail.p) return detail;
	return arena_printf(a, "%s=%s (%s%s%.*s)", witness_text(name), testimony_text(w->says), w->why,
	                    detail.n ? ": " : "", SLICE_ARG(detail));
}

struct slice judge_evidence(struct arena *a, const struct provenance *p)
{
	struct slice text = SLICE_EMPTY;
	for (int i = 0; text.p && i < WITNESS_COUNT; i++) {
		struct slice one = judge_testimony(a, p, (enum witness_name)i);
		if (!one.p) return one;
		if (one.n) text = arena_printf(a, "%.*s%s%.*s", SLICE_ARG(text), text.n ? "; " : "", SLICE_ARG(one));
	}
	return text;
}
