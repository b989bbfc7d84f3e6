/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dmarc - does the author's domain vouch for the message, and what does it ask for if not? (RFC 9989; RFC 7489 with a suffix list)
 *
 * Works on the results of SPF and DKIM, and asks DNS for the policy record and, without a suffix list, for the tree walk.
 */
#ifndef BACKSTOP_AUTH_DMARC_H
#define BACKSTOP_AUTH_DMARC_H

#include "auth/dmarc_record.h"
#include "auth/orgdomain.h"
#include "auth/result.h"

struct dmarc_identifier { /* one result of SPF or DKIM */
	enum auth_result result;
	struct slice domain; /* SPF: of MAIL FROM (or HELO for <>); DKIM: d= */
};

struct dmarc_query {
	struct slice from; /* domain of the one author address */
	const struct dmarc_identifier *spf, *dkim;
	size_t spf_count, dkim_count;
};

struct dmarc_verdict {
	enum auth_result result;  /* none: no policy; pass fail temperror permerror */
	enum dmarc_policy policy; /* that applies: p=, sp= or np= */
	enum dmarc_policy
		disposition; /* what is asked for of this message: NONE when it passes, or in testing (t=y, pct=0) one step
	                                  milder; see dmarc.c for the RFC's words */
	struct slice org_domain;        /* of from; in the arena */
	struct slice policy_domain;     /* where the record was found; empty: none */
	bool spf_aligned, dkim_aligned; /* an aligned pass of it was seen */
	const char *problem;            /* static text; NULL: none */
};

/* The two halves of dmarc_check(), for who wants the policy while SPF and DKIM are still at work: what DNS says of the author's
 * domain, and what that makes of the results. */
struct dmarc_discovery {
	struct slice from;            /* canonical; empty: no domain */
	struct slice org_domain;      /* empty: not known, see org_error */
	struct slice policy_domain;   /* empty: no record */
	enum dmarc_policy policy;     /* that applies; ABSENT: none was found */
	bool milder;                  /* t=y, or pct=0: what is asked for is one step less */
	bool strict_spf, strict_dkim; /* aspf=s, adkim=s */
	enum error error;             /* the record could not be looked up: nothing else is known */
	enum error org_error;         /* the record was had, the organisation not */
	enum error exists_error;      /* whether the domain exists, on which sp= or np= hangs, could not be told */
	const char *problem;          /* static text; NULL: none */
};
void dmarc_discover(struct arena *a, const struct orgdomain_source *s, struct slice from, struct dmarc_discovery *out);
void dmarc_evaluate(struct arena *a, const struct orgdomain_source *s, const struct dmarc_discovery *d,
                    const struct dmarc_query *q, struct dmarc_verdict *out);

void dmarc_check(struct arena *a, const struct orgdomain_source *s, const struct dmarc_query *q,
                 struct dmarc_verdict *out);

/* The domain of the one author: of the only address in the only From field. ERR_OK with *out canonical in the arena; ERR_NOT_FOUND
 * no From field or no address; ERR_INVALID several fields, several authors of different domains, or no domain. */
enum error dmarc_author_domain(struct arena *a, struct slice header, struct slice *out);

#endif
