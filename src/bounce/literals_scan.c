/* SPDX-License-Identifier: Apache-2.0 */
/* A text is looked through. */
#include <stdlib.h>

#include "base/lanes.h"
#include "bounce/literals_internal.h"

#define SLOT_BITS  13 /* of a word's hash: where it is */
#define ITEMS      32768
#define ITEMS_MOST 48 /* of a word */
#define BLOCK      64 /* octets of a text that are looked at together */

/*
 * What is found is noted before it is looked at: an index, and in the upper half a place in the text; notes of each kind in a row of their
 * own. So the processor need not guess at each word what there is.
 */
#define INDEX(note) ((uint32_t)(note))
#define PLACE(note) ((size_t)((note) >> 32))
#define AT(place)   ((uint64_t)(place) << 32)

enum kind {
	FOUND, /* the phrase of this index; it ends there */
	MAYBE, /* the entry of this index, of words, whose run is there; the rest of the phrase is to be compared */
	JOINT, /* a key that may be in that table */
	ANYWHERE,
	LONG, /* a word that a lexicon does not have */
	KINDS
};

#define BLOCKS     8   /* after which notes are looked at, at the latest */
#define NOTES      256 /* of a kind, after which they are */
#define AT_ONCE    4   /* items that are copied without looking how many there are */
#define NOTES_MOST (NOTES + BLOCK / 2 * ITEMS_MOST + AT_ONCE)

/* What a word of a text has: notes whose places are relative to where it begins; first those that are FOUND. */
struct slot {
	uint64_t low, high;    /* its octets; zeros behind it. Of no word: zeros */
	uint32_t items;        /* where they are */
	uint16_t found, maybe; /* how many */
};

/* A word that begins in the block that is looked at. */
struct block_word {
	uint64_t low, high;
	uint32_t at, n;
	struct slot *slot;
};

struct literals_lexicon {
	struct slot slots[1 << SLOT_BITS];
	uint64_t items[ITEMS + AT_ONCE];
	size_t used; /* of the items */
	bool any;    /* is a word in it? */
	/* Of the search that goes on; here since they need not be cleared. */
	uint64_t notes[KINDS][NOTES_MOST];
	struct block_word words[BLOCK / 2];
	uint64_t lesson[ITEMS_MOST];
};

struct search {
	const struct literals *l;
	struct literals_lexicon *lexicon;
	struct slice text;
	literals_found *found;
	void *context;
	uint64_t *end[KINDS]; /* of the notes */
};

struct literals_lexicon *literals_lexicon_new(void)
{
	return calloc(1, sizeof(struct literals_lexicon));
}

void literals_lexicon_free(struct literals_lexicon *x)
{
	free(x);
}

