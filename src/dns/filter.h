/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - tells of most addresses at once whether they are listed, without looking into the list
 *
 * A look into LMDB's tree of a million rows costs a third of an answer, and most questions are about addresses that nobody lists. The
 * filter is a hash table whose every line is one line of the processor's cache: ten IPv4 addresses with their classes, grade and flags; some
 * 9 octets a row. It says that an address is not listed, or is and how, or that it has to be looked up: rows that changed since it was
 * made, or expire soon, and all of IPv6 that is listed.
 *
 * It never says what the transaction of the one who asks does not see. It knows from which serial of the list to which it holds:
 * at the beginning of a batch it follows the journal to the transaction's serial, and marks what has changed as to be looked up. Where that cannot
 * be (the journal does not reach, the state was put back), when it is an hour old, or too full, it is not used, and a thread makes a
 * new one. So a commit is in the next answer, with it as without it; and a service that has just started answers before it is made.
 *
 *     f = filters_follow(filters, f, txn, published_serial(txn), now);   // each batch; NULL: look up everything
 *     if (f && filter_find(f, key, n, &row) == FILTER_ABSENT) ...         // surely not listed
 *     filters_release(filters, f);                                    // at the end of the thread
 *
 * A struct filters is of the process; any thread.
 */
#ifndef BACKSTOP_DNS_FILTER_H
#define BACKSTOP_DNS_FILTER_H

#include "store/published.h"

struct filter;
struct filters;

/* Starts the thread. NULL without memory or threads. The db is the caller's. */
struct filters *filters_start(struct db *state);
void filters_stop(struct filters *f); /* nobody uses it any more; joins the thread; NULL is fine */

/* The filter that holds for what this transaction sees, or NULL. held: what the thread had from the last call, which is given back where
 * it is another one now; as long as it is good no lock is taken. */
const struct filter *filters_follow(struct filters *f, const struct filter *held, struct db_txn *t, uint32_t serial,
                                    int64_t now);
void filters_release(struct filters *f, const struct filter *used); /* NULL is fine */

enum filter_says { FILTER_ABSENT, FILTER_LISTED, FILTER_ASK };
/* FILTER_LISTED fills *out, but for when it expires: not soon. */
enum filter_says filter_find(const struct filter *f, const uint8_t *key, size_t n, struct published *out);

/* For tests: returns when the thread has nothing to do. */
void filters_settle(struct filters *f);

#endif
