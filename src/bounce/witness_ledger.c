/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness_ledger - what is remembered of the message that a report names by its Message-ID
 */
#include <string.h>

#include "auth/stamp.h"
#include "bounce/witness.h"
#include "mail/address.h"

#define DAY 86400

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static bool in_time(const struct provenance_facts *f, int64_t time)
{
	int64_t age = f->now - time;
	return age <= PROVENANCE_DAYS * (int64_t)DAY && age >= -2 * (int64_t)DAY; /* clocks are set */
}

static struct slice without_brackets(struct slice id)
{
	id = slice_trim(id);
	if (id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>') id = slice_sub(id, 1, id.n - 1);
	return slice_trim(id);
}

static bool same_message(struct slice a, struct slice b)
{
	return a.n == 0 || b.n == 0 || slice_equal(without_brackets(a), without_brackets(b));
}

/* A Message-ID that everybody reads the same way: "<one@two>", or without the brackets. Of "<a@b> <c@d>", of one with comments or
 * blanks, programs that answer take what they like, and it is the sender who wrote it. */
static bool is_plain(struct slice id)
{
	id = without_brackets(id);
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~' || strchr("<>()\\\"", id.p[i])) return false;
	return id.n > 0 && slice_search(id, SLICE("=?")) == id.n;
}

static bool is(struct slice a, struct slice b)
{
	return a.n > 0 && slice_equal_nocase(a, b);
}

static bool from_addressee(const struct provenance_facts *f, const struct provenance_row *row)
{
	return is(row->return_path, f->addressee) || is(row->handed_on, f->addressed) ||
	       is(row->return_path, f->addressed) || is(row->handed_on, f->addressee);
}

/* Inbound: what the tenant sent. Outbound: what its server was given, from the world, or from another tenant of ours.
 * To whom the latter went is not looked at, so that it takes its id, and its return path, to know it. */
static bool concerns(const struct witness_rows *rows, const struct provenance_row *row)
{
	const struct provenance_facts *f = rows->facts;
	if (!row->taken || !in_time(f, row->time)) return false;
	if (f->direction == PROVENANCE_OUTBOUND && row->outbound) return rows->by_id && from_addressee(f, row);
	return row->tenant == f->tenant && row->outbound == (f->direction == PROVENANCE_INBOUND);
}

/* Outbound. Tenants may share a server, whose answers then all come as those of one of them. */
static bool is_strangers(const struct witness_rows *rows, const struct provenance_row *row)
{
	const struct provenance_facts *f = rows->facts;
	if (f->direction != PROVENANCE_OUTBOUND || row->outbound || row->tenant == f->tenant || row->proven)
		return false;
	return rows->by_id && row->taken && in_time(f, row->time) && from_addressee(f, row) &&
	       same_message(rows->message_id, row->message_id);
}

/* The addressee is not the return path, but its domain proved itself with this message: as the return path's (where
 * others put tags into theirs) or as the author's. That is not enough to be believed, and too much to be held. */
static bool is_neighbour(const struct provenance_facts *f, const struct provenance_row *row)
{
	struct slice domain = address_domain(f->addressee);
	if (row->proven && is(address_domain(row->return_path), domain)) return true;
	return row->author_proven && is(row->author, domain);
}

static bool among(struct slice address, const struct slice *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(address, list[i])) return true;
	return false;
}

/* Did it go to one of those of whom the report speaks? True where one of both is not known. */
static bool to_those(const struct returned *r, const struct provenance_row *row)
{
	if (r->recipient_count == 0 || row->recipient_count == 0 || row->more_recipients) return true;
	for (size_t i = 0; i < r->recipient_count; i++)
		if (among(r->recipients[i], row->recipients, row->recipient_count)) return true;
	return false;
}

/* What it is about is the first row of those that weigh most. */
static void note(struct witness_rows *rows, unsigned *kind, const struct provenance_row *row)
{
	const unsigned *const order[] = {&rows->others, &rows->neighbours, &rows->elsewhere, &rows->good, &rows->bad};
	unsigned weight = 1;
	while (order[weight - 1] != kind) weight++;
	++*kind;
	if (weight <= rows->weight) return;
	rows->weight = weight;
	rows->about = row->id;
}

