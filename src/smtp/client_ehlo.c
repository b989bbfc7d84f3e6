/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/client_ehlo.h"

/* X(keyword, field): extensions that are just there or not */
#define FLAG_TABLE(X)                                                                                                  \
	X("PIPELINING", pipelining)                                                                                    \
	X("8BITMIME", eightbitmime)                                                                                    \
	X("SMTPUTF8", smtputf8)                                                                                        \
	X("DSN", dsn)                                                                                                  \
	X("CHUNKING", chunking)                                                                                        \
	X("STARTTLS", starttls)                                                                                        \
	X("PRDR", prdr)                                                                                                \
	X("ENHANCEDSTATUSCODES", enhanced)

static struct slice next_word(struct slice *rest)
{
	*rest = slice_trim(*rest);
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t') n++;
	struct slice word = slice_sub(*rest, 0, n);
	*rest = slice_sub(*rest, n, rest->n);
	return word;
}

/* RFC 9422 3: LIMITS MAILMAX=n RCPTMAX=n; 0 is not a limit. */
static void parse_limits(struct slice rest, struct client_extensions *out)
{
	struct slice word;
	while ((word = next_word(&rest)).n) {
		uint64_t value;
		size_t eq = slice_find(word, '=');
		struct slice name = slice_sub(word, 0, eq);
		if (!slice_to_u64(slice_sub(word, eq + 1, word.n), &value)) continue;
		if (value > UINT32_MAX) value = 0;
		if (slice_equal_nocase(name, SLICE("MAILMAX"))) out->mail_max = (uint32_t)value;
		if (slice_equal_nocase(name, SLICE("RCPTMAX"))) out->rcpt_max = (uint32_t)value;
	}
}

static void parse_line(struct slice rest, struct client_extensions *out)
{
	struct slice word = next_word(&rest);
#define X(keyword, field)                                                                                              \
	if (slice_equal_nocase(word, SLICE(keyword))) out->field = true;
	FLAG_TABLE(X)
#undef X
	if (slice_equal_nocase(word, SLICE("SIZE"))) { /* RFC 1870 3: without a number, or with 0, no limit is told */
		struct slice number = next_word(&rest);
		out->size = true;
		if (!slice_to_u64(number, &out->max_size)) out->max_size = 0;
	}
	if (slice_equal_nocase(word, SLICE("LIMITS"))) parse_limits(rest, out);
}

void client_parse_ehlo(struct slice text, struct client_extensions *out)
{
	slice_split(&text, '\n');
	while (text.p) parse_line(slice_split(&text, '\n'), out);
}
