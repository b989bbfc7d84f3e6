/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness_dkim - our own signature over the returned header
 *
 * A header that is whole and has no signature of ours, from a tenant whose every message has one, speaks against. A
 * signature of ours that does not verify does so too where the header is whole: but servers on the way change
 * headers, so that is a doubt as well, and nothing is refused for it.
 */
#include "auth/dkim.h"
#include "bounce/witness.h"

static bool find_key(void *arg, struct slice domain, struct slice selector, struct slice *record)
{
	const struct provenance_facts *f = arg;
	for (size_t i = 0; i < f->key_count; i++) {
		const struct provenance_key *k = &f->keys[i];
		if (!slice_equal_nocase(k->selector, selector) || !slice_equal_nocase(k->domain, domain)) continue;
		*record = k->record;
		return true;
	}
	return false;
}

/* The best of our signatures: one that passes, else any. */
static const struct dkim_signature *best(const struct provenance_facts *f, const struct dkim_verdict *v)
{
	const struct dkim_signature *found = NULL;
	struct slice record;
	for (size_t i = 0; i < v->count; i++) {
		const struct dkim_signature *s = &v->signatures[i];
		if (!find_key((void *)f, s->domain, s->selector, &record)) continue;
		if (s->result == AUTH_pass) return s;
		if (!found) found = s;
	}
	return found;
}

/* Whoever has one message of the tenant's could otherwise show its header to everybody for ever. */
static bool is_old(const struct provenance_facts *f, const struct dkim_signature *s)
{
	return s->signed_at > 0 && f->now - s->signed_at > PROVENANCE_DAYS * INT64_C(86400);
}

static void weigh(struct arena *a, const struct returned *r, const struct provenance_facts *f,
                  const struct dkim_signature *s, struct provenance *out)
{
	struct witness *w = &out->witnesses[WITNESS_dkim];
	bool expected = f->signs_all && r->whole;
	if (!s) {
		witness_say(w, expected ? SPEAKS_AGAINST : SILENT,
		            expected ? "the header is whole, without the signature that all our mail has"
		                     : "the header has no signature of ours",
		            SLICE_EMPTY);
		return;
	}
	struct slice name = arena_printf(a, "%.*s._domainkey.%.*s", SLICE_ARG(s->selector), SLICE_ARG(s->domain));
	if (s->result == AUTH_pass && is_old(f, s)) {
		witness_say(w, SILENT, "the header bears our signature, but of long ago", name);
		witness_doubt(out, "what it is about was signed by us long ago");
		return;
	}
	if (s->result == AUTH_pass) {
		witness_say(w, SPEAKS_FOR, "the header bears our signature", name);
		return;
	}
	bool changed = s->result == AUTH_fail;
	witness_say(w, expected && changed ? SPEAKS_AGAINST : SILENT,
	            changed ? "the header bears our signature, but is not what was signed"
	                    : "the header bears our signature, which cannot be verified",
	            name);
	witness_doubt(out, "a signature of ours came back that does not verify");
}

bool witness_dkim(struct arena *a, const struct returned *r, const struct provenance_facts *f, struct provenance *out)
{
	static const struct dkim_options options = {.header_only = true, .at_any_time = true};
	struct witness *w = &out->witnesses[WITNESS_dkim];
	struct dkim_verifier *v;
	struct dkim_verdict verdict;
	const char *silent = r->header.n == 0                     ? "no header came back"
	                     : f->key_count == 0                  ? "the tenant has no keys"
	                     : r->header.n > ORIGINAL_HEADER_MOST ? "the header is too long to be looked at"
	                                                          : NULL;
	if (silent || f->direction == PROVENANCE_OUTBOUND) {
		witness_say(w, SILENT, f->direction == PROVENANCE_INBOUND ? silent : NULL, SLICE_EMPTY);
		return true;
	}
	if (dkim_verify_begin(a, r->header, &options, &v) != ERR_OK) return false;
	dkim_verify_records(v, find_key, (void *)f);
	dkim_verify_end(v, &verdict);
	weigh(a, r, f, best(f, &verdict), out);
	return true;
}
