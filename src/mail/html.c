/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/html.h"

#include <stdlib.h>

#include "base/lanes.h"
#include "mail/html_entities.h"
#include "mail/utf8.h"

#define CHARACTER_MOST 4   /* octets */
#define TAG_MOST       10  /* letters of the longest name that means something to us */
#define ADDRESS_MOST   320 /* octets, RFC 5321 4.5.3.1; bounds the looking twice at what is in brackets */

enum gap { NO_GAP, BLANK, LINE }; /* what stands before the next visible character */

struct stripper {
	struct slice in;
	size_t at;
	char *out;
	size_t n, room;
	enum gap gap;
	bool full, preformatted;
	bool quotes_broken; /* an attribute without its end quote was seen: from then on quotes mean nothing */
	bool no_more_tags;  /* there is no ">" any more */
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static void widen_gap(struct stripper *s, enum gap gap)
{
	if (gap > s->gap) s->gap = gap;
}

static void put_gap(struct stripper *s)
{
	if (s->gap != NO_GAP && s->n > 0) s->out[s->n++] = s->gap == LINE ? '\n' : ' ';
	s->gap = NO_GAP;
}

static void put(struct stripper *s, const char *text, size_t n)
{
	size_t gap = s->gap != NO_GAP && s->n > 0;
	if (s->room - s->n < n + gap) {
		s->full = true;
		return;
	}
	put_gap(s);
	memcpy(s->out + s->n, text, n);
	s->n += n;
}

static void put_character(struct stripper *s, uint32_t c)
{
	char text[4];
	if (c == 0xAD || (c >= 0x200B && c <= 0x200D) || c == 0xFEFF)
		return; /* invisible; it hides words from readers */
	if (c <= ' ' || c == 0xA0 || (c >= 0x7F && c < 0xA0)) {
		widen_gap(s, BLANK);
		return;
	}
	put(s, text, utf8_encode(text, c));
}

/* ---- character references ---------------------------------------------------------------------------------------- */

static int compare_entity(const void *name, const void *row)
{
	return strcmp(name, ((const struct html_entity *)row)->name);
}

static bool named(struct slice text, uint32_t *character)
{
	char name[HTML_ENTITY_NAME_MOST + 1];
	memcpy(name, text.p, text.n);
	name[text.n] = '\0';
	const struct html_entity *e = bsearch(name, html_entities, sizeof html_entities / sizeof *html_entities,
	                                      sizeof *html_entities, compare_entity);
	if (e) *character = e->character;
	return e != NULL;
}

static size_t numeric(struct slice s, uint32_t *character)
{
	size_t i = 2;
	unsigned base = 10;
	uint32_t value = 0;
	if (i < s.n && (s.p[i] | 0x20) == 'x') base = 16, i++;
	size_t from = i;
	for (; i < s.n; i++) {
		char c = s.p[i] | 0x20; /* digits have that bit */
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
		                 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
		                                        : 99;
		if (digit >= base) break;
		if (value <= 0x10FFFF) value = value * base + digit;
	}
	if (i == from) return 0;
	*character = value;
	return i;
}

/* Length of the reference that s begins with, without its semicolon; 0: none. */
static size_t reference(struct slice s, uint32_t *character)
{
	size_t n = 1;
	if (s.n < 3) return 0;
	if (s.p[1] == '#') return numeric(s, character);
	while (n < s.n && n <= HTML_ENTITY_NAME_MOST && (is_letter(s.p[n]) || (s.p[n] >= '0' && s.p[n] <= '9'))) n++;
	return n > 1 && named(slice_sub(s, 1, n), character) ? n : 0;
}

static void read_reference(struct stripper *s)
{
	uint32_t character;
	size_t n = reference(slice_sub(s->in, s->at, s->in.n), &character);
	if (n == 0) {
		put(s, "&", 1);
		s->at++;
		return;
	}
	put_character(s, character);
	s->at += n;
	if (s->at < s->in.n && s->in.p[s->at] == ';') s->at++;
}

/* ---- tags -------------------------------------------------------------------------------------------------------- */

/* Has it an "@" before any octet that no address has? */
static bool is_address(struct slice tag)
{
	size_t i = 0;
	if (tag.n > ADDRESS_MOST) return false;
	while (i < tag.n && !is_blank(tag.p[i]) && tag.p[i] != '=' && tag.p[i] != '"' && tag.p[i] != '@') i++;
	return i < tag.n && tag.p[i] == '@';
}

/* The first quote or ">" from `at` on, or in.n. */
static size_t next_stop(struct slice in, size_t at)
{
	for (; at + LANES <= in.n; at += LANES) {
		lanes octets = lanes_load(in.p + at);
		unsigned stops = LANES_MASK((octets == '>') | (octets == '"') | (octets == '\''));
		if (stops) return at + lanes_first(stops);
	}
	while (at < in.n && in.p[at] != '>' && in.p[at] != '"' && in.p[at] != '\'') at++;
	return at;
}

/* The offset of the ">" that ends the tag at s->at; in.n: there is none. */
static size_t tag_end(struct stripper *s)
{
	for (size_t i = s->at + 1; !s->quotes_broken; i++) {
		i = next_stop(s->in, i);
		if (i >= s->in.n) break;
		if (s->in.p[i] == '>') return i;
		if (s->in.p[i - 1] != '=') continue;
		i += 1 + slice_find(slice_sub(s->in, i + 1, s->in.n), s->in.p[i]); /* the quote at the other end */
		if (i == s->in.n) break;
	}
	s->quotes_broken = true;
	return s->at + slice_find(slice_sub(s->in, s->at, s->in.n), '>');
}

/* Past the end tag of a script or style; to the end when it is missing. */
static void skip_element(struct stripper *s, const char *end_tag)
{
	struct slice wanted = slice_str(end_tag);
	while (s->at < s->in.n) {
		s->at += slice_find(slice_sub(s->in, s->at, s->in.n), '<');
		if (slice_starts_nocase(slice_sub(s->in, s->at, s->in.n), wanted)) return;
		if (s->at < s->in.n) s->at++;
	}
}

/* What a tag does. */
enum { LINE_BEGINS = 1, CELL = 2, AS_IT_IS = 4, SCRIPT = 8, STYLE = 16 };

#define SLOTS                         128
#define SLOT(first, second, third, n) (((first) + 5 * (second) + 5 * (third) + 2 * (n)) % SLOTS)

/* Each name has a slot of its own: two in one are an error of the compiler's (-Woverride-init). */
static const struct tag {
	char name[TAG_MOST]; /* zeros behind it */
	uint8_t effects;
} tags[SLOTS] = {
	[SLOT('p', 0, 0, 1)] = {"p", LINE_BEGINS},
	[SLOT('b', 'r', 0, 2)] = {"br", LINE_BEGINS},
	[SLOT('t', 'r', 0, 2)] = {"tr", LINE_BEGINS},
	[SLOT('l', 'i', 0, 2)] = {"li", LINE_BEGINS},
	[SLOT('u', 'l', 0, 2)] = {"ul", LINE_BEGINS},
	[SLOT('o', 'l', 0, 2)] = {"ol", LINE_BEGINS},
	[SLOT('d', 'l', 0, 2)] = {"dl", LINE_BEGINS},
	[SLOT('d', 't', 0, 2)] = {"dt", LINE_BEGINS},
	[SLOT('d', 'd', 0, 2)] = {"dd", LINE_BEGINS},
	[SLOT('h', 'r', 0, 2)] = {"hr", LINE_BEGINS},
	[SLOT('h', '1', 0, 2)] = {"h1", LINE_BEGINS},
	[SLOT('h', '2', 0, 2)] = {"h2", LINE_BEGINS},
	[SLOT('h', '3', 0, 2)] = {"h3", LINE_BEGINS},
	[SLOT('h', '4', 0, 2)] = {"h4", LINE_BEGINS},
	[SLOT('h', '5', 0, 2)] = {"h5", LINE_BEGINS},
	[SLOT('h', '6', 0, 2)] = {"h6", LINE_BEGINS},
	[SLOT('d', 'i', 'v', 3)] = {"div", LINE_BEGINS},
	[SLOT('p', 'r', 'e', 3)] = {"pre", LINE_BEGINS | AS_IT_IS},
	[SLOT('h', 'e', 'a', 4)] = {"head", LINE_BEGINS},
	[SLOT('b', 'o', 'd', 4)] = {"body", LINE_BEGINS},
	[SLOT('h', 't', 'm', 4)] = {"html", LINE_BEGINS},
	[SLOT('f', 'o', 'r', 4)] = {"form", LINE_BEGINS},
	[SLOT('t', 'a', 'b', 5)] = {"table", LINE_BEGINS},
	[SLOT('t', 'b', 'o', 5)] = {"tbody", LINE_BEGINS},
	[SLOT('t', 'h', 'e', 5)] = {"thead", LINE_BEGINS},
	[SLOT('t', 'i', 't', 5)] = {"title", LINE_BEGINS},
	[SLOT('c', 'e', 'n', 6)] = {"center", LINE_BEGINS},
	[SLOT('h', 'e', 'a', 6)] = {"header", LINE_BEGINS},
	[SLOT('f', 'o', 'o', 6)] = {"footer", LINE_BEGINS},
	[SLOT('o', 'p', 't', 6)] = {"option", LINE_BEGINS},
	[SLOT('a', 'd', 'd', 7)] = {"address", LINE_BEGINS},
	[SLOT('s', 'e', 'c', 7)] = {"section", LINE_BEGINS},
	[SLOT('a', 'r', 't', 7)] = {"article", LINE_BEGINS},
	[SLOT('f', 'i', 'e', 8)] = {"fieldset", LINE_BEGINS},
	[SLOT('b', 'l', 'o', 10)] = {"blockquote", LINE_BEGINS},
	[SLOT('t', 'd', 0, 2)] = {"td", CELL},
	[SLOT('t', 'h', 0, 2)] = {"th", CELL},
	[SLOT('s', 'c', 'r', 6)] = {"script", SCRIPT},
	[SLOT('s', 't', 'y', 5)] = {"style", STYLE},
};

/* The name that stands at `at`, its length, and what a tag of that name does; 0: nothing, as most do. */
static unsigned effects_of(struct slice in, size_t at, size_t *length)
{
	static const lanes places = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	unsigned char name[LANES] = {0};
	struct slice rest = slice_sub(in, at, at + LANES);
	if (rest.n < LANES) memcpy(name, rest.p, rest.n);
	lanes octets = lanes_load(rest.n < LANES ? (const char *)name : rest.p), lower = octets | ' ';
	unsigned others = ~LANES_MASK(lanes_within(lower, 'a', 'z') | lanes_within(octets, '1', '6'));
	size_t n = lanes_first(others | 1u << LANES);
	*length = n;
	if (n > TAG_MOST) return 0;
	lanes_store(name, lower & (lanes)(places < (uint8_t)n)); /* digits have the bit of lower case */
	const struct tag *tag = &tags[SLOT(name[0], name[1], name[2], n)];
	return memcmp(tag->name, name, TAG_MOST) == 0 ? tag->effects : 0;
}

static void act_on_tag(struct stripper *s, unsigned effects, bool end)
{
	if (effects & LINE_BEGINS) widen_gap(s, LINE);
	if (effects & CELL) widen_gap(s, BLANK);
	if (effects & AS_IT_IS) s->preformatted = !end;
	if (!end && effects & SCRIPT) skip_element(s, "</script");
	if (!end && effects & STYLE) skip_element(s, "</style");
}

static void read_comment(struct stripper *s)
{
	size_t from = s->at + 4, end = from + slice_search(slice_sub(s->in, from, s->in.n), SLICE("-->"));
	s->at = end + 3 < s->in.n ? end + 3 : s->in.n;
}

static void read_tag(struct stripper *s)
{
	struct slice rest = slice_sub(s->in, s->at, s->in.n);
	if (slice_starts(rest, SLICE("<!--"))) {
		read_comment(s);
		return;
	}
	char first = rest.n > 1 ? rest.p[1] : '\0';
	bool begins = is_letter(first) || first == '/' || first == '!' || first == '?', closes = first == '/';
	size_t end = begins && !s->no_more_tags ? tag_end(s) : s->in.n;
	if (begins && end == s->in.n) s->no_more_tags = true;
	size_t name = s->at + 1 + closes, length = 0;
	unsigned effects = end < s->in.n ? effects_of(s->in, name, &length) : 0;
	bool plain = name + length == end || (name + length < end && is_blank(s->in.p[name + length]));
	if (end == s->in.n || (!plain && is_address(slice_sub(s->in, s->at + 1, end)))) {
		put(s, "<", 1);
		s->at++;
		return;
	}
	s->at = end + 1;
	act_on_tag(s, effects, closes);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* What ends a run of words. */
static const bool special[256] = {
	['<'] = true,  ['&'] = true,  [' '] = true,  ['\t'] = true,
	['\n'] = true, ['\v'] = true, ['\f'] = true, ['\r'] = true,
};

/* Which of sixteen octets are neither of words nor single blanks between them; a line end may be such a blank. */
static unsigned stops(lanes octets, bool word_behind, bool preformatted)
{
	unsigned controls = LANES_MASK(lanes_within(octets, '\t', '\r'));
	unsigned blanks = LANES_MASK(octets == ' ') | (preformatted ? 0 : controls);
	unsigned words = ~(LANES_MASK((octets == '<') | (octets == '&')) | controls | blanks) & 0xffff;
	unsigned before_words = words >> 1 | (unsigned)word_behind << (LANES - 1);
	return (words | (blanks & before_words)) ^ 0xffff;
}

/* Sixteen octets at a time, as many as can be taken as they are, but for line ends, which become blanks. There is still room for the
 * character that comes then, without which there would be no blank. */
static void copy_words(struct stripper *s)
{
	if (s->in.n - s->at <= LANES || s->room - s->n <= LANES + CHARACTER_MOST) return;
	put_gap(s);
	size_t n = 0, left = s->in.n - s->at, room = s->room - s->n;
	const char *in = s->in.p + s->at;
	char *out = s->out + s->n; /* what is written behind a stop is overwritten */
	for (; left - n > LANES && room - n >= LANES + CHARACTER_MOST; n += LANES) {
		lanes octets = lanes_load(in + n), controls = lanes_within(octets, '\t', '\r');
		unsigned stop = stops(octets, !special[(unsigned char)in[n + LANES]], s->preformatted);
		lanes_store(out + n, (octets & ~controls) + (controls & ' '));
		if (!stop) continue;
		n += lanes_first(stop);
		break;
	}
	s->n += n;
	s->at += n;
}

/* Words with single blanks between them stay as they are. */
static size_t words_end(struct slice in, size_t at)
{
	for (;;) {
		while (at < in.n && !special[(unsigned char)in.p[at]]) at++;
		if (at + 1 >= in.n || in.p[at] != ' ' || special[(unsigned char)in.p[at + 1]]) return at;
		at++;
	}
}

static void read_text(struct stripper *s)
{
	copy_words(s);
	size_t from = s->at;
	s->at = words_end(s->in, from);
	struct slice text = slice_sub(s->in, from, s->at);
	size_t room = s->room - s->n - (s->gap != NO_GAP && s->n > 0 && s->room > s->n);
	if (text.n > room) {
		s->full = true;
		text = utf8_cut(text, room);
	}
	if (text.n) put(s, text.p, text.n);
}

static void read_blanks(struct stripper *s)
{
	bool lines = false;
	unsigned end = 0;
	for (; !end && s->in.n - s->at >= LANES; s->at += end ? lanes_first(end) : LANES) {
		lanes octets = lanes_load(s->in.p + s->at);
		end = ~LANES_MASK((lanes)(octets == ' ') | lanes_within(octets, '\t', '\r')) & 0xffff;
		lines |= LANES_MASK(octets == '\n') & (end ? (end & -end) - 1 : 0xffff);
	}
	for (; !end && s->at < s->in.n && is_blank(s->in.p[s->at]); s->at++) lines |= s->in.p[s->at] == '\n';
	widen_gap(s, s->preformatted && lines ? LINE : BLANK);
}

struct slice html_to_text(struct arena *a, struct slice html, size_t limit)
{
	struct stripper s = {.in = html, .room = html.n < limit ? html.n : limit};
	if (!(s.out = arena_alloc(a, s.room))) return (struct slice){NULL, 0};
	while (s.at < html.n && !s.full) {
		char c = html.p[s.at];
		if (c == '<') {
			read_tag(&s);
		} else if (c == '&') {
			read_reference(&s);
		} else if (is_blank(c)) {
			read_blanks(&s);
		} else {
			read_text(&s);
		}
	}
	arena_resize(a, s.out, s.room, s.n);
	return slice_of(s.out, s.n);
}
