/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer_batch - what one commit of the writer consists of
 *
 * Used by writer.c only. Stores live on the stack of the fiber that waits for them; changes (updates and removals) are on the
 * heap and belong to the writer until they are committed.
 */
#ifndef BACKSTOP_RELAY_WRITER_BATCH_H
#define BACKSTOP_RELAY_WRITER_BATCH_H

#include "relay/message.h"

struct writer_job {
	struct writer_job *next;
	uint64_t id;
	struct slice record;                            /* encoded; empty for a flush, which waits and stores nothing */
	struct slice body;                              /* {NULL,0}: it has its file */
	enum error (*also)(struct db_txn *, void *arg); /* in the same transaction; NULL: nothing */
	void *also_arg;
	enum error result;
	struct loop *loop;
	struct post post;
	struct event done;
};

struct writer_change {
	struct writer_change *next;
	uint64_t id, order;  /* order: of coming, set by writer_changes_merge() */
	struct arena arena;  /* of the record */
	struct slice record; /* of an update; {NULL,0}: a removal */
	bool body_in_file;
};

struct writer_batch {
	struct db *spool;
	struct writer_job *stores;
	struct writer_change *changes;
	size_t stored, removed; /* counted by the commit */
};

/* db_update()'s function; arg is a struct writer_batch. */
enum error writer_batch_commit(struct db_txn *t, void *arg);

/* What a change does, for writer_job.also: arg is a struct writer_change that stays the caller's. */
enum error writer_change_apply(struct db_txn *t, void *arg);

struct writer_change *writer_change_new(uint64_t id, const struct spool_message *m); /* m NULL: a removal */
void writer_change_free(struct writer_change *c);
/* Of several changes of one message only the last is kept, and a removal beats all: for a disk that stays full while
 * deliveries go on. Returns how many are left. */
size_t writer_changes_merge(struct writer_change **list);

#endif
