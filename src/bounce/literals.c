/* SPDX-License-Identifier: Apache-2.0 */
/* Of each phrase a key is chosen, and the tables are made. */
#include <limits.h>
#include <stdlib.h>

#include "bounce/literals_internal.h"

#define BUCKET_BITS 14 /* at most */
#define MET_BITS    16 /* of a hash: counters of octets that were met with in phrases */

bool literals_begins(const struct rule_phrase *word)
{
	return word->begins && has_edges(word->text) && is_word(word->text.p[0]);
}

/* ---- what may be a key ----------------------------------------------------------------------------------------------- */

static bool is_any(char c)
{
	return c == LITERAL_GAP || c == LITERAL_DASH;
}

static bool is_fixed(struct slice phrase, size_t at, size_t n)
{
	if (at + n > phrase.n) return false;
	for (size_t i = at; i < at + n; i++)
		if (is_any(phrase.p[i])) return false;
	return true;
}

bool literals_can(struct slice phrase)
{
	bool key = false;
	size_t gaps = 0;
	for (size_t i = 0; i < phrase.n; i++) {
		gaps += phrase.p[i] == LITERAL_GAP;
		key |= is_fixed(phrase, i, KEY);
	}
	return key && gaps <= LITERAL_GAPS_MOST;
}

#define COMMONEST 30

static unsigned commonness_of(char c)
{
	static const unsigned char letters[256] = {
		[' '] = COMMONEST, ['e'] = 26, ['t'] = 24, ['a'] = 24, ['o'] = 24,  ['i'] = 23, ['n'] = 23, ['s'] = 23,
		['r'] = 23,        ['h'] = 20, ['l'] = 20, ['d'] = 20, ['c'] = 18,  ['u'] = 18, ['m'] = 17, ['p'] = 16,
		['f'] = 15,        ['g'] = 15, ['y'] = 15, ['w'] = 15, ['b'] = 14,  ['.'] = 15, ['-'] = 14, ['v'] = 12,
		[','] = 14,        ['k'] = 10, [':'] = 12, ['/'] = 12, ['\n'] = 14, ['0'] = 14, ['1'] = 14, ['2'] = 14,
	};
	return letters[(unsigned char)c];
}

static unsigned times_met(uint64_t octets, const uint16_t *met)
{
	unsigned log = 0;
	for (unsigned n = met[hash(octets, MET_BITS)]; n > 0; n /= 2) log++;
	return log;
}

/* How often four octets will be met with: what their letters say, and that what stands in many phrases stands in many texts. */
static unsigned commonness(struct slice phrase, size_t at, const uint16_t *met)
{
	unsigned sum = 9 * times_met(cut(load(phrase, at), KEY), met);
	for (size_t i = at; i < at + KEY; i++) sum += commonness_of(phrase.p[i]);
	return sum;
}

/* Finds the rarest beginning of a word with BEFORE octets before it and BEHIND behind. */
static bool find_joint(struct slice phrase, const uint16_t *met, size_t *at)
{
	unsigned least = UINT32_MAX;
	for (size_t i = BEFORE; i + BEHIND <= phrase.n; i++) {
		if (!is_fixed(phrase, i - BEFORE, BEFORE + BEHIND) || !is_word(phrase.p[i]) || is_word(phrase.p[i - 1]))
			continue;
		unsigned common = commonness(phrase, i - BEFORE, met) + commonness(phrase, i + BEHIND - KEY, met);
		if (common >= least) continue;
		least = common;
		*at = i;
	}
	return least < UINT32_MAX;
}

/* A word of the phrase, or what there is of it: where others may stand before or behind it, it need not be the first or last of the word
 * in the text. */
struct run {
	size_t at, n;
	bool first, last;
};

static struct run run_at(const struct rule_phrase *p, size_t at)
{
	struct slice text = p->text;
	struct run r = {.at = at};
	while (at + r.n < text.n && is_word(text.p[at + r.n])) r.n++;
	r.first = at > 0 ? !is_any(text.p[at - 1]) : p->set > 0 && literals_begins(p);
	r.last = at + r.n < text.n ? !is_any(text.p[at + r.n]) : p->set > 0 && p->ends && has_edges(text);
	return r;
}

/* Not one that commonness() asks for. */
static uint64_t word_key(struct slice phrase, size_t at, size_t n)
{
	return cut(load(phrase, at), n < WORD_KEY ? n : WORD_KEY) | WORD_WHOLE;
}

static int rarity(struct slice phrase, const struct run *r, const uint16_t *met)
{
	int sum = -6 * (int)times_met(word_key(phrase, r->at, r->n), met);
	for (size_t i = r->at; i < r->at + r->n; i++) sum += COMMONEST + 4 - (int)commonness_of(phrase.p[i]);
	return sum + (r->first ? 24 : 0) + (r->last ? 24 : 0);
}

