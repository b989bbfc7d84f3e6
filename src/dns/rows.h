/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows - the list in LMDB as answers look at it
 *
 * A struct answer_rows over a read transaction: what is answered is what was committed last when that began. One for a batch of
 * requests. The thread of the transaction.
 *
 *     struct list_rows rows = {0};
 *     if (list_rows_begin(&rows, state, filters, now) == ERR_OK) {
 *         answer_write(..., &rows.rows, ...);
 *         list_rows_end(&rows);                       // and so on; last:
 *     }
 *     filters_release(filters, rows.filter);
 */
#ifndef BACKSTOP_DNS_ROWS_H
#define BACKSTOP_DNS_ROWS_H

#include "dns/answer.h"
#include "dns/filter.h"

struct list_rows {
	struct answer_rows rows;
	struct db_txn *txn;
	int64_t now;
	uint32_t serial;
	const struct filter *filter; /* NULL: none holds */
};

/* filters: NULL to do without. */
enum error list_rows_begin(struct list_rows *r, struct db *state, struct filters *filters, int64_t now);
void list_rows_end(struct list_rows *r);

#endif
