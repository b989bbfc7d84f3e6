/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	if (c == '+') return 62;
	return c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum error base64_decode(struct arena *a, struct slice text, struct slice *out)
{
	size_t n = 0, digits = 0, padding = 0;
	uint32_t bits = 0;
	unsigned char *octets = arena_alloc(a, text.n / 4 * 3 + 3);
	*out = SLICE_EMPTY;
	if (!octets) return ERR_NO_MEMORY;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		int value = value_of((unsigned char)c);
		if (is_space(c)) continue;
		if (c == '=' && ++padding <= 2) continue;
		if (value < 0 || padding > 0) return ERR_SYNTAX;
		bits = bits << 6 | (uint32_t)value;
		if (digits++ % 4 > 0) octets[n++] = (unsigned char)(bits >> (6 - 2 * ((digits - 1) % 4)));
	}
	/* One digit alone is less than an octet; padding that is there must be of the right length. */
	if (digits % 4 == 1 || (padding > 0 && (digits + padding) % 4 != 0)) return ERR_SYNTAX;
	*out = slice_of(octets, n);
	return ERR_OK;
}

struct slice base64_encode(struct arena *a, struct slice octets)
{
	const unsigned char *in = (const unsigned char *)octets.p;
	size_t n = 0;
	char *text = arena_alloc(a, (octets.n + 2) / 3 * 4 + 1);
	if (!text) return (struct slice){NULL, 0};
	for (size_t i = 0; i < octets.n; i += 3) {
		size_t left = octets.n - i;
		uint32_t bits =
			(uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
		text[n++] = alphabet[bits >> 18];
		text[n++] = alphabet[bits >> 12 & 63];
		text[n++] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		text[n++] = left > 2 ? alphabet[bits & 63] : '=';
	}
	return slice_of(text, n);
}
