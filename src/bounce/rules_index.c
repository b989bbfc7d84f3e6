/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of a bundle that was read, so that a text is soon looked through. */
#include "bounce/rules_internal.h"

#define WORD_SLOTS (2 * RULES_PHRASES)

/* ---- words of sets --------------------------------------------------------------------------------------------------- */

static bool is_same_word(const struct rules *rules, const struct rule_phrase *a, const struct rule_phrase *b)
{
	return rules->signals[a->signal].places == rules->signals[b->signal].places && a->begins == b->begins &&
	       a->ends == b->ends && slice_equal(a->text, b->text);
}

/* "mail" stands in a dozen sets: it is looked for once. */
static bool number_words(struct rules *rules)
{
	struct rule_phrase *phrases = rules->phrases;
	uint32_t *known = arena_zalloc(&rules->arena, WORD_SLOTS * sizeof *known); /* phrases, from 1 */
	if (!known) return false;
	for (uint32_t i = 0; i < rules->phrase_count; i++) {
		if (phrases[i].set == 0) continue;
		uint64_t slot = slice_hash(phrases[i].text) % WORD_SLOTS;
		while (known[slot] && !is_same_word(rules, &phrases[known[slot] - 1], &phrases[i]))
			slot = (slot + 1) % WORD_SLOTS;
		phrases[i].repeated = known[slot] > 0;
		if (!phrases[i].repeated) known[slot] = i + 1;
		phrases[i].word = phrases[i].repeated ? phrases[known[slot] - 1].word : (uint16_t)rules->word_count++;
	}
	return true;
}

/* The rows of each word next to each other. */
static bool list_rows(struct rules *rules)
{
	const struct rule_phrase *phrases = rules->phrases;
	struct rule_word *words = arena_zalloc(&rules->arena, (rules->word_count + 2) * sizeof *words);
	struct rule_row *rows = arena_zalloc(&rules->arena, (rules->phrase_count + 1) * sizeof *rows);
	if (!words || !rows) return false;
	for (size_t i = 0; i < rules->phrase_count; i++)
		if (phrases[i].set > 0) words[phrases[i].word + 2].row++;
	for (size_t i = 2; i < rules->word_count + 2; i++) words[i].row += words[i - 1].row;
	for (size_t i = 0; i < rules->phrase_count; i++) { /* the next one's moves on to its end */
		const struct rule_phrase *p = &phrases[i];
		if (p->set == 0) continue;
		rows[words[p->word + 1].row++] = (struct rule_row){(uint16_t)(p->set - 1), p->group};
		words[p->word].n = (uint32_t)p->text.n;
	}
	rules->words = words;
	rules->rows = rows;
	return true;
}

/* ---- expressions ----------------------------------------------------------------------------------------------------- */

static struct rule_reach reach(size_t least, size_t most)
{
	return (struct rule_reach){(uint16_t)(least < UINT16_MAX ? least : UINT16_MAX),
	                           (uint16_t)(most < UINT16_MAX ? most : UINT16_MAX)};
}

static bool add_gates(struct rules *rules, struct rule_expression *e, const struct required *needed)
{
	if (rules->gate_count + needed->count > RULES_GATES) return true;
	const struct rule_phrase *p = &rules->phrases[e->phrase];
	for (size_t i = 0; i < needed->count; i++) {
		struct rule_phrase *gate = &rules->phrases[rules->phrase_count + rules->gate_count];
		*gate = (struct rule_phrase){.signal = p->signal,
		                             .line = p->line,
		                             .gate = p->number,
		                             .text = arena_copy(&rules->arena, required_literal(needed, i))};
		if (!gate->text.p) return false;
		rules->gate_count++;
	}
	e->gated = true;
	e->gates = reach(needed->least, needed->most);
	return true;
}

static void add_octets(struct rule_expression *e, struct slice pattern)
{
	struct required_octet octets[REQUIRED_OCTETS];
	e->octet_count = (uint8_t)required_octets(pattern, octets);
	for (size_t i = 0; i < e->octet_count; i++)
		e->octets[i] = (struct rule_octet){octets[i].octet, reach(octets[i].least, octets[i].most)};
}

static bool list_expressions(struct rules *rules)
{
	struct required needed;
	rules->expressions = arena_zalloc(&rules->arena, (rules->expression_count + 1) * sizeof *rules->expressions);
	if (!rules->expressions) return false;
	for (size_t i = 0; i < rules->phrase_count; i++) {
		const struct rule_phrase *p = &rules->phrases[i];
		if (p->number == 0) continue;
		struct rule_expression *e = &rules->expressions[p->number - 1];
		size_t width = required_width(p->pattern, &e->begins);
		e->phrase = (uint32_t)i;
		e->signal = p->signal;
		e->width = width < UINT16_MAX ? (uint16_t)width : 0;
		e->begins &= e->width > 0;
		add_octets(e, p->pattern);
		if (required_read(p->pattern, &needed) && !add_gates(rules, e, &needed)) return false;
	}
	return true;
}

/* ---- what is told ----------------------------------------------------------------------------------------------------- */

static struct rule_tell tell(const struct rule_phrase *p)
{
	if (p->set > 0) return (struct rule_tell){RULE_WORD, p->word};
	return p->gate > 0 ? (struct rule_tell){RULE_GATE, (uint16_t)(p->gate - 1)}
	                   : (struct rule_tell){RULE_FIRES, p->signal};
}

static bool list_tells(struct rules *rules)
{
	size_t n = rules->phrase_count + rules->gate_count;
	struct rule_tell *tells = arena_alloc(&rules->arena, (n + 1) * sizeof *tells);
	if (!tells) return false;
	for (size_t i = 0; i < n; i++) tells[i] = tell(&rules->phrases[i]);
	rules->tells = tells;
	return true;
}

bool rules_index(struct rules *rules)
{
	return number_words(rules) && list_rows(rules) && list_expressions(rules) && list_tells(rules);
}
