/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta - numbers with a name: generations and counters of the other tables (docs/storage.md)
 *
 * Used by the modules of store inside their own transactions. Any thread.
 */
#ifndef BACKSTOP_STORE_META_H
#define BACKSTOP_STORE_META_H

#include "store/db.h"

enum error meta_get(struct db_txn *t, struct slice name, uint64_t *out); /* 0 when there is none yet */
enum error meta_put(struct db_txn *t, struct slice name, uint64_t value);
enum error meta_bump(struct db_txn *t, struct slice name); /* one more */
/* By itself; 0: none yet, or unreadable. It is asked for with each message, so threads remember what they read until the next commit
 * (db_mark()). name must live as long as the program. */
uint64_t meta_read(struct db *environment, struct slice name);

#endif
