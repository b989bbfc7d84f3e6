/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/wordsets.h"

#include <stdlib.h>

#include "bounce/literals.h"

#define HITS 2048

struct hit {
	uint32_t phrase, end;
};

struct wordsets {
	const struct rules *rules;
	struct slice text;
	struct signal_set *fired;
	uint8_t place; /* a bit */
	/* A row of hits, in the order of their ends. */
	struct hit hits[HITS];
	size_t count;
	uint64_t seen[RULES_PHRASES / 64]; /* words that were found in this text */
	uint8_t groups[RULES_SETS];        /* of each set: bits of the groups of which there is a word */
	bool whole;                        /* of some set all */
	/* Where a word of each group was found last, counted on over all texts, so that nothing has to be cleared. */
	uint64_t last[RULES_SETS][RULES_GROUPS], base, next_base;
};

struct wordsets *wordsets_new(void)
{
	struct wordsets *w = calloc(1, sizeof *w);
	if (w) w->next_base = 1; /* what was found at 0 was not found */
	return w;
}

void wordsets_free(struct wordsets *w)
{
	free(w);
}

void wordsets_begin(struct wordsets *w, const struct rules *rules, enum place place, struct slice text,
                    struct signal_set *fired)
{
	w->rules = rules;
	w->text = text;
	w->fired = fired;
	w->place = (uint8_t)(1u << place);
	w->count = 0;
	w->whole = false;
	w->base = w->next_base; /* beyond all that was found before */
	w->next_base = w->base + text.n + RULES_WITHIN + 1;
	memset(w->seen, 0, (rules->phrase_count + 63) / 64 * sizeof *w->seen);
	memset(w->groups, 0, rules->set_count * sizeof *w->groups);
}

static bool is_whole(const struct wordsets *w, size_t set)
{
	return w->groups[set] == (1u << w->rules->sets[set].group_count) - 1;
}

static bool is_wanted(const struct wordsets *w, const struct rule_phrase *p)
{
	return w->rules->signals[p->signal].places & w->place && !signal_fired(w->fired, p->signal);
}

/* A word is there: its sets are nearer to being whole. */
static void note(struct wordsets *w, uint32_t phrase)
{
	const struct rule_phrase *phrases = w->rules->phrases, *p = &phrases[phrase];
	for (;; p = &phrases[p->same - 1]) {
		if (is_wanted(w, p)) {
			w->groups[p->set - 1] |= (uint8_t)(1u << p->group);
			w->whole |= is_whole(w, p->set - 1);
		}
		if (p->same == 0) return;
	}
}

/* Are words of the set's other groups near, and in this paragraph? */
static bool completes(struct wordsets *w, const struct rule_phrase *p, size_t end)
{
	const struct rule_set *set = &w->rules->sets[p->set - 1];
	uint64_t *last = w->last[p->set - 1], here = w->base + end, first = here;
	last[p->group] = here;
	for (size_t g = 0; g < set->group_count; g++) {
		if (last[g] < w->base || here - last[g] > set->within) return false;
		if (last[g] < first) first = last[g];
	}
	return !memchr(w->text.p + (first - w->base), '\n', here - first);
}

static void look_at(struct wordsets *w, const struct hit *hit)
{
	const struct rule_phrase *phrases = w->rules->phrases, *p = &phrases[hit->phrase];
	for (;; p = &phrases[p->same - 1]) {
		if (is_whole(w, p->set - 1) && is_wanted(w, p) && completes(w, p, hit->end))
			signal_set(w->fired, p->signal);
		if (p->same == 0) return;
	}
}

/* No room: from now on all words are looked at, those of sets that are not whole yet, too. Those that end after `from` may have to
 * wait for others that end before them. */
static void make_room(struct wordsets *w, size_t from)
{
	size_t done = 0;
	memset(w->groups, 0, sizeof w->groups);
	for (size_t i = 0; i < w->rules->set_count; i++)
		w->groups[i] = (uint8_t)((1u << w->rules->sets[i].group_count) - 1);
	w->whole = true;
	while (done < w->count && (w->hits[done].end + LITERALS_SLACK <= from || w->count - done == HITS))
		look_at(w, &w->hits[done++]);
	memmove(w->hits, w->hits + done, (w->count - done) * sizeof *w->hits);
	w->count -= done;
}

void wordsets_found(struct wordsets *w, uint32_t phrase, size_t end)
{
	if (!(w->seen[phrase / 64] >> phrase % 64 & 1)) {
		w->seen[phrase / 64] |= UINT64_C(1) << phrase % 64;
		note(w, phrase);
	}
	if (w->count == HITS) make_room(w, end - w->rules->phrases[phrase].text.n);
	size_t i = w->count++;
	for (; i > 0 && w->hits[i - 1].end > end; i--) w->hits[i] = w->hits[i - 1];
	w->hits[i] = (struct hit){phrase, (uint32_t)end};
}

void wordsets_end(struct wordsets *w)
{
	for (size_t i = 0; i < w->count && w->whole; i++) look_at(w, &w->hits[i]);
}