static void note_from_addressee(struct witness_rows *rows, const struct provenance_row *row)
{
	if (rows->facts->direction == PROVENANCE_OUTBOUND)
		note(rows, row->proven ? &rows->good : &rows->bad, row);
	else
		note(rows, to_those(rows->returned, row) ? &rows->good : &rows->elsewhere, row);
}

bool witness_row(const struct provenance_row *row, void *arg)
{
	struct witness_rows *rows = arg;
	const struct provenance_facts *f = rows->facts;
	rows->seen++;
	/* What was refused, say, costs its sender nothing, and must not push aside what counts. */
	if (!concerns(rows, row)) {
		rows->strangers += is_strangers(rows, row);
		return true;
	}
	if (rows->nameless && is_plain(row->message_id)) return true;
	if (rows->known == PROVENANCE_ROWS) {
		rows->cut = true;
		return false;
	}
	rows->known++;
	if (!same_message(rows->message_id, row->message_id))
		rows->other_message++;
	else if (from_addressee(f, row))
		note_from_addressee(rows, row);
	else if (f->direction == PROVENANCE_OUTBOUND && is_neighbour(f, row))
		note(rows, &rows->neighbours, row);
	else
		note(rows, &rows->others, row);
	return true;
}

/* ---- testimony ------------------------------------------------------------------------------------------------- */

static void weigh_outbound(const struct witness_rows *rows, struct witness *w, struct slice detail)
{
	if (rows->bad)
		witness_say(w, SPEAKS_AGAINST, "its return path did not prove itself when it came", detail);
	else if (rows->good && rows->cut)
		witness_say(w, SILENT, "more is remembered than can be looked at", detail);
	else if (rows->good)
		witness_say(w, SPEAKS_FOR, "its return path proved itself when it came", detail);
	else if (rows->neighbours)
		witness_say(w, SILENT, "another address of the addressee's domain sent it", detail);
	else if (rows->others)
		witness_say(w, SPEAKS_AGAINST, "it came from another return path", detail);
	else if (rows->other_message)
		witness_say(w, SILENT, "it belongs to another message", detail);
	else if (rows->strangers)
		witness_say(w, SPEAKS_AGAINST, "it came for another tenant, and did not prove itself", detail);
	else
		witness_say(w, SILENT, "it is not known", detail);
}

static void weigh_inbound(const struct witness_rows *rows, enum witness_name who, struct slice detail,
                          struct provenance *out)
{
	struct witness *w = &out->witnesses[who];
	/* Forwarders make a bounce speak of others than we sent to. Our Received field in it tells that it is the same.
	 * */
	bool good = rows->good || (who == WITNESS_received && rows->elsewhere);
	if (good)
		witness_say(w, SPEAKS_FOR, "the addressee sent it", detail);
	else if (rows->elsewhere)
		witness_say(w, SILENT, "the addressee sent it, but to others than the report speaks of", detail);
	else if (rows->others)
		witness_say(w, SPEAKS_AGAINST, "another address of the tenant sent it", detail);
	else if (rows->other_message)
		witness_say(w, SPEAKS_AGAINST, "it belongs to another message", detail);
	else
		witness_say(w, SILENT, "it is not known", detail);
	if (rows->known > rows->other_message) witness_doubt(out, "the tenant did send the message that it names");
}

void witness_weigh(const struct witness_rows *rows, enum witness_name who, struct slice detail, struct provenance *out)
{
	if (out->direction == PROVENANCE_OUTBOUND)
		weigh_outbound(rows, &out->witnesses[who], detail);
	else
		weigh_inbound(rows, who, detail, out);
	bool against = out->witnesses[who].says == SPEAKS_AGAINST;
	if (rows->about && (!out->about || against)) out->about = rows->about;
}

/* ---- by Message-ID --------------------------------------------------------------------------------------------- */

