/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/charset.h"

#include <endian.h>

#include "mail/charset_guess.h"
#include "mail/charset_iconv.h"
#include "mail/charset_tables.h"
#include "mail/utf8.h"

#define LABEL_MOST 40
#define COUNT(x)   (sizeof(x) / sizeof *(x))

enum kind { UNKNOWN, ASCII, UTF8, UTF7, UTF16, UTF16LE, UTF16BE, UTF32, UTF32LE, UTF32BE, HZ, OCTET, ICONV };

struct charset {
	enum kind kind;
	const struct octet_charset *octet;
	const struct charset_iconv *iconv;
};

static const struct named {
	const char *names;
	uint16_t code_page;
	enum kind kind;
} named[] = {
	{" utf8 utf8mb4 unicode11utf8 uft8 uft utf ", 65001, UTF8},
	{" usascii ascii ansix341968 iso646us 7bit ascii7bit ", 20127, ASCII},
	{" utf7 unicode11utf7 utf7imap ", 65000, UTF7},
	{" utf16 ucs2 iso10646ucs2 unicode ", 0, UTF16},
	{" utf16le unicodelittle ", 1200, UTF16LE},
	{" utf16be unicodebig unicodefffe ", 1201, UTF16BE},
	{" utf32 ucs4 iso10646ucs4 ", 0, UTF32},
	{" utf32le ", 12000, UTF32LE},
	{" utf32be ", 12001, UTF32BE},
	{" hz hzgb2312 ", 52936, HZ},
};

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* " label " with letters and digits only, lower case, without "*language", ":year" and "x-"; its length. */
static size_t normalise(struct slice label, char out[LABEL_MOST])
{
	size_t n = 0;
	out[n++] = ' ';
	if (slice_starts_nocase(label, SLICE("x-"))) label = slice_sub(label, 2, label.n);
	for (size_t i = 0; i < label.n && label.p[i] != '*' && label.p[i] != ':' && n < LABEL_MOST - 2; i++) {
		char c = label.p[i];
		if (c >= 'A' && c <= 'Z') c = (char)(c + 32);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out[n++] = c;
	}
	out[n++] = ' ';
	return n;
}

static bool one_of(const char *names, struct slice wanted)
{
	struct slice all = slice_str(names);
	return slice_search(all, wanted) < all.n;
}

/* "windows1252 ", "cp1252 ", "1252 ": the number, 0 when it is no such name. s ends in a blank. */
static unsigned number_after(struct slice s, const char *prefix)
{
	struct slice p = slice_str(prefix);
	uint64_t number;
	if (!slice_starts(s, p) || !slice_to_u64(slice_sub(s, p.n, s.n - 1), &number) || number > 65535) return 0;
	return (unsigned)number;
}

static bool find_page(unsigned page, unsigned iso, struct slice name, struct charset *out)
{
	for (size_t i = 0; i < COUNT(named); i++)
		if ((page && named[i].code_page == page) || (name.n && one_of(named[i].names, name))) {
			out->kind = named[i].kind;
			return true;
		}
	for (size_t i = 0; i < COUNT(octet_charsets); i++) {
		const struct octet_charset *c = &octet_charsets[i];
		bool found =
			(page && c->code_page == page) || (iso && c->iso == iso) || (name.n && one_of(c->names, name));
		if (!found) continue;
		*out = (struct charset){.kind = OCTET, .octet = c};
		return true;
	}
	for (size_t i = 0; i < charset_iconv_count; i++) {
		const struct charset_iconv *c = &charset_iconv_table[i];
		bool found = (page && (c->code_pages[0] == page || c->code_pages[1] == page)) ||
		             (name.n && one_of(c->names, name));
		if (!found) continue;
		*out = (struct charset){.kind = ICONV, .iconv = c};
		return true;
	}
	return false;
}

