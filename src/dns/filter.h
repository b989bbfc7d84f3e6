/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - tells of most addresses that they are surely not listed, without looking into the list
 *
 * Most questions are about addresses that nobody lists, and a look into LMDB costs a third of an answer. The filter is a bit array (a
 * Bloom filter of two octets a row, two bits of one cache line each: wrong for one address in seventy, which is then looked up
 * and not found). It never says no of a row that is there:
 *
 *   It knows from which serial of the list to which it holds. Bits are only ever set, so it holds for every transaction in between.
 *   At the beginning of a batch it follows the journal to the transaction's serial; where that cannot be (the journal does not reach, the
 *   state was put back), or it has grown too full, it is not used, and a thread makes a new one meanwhile.
 *
 * So a commit is in the next answer, with it as without it. It is made in the background: a service that has just started answers at once.
 *
 *     f = filters_follow(filters, f, txn, published_serial(txn));     // each batch; NULL: look up everything
 *     if (f && !filter_may_have(f, key, n)) ...                       // surely not listed
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
const struct filter *filters_follow(struct filters *f, const struct filter *held, struct db_txn *t, uint32_t serial);
void filters_release(struct filters *f, const struct filter *used); /* NULL is fine */

/* False: there is no row of that key. */
bool filter_may_have(const struct filter *f, const uint8_t *key, size_t n);

/* For tests: returns when the thread has nothing to do. */
void filters_settle(struct filters *f);

#endif
