/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/returned.h"
#include "mail/disposition.h"

#define TEXT_MOST (128 * 1024) /* octets that are looked through for lines that name a message */

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
	if (disposition_find(a, root, &d)) returned_id(out, d.original_message_id);
	struct slice in_reply_to = mime_value(root, "In-Reply-To"), id = last_id(in_reply_to);
	returned_id(out, id.n ? id : in_reply_to);
	returned_id(out, last_id(mime_value(root, "References")));
}

/* The value after "Message-ID:" of a line, quoted ("> ") or indented too; {NULL,0}: another line. */
static struct slice id_in_line(struct slice line)
{
	static const char blanks[] = " \t>|";
	while (line.n && memchr(blanks, line.p[0], sizeof blanks - 1)) line = slice_sub(line, 1, line.n);
	if (!slice_starts_nocase(line, SLICE("message-id:"))) return (struct slice){NULL, 0};
	return slice_trim(slice_sub(line, 11, line.n));
}

static void read_text(struct slice text, struct returned *out)
{
	while (text.p && out->id_count < RETURNED_IDS) {
		struct slice id = id_in_line(slice_split(&text, '\n'));
		if (!id.p) continue;
		if (!id.n && text.p) id = slice_split(&text, '\n'); /* folded behind the name */
		returned_id(out, id);
	}
}

/* Programs that return no header name the message in their words now and then. */
static void read_texts(struct arena *a, const struct mime_part *root, struct returned *out)
{
	size_t left = TEXT_MOST;
	for (const struct mime_part *p = root; p && left > 0; p = mime_next(root, p)) {
		if (p->embedded != root->embedded || (p->type != MIME_TEXT && p->type != MIME_TEXT_PLAIN)) continue;
		struct slice text = mime_text(a, p, left);
		left -= text.n < left ? text.n : left;
		read_text(text, out);
	}
	out->loose = out->id_count > 0;
}

/* ---- of whom it speaks ----------------------------------------------------------------------------------------- */

static void add_recipient(struct returned *out, struct slice address)
{
	address = slice_trim(address);
	if (address.n >= 2 && address.p[0] == '<' && address.p[address.n - 1] == '>')
		address = slice_sub(address, 1, address.n - 1);
	if (address.n == 0 || out->recipient_count == RETURNED_RECIPIENTS) return;
	for (size_t i = 0; i < out->recipient_count; i++)
		if (slice_equal_nocase(out->recipients[i], address)) return;
	out->recipients[out->recipient_count++] = address;
}

static void read_status(struct arena *a, const struct mime_part *root, struct returned *out)
{
	struct status_report report;
	if (status_find(a, root, &report)) {
		out->envelope_id = report.original_envelope_id;
		for (size_t i = 0; i < report.recipient_count; i++) {
			add_recipient(out, report.recipients[i].final);
			add_recipient(out, report.recipients[i].original);
		}
	}
	struct slice failed = header_unfold(a, mime_value(root, "X-Failed-Recipients")); /* Exim, Gmail */
	while (failed.p && out->recipient_count < RETURNED_RECIPIENTS) add_recipient(out, slice_split(&failed, ','));
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

bool returned_read(struct arena *a, const struct mime_part *root, struct returned *out)
{
	struct original o;
	if (original_find(a, root, &o))
		returned_header(o.header, o.form, out);
	else
		returned_nothing(out);
	if (out->id_count == 0) read_references(a, root, out);
	if (out->id_count == 0) read_texts(a, root, out);
	read_status(a, root, out);
	return !arena_exhausted(a);
}
