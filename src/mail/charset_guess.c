/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/charset_guess.h"

#include "mail/utf8.h"

#define COUNT(x)  (sizeof(x) / sizeof *(x))
#define FEW       12 /* octets over 127: less says nothing */
#define FEW_PAIRS 4

/* ---- escape sequences: ISO-2022-JP (RFC 1468), -KR (RFC 1557), -CN (RFC 1922) ---------------------------------------- */

static struct slice guess_escapes(struct slice s)
{
	static const struct {
		const char *sequence, *label;
	} known[] = {
		{"\x1B$B", "iso-2022-jp"},  {"\x1B$@", "iso-2022-jp"},  {"\x1B$(D", "iso-2022-jp"},
		{"\x1B$)C", "iso-2022-kr"}, {"\x1B$)A", "iso-2022-cn"}, {"\x1B$)G", "iso-2022-cn"},
	};
	for (size_t at; (at = slice_find(s, 0x1B)) < s.n; s = slice_sub(s, at + 1, s.n))
		for (size_t i = 0; i < COUNT(known); i++)
			if (slice_starts(slice_sub(s, at, s.n), slice_str(known[i].sequence)))
				return slice_str(known[i].label);
	return SLICE_EMPTY;
}

/* ---- two octets a character ------------------------------------------------------------------------------------------ */

struct pairs {
	size_t all;     /* characters of two octets */
	size_t bad;     /* octets that fit nowhere */
	size_t typical; /* characters that a text in it has many of */
	size_t low;     /* second octets below 128 */
};

static bool within(unsigned char c, unsigned char from, unsigned char to)
{
	return c >= from && c <= to;
}

/* EUC: both octets from A1 to FE. What is typical: Kana, Hangul, or the Hanzi of daily use. */
enum euc { EUC_JP, EUC_KR, EUC_CN };

static struct pairs read_euc(struct slice s, enum euc which)
{
	struct pairs p = {0};
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
		if (c < 0x80) continue;
		if (!within(c, 0xA1, 0xFE) || !within(next, 0xA1, 0xFE)) {
			p.bad += i + 1 < s.n; /* cut off is no fault */
			continue;
		}
		p.all++;
		i++;
		switch (which) {
		case EUC_JP: p.typical += within(c, 0xA4, 0xA5); break;
		case EUC_KR: p.typical += within(c, 0xB0, 0xC8); break;
		case EUC_CN: p.typical += within(c, 0xB0, 0xD7) || c == 0xA3; break;
		}
	}
	return p;
}

static struct pairs read_sjis(struct slice s)
{
	struct pairs p = {0};
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
		if (c < 0x80 || within(c, 0xA1, 0xDF)) continue;
		if (!(within(c, 0x81, 0x9F) || within(c, 0xE0, 0xFC)) ||
		    !(within(next, 0x40, 0x7E) || within(next, 0x80, 0xFC))) {
			p.bad += i + 1 < s.n;
			continue;
		}
		p.all++;
		i++;
		p.typical += (c == 0x82 && within(next, 0x9F, 0xF1)) || (c == 0x83 && within(next, 0x40, 0x96));
	}
	return p;
}

static struct pairs read_big5(struct slice s)
{
	struct pairs p = {0};
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
		if (c < 0x80) continue;
		if (!within(c, 0xA1, 0xF9) || !(within(next, 0x40, 0x7E) || within(next, 0xA1, 0xFE))) {
			p.bad += i + 1 < s.n;
			continue;
		}
		p.all++;
		i++;
		p.typical += within(c, 0xA4, 0xC6) || c == 0xA1;
		p.low += next < 0x80;
	}
	return p;
}

static bool holds(struct pairs p, unsigned percent)
{
	return p.all >= FEW_PAIRS && p.bad * 50 <= p.all && p.typical * 100 >= p.all * percent;
}

static struct slice guess_pairs(struct slice s)
{
	struct pairs big5 = read_big5(s);
	if (holds(read_euc(s, EUC_JP), 25)) return SLICE("euc-jp");
	if (holds(read_sjis(s), 25)) return SLICE("shift_jis");
	if (holds(big5, 85) && big5.low * 5 >= big5.all) return SLICE("big5");
	if (holds(read_euc(s, EUC_KR), 85)) return SLICE("euc-kr");
	if (holds(read_euc(s, EUC_CN), 75)) return SLICE("gb18030");
	return SLICE_EMPTY;
}

/* ---- one octet a character ------------------------------------------------------------------------------------------- */

