/* SPDX-License-Identifier: Apache-2.0 */
/*
 * literals_internal - the tables of literals.h, for the files that make them, read a word, and look through a text
 *
 * Each phrase is found by one of its parts, its *key*, which stands in one of three tables:
 *
 *   words     a run of octets of words that a word of the text has, or begins with. Which phrases these are depends on that word
 *             alone, and texts use the same words over and over: what was found is kept (struct literals_lexicon), so that this table
 *             is asked for new words only, and may take its time.
 *   joints    BEFORE octets before the beginning of a word of the text and BEHIND behind it: of phrases that have several words.
 *   anywhere  KEY octets: of what has no word, and of scripts without blanks between words. Asked at every second octet
 *             that may have one.
 */
#ifndef BACKSTOP_BOUNCE_LITERALS_INTERNAL_H
#define BACKSTOP_BOUNCE_LITERALS_INTERNAL_H

#include <endian.h>

#include "bounce/literals.h"

#define WORD_MOST 16 /* octets of a word that are looked at together */
#define KEY       4  /* octets, at most, of a key */
#define BEFORE    4  /* of a joint those before the beginning of a word */
#define BEHIND    3  /* and those behind it */

/* Kinds of keys of words, above the octets: of a whole word its first ones; of its beginning; any ones in it. */
#define WORD_WHOLE (UINT64_C(1) << 56)
#define WORD_FIRST (UINT64_C(2) << 56)
#define WORD_INNER (UINT64_C(3) << 56)
#define WORD_KEY   7 /* octets, at most, of a whole word */
#define WORD_LONG  6 /* of a beginning */

#define FILTER_BITS 17 /* 16 KiB, most of which stay in the first cache */

#define EACH_OCTET UINT64_C(0x0101010101010101)
#define TOP_BITS   (0x80 * EACH_OCTET)

/* Where the text has the key, the octet `skew` behind its beginning may be that of the phrase at `at`. Most that are not it are told
 * here, without a look at the phrase. */
struct entry {
	uint64_t key;          /* its octets, the first one lowest; above are zeros, which no text has */
	uint64_t octets, mask; /* those of the phrase from `at - before` on; of the text there only the mask counts */
	uint32_t phrase;       /* index in the rules */
	uint8_t at, skew;
	uint8_t run;        /* of words: so many octets from `at` on are of one word */
	uint8_t before : 4; /* up to 8 */
	bool last : 1;      /* of words: they must be the last ones of the word in the text */
	bool plain : 1;     /* it has neither LITERAL_GAP nor LITERAL_DASH */
	bool whole : 1;     /* of words: they are all of the phrase, nothing else needs be compared */
};

struct table {
	uint64_t *filter;  /* of a key's hash: are there any? */
	uint32_t *buckets; /* of the same hash: of bucket i are entries[buckets[i]] to entries[buckets[i + 1] - 1] */
	unsigned bits;     /* of the hash that these take; the filter takes FILTER_BITS */
	struct entry *entries;
	size_t count, room;
};

struct literals {
	const struct rules *rules;
	struct table words, joints, anywhere;
	bool ascii_anywhere; /* has the last table keys without an octet over 127? */
};

static inline bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (unsigned char)c > 127;
}

/* Of scripts without blanks between words, Hebrew and what comes after it in Unicode, nothing is known of edges. */
static inline bool has_edges(struct slice word)
{
	return (unsigned char)word.p[0] < 0xd4;
}

/* The octets from `at` on, zeros behind the end. */
static inline uint64_t load(struct slice text, size_t at)
{
	uint64_t octets = 0;
	if (at + sizeof octets <= text.n)
		memcpy(&octets, text.p + at, sizeof octets);
	else if (at < text.n)
		memcpy(&octets, text.p + at, text.n - at);
	return le64toh(octets);
}

/* The first n, one at least. */
static inline uint64_t cut(uint64_t octets, size_t n)
{
	return octets & UINT64_MAX >> (64 - 8 * n);
}

static inline uint32_t hash(uint64_t key, unsigned bits)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits));
}

/* May it have the key? 1 or 0. */
static inline uint64_t is_there(const struct table *t, uint64_t key)
{
	uint32_t h = hash(key, FILTER_BITS);
	return t->filter[h / 64] >> h % 64 & 1;
}

struct literals_word {
	struct slice text;
	size_t at, n; /* the octets of a word there */
};

/* Tells of each entry of words whose run a word has, nearly in the order of their places in it, until it is told to stop. False: it was. */
typedef bool literals_met(void *context, const struct entry *e, size_t offset);
bool literals_read_word(const struct literals *l, const struct literals_word *w, literals_met *met, void *context);

#endif
