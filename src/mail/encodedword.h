/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encodedword - text of header fields, for reading (RFC 2047, RFC 2231 5)
 *
 * "=?iso-8859-1?q?Unzustellbar:_M=FCll?=" becomes UTF-8. Adjacent words of one charset are decoded as one, so that a
 * character split between them is whole (RFC 2047 5 forbids it, many programs do it). Broken words are tolerated
 * where the meaning is plain: blanks inside, a missing end, words that touch other text or are in quotes. What cannot
 * be understood stays as it is. Octets outside words are UTF-8, or else windows-1252.
 *
 * The result is one line: folding is undone, control characters are blanks, no blanks around it. Pure; any thread.
 *
 *     struct slice subject = encodedword_decode(arena, field->value);
 */
#ifndef BACKSTOP_MAIL_ENCODEDWORD_H
#define BACKSTOP_MAIL_ENCODEDWORD_H

#include "base/arena.h"
#include "base/slice.h"

/* Points into value when there is nothing to do. {NULL, 0} when the arena is exhausted. Linear. */
struct slice encodedword_decode(struct arena *a, struct slice value);

#endif
