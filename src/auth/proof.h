/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof - did the return path prove that it sent this message?
 *
 * The one rule on which all answers rest: a bounce may go only to an address that is verified here. In order of
 * cheapness: our own valid tag in it; SPF pass on MAIL FROM; a DKIM pass aligned (relaxed) with the MAIL FROM domain; DMARC pass where
 * the author's domain and the MAIL FROM domain are of one organisation. The null return path is never verified: there is nobody to be told.
 */
#ifndef BACKSTOP_AUTH_PROOF_H
#define BACKSTOP_AUTH_PROOF_H

#include "auth/dkim.h"
#include "auth/dmarc.h"
#include "auth/spf.h"

/* X(name, text) */
#define PROOF_TABLE(X)                                                                                                 \
	X(none, "none")                                                                                                \
	X(source, "source")                                                                                            \
	X(tag, "tag")                                                                                                  \
	X(spf, "spf")                                                                                                  \
	X(dkim, "dkim")                                                                                                \
	X(dmarc, "dmarc")

/* none: not verified; source: a tenant's own client, certificate or password */
enum proof {
#define X(name, text) PROOF_##name,
	PROOF_TABLE(X)
#undef X
		PROOF_COUNT
};
const char *proof_text(enum proof p);

struct proof_facts {
	struct slice mail_from_domain;     /* canonical; empty: the null return path or a literal */
	bool tag;                          /* the return path bears a valid tag of ours */
	const struct spf_verdict *spf;     /* NULL: not run (yet) */
	const struct dkim_verdict *dkim;   /* NULL: not run (yet) */
	const struct dmarc_verdict *dmarc; /* NULL: not run (yet) */
	struct slice from_domain;          /* author's; empty: none */
};

/* May ask DNS for organisational domains. When that fails the witness does not count. */
enum proof proof_find(struct arena *a, const struct orgdomain_source *s, const struct proof_facts *f);

#endif
