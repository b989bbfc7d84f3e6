/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/spf_macro.h"

#include <stdio.h>

#define LABEL_MAX  63
#define TAIL       (SPF_NAME_MAX + 2) /* of a name that is too long, what decides where it is cut; a final dot included */
#define PARTS_MOST 1000000

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- syntax (RFC 7208 7.1) -------------------------------------------------------------------------------------------------------- */

struct macro {
	char letter; /* of "%{..}", in lower case; or '%', '_', '-' */
	bool url, reverse;
	size_t parts; /* 0: all */
	struct slice delimiters;
};

/* Takes a macro off the front of *text, which begins with "%". */
static bool take_macro(struct slice *text, struct macro *m)
{
	const char *p = text->p + 1, *end = text->p + text->n;
	*m = (struct macro){.letter = p < end ? *p++ : '\0'};
	if (m->letter == '{') {
		char letter = p < end ? *p++ : '\0';
		if (!is_alpha(letter)) return false;
		m->url = letter < 'a';
		m->letter = (char)(letter | 0x20);
		if (!memchr("slodiphcrtv", m->letter, 11)) return false;
		const char *digits = p;
		for (; p < end && is_digit(*p); p++)
			if (m->parts < PARTS_MOST) m->parts = m->parts * 10 + (size_t)(*p - '0');
		if (p > digits && m->parts == 0) return false; /* RFC 7208 7.3: must be nonzero */
		m->reverse = p < end && (*p | 0x20) == 'r';
		p += m->reverse;
		const char *delimiters = p;
		while (p < end && memchr(".-+,/_=", *p, 7)) p++;
		m->delimiters = slice_of(delimiters, (size_t)(p - delimiters));
		if (p == end || *p++ != '}') return false;
	} else if (m->letter != '%' && m->letter != '_' && m->letter != '-') {
		return false;
	}
	*text = slice_of(p, (size_t)(end - p));
	return true;
}

/* toplabel of RFC 7208 7.1: letters, digits and inner hyphens, not all digits */
static bool is_top_label(struct slice s)
{
	bool other = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool inner = i > 0 && i + 1 < s.n;
		if (!is_digit(c) && !is_alpha(c) && !(c == '-' && inner)) return false;
		if (!is_digit(c)) other = true;
	}
	return other;
}

/* What follows the last macro of a domain-spec: nothing, or a text that ends in "." toplabel [ "." ]. */
static bool is_domain_end(struct slice literal, bool after_macro)
{
	if (literal.n == 0) return after_macro;
	if (literal.p[literal.n - 1] == '.') literal.n--;
	size_t dot = slice_find_last(literal, '.');
	return dot < literal.n && is_top_label(slice_sub(literal, dot + 1, literal.n));
}

bool spf_macro_check(struct slice text, enum spf_macro_kind kind)
{
	bool after_macro = false;
	const char *literal = text.p;
	while (text.n > 0) {
		unsigned char c = (unsigned char)*text.p;
		if (c == '%') {
			struct macro m;
			if (!take_macro(&text, &m)) return false;
			if (kind == SPF_DOMAIN_SPEC && (m.letter == 'c' || m.letter == 'r' || m.letter == 't'))
				return false; /* RFC 7208 7.2: in explanations only */
			after_macro = true;
			literal = text.p;
			continue;
		}
		if ((c < 0x21 && !(c == ' ' && kind == SPF_EXPLAIN)) || c > 0x7e) return false;
		text = slice_of(text.p + 1, text.n - 1);
	}
	return kind != SPF_DOMAIN_SPEC || is_domain_end(slice_of(literal, (size_t)(text.p - literal)), after_macro);
}

bool spf_macro_uses(struct slice text, const char *letters)
{
	for (size_t at; (at = slice_find(text, '%')) < text.n;) {
		struct macro m;
		text = slice_sub(text, at, text.n);
		if (!take_macro(&text, &m)) return false;
		if (strchr(letters, m.letter)) return true;
	}
	return false;
}

/* ---- where the expansion goes ------------------------------------------------------------------------------------------------------ */

struct sink {
	char *out;
	size_t n, room;
	size_t work; /* octets written and read */
	bool tail;   /* keep the end rather than fail */
	bool failed;
};

static void put_some(struct sink *s, const char *p, size_t n)
{
	if (s->room - s->n < n) {
		if (!s->tail) {
			s->failed = true;
			return;
		}
		memmove(s->out, s->out + s->n - TAIL, TAIL); /* room >= 2 * TAIL, n <= TAIL: so many are there */
		s->n = TAIL;
	}
	memcpy(s->out + s->n, p, n);
	s->n += n;
}

static void put(struct sink *s, struct slice text)
{
	s->work += text.n;
	if (s->work > SPF_EXPANSION) s->failed = true;
	while (text.n > 0 && !s->failed) {
		size_t n = text.n < TAIL ? text.n : TAIL;
		put_some(s, text.p, n);
		text = slice_of(text.p + n, text.n - n);
	}
}

