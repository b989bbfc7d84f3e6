/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence - all that a message can say for itself: SPF, DKIM, ARC and DMARC in one pass, and what they prove together
 *
 * The one order in which the methods are run, for the relay and for the tool `auth`:
 *
 *     struct evidence_check c = {.header = header, .spf = &spf, .mail_from_domain = domain, .source = source, .now = now};
 *     struct evidence_run *run;
 *     if (evidence_begin(arena, &c, &run)) return 451;   // reads the header
 *     evidence_ask(run);                                 // in a fiber: keys and policy, all asked for at once
 *     while (more) evidence_body(run, piece);            // any thread, no waiting: may be offloaded
 *     evidence_end(run, &evidence);                      // in a fiber: signatures, alignment, proof; frees run
 *
 * Between begin and end one thread at a time uses the run and its arena: evidence_body() may be called from another thread, but not
 * while evidence_ask() waits. evidence_ask() comes before evidence_end(), before or after the body. Pure but for the resolver.
 */
#ifndef BACKSTOP_AUTH_EVIDENCE_H
#define BACKSTOP_AUTH_EVIDENCE_H

#include "auth/arc.h"
#include "auth/dkim.h"
#include "auth/dmarc.h"
#include "auth/proof.h"
#include "auth/spf.h"

struct evidence_check {
	struct slice header;            /* as in dkim.h; lives until evidence_end() */
	const struct spf_verdict *spf;  /* read by evidence_end(): may be filled in until then. NULL: SPF was not run */
	struct slice mail_from_domain;  /* canonical; empty: the null return path or a literal */
	bool tag;                       /* the return path bears a valid tag of ours */
	struct orgdomain_source source; /* resolver, suffix list, and the deadline for keys and records */
	int64_t now;                    /* Unix time */
};

struct evidence { /* everything in the arena, except spf, which is the caller's */
	const struct spf_verdict *spf;
	struct dkim_verdict dkim;
	struct arc_verdict arc;
	struct dmarc_verdict dmarc;
	struct slice from_domain; /* of the one author, canonical; empty: none or several */
	enum proof proof;         /* of the return path */
};

struct evidence_run;

/* ERR_OK, or ERR_NO_MEMORY (then *out is NULL). */
enum error evidence_begin(struct arena *a, const struct evidence_check *c, struct evidence_run **out);
/* True when a signature needs the body: else it may be skipped. */
bool evidence_needs_body(const struct evidence_run *run);
/* DKIM's and ARC's keys and DMARC's policy, each in a fiber of its own; outside a fiber one after the other. What is not had by the
 * deadline is a temperror of its method. */
void evidence_ask(struct evidence_run *run);
void evidence_body(struct evidence_run *run, struct slice piece);
/* May ask DNS once more, for the organisations of who signed. out NULL: abandons. */
void evidence_end(struct evidence_run *run, struct evidence *out);

#endif