static struct charset find_charset(struct slice label)
{
	static const char *const page_prefixes[] = {"windows", "cp", "win", "ibm", "ms", "ansi", "oem", "dos", ""};
	char text[LABEL_MOST];
	struct slice name = slice_of(text, normalise(label, text)), bare = slice_sub(name, 1, name.n);
	struct charset c = {.kind = UNKNOWN};
	unsigned number = 0;
	if (bare.n == 1) return c;
	if (slice_equal(name, SLICE(" utf8 "))) return (struct charset){.kind = UTF8};
	if (slice_equal(name, SLICE(" usascii "))) return (struct charset){.kind = ASCII};
	/* No name below is a number behind one of these words, so the order does not matter; numbers are found sooner. */
	if ((number = number_after(bare, "iso8859")) == 0) number = number_after(bare, "8859");
	if (number && number < 17 && find_page(0, number, SLICE_EMPTY, &c)) return c;
	for (size_t i = 0; i < COUNT(page_prefixes); i++)
		if ((number = number_after(bare, page_prefixes[i])) > 0 && find_page(number, 0, SLICE_EMPTY, &c))
			return c;
	if (find_page(0, 0, name, &c)) return c;
	if (slice_starts(bare, SLICE("cs")) && bare.n > 3) /* the "csISO2022JP" of the IANA registry */
		return find_charset(slice_sub(bare, 2, bare.n));
	return c;
}

bool charset_known(struct slice label)
{
	return find_charset(label).kind != UNKNOWN;
}

unsigned charset_prepare(void)
{
	return charset_iconv_prepare();
}

/* ---- conversion -------------------------------------------------------------------------------------------------- */

struct writer {
	char *p;
	size_t n, room;
	bool full;
};

static void put(struct writer *w, uint32_t character)
{
	char text[4];
	size_t n = utf8_encode(text, character);
	if (w->room - w->n < n) {
		w->full = true;
		return;
	}
	memcpy(w->p + w->n, text, n);
	w->n += n;
}

/* Copies the ASCII that `in` begins with; returns its length. */
static size_t put_ascii(struct writer *w, struct slice in)
{
	size_t n = utf8_ascii_run(in), take = n < w->room - w->n ? n : w->room - w->n;
	memcpy(w->p + w->n, in.p, take);
	w->n += take;
	if (take < n) w->full = true;
	return n;
}

static void from_utf8(struct writer *w, struct slice in)
{
	while (in.n && !w->full) {
		size_t n = put_ascii(w, in);
		in = slice_sub(in, n, in.n);
		if (in.n == 0 || w->full) break;
		if ((n = utf8_length(in)) == 0) {
			put(w, 0xFFFD);
			n = 1;
		} else if (w->room - w->n < n) {
			w->full = true;
		} else {
			memcpy(w->p + w->n, in.p, n);
			w->n += n;
		}
		in = slice_sub(in, n, in.n);
	}
}

static void from_octets(struct writer *w, const uint16_t upper[128], struct slice in)
{
	while (in.n && !w->full) {
		size_t n = put_ascii(w, in);
		for (; n < in.n && (unsigned char)in.p[n] >= 0x80 && !w->full; n++)
			put(w, upper[(unsigned char)in.p[n] - 0x80]);
		in = slice_sub(in, n, in.n);
	}
}

static uint32_t unit16(const char *p, bool big)
{
	uint16_t unit;
	memcpy(&unit, p, sizeof unit);
	return big ? be16toh(unit) : le16toh(unit);
}

static void from_utf16(struct writer *w, struct slice in, bool big)
{
	size_t i = 0;
	for (; in.n - i >= 2 && !w->full; i += 2) {
		uint32_t c = unit16(in.p + i, big), next = in.n - i >= 4 ? unit16(in.p + i + 2, big) : 0;
		if (c >= 0xD800 && c < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
			c = 0x10000 + ((c - 0xD800) << 10) + (next - 0xDC00);
			i += 2;
		}
		if (c != 0xFEFF || i > 0) put(w, c);
	}
	if (i < in.n && !w->full) put(w, 0xFFFD);
}