/* The letters that make up about half of a text, most frequent first. */
static const struct alphabet {
	const char *label;
	unsigned char letters[10];
} alphabets[] = {
	/* о е а и н т с р в л */
	{"windows-1251", {0xEE, 0xE5, 0xE0, 0xE8, 0xED, 0xF2, 0xF1, 0xF0, 0xE2, 0xEB}},
	{"koi8-u", {0xCF, 0xC5, 0xC1, 0xC9, 0xCE, 0xD4, 0xD3, 0xD2, 0xD7, 0xCC}},
	{"ibm866", {0xAE, 0xA5, 0xA0, 0xA8, 0xAD, 0xE2, 0xE1, 0xE0, 0xA2, 0xAB}},
	{"iso-8859-5", {0xDE, 0xD5, 0xD0, 0xD8, 0xDD, 0xE2, 0xE1, 0xE0, 0xD2, 0xDB}},
	/* α ο ι ε τ σ ν η υ ρ */
	{"iso-8859-7", {0xE1, 0xEF, 0xE9, 0xE5, 0xF4, 0xF3, 0xED, 0xE7, 0xF5, 0xF1}},
	/* י ו ה ל א ר ת ב ש מ */
	{"windows-1255", {0xE9, 0xE5, 0xE4, 0xEC, 0xE0, 0xF8, 0xFA, 0xE1, 0xF9, 0xEE}},
	/* ا ل ي م و ن ر ت ه ب */
	{"windows-1256", {0xC7, 0xE1, 0xED, 0xE3, 0xE6, 0xE4, 0xD1, 0xCA, 0xE5, 0xC8}},
};

static struct slice guess_letters(struct slice s, size_t high)
{
	size_t counts[256] = {0}, best = 0;
	const struct alphabet *found = NULL;
	for (size_t i = 0; i < s.n; i++) counts[(unsigned char)s.p[i]]++;
	for (size_t i = 0; i < COUNT(alphabets); i++) {
		size_t n = 0;
		for (size_t k = 0; k < COUNT(alphabets[i].letters); k++) n += counts[alphabets[i].letters[k]];
		if (n <= best) continue;
		best = n;
		found = &alphabets[i];
	}
	return found && best * 20 >= high * 9 ? slice_str(found->label) : SLICE_EMPTY;
}

/* TIS-620: no letters stand out, but signs above and below stand on consonants, or on each other. */
static bool is_thai(struct slice s)
{
	size_t high = 0, signs = 0, lost = 0;
	unsigned char last = 0;
	for (size_t i = 0; i < s.n; i++, last = (unsigned char)s.p[i - 1]) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < 0x80) continue;
		bool sign = c == 0xD1 || within(c, 0xD4, 0xDA) || within(c, 0xE7, 0xEE);
		high++;
		signs += sign;
		lost += !within(c, 0xA1, 0xFB) || within(c, 0xDB, 0xDE) || (sign && !within(last, 0xA1, 0xDA));
	}
	return high >= FEW && signs * 8 >= high && signs * 5 <= high * 2 && lost * 50 <= high;
}

/* ---- Latin alphabets: letters where windows-1252 has signs ----------------------------------------------------------- */

static bool is_letter(unsigned char c)
{
	return within(c | 0x20, 'a', 'z') || c >= 0xC0;
}

static size_t sum(const size_t counts[256], const char *octets)
{
	size_t n = 0;
	for (; *octets; octets++) n += counts[(unsigned char)*octets];
	return n;
}

/* A sign amid a word is a letter of Central Europe. Turkish has its own where Western charsets have those of Icelandic, but none
 * of Icelandic's accents. */
static struct slice guess_latin(struct slice s)
{
	size_t counts[256] = {0};
	for (size_t i = 1; i + 1 < s.n; i++) {
		i += utf8_ascii_run(slice_sub(s, i, s.n));
		if (i + 1 < s.n && is_letter((unsigned char)s.p[i - 1]) && is_letter((unsigned char)s.p[i + 1]))
			counts[(unsigned char)s.p[i]]++;
	}
	size_t windows = sum(counts, "\x9A\x9C\x9D\x9E\x9F"), iso = sum(counts, "\xB1\xB6\xBC\xBB"),
	       both = sum(counts, "\xB3\xB9\xBA\xBE\xBF");
	if (windows + iso + both >= 2) return windows > iso ? SLICE("windows-1250") : SLICE("iso-8859-2");
	if (sum(counts, "\xF0\xFD\xFE") >= 2 && sum(counts, "\xE1\xE6\xED\xF3\xFA") == 0) return SLICE("windows-1254");
	return SLICE_EMPTY;
}

struct slice charset_guess(struct slice octets)
{
	struct slice s = slice_sub(octets, 0, CHARSET_GUESS_TEXT), label = guess_escapes(s);
	size_t high = 0, runs = 0;
	for (size_t i = 0; (i += utf8_ascii_run(slice_sub(s, i, s.n))) < s.n; runs++)
		for (; i < s.n && (unsigned char)s.p[i] >= 0x80; i++) high++;
	if (label.n > 0 || high == 0) return label;
	if (high * 4 < runs * 5) return guess_latin(s); /* accents, alone between ASCII letters */
	/* Letters first: words of even length look like pairs, but no text of pairs keeps to ten octets. */
	if (high >= FEW && high * 2 >= runs * 5) label = guess_letters(s, high);
	if (label.n == 0 && is_thai(s)) label = SLICE("tis-620");
	if (label.n == 0) label = guess_pairs(s);
	return label.n == 0 ? guess_latin(s) : label;
}
