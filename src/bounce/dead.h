/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead - the recipients of whom a report says that they do not exist
 *
 * For learning what a server accepts and then cannot deliver. Strict, since what is learned is refused: only recipients in a part of type
 * message/delivery-status (RFC 3464), with Action failed, for whom the reply, or what the report says in words of its only
 * recipient, is explained as a mailbox that does not exist (bounce/explain.h): 5.1.1, Exchange's 5.1.10, "user unknown" and the
 * like. Not one whose mail was forwarded to somebody who does not exist (X-Actual-Recipient, or another address in the reply); not one of whom a
 * reply about content or a rule (5.6, 5.7) says so, since the author of the message may have chosen its words; not a full mailbox, a moved one, a rule, a domain that cannot be found. Pure; any thread.
 *
 *     struct dead found[DEAD_MOST];
 *     size_t n = dead_find(&arena, knowledge, &mime, found);
 */
#ifndef BACKSTOP_BOUNCE_DEAD_H
#define BACKSTOP_BOUNCE_DEAD_H

#include "bounce/explain.h"

#define DEAD_MOST 32

struct dead {
	struct slice address;  /* Final-Recipient, spelled as by address_spelled() */
	struct slice original; /* Original-Recipient, where it is another one; empty: it is not */
	struct slice words;    /* what was said of it, on one line; or its code */
};

/* How many there are; what the arena has no room for is left out. */
size_t dead_find(struct arena *a, const struct knowledge *k, const struct mime *m, struct dead out[DEAD_MOST]);

#endif
