/* SPDX-License-Identifier: Apache-2.0 */
/* mime_content - what is in a part: the half of mime.h that decodes. */
#include "base/lanes.h"
#include "mail/charset.h"
#include "mail/html.h"
#include "mail/mime.h"
#include "mail/parameter.h"
#include "mail/transfer.h"
#include "mail/utf8.h"

/* Some parts say base64 and are text: then there are blanks in their first line. */
static bool is_base64(struct slice body)
{
	while (body.n && (body.p[0] == '\r' || body.p[0] == '\n')) body = slice_sub(body, 1, body.n);
	struct slice line = slice_trim(slice_sub(body, 0, slice_find(body, '\n')));
	return slice_find(line, ' ') == line.n;
}

#define QUOTED_LOOK 8192 /* octets */

static int hex(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Quoted-printable whose field was lost on the way: every "=" ends a line or quotes an octet, and some as no text has them by chance. */
static bool is_quoted(struct slice s)
{
	size_t ends = 0, octets = 0;
	s = slice_sub(s, 0, QUOTED_LOOK);
	for (size_t i = slice_find(s, '='); i + 2 < s.n; i += 1 + slice_find(slice_sub(s, i + 1, s.n), '=')) {
		const char *after = s.p + i + 1;
		if (after[0] == '\n' || (after[0] == '\r' && after[1] == '\n')) {
			ends++;
			continue;
		}
		if (hex(after[0]) < 0 || hex(after[1]) < 0) return false;
		octets += hex(after[0]) >= 8 || (after[0] == '3' && (after[1] | 0x20) == 'd');
	}
	return ends + octets >= 3 || (ends > 0 && octets > 0) || ends >= 2;
}

struct slice mime_octets(struct arena *a, const struct mime_part *p, size_t limit)
{
	if (mime_is_multipart(p)) return slice_sub(p->first ? p->preamble : p->body, 0, limit);
	switch (p->encoding) {
	case MIME_BASE64: return is_base64(p->body) ? transfer_base64(a, p->body, limit) : slice_sub(p->body, 0, limit);
	case MIME_QUOTED_PRINTABLE: return transfer_quoted_printable(a, p->body, limit);
	case MIME_UUENCODE: return transfer_uuencode(a, p->body, limit);
	default:
		if ((p->type == MIME_TEXT_PLAIN || p->type == MIME_TEXT_HTML) && is_quoted(p->body))
			return transfer_quoted_printable(a, p->body, limit);
		return slice_sub(p->body, 0, limit);
	}
}

/* How much of the text from `at` on has neither CR nor NUL; with `to`, it is copied there, where as much room is as in the text. */
static size_t plain_run(struct slice text, size_t at, char *to)
{
	size_t i = at;
	for (; text.n - i >= LANES; i += LANES) {
		lanes octets = lanes_load(text.p + i);
		if (to) lanes_store(to + (i - at), octets);
		unsigned odd = LANES_MASK((octets == '\r') | (octets == 0));
		if (odd) return i + lanes_first(odd) - at;
	}
	for (; i < text.n && text.p[i] != '\r' && text.p[i] != '\0'; i++)
		if (to) to[i - at] = text.p[i];
	return i - at;
}

/* Lines end in LF: CR LF, CR CR LF and CR alone become that; NULs vanish. */
static struct slice with_lf(struct arena *a, struct slice text)
{
	size_t i = plain_run(text, 0, NULL), n = i;
	if (i == text.n) return text;
	char *out = arena_alloc(a, text.n);
	if (!out) return (struct slice){NULL, 0};
	memcpy(out, text.p, n);
	while (i < text.n) {
		size_t from = i;
		while (i < text.n && text.p[i] == '\r') i++;
		if (i > from && (i == text.n || text.p[i] != '\n')) out[n++] = '\n';
		if (i < text.n && text.p[i] == '\0') i++;
		size_t run = plain_run(text, i, out + n);
		i += run;
		n += run;
	}
	arena_resize(a, out, text.n, n);
	return slice_of(out, n);
}

struct slice mime_text(struct arena *a, const struct mime_part *p, size_t limit)
{
	struct slice charset = SLICE_EMPTY;
	/* Markup and multi-octet charsets are longer than what they say, but not without bound. */
	bool html = p->type == MIME_TEXT_HTML;
	size_t raw = limit < SIZE_MAX / 8 ? limit * (html ? 8 : 4) : SIZE_MAX;
	struct slice text = mime_octets(a, p, raw);
	if (p->content_type.n && !mime_is_multipart(p)) parameter_find(a, p->content_type, "charset", &charset);
	if (text.p) text = charset_to_utf8(a, charset, text, html ? raw : limit);
	if (text.p) text = with_lf(a, text);
	if (text.p && html) text = html_to_text(a, text, limit);
	return text;
}
