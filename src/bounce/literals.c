/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/literals.h"

#include <endian.h>
#include <stdlib.h>

#define KEY         4 /* octets, at most, of a key */
#define BEFORE      4 /* of a long key those before the beginning of a word; KEY are behind it */
#define LONG        (BEFORE + KEY)
#define FILTER_BITS 18 /* of a hash: which keys there are; most of its 32 KiB stay in the first cache */
#define BUCKET_BITS 14 /* of the same hash: where they are */
#define BUCKETS     (1u << BUCKET_BITS)
#define MET_BITS    16 /* of a hash: counters of octets that were met with in phrases */
#define EACH_OCTET  UINT64_C(0x0101010101010101)
#define TOP_BITS    (0x80 * EACH_OCTET)

/* Where the text has the key, the octet `skew` behind its beginning may be that of the phrase at `at`. Most that are not it are told
 * here, without a look at the phrase. */
struct entry {
	uint64_t key;          /* its octets, the first one lowest; above are zeros, which no text has */
	uint64_t octets, mask; /* those of the phrase from `at` on: the text there, of which only the mask counts */
	uint32_t phrase;       /* index in the rules */
	uint8_t at, skew;
	uint8_t edge; /* so far behind there must be no octet of a word; 0: there may be */
};

struct table {
	uint64_t filter[(1u << FILTER_BITS) / 64];
	uint32_t buckets[BUCKETS + 1]; /* those of bucket i are entries[buckets[i]] to entries[buckets[i + 1] - 1] */
	struct entry *entries;
	size_t count, room;
};

struct literals {
	const struct rules *rules;
	struct table starts, anywhere; /* looked up where a word begins, and at every second octet */
	uint64_t pairs[65536 / 64];    /* the first two octets of words that are shorter than a key */
};

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (unsigned char)c > 127;
}

/* Of scripts without blanks between words, Hebrew and what comes after it in Unicode, nothing is known of edges. */
static bool has_edges(struct slice word)
{
	return (unsigned char)word.p[0] < 0xd4;
}

bool literals_begins(const struct rule_phrase *word)
{
	return word->begins && has_edges(word->text) && is_word(word->text.p[0]);
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

/* The octets from `at` on, zeros behind the end. */
static uint64_t load(struct slice text, size_t at)
{
	uint64_t octets = 0;
	if (at + sizeof octets <= text.n)
		memcpy(&octets, text.p + at, sizeof octets);
	else
		memcpy(&octets, text.p + at, text.n - at);
	return le64toh(octets);
}

static uint64_t cut(uint64_t octets, size_t n)
{
	return octets & UINT64_MAX >> (64 - 8 * n);
}

static uint32_t hash(uint64_t key, unsigned bits)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits));
}

