/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime - see mime.h
 *
 * One pass, line by line, with a stack of the multiparts that are open:
 *
 *     begin_part  header, media type; a multipart is pushed; an embedded message begins at once as a child
 *     next_boundary  the next line that is the boundary of any open multipart, the innermost first
 *     close_parts  all parts within that multipart end before the line
 *
 * A line is compared with a boundary only if it begins with "--" and has the right length, so the cost is that of
 * finding the line ends. A message in base64 or quoted-printable is decoded and read by a parser of its own when its
 * end is known.
 */
#include "mail/mime.h"

#include "base/lanes.h"
#include "mail/mime_type.h"
#include "mail/parameter.h"
#include "mail/transfer.h"

#define FIELDS_FIRST    16
#define BOUNDARY_SEARCH 4096 /* octets in which a boundary that nobody told is looked for */
#define PREAMBLE_LINES  3    /* with text, before a boundary that nobody told, in a message that is no multipart */
#define BLANK_LINES     8    /* before a header that are read over */

struct open_multipart {
	struct mime_part *part;
	struct slice boundary;
	bool ended; /* its end boundary was seen */
};

struct parser {
	struct arena *arena;
	struct mime *mime;
	struct mime_part **tail; /* where the next part is linked */
	struct slice text;
	struct mime_part *root, *current; /* current: the innermost part whose end is not known */
	struct open_multipart open[MIME_DEPTH + 1];
	size_t open_count;
	bool failed;
};

static bool read_text(struct parser *p, struct mime_part *holder);

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* The offset past the line that begins at `at`. */
static size_t line_end(struct slice s, size_t at)
{
	const char *lf = at < s.n ? memchr(s.p + at, '\n', s.n - at) : NULL;
	return lf ? (size_t)(lf - s.p) + 1 : s.n;
}

/* Length of the empty line at `at`, with its line end; 0: there is none. */
static size_t empty_line(struct slice s, size_t at)
{
	size_t i = at;
	while (i < s.n && s.p[i] == '\r') i++;
	return i < s.n && s.p[i] == '\n' ? i + 1 - at : 0;
}

