/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "bounce/fold.h"
#include "bounce/literals.h"
#include "bounce/rules_internal.h"
#include "bounce/structure.h"

#define HEAD         "backstop-rules 1"
#define TERMS_MOST   32 /* of one condition */
#define WEIGHT_MOST  50
#define PLAIN_ROOM   (RULES_PHRASE_MOST * 6 / 5 + 8) /* a dash for each "email" */
#define PATTERN_ROOM (PLAIN_ROOM * 12)

struct reader {
	struct rules *rules;
	struct rule_signal *signal; /* the one whose lines are read, or NULL */
	struct rule_sample *sample; /* the same */
	char *sample_text;          /* room for the lines of all samples; sample_used of it is taken */
	size_t sample_used;
	uint32_t line;
	char *problem;
	enum error error;
};

static bool fail(struct reader *r, enum error e, const char *what, struct slice about)
{
	if (r->error) return false;
	r->error = e;
	int n = about.n < 60 ? (int)about.n : 60;
	if (n > 0)
		snprintf(r->problem, RULES_PROBLEM, "line %u: %s: %.*s", r->line, what, n, about.p);
	else
		snprintf(r->problem, RULES_PROBLEM, "line %u: %s", r->line, what);
	return false;
}

static bool no_memory(struct reader *r)
{
	return fail(r, ERR_NO_MEMORY, error_text(ERR_NO_MEMORY), SLICE_EMPTY);
}

static bool take_word(struct slice *rest, struct slice *word)
{
	size_t i = 0, n;
	while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t')) i++;
	for (n = i; n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t';) n++;
	*word = slice_sub(*rest, i, n);
	*rest = slice_sub(*rest, n, rest->n);
	return word->n > 0;
}

static bool find_signal(const struct rules *rules, struct slice name, uint16_t *out)
{
	for (size_t i = 0; i < rules->signal_count; i++) {
		if (!slice_equal(rules->signals[i].name, name)) continue;
		*out = (uint16_t)i;
		return true;
	}
	return false;
}

static bool is_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-')) return false;
	}
	return name.n > 0 && name.n <= 64;
}

/* "+2.5": a decimal number, at most WEIGHT_MOST either way. */
static bool read_number(struct slice word, float *out)
{
	float value = 0, unit = 1;
	bool minus = word.n > 0 && word.p[0] == '-', point = false;
	size_t i = word.n > 0 && (minus || word.p[0] == '+') ? 1 : 0, from = i;
	for (; i < word.n; i++) {
		if (word.p[i] == '.' && !point && i > from) {
			point = true;
		} else if (word.p[i] >= '0' && word.p[i] <= '9' && i - from < 8) {
			value = value * 10 + (float)(word.p[i] - '0');
			if (point) unit *= 10;
		} else {
			return false;
		}
	}
	*out = (minus ? -value : value) / unit;
	return i > from && value / unit <= WEIGHT_MOST;
}

/* ---- signals --------------------------------------------------------------------------------------------------------- */

static bool begin_signal(struct reader *r, struct slice rest)
{
	struct rules *rules = r->rules;
	struct slice name, more;
	uint16_t known;
	if (!take_word(&rest, &name) || !is_name(name)) return fail(r, ERR_SYNTAX, "no name of a signal", name);
	if (take_word(&rest, &more)) return fail(r, ERR_SYNTAX, "what is this?", more);
	r->sample = NULL;
	if (find_signal(rules, name, &known)) {
		if (known >= STRUCTURE_COUNT) return fail(r, ERR_SYNTAX, "a signal of that name was there", name);
		r->signal = &rules->signals[known];
		return true;
	}
	if (rules->signal_count == RULES_SIGNALS) return fail(r, ERR_LIMIT, "too many signals", name);
	r->signal = &rules->signals[rules->signal_count++];
	r->signal->name = name;
	return true;
}

/* weigh CLASS NUMBER CLASS NUMBER... */
static bool read_weights(struct reader *r, float *weights, struct slice rest)
{
	struct slice word, number;
	enum bounce_class class;
	bool any = false;
	while (take_word(&rest, &word)) {
		if (!class_from_word(word, &class) || class == CLASS_OTHER)
			return fail(r, ERR_SYNTAX, "no class to weigh", word);
		if (!take_word(&rest, &number) || !read_number(number, &weights[class]))
			return fail(r, ERR_SYNTAX, "no weight", number);
		any = true;
	}
	return any || fail(r, ERR_SYNTAX, "a class and a weight are missing", SLICE_EMPTY);
}