static bool is_fixed(struct slice phrase, size_t at, size_t n)
{
	if (at + n > phrase.n) return false;
	for (size_t i = at; i < at + n; i++)
		if (phrase.p[i] == LITERAL_GAP || phrase.p[i] == LITERAL_DASH) return false;
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

/* How often four octets will be met with: what their letters say, and that what stands in many phrases stands in many texts. */
static unsigned commonness(struct slice phrase, size_t at, const uint16_t *met)
{
	static const unsigned char letters[256] = {
		[' '] = 30, ['e'] = 26, ['t'] = 24, ['a'] = 24, ['o'] = 24,  ['i'] = 23, ['n'] = 23, ['s'] = 23,
		['r'] = 23, ['h'] = 20, ['l'] = 20, ['d'] = 20, ['c'] = 18,  ['u'] = 18, ['m'] = 17, ['p'] = 16,
		['f'] = 15, ['g'] = 15, ['y'] = 15, ['w'] = 15, ['b'] = 14,  ['.'] = 15, ['-'] = 14, ['v'] = 12,
		[','] = 14, ['k'] = 10, [':'] = 12, ['/'] = 12, ['\n'] = 14, ['0'] = 14, ['1'] = 14, ['2'] = 14,
	};
	unsigned sum = 0;
	for (size_t i = at; i < at + KEY; i++) sum += letters[(unsigned char)phrase.p[i]];
	for (unsigned n = met[hash(cut(load(phrase, at), KEY), MET_BITS)]; n > 0; n /= 2) sum += 9;
	return sum;
}

/* Finds the rarest beginning of a word with so many octets before it, one at least, which tell that it is one. */
static bool find_start(struct slice phrase, size_t before, const uint16_t *met, size_t *at)
{
	unsigned least = UINT32_MAX;
	for (size_t i = before; i + KEY <= phrase.n; i++) {
		if (!is_fixed(phrase, i - before, before + KEY) || !is_word(phrase.p[i]) || is_word(phrase.p[i - 1]))
			continue;
		unsigned common =
			commonness(phrase, i, met) + (before < BEFORE ? 0 : commonness(phrase, i - BEFORE, met));
		if (common >= least) continue;
		least = common;
		*at = i;
	}
	return least < UINT32_MAX;
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

/* ---- making ---------------------------------------------------------------------------------------------------------- */

static bool is_here(const struct rules *r, const struct rule_phrase *p, enum place place)
{
	return p->text.n > 0 && !p->repeated && r->signals[p->signal].places & 1u << place;
}

static void count_keys(const struct rules *r, enum place place, uint16_t *met)
{
	for (size_t i = 0; i < r->phrase_count + r->gate_count; i++) {
		const struct slice text = r->phrases[i].text;
		if (!is_here(r, &r->phrases[i], place)) continue;
		for (size_t k = 0; k + KEY <= text.n; k++) {
			uint16_t *n = &met[hash(cut(load(text, k), KEY), MET_BITS)];
			if (*n < UINT16_MAX) ++*n;
		}
	}
}

static bool add_entry(struct table *t, uint64_t key, size_t phrase, size_t at, size_t skew)
{
	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct entry *more = reallocarray(t->entries, room, sizeof *more);
		if (!more) return false;
		t->entries = more;
		t->room = room;
	}
	t->entries[t->count++] =
		(struct entry){.key = key, .phrase = (uint32_t)phrase, .at = (uint8_t)at, .skew = (uint8_t)skew};
	return true;
}

static void add_octets(const struct rules *r, struct entry *e)
{
	const struct rule_phrase *p = &r->phrases[e->phrase];
	size_t n = 0;
	while (n < 8 && is_fixed(p->text, e->at, n + 1)) n++;
	e->mask = n > 0 ? UINT64_MAX >> (64 - 8 * n) : 0;
	e->octets = load(p->text, e->at) & e->mask;
	if (p->set > 0 && p->ends && has_edges(p->text)) e->edge = (uint8_t)(p->text.n - e->at);
}

/* n octets, fewer than a key, and any octet before (skew 1) or behind them (0). */
static bool add_any(struct table *t, uint64_t octets, size_t n, size_t phrase, size_t at, size_t skew)
{
	for (unsigned c = '\n'; c < 256; c++) {
		uint64_t key = skew ? octets << 8 | c : octets | (uint64_t)c << 8 * n;
		if ((c >= 0x20 || c == '\n') && !add_entry(t, key, phrase, at, skew)) return false;
	}
	return true;
}

/* At one of every two octets one of the keys is looked up. */
static bool add_anywhere(struct table *t, struct slice text, size_t phrase, const uint16_t *met)
{
	size_t at = 0;
	if (find_anywhere(text, KEY + 1, met, &at))
		return add_entry(t, cut(load(text, at), KEY), phrase, at, 0) &&
		       add_entry(t, cut(load(text, at + 1), KEY), phrase, at + 1, 0);
	if (find_anywhere(text, KEY, met, &at))
		return add_entry(t, cut(load(text, at), KEY), phrase, at, 0) &&
		       add_any(t, cut(load(text, at), KEY - 1), KEY - 1, phrase, at, 1);
	return add_any(t, load(text, 0), text.n, phrase, 0, 0) && add_any(t, load(text, 0), text.n, phrase, 0, 1);
}

static bool add(struct literals *l, size_t index, const uint16_t *met)
{
	const struct rule_phrase *p = &l->rules->phrases[index];
	struct slice text = p->text;
	size_t at;
	if (find_start(text, BEFORE, met, &at))
		return add_entry(&l->starts, load(text, at - BEFORE), index, at, BEFORE);
	if (p->set > 0 && literals_begins(p) && text.n < KEY) {
		uint32_t pair = (uint32_t)cut(load(text, 0), 2);
		l->pairs[pair / 64] |= UINT64_C(1) << pair % 64;
	}
	if (p->set > 0 && literals_begins(p)) return add_entry(&l->starts, cut(load(text, 0), KEY), index, 0, 0);
	if (find_start(text, 1, met, &at)) return add_entry(&l->starts, cut(load(text, at), KEY), index, at, 0);
	return add_anywhere(&l->anywhere, text, index, met);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	uint32_t i = hash(x->key, 32), k = hash(y->key, 32);
	if (i != k) return i < k ? -1 : 1;
	return (x->phrase > y->phrase) - (x->phrase < y->phrase);
}

static void index_entries(const struct rules *r, struct table *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->count; i++) add_octets(r, &t->entries[i]);
	if (t->count > 0) qsort(t->entries, t->count, sizeof *t->entries, compare_entries);
	for (uint32_t b = 0; b <= BUCKETS; b++) {
		while (n < t->count && hash(t->entries[n].key, BUCKET_BITS) < b) n++;
		t->buckets[b] = (uint32_t)n;
	}
	for (size_t i = 0; i < t->count; i++) {
		uint32_t h = hash(t->entries[i].key, FILTER_BITS);
		t->filter[h / 64] |= UINT64_C(1) << h % 64;
	}
}

