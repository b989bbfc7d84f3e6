/* SPDX-License-Identifier: Apache-2.0 */
/* A knowledge file is good when each of its samples is explained by the entry that it stands in. */
#include <stdio.h>

#include "bounce/explain_reply.h"

#define SAMPLE_ARENA (512 * 1024)

/* NULL: as it says. */
static const char *check_sample(struct arena *a, const struct knowledge *k, const struct knowledge_entry *e,
                                const struct knowledge_sample *s, struct reply_verdict *v)
{
	struct reply_context c = {.text = s->text, .host = s->host, .stage = s->stage};
	if (!explain_reply(a, k, &c, v)) return "no memory for";
	if (s->counter) return v->entry == e ? "the counter-sample is explained by" : NULL;
	if (v->entry != e) return "the sample is not explained by";
	return NULL;
}

static enum error check(const struct knowledge *k, char why[KNOWLEDGE_WHY])
{
	struct arena a;
	struct reply_verdict v;
	const char *problem = NULL;
	arena_init(&a, SAMPLE_ARENA);
	for (size_t i = 0; i < k->count && !problem; i++) {
		const struct knowledge_entry *e = &k->entries[i];
		for (size_t j = 0; j < e->sample_count && !problem; j++) {
			arena_reset(&a);
			problem = check_sample(&a, k, e, &e->samples[j], &v);
			if (problem)
				snprintf(why, KNOWLEDGE_WHY, "line %u: %s %.*s, but by %.*s", e->samples[j].line,
				         problem, (int)(e->id.n < 60 ? e->id.n : 60), e->id.p,
				         v.entry ? (int)v.entry->id.n : 7, v.entry ? v.entry->id.p : "nothing");
		}
	}
	arena_free(&a);
	return problem ? ERR_INVALID : ERR_OK;
}

enum error knowledge_load(struct arena *a, struct slice text, struct knowledge **out, char why[KNOWLEDGE_WHY])
{
	enum error e = knowledge_parse(a, text, out, why);
	if (e == ERR_OK) e = check(*out, why);
	if (e != ERR_OK) *out = NULL;
	return e;
}
