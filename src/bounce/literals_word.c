/* SPDX-License-Identifier: Apache-2.0 */
/* What phrases a word of a text may begin or hold. */
#include "bounce/literals_internal.h"

/* Up to WORD_MOST octets of a word. */
struct piece {
	uint64_t low, high; /* zeros behind them */
	size_t n;
	bool first, last; /* the first, the last ones of the word */
};

/* Keys of a piece, as bits: KEY octets from each of its places on; then a whole word's; then beginnings; then ends. */
#define PLACES    (WORD_MOST - KEY + 1)
#define BIT_WHOLE PLACES
#define BIT_FIRST BIT_WHOLE /* with the length, from 1 */
#define BIT_LAST  (BIT_FIRST + WORD_LONG)

static uint64_t octets_at(const struct piece *p, size_t i)
{
	if (i == 0) return p->low;
	return i < 8 ? p->low >> 8 * i | p->high << (64 - 8 * i) : p->high >> 8 * (i - 8);
}

static uint64_t key_at(const struct piece *p, unsigned bit)
{
	if (bit < PLACES) return cut(octets_at(p, bit), KEY) | WORD_INNER;
	if (bit == BIT_WHOLE) return cut(p->low, WORD_KEY) | WORD_WHOLE;
	if (bit <= BIT_FIRST + WORD_LONG) return cut(p->low, bit - BIT_FIRST) | WORD_FIRST;
	return cut(octets_at(p, p->n - (bit - BIT_LAST)), bit - BIT_LAST) | WORD_INNER;
}

/* Those that may be in the table. Most words have none, which is told without a branch for each. */
static inline uint64_t keys_of(const struct literals *l, const struct piece *p)
{
	uint64_t bits = 0;
	for (unsigned i = 0; i < PLACES; i++) bits |= is_there(&l->words, key_at(p, i)) << i;
	bits &= p->n < KEY ? 0 : (UINT64_C(1) << (p->n - KEY + 1)) - 1;
	if (p->first) {
		uint64_t first = is_there(&l->words, key_at(p, BIT_WHOLE));
		for (unsigned n = 1; n <= WORD_LONG; n++) first |= is_there(&l->words, key_at(p, BIT_FIRST + n)) << n;
		bits |= (first & ((UINT64_C(2) << (p->n < WORD_LONG ? p->n : WORD_LONG)) - 1)) << BIT_FIRST;
	}
	for (unsigned n = 1; n < KEY && n <= p->n && p->last; n++)
		bits |= is_there(&l->words, key_at(p, BIT_LAST + n)) << (BIT_LAST + n);
	return bits;
}

static bool has_run(const struct literals *l, const struct literals_word *w, const struct entry *e, size_t offset)
{
	size_t end = offset + e->run, known = 8u - e->before;
	if (end > w->n || (e->last && end < w->n)) return false;
	uint64_t mask = cut(e->mask >> 8 * e->before, e->run < known ? e->run : known);
	if ((load(w->text, w->at + offset) ^ e->octets >> 8 * e->before) & mask) return false;
	return e->run <= known ||
	       memcmp(w->text.p + w->at + offset, l->rules->phrases[e->phrase].text.p + e->at, e->run) == 0;
}

static bool try_word_key(const struct literals *l, const struct literals_word *w, uint64_t key, size_t offset,
                         literals_met *met, void *context)
{
	const struct table *t = &l->words;
	uint32_t bucket = hash(key, t->bits);
	for (uint32_t i = t->buckets[bucket]; i < t->buckets[bucket + 1]; i++) {
		const struct entry *e = &t->entries[i];
		if (e->key == key && has_run(l, w, e, offset) && !met(context, e, offset)) return false;
	}
	return true;
}

static bool try_keys(const struct literals *l, const struct literals_word *w, const struct piece *p, size_t from,
                     uint64_t bits, literals_met *met, void *context)
{
	for (; bits; bits &= bits - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(bits);
		size_t offset = bit < PLACES ? bit : bit > BIT_LAST ? p->n - (bit - BIT_LAST) : 0;
		if (!try_word_key(l, w, key_at(p, bit), from + offset, met, context)) return false;
	}
	return true;
}

/* A long word is read in pieces, each of which begins where the keys of the one before it end to begin. */
bool literals_read_word(const struct literals *l, const struct literals_word *w, literals_met *met, void *context)
{
	struct piece p = {.first = true};
	for (size_t from = 0; !p.last; from += PLACES) {
		p.n = w->n - from < WORD_MOST ? w->n - from : WORD_MOST;
		p.low = cut(load(w->text, w->at + from), p.n < 8 ? p.n : 8);
		p.high = p.n > 8 ? cut(load(w->text, w->at + from + 8), p.n - 8) : 0;
		p.last = from + p.n == w->n;
		if (!try_keys(l, w, &p, from, keys_of(l, &p), met, context)) return false;
		p.first = false;
	}
	return true;
}
