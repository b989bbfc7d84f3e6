/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/xtext.h"

static bool is_xchar(unsigned char c)
{
	return c >= 33 && c <= 126 && c != '+' && c != '=';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	return -1;
}

/* Reads one character at *at and moves on; -1 when it is not xtext. */
static int next_octet(struct slice in, size_t *at)
{
	unsigned char c = (unsigned char)in.p[*at];
	if (is_xchar(c)) {
		(*at)++;
		return c;
	}
	if (c != '+' || in.n - *at < 3) return -1;
	int high = hex_value(in.p[*at + 1]), low = hex_value(in.p[*at + 2]);
	if (high < 0 || low < 0) return -1;
	*at += 3;
	return high << 4 | low;
}

struct slice xtext_decode(struct arena *a, struct slice in)
{
	char *out = arena_alloc(a, in.n + 1);
	if (!out) return (struct slice){NULL, 0};
	size_t n = 0;
	for (size_t at = 0; at < in.n;) {
		int octet = next_octet(in, &at);
		if (octet < 0) return (struct slice){NULL, 0};
		out[n++] = (char)octet;
	}
	return slice_of(out, n);
}

struct slice xtext_encode(struct arena *a, struct slice in)
{
	static const char digits[] = "0123456789ABCDEF";
	if (in.n > SIZE_MAX / 4) return (struct slice){NULL, 0};
	char *out = arena_alloc(a, in.n * 3 + 1);
	if (!out) return (struct slice){NULL, 0};
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (is_xchar(c)) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '+';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	return slice_of(out, n);
}

bool xtext_valid(struct slice in)
{
	for (size_t at = 0; at < in.n;) {
		int octet = next_octet(in, &at);
		if (octet < 32 || octet > 126) return false;
	}
	return true;
}
