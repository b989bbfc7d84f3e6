/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/fold.h"

#include "base/lanes.h"
#include "mail/utf8.h"

/* ---- characters ---------------------------------------------------------------------------------------------------- */

/* U+00C0 to U+00FF and U+0100 to U+017F without accents; a blank: see odd_latin(). */
static const char latin1[] = "aaaaaa ceeeeiiiidnooooo*ouuuuy  aaaaaa ceeeeiiiidnooooo/ouuuuy y";
static const char latin_a[] =
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooo  rrrrrrsssssss"
	"sttttttuuuuuuuuuuuuwwyyyzzzzzzs";
static const char vietnamese[] =
	"aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy";

static const char *odd_latin(uint32_t c)
{
	switch (c) {
	case 0xc6:
	case 0xe6: return "ae";
	case 0xde:
	case 0xfe: return "th";
	case 0xdf:
	case 0x1e9e: return "ss";
	case 0x152:
	case 0x153: return "oe";
	case 0x1a0:
	case 0x1a1: return "o";
	case 0x1af:
	case 0x1b0: return "u";
	case 0x218:
	case 0x219: return "s";
	case 0x21a:
	case 0x21b: return "t";
	case 0x2026: return "...";
	default: return NULL;
	}
}

static uint32_t fold_greek(uint32_t c)
{
	static const struct {
		uint16_t from, to;
	} accents[] = {{0x386, 0x3b1}, {0x388, 0x3b5}, {0x389, 0x3b7}, {0x38a, 0x3b9}, {0x38c, 0x3bf}, {0x38e, 0x3c5},
	               {0x38f, 0x3c9}, {0x390, 0x3b9}, {0x3aa, 0x3b9}, {0x3ab, 0x3c5}, {0x3ac, 0x3b1}, {0x3ad, 0x3b5},
	               {0x3ae, 0x3b7}, {0x3af, 0x3b9}, {0x3b0, 0x3c5}, {0x3c2, 0x3c3}, {0x3ca, 0x3b9}, {0x3cb, 0x3c5},
	               {0x3cc, 0x3bf}, {0x3cd, 0x3c5}, {0x3ce, 0x3c9}};
	for (size_t i = 0; i < sizeof accents / sizeof *accents; i++)
		if (accents[i].from == c) return accents[i].to;
	return c >= 0x391 && c <= 0x3a9 ? c + 0x20 : c;
}

static uint32_t fold_cyrillic(uint32_t c)
{
	if (c >= 0x400 && c <= 0x40f) c += 0x50;
	if (c >= 0x410 && c <= 0x42f) c += 0x20;
	if (c == 0x451) return 0x435; /* ё is written as е by most */
	return c == 0x490 ? 0x491 : c;
}

static bool is_invisible(uint32_t c)
{
	return c == 0xad || (c >= 0x300 && c <= 0x36f) || (c >= 0x591 && c <= 0x5c7 && c != 0x5be) || c == 0x640 ||
	       (c >= 0x64b && c <= 0x652) || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x2069) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff;
}

static bool is_blank(uint32_t c)
{
	return c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
	       c == 0x3000;
}

/* Chinese and Japanese, not Korean, which parts its words. */
static bool is_wide(uint32_t c)
{
	return (c >= 0x2e80 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0xff00 && c <= 0xffef) ||
	       (c >= 0x20000 && c <= 0x3ffff);
}

static uint32_t fold_punctuation(uint32_t c)
{
	if (c >= 0x2010 && c <= 0x2015) return '-';
	if ((c >= 0x2018 && c <= 0x201b) || c == 0xb4) return '\'';
	if ((c >= 0x201c && c <= 0x201f) || c == 0xab || c == 0xbb) return '"';
	return c;
}

