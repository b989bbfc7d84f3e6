/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/received.h"

#define RECEIVED_MOST 4096 /* octets of a field that are read */

struct reader {
	struct slice text;
	size_t at;
	struct ip commented, plain; /* addresses in comments, and outside of them; family 0: none yet */
	bool by;                    /* it was read: what follows is the receiver's */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "192.0.2.1", "IPv6:2001:db8::1" */
static bool is_address(struct slice text, struct ip *out)
{
	if (slice_starts_nocase(text, SLICE("IPv6:"))) text = slice_sub(text, 5, text.n);
	return text.n < IP_TEXT_SIZE && ip_parse(text, out);
}

/* "[192.0.2.1]", and what may follow it: "[192.0.2.1]:25" */
static bool is_bracketed(struct slice word, struct ip *out)
{
	if (!word.n || word.p[0] != '[') return false;
	return is_address(slice_sub(word, 1, slice_find(word, ']')), out);
}

/* Up to a blank or parenthesis; empty: no more. */
static struct slice comment_word(struct slice *rest)
{
	size_t from = 0, to;
	while (from < rest->n && (is_blank(rest->p[from]) || rest->p[from] == '(' || rest->p[from] == ')')) from++;
	for (to = from; to < rest->n && !is_blank(rest->p[to]) && rest->p[to] != '(' && rest->p[to] != ')';) to++;
	struct slice word = slice_sub(*rest, from, to);
	*rest = slice_sub(*rest, to, rest->n);
	return word;
}

/* What the server says of its client: "(a.example [192.0.2.1])", "([192.0.2.1] helo=[x])", "(192.0.2.1)". The last address is the
 * server's word; one behind HELO, and whatever is in the middle of a word, is the client's. */
static void read_comment(struct reader *r, struct slice comment)
{
	struct slice word, before = SLICE_EMPTY;
	struct ip found = {0}, ip;
	unsigned words = 0;
	bool plain = false;
	if (r->by || r->commented.family) return;
	while ((word = comment_word(&comment)).n) {
		bool helo = slice_equal_nocase(before, SLICE("HELO")) || slice_equal_nocase(before, SLICE("EHLO"));
		if (!helo && is_bracketed(word, &ip)) found = ip;
		plain = ++words == 1 && is_address(word, &ip);
		if (plain) r->commented = ip;
		before = word;
	}
	if (words != 1 || !plain) r->commented = found;
}

/* The next word outside of comments, which are read; empty: no more before the ";" of the date. */
static struct slice next_word(struct reader *r)
{
	struct slice text = r->text;
	size_t i = r->at, depth = 0, open = 0, from;
	for (; i < text.n; i++) {
		char c = text.p[i];
		if (c == '(') {
			if (depth++ == 0) open = i;
		} else if (c == ')' && depth > 0) {
			if (--depth == 0) read_comment(r, slice_sub(text, open + 1, i));
		} else if (depth == 0 && !is_blank(c)) {
			break;
		}
	}
	for (from = i; i < text.n && !is_blank(text.p[i]) && text.p[i] != ';' && text.p[i] != '(';) i++;
	r->at = i;
	struct slice word = slice_sub(text, from, i);
	struct ip ip;
	if (!r->by && is_bracketed(word, &ip)) r->plain = ip;
	return word;
}

/* A clause has a value, which may be any word: a client may call itself "by". */
static bool is_clause(struct slice word)
{
	static const char *const names[] = {"from", "via", "with", "for"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_equal_nocase(word, slice_str(names[i]))) return true;
	return false;
}

void received_read(struct slice value, struct received_words *out)
{
	struct reader r = {.text = slice_sub(value, 0, RECEIVED_MOST)};
	struct slice word;
	*out = (struct received_words){.by = SLICE_EMPTY, .id = SLICE_EMPTY};
	while ((word = next_word(&r)).n > 0) {
		if (!r.by && slice_equal_nocase(word, SLICE("by"))) {
			r.by = true;
			out->from = r.commented.family ? r.commented : r.plain;
			out->by = next_word(&r);
		} else if (!out->id.n && slice_equal_nocase(word, SLICE("id"))) {
			out->id = next_word(&r);
		} else if (is_clause(word)) {
			next_word(&r);
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
