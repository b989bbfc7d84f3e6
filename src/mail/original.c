/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/original.h"

#include "mail/parameter.h"
#include "mail/quoted.h"

#define RANDOM_DIGITS 4 /* of a boundary that is a new one each time, at least */

static void no_original(struct original *o)
{
	*o = (struct original){.header = SLICE_EMPTY,
	                       .body = SLICE_EMPTY,
	                       .message_id = SLICE_EMPTY,
	                       .from = SLICE_EMPTY,
	                       .to = SLICE_EMPTY,
	                       .subject = SLICE_EMPTY,
	                       .date = SLICE_EMPTY,
	                       .return_path = SLICE_EMPTY,
	                       .sender = SLICE_EMPTY,
	                       .list_id = SLICE_EMPTY};
}

/* The well-known fields of o->header. */
static void survey(struct original *o)
{
	struct header_iterator it;
	struct header_field f;
	const struct {
		const char *name;
		struct slice *value;
	} wanted[] = {{"Message-ID", &o->message_id}, {"From", &o->from},      {"To", &o->to},
	              {"Subject", &o->subject},       {"Date", &o->date},      {"Return-Path", &o->return_path},
	              {"Sender", &o->sender},         {"List-Id", &o->list_id}};
	for (header_begin(&it, o->header); header_next(&it, &f);) {
		if (f.malformed) continue;
		o->fields++;
		o->received += header_is(&f, "Received");
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
			if (wanted[i].value->n == 0 && header_is(&f, wanted[i].name))
				*wanted[i].value = slice_trim(f.value);
	}
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static bool take_message(const struct mime_part *p, struct original *out)
{
	const struct mime_part *m = p->first;
	if (!mime_is_message(p) || !m || quoted_known_fields(m->header) == 0) return false;
	out->form = ORIGINAL_MESSAGE;
	out->part = p;
	out->root = m;
	out->doubtful = p->body.n && (p->body.p[0] == '\r' || p->body.p[0] == '\n');
	out->header = m->header;
	out->body = m->body;
	return true;
}

/* A leaf that is said to be a header, or to be a message of some kind, and is. */
static bool may_be_header(const struct mime_part *p)
{
	if (p->first || mime_is_multipart(p)) return false;
	if (p->type == MIME_TEXT_HEADERS || p->type == MIME_GLOBAL_HEADERS || mime_is_message(p)) return true;
	return (p->type == MIME_MESSAGE || p->type == MIME_TEXT) &&
	       slice_starts_nocase(p->subtype_name, SLICE("rfc822"));
}

/* A message attached as a file, "original.eml". */
static bool is_message_file(struct arena *a, const struct mime_part *p)
{
	struct slice name;
	if (p->first || (p->type != MIME_OTHER && !p->attachment)) return false;
	if (!parameter_find(a, mime_value(p, "Content-Disposition"), "filename", &name) &&
	    !parameter_find(a, p->content_type, "name", &name))
		return false;
	return slice_ends_nocase(name, SLICE(".eml"));
}

struct slice original_in_file(struct arena *a, const struct mime_part *p)
{
	if (!is_message_file(a, p)) return SLICE_EMPTY;
	struct slice content = mime_octets(a, p, ORIGINAL_HEADER_MOST);
	if (!content.p) return content;
	while (content.n > 0 && (content.p[0] == '\r' || content.p[0] == '\n'))
		content = slice_sub(content, 1, content.n);
	size_t scanned = 0;
	struct slice header = slice_sub(content, 0, header_end(content, &scanned));
	return quoted_known_fields(header) > 0 ? header : SLICE_EMPTY;
}

/* A part that is the message itself: the header of the part, and the empty line after it, are missing. */
static bool take_bare(const struct mime_part *p, struct original *out)
{
	if (p->message || quoted_known_fields(p->header) < 4) return false;
	if (!mime_field(p, "Received") && !mime_field(p, "Message-ID")) return false;
	out->form = ORIGINAL_MESSAGE;
	out->part = p;
	out->header = p->header;
	out->body = p->body;
	return true;
}

static bool take_header(struct arena *a, const struct mime_part *p, struct original *out)
{
	if (!may_be_header(p) && !is_message_file(a, p)) return false;
	struct slice content = mime_octets(a, p, SIZE_MAX);
	if (!content.p) return false;
	size_t blank = 0;
	while (blank < content.n && (content.p[blank] == '\r' || content.p[blank] == '\n')) blank++;
	content = slice_sub(content, blank, content.n);
	size_t scanned = 0, end = header_end(content, &scanned);
	struct slice header = slice_sub(content, 0, end), body = slice_sub(content, end, content.n);
	if (quoted_known_fields(header) == 0) return false;
	out->form = body.n ? ORIGINAL_MESSAGE : ORIGINAL_HEADERS;
	out->doubtful = blank > 0;
	out->part = p;
	out->header = header;
	out->body = body;
	return true;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Without the quoting before each line. */
static struct slice unquote(struct arena *a, struct slice quoted, size_t prefix)
{
	if (prefix == 0) return quoted;
	char *out = arena_alloc(a, quoted.n);
	if (!out) return (struct slice){NULL, 0};
	size_t n = 0;
	while (quoted.n) {
		struct slice line = slice_sub(quoted, 0, slice_find(quoted, '\n') + 1);
		quoted = slice_sub(quoted, line.n, quoted.n);
		line = slice_sub(line, prefix, line.n);
		memcpy(out + n, line.p, line.n);
		n += line.n;
	}
	return slice_of(out, n);
}

static bool take_quoted(struct arena *a, struct slice text, const struct quoted *q, struct original *out)
{
	out->header = unquote(a, slice_sub(text, q->from, q->to), q->prefix);
	if (!out->header.p) return false;
	out->form = ORIGINAL_QUOTED;
	out->announced = q->announced < q->from;
	struct slice rest = slice_sub(text, q->to, text.n);
	if (q->prefix == 0 && rest.n && rest.p[0] == '\n') out->body = slice_sub(rest, 1, rest.n);
	survey(out);
	return true;
}

bool original_in_text(struct arena *a, struct slice text, struct original *out)
{
	struct quoted q;
	no_original(out);
	text = slice_sub(text, 0, ORIGINAL_HEADER_MOST);
	quoted_find(text, &q);
	return q.worth > 0 && take_quoted(a, text, &q, out);
}

size_t original_offset(struct slice text)
{
	struct quoted q;
	quoted_find(slice_sub(text, 0, ORIGINAL_HEADER_MOST), &q);
	return q.worth >= QUOTED_SURE ? q.announced : text.n;
}

static bool is_text(const struct mime_part *p)
{
	if (mime_is_multipart(p) && p->first) return false;
	/* Behind a delivery report: a part whose boundary was not right. */
	return mime_is_multipart(p) || p->type == MIME_DELIVERY_STATUS || p->type == MIME_TEXT_PLAIN ||
	       p->type == MIME_TEXT_HTML || p->type == MIME_TEXT || mime_is_message(p);
}

static bool find_in_texts(struct arena *a, const struct mime_part *root, struct original *out)
{
	struct slice best_text = SLICE_EMPTY;
	struct quoted best = {0}, q;
	const struct mime_part *best_part = NULL;
	for (const struct mime_part *p = root; p && best.worth < 5; p = mime_next(root, p)) {
		/* A message that is none was read as the child of its part: it is text like others. */
		bool within = p->embedded == root->embedded ||
		              (p->message && p->parent && p->embedded == root->embedded + 1 &&
		               quoted_known_fields(p->header) == 0);
		if (!within || !is_text(p)) continue;
		struct slice text = mime_text(a, p, ORIGINAL_HEADER_MOST);
		if (!text.p) return false;
		quoted_find(text, &q);
		if (q.worth <= best.worth) continue;
		best = q;
		best_text = text;
		best_part = p;
	}
	if (best.worth == 0 || !take_quoted(a, best_text, &best, out)) return false;
	out->part = best_part;
	return true;
}

/* Also one that cannot be read: it may be the original, with a header that is empty. */
static bool is_another(const struct mime_part *root, const struct mime_part *found)
{
	struct original bare;
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		if (p != found && p->embedded == root->embedded &&
		    (mime_is_message(p) || may_be_header(p) || take_bare(p, &bare)))
			return true;
	return false;
}

/* Is a text between the words of the report and the part? It may be the original, and the part in it. */
static bool is_behind_text(const struct mime_part *root, const struct mime_part *found)
{
	while (found->parent && found->parent != root) found = found->parent;
	for (const struct mime_part *p = root->first ? root->first->sibling : NULL; p && p != found; p = p->sibling)
		if (p->type == MIME_TEXT_PLAIN && !p->first) return true;
	return false;
}

/* Programs that know of reports make a new boundary for each; others may have one for all, and quote what they answer. */
static bool is_foretold(struct arena *a, const struct mime_part *root)
{
	struct slice boundary;
	size_t digits = 0;
	if (!root->first || !mime_is_multipart(root) || slice_equal_nocase(root->subtype_name, SLICE("report")))
		return false;
	if (!parameter_find(a, root->content_type, "boundary", &boundary)) return true;
	for (size_t i = 0; i < boundary.n; i++) digits += boundary.p[i] >= '0' && boundary.p[i] <= '9';
	return digits < RANDOM_DIGITS;
}

bool original_doubts(struct arena *a, const struct mime_part *root, const struct mime_part *p)
{
	return mime_is_guessed(p) || is_foretold(a, root) || is_behind_text(root, p);
}

static bool find_part(struct arena *a, const struct mime_part *root, struct original *out)
{
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		if (p->embedded == root->embedded && take_message(p, out)) return true;
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		if (p->embedded == root->embedded && (take_header(a, p, out) || take_bare(p, out))) return true;
	return false;
}

bool original_find(struct arena *a, const struct mime_part *root, struct original *out)
{
	no_original(out);
	if (!find_part(a, root, out)) return find_in_texts(a, root, out) && !arena_exhausted(a);
	out->doubtful = out->doubtful || original_doubts(a, root, out->part) || is_another(root, out->part);
	survey(out);
	return true;
}
