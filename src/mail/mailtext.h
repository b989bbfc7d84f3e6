/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailtext - a writer of mail: CR LF lines, folded fields, wrapped paragraphs, quoted-printable
 *
 * Grows one text in an arena. The first failure to get memory sticks (mailtext_failed) and makes every later call do
 * nothing, so a caller writes straight on and checks once. Text that came from elsewhere goes in through every
 * function but mailtext_raw, and comes out without control characters: a CR or LF in it cannot begin a header field or
 * a part. Octets beyond ASCII become '?', or stay when `utf8` is set and they are well-formed. Lines stay within 78
 * columns where words allow, and always within 998 octets (RFC 5322 2.1.1). Pure; one thread.
 *
 *     struct mailtext t;
 *     mailtext_init(&t, arena, 4096);
 *     mailtext_field(&t, "Subject", subject);
 */
#ifndef BACKSTOP_MAIL_MAILTEXT_H
#define BACKSTOP_MAIL_MAILTEXT_H

#include "base/arena.h"
#include "base/slice.h"

#define MAILTEXT_COLUMNS 78
#define MAILTEXT_MOST    900 /* octets of one word, or of one verbatim text; longer ones are cut up, or cut off */

struct mailtext {
	struct arena *arena;
	char *p;
	size_t n, room;
	bool failed, utf8;
};

void mailtext_init(struct mailtext *t, struct arena *a, size_t expected);
bool mailtext_failed(const struct mailtext *t);
struct slice mailtext_result(const struct mailtext *t); /* {NULL, 0} after a failure */

/* As it is: our own words, line ends included. */
void mailtext_raw(struct mailtext *t, const char *text);
/* Cleaned, blanks kept one for one, no line end added, cut off after MAILTEXT_MOST octets. For addresses. */
void mailtext_verbatim(struct mailtext *t, struct slice text);
/* "name: words" CR LF, folded; nothing when the value has no words. */
void mailtext_field(struct mailtext *t, const char *name, struct slice value);
/* The same with a first word of our own before the value: "Remote-MTA: dns; host". */
void mailtext_typed_field(struct mailtext *t, const char *name, const char *type, struct slice value);
/* Words wrapped to lines that begin with `indent` blanks; each LF in the text begins a new line. */
void mailtext_paragraph(struct mailtext *t, size_t indent, struct slice text);
/* The lines of text, whatever they end in, with CR LF; the last one too. Not cleaned: a part's content. */
void mailtext_lines(struct mailtext *t, struct slice text);
/* The same in quoted-printable (RFC 2045 6.7), any octets. */
void mailtext_quoted_printable(struct mailtext *t, struct slice text);

#endif
