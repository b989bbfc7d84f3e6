/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox - the addresses of a From, To, Cc or Reply-To field (RFC 5322 3.4 and 4.4, RFC 6532)
 *
 * Reads the value of such a field, folded as it is, one mailbox after the other; groups are opened, comments are seen through at any
 * depth, the obsolete forms with blanks around the dots and with routes are understood. What cannot be understood ends the
 * reading with an error, since a guess would be an address that another program does not see. Linear in the length. Pure.
 *
 *     struct mailbox_reader r;
 *     struct mailbox m;
 *     mailbox_begin(&r, arena, field.value);
 *     while (mailbox_next(&r, &m)) use(m.local, m.domain);
 *     if (r.error) ...                                       // and not: the end of the list
 *
 * One thing is taken that RFC 5322 forbids, because common programs write it: a display name with characters that need quotes, as
 * in "joe@example.net <joe@example.net>". The address in the angle brackets is the one.
 */
#ifndef BACKSTOP_MAIL_MAILBOX_H
#define BACKSTOP_MAIL_MAILBOX_H

#include "base/arena.h"
#include "base/slice.h"

struct mailbox {
	struct slice local; /* unquoted */
	struct slice
		domain; /* as written, without blanks and comments; a literal with its brackets. May be no valid domain. */
	struct slice
		display; /* the name before the angle bracket as it stands in the field, encoded words and quotes too; empty: none */
	bool literal; /* domain is [..] */
};

enum mailbox_error {
	MAILBOX_OK,
	MAILBOX_SYNTAX,
	MAILBOX_NO_MEMORY,
};

struct mailbox_reader {
	struct arena *arena;
	char *room; /* for words put together; as long as the value */
	struct slice value;
	size_t at;
	bool in_group;
	enum mailbox_error error;
};

void mailbox_begin(struct mailbox_reader *r, struct arena *a, struct slice value);
bool mailbox_next(struct mailbox_reader *r, struct mailbox *out); /* false: the end, or r->error */

#endif
