/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/dmarc.h"

#include "auth/treewalk.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/mailbox.h"

/* ---- discovery: what does DNS say of the author's domain? ---------------------------------------------------------------- */

/* RFC 9989 3.2 after RFC 8020: a name does not exist when DNS says NXDOMAIN, of whatever type. Servers that say so of names that have
 * records of other types do exist, so that it has to be said of all that mail uses. */
static enum error domain_exists(const struct orgdomain_source *s, const char *domain, bool *exists)
{
	static const enum dns_type types[] = {DNS_A, DNS_MX, DNS_AAAA};
	*exists = false;
	for (size_t i = 0; i < sizeof types / sizeof *types && !*exists; i++) {
		struct dns_answer *answer;
		enum error e = resolver_query(s->resolver, domain, types[i], s->deadline, &answer);
		dns_answer_free(answer);
		if (e == ERR_OK || e == ERR_DNS_NODATA) *exists = true;
		if (e && e != ERR_DNS_NODATA && e != ERR_DNS_NXDOMAIN)
			return e == ERR_CANCELLED ? e : ERR_DNS_TEMPORARY;
	}
	return ERR_OK;
}

/* The policy of a record that is the domain's own or one of a domain above it. */
static void apply(struct arena *a, const struct orgdomain_source *s, const struct dmarc_record *r, struct slice at,
                  struct dmarc_discovery *out)
{
	enum dmarc_edition edition = s->suffixes ? DMARC_EDITION_7489 : DMARC_EDITION_9989;
	enum dmarc_relation relation = at.n == out->from.n ? DMARC_ITSELF : DMARC_SUBDOMAIN;
	enum dmarc_policy below = dmarc_record_policy(r, edition, DMARC_SUBDOMAIN);
	if (relation == DMARC_SUBDOMAIN && below != dmarc_record_policy(r, edition, DMARC_NO_SUCH_DOMAIN)) {
		const char *name = arena_strdup(a, out->from);
		bool exists = true;
		out->exists_error = name ? domain_exists(s, name, &exists) : ERR_NO_MEMORY;
		if (!out->exists_error && !exists) relation = DMARC_NO_SUCH_DOMAIN;
	}
	out->policy = dmarc_record_policy(r, edition, relation);
	if (out->policy == DMARC_POLICY_ABSENT) {
		out->problem = "the policy record has no valid policy, and no address for reports";
		return;
	}
	out->policy_domain = at;
	out->milder = dmarc_record_milder(r, edition);
	out->strict_spf = r->strict_spf;
	out->strict_dkim = r->strict_dkim;
}

/* RFC 9989 4.10.1: the record of the domain, else of its organisation, else of the public suffix above that. */
static void discover_by_walk(struct arena *a, const struct orgdomain_source *s, struct dmarc_discovery *out)
{
	struct tree_walk walk;
	const struct tree_walk_step *use = NULL;
	enum error e = tree_walk(a, s, out->from, &walk);
	if (walk.count > 0 && walk.found[0].domain.n == out->from.n) use = &walk.found[0];
	out->error = use ? ERR_OK : e;
	out->org_error = e;
	out->org_domain = walk.org_domain;
	if (out->error) return;
	for (size_t i = 0; i < walk.count && !use; i++)
		if (slice_equal(walk.found[i].domain, walk.org_domain)) use = &walk.found[i];
	for (size_t i = 0; i < walk.count && !use; i++)
		if (walk.found[i].record.psd == DMARC_PSD_YES) use = &walk.found[i];
	if (use) apply(a, s, &use->record, use->domain, out);
}

/* RFC 7489 6.6.3 */
static void discover_by_suffix_list(struct arena *a, const struct orgdomain_source *s, struct dmarc_discovery *out)
{
	struct dmarc_record r;
	struct slice at = out->from;
	bool several;
	out->error = out->org_error = orgdomain_find(a, s, out->from, &out->org_domain);
	if (!out->error) out->error = dmarc_record_fetch(a, s, at, &r, &several);
	if (out->error == ERR_NOT_FOUND && !several && out->org_domain.n < at.n) {
		at = out->org_domain;
		out->error = dmarc_record_fetch(a, s, at, &r, &several);
	}
	if (out->error == ERR_OK) apply(a, s, &r, at, out);
	if (out->error != ERR_NOT_FOUND) return;
	out->error = ERR_OK;
	if (several) out->problem = "several policy records"; /* step 5: DMARC is not applied */
}

void dmarc_discover(struct arena *a, const struct orgdomain_source *s, struct slice from, struct dmarc_discovery *out)
{
	*out = (struct dmarc_discovery){.from = SLICE_EMPTY,
	                                .org_domain = SLICE_EMPTY,
	                                .policy_domain = SLICE_EMPTY,
	                                .org_error = ERR_NOT_FOUND};
	struct slice canonical = from.n > 0 ? domain_canonical(a, from) : SLICE_EMPTY;
	if (!canonical.p && arena_exhausted(a)) out->error = ERR_NO_MEMORY;
	if (!canonical.p || canonical.n == 0) {
		out->problem = "no author's domain";
		return;
	}
	out->from = canonical;
	if (s->suffixes)
		discover_by_suffix_list(a, s, out);
	else
		discover_by_walk(a, s, out);
	if (out->error) out->problem = "the policy record could not be looked up";
}

