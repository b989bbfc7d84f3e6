/* SPDX-License-Identifier: Apache-2.0 */
/*
 * due - which listings have to be looked at by what time: the keeper's calendar
 *
 * A listing of the operator is due when it expires, one of the keeper when it expires or is to be weighed again. Rows are in order
 * of time, so nothing is searched. Any thread.
 */
#ifndef BACKSTOP_STORE_DUE_H
#define BACKSTOP_STORE_DUE_H

#include "base/endpoint.h"
#include "store/db.h"

struct due {
	int64_t when; /* Unix time */
	struct prefix unit;
	bool manual; /* the operator's listing expires; otherwise the keeper's is due */
};

enum error due_first(struct db_txn *t, struct due *out); /* ERR_NOT_FOUND: nothing is ever due */
/* Takes out up to n that are due by now, the longest due first. Who takes one acts on it in the same transaction. */
enum error due_take(struct db_txn *t, int64_t now, struct due *out, size_t n, size_t *taken);

#endif
