/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/utf8.h"

size_t utf8_length(struct slice s)
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

bool utf8_valid(struct slice s)
{
	while (s.n) {
		size_t n = utf8_length(s);
		if (n == 0) return false;
		s = slice_sub(s, n, s.n);
	}
	return true;
}

bool utf8_is_ascii(struct slice s)
{
	unsigned char all = 0;
	for (size_t i = 0; i < s.n; i++) all |= (unsigned char)s.p[i];
	return all < 0x80;
}
