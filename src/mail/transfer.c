/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/transfer.h"

#include "base/lanes.h"

/* ---- base64, RFC 2045 6.8 ---------------------------------------------------------------------------------------- */

/* Value plus one of each character of the alphabet; 0: none of it. "-" and "_" are those of RFC 4648 5, which some
 * write. */
static const unsigned char base64_value[256] = {
	['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,  ['I'] = 9,
	['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27,
	['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45,
	['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
	['-'] = 63, ['/'] = 64, ['_'] = 64,
};

struct slice transfer_base64(struct arena *a, struct slice in, size_t limit)
{
	size_t most = in.n / 4 * 3 + 3, room = most < limit ? most : limit, n = 0;
	unsigned char *out = arena_alloc(a, room);
	if (!out) return (struct slice){NULL, 0};
	uint32_t bits = 0;
	unsigned have = 0;
	for (size_t i = 0; i < in.n && n < limit; i++) {
		unsigned value = base64_value[(unsigned char)in.p[i]];
		if (value == 0) {
			if (in.p[i] == '=') have = 0; /* what is left are bits that fill up: another text may follow */
			continue;
		}
		bits = bits << 6 | (value - 1);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (unsigned char)(bits >> have);
		}
	}
	arena_resize(a, out, room, n);
	return slice_of(out, n);
}

/* ---- quoted-printable, RFC 2045 6.7 ------------------------------------------------------------------------------ */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	return -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Length of a soft line break at the "=" at `at`: the sign, blanks that were added on the way, the line end; also the
 * sign at the very end. 0: it is none. */
static size_t soft_break(struct slice in, size_t at)
{
	size_t i = at + 1;
	while (i < in.n && is_blank(in.p[i])) i++;
	while (i < in.n && in.p[i] == '\r') i++;
	if (i == in.n) return i - at;
	if (in.p[i] == '\n') return i + 1 - at;
	return in.p[i - 1] == '\r' ? i - at : 0;
}

static void append(char *out, size_t *n, size_t limit, const char *text, size_t length)
{
	if (length > limit - *n) length = limit - *n;
	memcpy(out + *n, text, length);
	*n += length;
}

/* The first "=" or LF from `at` on, or in.n. */
static size_t next_stop(struct slice in, size_t at)
{
	for (; in.n - at >= LANES; at += LANES) {
		lanes octets = lanes_load(in.p + at);
		unsigned stops = LANES_MASK((octets == '=') | (octets == '\n'));
		if (stops) return at + lanes_first(stops);
	}
	while (at < in.n && in.p[at] != '=' && in.p[at] != '\n') at++;
	return at;
}

/* Copies up to the next "=" without the blanks at line ends; returns where it stopped. */
static size_t copy_plain(struct slice in, size_t at, char *out, size_t *n, size_t limit)
{
	size_t stop = at;
	for (; at < in.n && *n < limit; at = stop + 1) {
		stop = next_stop(in, at);
		size_t end = stop;
		if (stop < in.n && in.p[stop] == '\n') {
			if (end > at && in.p[end - 1] == '\r') end--;
			size_t text = end;
			while (text > at && is_blank(in.p[text - 1])) text--;
			append(out, n, limit, in.p + at, text - at);
			append(out, n, limit, in.p + end, stop + 1 - end);
			continue;
		}
		append(out, n, limit, in.p + at, stop - at);
		return stop;
	}
	return at;
}

struct slice transfer_quoted_printable(struct arena *a, struct slice in, size_t limit)
{
	size_t room = in.n < limit ? in.n : limit, n = 0;
	char *out = arena_alloc(a, room);
	if (!out) return (struct slice){NULL, 0};
	for (size_t i = 0, skip; i < in.n && n < limit;) {
		i = copy_plain(in, i, out, &n, limit);
		if (i == in.n || n == limit) break;
		int high = i + 2 < in.n ? hex_value(in.p[i + 1]) : -1, low = high >= 0 ? hex_value(in.p[i + 2]) : -1;
		if (low >= 0) {
			out[n++] = (char)(high << 4 | low);
			i += 3;
		} else if ((skip = soft_break(in, i)) > 0) {
			i += skip;
		} else {
			out[n++] = in.p[i++];
		}
	}
	arena_resize(a, out, room, n);
	return slice_of(out, n);
}

/* ---- uuencode ---------------------------------------------------------------------------------------------------- */

/* Decodes one line, whose first character tells how many octets it holds; false: it ends the text. */
static bool uuencoded_line(struct slice line, unsigned char *out, size_t *n, size_t limit)
{
	while (line.n && line.p[line.n - 1] == '\r') line.n--;
	if (line.n == 0 || line.p[0] < ' ' || line.p[0] > '`' || slice_equal(line, SLICE("end"))) return false;
	size_t wanted = (size_t)(line.p[0] - ' ') & 63;
	uint32_t bits = 0;
	unsigned have = 0;
	for (size_t i = 1; i < line.n && wanted > 0 && *n < limit; i++) {
		bits = bits << 6 | ((uint32_t)(line.p[i] - ' ') & 63);
		have += 6;
		if (have < 8) continue;
		have -= 8;
		out[(*n)++] = (unsigned char)(bits >> have);
		wanted--;
	}
	return true;
}

struct slice transfer_uuencode(struct arena *a, struct slice in, size_t limit)
{
	struct slice begin = SLICE("begin ");
	size_t most = in.n / 4 * 3 + 3, n = 0;
	while (in.p && !slice_starts(in, begin)) slice_split(&in, '\n');
	if (!in.p) return SLICE_EMPTY;
	unsigned char *out = arena_alloc(a, most < limit ? most : limit);
	if (!out) return (struct slice){NULL, 0};
	slice_split(&in, '\n');
	while (in.p && n < limit && uuencoded_line(slice_split(&in, '\n'), out, &n, limit)) {
	}
	return slice_of(out, n);
}
