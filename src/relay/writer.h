/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer - the thread that commits to the spool, many messages at a time
 *
 * Sessions hand over finished messages with writer_store() and wait; the writer takes all that are waiting, commits them in one
 * transaction (one pair of fsyncs), and wakes them. Updates and removals after deliveries ride along in the next commit and nobody
 * waits for them: losing one in a crash means a second delivery attempt, never a loss. When there are only updates, the writer
 * lets them gather for up to WRITER_LINGER_MS. Removing a record also removes its body file, after the commit.
 *
 * A failed commit (disk full, read-only, I/O) fails the stores in it, each with that error, and keeps the updates for the next try;
 * the thread goes on, so recovery needs no restart. Metrics: spool_*.
 */
#ifndef BACKSTOP_RELAY_WRITER_H
#define BACKSTOP_RELAY_WRITER_H

#include "base/error.h"
#include "relay/message.h"

#define WRITER_LINGER_MS 20

struct writer;

enum error writer_start(struct db *spool, struct writer **out);
/* Commits what is waiting, then ends the thread and frees. No fiber may be in writer_store(). */
void writer_stop(struct writer *);

/* In a fiber of any loop. ERR_OK: m is on stable storage. Bodies over SPOOL_BODY_INLINE are linked to their file first
 * (fiber_offload). The message stays the caller's. Cannot be cancelled once begun. */
enum error writer_store(struct writer *, struct message *m);
/* The same, and in the same transaction what writer_update(about) does: a report about a message is stored together with its being made. */
enum error writer_store_about(struct writer *, struct message *m, const struct spool_message *about);
/* The same with also(txn, arg) in that transaction, run on the writer's thread, maybe more than once; its error fails the whole commit. */
enum error writer_store_also(struct writer *, struct message *m, enum error (*also)(struct db_txn *, void *arg),
                             void *arg);
/* Any thread; return at once. update copies what it needs of the record: attempts, next_attempt, hold + reason when newly set, recipient states and
 * replies. It is applied to the stored record only if that still exists; hold set by the CLI meanwhile stays. */
enum error writer_update(struct writer *, const struct spool_message *m);
enum error writer_remove(struct writer *, uint64_t id, bool body_in_file);
/* Waits (fiber) until everything handed over before is committed: for graceful stop. */
enum error writer_flush(struct writer *);

#endif
