/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/reportfield.h"

#include "mail/encodedword.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

struct slice reportfield_text(struct arena *a, struct slice value)
{
	return encodedword_decode(a, value);
}

struct slice reportfield_without_comments(struct arena *a, struct slice value)
{
	struct slice text = reportfield_text(a, value);
	if (!text.p || slice_find(text, '(') == text.n) return text;
	char *out = arena_alloc(a, text.n);
	if (!out) return (struct slice){NULL, 0};
	size_t n = 0, depth = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (depth == 0 && c != '(') out[n++] = c;
		if (c == '(') depth++;
		if (c == ')' && depth > 0) depth--;
	}
	return slice_trim(slice_of(out, n));
}

static bool is_type(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == '@' || s.p[i] == '<' || s.p[i] == '"' || s.p[i] == ':') return false;
	return s.n > 0 && s.n <= 32;
}

struct status_typed reportfield_typed(struct arena *a, struct slice value)
{
	struct slice text = reportfield_text(a, value);
	if (!text.p) return (struct status_typed){text, text};
	size_t at = slice_find(text, ';');
	struct slice type = slice_trim(slice_sub(text, 0, at));
	if (at == text.n || !is_type(type)) return (struct status_typed){SLICE_EMPTY, text};
	return (struct status_typed){type, slice_trim(slice_sub(text, at + 1, text.n))};
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 6533 3: "\x{1F600}" in utf-8-addr-xtext and utf-8-addr-unitext. */
static struct slice decode_unitext(struct arena *a, struct slice in)
{
	if (slice_search(in, SLICE("\\x{")) == in.n) return in;
	char *out = arena_alloc(a, in.n);
	if (!out) return (struct slice){NULL, 0};
	size_t n = 0;
	for (size_t i = 0; i < in.n;) {
		size_t at = i + 3;
		uint32_t c = 0;
		bool escape = slice_starts(slice_sub(in, i, in.n), SLICE("\\x{"));
		for (int digit; escape && at < in.n && at < i + 9 && (digit = hex_value(in.p[at])) >= 0; at++)
			c = c << 4 | (uint32_t)digit;
		if (escape && at > i + 3 && at < in.n && in.p[at] == '}' && c >= ' ') {
			n += utf8_encode(out + n, c); /* shorter than the escape, which has six octets or more */
			i = at + 1;
		} else {
			out[n++] = in.p[i++];
		}
	}
	return slice_of(out, n);
}

struct slice reportfield_address(struct arena *a, struct status_typed typed)
{
	struct slice s = typed.value;
	size_t close = slice_find_last(s, '>'), open = slice_find_last(slice_sub(s, 0, close), '<');
	if (close < s.n && open < close)
		s = slice_sub(s, open + 1, close);
	else if (s.n && s.p[0] == '<')
		s = slice_sub(s, 1, s.n);
	size_t blank = slice_find(s, ' ');
	if (blank < s.n && s.p[0] != '"') s = slice_sub(s, 0, blank); /* a comment or remark after it */
	if (slice_starts_nocase(typed.type, SLICE("utf-8"))) s = decode_unitext(a, s);
	bool encoded = s.p && slice_find(s, '@') == s.n && slice_search(s, SLICE("+40")) < s.n;
	struct slice decoded = encoded ? xtext_decode(a, s) : s;
	return decoded.p ? decoded : s;
}