static bool fill(struct literals *l, enum place place)
{
	uint16_t *met = calloc((size_t)1 << MET_BITS, sizeof *met);
	bool good = met;
	if (good) count_keys(l->rules, place, met);
	for (size_t i = 0; i < l->rules->phrase_count + l->rules->gate_count && good; i++)
		if (is_here(l->rules, &l->rules->phrases[i], place)) good = add(l, i, met);
	free(met);
	return good;
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
	index_entries(rules, &l->anywhere);
	index_entries(rules, &l->starts);
	*out = l;
	return ERR_OK;
}

void literals_free(struct literals *l)
{
	if (!l) return;
	free(l->anywhere.entries);
	free(l->starts.entries);
	free(l);
}

size_t literals_memory(const struct literals *l)
{
	return l ? sizeof *l + (l->anywhere.room + l->starts.room) * sizeof(struct entry) : 0;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------- */

/* Does the text end with the phrase? What stands before a key. */
static bool ends_with(struct slice text, struct slice phrase)
{
	while (phrase.n > 0) {
		char c = phrase.p[--phrase.n];
		if (c == LITERAL_GAP) {
			for (size_t gap = 0;; gap++) {
				if (ends_with(text, phrase)) return true;
				if (gap == RULES_GAP || text.n == 0 || text.p[text.n - 1] == '\n') return false;
				text.n--;
			}
		} else if (c == LITERAL_DASH) {
			if (text.n > 0 && text.p[text.n - 1] == '-') text.n--;
		} else if (text.n == 0 || text.p[--text.n] != c) {
			return false;
		}
	}
	return true;
}

/* Does it begin with it? The same from the other side: what stands behind a key. */
static bool begins_with(struct slice text, struct slice phrase)
{
	size_t t = 0;
	for (size_t i = 0; i < phrase.n; i++) {
		char c = phrase.p[i];
		if (c == LITERAL_GAP) {
			for (size_t gap = 0;; gap++) {
				if (begins_with(slice_sub(text, t, text.n), slice_sub(phrase, i + 1, phrase.n)))
					return true;
				if (gap == RULES_GAP || t == text.n || text.p[t++] == '\n') return false;
			}
		} else if (c == LITERAL_DASH) {
			if (t < text.n && text.p[t] == '-') t++;
		} else if (t == text.n || text.p[t++] != c) {
			return false;
		}
	}
	return true;
}

/* The text begins and ends with a line end, so that there is something before and behind. */
static bool is_word_at(struct slice text, const struct rule_phrase *p, size_t from)
{
	size_t end = from + p->text.n;
	if (end >= text.n || memcmp(text.p + from, p->text.p, p->text.n) != 0) return false;
	return !has_edges(p->text) || (!(p->begins && is_word(text.p[from - 1])) && !(p->ends && is_word(text.p[end])));
}

/* ---- searching ------------------------------------------------------------------------------------------------------- */

/* A key that may be in a table. */
struct candidate {
	const struct table *table;
	uint64_t key;
	size_t at;
};

/* Candidates are collected before their entries are looked at, so that memory is fetched for many at once, and the processor need
 * not guess at each octet whether there is one. */
#define CANDIDATES 64

struct search {
	const struct rules *rules;
	struct slice text;
	literals_found *found;
	void *context;
	size_t count;
	struct candidate candidates[CANDIDATES + 48]; /* eight octets bring 8 * 4 + 4 at most */
};

static void compare(const struct search *s, const struct entry *e, size_t at)
{
	const struct rule_phrase *p = &s->rules->phrases[e->phrase];
	if (p->set > 0) {
		if (at > e->at && is_word_at(s->text, p, at - e->at))
			s->found(s->context, e->phrase, at - e->at + p->text.n);
	} else if (begins_with(slice_sub(s->text, at, s->text.n), slice_sub(p->text, e->at, p->text.n)) &&
	           ends_with(slice_sub(s->text, 0, at), slice_sub(p->text, 0, e->at))) {
		s->found(s->context, e->phrase, at);
	}
}

static bool may_be(const struct search *s, const struct entry *e, size_t at)
{
	if (at >= s->text.n || ((load(s->text, at) ^ e->octets) & e->mask)) return false;
	return e->edge == 0 || at + e->edge >= s->text.n || !is_word(s->text.p[at + e->edge]);
}

static void try_candidate(const struct search *s, const struct candidate *c)
{
	const struct table *t = c->table;
	uint32_t bucket = hash(c->key, BUCKET_BITS);
	for (uint32_t i = t->buckets[bucket]; i < t->buckets[bucket + 1]; i++) {
		const struct entry *e = &t->entries[i];
		if (e->key == c->key && may_be(s, e, c->at + e->skew)) compare(s, e, c->at + e->skew);
	}
}

static __attribute__((noinline)) void try_candidates(struct search *s)
{
	for (size_t i = 0; i < s->count; i++)
		__builtin_prefetch(&s->candidates[i].table->buckets[hash(s->candidates[i].key, BUCKET_BITS)]);
	for (size_t i = 0; i < s->count; i++) {
		const struct table *t = s->candidates[i].table;
		__builtin_prefetch(&t->entries[t->buckets[hash(s->candidates[i].key, BUCKET_BITS)]]);
	}
	for (size_t i = 0; i < s->count; i++) try_candidate(s, &s->candidates[i]);
	s->count = 0;
}

static inline void look_up(struct search *s, const struct table *t, uint64_t key, size_t at)
{
	uint32_t h = hash(key, FILTER_BITS);
	s->candidates[s->count] = (struct candidate){t, key, at};
	s->count += t->filter[h / 64] >> h % 64 & 1;
}

static void look_up_start(struct search *s, const struct literals *l, size_t at)
{
	uint64_t octets = load(s->text, at);
	uint32_t pair = (uint32_t)cut(octets, 2);
	if (at >= BEFORE) look_up(s, &l->starts, load(s->text, at - BEFORE), at - BEFORE);
	look_up(s, &l->starts, cut(octets, KEY), at);
	if (!(l->pairs[pair / 64] >> pair % 64 & 1)) return;
	for (size_t n = KEY - 1; n >= 2; n--) look_up(s, &l->starts, cut(octets, n), at);
}

/* The top bits of those of eight octets that are of a word: is_word(), at once. */
static uint64_t words_of(uint64_t octets)
{
	uint64_t low = octets & ~TOP_BITS;
	uint64_t letters = (low + (0x80 - 'a') * EACH_OCTET) & ~(low + (0x7f - 'z') * EACH_OCTET);
	uint64_t digits = (low + (0x80 - '0') * EACH_OCTET) & ~(low + (0x7f - '9') * EACH_OCTET);
	return (octets | letters | digits) & TOP_BITS;
}

void literals_scan(const struct literals *l, struct slice text, literals_found *found, void *context)
{
	struct search s;
	s.rules = l->rules;
	s.text = text;
	s.found = found;
	s.context = context;
	s.count = 0;
	uint64_t before = 0; /* was the octet before one of a word? */
	for (size_t at = 0; at < text.n; at += 8) {
		uint64_t octets = load(text, at), words = words_of(octets), starts = words & ~(words << 8 | before);
		before = words >> 56;
		for (; starts; starts &= starts - 1) look_up_start(&s, l, at + (size_t)__builtin_ctzll(starts) / 8);
		if (s.count >= CANDIDATES) try_candidates(&s);
		if (l->anywhere.count == 0) continue;
		for (size_t i = 0; i <= 8 - KEY; i += 2) look_up(&s, &l->anywhere, cut(octets >> 8 * i, KEY), at + i);
		if (at + 6 < text.n) look_up(&s, &l->anywhere, cut(load(text, at + 6), KEY), at + 6);
	}
	try_candidates(&s);
}
