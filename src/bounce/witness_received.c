/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness_received - our own Received field in the returned header, by the ledger, else by its stamp (auth/stamp.h)
 *
 * A stamp is asked only of what the ledger does not know. Outbound the envelope id stands in where no field of ours came back: what we gave the
 * tenant's server begins with the same id, and bears the same stamp; no client can hand one in (relay/stamping.h).
 */
#include "bounce/received.h"
#include "bounce/witness.h"
#include "mail/address.h"

#define HOPS_LOOKED 1000 /* Received fields of a returned header */

struct trace {
	struct slice text; /* the id, with its stamp; empty: none */
	enum stamp_verdict verdict;
	struct stamp stamp; /* when it is good */
	bool loose;         /* it stood in running text, where the author of the original may have put it */
};

static void read_stamp(const struct provenance_facts *f, struct slice text, struct trace *out)
{
	out->text = slice_sub(text, 0, STAMP_ID_MOST + 1 + STAMP_SIZE + 1);
	out->verdict = stamp_read(out->text, &f->secrets, f->now, PROVENANCE_DAYS, &out->stamp);
}

static bool is_ours(const struct provenance_facts *f, struct slice host)
{
	for (size_t i = 0; host.n && i < f->hostname_count; i++)
		if (slice_equal_nocase(host, f->hostnames[i])) return true;
	return false;
}

/* The id in the topmost Received field of ours: those below it may have been in the message when it came. A good stamp is
 * ours too, whatever we were called when, or where, it was made. */
static void topmost_trace(const struct returned *r, const struct provenance_facts *f, struct trace *out)
{
	struct header_iterator it;
	struct header_field field;
	struct received_words words;
	unsigned hops = 0;
	for (header_begin(&it, r->header); header_next(&it, &field);) {
		if (!header_is(&field, "Received")) continue;
		if (++hops > HOPS_LOOKED) break;
		received_read(field.value, &words);
		read_stamp(f, words.id, out);
		if (is_ours(f, words.by) || out->verdict == STAMP_GOOD) return;
	}
	*out = (struct trace){.text = SLICE_EMPTY};
}

static struct trace find_trace(const struct returned *r, const struct provenance_facts *f)
{
	struct trace t = {.text = SLICE_EMPTY};
	topmost_trace(r, f, &t);
	t.loose = r->loose || r->doubtful || r->form == ORIGINAL_QUOTED;
	if (t.text.n || f->direction != PROVENANCE_OUTBOUND) return t;
	read_stamp(f, r->envelope_id, &t);
	t.loose = r->loose || !r->envelope_declared;
	if (t.verdict != STAMP_GOOD) t.text = SLICE_EMPTY;
	return t;
}

static bool from_addressee(const struct provenance_facts *f, const struct stamp *s)
{
	return stamp_is_from(s, f->addressee) || stamp_is_from(s, f->addressed);
}

/* As the rows of the ledger are weighed, see witness_ledger.c. */
static void weigh_outbound(const struct trace *t, const struct provenance_facts *f, struct provenance *out)
{
	struct witness *w = &out->witnesses[WITNESS_received];
	bool own = from_addressee(f, &t->stamp);
	struct slice domain = address_domain(f->addressee);
	out->joined = own || t->stamp.kind != STAMP_SENT;
	out->stamped = own && !t->loose;
	if (own && t->stamp.kind == STAMP_UNPROVEN)
		witness_say(w, SPEAKS_AGAINST, "its stamp says that its return path did not prove itself", t->text);
	else if (own && t->loose)
		witness_say(w, SILENT, "its stamp stands in running text", t->text);
	else if (own)
		witness_say(w, SPEAKS_FOR, "its stamp says that its return path proved itself", t->text);
	else if (t->stamp.kind == STAMP_SENT)
		witness_say(w, SILENT, "it is not known", t->text);
	else if (stamp_is_of_domain(&t->stamp, domain))
		witness_say(w, SILENT, "its stamp says that another address of the addressee's domain sent it",
		            t->text);
	else
		witness_say(w, SPEAKS_AGAINST, "its stamp says that it came from another return path", t->text);
}

static void weigh_inbound(const struct trace *t, const struct provenance_facts *f, struct provenance *out)
{
	struct witness *w = &out->witnesses[WITNESS_received];
	if (t->stamp.kind != STAMP_SENT) {
		witness_say(w, SILENT, "it is not known", t->text);
		return;
	}
	if (from_addressee(f, &t->stamp))
		witness_say(w, SPEAKS_FOR, "its stamp says that the addressee sent it", t->text);
	else
		witness_say(w, SPEAKS_AGAINST, "its stamp says that another address sent it", t->text);
	witness_doubt(out, "the message that it names was sent by us");
	out->joined = true;
}

/* An id says when it was made, so it can be guessed; its stamp cannot. */
static void doubt_hop(const struct trace *t, const struct returned *r, const struct provenance_facts *f,
                      struct provenance *out)
{
	struct witness *w = &out->witnesses[WITNESS_received];
	if (w->says != SPEAKS_FOR) return;
	if (f->secrets.count && (t->verdict == STAMP_NONE || t->verdict == STAMP_FORGED)) {
		witness_say(w, SILENT, "its id is known, but has no stamp of ours", t->text);
		out->hop_gone = r->whole;
	} else if (t->loose && f->direction == PROVENANCE_OUTBOUND) {
		witness_say(w, SILENT, "it stands where the author of the original may have put it", t->text);
	}
}

void witness_received(const struct returned *r, const struct provenance_facts *f, struct provenance *out)
{
	struct trace t = find_trace(r, f);
	struct witness_rows rows = witness_rows_of(r, f, true);
	if (t.text.n == 0) {
		witness_say(&out->witnesses[WITNESS_received], SILENT,
		            r->header.n ? "no Received field of ours came back" : "no header came back", SLICE_EMPTY);
		out->hop_gone = r->whole;
		return;
	}
	if (r->form != ORIGINAL_NONE && r->id_count) rows.message_id = r->ids[0];
	if (f->ledger.by_trace && !f->ledger.by_trace(f->ledger.ledger, stamp_id(t.text), witness_row, &rows))
		rows.cut = true;
	if (rows.seen > 0 || t.verdict != STAMP_GOOD) {
		witness_weigh(&rows, WITNESS_received, t.text, out);
		out->joined = rows.known > rows.other_message;
		doubt_hop(&t, r, f, out);
	} else if (f->direction == PROVENANCE_OUTBOUND) {
		weigh_outbound(&t, f, out);
	} else {
		weigh_inbound(&t, f, out);
	}
}
