/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/arc_chain.h"

#include "auth/authres.h"

/* ---- sets ----------------------------------------------------------------------------------------------------------------- */

static struct arc_chain_set *set_of(struct arena *a, struct arc_chain *c, unsigned instance)
{
	struct arc_chain_set **place = &c->sets[instance - 1];
	if (!*place) {
		*place = ARENA_NEW(a, struct arc_chain_set);
		if (*place) (*place)->results = (*place)->message = (*place)->seal = FIELDS_NONE;
	}
	if (instance > c->count) c->count = instance;
	return *place;
}

static void complain(struct arc_chain *c, const char *problem)
{
	if (!c->problem) c->problem = problem;
}

/* Reads one field into its set. */
static enum error add(struct arena *a, struct arc_chain *c, uint32_t index, enum sigfield_kind kind)
{
	struct header_field f = fields_at(c->fields, index);
	struct sigfield s = {.instance = 0};
	if (kind == SIGFIELD_DKIM) /* stands for ARC-Authentication-Results here */
		authres_instance(f.value, &s.instance);
	else if (!sigfield_read(a, kind, &f, &s) && s.result == AUTH_temperror)
		return ERR_NO_MEMORY;
	if (s.instance < 1 || s.instance > ARC_SETS_MOST) {
		complain(c, "a field has no instance from 1 to 50 (i=), or is malformed");
		return ERR_OK;
	}
	struct arc_chain_set *set = set_of(a, c, s.instance);
	if (!set) return ERR_NO_MEMORY;
	uint32_t *place = kind == SIGFIELD_ARC_SEAL      ? &set->seal
	                  : kind == SIGFIELD_ARC_MESSAGE ? &set->message
	                                                 : &set->results;
	if (*place != FIELDS_NONE) {
		complain(c, "an instance has a field twice");
		return ERR_OK;
	}
	*place = index;
	if (kind == SIGFIELD_ARC_SEAL) set->seal_field = s;
	if (kind == SIGFIELD_ARC_MESSAGE) set->message_field = s;
	return ERR_OK;
}

static enum error collect(struct arena *a, struct arc_chain *c)
{
	static const struct {
		struct slice name;
		enum sigfield_kind kind;
	} kinds[] = {
		{{"ARC-Seal", 8}, SIGFIELD_ARC_SEAL},
		{{"ARC-Message-Signature", 21}, SIGFIELD_ARC_MESSAGE},
		{{"ARC-Authentication-Results", 26}, SIGFIELD_DKIM},
	};
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		uint32_t i = fields_lowest(c->fields, kinds[k].name);
		for (size_t n = 0; i != FIELDS_NONE; i = fields_above(c->fields, i)) {
			c->any = true;
			if (n++ == ARC_SETS_MOST) { /* so that one of the first has no instance of its own */
				complain(c, "there are more than 50 fields of a kind");
				break;
			}
			enum error e = add(a, c, i, kinds[k].kind);
			if (e) return e;
		}
	}
	return ERR_OK;
}

/* ---- the form --------------------------------------------------------------------------------------------------------------- */

/* RFC 8617 5.2, step 3 */
static void judge_set(struct arc_chain *c, unsigned instance)
{
	const struct arc_chain_set *set = c->sets[instance - 1];
	if (!set || set->results == FIELDS_NONE || set->message == FIELDS_NONE || set->seal == FIELDS_NONE) {
		complain(c, "an instance lacks a field");
		return;
	}
	const char *wanted = instance == 1 ? "none" : "pass";
	if (set->seal_field.problem)
		complain(c, set->seal_field.problem);
	else if (!slice_equal(set->seal_field.chain, slice_str(wanted)))
		complain(c, instance == 1 ? "the first seal does not say cv=none" : "a seal does not say cv=pass");
}

enum error arc_chain_read(struct arena *a, struct slice header, struct arc_chain **out)
{
	struct arc_chain *c = ARENA_NEW(a, struct arc_chain);
	*out = NULL;
	if (!c) return ERR_NO_MEMORY;
	enum error e = fields_read(a, header, &c->fields);
	if (!e) e = collect(a, c);
	if (e) return ERR_NO_MEMORY; /* a header of 4 GiB counts as that */
	const struct arc_chain_set *newest = c->count > 0 ? c->sets[c->count - 1] : NULL;
	c->closed = newest && newest->seal != FIELDS_NONE && slice_equal(newest->seal_field.chain, SLICE("fail"));
	if (c->closed) complain(c, "an earlier handler found the chain broken (cv=fail)"); /* step 2 */
	for (unsigned i = 1; i <= c->count; i++) judge_set(c, i);
	*out = c;
	return ERR_OK;
}

/* ---- what seals sign ---------------------------------------------------------------------------------------------------------- */

static void take(void *arg, struct slice octets)
{
	digest_put(arg, octets);
}

void arc_chain_put(struct digest *d, const struct header_field *results, const struct header_field *message)
{
	struct canonical_out out;
	canonical_begin(&out, take, d);
	canonical_field(&out, CANONICAL_RELAXED, results);
	canonical_field(&out, CANONICAL_RELAXED, message);
	canonical_flush(&out);
}

void arc_chain_put_seal(struct digest *d, const struct header_field *seal)
{
	struct canonical_out out;
	canonical_begin(&out, take, d);
	canonical_field(&out, CANONICAL_RELAXED, seal);
	canonical_flush(&out);
}

void arc_chain_put_own(struct digest *d, const struct header_field *seal, struct slice hole)
{
	struct canonical_out out;
	canonical_begin(&out, take, d);
	canonical_signature(&out, CANONICAL_RELAXED, seal, hole);
	canonical_flush(&out);
}
