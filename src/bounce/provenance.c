/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/provenance.h"

#include "bounce/witness.h"

const char *witness_text(enum witness_name w)
{
	static const char *const texts[] = {
#define X(name) [WITNESS_##name] = #name,
		WITNESS_TABLE(X)
#undef X
	};
	return (unsigned)w < WITNESS_COUNT ? texts[w] : "unknown";
}

const char *testimony_text(enum testimony t)
{
	static const char *const texts[] = {[SILENT] = "silent", [SPEAKS_FOR] = "for", [SPEAKS_AGAINST] = "against"};
	return (unsigned)t < sizeof texts / sizeof *texts ? texts[t] : "silent";
}

static void witness_tag(const struct provenance_facts *f, struct witness *out)
{
	if (f->direction == PROVENANCE_OUTBOUND)
		witness_say(out, SILENT, NULL, SLICE_EMPTY);
	else if (f->tag == BATV_VALID)
		witness_say(out, SPEAKS_FOR, "the address has a good tag", SLICE_EMPTY);
	else if (f->tag == BATV_FORGED)
		witness_say(out, SPEAKS_AGAINST, "the tag of the address is forged", SLICE_EMPTY);
	else if (f->tag == BATV_EXPIRED)
		witness_say(out, SILENT, "the tag of the address has expired", SLICE_EMPTY);
	else if (f->tags_all)
		witness_say(out, SPEAKS_AGAINST, "the address has no tag, and all that it sends has one", SLICE_EMPTY);
	else
		witness_say(out, SILENT, "the address has no tag", SLICE_EMPTY);
}

bool provenance_find(struct arena *a, const struct returned *r, const struct provenance_facts *f,
                     struct provenance *out)
{
	*out = (struct provenance){.direction = f->direction,
	                           .header = r->header.n > 0,
	                           .message_id = r->id_count ? r->ids[0] : SLICE_EMPTY,
	                           .signs_all = f->direction == PROVENANCE_INBOUND && f->signs_all,
	                           .origin = f->direction == PROVENANCE_INBOUND ? f->origin : ORIGIN_UNKNOWN};
	if (f->direction == PROVENANCE_INBOUND) {
		out->would_know = f->remembers && r->id_count > 0 && !r->loose;
		if (f->elsewhere) witness_doubt(out, "the addressee also sends by other ways");
	}
	witness_tag(f, &out->witnesses[WITNESS_tag]);
	bool good = witness_dkim(a, r, f, out);
	witness_received(r, f, out);
	witness_ledger(r, f, out);
	if (good && !arena_exhausted(a)) return true;
	for (int i = 0; i < WITNESS_COUNT; i++)
		witness_say(&out->witnesses[i], SILENT, "there was no memory to hear it", SLICE_EMPTY);
	out->doubt = "there was no memory to look";
	out->about = 0;
	out->joined = out->stamped = out->hop_gone = false;
	return false;
}
