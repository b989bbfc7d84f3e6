/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/bounce_origin.h"

#include "auth/dmarc.h"
#include "auth/spf.h"

/* What fails softly is not wanted anywhere that heeds the domain's policy. */
static struct bounce_origin by_policy(struct arena *a, const struct orgdomain_source *s, struct slice domain)
{
	struct dmarc_discovery d;
	dmarc_discover(a, s, domain, &d);
	bool heeded = !d.milder && (d.policy == DMARC_POLICY_QUARANTINE || d.policy == DMARC_POLICY_REJECT);
	return (struct bounce_origin){.origin = !d.error && heeded ? ORIGIN_FOREIGN : ORIGIN_UNKNOWN,
	                              .unsure = d.error != ERR_OK};
}

struct bounce_origin bounce_origin(struct arena *a, const struct orgdomain_source *s, struct slice addressee,
                                   const struct ip *ip, int64_t now)
{
	struct spf_verdict spf;
	struct spf_query q = {.client = *ip,
	                      .sender = addressee,
	                      .helo = SLICE_EMPTY,
	                      .receiver = SLICE_EMPTY,
	                      .now = now,
	                      .deadline = s->deadline};
	spf_check(a, s->resolver, &q, &spf);
	switch (spf.result) {
	case AUTH_pass: return (struct bounce_origin){.origin = ORIGIN_OWN};
	case AUTH_fail: return (struct bounce_origin){.origin = ORIGIN_FOREIGN};
	case AUTH_softfail: return by_policy(a, s, spf.domain);
	case AUTH_temperror: return (struct bounce_origin){.unsure = true};
	default: return (struct bounce_origin){0};
	}
}
