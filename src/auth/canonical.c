/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/canonical.h"

#define SQUEEZED_AT_ONCE 16

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ---- what comes out -------------------------------------------------------------------------------------------- */

void canonical_begin(struct canonical_out *out, void (*take)(void *arg, struct slice octets), void *arg)
{
	out->take = take;
	out->arg = arg;
	out->n = 0;
}

void canonical_flush(struct canonical_out *out)
{
	if (out->n > 0) out->take(out->arg, slice_of(out->stage, out->n));
	out->n = 0;
}

static void put(struct canonical_out *out, struct slice s)
{
	if (s.n > CANONICAL_STAGE - out->n) canonical_flush(out);
	if (s.n > CANONICAL_STAGE) {
		out->take(out->arg, s);
	} else if (s.n > 0) {
		memcpy(out->stage + out->n, s.p, s.n);
		out->n += s.n;
	}
}

static void put_octet(struct canonical_out *out, char c)
{
	if (out->n == CANONICAL_STAGE) canonical_flush(out);
	out->stage[out->n++] = c;
}

static void put_line_end(struct canonical_out *out)
{
	put(out, SLICE("\r\n"));
}

typedef unsigned char octets16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

/* How much of the text, in steps of 16 octets, has only single spaces for blanks: relaxed leaves it as it is. Most
 * mail is like that, and looked at so it costs less than to be hashed. */
static size_t relaxed_already(struct slice text)
{
	size_t n = 0;
	octets16 now, next;
	for (; n + sizeof now < text.n; n += sizeof now) {
		memcpy(&now, text.p + n, sizeof now);
		memcpy(&next, text.p + n + 1, sizeof next);
		words2 bad = (words2)((now == '\t') | ((now == ' ') & ((next == ' ') | (next == '\t'))));
		if (bad[0] | bad[1]) break;
	}
	return n;
}

/* A few octets, each run of blanks in them one space; blank: one was put already. No branch for each octet: runs
 * are too short to be guessed. Returns whether the last was a blank. */
static bool put_squeezed(struct canonical_out *out, struct slice text, bool blank)
{
	if (text.n > CANONICAL_STAGE - out->n) canonical_flush(out);
	char *to = out->stage + out->n;
	for (size_t i = 0; i < text.n; i++) {
		bool now = is_blank(text.p[i]);
		*to = now ? ' ' : text.p[i];
		to += !(now & blank);
		blank = now;
	}
	out->n = (size_t)(to - out->stage);
	return blank;
}

/* Text of one line. */
static void put_relaxed(struct canonical_out *out, struct slice text, bool blank)
{
	while (text.n > 0) {
		size_t n = blank ? 0 : relaxed_already(text);
		if (n > 0) blank = text.p[n - 1] == ' '; /* and then what follows is none */
		put(out, slice_sub(text, 0, n));
		text = slice_sub(text, n, text.n);
		blank = put_squeezed(out, slice_sub(text, 0, SQUEEZED_AT_ONCE), blank);
		text = slice_sub(text, SQUEEZED_AT_ONCE, text.n);
	}
}

/* ---- header fields --------------------------------------------------------------------------------------------- */

static struct slice without_line_end(struct slice s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	else
		return s;
	if (s.n > 0 && s.p[s.n - 1] == '\r') s.n--;
	return s;
}

/* RFC 6376 3.4.1: as it is; line ends in it become CR LF. */
static void put_simple(struct canonical_out *out, struct slice text)
{
	while (text.n > 0) {
		const char *lf = memchr(text.p, '\n', text.n);
		size_t n = lf ? (size_t)(lf - text.p) + 1 : text.n;
		put(out, without_line_end(slice_sub(text, 0, n)));
		if (lf) put_line_end(out);
		text = slice_sub(text, n, text.n);
	}
}

struct unfolding { /* of a value */
	bool begun, blank;
};

/* RFC 6376 3.4.2: line ends go, runs of blanks become one space, those at both ends none. */
static void put_unfolded(struct canonical_out *out, struct unfolding *u, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool line_end = c == '\n' || (c == '\r' && i + 1 < text.n && text.p[i + 1] == '\n');
		if (line_end) continue;
		if (is_blank(c)) {
			u->blank = true;
			continue;
		}
		if (u->blank && u->begun) put_octet(out, ' ');
		put_octet(out, c);
		u->blank = false;
		u->begun = true;
	}
}

static void put_name(struct canonical_out *out, struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		put_octet(out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
	}
	put_octet(out, ':');
}

/* The field without its line end, and without hole. */
static void put_field(struct canonical_out *out, enum canonical how, const struct header_field *f, struct slice hole)
{
	struct slice all = how == CANONICAL_SIMPLE ? without_line_end(f->raw) : f->value;
	size_t from = hole.p ? (size_t)(hole.p - all.p) : all.n;
	struct slice before = slice_sub(all, 0, from), after = slice_sub(all, from + hole.n, all.n);
	if (how == CANONICAL_SIMPLE) {
		put_simple(out, before);
		put_simple(out, after);
		return;
	}
	struct unfolding u = {false, false};
	put_name(out, f->name);
	put_unfolded(out, &u, before);
	put_unfolded(out, &u, after);
}

void canonical_field(struct canonical_out *out, enum canonical how, const struct header_field *f)
{
	put_field(out, how, f, (struct slice){NULL, 0});
	put_line_end(out);
}

void canonical_signature(struct canonical_out *out, enum canonical how, const struct header_field *f, struct slice hole)
{
	put_field(out, how, f, hole);
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

void canonical_body_begin(struct canonical_body *b, enum canonical how, void (*take)(void *arg, struct slice octets),
                          void *arg)
{
	b->how = how;
	b->cr = b->blank = b->any = false;
	b->line_ends = 0;
	canonical_begin(&b->out, take, arg);
}

static void put_line_ends(struct canonical_body *b)
{
	for (; b->line_ends > 0; b->line_ends--) put_line_end(&b->out);
	b->any = true;
}

/* A part of a line, without line end. */
static void put_text(struct canonical_body *b, struct slice text)
{
	size_t n = text.n;
	if (b->how == CANONICAL_RELAXED)
		while (n > 0 && is_blank(text.p[n - 1])) n--;
	if (n > 0) {
		put_line_ends(b);
		if (b->how == CANONICAL_SIMPLE) {
			put(&b->out, text);
			return;
		}
		if (b->blank) put_octet(&b->out, ' ');
		put_relaxed(&b->out, slice_sub(text, 0, n), b->blank);
		b->blank = false;
	}
	b->blank = b->blank || text.n > n;
}

void canonical_body_put(struct canonical_body *b, struct slice piece)
{
	while (piece.n > 0) {
		const char *lf = memchr(piece.p, '\n', piece.n);
		size_t n = lf ? (size_t)(lf - piece.p) : piece.n;
		struct slice text = slice_sub(piece, 0, n);
		if (b->cr && n > 0) put_text(b, SLICE("\r"));
		b->cr = n > 0 && text.p[n - 1] == '\r';
		if (b->cr) text.n--;
		put_text(b, text);
		if (lf) {
			b->line_ends++;
			b->cr = b->blank = false;
		}
		piece = slice_sub(piece, lf ? n + 1 : n, piece.n);
	}
}

/* RFC 6376 3.4.3, 3.4.4: empty lines at the end do not count. A simple body has one line end at least, a relaxed
 * one only when something else is there. */
void canonical_body_end(struct canonical_body *b)
{
	if (b->cr) put_text(b, SLICE("\r"));
	if (b->any || b->how == CANONICAL_SIMPLE) put_line_end(&b->out);
	canonical_flush(&b->out);
}
