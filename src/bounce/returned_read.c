/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/returned.h"
#include "mail/address.h"
#include "mail/disposition.h"

/* "<a@b> <c@d>": the last of them. */
static struct slice last_id(struct slice value)
{
	size_t from = slice_find_last(value, '<');
	if (from == value.n) return SLICE_EMPTY;
	struct slice id = slice_sub(value, from, value.n);
	return slice_sub(id, 0, slice_find(id, '>') + 1);
}

/* What an answer without the original's header says of it. */
static void read_references(struct arena *a, const struct mime_part *root, struct returned *out)
{
	struct disposition d;
	if (disposition_find(a, root, &d) && !original_doubts(a, root, d.part)) returned_id(out, d.original_message_id);
	struct slice in_reply_to = mime_value(root, "In-Reply-To"), id = last_id(in_reply_to);
	returned_id(out, id.n ? id : in_reply_to);
	out->referred = out->id_count == 0;
	returned_id(out, last_id(mime_value(root, "References")));
}

#define FAILED_LOOKED 256 /* addresses of X-Failed-Recipients, which may be the same */

/* ---- of whom it speaks ----------------------------------------------------------------------------------------- */

static void add_recipient(struct arena *a, struct slice address, struct returned *out)
{
	address = slice_trim(address);
	if (address.n >= 2 && address.p[0] == '<' && address.p[address.n - 1] == '>')
		address = slice_sub(address, 1, address.n - 1);
	if (address.n == 0 || out->recipient_count == RETURNED_RECIPIENTS) return;
	address = address_spelled(a, address);
	if (!address.p) return;
	for (size_t i = 0; i < out->recipient_count; i++)
		if (slice_equal_nocase(out->recipients[i], address)) return;
	out->recipients[out->recipient_count++] = address;
}

/* The one that was said first (RFC 6522 3); what stands behind the original its author may have put there, also where nothing
 * of the original's header came back. */
static bool is_before(const struct mime_part *root, const struct mime_part *p, const struct mime_part *original)
{
	for (const struct mime_part *q = root; q && q != p; q = mime_next(root, q))
		if (q != root && q->embedded == root->embedded && mime_is_message(q)) return false;
	return !original || p->body.p < original->body.p;
}

static void read_status(struct arena *a, const struct mime_part *root, const struct mime_part *original,
                        struct returned *out)
{
	struct status_report report;
	if (status_find(a, root, &report)) {
		out->envelope_id = report.original_envelope_id;
		out->envelope_declared = report.declared && is_before(root, report.part, original) &&
		                         !original_doubts(a, root, report.part);
		for (size_t i = 0; i < report.recipient_count; i++) {
			add_recipient(a, report.recipients[i].final, out);
			add_recipient(a, report.recipients[i].original, out);
		}
	}
	struct slice failed = header_unfold(a, mime_value(root, "X-Failed-Recipients")); /* Exim, Gmail */
	for (int i = 0; failed.p && i < FAILED_LOOKED; i++) add_recipient(a, slice_split(&failed, ','), out);
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

bool returned_read(struct arena *a, const struct mime_part *root, struct returned *out)
{
	struct original o;
	struct returned references;
	bool found = original_find(a, root, &o);
	returned_nothing(out);
	if (found) returned_header(o.header, o.form, out);
	if (o.doubtful) {
		out->doubtful = out->loose = true;
		out->whole = false;
	}
	returned_nothing(&references);
	if (out->id_count == 0 || out->loose) read_references(a, root, &references);
	if (references.id_count > 0) { /* what the reporter's own fields say, and not what stands in text */
		memcpy(out->ids, references.ids, sizeof out->ids);
		out->id_count = references.id_count;
		out->loose = false;
		out->referred = references.referred;
	}
	read_status(a, root, found && o.form != ORIGINAL_QUOTED ? o.part : NULL, out);
	return !arena_exhausted(a);
}
