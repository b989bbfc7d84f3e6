/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/wordsets.h"

#include <stdlib.h>

#include "bounce/literals.h"

#define HITS 2048

struct hit {
	uint32_t word, end;
};

struct wordsets {
	const struct rules *rules;
	struct slice text;
	struct signal_set *fired;
	struct hit hits[HITS];
	size_t count, sorted;              /* so many of the first are in the order of their ends */
	uint64_t seen[RULES_PHRASES / 64]; /* words that were found in this text: */
	uint16_t met[RULES_PHRASES + 1];
	size_t met_count;
	uint8_t missing[RULES_SETS]; /* of each set: bits of the groups of which there is no word yet */
	/* Of the words that were found the rows of sets that are whole. */
	struct rule_row rows[RULES_PHRASES + 1];
	struct word_rows {
		uint16_t first, count;
	} rows_of[RULES_PHRASES];
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

void wordsets_begin(struct wordsets *w, const struct rules *rules, struct slice text, struct signal_set *fired)
{
	w->rules = rules;
	w->text = text;
	w->fired = fired;
	w->count = w->sorted = w->met_count = 0;
	w->base = w->next_base; /* beyond all that was found before */
	w->next_base = w->base + text.n + RULES_WITHIN + 1;
	memset(w->seen, 0, (rules->word_count + 63) / 64 * sizeof *w->seen);
	memcpy(w->missing, rules->groups, rules->set_count);
}

/* Of each set the groups of which there is a word. Is one whole? */
static bool note_groups(struct wordsets *w)
{
	const struct rules *rules = w->rules;
	bool whole = false;
	for (size_t i = 0; i < w->met_count; i++) {
		uint32_t word = w->met[i];
		for (uint32_t k = rules->words[word].row; k < rules->words[word + 1].row; k++) {
			const struct rule_row *row = &rules->rows[k];
			w->missing[row->set] &= (uint8_t) ~(1u << row->group);
			whole |= w->missing[row->set] == 0;
		}
	}
	return whole;
}

/* Are words of the set's other groups near, and in this paragraph? */
static bool completes(struct wordsets *w, const struct rule_row *row, size_t end)
{
	const struct rule_set *set = &w->rules->sets[row->set];
	uint64_t *last = w->last[row->set], here = w->base + end, first = here;
	last[row->group] = here;
	for (size_t g = 0; g < set->group_count; g++) {
		if (last[g] < w->base || here - last[g] > set->within) return false;
		if (last[g] < first) first = last[g];
	}
	return !memchr(w->text.p + (first - w->base), '\n', here - first);
}

static void look_at(struct wordsets *w, const struct rule_row *rows, size_t count, size_t end)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t signal = w->rules->sets[rows[i].set].signal;
		if (!signal_fired(w->fired, signal) && completes(w, &rows[i], end)) signal_set(w->fired, signal);
	}
}

static void look_at_all(struct wordsets *w, const struct hit *hit)
{
	const struct rule_word *word = &w->rules->words[hit->word];
	look_at(w, &w->rules->rows[word->row], word[1].row - word->row, hit->end);
}

static void sort(struct wordsets *w)
{
	for (; w->sorted < w->count; w->sorted++) {
		const struct hit hit = w->hits[w->sorted];
		size_t i = w->sorted;
		for (; i > 0 && w->hits[i - 1].end > hit.end; i--) w->hits[i] = w->hits[i - 1];
		w->hits[i] = hit;
	}
}

/* No room: from now on all words are looked at, those of sets that are not whole yet, too. Those that end after `from` may have to
 * wait for others that end before them. */
static void make_room(struct wordsets *w, size_t from)
{
	size_t done = 0;
	memset(w->missing, 0, sizeof w->missing);
	sort(w);
	while (done < w->count && (w->hits[done].end + LITERALS_SLACK <= from || w->count - done == HITS))
		look_at_all(w, &w->hits[done++]);
	memmove(w->hits, w->hits + done, (w->count - done) * sizeof *w->hits);
	w->count = w->sorted = w->count - done;
}

/* Every second one is new, and no processor guesses which: so there is no branch. */
void wordsets_found(struct wordsets *w, uint32_t word, size_t end)
{
	uint64_t *seen = &w->seen[word / 64], bit = UINT64_C(1) << word % 64;
	w->met[w->met_count] = (uint16_t)word;
	w->met_count += !(*seen & bit);
	*seen |= bit;
	if (w->count == HITS) make_room(w, end - w->rules->words[word].n);
	w->hits[w->count++] = (struct hit){word, (uint32_t)end};
}

/* Forgets the rows of sets that are not whole, and the words that have no others. */
static void forget_others(struct wordsets *w)
{
	const struct rules *rules = w->rules;
	size_t n = 0, kept = 0;
	for (size_t i = 0; i < w->met_count; i++) {
		const struct rule_word *word = &rules->words[w->met[i]];
		size_t first = n;
		for (uint32_t k = word->row; k < word[1].row; k++) {
			w->rows[n] = rules->rows[k];
			n += w->missing[rules->rows[k].set] == 0;
		}
		w->rows_of[w->met[i]] = (struct word_rows){(uint16_t)first, (uint16_t)(n - first)};
	}
	for (size_t i = 0; i < w->count; i++) {
		w->hits[kept] = w->hits[i];
		kept += w->rows_of[w->hits[i].word].count > 0;
	}
	w->count = kept;
	w->sorted = 0;
}

void wordsets_end(struct wordsets *w)
{
	if (!note_groups(w)) return;
	forget_others(w);
	sort(w);
	for (size_t i = 0; i < w->count; i++) {
		struct word_rows r = w->rows_of[w->hits[i].word];
		look_at(w, &w->rows[r.first], r.count, w->hits[i].end);
	}
}