/* Finds the rarest word. One that begins with an octet over 127, and need not be the first of the text's word, may be of a script without blanks. */
static bool find_run(const struct rule_phrase *p, const uint16_t *met, struct run *best)
{
	int most = INT_MIN;
	for (size_t at = 0; at < p->text.n; at++) {
		if (!is_word(p->text.p[at])) continue;
		struct run r = run_at(p, at);
		int rare = rarity(p->text, &r, met);
		if (rare > most && (r.first || ((unsigned char)p->text.p[at] < 0x80 && (r.last || r.n >= KEY)))) {
			most = rare;
			*best = r;
		}
		at += r.n;
	}
	return most > INT_MIN;
}

/* Finds the rarest n octets, KEY or one more: two keys. */
static bool find_anywhere(struct slice phrase, size_t n, const uint16_t *met, size_t *at)
{
	unsigned least = UINT32_MAX;
	for (size_t i = 0; i + n <= phrase.n; i++) {
		if (!is_fixed(phrase, i, n)) continue;
		unsigned common = commonness(phrase, i, met) + commonness(phrase, i + n - KEY, met);
		if (common >= least) continue;
		least = common;
		*at = i;
	}
	return least < UINT32_MAX;
}

/* ---- entries --------------------------------------------------------------------------------------------------------- */

static bool is_here(const struct rules *r, const struct rule_phrase *p, enum place place)
{
	return p->text.n > 0 && !p->repeated && r->signals[p->signal].places & 1u << place;
}

static void count(uint16_t *met, uint64_t octets)
{
	uint16_t *n = &met[hash(octets, MET_BITS)];
	if (*n < UINT16_MAX) ++*n;
}

static void count_keys(const struct rules *r, enum place place, uint16_t *met)
{
	for (size_t i = 0; i < r->phrase_count + r->gate_count; i++) {
		const struct slice text = r->phrases[i].text;
		if (!is_here(r, &r->phrases[i], place)) continue;
		for (size_t k = 0; k + KEY <= text.n; k++) count(met, cut(load(text, k), KEY));
		for (size_t k = 0, n; k < text.n; k += n + 1) {
			n = run_at(&r->phrases[i], k).n;
			if (n > 0) count(met, word_key(text, k, n));
		}
	}
}

static bool add_entry(struct table *t, struct entry e)
{
	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct entry *more = reallocarray(t->entries, room, sizeof *more);
		if (!more) return false;
		t->entries = more;
		t->room = room;
	}
	t->entries[t->count++] = e;
	return true;
}

static bool add_key(struct table *t, uint64_t key, uint32_t phrase, size_t at, size_t skew)
{
	return add_entry(t, (struct entry){.key = key, .phrase = phrase, .at = (uint8_t)at, .skew = (uint8_t)skew});
}

static uint64_t key_of_run(struct slice text, const struct run *r)
{
	uint64_t octets = load(text, r->at);
	if (r->first && r->last) return cut(octets, r->n < WORD_KEY ? r->n : WORD_KEY) | WORD_WHOLE;
	if (r->first) return cut(octets, r->n < WORD_LONG ? r->n : WORD_LONG) | WORD_FIRST;
	return cut(octets, r->n < KEY ? r->n : KEY) | WORD_INNER;
}

static bool add_run(struct literals *l, struct slice text, uint32_t phrase, const struct run *r)
{
	return add_entry(&l->words, (struct entry){.key = key_of_run(text, r),
	                                           .phrase = phrase,
	                                           .at = (uint8_t)r->at,
	                                           .run = (uint8_t)r->n,
	                                           .last = r->last,
	                                           .whole = r->n == text.n});
}

/* n octets, fewer than a key, and any octet before (skew 1) or behind them (0). */
static bool add_any(struct table *t, uint64_t octets, size_t n, uint32_t phrase, size_t at, size_t skew)
{
	for (unsigned c = '\n'; c < 256; c++) {
		uint64_t key = skew ? octets << 8 | c : octets | (uint64_t)c << 8 * n;
		if ((c >= 0x20 || c == '\n') && !add_key(t, key, phrase, at, skew)) return false;
	}
	return true;
}

/* At one of every two octets one of the keys is looked up. */
static bool add_anywhere(struct table *t, struct slice text, uint32_t phrase, const uint16_t *met)
{
	size_t at = 0;
	if (find_anywhere(text, KEY + 1, met, &at))
		return add_key(t, cut(load(text, at), KEY), phrase, at, 0) &&
		       add_key(t, cut(load(text, at + 1), KEY), phrase, at + 1, 0);
	if (find_anywhere(text, KEY, met, &at))
		return add_key(t, cut(load(text, at), KEY), phrase, at, 0) &&
		       add_any(t, cut(load(text, at), KEY - 1), KEY - 1, phrase, at, 1);
	return add_any(t, load(text, 0), text.n, phrase, 0, 0) && add_any(t, load(text, 0), text.n, phrase, 0, 1);
}

