/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue - all messages that are not finished, in memory
 *
 * A message is found by its id, and waits, unless it is being delivered, in a heap ordered by the time at which something is
 * to be done with it (next attempt, or the end of a hold). About 1.5 KiB a message with one recipient; bodies are in
 * memory only between acceptance and the first attempt, and while a message is being sent, and at most QUEUE_BODIES of them in all.
 *
 * Life: queue_add() → parts at destinations (destination.h) → settled (outcome.h) → waiting again, or queue_remove().
 * Delivery thread only. Times are Unix seconds.
 */
#ifndef BACKSTOP_RELAY_QUEUE_H
#define BACKSTOP_RELAY_QUEUE_H

#include "relay/message.h"

#define QUEUE_BODIES (128u * 1024 * 1024)

/* What became of a recipient in the present round of attempts. */
enum round_result {
	ROUND_NONE,
	ROUND_DELIVERED,
	ROUND_RELAYED, /* delivered to a server without DSN, and the sender asked to hear of success (RFC 3461 5.2.7) */
	ROUND_FAILED,  /* for good */
	ROUND_EXPIRED,
	ROUND_DEFERRED,
	ROUND_UNDELIVERABLE, /* failed for good, and nobody may be told: to be held */
};

struct queued {
	unsigned magic;
	struct message *message;
	struct queued *next; /* in its bucket */
	size_t heap;         /* 1 + position in the heap; 0: not in it */
	int64_t due;
	uint32_t parts;     /* waiting or under way at destinations */
	int64_t not_before; /* a destination rests until then; 0: none does */
	bool tried;         /* somebody was asked in this round */
	bool changed;       /* the record differs from the stored one */
	bool reporting;     /* in the line for a reporter, or in its hands */
	struct queued *next_report;
	bool dropped;  /* removed from the spool by `backstop queue` */
	bool replaced; /* the stored record has other recipients now: to be read anew when nothing is under way */
	bool body_counted;
	uint8_t round[]; /* enum round_result of each recipient */
};

struct queue {
	struct queued **buckets;
	size_t bucket_count, count, held;
	struct queued **heap;
	size_t heap_count, heap_room;
	uint64_t bodies; /* octets of loaded bodies */
};

enum error queue_init(struct queue *q);
void queue_free(struct queue *q); /* and all messages */

/* Takes the caller's reference on m. NULL without memory: m is still the caller's. The id must not be in the queue. */
struct queued *queue_add(struct queue *q, struct message *m);
struct queued *queue_find(const struct queue *q, uint64_t id);
void queue_remove(struct queue *q, struct queued *m); /* frees it */
/* Calls each for every message, in no order; it may not add or remove any. */
void queue_each(const struct queue *q, void (*each)(const struct queued *, void *arg), void *arg);

/* Cannot fail: room was made when the message was added. Again for one that is in the heap moves it. */
void queue_schedule(struct queue *q, struct queued *m, int64_t due);
void queue_unschedule(struct queue *q, struct queued *m);
/* Takes out the first that is due; NULL: none yet. */
struct queued *queue_take_due(struct queue *q, int64_t now);
int64_t queue_next_due(const struct queue *q); /* INT64_MAX: nothing waits */

/* The body, loaded if it was not. Errors of spool_body(). */
enum error queue_load_body(struct queue *q, struct queued *m, struct db *spool);
void queue_drop_body(struct queue *q, struct queued *m);
/* The deep copy of a record into an arena; false: no memory. */
bool queue_copy_record(struct arena *a, const struct spool_message *from, struct spool_message *to);
/* Replies of attempts pile up in the record's arena: moves the record to a new one when that is worth while. */
void queue_compact(struct queue *q, struct queued *m);

static inline bool queue_busy(const struct queued *m)
{
	return m->parts > 0 || m->reporting;
}

#endif