static bool read_kind(struct reader *r, struct slice rest)
{
	struct slice word;
	if (!take_word(&rest, &word) || !kind_from_word(word, &r->signal->kind))
		return fail(r, ERR_SYNTAX, "no kind", word);
	return true;
}

static bool read_places(struct reader *r, struct slice rest)
{
	static const char *const words[] = {
#define X(name, word) [PLACE_##name] = word,
		PLACE_TABLE(X)
#undef X
	};
	struct slice word;
	while (take_word(&rest, &word)) {
		size_t i = 0;
		while (i < PLACE_COUNT && !slice_equal(word, slice_str(words[i]))) i++;
		if (i == PLACE_COUNT) return fail(r, ERR_SYNTAX, "no place", word);
		r->signal->places |= (uint8_t)(1u << i);
	}
	return true;
}

/* Groups that hold seldom come first, so that most conditions are soon decided: few alternatives, and no "!". */
static void order_groups(struct rule_term *terms, size_t n)
{
	unsigned cost[TERMS_MOST] = {0};
	for (size_t i = 0; i < n; i++) cost[terms[i].group] += terms[i].negated ? TERMS_MOST : 1;
	for (size_t i = 1; i < n; i++) { /* insertion: there are few, and what is alike stays in order */
		struct rule_term t = terms[i];
		size_t k = i;
		for (; k > 0 && cost[terms[k - 1].group] > cost[t.group]; k--) terms[k] = terms[k - 1];
		terms[k] = t;
	}
}

/* when a|b !c: (a or b) and not c */
static bool read_condition(struct reader *r, struct slice rest)
{
	struct rule_term *terms = arena_zalloc(&r->rules->arena, TERMS_MOST * sizeof *terms);
	struct slice group, name;
	size_t n = 0;
	if (!terms) return no_memory(r);
	for (uint16_t g = 0; take_word(&rest, &group); g++) {
		while (group.p) {
			name = slice_split(&group, '|');
			if (n == TERMS_MOST) return fail(r, ERR_LIMIT, "the condition is too long", name);
			bool negated = name.n > 0 && name.p[0] == '!';
			if (negated) name = slice_sub(name, 1, name.n);
			terms[n] = (struct rule_term){.group = g, .negated = negated};
			if (!find_signal(r->rules, name, &terms[n].signal) ||
			    &r->rules->signals[terms[n].signal] == r->signal)
				return fail(r, ERR_SYNTAX, "no signal above has that name", name);
			n++;
		}
	}
	if (n == 0) return fail(r, ERR_SYNTAX, "an empty condition", SLICE_EMPTY);
	order_groups(terms, n);
	r->signal->derived = true;
	r->signal->terms = terms;
	r->signal->term_count = n;
	return true;
}

/* ---- phrases --------------------------------------------------------------------------------------------------------- */

static struct rule_phrase *new_phrase(struct reader *r, struct slice about)
{
	if (r->signal->places == 0 || r->signal->derived) {
		fail(r, ERR_SYNTAX, "the signal says no place (in ...) for its phrases", about);
		return NULL;
	}
	if (r->rules->phrase_count == RULES_PHRASES) {
		fail(r, ERR_LIMIT, "too many phrases", about);
		return NULL;
	}
	struct rule_phrase *p = &r->rules->phrases[r->rules->phrase_count];
	*p = (struct rule_phrase){.signal = (uint16_t)(r->signal - r->rules->signals), .line = r->line};
	return p;
}

/* A copy that ends with a NUL behind it. */
static bool keep(struct reader *r, struct slice text, struct slice *out)
{
	*out = slice_of(arena_strdup(&r->rules->arena, text), text.n);
	return out->p || no_memory(r);
}

static bool keep_pattern(struct reader *r, struct slice pattern, struct rule_phrase *p)
{
	if (r->rules->expression_count == RULES_EXPRESSIONS) return fail(r, ERR_LIMIT, "too many expressions", pattern);
	p->number = (uint16_t)++r->rules->expression_count;
	return keep(r, pattern, &p->pattern);
}

