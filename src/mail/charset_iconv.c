/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/charset_iconv.h"

#include <errno.h>
#include <iconv.h>
#include <stdatomic.h>

/* Supersets where there are some: labels are wrong more often than texts. */
const struct charset_iconv charset_iconv_table[] = {
	{" iso2022jp iso2022jp1 iso2022jp2 iso2022jp3 iso2022jpms jis ", {50220, 50221}, "ISO-2022-JP-3", 932},
	{" shiftjis sjis mskanji windows31j ms932 ", {932, 943}, "CP932", 0},
	{" eucjp eucjpms ujis ", {51932, 20932}, "EUC-JP-MS", 0},
	{" gb18030 gbk gb2312 gb231280 euccn chinese iso58gb231280 ", {936, 54936}, "GB18030", 0},
	{" big5 big5hkscs cnbig5 big5tw ", {950, 951}, "BIG5-HKSCS", 0},
	{" euckr ksc56011987 ksc56011989 ksc5601 uhc korean johabks ", {949, 51949}, "CP949", 0},
	{" iso2022kr ", {50225, 0}, "ISO-2022-KR", 949},
	{" iso2022cn iso2022cnext ", {50227, 50229}, "ISO-2022-CN-EXT", 936},
	{" euctw ", {51950, 0}, "EUC-TW", 0},
	{" johab ", {1361, 0}, "JOHAB", 0},
};
const size_t charset_iconv_count = sizeof charset_iconv_table / sizeof *charset_iconv_table;

#define REPAIRS_MOST 2000 /* each costs a call; a text with more is none of that charset */
#define REPLACEMENT  "\xEF\xBF\xBD"
#define FAILED       ((iconv_t)-1)

/* ---- converters ------------------------------------------------------------------------------------------------------ */

/* One of each that nobody uses now. To open one costs more than most texts, and as long as one is open its file stays loaded. */
static _Atomic(iconv_t) idle[sizeof charset_iconv_table / sizeof *charset_iconv_table];

/* Where it would be idle; NULL: it is none of the table. */
static _Atomic(iconv_t) *place_of(const struct charset_iconv *c)
{
	size_t i = ((uintptr_t)c - (uintptr_t)charset_iconv_table) / sizeof *c;
	return i < charset_iconv_count ? &idle[i] : NULL;
}

static iconv_t open_converter(const struct charset_iconv *c)
{
	_Atomic(iconv_t) *place = place_of(c);
	iconv_t converter = place ? atomic_exchange(place, NULL) : NULL;
	return converter ? converter : iconv_open("UTF-8", c->converter);
}

static void close_converter(const struct charset_iconv *c, iconv_t converter)
{
	_Atomic(iconv_t) *place = place_of(c);
	iconv_t none = NULL;
	iconv(converter, NULL, NULL, NULL, NULL); /* as if nothing had been read */
	if (!place || !atomic_compare_exchange_strong(place, &none, converter)) iconv_close(converter);
}

unsigned charset_iconv_prepare(void)
{
	unsigned missing = 0;
	for (size_t i = 0; i < charset_iconv_count; i++) {
		iconv_t converter = open_converter(&charset_iconv_table[i]);
		missing += converter == FAILED;
		if (converter != FAILED) close_converter(&charset_iconv_table[i], converter);
	}
	return missing;
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */

static bool put(char *out, size_t *n, size_t room, const char *text, size_t length)
{
	if (room - *n < length) return false;
	memcpy(out + *n, text, length);
	*n += length;
	return true;
}

/* Length of the escape or shift sequence at p; *wide: what follows it has two octets a character. */
static size_t shift_length(const char *p, size_t left, bool *wide)
{
	if (p[0] == '\x0E' || p[0] == '\x0F') {
		*wide = p[0] == '\x0E';
		return 1;
	}
	if (p[0] != '\x1B') return 0;
	size_t n = 1;
	while (n < left && n < 4 && p[n] >= 0x20 && p[n] < 0x30) n++;
	if (n > 1 && p[1] == '$') {
		/* ISO-2022-KR and -CN only name a set here, SO uses it. */
		*wide = n == 2 || p[n - 1] == '(';
	} else if (n > 1) {
		*wide = false;
	}
	return n < left ? n + 1 : n;
}

/* Without a converter: what is ASCII stays, each pair of other octets is one U+FFFD. */
static size_t convert_ascii(const struct charset_iconv *c, struct slice in, char *out, size_t room)
{
	size_t n = 0, skip;
	bool wide = false;
	for (size_t i = 0; i < in.n;) {
		const char *p = in.p + i;
		if (c->eight_bit && (skip = shift_length(p, in.n - i, &wide)) > 0) {
			i += skip;
			continue;
		}
		if (*p == '\n') wide = false;
		bool ascii = (unsigned char)*p < 0x80 && (!wide || (unsigned char)*p <= ' ');
		if (!put(out, &n, room, ascii ? p : REPLACEMENT, ascii ? 1 : 3)) break;
		i += ascii || i + 1 == in.n || in.p[i + 1] == '\n' ? 1 : 2;
	}
	return n;
}

size_t charset_iconv_convert(const struct charset_iconv *c, struct slice in, char *out, size_t room)
{
	iconv_t converter = open_converter(c);
	if (converter == FAILED) return convert_ascii(c, in, out, room);
	char *from = (char *)in.p, *to = out;
	size_t left = in.n, free_room = room;
	for (unsigned repairs = 0; left > 0; repairs++) {
		if (iconv(converter, &from, &left, &to, &free_room) != (size_t)-1) break;
		size_t n = room - free_room;
		if (errno == E2BIG || repairs == REPAIRS_MOST || !put(out, &n, room, REPLACEMENT, 3)) break;
		to = out + n;
		free_room = room - n;
		if (errno == EINVAL) left = 0; /* cut off in a character */
		if (left > 0) from++, left--;
		if (repairs + 1 == REPAIRS_MOST) {
			n += convert_ascii(c, slice_of(from, left), out + n, room - n);
			free_room = room - n;
			left = 0;
		}
	}
	if (left == 0) iconv(converter, NULL, NULL, &to, &free_room); /* a character that waits for a combining one */
	close_converter(c, converter);
	return room - free_room;
}
