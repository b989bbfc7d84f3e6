/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/tagged.h"

#include <string.h>

#define TAG_MOST 48 /* octets between the marks of a tag */

/* Each tag has one of these. */
static const struct slice telling[] = {
	SLICE("spam"),        SLICE("external"),    SLICE("ext"),       SLICE("extern"),       SLICE("externe"),
	SLICE("externo"),     SLICE("externa"),     SLICE("esterno"),   SLICE("esterna"),      SLICE("ekstern"),
	SLICE("outside"),     SLICE("bulk"),        SLICE("junk"),      SLICE("suspect"),      SLICE("suspected"),
	SLICE("suspicious"),  SLICE("phishing"),    SLICE("graymail"),  SLICE("greymail"),     SLICE("marketing"),
	SLICE("unsolicited"), SLICE("unverified"),  SLICE("untrusted"), SLICE("spamverdacht"), SLICE("werbung"),
	SLICE("sospetto"),    SLICE("indesirable"), SLICE("pourriel"),  SLICE("внешнее"),      SLICE("спам"),
	SLICE("垃圾邮件"),    SLICE("外部"),        SLICE("外部邮件"),  SLICE("スパム"),       SLICE("社外"),
	SLICE("스팸"),
};
/* Beside it there may be these, and numbers. */
static const struct slice filling[] = {
	SLICE("mail"),     SLICE("email"),    SLICE("message"),  SLICE("sender"),  SLICE("source"),   SLICE("origin"),
	SLICE("from"),     SLICE("the"),      SLICE("e"),        SLICE("is"),      SLICE("possible"), SLICE("possibly"),
	SLICE("probable"), SLICE("probably"), SLICE("likely"),   SLICE("score"),   SLICE("level"),    SLICE("high"),
	SLICE("medium"),   SLICE("low"),      SLICE("detected"), SLICE("caution"), SLICE("org"),      SLICE("verdacht"),
	SLICE("письмо"),   SLICE("mailbox"),
};

static bool is_one_of(struct slice word, const struct slice *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_equal_nocase(word, known[i])) return true;
	return false;
}

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

bool tagged_is_tag(struct slice s)
{
	bool tells = false;
	for (size_t i = 0, n; i < s.n; i += n) {
		for (n = 0; i + n < s.n && in_word(s.p[i + n]);) n++;
		struct slice word = slice_sub(s, i, i + n);
		if (n == 0)
			n = 1; /* between words, or a number */
		else if (is_one_of(word, telling, sizeof telling / sizeof *telling))
			tells = true;
		else if (!is_one_of(word, filling, sizeof filling / sizeof *filling))
			return false;
	}
	return tells;
}

/* Octets of marks at the beginning: "***", "##". */
static size_t marks(struct slice s)
{
	size_t n = 0;
	while (n < s.n && strchr("*#=~_-!+", s.p[n]) && s.p[n]) n++;
	return n;
}

/* What is between brackets, between rows of marks, or before a colon; *end: where it goes on. */
static bool may_be_tag(struct slice s, struct slice *between, size_t *end)
{
	static const char opens[] = "[{(<", closes[] = "]})>";
	const char *open = s.n > 0 && s.p[0] ? strchr(opens, s.p[0]) : NULL;
	struct slice near = slice_sub(s, 0, TAG_MOST);
	size_t first = open ? 1 : marks(s), at = first;
	if (open)
		at = slice_find(near, closes[open - opens]);
	else if (first > 0)
		while (at < near.n && marks(slice_sub(near, at, near.n)) < first) at++;
	else
		at = slice_find(near, ':');
	if (at >= near.n) return false;
	*between = slice_sub(s, first, at);
	*end = at + (open || first == 0 ? 1 : marks(slice_sub(s, at, s.n)));
	return true;
}

struct slice tagged_subject(struct slice subject)
{
	struct slice left = slice_trim(subject), between;
	for (size_t end; may_be_tag(left, &between, &end) && tagged_is_tag(between);) {
		struct slice after = slice_trim(slice_sub(left, end, left.n));
		while (after.n > 0 && (after.p[0] == ':' || after.p[0] == '-')) /* "[EXT]: Re: hello" */
			after = slice_trim(slice_sub(after, 1, after.n));
		if (after.n == 0) return subject;
		left = after;
	}
	return left;
}