static void from_utf32(struct writer *w, struct slice in, bool big)
{
	size_t i = 0;
	for (; in.n - i >= 4 && !w->full; i += 4) {
		uint32_t unit;
		memcpy(&unit, in.p + i, sizeof unit);
		unit = big ? be32toh(unit) : le32toh(unit);
		if (unit != 0xFEFF || i > 0) put(w, unit);
	}
	if (i < in.n && !w->full) put(w, 0xFFFD);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 2152: "+" begins base64 of UTF-16, the first other character ends it, "-" there is swallowed; "+-" is "+". */
static void from_utf7(struct writer *w, struct slice in)
{
	for (size_t i = 0; i < in.n && !w->full;) {
		if (in.p[i] != '+') {
			put(w, (unsigned char)in.p[i] < 0x80 ? (unsigned char)in.p[i] : 0xFFFD);
			i++;
			continue;
		}
		if (++i < in.n && in.p[i] == '-') put(w, '+');
		uint32_t bits = 0, have = 0, high = 0;
		for (int digit; i < in.n && !w->full && (digit = base64_digit(in.p[i])) >= 0; i++) {
			bits = bits << 6 | (uint32_t)digit;
			if ((have += 6) < 16) continue;
			uint32_t unit = bits >> (have -= 16) & 0xFFFF;
			if (high && unit >= 0xDC00 && unit < 0xE000)
				put(w, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
			else if (unit < 0xD800 || unit >= 0xDC00)
				put(w, unit);
			high = unit >= 0xD800 && unit < 0xDC00 ? unit : 0;
		}
		if (i < in.n && in.p[i] == '-') i++;
	}
}

/* RFC 1843: GB 2312 with the eighth bit off, between "~{" and "~}". Returns it with the bit on; never longer. */
static struct slice hz_to_gb(struct slice in, char *out)
{
	size_t n = 0;
	bool wide = false;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i], next = i + 1 < in.n ? in.p[i + 1] : 0;
		if (c == '\n') wide = false;
		if (c == '~' && (next == '{' || next == '}')) {
			wide = next == '{';
			i++;
		} else if (c == '~' && !wide && (next == '~' || next == '\n')) {
			if (next == '~') out[n++] = '~';
			i++;
		} else {
			out[n++] = wide && c > ' ' ? (char)(c | 0x80) : c;
		}
	}
	return slice_of(out, n);
}

static struct slice from_hz(struct arena *a, struct slice in, struct writer *w)
{
	struct charset gb = {0};
	char *copy = arena_alloc(a, in.n);
	if (!copy || !find_page(936, 0, SLICE_EMPTY, &gb)) return (struct slice){NULL, 0};
	return slice_of(w->p, charset_iconv_convert(gb.iconv, hz_to_gb(in, copy), w->p, w->room));
}

static bool starts_with_mark(struct slice in, const char *mark, size_t n)
{
	return in.n >= n && memcmp(in.p, mark, n) == 0;
}

static struct slice convert(struct arena *a, const struct charset *c, struct slice in, struct writer *w)
{
	switch (c->kind) {
	case OCTET: from_octets(w, c->octet->upper, in); break;
	case UTF7: from_utf7(w, in); break;
	/* RFC 2781 4.3: big-endian, if there is no mark. */
	case UTF16: from_utf16(w, in, !starts_with_mark(in, "\xFF\xFE", 2)); break;
	case UTF16LE: from_utf16(w, in, false); break;
	case UTF16BE: from_utf16(w, in, true); break;
	case UTF32: from_utf32(w, in, !starts_with_mark(in, "\xFF\xFE\0\0", 4)); break;
	case UTF32LE: from_utf32(w, in, false); break;
	case UTF32BE: from_utf32(w, in, true); break;
	case ICONV: w->n = charset_iconv_convert(c->iconv, in, w->p, w->room); break;
	case HZ: return from_hz(a, in, w);
	default: from_utf8(w, in); break;
	}
	return slice_of(w->p, w->n);
}

/* What looks the same in ASCII and in the charset: most text, whatever its label says. */
static bool is_plain(const struct charset *c, struct slice in, bool ascii)
{
	if (!ascii) return false;
	switch (c->kind) {
	case UTF7: return slice_find(in, '+') == in.n;
	case HZ: return slice_find(in, '~') == in.n;
	case UTF16:
	case UTF16LE:
	case UTF16BE:
	case UTF32:
	case UTF32LE:
	case UTF32BE: return slice_find(in, '\0') == in.n; /* a wrong label: there would be at least a line end */
	case ICONV: return !c->iconv->eight_bit || (slice_find(in, 0x1B) == in.n && slice_find(in, 0x0E) == in.n);
	default: return true;
	}
}

