/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phrases - many phrases looked for in one text, in one pass
 *
 * For the short texts of SMTP replies. A phrase is matched as whole words: where it begins or ends with a letter or
 * digit none may stand beside it, and a phrase never begins or ends inside a mail address; a "*" at the end of a phrase
 * lets its last word go on. Text and phrases are compared as phrases_normalise() leaves them: lower case (ASCII, Latin-1,
 * Russian), each run of blanks and controls one blank. The words of the text are looked up in a hash by their first three
 * octets, so the cost is that of the text and of the phrases that begin alike.
 *
 * The set lives in the arena given to phrases_new() and keeps the slices added to it. Pure; a finished set may be
 * used by many threads.
 *
 *     struct phrases *p = phrases_new(arena, 1000);
 *     uint32_t id = phrases_add(p, SLICE("blocked using zen.spamhaus.org"));
 *     phrases_search(p, text, seen); // sets bit id of seen
 */
#ifndef BACKSTOP_BOUNCE_PHRASES_H
#define BACKSTOP_BOUNCE_PHRASES_H

#include "base/arena.h"
#include "base/slice.h"

#define PHRASES_NONE  UINT32_MAX
#define PHRASE_LENGTH 200 /* octets of a phrase, the most */

struct phrases;

/* most: of the phrases that will be added. NULL when the arena is exhausted. */
struct phrases *phrases_new(struct arena *a, size_t most);
/* The phrase's number, from 0; the same for the same phrase. PHRASES_NONE: no letter or digit in it, too long, or more
 * than most. The text is normalised already. */
uint32_t phrases_add(struct phrases *p, struct slice text);
size_t phrases_count(const struct phrases *p);
size_t phrases_length(const struct phrases *p, uint32_t id); /* octets of the phrase */

#define PHRASES_WORDS(count) (((count) + 63) / 64)
/* Sets the bits of the phrases that are in the text (seen[id / 64] bit id % 64); seen is zeroed by the caller. */
void phrases_search(const struct phrases *p, struct slice text, uint64_t *seen);

/* A copy in the arena, of at most `most` octets; {NULL, 0} on exhaustion. */
struct slice phrases_normalise(struct arena *a, struct slice text, size_t most);

#endif