/* The offset before the line end that stands before `at`, not before `from`. */
static size_t before_line_end(struct slice s, size_t from, size_t at)
{
	if (at > from && s.p[at - 1] == '\n') at--;
	while (at > from && s.p[at - 1] == '\r') at--;
	return at;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- boundaries -------------------------------------------------------------------------------------------------- */

struct boundary_line {
	size_t from, to; /* the line, with its line end */
	size_t level;    /* in the stack */
	bool end;
};

/* RFC 2046 5.1.1: "--" boundary ["--"] blanks. The innermost that is not ended comes first, so an inner multipart
 * may have the boundary of its outer one. */
static bool match_boundary(const struct parser *p, size_t from, size_t to, struct boundary_line *out)
{
	struct slice line = slice_sub(p->text, from + 2, to);
	bool found = false;
	while (line.n && is_blank(line.p[line.n - 1])) line.n--;
	for (size_t level = p->open_count; level-- > 0;) {
		const struct open_multipart *m = &p->open[level];
		bool end = line.n == m->boundary.n + 2;
		if ((!end && line.n != m->boundary.n) || (m->ended && found)) continue;
		if (memcmp(line.p, m->boundary.p, m->boundary.n) != 0) continue;
		if (end && memcmp(line.p + m->boundary.n, "--", 2) != 0) continue;
		*out = (struct boundary_line){from, to, level, end};
		found = true;
		if (!m->ended) return true;
	}
	return found;
}

static bool at_boundary(const struct parser *p, size_t at, struct boundary_line *out)
{
	const char *s = p->text.p + at;
	if (p->text.n - at < 3 || s[0] != '-' || s[1] != '-' || p->open_count == 0) return false;
	return match_boundary(p, at, line_end(p->text, at), out);
}

/* The next line that begins with "--", behind the first one; text.n: there is none. */
static size_t next_dashes(struct slice text, size_t at)
{
	for (; text.n - at >= 2 * LANES; at += LANES) {
		const char *p = text.p + at;
		lanes found =
			(lanes)((lanes_load(p) == '\n') & (lanes_load(p + 1) == '-') & (lanes_load(p + 2) == '-'));
		unsigned mask = lanes_mask(found);
		if (mask) return at + lanes_first(mask) + 1;
	}
	at += slice_search(slice_sub(text, at, text.n), SLICE("\n--"));
	return at < text.n ? at + 1 : at;
}

static bool next_boundary(const struct parser *p, size_t at, struct boundary_line *out)
{
	if (p->open_count == 0) return false;
	for (; at < p->text.n; at = next_dashes(p->text, at))
		if (at_boundary(p, at, out)) return true;
	return false;
}

/* Does a field of a part's header stand there? "Content-" is enough. */
static bool content_field(struct slice s, size_t at)
{
	return slice_starts_nocase(slice_sub(s, at, s.n), SLICE("content-"));
}

/* A boundary that nobody told, or told wrong: the first line of a body that looks like one. `sure`: only when a header
 * follows it and hardly any text stands before it, for a text may quote a message that has parts. Where a part around it ends,
 * so does what is looked at. */
static struct slice guess_boundary(const struct parser *p, struct slice body, bool sure)
{
	struct boundary_line ignored;
	size_t lines = 0, from = (size_t)(body.p - p->text.p);
	body = slice_sub(body, 0, BOUNDARY_SEARCH);
	for (size_t at = 0, next; at < body.n && !(sure && lines > PREAMBLE_LINES); at = next) {
		next = line_end(body, at);
		struct slice line = slice_trim(slice_sub(body, at, next));
		lines += line.n > 0;
		if (at_boundary(p, from + at, &ignored)) break;
		if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-' || (sure && !content_field(body, next)))
			continue;
		if (slice_find(line, ' ') == line.n && line.p[line.n - 1] != '-') return slice_sub(line, 2, line.n);
	}
	return SLICE_EMPTY;
}

static bool boundary_occurs(struct arena *a, struct slice body, struct slice boundary)
{
	struct slice line = arena_printf(a, "--%.*s", SLICE_ARG(boundary));
	return line.p && slice_search(body, line) < body.n;
}

/* The boundary of a multipart; empty: there is none, the part is a leaf. */
static struct slice boundary_of(struct parser *p, struct mime_part *part)
{
	struct slice boundary = SLICE_EMPTY;
	bool multipart = mime_is_multipart(part);
	if (!multipart && (!part->message || part->content_type.n)) return SLICE_EMPTY;
	if (multipart && parameter_find(p->arena, part->content_type, "boundary", &boundary)) {
		while (boundary.n && is_blank(boundary.p[boundary.n - 1])) boundary.n--;
		/* Looking ahead costs a pass, so only once a message; a decoded one has its own parser. */
		if (boundary.n && (part != p->root || boundary_occurs(p->arena, part->body, boundary))) return boundary;
	}
	struct slice guess = guess_boundary(p, part->body, !multipart);
	part->guessed = guess.n > 0 && !multipart;
	return guess;
}

/* ---- headers ----------------------------------------------------------------------------------------------------- */

/* Makes the room that of `to` fields, where they are or elsewhere. */
static bool set_room(struct arena *a, struct mime_part *part, size_t *room, size_t to)
{
	size_t size = sizeof *part->fields;
	if (*room == 0 || !arena_resize(a, part->fields, *room * size, to * size)) {
		struct header_field *fields = arena_alloc(a, to * size);
		if (!fields) return false;
		if (part->field_count) memcpy(fields, part->fields, part->field_count * size);
		part->fields = fields;
	}
	*room = to;
	return true;
}

static bool add_field(struct parser *p, struct mime_part *part, size_t *room, const struct header_field *f)
{
	if (part->field_count == MIME_FIELDS) {
		p->mime->cut = true;
		return true;
	}
	if (part->field_count == *room && !set_room(p->arena, part, room, *room ? *room * 2 : FIELDS_FIRST))
		return false;
	struct header_field *fields = (struct header_field *)part->fields;
	fields[part->field_count++] = *f;
	part->names |= mime_name_bit(f->name);
	return true;
}

/* Empty lines before a header are read over, if a field or the line of a mail store ("From ") follows them; so is the mark that editors
 * write before a text in UTF-8. */
static size_t skip_empty_lines(struct slice text, size_t at)
{
	if (slice_starts(slice_sub(text, at, text.n), SLICE("\xef\xbb\xbf"))) at += 3;
	size_t i = at, n;
	for (size_t lines = 0; lines < BLANK_LINES && (n = empty_line(text, i)) > 0; lines++) i += n;
	if (i == at || i == text.n) return at;
	if (slice_starts(slice_sub(text, i, text.n), SLICE("From "))) return i;
	struct header_iterator it;
	struct header_field f;
	header_begin(&it, slice_sub(text, i, line_end(text, i)));
	return header_next(&it, &f) && !f.malformed ? i : at;
}

/* Reads a header; returns where the body begins. The header of a message goes on to the empty line, as header.h has it;
 * that of a part ends before the first line that is no field, for then the empty line is missing. */
static size_t read_header(struct parser *p, struct mime_part *part, size_t at)
{
	struct boundary_line ignored;
	struct header_iterator it;
	struct header_field f;
	size_t room = 0, empty;
	if (part->message) at = skip_empty_lines(p->text, at);
	header_begin(&it, p->text);
	it.at = at;
	for (;;) {
		size_t here = it.at;
		if ((empty = empty_line(p->text, here)) > 0) {
			it.at = here + empty;
			break;
		}
		if (at_boundary(p, here, &ignored) || !header_next(&it, &f)) break;
		if (f.malformed && !part->message) {
			it.at = here;
			break;
		}
		if (!add_field(p, part, &room, &f)) {
			p->failed = true;
			break;
		}
	}
	if (room > 0)
		arena_resize(p->arena, part->fields, room * sizeof *part->fields,
		             part->field_count * sizeof *part->fields);
	part->header = slice_sub(p->text, at, it.at);
	return it.at;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static struct mime_part *new_part(struct parser *p, struct mime_part *parent)
{
	struct mime_part *part = ARENA_NEW(p->arena, struct mime_part);
	if (!part) {
		p->failed = true;
		return NULL;
	}
	part->body = part->preamble = part->epilogue = part->content_type = SLICE_EMPTY;
	part->parent = parent;
	part->message = !parent || mime_is_message(parent);
	if (parent) {
		part->depth = parent->depth + 1;
		part->embedded = parent->embedded + part->message;
		if (parent->last)
			parent->last->sibling = part;
		else
			parent->first = part;
		parent->last = part;
	}
	*p->tail = part;
	p->tail = &part->next;
	p->mime->parts++;
	return part;
}

static bool may_nest(struct parser *p, const struct mime_part *part)
{
	bool room = part->depth < MIME_DEPTH && p->mime->parts < MIME_PARTS;
	if (!room) p->mime->cut = true;
	return room;
}

/* RFC 2046 5.2.1 and RFC 2045 6.4 forbid encoding a message; those that label one so mostly did not encode it. */
static bool is_encoded_message(const struct mime_part *part)
{
	struct slice start = slice_sub(part->body, 0, BOUNDARY_SEARCH);
	if (part->encoding == MIME_BASE64) {
		struct slice line = slice_trim(slice_sub(start, 0, line_end(start, 0)));
		return slice_find(line, ':') == line.n && slice_find(line, ' ') == line.n;
	}
	return part->encoding == MIME_QUOTED_PRINTABLE &&
	       (slice_search(start, SLICE("=3D")) < start.n || slice_search(start, SLICE("=\n")) < start.n ||
	        slice_search(start, SLICE("=\r\n")) < start.n);
}

/* Begins a part at `at`, and if it is an embedded message the one in it, and so on. Returns where its content
 * begins. */
static size_t begin_part(struct parser *p, struct mime_part *part, size_t at)
{
	for (; part && !p->failed; part = new_part(p, part)) {
		p->current = part;
		at = read_header(p, part, at);
		mime_type_read(part);
		part->body = slice_sub(p->text, at, p->text.n); /* until its end is known */
		if (!may_nest(p, part)) break;
		struct slice boundary = boundary_of(p, part);
		if (boundary.n) {
			mime_type_is_multipart(part);
			p->open[p->open_count++] = (struct open_multipart){part, boundary, false};
			break;
		}
		struct boundary_line ignored;
		if (!mime_is_message(part) || at == p->text.n || at_boundary(p, at, &ignored)) break;
		if (is_encoded_message(part)) break;
	}
	return at;
}

/* An encoded message, now that its end is known. */
static void read_encoded(struct parser *p, struct mime_part *part)
{
	if (!mime_is_message(part) || part->first || part->body.n == 0 || !is_encoded_message(part)) return;
	if (!may_nest(p, part)) return;
	struct parser inner = {.arena = p->arena, .mime = p->mime, .tail = p->tail};
	inner.text = mime_octets(p->arena, part, SIZE_MAX);
	if (!inner.text.p || !read_text(&inner, part)) p->failed = true;
	p->tail = inner.tail;
}

/* Ends all parts within `outer` (NULL: all there are) at `end`. */
static void close_parts(struct parser *p, const struct mime_part *outer, size_t end)
{
	for (struct mime_part *part = p->current; part != outer && !p->failed; part = part->parent) {
		size_t from = (size_t)(part->body.p - p->text.p), to = end > from ? end : from;
		part->body = slice_sub(p->text, from, to);
		if (p->open_count && p->open[p->open_count - 1].part == part) {
			if (!part->first) part->preamble = part->body;
			if (part->epilogue.n) {
				size_t after = (size_t)(part->epilogue.p - p->text.p);
				part->epilogue = slice_sub(p->text, after, end > after ? end : after);
			}
			p->open_count--;
		}
		read_encoded(p, part);
		if (part == p->root) break;
	}
}

/* At a boundary line: what is within that multipart ends, and the next part begins, or its epilogue. */
static size_t pass_boundary(struct parser *p, const struct boundary_line *b)
{
	struct open_multipart *m = &p->open[b->level];
	struct mime_part *part = m->part;
	size_t from = (size_t)(part->body.p - p->text.p), end = before_line_end(p->text, from, b->from);
	close_parts(p, part, end);
	p->current = part;
	if (!part->first && !part->preamble.n) part->preamble = slice_sub(p->text, from, end);
	if (b->end) {
		m->ended = true;
		part->epilogue = slice_sub(p->text, b->to, p->text.n);
		return b->to;
	}
	m->ended = false;
	part->epilogue = SLICE_EMPTY;
	if (p->failed) return b->to;
	return begin_part(p, new_part(p, part), b->to);
}

/* Reads p->text as a message, the child of holder if there is one. False: no memory. */
static bool read_text(struct parser *p, struct mime_part *holder)
{
	struct boundary_line b;
	p->root = new_part(p, holder);
	if (!p->root) return false;
	size_t at = begin_part(p, p->root, 0);
	while (!p->failed && next_boundary(p, at, &b)) {
		if (p->mime->parts >= MIME_PARTS && !b.end) {
			p->mime->cut = true;
			break;
		}
		at = pass_boundary(p, &b);
	}
	if (!p->failed) close_parts(p, holder, p->text.n);
	return !p->failed;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* A message from a machine whose lines end in CR; RFC 5321 2.3.8 knows no such thing. */
static struct slice with_lf(struct arena *a, struct slice message)
{
	if (slice_find(message, '\n') < message.n || slice_find(message, '\r') == message.n) return message;
	char *copy = arena_alloc(a, message.n);
	if (!copy) return (struct slice){NULL, 0};
	for (size_t i = 0; i < message.n; i++) copy[i] = message.p[i] == '\r' ? '\n' : message.p[i];
	return slice_of(copy, message.n);
}

bool mime_parse(struct arena *a, struct slice message, struct mime *out)
{
	*out = (struct mime){0};
	out->message = message.p ? with_lf(a, message) : SLICE_EMPTY;
	if (!out->message.p) return false;
	struct parser p = {.arena = a, .mime = out, .tail = &out->root, .text = out->message};
	return read_text(&p, NULL);
}

bool mime_is_guessed(const struct mime_part *p)
{
	while (p && !p->guessed) p = p->parent;
	return p != NULL;
}

const struct mime_part *mime_next(const struct mime_part *root, const struct mime_part *p)
{
	return p->next && p->next->depth > root->depth ? p->next : NULL;
}

const struct mime_part *mime_find(const struct mime_part *root, enum mime_type type)
{
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		if (p->type == type && p->embedded == root->embedded) return p;
	return NULL;
}

const struct header_field *mime_find_field(const struct mime_part *p, struct slice name,
                                           const struct header_field *after)
{
	if (p->field_count == 0) return NULL;
	const struct header_field *f = after ? after + 1 : p->fields, *end = p->fields + p->field_count;
	while (f < end && !slice_equal_nocase(f->name, name)) f++;
	return f < end ? f : NULL;
}
