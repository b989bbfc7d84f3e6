/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/mailtext.h"

#include "mail/utf8.h"

void mailtext_init(struct mailtext *t, struct arena *a, size_t expected)
{
	*t = (struct mailtext){.arena = a, .room = expected ? expected : 1};
	t->p = arena_alloc(a, t->room);
	t->failed = t->p == NULL;
}

bool mailtext_failed(const struct mailtext *t)
{
	return t->failed;
}

struct slice mailtext_result(const struct mailtext *t)
{
	return t->failed ? (struct slice){NULL, 0} : slice_of(t->p, t->n);
}

static void put(struct mailtext *t, const char *p, size_t n)
{
	if (t->failed || n == 0) return;
	if (n > t->room - t->n) {
		size_t room = t->room;
		while (!t->failed && n > room - t->n) t->failed = __builtin_mul_overflow(room, (size_t)2, &room);
		char *bigger = t->failed ? NULL : arena_alloc(t->arena, room);
		t->failed = bigger == NULL;
		if (t->failed) return;
		memcpy(bigger, t->p, t->n);
		t->p = bigger;
		t->room = room;
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

void mailtext_raw(struct mailtext *t, const char *text)
{
	put(t, text, strlen(text));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The first character of text as it may be written: an octet, or a whole UTF-8 character. *used of text were read. */
static struct slice clean_character(const struct mailtext *t, struct slice text, size_t *used)
{
	size_t n = utf8_length(text);
	*used = n ? n : 1;
	if (n > 1) return t->utf8 ? slice_sub(text, 0, n) : SLICE("?");
	if (is_blank(text.p[0])) return SLICE(" ");
	return n == 1 && text.p[0] >= 32 && text.p[0] != 127 ? slice_sub(text, 0, 1) : SLICE("?");
}

/* Takes characters, at most `most` octets of output, from *text; writes them when `write`. Returns the octets of
 * output. */
static size_t take_characters(struct mailtext *t, struct slice *text, size_t most, bool write)
{
	size_t n = 0, used;
	while (text->n) {
		struct slice c = clean_character(t, *text, &used);
		if (n + c.n > most) break;
		if (write) put(t, c.p, c.n);
		n += c.n;
		*text = slice_sub(*text, used, text->n);
	}
	return n;
}

void mailtext_verbatim(struct mailtext *t, struct slice text)
{
	take_characters(t, &text, MAILTEXT_MOST, true);
}

static struct slice next_word(struct slice *text)
{
	size_t from = 0, to;
	if (text->n == 0) return SLICE_EMPTY; /* it may be {NULL, 0} */
	while (from < text->n && is_blank(text->p[from])) from++;
	for (to = from; to < text->n && !is_blank(text->p[to]);) to++;
	struct slice word = slice_sub(*text, from, to);
	*text = slice_sub(*text, to, text->n);
	return word;
}

static void new_line(struct mailtext *t, size_t indent)
{
	static const char blanks[] = "                ";
	put(t, "\r\n", 2);
	put(t, blanks, indent < sizeof blanks ? indent : sizeof blanks - 1);
}

/* Writes words from column `column` on; `fresh` means that nothing stands on the line yet. */
static void put_words(struct mailtext *t, struct slice text, size_t column, size_t indent, bool fresh)
{
	for (struct slice word; (word = next_word(&text)).n > 0;) {
		while (word.n) {
			struct slice measured = word;
			size_t width = take_characters(t, &measured, MAILTEXT_MOST, false);
			if (!fresh && column + 1 + width > MAILTEXT_COLUMNS) {
				new_line(t, indent);
				column = indent;
			} else if (!fresh) {
				put(t, " ", 1);
				column++;
			}
			column += take_characters(t, &word, width, true);
			fresh = false;
		}
	}
}

static bool has_words(struct slice text)
{
	return next_word(&text).n > 0;
}

void mailtext_field(struct mailtext *t, const char *name, struct slice value)
{
	if (!has_words(value)) return;
	mailtext_raw(t, name);
	put(t, ":", 1);
	put_words(t, value, strlen(name) + 1, 1, false);
	put(t, "\r\n", 2);
}

void mailtext_typed_field(struct mailtext *t, const char *name, const char *type, struct slice value)
{
	if (!has_words(value)) return;
	mailtext_raw(t, name);
	put(t, ": ", 2);
	mailtext_raw(t, type);
	put(t, ";", 1);
	put_words(t, value, strlen(name) + 2 + strlen(type) + 1, 1, false);
	put(t, "\r\n", 2);
}

void mailtext_paragraph(struct mailtext *t, size_t indent, struct slice text)
{
	static const char blanks[] = "                ";
	if (indent >= sizeof blanks) indent = sizeof blanks - 1;
	while (text.p) {
		struct slice line = slice_split(&text, '\n');
		if (!has_words(line)) continue;
		put(t, blanks, indent);
		put_words(t, line, indent, indent, true);
		put(t, "\r\n", 2);
	}
}

/* The next line without its CR LF or LF. */
static struct slice next_line(struct slice *text)
{
	struct slice line = slice_split(text, '\n');
	/* A line end at the very end begins no further line. */
	if (text->p && text->n == 0) *text = (struct slice){NULL, 0};
	if (line.n && line.p[line.n - 1] == '\r') line.n--;
	return line;
}

void mailtext_lines(struct mailtext *t, struct slice text)
{
	if (text.n == 0) return;
	while (text.p) {
		struct slice line = next_line(&text);
		put(t, line.p, line.n);
		put(t, "\r\n", 2);
	}
}

static void put_quoted_line(struct mailtext *t, struct slice line)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t column = 0;
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		bool last = i + 1 == line.n;
		/* RFC 2045 6.7 (2) and (3): blanks as they are, but not at the end of a line. */
		bool plain = (c >= 33 && c <= 126 && c != '=') || ((c == ' ' || c == '\t') && !last);
		char quoted[3] = {'=', digits[c >> 4], digits[c & 15]};
		size_t width = plain ? 1 : 3;
		if (column + width > 75) { /* 76 with the soft break's "=" */
			put(t, "=\r\n", 3);
			column = 0;
		}
		put(t, plain ? &line.p[i] : quoted, width);
		column += width;
	}
	put(t, "\r\n", 2);
}

void mailtext_quoted_printable(struct mailtext *t, struct slice text)
{
	if (text.n == 0) return;
	while (text.p) put_quoted_line(t, next_line(&text));
}
