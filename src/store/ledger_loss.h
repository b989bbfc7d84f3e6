/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_loss - has the ledger been lost since the relay ran last?
 *
 * The ledger may go: its environment is emptied after a crash of the machine, somebody deletes it, its disk fails. Nothing then tells of what
 * came in just before, and what a tenant's server answers a moment later would be unknown for no better reason. So the same random
 * mark stands in the ledger and in the state (docs/storage.md); where they differ, this ledger is not the one that the relay last had.
 *
 * The relay asks once, when it starts; any process may read when it was.
 *
 *     int64_t lost;
 *     ledger_loss_check(state, ledger, clock_unix(), &lost);
 *     if (lost && now - lost < HOUR) hold(unknown answers);
 */
#ifndef BACKSTOP_STORE_LEDGER_LOSS_H
#define BACKSTOP_STORE_LEDGER_LOSS_H

#include "store/db.h"

/* *lost: Unix time when it was last found to be lost, now or before; 0: never. On an error nothing is known, and *lost is 0. */
enum error ledger_loss_check(struct db *state, struct db *ledger, int64_t now, int64_t *lost);
int64_t ledger_loss_time(struct db *state); /* the same, later; 0 also when it cannot be read */

#endif