static bool is_shifted(const struct charset *c, struct slice in)
{
	return c->kind == ICONV && c->iconv->eight_bit && (slice_find(in, 0x1B) < in.n || slice_find(in, 0x0E) < in.n);
}

static bool is_western(const struct charset *c)
{
	return c->kind == OCTET && c->octet->code_page == 1252;
}

/* Called UTF-8, and more of what is not ASCII is none than is: not just an octet lost. */
static bool is_no_utf8(struct slice in)
{
	size_t good = 0, wrong = 0;
	for (size_t n; in.n; in = slice_sub(in, n ? n : 1, in.n)) {
		in = slice_sub(in, utf8_ascii_run(in), in.n);
		n = utf8_length(in);
		good += n > 1;
		wrong += n == 0 && in.n > 0;
	}
	return wrong > good;
}

/* Letters, and the signs that Western text has: of what else is between 0x80 and 0x9F there is much in other charsets, and in UTF-8. */
static bool may_be_western(struct slice in)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c >= 0x80 && c < 0xA0 && c != 0x80 && c != 0x85 && (c < 0x91 || c > 0x97)) return false;
	}
	return true;
}

/* Nobody said what it is, or what programs say who do not know; and it is not what mail is then. */
static bool is_unnamed(const struct charset *c, struct slice in, bool ascii)
{
	if (c->kind != UNKNOWN && c->kind != ASCII && c->kind != UTF8 && !is_western(c)) return false;
	if (ascii) return slice_find(in, 0x1B) < in.n;
	return c->kind == UTF8 ? is_no_utf8(slice_sub(in, 0, CHARSET_GUESS_TEXT)) : !utf8_valid(in);
}

struct slice charset_to_utf8(struct arena *a, struct slice label, struct slice octets, size_t limit)
{
	struct charset c = find_charset(slice_trim(label));
	bool ascii = utf8_is_ascii(octets);
	if (is_unnamed(&c, octets, ascii)) {
		struct slice guess = charset_guess(octets);
		if (guess.n == 0 && c.kind == UTF8 && may_be_western(octets)) guess = SLICE("windows-1252");
		if (guess.n) c = find_charset(guess);
	} else if (is_western(&c) && !ascii && utf8_valid(octets)) {
		c.kind = UTF8; /* no Western text is well-formed UTF-8 by chance */
	}
	if (c.kind == OCTET && octets.n > limit) {
		octets = slice_sub(octets, 0, limit);
		ascii = utf8_is_ascii(octets);
	}
	if (is_plain(&c, octets, ascii)) return utf8_cut(octets, limit);
	if (c.kind == ICONV && c.iconv->eight_bit && !is_shifted(&c, octets)) {
		unsigned page = c.iconv->eight_bit;
		if (utf8_valid(octets)) return utf8_cut(octets, limit);
		find_page(page, 0, SLICE_EMPTY, &c);
	}
	if (c.kind == UNKNOWN || c.kind == ASCII || c.kind == UTF8) {
		if (starts_with_mark(octets, "\xEF\xBB\xBF", 3)) octets = slice_sub(octets, 3, octets.n);
		if (utf8_valid(octets)) return utf8_cut(octets, limit);
	}
	if (c.kind == UNKNOWN || c.kind == ASCII) c = (struct charset){.kind = OCTET, .octet = &octet_charsets[0]};
	size_t most = octets.n < SIZE_MAX / 3 ? octets.n * 3 : SIZE_MAX;
	struct writer w = {.room = most < limit ? most : limit};
	w.p = arena_alloc(a, w.room);
	if (!w.p) return (struct slice){NULL, 0};
	struct slice text = convert(a, &c, octets, &w);
	arena_resize(a, w.p, w.room, text.n);
	return text;
}
