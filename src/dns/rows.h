/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows - the list in LMDB as answers look at it
 *
 * A struct answer_rows over a read transaction: what is answered is what was committed last when that began. One for a batch of
 * requests. The thread of the transaction.
 *
 *     struct list_rows rows;
 *     if (list_rows_begin(&rows, state, now) == ERR_OK) {
 *         answer_write(..., &rows.rows, ...);
 *         list_rows_end(&rows);
 *     }
 */
#ifndef BACKSTOP_DNS_ROWS_H
#define BACKSTOP_DNS_ROWS_H

#include "dns/answer.h"
#include "store/db.h"

struct list_rows {
	struct answer_rows rows;
	struct db_txn *txn;
	int64_t now;
	uint32_t serial; /* 0: not looked up yet; each negative answer needs it */
};

enum error list_rows_begin(struct list_rows *r, struct db *state, int64_t now);
void list_rows_end(struct list_rows *r);

#endif
