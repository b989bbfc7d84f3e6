/* SPDX-License-Identifier: Apache-2.0 */
/*
 * literals - many phrases and words, looked for in one text in one pass
 *
 * Phrases are what bundles are full of, and what changes in them; they are plain text, but for LITERAL_GAP and LITERAL_DASH. Most are found by
 * one of their words, the rarest: what a word of the text may have depends on that word alone, and texts use the same words over and
 * over, so that a lexicon of words that were met saves most of the work. Those of several words are found by what stands around the beginning
 * of one of them, and those of scripts without blanks between words by four octets; where a text has such a *key*
 * the phrase is compared before and behind. So the cost is that of the text and hardly that of the phrases, and tables of thousands are made
 * in a few milliseconds, where libhs takes half a second to compile them. What cannot be written so (rules.h: pattern) is left to libhs.
 *
 * Each place where a phrase or word stands is reported, nearly in order: no word that is reported later ends more than
 * LITERALS_SLACK octets before this one begins (within words of thousands of octets it may). Pure; a struct literals is immutable
 * once made, any thread; a lexicon is one thread's.
 *
 *     struct literals *l;
 *     if (literals_new(rules, PLACE_BODY, &l)) return ERR_NO_MEMORY;
 *     struct literals_lexicon *lexicon = literals_lexicon_new();
 *     literals_scan(l, lexicon, folded, found, context);   // found(context, index in rules->phrases, end)
 */
#ifndef BACKSTOP_BOUNCE_LITERALS_H
#define BACKSTOP_BOUNCE_LITERALS_H

#include "bounce/rules.h"

/* In the text of a phrase: octets that folded text does not have. */
#define LITERAL_GAP       '\1' /* up to RULES_GAP octets of a paragraph */
#define LITERAL_DASH      '\2' /* a dash, or nothing */
#define LITERAL_GAPS_MOST 2    /* of a phrase: each may be tried in RULES_GAP ways */
#define LITERALS_SLACK    1024

struct literals;
struct literals_lexicon; /* what words of texts have: half a megabyte */

/* end: of a word; of a phrase or a gate it is a place in it, its beginning or its end at most. */
typedef void literals_found(void *context, uint32_t phrase, size_t end);

/* Has it a key, and not too many gaps? */
bool literals_can(struct slice phrase);
/* A word that is found only where a word begins; such words may be shorter than LITERAL_INNER_LEAST octets. */
bool literals_begins(const struct rule_phrase *word);
#define LITERAL_INNER_LEAST 3
/* Those phrases and gates of a place that have a text; rules must outlive them. NULL without any. ERR_OK, ERR_NO_MEMORY. */
enum error literals_new(const struct rules *rules, enum place place, struct literals **out);
void literals_free(struct literals *l); /* NULL is allowed */
/* text: as fold_end() leaves it, with '\n' at both ends; less than 4 GiB. lexicon: one that knows of no other literals. */
void literals_scan(const struct literals *l, struct literals_lexicon *lexicon, struct slice text, literals_found *found,
                   void *context);
struct literals_lexicon *literals_lexicon_new(void);      /* NULL: no memory */
void literals_lexicon_forget(struct literals_lexicon *x); /* before other literals are looked for */
void literals_lexicon_free(struct literals_lexicon *x);   /* NULL is allowed */
size_t literals_memory(const struct literals *l);         /* octets; NULL: 0 */

#endif
