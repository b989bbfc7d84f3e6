/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish - makes the published row of a unit from its listings, and knows when each is due
 *
 * Used by listings.c and weighed.c, inside the transaction that changes a listing of the operator or of the keeper: reads both
 * and writes what they amount to, with serial and journal. Table list_due holds the times at which a listing has to be looked
 * at again (it expires, or the keeper wants to weigh it anew), in order of time. Writers of the state only; any thread.
 */
#ifndef BACKSTOP_STORE_PUBLISH_H
#define BACKSTOP_STORE_PUBLISH_H

#include "base/endpoint.h"
#include "store/db.h"
#include "store/published.h"
#include "store/unit_key.h"

struct publish_change {
	struct ip ip;
	bool is, had, has; /* is: a change at all */
	struct published before, after;
};

/* NULL: not listed. Nothing happens, and the serial stays, when the row is so already. */
enum error publish_row(struct db_txn *t, const struct ip *ip, const struct published *after);
/* The same in two steps, the row and its line in the journal: for many rows at once, so that their pages are together in the
 * file. That is what a reader has in memory, since the kernel maps what is around a page too. */
enum error publish_set(struct db_txn *t, const struct ip *ip, const struct published *after,
                       struct publish_change *out);
enum error publish_note(struct db_txn *t, const struct publish_change *c);

/* From the unit's rows in tables listings and list_weighed: publish_set(), and then the note. */
enum error publish_unit_set(struct db_txn *t, const struct ip *ip, struct publish_change *out);
enum error publish_unit(struct db_txn *t, const struct ip *ip);
/* The first change by this release publishes what an older release listed. Cheap when that was done. */
enum error publish_upgrade(struct db_txn *t);

enum due_kind { DUE_MANUAL = 1, DUE_WEIGHED = 2 };
/* A row moves from one time to another; 0: there is none. */
enum error due_move(struct db_txn *t, enum due_kind kind, const struct unit_key *unit, int64_t from, int64_t to);

#endif
