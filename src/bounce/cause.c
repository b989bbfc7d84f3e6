/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/cause.h"

struct word {
	const char *name, *words;
};

static const struct word actors[] = {
#define X(name, words) {#name, words},
	ACTOR_TABLE(X)
#undef X
};

static const struct word stages[] = {
#define X(name, words) {#name, words},
	STAGE_TABLE(X)
#undef X
};

static const struct {
	struct word word;
	const char *advice;
	enum actor actor;
} causes[] = {
#define X(name, actor, words, advice) {{#name, words}, advice, ACTOR_##actor},
	CAUSE_TABLE(X)
#undef X
};

const char *actor_name(enum actor a)
{
	return actors[(unsigned)a < ACTOR_COUNT ? a : ACTOR_nobody].name;
}

const char *actor_words(enum actor a)
{
	return actors[(unsigned)a < ACTOR_COUNT ? a : ACTOR_nobody].words;
}

bool actor_parse(struct slice name, enum actor *out)
{
	for (unsigned i = 0; i < ACTOR_COUNT; i++) {
		if (!slice_equal(name, slice_str(actors[i].name))) continue;
		*out = (enum actor)i;
		return true;
	}
	return false;
}

const char *stage_name(enum stage s)
{
	return stages[(unsigned)s < STAGE_COUNT ? s : STAGE_unknown].name;
}

const char *stage_words(enum stage s)
{
	return stages[(unsigned)s < STAGE_COUNT ? s : STAGE_unknown].words;
}

bool stage_parse(struct slice name, enum stage *out)
{
	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		if (!slice_equal(name, slice_str(stages[i].name))) continue;
		*out = (enum stage)i;
		return true;
	}
	return false;
}

const char *cause_name(enum cause c)
{
	return causes[(unsigned)c < CAUSE_COUNT ? c : CAUSE_unknown].word.name;
}

const char *cause_words(enum cause c, struct slice detail)
{
	static const struct {
		enum cause cause;
		const char *detail, *words;
	} details[] = {
#define X(cause, detail, words) {CAUSE_##cause, detail, words},
		CAUSE_DETAIL_TABLE(X)
#undef X
	};
	for (size_t i = 0; i < sizeof details / sizeof *details; i++)
		if (details[i].cause == c && slice_equal(detail, slice_str(details[i].detail))) return details[i].words;
	return causes[(unsigned)c < CAUSE_COUNT ? c : CAUSE_unknown].word.words;
}

const char *cause_advice(enum cause c)
{
	return causes[(unsigned)c < CAUSE_COUNT ? c : CAUSE_unknown].advice;
}

enum actor cause_actor(enum cause c)
{
	return causes[(unsigned)c < CAUSE_COUNT ? c : CAUSE_unknown].actor;
}

bool cause_parse(struct slice name, enum cause *out)
{
	for (unsigned i = 0; i < CAUSE_COUNT; i++) {
		if (!slice_equal(name, slice_str(causes[i].word.name))) continue;
		*out = (enum cause)i;
		return true;
	}
	return false;
}
