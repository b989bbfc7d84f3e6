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

/* Is it one of `names`, which all have n letters? Inline, since n is a constant then. */
static inline __attribute__((always_inline)) bool one_of(const char *names, const char *name, size_t n)
{
	for (; *names; names += n)
		if (memcmp(names, name, n) == 0) return true;
	return false;
}

static bool begins_line(const char *name, size_t n)
{
	switch (n) {
	case 1: return one_of("p", name, 1);
	case 2: return one_of("brtrliuloldldtddhrh1h2h3h4h5h6", name, 2);
	case 3: return one_of("divpre", name, 3);
	case 4: return one_of("headbodyhtmlform", name, 4);
	case 5: return one_of("tabletbodytheadtitle", name, 5);
	case 6: return one_of("centerheaderfooteroption", name, 6);
	case 7: return one_of("addresssectionarticle", name, 7);
	case 8: return one_of("fieldset", name, 8);
	case 10: return one_of("blockquote", name, 10);
	default: return false;
	}
}

static void act_on_tag(struct stripper *s, struct slice tag)
{
	char name[TAG_MOST + 1];
	bool end = tag.n && tag.p[0] == '/';
	size_t n = 0, i = end;
	for (; i < tag.n && n <= TAG_MOST && (is_letter(tag.p[i]) || (tag.p[i] >= '1' && tag.p[i] <= '6')); i++)
		name[n++] = is_letter(tag.p[i]) ? (char)(tag.p[i] | 0x20) : tag.p[i];
	if (n == 0 || n > TAG_MOST) return;
	struct slice word = slice_of(name, n);
	if (begins_line(name, n)) widen_gap(s, LINE);
	if (slice_equal(word, SLICE("td")) || slice_equal(word, SLICE("th"))) widen_gap(s, BLANK);
	if (slice_equal(word, SLICE("pre"))) s->preformatted = !end;
	if (!end && slice_equal(word, SLICE("script"))) skip_element(s, "</script");
	if (!end && slice_equal(word, SLICE("style"))) skip_element(s, "</style");
}

static void read_tag(struct stripper *s)
{
	struct slice rest = slice_sub(s->in, s->at, s->in.n);
	if (slice_starts(rest, SLICE("<!--"))) {
		size_t n = 4 + slice_search(slice_sub(rest, 4, rest.n), SLICE("-->"));
		s->at += n + 3 < rest.n ? n + 3 : rest.n;
		return;
	}
	bool begins = rest.n >= 2 && (is_letter(rest.p[1]) || rest.p[1] == '/' || rest.p[1] == '!' || rest.p[1] == '?');
	size_t end = begins && !s->no_more_tags ? tag_end(s) : s->in.n;
	struct slice tag = slice_sub(s->in, s->at + 1, end);
	if (begins && end == s->in.n) s->no_more_tags = true;
	if (end == s->in.n || is_address(tag)) {
		put(s, "<", 1);
		s->at++;
		return;
	}
	s->at = end + 1;
	act_on_tag(s, tag);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* What ends a run of words. */
static const bool special[256] = {
	['<'] = true,  ['&'] = true,  [' '] = true,  ['\t'] = true,
	['\n'] = true, ['\v'] = true, ['\f'] = true, ['\r'] = true,
};

/* How many of sixteen octets, `next` behind them, are words with single blanks between them; a line end may be such a blank. */
static size_t words_in(lanes octets, char next, bool preformatted)
{
	unsigned controls = LANES_MASK(lanes_within(octets, '\t', '\r'));
	unsigned blanks = LANES_MASK(octets == ' ') | (preformatted ? 0 : controls);
	unsigned specials = LANES_MASK((octets == '<') | (octets == '&')) | controls | blanks;
	unsigned after = specials >> 1 | (unsigned)special[(unsigned char)next] << (LANES - 1);
	unsigned stops = (specials & ~blanks) | (blanks & after);
	return stops ? lanes_first(stops) : LANES;
}

/* Sixteen octets at a time, as many as can be taken as they are, but for line ends, which become blanks. There is still room for the
 * character that comes then, without which there would be no blank. */
static void copy_words(struct stripper *s)
{
	while (s->in.n - s->at > LANES && s->room - s->n > LANES + CHARACTER_MOST) {
		lanes octets = lanes_load(s->in.p + s->at), controls = lanes_within(octets, '\t', '\r');
		size_t n = words_in(octets, s->in.p[s->at + LANES], s->preformatted);
		put_gap(s);
		lanes_store(s->out + s->n,
		            (octets & ~controls) + (controls & ' ')); /* what was not taken is overwritten */
		s->n += n;
		s->at += n;
		if (n < LANES) return;
	}
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
	for (; s->at < s->in.n && is_blank(s->in.p[s->at]); s->at++)
		widen_gap(s, s->preformatted && s->in.p[s->at] == '\n' ? LINE : BLANK);
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
	return slice_of(s.out, s.n);
}
