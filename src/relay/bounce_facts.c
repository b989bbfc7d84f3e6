/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/bounce_facts.h"

#include "mail/address.h"

static enum batv_verdict tag_of(struct arena *a, const struct bounce_case *c, struct slice *untagged)
{
	size_t count;
	const struct batv_key *keys = keyring_batv_keys(c->keys, c->tenant->id, c->now, &count);
	enum batv_verdict v =
		batv_verify_within(a, c->addressed, keys, count, c->tenant->plus, c->now, BATV_DAYS + 1, untagged);
	if (v == BATV_FORGED && (!c->null_path || c->tenant->tags == TENANT_TAGS_OFF)) v = BATV_UNTAGGED;
	if (v == BATV_EXPIRED && c->tenant->tags == TENANT_TAGS_OFF) v = BATV_UNTAGGED;
	if (v == BATV_UNTAGGED && untagged->p) *untagged = c->addressed;
	return v;
}

static bool tags_all(const struct bounce_case *c, struct slice local, struct slice domain)
{
	const struct tenant *t = c->tenant;
	if (c->class != CLASS_NDR || t->tags == TENANT_TAGS_OFF) return false;
	if (tenant_tag_check(t, local, domain, c->now) != TENANT_CHECK_REFUSE) return false;
	return c->now - t->tags_since >= TENANT_LEARNING_S + BOUNCE_FACTS_AGE;
}

static bool signs_all(const struct bounce_case *c, struct slice domain)
{
	const struct tenant *t = c->tenant;
	int64_t since = keyring_dkim_since(c->keys, t->id, domain, c->now);
	return t->sign && since <= c->now - BOUNCE_FACTS_AGE && t->sign_since <= c->now - BOUNCE_FACTS_AGE;
}

bool bounce_facts(struct arena *a, const struct bounce_case *c, struct provenance_facts *out)
{
	struct address address;
	*out = (struct provenance_facts){.direction = PROVENANCE_INBOUND,
	                                 .tenant = c->tenant->id,
	                                 .addressed = c->addressed,
	                                 .now = c->now};
	out->tag = tag_of(a, c, &out->addressee);
	if (!out->addressee.p) return false;
	out->keys = keyring_dkim_records(c->keys, c->tenant->id, &out->key_count);
	if (address_parse(a, out->addressee, true, &address) || address.literal) return !arena_exhausted(a);
	struct slice domain = domain_canonical(a, address.domain);
	if (!domain.p) return !arena_exhausted(a);
	out->tags_all = tags_all(c, address.local, domain);
	out->signs_all = signs_all(c, domain);
	out->elsewhere = tenant_tag_exempt(c->tenant, address.local, domain);
	return true;
}
