/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/proof.h"

static const char *const texts[] = {
#define X(name, text) [PROOF_##name] = text,
	PROOF_TABLE(X)
#undef X
};

const char *proof_text(enum proof p)
{
	return p < PROOF_COUNT ? texts[p] : "none";
}

/* SPF speaks for the return path only when the return path was asked about: a name in HELO is somebody else's word. A domain that
 * lists all the world ("+all") passes too: its owner says that anybody may write in its name, and gets the answers. */
static bool spf_proves(const struct proof_facts *f)
{
	return f->spf && f->spf->result == AUTH_pass && !f->spf->helo &&
	       slice_equal_nocase(f->spf->domain, f->mail_from_domain);
}

/* A signature that leaves the end of the body unsigned (l=) can be taken from one message and put on any other that begins like it, with
 * l=0 on any at all. It shows that its domain once wrote something, not that it wrote this. A key under test (t=y) counts: RFC 6376
 * 3.6.1 spares its domain the blame for a bad signature, but a good one was made by who holds the key. */
static bool signature_counts(const struct dkim_signature *s)
{
	return s->result == AUTH_pass && !s->partial;
}

/* A whole signature of the organisation of this domain. Two domains have one organisation or not: what DNS does not tell does not count. */
static bool signed_by(struct arena *a, const struct orgdomain_source *s, const struct dkim_verdict *v,
                      struct slice domain)
{
	for (size_t i = 0; v && i < v->count; i++) {
		bool same;
		if (!signature_counts(&v->signatures[i])) continue;
		if (orgdomain_same(a, s, v->signatures[i].domain, domain, &same) == ERR_OK && same) return true;
	}
	return false;
}

/* DMARC vouches for the author's domain, which has to be of the return path's organisation. What it rests on has to be good enough for us:
 * SPF of the return path, or a whole signature. */
static bool dmarc_proves(struct arena *a, const struct orgdomain_source *s, const struct proof_facts *f)
{
	bool same;
	if (!f->dmarc || f->dmarc->result != AUTH_pass || f->from_domain.n == 0) return false;
	if (orgdomain_same(a, s, f->from_domain, f->mail_from_domain, &same) != ERR_OK || !same) return false;
	if (f->dmarc->spf_aligned && spf_proves(f)) return true;
	return f->dmarc->dkim_aligned && signed_by(a, s, f->dkim, f->from_domain);
}

enum proof proof_find(struct arena *a, const struct orgdomain_source *s, const struct proof_facts *f)
{
	if (f->mail_from_domain.n == 0)
		return PROOF_none; /* nobody to be told: not even our own tag makes a return path of it */
	if (f->tag) return PROOF_tag;
	if (spf_proves(f)) return PROOF_spf;
	if (signed_by(a, s, f->dkim, f->mail_from_domain)) return PROOF_dkim;
	return dmarc_proves(a, s, f) ? PROOF_dmarc : PROOF_none;
}
