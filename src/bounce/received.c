/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/received.h"

#define RECEIVED_MOST 4096 /* octets of a field that are read */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word outside of comments, which it steps over; empty: no more before the ";" of the date. */
static struct slice next_word(struct slice text, size_t *at)
{
	size_t i = *at, depth = 0, from;
	for (; i < text.n; i++) {
		char c = text.p[i];
		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !is_blank(c))
			break;
	}
	for (from = i; i < text.n && !is_blank(text.p[i]) && text.p[i] != ';' && text.p[i] != '(';) i++;
	*at = i;
	return slice_sub(text, from, i);
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" */
static bool find_address(struct slice text, struct ip *out)
{
	while (text.n > 0) {
		size_t open = slice_find(text, '[');
		text = slice_sub(text, open + 1, text.n);
		struct slice inside = slice_sub(text, 0, IP_TEXT_SIZE + 5);
		inside = slice_sub(inside, 0, slice_find(inside, ']'));
		if (slice_starts_nocase(inside, SLICE("IPv6:"))) inside = slice_sub(inside, 5, inside.n);
		if (inside.n < IP_TEXT_SIZE && ip_parse(inside, out)) return true;
	}
	return false;
}

void received_read(struct slice value, struct received_words *out)
{
	size_t at = 0;
	struct slice word;
	value = slice_sub(value, 0, RECEIVED_MOST);
	*out = (struct received_words){.by = SLICE_EMPTY, .id = SLICE_EMPTY};
	while ((word = next_word(value, &at)).n > 0) {
		if (!out->by.n && slice_equal_nocase(word, SLICE("by"))) {
			if (!find_address(slice_sub(value, 0, at), &out->from)) out->from = (struct ip){0};
			out->by = next_word(value, &at);
		} else if (!out->id.n && slice_equal_nocase(word, SLICE("id"))) {
			out->id = next_word(value, &at);
		}
	}
}

bool received_inner(const struct ip *ip)
{
	const uint8_t *o = ip->octets;
	if (ip_is_loopback(ip)) return true;
	if (ip->family == AF_INET6) return (o[0] & 0xFE) == 0xFC || (o[0] == 0xFE && (o[1] & 0xC0) == 0x80);
	return o[0] == 10 || (o[0] == 172 && (o[1] & 0xF0) == 16) || (o[0] == 192 && o[1] == 168);
}