/* One character that is not ASCII; no blank, and none that becomes several. */
static uint32_t fold_character(uint32_t c)
{
	if (c >= 0xc0 && c <= 0xff) return (unsigned char)latin1[c - 0xc0];
	if (c >= 0x100 && c <= 0x17f) return (unsigned char)latin_a[c - 0x100];
	if (c >= 0x1ea0 && c <= 0x1ef9) return (unsigned char)vietnamese[c - 0x1ea0];
	if (c >= 0x370 && c <= 0x3ff) return fold_greek(c);
	if (c >= 0x400 && c <= 0x52f) return fold_cyrillic(c);
	if (c == 0x622 || c == 0x623 || c == 0x625) return 0x627; /* alef with hamza or madda */
	if (c >= 0xff01 && c <= 0xff5e) {
		c -= 0xfee0;
		return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
	}
	return fold_punctuation(c);
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static void put(struct fold *f, char c)
{
	if (f->n + 1 < f->room) f->out[f->n++] = c; /* one is left for the last '\n' */
}

static void put_blanks(struct fold *f, bool wide_next)
{
	if (f->blanks == 3)
		put(f, '\n');
	else if (f->blanks > 0 && !(wide_next && f->wide))
		put(f, ' ');
	f->blanks = 0;
}

static void put_ascii(struct fold *f, const char *text)
{
	put_blanks(f, false);
	f->wide = false;
	for (; *text; text++) put(f, *text);
}

static void put_encoded(struct fold *f, uint32_t c)
{
	unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	bool wide = is_wide(c);
	put_blanks(f, wide);
	f->wide = wide;
	if (f->n + n + 1 > f->room) return;
	if (n == 1) {
		f->out[f->n++] = (char)c;
		return;
	}
	f->out[f->n++] = (char)((0xf00u >> n) | (c >> (6 * (n - 1))));
	while (--n > 0) f->out[f->n++] = (char)(0x80 | ((c >> (6 * (n - 1))) & 0x3f));
}

/* More blanks, with so many line ends among them: of two one is that of an empty line. */
static void add_blanks(struct fold *f, size_t line_ends)
{
	if (f->n == 1) return; /* none at the beginning */
	if (f->blanks >= 2) line_ends++;
	unsigned blanks = line_ends > 1 ? 3 : line_ends ? 2 : 1;
	if (blanks > f->blanks) f->blanks = blanks;
}

static void add_character(struct fold *f, uint32_t c)
{
	const char *odd;
	if (is_blank(c)) {
		add_blanks(f, c == 0x2029);
	} else if (is_invisible(c)) {
		return;
	} else if ((odd = odd_latin(c))) {
		put_ascii(f, odd);
	} else {
		put_encoded(f, fold_character(c));
	}
}

void fold_begin(struct fold *f, char *buffer, size_t room)
{
	*f = (struct fold){.out = buffer, .room = room};
	put(f, '\n');
}

void fold_paragraph(struct fold *f)
{
	if (f->n > 1) f->blanks = 3;
}

struct slice fold_end(struct fold *f)
{
	f->out[f->n++] = '\n';
	return slice_of(f->out, f->n);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* The character that text begins with, and its length; '?' for what is none. */
static uint32_t take_character(struct slice text, size_t *length)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t n = utf8_length(text);
	*length = n ? n : 1;
	switch (n) {
	case 1: return p[0];
	case 2: return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	case 3: return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	case 4: return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
	default: return '?';
	}
}

/* Printable ASCII, lower case, or 0. */
static const unsigned char plain[256] = {
	['!'] = '!', ['"'] = '"', ['#'] = '#', ['$'] = '$',   ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['('] = '(',
	[')'] = ')', ['*'] = '*', ['+'] = '+', [','] = ',',   ['-'] = '-', ['.'] = '.', ['/'] = '/',   ['0'] = '0',
	['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',   ['5'] = '5', ['6'] = '6', ['7'] = '7',   ['8'] = '8',
	['9'] = '9', [':'] = ':', [';'] = ';', ['<'] = '<',   ['='] = '=', ['>'] = '>', ['?'] = '?',   ['@'] = '@',
	['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',   ['E'] = 'e', ['F'] = 'f', ['G'] = 'g',   ['H'] = 'h',
	['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l',   ['M'] = 'm', ['N'] = 'n', ['O'] = 'o',   ['P'] = 'p',
	['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',   ['U'] = 'u', ['V'] = 'v', ['W'] = 'w',   ['X'] = 'x',
	['Y'] = 'y', ['Z'] = 'z', ['['] = '[', ['\\'] = '\\', [']'] = ']', ['^'] = '^', ['_'] = '_',   ['`'] = '`',
	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd',   ['e'] = 'e', ['f'] = 'f', ['g'] = 'g',   ['h'] = 'h',
	['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l',   ['m'] = 'm', ['n'] = 'n', ['o'] = 'o',   ['p'] = 'p',
	['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',   ['u'] = 'u', ['v'] = 'v', ['w'] = 'w',   ['x'] = 'x',
	['y'] = 'y', ['z'] = 'z', ['{'] = '{', ['|'] = '|',   ['}'] = '}', ['~'] = '~',
};

/* Sixteen octets in lower case, each blank of them a space. */
static lanes folded(lanes octets)
{
	lanes odd_blanks = lanes_within(octets, '\t', '\f'), capitals = lanes_within(octets, 'A', 'Z');
	return (octets & ~odd_blanks) + (odd_blanks & ' ') + (capitals & 0x20);
}

/* Which of sixteen octets cannot be taken so: what is neither plain nor a blank before something plain. A blank may be the end of a
 * line; a CR is none. */
static unsigned stops(lanes octets, bool plain_behind)
{
	unsigned words = LANES_MASK(lanes_within(octets, '!', '~'));
	unsigned blanks = LANES_MASK((lanes)(octets == ' ') | lanes_within(octets, '\t', '\f'));
	unsigned before_words = words >> 1 | (unsigned)plain_behind << (LANES - 1);
	return (words | (blanks & before_words)) ^ 0xffff;
}

/* Sixteen octets at a time, as many as there are plain ones. */
static size_t take_lanes(struct fold *f, struct slice text)
{
	size_t n = 0, room = f->room - 1 - f->n;
	char *out = f->out + f->n; /* what is written behind a stop is overwritten */
	for (; text.n - n > LANES && room - n >= LANES; n += LANES) {
		lanes octets = lanes_load(text.p + n);
		unsigned stop = stops(octets, plain[(unsigned char)text.p[n + LANES]]);
		lanes_store(out + n, folded(octets));
		if (stop) return n + lanes_first(stop);
	}
	if (text.n - n > LANES || room - n < LANES) return n;
	lanes octets = lanes_load_some(text.p + n, text.n - n); /* a zero is a stop */
	unsigned stop = stops(octets, false);
	lanes_store(out + n, folded(octets));
	return n + (stop ? lanes_first(stop) : LANES);
}

static bool is_ascii_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\f');
}

/* A plain character, or a blank before one, in lower case; 0: neither. */
static char plain_octet(struct slice text, size_t at)
{
	unsigned char c = (unsigned char)text.p[at];
	if (plain[c] || !is_ascii_blank((char)c)) return (char)plain[c];
	return at + 1 < text.n && plain[(unsigned char)text.p[at + 1]] ? ' ' : '\0';
}

/* The run of plain characters that text begins with, written at once: most of what there is. */
static size_t take_plain(struct fold *f, struct slice text)
{
	if (!plain[(unsigned char)text.p[0]]) return 0;
	put_blanks(f, false);
	f->wide = false;
	size_t n = take_lanes(f, text);
	f->n += n;
	if (f->room - 1 - f->n >= LANES) return n;
	for (char c; n < text.n && f->n + 1 < f->room && (c = plain_octet(text, n)); n++) f->out[f->n++] = c;
	return n ? n : 1; /* no room: the octet is left out */
}

/* The run of ASCII that is not plain that text begins with: blanks, line ends, and controls, which do not count. */
static size_t take_blanks(struct fold *f, struct slice text)
{
	size_t n = 0, line_ends = 0;
	unsigned end = 0;
	bool any = false;
	for (; !end && n < text.n; n += end ? lanes_first(end) : LANES) {
		lanes octets = lanes_load_some(text.p + n, text.n - n);
		end = ~LANES_MASK(lanes_within(octets, 0, ' ') | (lanes)(octets == 0x7f)) & 0xffff;
		if (text.n - n < LANES) end |= 1u << (text.n - n);
		unsigned before = end ? (end & -end) - 1 : 0xffff, lines = LANES_MASK(octets == '\n') & before;
		line_ends += lines & (lines - 1) ? 2 : lines > 0;
		any |= LANES_MASK((lanes)(octets == ' ') | lanes_within(octets, '\t', '\f')) & before;
	}
	if (any) add_blanks(f, line_ends);
	return n;
}

void fold_text(struct fold *f, struct slice text)
{
	for (size_t i = 0; i < text.n;) {
		struct slice rest = slice_sub(text, i, text.n);
		size_t n = take_plain(f, rest);
		if (n == 0) n = take_blanks(f, rest);
		if (n == 0) add_character(f, take_character(rest, &n));
		i += n;
	}
}
