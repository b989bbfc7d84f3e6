/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dmarc_record - what a DMARC policy record says (RFC 9989 4.7 and 4.8, RFC 7489 6.3)
 *
 * "v=DMARC1; p=reject; sp=none; rua=mailto:reports@example.net". Unknown tags are ignored, a tag that comes again too, and a value
 * that is none of its tag's is as if the tag were absent; only for p=, sp= and np= the two editions want to know that a bad value was
 * there. Pure; linear in the length.
 */
#ifndef BACKSTOP_AUTH_DMARC_RECORD_H
#define BACKSTOP_AUTH_DMARC_RECORD_H

#include "base/slice.h"

enum dmarc_policy { DMARC_POLICY_ABSENT, DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
const char *dmarc_policy_text(enum dmarc_policy p); /* "none", "quarantine", "reject"; NULL for absent */

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };

struct dmarc_record {
	enum dmarc_policy p, sp, np;
	bool bad_p, bad_sp, bad_np;   /* the tag is there, with a value that is no policy */
	bool strict_dkim, strict_spf; /* adkim=s, aspf=s */
	bool testing;                 /* t=y */
	bool reports;                 /* rua= has a syntactically valid URI */
	enum dmarc_psd psd;           /* psd=y, psd=n */
	unsigned pct;                 /* 0 to 100 */
};

/* False: no DMARC record, since it does not begin with "v=DMARC1". */
bool dmarc_record_parse(struct slice text, struct dmarc_record *out);

enum dmarc_edition { DMARC_EDITION_9989, DMARC_EDITION_7489 };
/* Of whom the policy is asked: the domain that has the record, one below it, one below it that is not in DNS. */
enum dmarc_relation { DMARC_ITSELF, DMARC_SUBDOMAIN, DMARC_NO_SUCH_DOMAIN };
/* The policy that applies. ABSENT: the record is to be treated as if there were no DMARC. */
enum dmarc_policy dmarc_record_policy(const struct dmarc_record *r, enum dmarc_edition edition,
                                      enum dmarc_relation relation);
/* The domain owner asks for one step less than the policy says. */
bool dmarc_record_milder(const struct dmarc_record *r, enum dmarc_edition edition);

#endif
