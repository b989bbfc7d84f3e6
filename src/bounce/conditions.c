/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/conditions.h"

#include <stdlib.h>

#include "bounce/structure.h"

struct conditions {
	const struct rules *rules;
	struct signal_set always;            /* those without a key */
	struct signal_set by[RULES_SIGNALS]; /* of each signal: those whose key it is of */
};

static size_t group_end(const struct rule_signal *s, size_t i)
{
	uint16_t group = s->terms[i].group;
	while (i < s->term_count && s->terms[i].group == group) i++;
	return i;
}

/* How often one of a group will have fired, a guess: what the form shows is in every second message, words are seldom there. */
static size_t commonness(const struct rule_signal *s, size_t from, size_t to)
{
	size_t sum = 0;
	for (size_t i = from; i < to; i++) {
		if (s->terms[i].negated) return SIZE_MAX;
		sum += s->terms[i].signal < STRUCTURE_COUNT ? 10 : 1;
	}
	return sum;
}

static void index_condition(struct conditions *c, size_t index)
{
	const struct rule_signal *s = &c->rules->signals[index];
	size_t least = SIZE_MAX, from = 0, to = 0;
	for (size_t i = 0, end; i < s->term_count; i = end) {
		end = group_end(s, i);
		size_t common = commonness(s, i, end);
		if (common >= least) continue;
		least = common;
		from = i;
		to = end;
	}
	if (from == to) signal_set(&c->always, index);
	for (size_t i = from; i < to; i++) signal_set(&c->by[s->terms[i].signal], index);
}

enum error conditions_new(const struct rules *rules, struct conditions **out)
{
	struct conditions *c = *out = calloc(1, sizeof *c);
	if (!c) return ERR_NO_MEMORY;
	c->rules = rules;
	for (size_t i = STRUCTURE_COUNT; i < rules->signal_count; i++)
		if (rules->signals[i].derived) index_condition(c, i);
	return ERR_OK;
}

void conditions_free(struct conditions *c)
{
	free(c);
}

static bool holds(const struct rule_signal *s, const struct signal_set *fired)
{
	for (size_t i = 0; i < s->term_count; i = group_end(s, i)) {
		uint16_t group = s->terms[i].group;
		while (signal_fired(fired, s->terms[i].signal) == s->terms[i].negated)
			if (++i == s->term_count || s->terms[i].group != group) return false; /* none of it holds */
	}
	return true;
}

void conditions_apply(const struct conditions *c, struct signal_set *fired)
{
	struct signal_set asked = c->always;
	for (size_t i = 0; signal_next(fired, &i); i++) signal_add_all(&asked, &c->by[i]);
	for (size_t i = 0; signal_next(&asked, &i); i++) {
		if (!holds(&c->rules->signals[i], fired)) continue;
		signal_set(fired, i);
		signal_add_all(&asked, &c->by[i]);
	}
}
