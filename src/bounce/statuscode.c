/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/statuscode.h"

#include <stdio.h>

struct row {
	uint16_t subject, detail;
	uint8_t weight;
	enum cause cause;
	const char *words;
};

static const struct row rows[] = {
#define X(subject, detail, cause, weight, words) {subject, detail, weight, CAUSE_##cause, words},
	STATUSCODE_TABLE(X)
#undef X
};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Up to three digits (RFC 3463 2). */
static size_t number(struct slice s, uint16_t *out)
{
	size_t n = 0;
	*out = 0;
	while (n < s.n && n < 3 && digit(s.p[n])) *out = (uint16_t)(*out * 10 + (s.p[n++] - '0'));
	return n < s.n && digit(s.p[n]) ? 0 : n;
}

static size_t read_code(struct slice s, struct statuscode *out)
{
	size_t n, at = 2;
	if (s.n < 5 || s.p[1] != '.' || (s.p[0] != '2' && s.p[0] != '4' && s.p[0] != '5')) return 0;
	out->class = (uint8_t)(s.p[0] - '0');
	n = number(slice_sub(s, at, s.n), &out->subject);
	at += n;
	if (n == 0 || at >= s.n || s.p[at] != '.') return 0;
	n = number(slice_sub(s, ++at, s.n), &out->detail);
	at += n;
	/* Not the beginning of an IP address or a version: "5.1.1.10". */
	if (n == 0 || (at + 1 < s.n && s.p[at] == '.' && digit(s.p[at + 1]))) return 0;
	return at;
}

size_t statuscode_length(struct slice text)
{
	struct statuscode c;
	return read_code(text, &c);
}

bool statuscode_parse(struct slice text, struct statuscode *out)
{
	*out = (struct statuscode){0};
	if (read_code(text, out)) return true;
	*out = (struct statuscode){0};
	return false;
}

const char *statuscode_text(const struct statuscode *c, char out[STATUSCODE_TEXT_SIZE])
{
	snprintf(out, STATUSCODE_TEXT_SIZE, "%u.%u.%u", c->class % 10u, c->subject % 1000u, c->detail % 1000u);
	return out;
}

static const struct row *find(const struct statuscode *c)
{
	for (size_t i = 0; c->class && i < sizeof rows / sizeof *rows; i++)
		if (rows[i].subject == c->subject && rows[i].detail == c->detail) return &rows[i];
	return NULL;
}

const char *statuscode_words(const struct statuscode *c)
{
	const struct row *r = find(c);
	return r ? r->words : NULL;
}

enum cause statuscode_cause(const struct statuscode *c, unsigned *weight)
{
	const struct row *r = find(c);
	/* A detail of one vendor's: the subject alone. */
	const struct statuscode subject = {.class = c->class, .subject = c->subject};
	if (!r) r = find(&subject);
	*weight = r ? r->weight : 0;
	return r && r->weight ? r->cause : CAUSE_unknown;
}
