/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - genuine, unknown or backscatter: what the witnesses of provenance.h amount to
 *
 * Inbound, a report to a tenant about mail that is said to be from it:
 *
 *   genuine      the tag speaks for it; or our signature does and the ledger does not know that somebody else sent it;
 *                or a weak witness does, a header came back, and nobody speaks against it. Where the tenant signs all
 *                that it sends, or a header came back whole, that has to be our Received field: the Message-ID alone may
 *                be copied from the archive of a list
 *   backscatter  nobody speaks for it, though somebody would: the tenant's coverage is complete, a header came
 *                back (or the address itself speaks against), it either lacks what all that the tenant sends has, or
 *                names a message that the ledger would know, and nothing raises a doubt
 *   unknown      else; also when witnesses contradict each other
 *
 * Outbound, a report of a tenant's server about mail that came in:
 *
 *   backscatter  a message that did not prove to be from the addressee is, or may be, what it answers
 *   genuine      what it answers is known, and proved it
 *   unknown      it is joined with nothing; or by its Message-ID alone, and a header came back whole without our Received
 *                field: what is answered came by another way
 *
 * Invariants (judge_test.c): never genuine without a witness that speaks for it; never backscatter without a join
 * that speaks against it or complete coverage, nor from what could bear no witness. Pure.
 *
 *     judge_inbound(&provenance, coverage_complete(&coverage, true, now), &j);
 *     log_str("verdict", judge_text(j.verdict));
 *     log_slice("evidence", judge_evidence(arena, &provenance, &j));
 */
#ifndef BACKSTOP_BOUNCE_JUDGE_H
#define BACKSTOP_BOUNCE_JUDGE_H

#include "bounce/coverage.h"
#include "bounce/provenance.h"

/* X(name) */
#define JUDGE_TABLE(X) X(unknown) X(genuine) X(backscatter)
enum judge_verdict {
#define X(name) JUDGE_##name,
	JUDGE_TABLE(X)
#undef X
		JUDGE_COUNT
};
const char *judge_text(enum judge_verdict v); /* "unknown" */

struct judgement {
	enum judge_verdict verdict;
	const char *why; /* static text, one clause in plain words */
};

void judge_inbound(const struct provenance *p, bool covered, struct judgement *out);
void judge_outbound(const struct provenance *p, struct judgement *out);
/* How an inbound report that is ordinary counts for the tenant's coverage. The caller leaves out what came while a
 * forged campaign lasts. Not counted besides: what returned no header and had no tag; what the tenant's SPF shows as
 * sent by others; and a few fields with a Message-ID that we know, from a server that
 * returns no more. */
enum coverage_case judge_case(const struct provenance *p, const struct judgement *j);

/* "tag=silent (the address has no tag); dkim=for (the header bears our signature: s1._domainkey.example.net); ...":
 * all that were asked, for log and header; printable ASCII, one line. {NULL, 0}: no memory. */
struct slice judge_evidence(struct arena *a, const struct provenance *p);
/* One of them: "tag=silent (the address has no tag)". Empty: it was not asked. {NULL, 0}: no memory. */
struct slice judge_testimony(struct arena *a, const struct provenance *p, enum witness_name w);

#endif