/* ---- evaluation: what do the results make of it? --------------------------------------------------------------------------- */

/* Is an identifier aligned with the author's domain (RFC 9989 4.10.2)? An error: not known. */
static enum error aligned(struct arena *a, const struct orgdomain_source *s, const struct dmarc_discovery *d,
                          struct slice domain, bool strict, bool *out)
{
	struct slice org;
	*out = slice_equal(domain, d->from);
	if (*out || strict) return ERR_OK;
	if (d->org_error) return d->org_error;
	/* The organisation of a domain is an end of it: most strangers are told apart without a question. */
	if (!domain_within(domain, d->org_domain)) return ERR_OK;
	enum error e = orgdomain_find(a, s, domain, &org);
	*out = !e && slice_equal(org, d->org_domain);
	return e;
}

/* True when one of the identifiers passes and is aligned. *unknown: one would be, if DNS had answered. */
static bool any_aligned(struct arena *a, const struct orgdomain_source *s, const struct dmarc_discovery *d,
                        const struct dmarc_identifier *list, size_t count, bool strict, bool *unknown)
{
	bool pass = false;
	for (size_t i = 0; i < count && !pass; i++) {
		bool is = false, temporary = list[i].result == AUTH_temperror;
		if (list[i].result != AUTH_pass && !temporary) continue;
		struct slice domain = domain_canonical(a, list[i].domain);
		enum error e = domain.p ? aligned(a, s, d, domain, strict, &is) : ERR_OK;
		if (e || (is && temporary)) *unknown = true;
		pass = is && !temporary;
	}
	return pass;
}

static enum dmarc_policy asked_for(const struct dmarc_discovery *d)
{
	return d->milder && d->policy > DMARC_POLICY_NONE ? d->policy - 1 : d->policy;
}

void dmarc_evaluate(struct arena *a, const struct orgdomain_source *s, const struct dmarc_discovery *d,
                    const struct dmarc_query *q, struct dmarc_verdict *out)
{
	bool unknown = d->exists_error != ERR_OK;
	*out = (struct dmarc_verdict){.result = AUTH_none,
	                              .policy = d->policy,
	                              .disposition = DMARC_POLICY_NONE,
	                              .org_domain = d->org_domain,
	                              .policy_domain = d->policy_domain,
	                              .problem = d->problem};
	if (d->error) {
		out->result = AUTH_temperror;
		return;
	}
	if (d->policy == DMARC_POLICY_ABSENT) return;
	out->dkim_aligned = any_aligned(a, s, d, q->dkim, q->dkim_count, d->strict_dkim, &unknown);
	out->spf_aligned = any_aligned(a, s, d, q->spf, q->spf_count, d->strict_spf, &unknown);
	if (out->dkim_aligned || out->spf_aligned) {
		out->result = AUTH_pass;
	} else if (unknown) {
		/* RFC 9989 5.3.6: with a question open it is neither pass nor fail, and the policy does not apply. */
		out->result = AUTH_temperror;
		out->problem = "an answer of DNS is missing";
	} else {
		out->result = AUTH_fail;
		out->disposition = asked_for(d);
	}
}

void dmarc_check(struct arena *a, const struct orgdomain_source *s, const struct dmarc_query *q,
                 struct dmarc_verdict *out)
{
	struct dmarc_discovery d;
	dmarc_discover(a, s, q->from, &d);
	dmarc_evaluate(a, s, &d, q, out);
}

/* ---- the author ------------------------------------------------------------------------------------------------------------------ */

/* The domain that all authors of a From field have in common. */
static enum error common_domain(struct arena *a, struct slice value, struct slice *out)
{
	struct mailbox_reader r;
	struct mailbox m;
	bool any = false;
	mailbox_begin(&r, a, value);
	while (mailbox_next(&r, &m)) {
		struct slice domain = m.literal ? (struct slice){NULL, 0} : domain_canonical(a, m.domain);
		if (!domain.p) return arena_exhausted(a) ? ERR_NO_MEMORY : ERR_INVALID;
		if (any && !slice_equal(domain, *out)) return ERR_INVALID;
		*out = domain;
		any = true;
	}
	if (r.error == MAILBOX_NO_MEMORY) return ERR_NO_MEMORY;
	if (r.error) return ERR_INVALID;
	return any ? ERR_OK : ERR_NOT_FOUND;
}

enum error dmarc_author_domain(struct arena *a, struct slice header, struct slice *out)
{
	struct header_iterator it;
	struct header_field f;
	struct slice value = {NULL, 0}, domain = SLICE_EMPTY;
	*out = SLICE_EMPTY;
	for (header_begin(&it, header); header_next(&it, &f);) {
		if (!header_is(&f, "From")) continue;
		if (value.p) return ERR_INVALID; /* RFC 9989 4.4: nobody can tell which of them the reader is shown */
		value = f.value;
	}
	if (!value.p) return ERR_NOT_FOUND;
	enum error e = common_domain(a, value, &domain);
	if (!e) *out = domain;
	return e;
}
