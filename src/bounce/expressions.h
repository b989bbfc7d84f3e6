/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expressions - which expressions of a bundle a text matches
 *
 * libhs is asked for each by itself, and only where a match can be. Each thing that an expression needs (required.h: one of some literals, its
 * gates, and rare octets) tells where in the text one may begin: so far before it. Most are not asked at all, and others for a tenth of the
 * text. One thread, one text at a time.
 *
 *     if (!expressions_fit(x, bundle)) return ERR_NO_MEMORY;
 *     expressions_begin(x, bundle, PLACE_BODY, text);
 *     expressions_gate(x, number, at);               // as literals_scan() finds them
 *     expressions_end(x, &fired);
 */
#ifndef BACKSTOP_BOUNCE_EXPRESSIONS_H
#define BACKSTOP_BOUNCE_EXPRESSIONS_H

#include "bounce/bundle.h"
#include "bounce/signal_set.h"

struct expressions;

struct expressions *expressions_new(void); /* NULL without memory */
void expressions_free(struct expressions *x);
/* Before a bundle's expressions are asked; takes no time when it was done. False: no memory. */
bool expressions_fit(struct expressions *x, const struct bundle *b);
/* bundle and text must live until expressions_end(). */
void expressions_begin(struct expressions *x, const struct bundle *b, enum place place, struct slice text);
/* A gate of that expression is there: `at` is its beginning, its end, or between. */
void expressions_gate(struct expressions *x, uint32_t number, size_t at);
/* Sets the signals of those that match. Those that have fired are not asked for. */
void expressions_end(struct expressions *x, struct signal_set *fired);

#endif