/* Length of the "email" or "e-mail" that text begins with: one is as good as the other. */
static size_t mail_word(struct slice text)
{
	if (slice_starts(text, SLICE("email"))) return 5;
	return slice_starts(text, SLICE("e-mail")) ? 6 : 0;
}

/* Folded text as literals.h wants it: "*" becomes a gap, and "email" is "e-mail". Returns its length, which is not more than before. */
static size_t plain(struct slice folded, char *text)
{
	size_t n = 0;
	for (size_t i = 0; i < folded.n; i++) {
		size_t mail = mail_word(slice_sub(folded, i, folded.n));
		text[n++] = folded.p[i] == '*' ? LITERAL_GAP : folded.p[i];
		if (mail == 0) continue;
		text[n++] = LITERAL_DASH;
		i += mail - 5; /* the dash */
	}
	return n;
}

/* The same as a regular expression. Returns its length; pattern has room for PATTERN_ROOM. */
static size_t escape(struct slice text, char *pattern)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == LITERAL_DASH) {
			pattern[n++] = '-', pattern[n++] = '?';
		} else if (c == LITERAL_GAP) {
			n += (size_t)sprintf(pattern + n, "[^\\n]{0,%d}", RULES_GAP);
		} else if (c == '\n') {
			pattern[n++] = '\\', pattern[n++] = 'n';
		} else if (c > 127 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == ' ') {
			pattern[n++] = (char)c;
		} else {
			pattern[n++] = '\\', pattern[n++] = (char)c;
		}
	}
	pattern[n] = '\0';
	return n;
}

static bool read_phrase(struct reader *r, struct slice text)
{
	char buffer[FOLD_ROOM(RULES_PHRASE_MOST)], plain_text[PLAIN_ROOM], pattern[PATTERN_ROOM];
	struct fold f;
	struct rule_phrase *p = new_phrase(r, text);
	if (!p) return false;
	bool head = text.n > 0 && text.p[0] == '^', tail = text.n > 1 && text.p[text.n - 1] == '$';
	struct slice words = slice_sub(text, head, text.n - tail);
	if (words.n > RULES_PHRASE_MOST) return fail(r, ERR_LIMIT, "the phrase is too long", text);
	fold_begin(&f, buffer, sizeof buffer);
	fold_text(&f, words);
	struct slice folded = fold_end(&f);
	folded = slice_sub(folded, !head, folded.n - !tail);
	if (folded.n < RULES_PHRASE_LEAST) return fail(r, ERR_LIMIT, "the phrase is too short", text);
	if (folded.p[0] == '*' || folded.p[folded.n - 1] == '*') return fail(r, ERR_SYNTAX, "\"*\" at an end", text);
	if (folded.n > RULES_PHRASE_MOST) return fail(r, ERR_LIMIT, "the phrase is too long", text);
	struct slice words_of = slice_of(plain_text, plain(folded, plain_text));
	bool can = literals_can(words_of);
	if (can && !keep(r, words_of, &p->text)) return false;
	if (!can && !keep_pattern(r, slice_of(pattern, escape(words_of, pattern)), p)) return false;
	r->rules->phrase_count++;
	return true;
}

static bool read_expression(struct reader *r, struct slice text)
{
	struct rule_phrase *p = new_phrase(r, text);
	if (!p) return false;
	if (text.n < RULES_PHRASE_LEAST) return fail(r, ERR_LIMIT, "the expression is too short", text);
	if (text.n > RULES_EXPRESSION_MOST) return fail(r, ERR_LIMIT, "the expression is too long", text);
	if (memchr(text.p, '\0', text.n)) return fail(r, ERR_SYNTAX, "a NUL in an expression", text);
	p->expression = true;
	if (!keep_pattern(r, text, p)) return false;
	r->rules->phrase_count++;
	return true;
}

/* ---- words that stand together -------------------------------------------------------------------------------------- */

