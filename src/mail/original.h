/* SPDX-License-Identifier: Apache-2.0 */
/*
 * original - the message that a report returns, wherever it stands
 *
 * In order: a message/rfc822 part (or global, partial), a part with a header only (text/rfc822-headers,
 * message/global-headers) or another part of type message, or a file *.eml, whose content is one, headers quoted in
 * text. Quoted headers are found after the lines by which mail programs announce them ("--- Below this line is a copy
 * of the message.", "Original message headers:"), and without them where fields of a message header stand together;
 * of several such places the best is taken, which is one that is announced and has a Message-ID. Lines may be quoted
 * with "> ", "| " or blanks; that is taken away and the header is put into the arena. Nothing is believed here: who
 * made these lines is for the judge.
 *
 * Looks at the outer message only; the original of a report that is itself attached: pass the root of that one. Pure;
 * any thread.
 *
 *     struct original o;
 *     if (original_find(arena, m.root, &o) && o.message_id.n) ...
 */
#ifndef BACKSTOP_MAIL_ORIGINAL_H
#define BACKSTOP_MAIL_ORIGINAL_H

#include "mail/mime.h"

#define ORIGINAL_HEADER_MOST 0x40000 /* octets of text that are searched, and of a quoted header */

enum original_form {
	ORIGINAL_NONE,
	ORIGINAL_MESSAGE, /* an embedded message: header and what there is of its body */
	ORIGINAL_HEADERS, /* a part with headers only */
	ORIGINAL_QUOTED,  /* in the text of a part */
};

struct original {
	enum original_form form;
	const struct mime_part *part; /* that holds it: message/rfc822, text/rfc822-headers, the text part */
	const struct mime_part *root; /* the embedded message, where it is a part of the tree; else NULL */
	struct slice header;          /* as header.h reads it; exact octets unless it was quoted or encoded */
	struct slice body;            /* what is there of the body, as it stands; empty: none */
	bool doubtful;  /* original_doubts(), or another part could be it too, or an empty line is before the header */
	bool announced; /* ORIGINAL_QUOTED: after a line that says so */
	/* Values of the first fields of these names, still folded, trimmed; empty: none. */
	struct slice message_id; /* with its brackets, if they were there */
	struct slice from, to, subject, date, return_path, sender, list_id;
	size_t fields, received; /* how many */
};

/* False, with form ORIGINAL_NONE: there is none. */
bool original_find(struct arena *a, const struct mime_part *root, struct original *out);
/* The header of a message that is attached as a file ("original.eml"); empty when the part is none. */
struct slice original_in_file(struct arena *a, const struct mime_part *p);
/* original_find() in a text that is decoded already (mime_text()), form ORIGINAL_QUOTED or ORIGINAL_NONE; part and root
 * are NULL. */
bool original_in_text(struct arena *a, struct slice text, struct original *out);
/* A report may quote the message that it is about, and who wrote that may have foreseen how. Could he have made up that part of it? It was
 * guessed (mime.h), has a boundary that can be foretold, or stands behind a text that is not the report's first. */
bool original_doubts(struct arena *a, const struct mime_part *root, const struct mime_part *p);
/* The offset in text where a quoted original, or the line that announces it, begins; text.n: there is none. What
 * stands before is the report's own words. A few fields that nobody announced and that have no Message-ID do not
 * count here: reports name To, Subject and Date of a message and go on. */
size_t original_offset(struct slice text);

#endif