struct witness_rows witness_rows_of(const struct returned *r, const struct provenance_facts *f, bool by_id)
{
	return (struct witness_rows){.facts = f, .returned = r, .by_id = by_id, .message_id = SLICE_EMPTY};
}

static void ask_return_path(const struct provenance_facts *f, struct witness_rows *rows)
{
	if (!f->ledger.by_return_path) return;
	if (!f->ledger.by_return_path(f->ledger.ledger, f->addressee, witness_row, rows)) rows->cut = true;
}

struct authored {
	const struct provenance_facts *facts;
	bool nameless; /* only what has no plain Message-ID */
	uint64_t about;
	bool found;
};

static bool take_authored(const struct provenance_row *row, void *arg)
{
	struct authored *a = arg;
	const struct provenance_facts *f = a->facts;
	if (!row->taken || row->outbound || row->tenant != f->tenant || !in_time(f, row->time)) return true;
	if (a->nameless && is_plain(row->message_id)) return true;
	a->found = true;
	a->about = row->id;
	return false;
}

/* Outbound. Some programs answer From or Reply-To, which the author of a message may fill in as he likes. One that names no message may answer
 * any of those; one that names one that we do not know only what had no name when it came. */
static struct authored ask_author(const struct provenance_facts *f, bool nameless)
{
	struct authored a = {.facts = f, .nameless = nameless};
	bool all = !f->ledger.by_author || f->ledger.by_author(f->ledger.ledger, f->addressee, take_authored, &a);
	a.found = a.found || !all; /* so much that it must be a flood in his name */
	return a;
}

/* Does our Received field, in a header that is a part of its own, tell which message it is? */
static bool certain(const struct returned *r, const struct provenance *p)
{
	return r->id_count > 0 && !r->loose && !r->doubtful && p->witnesses[WITNESS_received].says == SPEAKS_FOR;
}

/* Outbound: an answer that names no message (an auto-reply, mostly) is judged by all that came from its addressee of
 * late; when some of that was not proven, it may be what is answered. Of one that names a message that we do not know
 * the proven ones say nothing; nor does anything else, when the stamp of our Received field told (the ledger was lost). */
static void weigh_return_path(const struct returned *r, const struct provenance_facts *f, struct provenance *out)
{
	struct witness *w = &out->witnesses[WITNESS_ledger];
	struct witness_rows rows = witness_rows_of(r, f, false);
	bool named = r->id_count > 0 || r->envelope_id.n > 0;
	struct authored authored = {.found = false};
	if (!certain(r, out)) {
		ask_return_path(f, &rows);
		authored = ask_author(f, named);
	}
	bool forged = authored.found && (named || !rows.good);
	if (!rows.bad && forged) rows.about = authored.about;
	if (rows.bad)
		witness_say(w, SPEAKS_AGAINST, "of late mail came from it that did not prove itself", f->addressee);
	else if (forged)
		witness_say(w, SPEAKS_AGAINST, "of late mail came in its name that did not prove to be from it",
		            f->addressee);
	else if (rows.good && authored.found)
		witness_say(w, SILENT, "of late mail came from it, and other mail in its name", f->addressee);
	else if (rows.good && !named && rows.cut)
		witness_say(w, SILENT, "so much came from it of late that not all can be looked at", f->addressee);
	else if (rows.good && !named)
		witness_say(w, SPEAKS_FOR, "all that came from it of late proved itself", f->addressee);
	else
		witness_say(w, SILENT,
		            named ? "the message that it names is not known" : "nothing came from it of late",
		            f->addressee);
	if (w->says != SILENT) out->about = rows.about;
}