static bool is_unreserved(char c) /* RFC 3986 2.3 */
{
	return is_digit(c) || is_alpha(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void put_value(struct sink *s, struct slice text, bool url)
{
	static const char hex[] = "0123456789ABCDEF";
	if (!url) {
		put(s, text);
		return;
	}
	for (size_t i = 0; i < text.n && !s->failed; i++) {
		unsigned char c = (unsigned char)text.p[i];
		char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
		put(s, is_unreserved((char)c) ? slice_of(text.p + i, 1) : slice_of(escaped, 3));
	}
}

/* ---- values and what is done to them (RFC 7208 7.3) ---------------------------------------------------------------------------------- */

/* Dotted nibbles of IPv6; upper case, as they always were. */
static struct slice address_value(const struct ip *ip, char out[64])
{
	static const char hex[] = "0123456789ABCDEF";
	if (ip->family == AF_INET) return slice_str(ip_text(ip, out));
	for (size_t i = 0; i < 32; i++) {
		unsigned octet = ip->octets[i / 2];
		out[2 * i] = hex[i % 2 ? octet & 15 : octet >> 4];
		out[2 * i + 1] = '.';
	}
	return slice_of(out, 63);
}

static struct slice or_unknown(struct slice s)
{
	return s.n > 0 ? s : SLICE("unknown");
}

static struct slice value_of(const struct spf_macros *m, char letter, char room[64])
{
	switch (letter) {
	case 's': return m->sender;
	case 'l': return m->local;
	case 'o': return m->sender_domain;
	case 'd': return m->domain;
	case 'i': return address_value(&m->client, room);
	case 'p': return or_unknown(m->validated);
	case 'h': return m->helo;
	case 'c': return slice_str(ip_text(&m->client, room));
	case 'r': return or_unknown(m->receiver);
	case 't': return slice_of(room, (size_t)snprintf(room, 64, "%lld", (long long)m->now));
	case 'v': return m->client.family == AF_INET6 ? SLICE("ip6") : SLICE("in-addr");
	case '_': return SLICE(" ");
	case '-': return SLICE("%20");
	default: return SLICE("%");
	}
}

static bool is_delimiter(const struct macro *m, char c)
{
	return m->delimiters.n > 0 ? memchr(m->delimiters.p, c, m->delimiters.n) != NULL : c == '.';
}

/* The last parts of the value, a dot for every delimiter. */
static void put_right(struct sink *s, const struct macro *m, struct slice value)
{
	size_t from = value.n;
	for (size_t parts = 0; from > 0; from--) {
		if (is_delimiter(m, value.p[from - 1]) && ++parts == m->parts) break;
	}
	for (size_t i = from; i < value.n && !s->failed;) {
		size_t end = i;
		while (end < value.n && !is_delimiter(m, value.p[end])) end++;
		put_value(s, slice_sub(value, i, end), m->url);
		if (end < value.n) put(s, SLICE("."));
		i = end + 1;
	}
}

/* The last parts of what the value is in reverse: its first, from behind. */
static void put_reversed(struct sink *s, const struct macro *m, struct slice value)
{
	size_t end = 0;
	for (size_t parts = 0; end < value.n; end++) {
		if (is_delimiter(m, value.p[end]) && ++parts == m->parts) break;
	}
	for (;;) {
		size_t from = end;
		while (from > 0 && !is_delimiter(m, value.p[from - 1])) from--;
		put_value(s, slice_sub(value, from, end), m->url);
		if (from == 0 || s->failed) break;
		put(s, SLICE("."));
		end = from - 1;
	}
}

static void put_macro(struct sink *s, const struct spf_macros *values, const struct macro *m)
{
	char room[64];
	struct slice value = value_of(values, m->letter, room);
	s->work += value.n; /* of which a part may be all that is written */
	if (m->reverse)
		put_reversed(s, m, value);
	else if (m->parts > 0 || m->delimiters.n > 0)
		put_right(s, m, value);
	else
		put_value(s, value, m->url);
}

static void expand(struct sink *s, const struct spf_macros *values, struct slice text)
{
	while (text.n > 0 && !s->failed) {
		size_t n = slice_find(text, '%');
		put(s, slice_sub(text, 0, n));
		text = slice_sub(text, n, text.n);
		if (text.n == 0) break;
		struct macro m;
		if (take_macro(&text, &m))
			put_macro(s, values, &m);
		else
			s->failed = true;
	}
}

/* ---- names and explanations -------------------------------------------------------------------------------------------------------- */

bool spf_name_valid(struct slice name)
{
	if (name.n == 0 || name.n > SPF_NAME_MAX) return false;
	for (size_t label = 0, i = 0; i < name.n; i++) {
		label = name.p[i] == '.' ? 0 : label + 1;
		bool ends = i + 1 == name.n || name.p[i + 1] == '.';
		if (label > LABEL_MAX || (ends && label == 0)) return false;
	}
	return name.p[0] != '.';
}

bool spf_macro_domain(const struct spf_macros *m, struct slice spec, struct spf_name *out)
{
	char room[2 * TAIL];
	struct sink s = {.out = room, .room = sizeof room, .tail = true};
	expand(&s, m, spec);
	struct slice name = slice_of(room, s.n);
	if (name.n > 0 && name.p[name.n - 1] == '.') name.n--;
	if (name.n > SPF_NAME_MAX) { /* RFC 7208 7.3: labels go, from the left */
		size_t from = name.n - SPF_NAME_MAX - 1;
		size_t dot = slice_find(slice_sub(name, from, name.n), '.');
		name = slice_sub(name, from + dot + 1, name.n);
	}
	if (s.failed || !spf_name_valid(name)) return false;
	memcpy(out->octets, name.p, name.n);
	out->n = (uint8_t)name.n;
	return true;
}

bool spf_macro_explain(const struct spf_macros *m, struct slice text, char *out, size_t room, size_t *n)
{
	struct sink s = {.out = out, .room = room};
	expand(&s, m, text);
	*n = s.n;
	return !s.failed;
}
