/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_writer - the thread that writes the ledger, so that no session waits for it
 *
 * Sessions say what they knew with ledger_writer_add() and go on. The thread writes what has gathered every
 * LEDGER_GATHER_MS, many in a transaction but never so many that fingerprints, which the sessions write themselves,
 * wait long for it. It also appends them to a log that is synced every LEDGER_LOG_SYNC_MS (store/ledger_log.h): when
 * a crash of the machine has cost the environment, the thread fills it again from there, beside its work. And it does
 * the upkeep of the environment: expiry of passages and fingerprints, and a sync every LEDGER_SYNC_MS.
 *
 * The ledger is a memory, not a promise: when the queue is full (LEDGER_QUEUE_MOST), the disk is nearly full, or a
 * write fails, entries are dropped and counted. Metrics: ledger_*. Log: ledger_failing,
 * ledger_recovered, ledger_rebuilt.
 */
#ifndef BACKSTOP_RELAY_LEDGER_WRITER_H
#define BACKSTOP_RELAY_LEDGER_WRITER_H

#include "store/ledger.h"

#define LEDGER_GATHER_MS   50
#define LEDGER_UPKEEP_MS   1000
#define LEDGER_SYNC_MS     10000
#define LEDGER_LOG_SYNC_MS 1000
#define LEDGER_QUEUE_MOST  (64u * 1024 * 1024) /* octets of records waiting */

struct ledger_writer;

enum error ledger_writer_start(struct db *ledger, const struct ledger_bounds *bounds, struct ledger_writer **out,
                               char why[256]);
/* Writes what is waiting, syncs, ends the thread and frees. NULL is fine. */
void ledger_writer_stop(struct ledger_writer *);
void ledger_writer_set_bounds(struct ledger_writer *,
                              const struct ledger_bounds *bounds); /* after a reload; any thread */

/* Any thread; copies what it needs and returns at once. */
void ledger_writer_add(struct ledger_writer *, const struct ledger_passage *p);
/* Waits (the thread, not as a fiber) until all that was added before can be found in the ledger, or was dropped; not for what is still being
 * added, nor for what a crash has cost to be filled in again. False: not by the deadline. */
bool ledger_writer_catch_up(struct ledger_writer *, int64_t deadline);
/* Waits until nothing is left to do: for tests and tools. */
void ledger_writer_flush(struct ledger_writer *);

#endif