/* "word" is at the beginning of a word, "=word" is a whole one, "*word" is anywhere. */
static bool read_set_word(struct reader *r, struct slice text, uint8_t group)
{
	char buffer[FOLD_ROOM(RULES_PHRASE_MOST)];
	struct fold f;
	bool whole = text.n > 0 && text.p[0] == '=', inner = text.n > 0 && text.p[0] == '*';
	if (whole || inner) text = slice_sub(text, 1, text.n);
	if (text.n > RULES_PHRASE_MOST) return fail(r, ERR_LIMIT, "the word is too long", text);
	struct rule_phrase *p = new_phrase(r, text);
	if (!p) return false;
	fold_begin(&f, buffer, sizeof buffer);
	fold_text(&f, text);
	struct slice word = fold_end(&f);
	word = slice_sub(word, 1, word.n - 1);
	if (slice_find(word, '*') < word.n) return fail(r, ERR_SYNTAX, "\"*\" in a word", text);
	if (!keep(r, word, &p->text)) return false;
	p->set = (uint16_t)r->rules->set_count;
	p->group = group;
	p->begins = !inner;
	p->ends = whole;
	if (word.n < (literals_begins(p) ? 2 : LITERAL_INNER_LEAST))
		return fail(r, ERR_LIMIT, "the word is too short", text);
	r->rules->phrase_count++;
	return true;
}

/* & WITHIN WORD|WORD... & WORD|WORD... */
static bool read_set(struct reader *r, struct slice text)
{
	struct rules *rules = r->rules;
	struct slice number;
	uint64_t within;
	if (!take_word(&text, &number) || !slice_to_u64(number, &within) || within > RULES_WITHIN)
		return fail(r, ERR_SYNTAX, "no number of octets", number);
	if (rules->set_count == RULES_SETS) return fail(r, ERR_LIMIT, "too many sets of words", SLICE_EMPTY);
	struct rule_set *set = &rules->sets[rules->set_count++];
	*set = (struct rule_set){.signal = (uint16_t)(r->signal - rules->signals), .within = (uint16_t)within};
	while (text.p) {
		struct slice words = slice_split(&text, '&');
		if (set->group_count == RULES_GROUPS) return fail(r, ERR_LIMIT, "too many groups of words", words);
		while (words.p)
			if (!read_set_word(r, slice_trim(slice_split(&words, '|')), set->group_count)) return false;
		rules->groups[set - rules->sets] |= (uint8_t)(1u << set->group_count++);
	}
	return set->group_count > 1 || fail(r, ERR_SYNTAX, "words that stand alone", SLICE_EMPTY);
}

/* ---- samples --------------------------------------------------------------------------------------------------------- */

/* sample CLASS [KIND] [<RETURN PATH>] */
static bool begin_sample(struct reader *r, struct slice rest)
{
	struct rules *rules = r->rules;
	struct slice word;
	r->signal = NULL;
	if (rules->sample_count == RULES_SAMPLES) return fail(r, ERR_LIMIT, "too many samples", SLICE_EMPTY);
	struct rule_sample *s = r->sample = &rules->samples[rules->sample_count++];
	*s = (struct rule_sample){.line = r->line, .message = slice_of(r->sample_text + r->sample_used, 0)};
	if (!take_word(&rest, &word) || !class_from_word(word, &s->class)) return fail(r, ERR_SYNTAX, "no class", word);
	while (take_word(&rest, &word)) {
		bool path = word.n >= 2 && word.p[0] == '<' && word.p[word.n - 1] == '>';
		if (path && !s->envelope_known) {
			s->envelope_known = true;
			s->mail_from = slice_sub(word, 1, word.n - 1);
		} else if (s->class != CLASS_NDR || !kind_from_word(word, &s->kind)) {
			return fail(r, ERR_SYNTAX, "neither a kind nor a return path", word);
		}
	}
	return true;
}

static bool add_to_sample(struct reader *r, struct slice text)
{
	if (!r->sample) return fail(r, ERR_SYNTAX, "a line of a sample, outside of one", text);
	if (text.n > 0 && text.p[0] == ' ') text = slice_sub(text, 1, text.n);
	memcpy(r->sample_text + r->sample_used, text.p, text.n);
	r->sample_used += text.n;
	r->sample_text[r->sample_used++] = '\n';
	r->sample->message.n += text.n + 1;
	return true;
}

/* ---- lines ----------------------------------------------------------------------------------------------------------- */

