/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quoted - the words of a text that are its author's own: without what he quotes of a message that he answers
 *
 * Who answers an automatic reply or a report has its words in his message, each line with ">" before it, below a line that says
 * whose they are and ends with a colon, in whatever language ("On Monday Jo wrote:"). Between the two there may be one empty
 * line. Those lines are left out, but for their first mark. A reply of a server (it begins with a digit, or ">>>"), and a
 * quoted header, which other modules look for, are left in, and so is all that nobody announces. Pure; any thread.
 *
 * Others have it below their own words, under some lines of its header in their language, one of them its subject ("Von: ...
 * Gesendet: ... An: ... Betreff: Abwesend"; the answer is called "AW: Abwesend"). From there on all is somebody else's.
 *
 *     struct slice piece;
 *     text = slice_sub(text, 0, quoted_message(text, quoted_subject(subject)));
 *     while (quoted_next(&text, &piece)) fold_text(&f, piece);
 */
#ifndef BACKSTOP_BOUNCE_QUOTED_H
#define BACKSTOP_BOUNCE_QUOTED_H

#include "base/slice.h"

/* The next piece of own words; rest: what is still to be read. false: there is no more. */
bool quoted_next(struct slice *rest, struct slice *piece);
/* What a message answers or hands on by its (decoded) subject: without "Re:" and the like; empty when it has none of them. */
struct slice quoted_subject(struct slice subject);
/* Where the lines of the header of a message with that subject begin, or the length of text. */
size_t quoted_message(struct slice text, struct slice subject);

#endif