/* What is said for an answer by a name that a forger may have chosen. */
static void weigh_authored(const struct witness_rows *rows, struct provenance *out)
{
	const struct provenance_facts *f = rows->facts;
	struct witness *w = &out->witnesses[WITNESS_ledger];
	bool nameless = rows->nameless;
	if (f->direction != PROVENANCE_OUTBOUND || certain(rows->returned, out)) return;
	struct authored a = ask_author(f, nameless);
	if (!a.found) return;
	if (nameless) out->about = a.about;
	witness_say(w, nameless ? SPEAKS_AGAINST : SILENT,
	            nameless ? "mail without a Message-ID came in its name that did not prove to be from it"
	                     : "of late mail came in its name, too, that did not prove to be from it",
	            f->addressee);
}

/* Outbound, whoever wrote the original chose its words. An id that stands in running text, or an envelope id, may be
 * that of a message that his victim did send: for it speaks only what all that came of late from that return path
 * allows. The fields of an answer are surer, but of an original without a Message-ID they name what that named (RFC
 * 5322 3.6.4), and of one with several whichever the program took. So unproven mail without a plain one is in doubt always, unless our own Received field in a header that is a
 * part of its own tells. References are the thread's, and which of them a program takes is its own affair. */
static void weigh_named(const struct provenance_facts *f, struct witness_rows *rows, struct slice id, bool surest,
                        struct provenance *out)
{
	const struct returned *r = rows->returned;
	bool named = r->id_count > 0 && !r->loose;
	rows->by_id = false;
	rows->nameless = named && surest && !r->referred;
	if (f->direction == PROVENANCE_OUTBOUND && !certain(r, out) && rows->good && !rows->bad)
		ask_return_path(f, rows);
	witness_weigh(rows, WITNESS_ledger, id, out);
	if (out->witnesses[WITNESS_ledger].says == SPEAKS_FOR) weigh_authored(rows, out);
	out->joined = out->joined || named;
}

/* Our servers' reports bear the envelope id that we gave to what we handed on, unless its sender gave one. */
static bool weigh_envelope_id(const struct returned *r, const struct provenance_facts *f, struct provenance *out)
{
	struct witness_rows rows = witness_rows_of(r, f, true);
	if (f->direction != PROVENANCE_OUTBOUND || r->id_count || !r->envelope_id.n || !f->ledger.by_trace)
		return false;
	if (!f->ledger.by_trace(f->ledger.ledger, stamp_id(r->envelope_id), witness_row, &rows)) rows.cut = true;
	if (!rows.good && !rows.bad) return false;
	weigh_named(f, &rows, r->envelope_id, false, out);
	return true;
}

/* Inbound. What a sender leaves without a Message-ID somebody on the way may give one, which then comes back (RFC 6409 8.3). So
 * where the addressee does send such mail, an id that we do not know proves nothing. */
static void doubt_nameless(const struct returned *r, const struct provenance_facts *f, struct provenance *out)
{
	struct witness_rows rows = witness_rows_of(r, f, false);
	rows.nameless = true;
	ask_return_path(f, &rows);
	if (rows.good || rows.elsewhere) witness_doubt(out, "the addressee also sends mail without a Message-ID");
}

void witness_ledger(const struct returned *r, const struct provenance_facts *f, struct provenance *out)
{
	struct witness *w = &out->witnesses[WITNESS_ledger];
	for (size_t i = 0; f->ledger.by_message_id && i < r->id_count; i++) {
		struct witness_rows rows = witness_rows_of(r, f, true);
		if (!f->ledger.by_message_id(f->ledger.ledger, r->ids[i], witness_row, &rows)) rows.cut = true;
		if (rows.cut && f->direction == PROVENANCE_INBOUND)
			witness_doubt(out, "more is remembered than can be looked at");
		if (rows.known == 0 && !rows.strangers) continue;
		weigh_named(f, &rows, r->ids[i], i == 0, out);
		return;
	}
	if (weigh_envelope_id(r, f, out)) return;
	if (f->direction == PROVENANCE_OUTBOUND) {
		weigh_return_path(r, f, out);
	} else if (r->id_count == 0) {
		witness_say(w, SILENT, "the report names no message", SLICE_EMPTY);
	} else {
		witness_say(w, SILENT, "the message that it names is not known", r->ids[0]);
		doubt_nameless(r, f, out);
	}
}