static bool read_directive(struct reader *r, struct slice line)
{
	struct slice rest = line, word;
	take_word(&rest, &word);
	if (slice_equal(word, SLICE("signal"))) return begin_signal(r, rest);
	if (slice_equal(word, SLICE("sample"))) return begin_sample(r, rest);
	if (slice_equal(word, SLICE("bias"))) return read_weights(r, r->rules->bias, rest);
	if (slice_equal(word, SLICE("revision"))) {
		r->rules->revision = slice_trim(rest);
		return true;
	}
	if (!r->signal) return fail(r, ERR_SYNTAX, "what is this?", word);
	if (slice_equal(word, SLICE("weigh"))) return read_weights(r, r->signal->weight, rest);
	if (slice_equal(word, SLICE("kind"))) return read_kind(r, rest);
	if ((size_t)(r->signal - r->rules->signals) < STRUCTURE_COUNT)
		return fail(r, ERR_SYNTAX, "a signal of the structure has weights and a kind only", word);
	if (slice_equal(word, SLICE("in"))) return read_places(r, rest);
	if (slice_equal(word, SLICE("when"))) return read_condition(r, rest);
	return fail(r, ERR_SYNTAX, "what is this?", word);
}

static bool read_line(struct reader *r, struct slice line)
{
	line = slice_trim(line);
	if (line.n == 0 || line.p[0] == '#') return true;
	struct slice rest = slice_sub(line, 1, line.n);
	if (line.p[0] == '|') return add_to_sample(r, rest);
	rest = slice_trim(rest);
	if (line.p[0] != '-' && line.p[0] != '~' && line.p[0] != '&') return read_directive(r, line);
	if (!r->signal) return fail(r, ERR_SYNTAX, "a phrase, outside of a signal", rest);
	if (line.p[0] == '&') return read_set(r, rest);
	return line.p[0] == '-' ? read_phrase(r, rest) : read_expression(r, rest);
}

static void add_structure(struct rules *rules)
{
	static const char *const words[] = {
#define X(name, word, meaning) word,
		STRUCTURE_TABLE(X)
#undef X
	};
	for (size_t i = 0; i < STRUCTURE_COUNT; i++) rules->signals[i].name = slice_str(words[i]);
	rules->signal_count = STRUCTURE_COUNT;
}

/* A signal that can never fire is a mistake of who wrote it. */
static bool check_signals(struct reader *r)
{
	bool used[RULES_SIGNALS] = {0};
	for (size_t i = 0; i < r->rules->phrase_count; i++) used[r->rules->phrases[i].signal] = true;
	for (size_t i = STRUCTURE_COUNT; i < r->rules->signal_count; i++)
		if (!used[i] && !r->rules->signals[i].derived)
			return fail(r, ERR_SYNTAX, "neither a phrase nor a condition", r->rules->signals[i].name);
	return true;
}

static bool read_text(struct reader *r, struct slice text)
{
	struct rules *rules = r->rules;
	rules->phrases = arena_alloc(&rules->arena, (RULES_PHRASES + RULES_GATES) * sizeof *rules->phrases);
	rules->samples = arena_alloc(&rules->arena, RULES_SAMPLES * sizeof *rules->samples);
	r->sample_text = arena_alloc(&rules->arena, text.n + 1);
	text = arena_copy(&rules->arena, text);
	if (arena_exhausted(&rules->arena)) return no_memory(r);
	add_structure(rules);
	r->line = 1;
	if (!slice_equal(slice_trim(slice_split(&text, '\n')), SLICE(HEAD)))
		return fail(r, ERR_SYNTAX, "the first line is not \"" HEAD "\"", SLICE_EMPTY);
	while (text.p) {
		r->line++;
		if (!read_line(r, slice_split(&text, '\n'))) return false;
	}
	return check_signals(r) && (rules_index(rules) || no_memory(r));
}

enum error rules_read(struct slice text, struct rules **out, char problem[RULES_PROBLEM])
{
	struct reader r = {.problem = problem};
	*out = NULL;
	problem[0] = '\0';
	if (text.n > RULES_TEXT_MOST) {
		snprintf(problem, RULES_PROBLEM, "more than %zu octets", RULES_TEXT_MOST);
		return ERR_LIMIT;
	}
	r.rules = calloc(1, sizeof *r.rules);
	if (!r.rules) return ERR_NO_MEMORY;
	arena_init(&r.rules->arena, RULES_TEXT_MOST * 16);
	if (read_text(&r, text))
		*out = r.rules;
	else
		rules_free(r.rules);
	return r.error;
}

void rules_free(struct rules *r)
{
	if (!r) return;
	arena_free(&r->arena);
	free(r);
}
