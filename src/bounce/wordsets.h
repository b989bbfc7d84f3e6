/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wordsets - words that stand together (docs/rules.md, "&"): which sets are complete in a text
 *
 * Words are told as they are found. Most texts have a few words of many sets and no set whole, so first is noted only which words there
 * are; where they stand is looked at when a set has a word of each group. Pure; one thread, one text at a time.
 *
 *     wordsets_begin(w, rules, text, &fired);
 *     wordsets_found(w, word, end);            // as literals_scan() finds them
 *     wordsets_end(w);
 */
#ifndef BACKSTOP_BOUNCE_WORDSETS_H
#define BACKSTOP_BOUNCE_WORDSETS_H

#include "bounce/rules.h"
#include "bounce/signal_set.h"

struct wordsets;

struct wordsets *wordsets_new(void); /* NULL without memory */
void wordsets_free(struct wordsets *w);
/* text, with '\n' at both ends, and fired must live until wordsets_end(). Signals that have fired are not looked for. */
void wordsets_begin(struct wordsets *w, const struct rules *rules, struct slice text, struct signal_set *fired);
/* word: its number in the rules. None that is told later may end before this one begins. */
void wordsets_found(struct wordsets *w, uint32_t word, size_t end);
void wordsets_end(struct wordsets *w);

#endif
