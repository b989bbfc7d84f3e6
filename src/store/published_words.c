/* SPDX-License-Identifier: Apache-2.0 */
#include "store/published_words.h"

#include <string.h>

static const uint8_t class_codes[] = {
#define X(name, code, word) code,
	ACT_CLASS_TABLE(X)
#undef X
};

size_t published_codes(const struct published *p, uint8_t codes[static PUBLISHED_CODES_MOST])
{
	size_t n = 0;
	for (size_t i = 0; i < ACT_CLASS_COUNT; i++)
		if (p->classes & (1u << i)) codes[n++] = class_codes[i];
	if (p->flags & PUBLISHED_MANUAL || n == 0) codes[n++] = PUBLISHED_CODE_MANUAL;
	return n;
}

struct line {
	char *to;
	size_t n;
};

static void say(struct line *l, struct slice text)
{
	size_t room = PUBLISHED_SENTENCE_MOST - l->n;
	size_t n = text.n < room ? text.n : room;
	memcpy(l->to + l->n, text.p, n);
	l->n += n;
}

static const struct slice class_words[] = {
#define X(name, code, word) {word, sizeof word - 1},
	ACT_CLASS_TABLE(X)
#undef X
};
static const struct slice grade_sentences[] = {
#define X(name, sentence) {sentence, sizeof sentence - 1},
	GRADE_TABLE(X)
#undef X
};

/* "bounces, auto-replies and challenges" */
static void say_classes(struct line *l, unsigned classes)
{
	bool first = true;
	for (size_t i = 0; i < ACT_CLASS_COUNT; i++) {
		if (!(classes & (1u << i))) continue;
		if (!first) say(l, classes >> (i + 1) ? SLICE(", ") : SLICE(" and "));
		say(l, class_words[i]);
		first = false;
	}
}

size_t published_sentence(const struct published *p, struct slice unit, struct slice site,
                          char out[static PUBLISHED_SENTENCE_MOST])
{
	struct line l = {.to = out};
	unsigned classes = p->classes & ((1u << ACT_CLASS_COUNT) - 1);
	say(&l, unit);
	if (classes) {
		say(&l, SLICE(" sends "));
		say_classes(&l, classes);
		say(&l, SLICE(" to people who never wrote to it; "));
		say(&l, grade_sentences[p->grade < GRADE_COUNT ? p->grade : GRADE_none]);
	} else {
		say(&l, SLICE(" was listed by hand by the operator of this list"));
	}
	say(&l, p->flags & PUBLISHED_ANY ? SLICE(". ") : SLICE(". Refuse its bounces only. "));
	if (site.n) {
		say(&l, site);
		say(&l, SLICE("/lookup/"));
	} else {
		say(&l, SLICE("Why: backstop lookup "));
	}
	size_t slash = 0;
	while (slash < unit.n && unit.p[slash] != '/') slash++;
	say(&l, slice_sub(unit, 0, slash));
	return l.n;
}
