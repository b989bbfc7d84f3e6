/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/utf8.h"

#include "base/lanes.h"

static inline size_t length(struct slice s)
{
	if (s.n == 0) return 0;
	const unsigned char *p = (const unsigned char *)s.p;
	if (p[0] < 0x80) return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4) return 0; /* C0, C1: overlong */
	size_t n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (s.n < n) return 0;
	/* RFC 3629 4: the second octet's range depends on the first. */
	unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
	if (p[1] < low || p[1] > high) return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xC0) != 0x80) return 0;
	return n;
}

size_t utf8_length(struct slice s)
{
	return length(s);
}

bool utf8_valid(struct slice s)
{
	while (s.n > 0) {
		size_t n = (unsigned char)s.p[0] < 0x80 ? utf8_ascii_run(s) : length(s);
		if (n == 0) return false;
		s = slice_sub(s, n, s.n);
	}
	return true;
}

bool utf8_is_ascii(struct slice s)
{
	return utf8_ascii_run(s) == s.n;
}

size_t utf8_ascii_run(struct slice s)
{
	size_t i = 0;
	for (; s.n - i >= 4 * LANES; i += 4 * LANES) {
		const char *p = s.p + i;
		lanes first = lanes_load(p) | lanes_load(p + LANES);
		if (lanes_mask(first | lanes_load(p + 2 * LANES) | lanes_load(p + 3 * LANES))) break;
	}
	for (; s.n - i >= LANES; i += LANES) {
		unsigned high = lanes_mask(lanes_load(s.p + i));
		if (high) return i + lanes_first(high);
	}
	while (i < s.n && (unsigned char)s.p[i] < 0x80) i++;
	return i;
}

size_t utf8_encode(char out[4], uint32_t c)
{
	if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = 0xFFFD;
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(lead[n] | c);
	return n;
}

struct slice utf8_cut(struct slice s, size_t n)
{
	if (s.n <= n) return s;
	size_t at = n;
	while (at > 0 && n - at < 4 && ((unsigned char)s.p[at] & 0xC0) == 0x80) at--;
	return slice_sub(s, 0, n - at < 4 ? at : n);
}