static bool add(struct literals *l, uint32_t index, const uint16_t *met)
{
	const struct rule_phrase *p = &l->rules->phrases[index];
	size_t at;
	struct run run;
	if (find_joint(p->text, met, &at))
		return add_key(&l->joints, cut(load(p->text, at - BEFORE), BEFORE + BEHIND), index, at, BEFORE);
	if (find_run(p, met, &run)) return add_run(l, p->text, index, &run);
	return add_anywhere(&l->anywhere, p->text, index, met);
}

/* ---- tables ---------------------------------------------------------------------------------------------------------- */

/* Of the eight octets around those that were looked up as many as are fixed. */
static void add_octets(const struct rules *r, struct entry *e)
{
	struct slice text = r->phrases[e->phrase].text;
	size_t from = e->at, n = 0;
	while (n < 8 && is_fixed(text, from, n + 1)) n++;
	for (; n < 8 && from > 0 && is_fixed(text, from - 1, 1); n++) from--;
	e->before = (e->at - from) & 15;
	e->plain = is_fixed(text, 0, text.n);
	e->mask = n > 0 ? UINT64_MAX >> (64 - 8 * n) : 0;
	e->octets = load(text, from) & e->mask;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	uint32_t i = hash(x->key, 32), k = hash(y->key, 32);
	if (i != k) return i < k ? -1 : 1;
	return (x->phrase > y->phrase) - (x->phrase < y->phrase);
}

static unsigned bits_for(size_t n, unsigned most)
{
	unsigned bits = 6;
	while (bits < most && (size_t)1 << bits < n) bits++;
	return bits;
}

static bool index_entries(const struct rules *r, struct table *t)
{
	size_t n = 0;
	t->bits = bits_for(t->count * 2, BUCKET_BITS);
	t->filter = calloc((size_t)1 << FILTER_BITS >> 6, sizeof *t->filter);
	t->buckets = calloc(((size_t)1 << t->bits) + 1, sizeof *t->buckets);
	if (!t->filter || !t->buckets) return false;
	for (size_t i = 0; i < t->count; i++) add_octets(r, &t->entries[i]);
	if (t->count > 0) qsort(t->entries, t->count, sizeof *t->entries, compare_entries);
	for (uint32_t b = 0; b <= 1u << t->bits; b++) {
		while (n < t->count && hash(t->entries[n].key, t->bits) < b) n++;
		t->buckets[b] = (uint32_t)n;
	}
	for (size_t i = 0; i < t->count; i++) {
		uint32_t h = hash(t->entries[i].key, FILTER_BITS);
		t->filter[h / 64] |= UINT64_C(1) << h % 64;
	}
	return true;
}

static bool fill(struct literals *l, enum place place)
{
	uint16_t *met = calloc((size_t)1 << MET_BITS, sizeof *met);
	bool good = met;
	if (good) count_keys(l->rules, place, met);
	for (size_t i = 0; i < l->rules->phrase_count + l->rules->gate_count && good; i++)
		if (is_here(l->rules, &l->rules->phrases[i], place)) good = add(l, (uint32_t)i, met);
	free(met);
	for (size_t i = 0; i < l->anywhere.count; i++) l->ascii_anywhere |= !(l->anywhere.entries[i].key & TOP_BITS);
	return good && index_entries(l->rules, &l->words) && index_entries(l->rules, &l->joints) &&
	       index_entries(l->rules, &l->anywhere);
}

enum error literals_new(const struct rules *rules, enum place place, struct literals **out)
{
	size_t n = 0;
	for (size_t i = 0; i < rules->phrase_count + rules->gate_count; i++)
		n += is_here(rules, &rules->phrases[i], place);
	*out = NULL;
	if (n == 0) return ERR_OK;
	struct literals *l = calloc(1, sizeof *l);
	if (!l) return ERR_NO_MEMORY;
	l->rules = rules;
	if (!fill(l, place)) {
		literals_free(l);
		return ERR_NO_MEMORY;
	}
	*out = l;
	return ERR_OK;
}

static void free_table(struct table *t)
{
	free(t->filter);
	free(t->buckets);
	free(t->entries);
}

void literals_free(struct literals *l)
{
	if (!l) return;
	free_table(&l->words);
	free_table(&l->joints);
	free_table(&l->anywhere);
	free(l);
}

static size_t memory_of(const struct table *t)
{
	return ((size_t)1 << FILTER_BITS >> 3) + (sizeof *t->buckets << t->bits) + t->room * sizeof *t->entries;
}

size_t literals_memory(const struct literals *l)
{
	return l ? sizeof *l + memory_of(&l->words) + memory_of(&l->joints) + memory_of(&l->anywhere) : 0;
}
