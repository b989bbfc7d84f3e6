/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/parameter.h"

#include "mail/charset.h"
#include "mail/encodedword.h"

struct reader {
	struct slice s;
	size_t at;
};

struct parameter {
	struct slice name, value; /* value without its quotes, escapes still in it */
	bool quoted;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past blanks and comments; an unclosed comment ends where it began, as text. */
static void skip_blanks(struct reader *r)
{
	struct slice s = r->s;
	for (;;) {
		while (r->at < s.n && is_blank(s.p[r->at])) r->at++;
		if (r->at == s.n || s.p[r->at] != '(') return;
		size_t depth = 0, i = r->at;
		for (; i < s.n; i++) {
			if (s.p[i] == '\\')
				i++;
			else if (s.p[i] == '(')
				depth++;
			else if (s.p[i] == ')' && --depth == 0)
				break;
		}
		if (i >= s.n) {
			r->at = s.n; /* nothing sensible can follow */
			return;
		}
		r->at = i + 1;
	}
}

/* A run without blanks and `; ( ,`, in a name also without = and quotes. */
static struct slice read_word(struct reader *r, bool name)
{
	size_t from = r->at;
	for (; r->at < r->s.n; r->at++) {
		char c = r->s.p[r->at];
		if (is_blank(c) || c == ';' || c == '(' || c == ',' || (name && (c == '=' || c == '"'))) break;
	}
	return slice_sub(r->s, from, r->at);
}

/* A missing end quote is taken to be where the next parameter begins, else at the end. */
static struct slice read_quoted(struct reader *r)
{
	struct slice s = r->s;
	size_t from = ++r->at, i = from;
	while (i < s.n && s.p[i] != '"') i += s.p[i] == '\\' ? 2 : 1;
	if (i < s.n) {
		r->at = i + 1;
		return slice_sub(s, from, i);
	}
	size_t semicolon = from + slice_find(slice_sub(s, from, s.n), ';');
	r->at = semicolon;
	return slice_trim(slice_sub(s, from, semicolon));
}

/* "utf-8 format=flowed" without a semicolon between: does a parameter begin at `at`? */
static bool parameter_begins(struct slice s, size_t at)
{
	size_t from = at;
	while (at < s.n && at - from < 64 &&
	       (s.p[at] == '-' || s.p[at] == '*' || (s.p[at] >= '0' && s.p[at] <= '9') ||
	        ((s.p[at] | 0x20) >= 'a' && (s.p[at] | 0x20) <= 'z')))
		at++;
	return at > from && at < s.n && s.p[at] == '=';
}

/* Blanks may stand in it unquoted, as in the file names of careless programs. */
static struct slice read_bare(struct reader *r)
{
	struct slice s = r->s;
	size_t from = r->at, end = from;
	while (r->at < s.n && s.p[r->at] != ';') {
		if (!is_blank(s.p[r->at])) {
			end = ++r->at;
			continue;
		}
		while (r->at < s.n && is_blank(s.p[r->at])) r->at++;
		if (r->at < s.n && (s.p[r->at] == '(' || parameter_begins(s, r->at))) break;
	}
	return slice_sub(s, from, end);
}

static bool next_parameter(struct reader *r, struct parameter *out)
{
	for (;;) {
		skip_blanks(r);
		while (r->at < r->s.n && (r->s.p[r->at] == ';' || r->s.p[r->at] == ',')) {
			r->at++;
			skip_blanks(r);
		}
		if (r->at == r->s.n) return false;
		size_t from = r->at;
		out->name = read_word(r, true);
		skip_blanks(r);
		if (r->at < r->s.n && r->s.p[r->at] == '=') {
			r->at++;
			skip_blanks(r);
			out->quoted = r->at < r->s.n && r->s.p[r->at] == '"';
			out->value = out->quoted ? read_quoted(r) : read_bare(r);
			return true;
		}
		if (r->at == from) r->at++; /* a stray quote */
	}
}

static void begin(struct reader *r, struct slice value)
{
	*r = (struct reader){.s = value};
	skip_blanks(r);
}

struct slice parameter_main(struct slice value)
{
	struct reader r;
	begin(&r, value);
	struct slice word = read_word(&r, false);
	/* RFC 2045 5.1 allows blanks nowhere here, older standards did: "text / plain". */
	size_t slash = r.at;
	while (slash < value.n && is_blank(value.p[slash])) slash++;
	if (slash == value.n || value.p[slash] != '/' || slice_find(word, '/') < word.n) return word;
	struct slice begun = word;
	r.at = slash + 1;
	skip_blanks(&r);
	read_word(&r, false);
	return slice_sub(value, (size_t)(begun.p - value.p), r.at);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Without backslashes and line ends. */
static struct slice unescape(struct arena *a, struct slice value)
{
	size_t n = 0;
	bool plain = slice_find(value, '\\') == value.n && slice_find(value, '\n') == value.n &&
	             slice_find(value, '\r') == value.n;
	if (plain) return value;
	char *out = arena_alloc(a, value.n);
	if (!out) return (struct slice){NULL, 0};
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\\' && i + 1 < value.n) i++;
		if (value.p[i] != '\r' && value.p[i] != '\n') out[n++] = value.p[i];
	}
	return slice_of(out, n);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct section {
	struct slice text;
	bool encoded, seen;
};

/* "name*", "name*3", "name*3*" is section 0, 3, 3 of `name`; false: it is none of it. */
static bool section_of(struct slice written, struct slice name, size_t *number, bool *encoded)
{
	if (written.n <= name.n || written.p[name.n] != '*' || !slice_starts_nocase(written, name)) return false;
	struct slice rest = slice_sub(written, name.n + 1, written.n);
	*encoded = rest.n == 0 || rest.p[rest.n - 1] == '*';
	if (rest.n && *encoded) rest.n--;
	uint64_t value = 0;
	if (rest.n && !slice_to_u64(rest, &value)) return false;
	*number = value < PARAMETER_SECTIONS ? (size_t)value : PARAMETER_SECTIONS;
	return *number < PARAMETER_SECTIONS;
}

/* RFC 2231 4: "charset'language'" is taken off the first section. */
static struct slice take_charset(struct slice *text)
{
	size_t first = slice_find(*text, '\''),
	       second = first + 1 + slice_find(slice_sub(*text, first + 1, text->n), '\'');
	if (second >= text->n) return SLICE_EMPTY;
	struct slice charset = slice_sub(*text, 0, first);
	*text = slice_sub(*text, second + 1, text->n);
	return charset;
}

static size_t percent_decode(struct slice in, char *out, size_t room)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n && n < room; i++) {
		int high = in.p[i] == '%' && i + 2 < in.n ? hex_value(in.p[i + 1]) : -1;
		int low = high >= 0 ? hex_value(in.p[i + 2]) : -1;
		out[n++] = low >= 0 ? (char)(high << 4 | low) : in.p[i];
		if (low >= 0) i += 2;
	}
	return n;
}