void literals_lexicon_forget(struct literals_lexicon *x)
{
	if (x->any) memset(x->slots, 0, sizeof x->slots);
	x->any = false;
	x->used = 0;
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

static bool stands(const struct search *s, const struct entry *e, const struct rule_phrase *p, size_t at)
{
	if (!e->plain)
		return begins_with(slice_sub(s->text, at, s->text.n), slice_sub(p->text, e->at, p->text.n)) &&
		       ends_with(slice_sub(s->text, 0, at), slice_sub(p->text, 0, e->at));
	size_t from = at - e->at;
	return at >= e->at && from + p->text.n <= s->text.n && memcmp(s->text.p + from, p->text.p, p->text.n) == 0;
}

static void compare(const struct search *s, const struct entry *e, size_t at)
{
	const struct rule_phrase *p = &s->l->rules->phrases[e->phrase];
	if (p->set > 0) {
		if (at > e->at && is_word_at(s->text, p, at - e->at))
			s->found(s->context, e->phrase, at - e->at + p->text.n);
	} else if (stands(s, e, p, at)) {
		s->found(s->context, e->phrase, at);
	}
}

/* at: where `at` of the phrase would be. */
static bool may_be(const struct search *s, const struct entry *e, size_t at)
{
	return at >= e->before && !((load(s->text, at - e->before) ^ e->octets) & e->mask);
}

static void try_key(const struct search *s, const struct table *t, uint64_t key, size_t place)
{
	uint32_t bucket = hash(key, t->bits);
	for (uint32_t i = t->buckets[bucket]; i < t->buckets[bucket + 1]; i++) {
		const struct entry *e = &t->entries[i];
		if (e->key == key && may_be(s, e, place + e->skew)) compare(s, e, place + e->skew);
	}
}

struct reading {
	const struct search *s;
	size_t at;
};

static bool try_entry(void *context, const struct entry *e, size_t offset)
{
	const struct reading *r = context;
	compare(r->s, e, r->at + offset);
	return true;
}

static void try_long(const struct search *s, size_t at)
{
	struct reading r = {s, at};
	struct literals_word w = {s->text, at, 0};
	while (at + w.n < s->text.n && is_word(s->text.p[at + w.n])) w.n++;
	literals_read_word(s->l, &w, try_entry, &r);
}

/* ---- the lexicon ----------------------------------------------------------------------------------------------------- */

struct lesson {
	const struct literals *l;
	uint64_t *items[2]; /* FOUND, MAYBE */
	size_t count[2];
};

static bool learn_entry(void *context, const struct entry *e, size_t offset)
{
	struct lesson *x = context;
	enum kind kind = e->whole ? FOUND : MAYBE;
	if (x->count[FOUND] + x->count[MAYBE] == ITEMS_MOST) return false;
	x->items[kind][x->count[kind]++] =
		kind == FOUND ? e->phrase | AT(offset + e->run) : (uint64_t)(e - x->l->words.entries) | AT(offset);
	return true;
}

/* False: it has too much. */
static __attribute__((noinline)) bool learn(struct literals_lexicon *x, const struct literals *l, struct slice text,
                                            const struct block_word *b)
{
	struct lesson lesson = {l, {&x->items[x->used], x->lesson}, {0, 0}};
	struct literals_word w = {text, b->at, b->n};
	if (x->used + ITEMS_MOST > ITEMS) {
		literals_lexicon_forget(x);
		lesson.items[FOUND] = x->items;
	}
	if (!literals_read_word(l, &w, learn_entry, &lesson)) return false;
	*b->slot = (struct slot){b->low, b->high, (uint32_t)x->used, (uint16_t)lesson.count[FOUND],
	                         (uint16_t)lesson.count[MAYBE]};
	memcpy(&x->items[x->used + lesson.count[FOUND]], x->lesson, lesson.count[MAYBE] * sizeof *x->lesson);
	x->used += lesson.count[FOUND] + lesson.count[MAYBE];
	x->any = true;
	return true;
}

/* ---- notes ----------------------------------------------------------------------------------------------------------- */

/* Most of what may be is not: those that are not are left out without a branch for each. */
static uint64_t *leave_out(const struct search *s, uint64_t *notes, const uint64_t *end)
{
	uint64_t *to = notes;
	for (const uint64_t *n = notes; n < end; n++) {
		bool keep = may_be(s, &s->l->words.entries[INDEX(*n)], PLACE(*n));
		*to = *n;
		to += keep;
	}
	return to;
}

static __attribute__((noinline)) void look_at_notes(struct search *s)
{
	const struct literals *l = s->l;
	uint64_t(*notes)[NOTES_MOST] = s->lexicon->notes;
	s->end[MAYBE] = leave_out(s, notes[MAYBE], s->end[MAYBE]);
	for (const uint64_t *n = notes[FOUND]; n < s->end[FOUND]; n++) s->found(s->context, INDEX(*n), PLACE(*n));
	for (const uint64_t *n = notes[MAYBE]; n < s->end[MAYBE]; n++)
		compare(s, &l->words.entries[INDEX(*n)], PLACE(*n));
	for (const uint64_t *n = notes[JOINT]; n < s->end[JOINT]; n++)
		try_key(s, &l->joints, cut(load(s->text, PLACE(*n)), BEFORE + BEHIND), PLACE(*n));
	for (const uint64_t *n = notes[ANYWHERE]; n < s->end[ANYWHERE]; n++)
		try_key(s, &l->anywhere, cut(load(s->text, PLACE(*n)), KEY), PLACE(*n));
	for (const uint64_t *n = notes[LONG]; n < s->end[LONG]; n++) try_long(s, PLACE(*n));
	for (size_t i = 0; i < KINDS; i++) s->end[i] = notes[i];
}

static __attribute__((noinline, cold)) void note_more(const uint64_t *items, size_t n, size_t at, uint64_t *to)
{
	for (size_t i = AT_ONCE; i < n; i++) to[i] = items[i] + AT(at);
}

static inline uint64_t *note_items(const uint64_t *items, size_t n, size_t at, uint64_t *restrict to)
{
	for (size_t i = 0; i < AT_ONCE; i++) to[i] = items[i] + AT(at);
	if (n > AT_ONCE) note_more(items, n, at, to);
	return to + n;
}

static void note_words(struct search *s, size_t count)
{
	struct literals_lexicon *x = s->lexicon;
	const struct literals *l = s->l;
	const struct slice text = s->text;
	uint64_t *found = s->end[FOUND], *maybe = s->end[MAYBE], *joint = s->end[JOINT], *longs = s->end[LONG];
	for (const struct block_word *b = x->words, *end = b + count; b < end; b++) {
		*joint = AT(b->at - BEFORE);
		joint += b->at >= BEFORE && is_there(&l->joints, cut(load(text, b->at - BEFORE), BEFORE + BEHIND));
		if (b->n > WORD_MOST ||
		    (((b->slot->low ^ b->low) | (b->slot->high ^ b->high)) && !learn(x, l, text, b))) {
			*longs++ = AT(b->at);
			continue;
		}
		const uint64_t *items = &x->items[b->slot->items];
		found = note_items(items, b->slot->found, b->at, found);
		maybe = note_items(items + b->slot->found, b->slot->maybe, b->at, maybe);
	}
	s->end[FOUND] = found;
	s->end[MAYBE] = maybe;
	s->end[JOINT] = joint;
	s->end[LONG] = longs;
}

static void note_anywhere(struct search *s, size_t block)
{
	const struct table *t = &s->l->anywhere;
	uint64_t *to = s->end[ANYWHERE];
	for (size_t at = block; at < block + BLOCK; at += 8) {
		uint64_t octets = load(s->text, at), rest = load(s->text, at + 6);
		if (!s->l->ascii_anywhere && !((octets | rest) & TOP_BITS)) continue;
		for (size_t i = 0; i < 8; i += 2) {
			*to = AT(at + i);
			to += is_there(t, cut(i < 6 ? octets >> 8 * i : rest, KEY));
		}
	}
	s->end[ANYWHERE] = to;
}

/* Are there many? Never more than those of BLOCKS, so that they are in order by LITERALS_SLACK. */
static bool is_enough(const struct search *s, size_t block)
{
	if (block % (BLOCKS * BLOCK) == 0) return true;
	for (size_t i = 0; i < KINDS; i++)
		if (s->end[i] - s->lexicon->notes[i] >= NOTES) return true;
	return false;
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------- */

/* Of BLOCK octets those that are of a word, and those over 127; the first one lowest. */
struct octets {
	uint64_t words, high;
};

static struct octets octets_of(struct slice text, size_t at)
{
	struct octets all = {0};
	char end[BLOCK];
	const char *p = text.p + at;
	if (at >= text.n) return all;
	if (text.n - at < BLOCK) {
		memset(end, 0, sizeof end);
		p = memcpy(end, p, text.n - at);
	}
	for (size_t i = 0; i < BLOCK; i += LANES) {
		lanes v = lanes_load(p + i);
		all.words |= (uint64_t)LANES_MASK(lanes_within(v, 'a', 'z') | lanes_within(v, '0', '9') | v) << i;
		all.high |= (uint64_t)lanes_mask(v) << i;
	}
	return all;
}

static size_t length_of(uint64_t words, uint64_t next, unsigned bit)
{
	uint64_t others = ~(bit > 0 ? words >> bit | next << (BLOCK - bit) : words);
	return others ? (size_t)__builtin_ctzll(others) : BLOCK;
}

static size_t list_words(struct literals_lexicon *x, struct slice text, size_t block, uint64_t starts, uint64_t words,
                         uint64_t next)
{
	static const uint64_t masks[WORD_MOST + 1][2] = {
#define FIRST(n) {UINT64_MAX >> (64 - 8 * (n)), 0}
#define MORE(n)                                                                                                        \
	{                                                                                                              \
		UINT64_MAX, UINT64_MAX >> (64 - 8 * (n))                                                               \
	}
		{0, 0},  FIRST(1), FIRST(2), FIRST(3), FIRST(4), FIRST(5), FIRST(6), FIRST(7), FIRST(8),
		MORE(1), MORE(2),  MORE(3),  MORE(4),  MORE(5),  MORE(6),  MORE(7),  MORE(8),
#undef FIRST
#undef MORE
	};
	struct block_word *b = x->words;
	for (; starts; starts &= starts - 1, b++) {
		unsigned bit = (unsigned)__builtin_ctzll(starts);
		size_t at = block + bit, n = length_of(words, next, bit), known = n < WORD_MOST ? n : WORD_MOST;
		b->low = load(text, at) & masks[known][0];
		b->high = load(text, at + 8) & masks[known][1];
		b->at = (uint32_t)at;
		b->n = (uint32_t)n;
		b->slot = &x->slots[hash(b->low ^ (b->high << 23 | b->high >> 41), SLOT_BITS)];
		__builtin_prefetch(b->slot);
	}
	return (size_t)(b - x->words);
}

void literals_scan(const struct literals *l, struct literals_lexicon *lexicon, struct slice text, literals_found *found,
                   void *context)
{
	struct search s = {l, lexicon, text, found, context, {NULL}};
	struct octets here = octets_of(text, 0), next;
	uint64_t before = 0; /* was the octet before one of a word? */
	for (size_t i = 0; i < KINDS; i++) s.end[i] = lexicon->notes[i];
	for (size_t block = 0; block < text.n; block += BLOCK, here = next) {
		next = octets_of(text, block + BLOCK);
		if (is_enough(&s, block)) look_at_notes(&s);
		note_words(&s, list_words(lexicon, text, block, here.words & ~(here.words << 1 | before), here.words,
		                          next.words));
		if (l->ascii_anywhere || here.high || next.high) note_anywhere(&s, block);
		before = here.words >> (BLOCK - 1);
	}
	look_at_notes(&s);
}
