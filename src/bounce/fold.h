/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold - text in the one form in which phrases are looked for
 *
 * Programs write the same sentence in many ways: other line breaks, capitals, typographic quotes, accents lost on the
 * way or put together from parts, full-width letters. Folding takes these differences out, of text and phrases alike:
 *
 *  - lower case; Latin letters without their accents ("Zustellung für Straße" is "zustellung fur strasse"), Greek
 *    without accents, Arabic and Hebrew without vowel marks;
 *  - quotes are ' and ", dashes -, full-width forms ASCII; soft hyphens and invisible characters are dropped;
 *  - a run of blanks and line ends is one blank, or one '\n' when an empty line was in it; between two Chinese or
 *    Japanese characters it is nothing, since there a line may be broken anywhere.
 *
 * The text begins and ends with '\n', so that a phrase can hold on to the edge of a paragraph. The output is never longer than
 * FOLD_ROOM(n). Octets that are no UTF-8 become '?'. What is HTML has become text before (mime_text()). Linear in the input; pure; any thread.
 *
 *     struct fold f;
 *     fold_begin(&f, buffer, sizeof buffer);
 *     fold_text(&f, text);
 *     struct slice folded = fold_end(&f);
 */
#ifndef BACKSTOP_BOUNCE_FOLD_H
#define BACKSTOP_BOUNCE_FOLD_H

#include "base/slice.h"

#define FOLD_ROOM(n) ((n)*3 / 2 + 8) /* nothing grows, but an end is added */

struct fold {
	char *out;
	size_t n, room;
	unsigned blanks; /* seen and not yet written: 0 none, 1 a blank, 2 one line end, 3 an empty line */
	bool wide;       /* the last character written is of a script without blanks between words */
};

/* The buffer stays the caller's and must outlive the result. room at least 8. */
void fold_begin(struct fold *f, char *buffer, size_t room);
void fold_text(struct fold *f, struct slice text); /* what does not fit is left out */
void fold_paragraph(struct fold *f);               /* as if an empty line came */
struct slice fold_end(struct fold *f);

#endif
