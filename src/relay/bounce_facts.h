/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounce_facts - what a tenant's own mail bears, so that a bounce to it can be judged
 *
 * Fills in what bounce/provenance.h must know of an inbound bounce, auto-reply or challenge: the tag of its address, the
 * tenant's DKIM keys, and whether the absence of either says something:
 *
 *   tags_all   all that this address sends has had a tag for as long as an original may be old (PROVENANCE_DAYS), after the
 *              time of learning; and it is a delivery report: automatic replies go to the author as often as to the return
 *              path, which alone has the tag.
 *   signs_all  all that the tenant sends from this domain has been signed for that long, by one key or another.
 *   elsewhere  the address is one of the tenant's exceptions, which also send by other ways: not to be judged by silence.
 *
 * A forged tag counts only from the null return path and where the tenant has tags: its server, or a sender's, may use
 * the like. Where tags have been turned off a good one still proves.
 *
 * Pure but for the key ring, a snapshot. Ledger, host names and origin are the caller's.
 *
 *     struct bounce_case c = {.tenant = t, .keys = ring, .addressed = recipient, .null_path = true, .class = CLASS_NDR, .now = now};
 *     struct provenance_facts facts;
 *     if (!bounce_facts(arena, &c, &facts)) return ERR_NO_MEMORY;
 *     facts.ledger = remembered_ledger(&m);
 */
#ifndef BACKSTOP_RELAY_BOUNCE_FACTS_H
#define BACKSTOP_RELAY_BOUNCE_FACTS_H

#include "bounce/class.h"
#include "relay/keyring.h"
#include "store/tenants.h"

#define BOUNCE_FACTS_AGE (PROVENANCE_DAYS * INT64_C(86400)) /* how old an original may be, seconds */

struct bounce_case {
	const struct tenant *tenant;
	const struct keyring *keys;
	struct slice addressed; /* the recipient, as in the envelope */
	bool null_path;         /* it comes from <> */
	enum bounce_class class;
	int64_t now; /* Unix time */
};

/* False: no memory. */
bool bounce_facts(struct arena *a, const struct bounce_case *c, struct provenance_facts *out);

#endif