static struct slice join(struct arena *a, struct section *sections, size_t count)
{
	struct slice charset = sections[0].encoded ? take_charset(&sections[0].text) : SLICE_EMPTY;
	size_t most = 0, n = 0;
	for (size_t i = 0; i < count; i++) most += sections[i].text.n;
	if (most > PARAMETER_MOST) most = PARAMETER_MOST;
	char *out = arena_alloc(a, most);
	if (!out) return (struct slice){NULL, 0};
	for (size_t i = 0; i < count; i++) {
		struct slice text = sections[i].text;
		if (sections[i].encoded) {
			n += percent_decode(text, out + n, most - n);
		} else {
			if (text.n > most - n) text.n = most - n;
			memcpy(out + n, text.p, text.n);
			n += text.n;
		}
	}
	return charset_to_utf8(a, charset, slice_of(out, n), PARAMETER_MOST);
}

bool parameter_find(struct arena *a, struct slice value, const char *name, struct slice *out)
{
	struct reader r;
	struct parameter p;
	struct section *sections = NULL; /* few parameters have any */
	bool found = false;
	struct slice wanted = slice_str(name), plain = SLICE_EMPTY;
	begin(&r, value);
	struct slice word = parameter_main(value);
	if (slice_find(word, '=') == word.n)
		r.at = (size_t)(word.p - value.p) + word.n; /* else the main word is missing */
	while (next_parameter(&r, &p)) {
		size_t number;
		bool encoded;
		if (!found && slice_equal_nocase(p.name, wanted)) {
			plain = p.quoted ? unescape(a, p.value) : p.value;
			found = true;
		} else if (section_of(p.name, wanted, &number, &encoded)) {
			if (!sections) sections = arena_zalloc(a, PARAMETER_SECTIONS * sizeof *sections);
			if (!sections) return false;
			if (sections[number].seen) continue;
			struct slice text = p.quoted ? unescape(a, p.value) : p.value;
			sections[number] = (struct section){text, encoded, true};
		}
	}
	if (sections && sections[0].seen) {
		size_t count = 1;
		while (count < PARAMETER_SECTIONS && sections[count].seen) count++;
		*out = join(a, sections, count);
		return out->p != NULL;
	}
	if (!found || !plain.p) return false;
	/* A boundary is compared octet by octet, whatever it looks like. */
	*out = slice_equal_nocase(wanted, SLICE("boundary")) ? plain : encodedword_decode(a, plain);
	return out->p != NULL;
}
