/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/encodedword.h"

#include "mail/charset.h"
#include "mail/transfer.h"
#include "mail/utf8.h"

#define CHARSET_MOST 64

struct word {
	struct slice charset, text;
	bool base64;
	size_t after; /* offset past it */
};

struct writer {
	struct arena *arena;
	char *p;
	size_t n, room;
	bool failed;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* UTF-8 on one line: line ends vanish (RFC 5322 2.2.3), other controls are blanks. */
static void put(struct writer *w, struct slice text)
{
	if (!text.p) w->failed = true;
	for (size_t i = 0; i < text.n && w->n < w->room; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '\r' || c == '\n') continue;
		w->p[w->n++] = c < ' ' || c == 0x7F ? ' ' : (char)c;
	}
}

static void put_literal(struct writer *w, struct slice text)
{
	put(w, charset_to_utf8(w->arena, SLICE_EMPTY, text, SIZE_MAX));
}

/* Where the text of a word ends: at "?=", or at the next word or the end of all when that is missing. A "?" alone is
 * taken as text, since many programs forget to encode it. */
static size_t text_end(struct slice s, size_t from, size_t *after)
{
	for (size_t at = from; at < s.n;) {
		const char *mark = memchr(s.p + at, '?', s.n - at);
		if (!mark) break;
		at = (size_t)(mark - s.p);
		if (at + 1 < s.n && s.p[at + 1] == '=') {
			*after = at + 2;
			return at;
		}
		if (at > from && s.p[at - 1] == '=') return *after = at - 1;
		at++;
	}
	return *after = s.n;
}

/* RFC 2047 2: "=?" charset "?" encoding "?" text "?=" at `at`. */
static bool read_word(struct slice s, size_t at, struct word *out)
{
	if (s.n - at < 6 || s.p[at] != '=' || s.p[at + 1] != '?') return false;
	struct slice near = slice_sub(s, at + 2, at + 2 + CHARSET_MOST);
	size_t n = slice_find(near, '?'), from = at + 2 + n;
	if (n == 0 || n == near.n || from + 2 >= s.n || s.p[from + 2] != '?') return false;
	for (size_t i = 0; i < n; i++)
		if (near.p[i] <= ' ' || near.p[i] == '=') return false;
	char encoding = s.p[from + 1] | 0x20;
	if (encoding != 'b' && encoding != 'q') return false;
	size_t end = text_end(s, from + 3, &out->after);
	out->charset = slice_sub(near, 0, n);
	out->base64 = encoding == 'b';
	out->text = slice_sub(s, from + 3, end);
	return true;
}

/* RFC 2047 4.2: "_" is a blank, whatever the charset. */
static struct slice decode_q(struct arena *a, struct slice text)
{
	char *copy = arena_alloc(a, text.n);
	if (!copy) return (struct slice){NULL, 0};
	for (size_t i = 0; i < text.n; i++) copy[i] = text.p[i] == '_' ? ' ' : text.p[i];
	return transfer_quoted_printable(a, slice_of(copy, text.n), SIZE_MAX);
}

/* The offset of the word that only blanks separate from `at`; s.n: there is none. */
static size_t adjacent(struct slice s, size_t at, struct word *next)
{
	while (at < s.n && is_blank(s.p[at])) at++;
	return at < s.n && read_word(s, at, next) ? at : s.n;
}

/* Decodes the word and those after it that have the same charset, as one text; *w is the first word of another
 * charset, or after it there is no adjacent one: false. *at is past what was read. */
static bool decode_run(struct writer *out, struct slice s, struct word *w, size_t *at)
{
	struct slice charset = w->charset;
	size_t next = *at;
	struct word probe = *w;
	size_t most = 0;
	/* First the length of them all, then the octets. */
	do {
		most += probe.text.n + 1;
		next = adjacent(s, probe.after, &probe);
	} while (next < s.n && slice_equal_nocase(probe.charset, charset));
	char *octets = arena_alloc(out->arena, most);
	size_t n = 0;
	do {
		struct slice one =
			w->base64 ? transfer_base64(out->arena, w->text, SIZE_MAX) : decode_q(out->arena, w->text);
		if (!octets || !one.p) {
			out->failed = true;
			return false;
		}
		if (one.n > most - n) one.n = most - n;
		memcpy(octets + n, one.p, one.n);
		n += one.n;
		*at = w->after;
		next = adjacent(s, w->after, w);
	} while (next < s.n && slice_equal_nocase(w->charset, charset));
	put(out, charset_to_utf8(out->arena, charset, slice_of(octets, n), SIZE_MAX));
	return next < s.n;
}

/* True when there is nothing to decode, unfold or repair. */
static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < ' ' || c >= 0x7F) return false;
		if (c == '?' && i > 0 && s.p[i - 1] == '=') return false;
	}
	return true;
}

struct slice encodedword_decode(struct arena *a, struct slice value)
{
	value = slice_trim(value);
	if (is_plain(value)) return value;
	struct writer out = {.arena = a, .room = value.n * 3 + 16};
	if (!(out.p = arena_alloc(a, out.room))) return (struct slice){NULL, 0};
	for (size_t at = 0, literal = 0; at < value.n && !out.failed;) {
		struct word w;
		size_t mark = at + slice_search(slice_sub(value, at, value.n), SLICE("=?"));
		if (mark == value.n || !read_word(value, mark, &w)) {
			at = mark < value.n ? mark + 2 : value.n;
			if (at == value.n) put_literal(&out, slice_sub(value, literal, at));
			continue;
		}
		put_literal(&out, slice_sub(value, literal, mark));
		at = mark;
		while (decode_run(&out, value, &w, &at)) {
		}
		literal = at;
	}
	return out.failed ? (struct slice){NULL, 0} : slice_trim(slice_of(out.p, out.n));
}
