/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authors - whom a message asks to answer, besides its return path
 *
 * Programs that answer by themselves should write to the return path (RFC 3834 4), and some write to Reply-To or From instead,
 * receipts to whom Disposition-Notification-To names (RFC 8098 2.1). Who is named there may never have heard of the message, while its
 * return path proved itself: that of a spammer's own domain, say. So the ledger keeps those addresses (store/ledger.h, authors), and
 * an answer to one of them that names no message is held (bounce/witness_ledger.c).
 *
 * Left out: the return path itself, and addresses of a domain that proved itself with the message, as the author's (DMARC) or as that of
 * the return path. Of a field that is not as RFC 5322 has it, what looks like an address counts. Of each field the first one or two
 * (AUTHORS_TABLE), so that none hides another. Pure.
 *
 *     struct authors found;
 *     authors_find(arena, header, &proof, &found);
 */
#ifndef BACKSTOP_RELAY_AUTHORS_H
#define BACKSTOP_RELAY_AUTHORS_H

#include "base/arena.h"
#include "store/ledger.h"

/* X(field, how many) */
#define AUTHORS_TABLE(X)                                                                                               \
	X("From", 2)                                                                                                   \
	X("Reply-To", 2) X("Sender", 1) X("Disposition-Notification-To", 1) X("Return-Receipt-To", 1) X("Errors-To", 1)
#define AUTHORS_FIELD 4096 /* octets of a field that are looked at */

struct authors_proof { /* what proved itself */
	struct slice return_path;
	bool return_path_proven;
	struct slice author; /* domain of the one author; empty: none or several */
	bool author_proven;
};
struct authors {
	struct slice address[LEDGER_AUTHORS];
	size_t count;
};
/* Texts are in the arena. */
void authors_find(struct arena *a, struct slice header, const struct authors_proof *p, struct authors *out);

#endif
