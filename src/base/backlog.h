/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backlog - what many threads want written, and the one thread that writes it
 *
 * A list of items in order, bounded by octets, with a thread of its owner's that takes all of them at once: what is added while
 * it writes gathers for its next round, so that many share a transaction and nobody waits for the disk. The first item of an empty
 * list wakes the thread; it may let more gather. It also wakes at a time that the owner sets: for upkeep, or for something that
 * the owner collects beside the items (owed).
 *
 * Items belong to the backlog from backlog_add() (true) to backlog_take(), then to the thread, which frees them. The owner may keep
 * more under the lock. Functions with "with the lock" want it held; the others take it.
 *
 *     struct job { struct backlog_item item; ... };                  // first of all
 *     backlog_init(&b, MOST);
 *     if (backlog_start(&b, run, owner)) ...
 *     if (!backlog_add(&b, &job->item)) drop(job);                   // any thread
 *
 *     while (backlog_take(&b, due, GATHER_MS, &list))                // the thread, until it is to end
 *             for each chunk of list: write it, backlog_done(&b, octets, n);
 *     return NULL;
 *
 *     backlog_stop(&b);                                              // what is waiting is written first
 *     backlog_destroy(&b);
 */
#ifndef BACKSTOP_BASE_BACKLOG_H
#define BACKSTOP_BASE_BACKLOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct backlog_item {
	struct backlog_item *next; /* the backlog's; NULL at the end of a list that was taken */
	size_t octets;             /* of memory, that count */
};

struct backlog {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct backlog_item *first, **end;
	size_t octets, most;  /* that wait or are being written; that may */
	uint64_t added, done; /* items, since the start */
	int64_t due;          /* clock_now_ms() when the thread wakes though nothing waits */
	bool owed;            /* the owner has something else to write then */
	bool pay; /* it is then: the owner, which is in its thread, takes it and resets owed, with the lock */
	bool stop, busy;
	bool hurry; /* somebody waits, or room is short: nothing more is to gather */
};

void backlog_init(struct backlog *b, size_t most);
void backlog_destroy(struct backlog *b); /* the thread has ended, or was never started */

/* Starts it, with all signals blocked; it counts as busy until it first calls backlog_take(). */
enum error backlog_start(struct backlog *b, void *(*run)(void *), void *arg);
/* Tells it to end when all is written, and waits for that. */
void backlog_stop(struct backlog *b);

/* False: there is no room, the item stays the caller's. */
bool backlog_add(struct backlog *b, struct backlog_item *item);
/* With the lock: it wakes at `due` at the latest. */
void backlog_owe(struct backlog *b, int64_t due);
/* With the lock: it wakes now. */
void backlog_hurry(struct backlog *b);

/* The thread. Waits until something was added (and then gather_ms more, unless there is a hurry), or until due (or what backlog_owe()
 * said), and takes what is there, which may be nothing. False: it is to end, and nothing is left to write. */
bool backlog_take(struct backlog *b, int64_t due, int64_t gather_ms, struct backlog_item **list);
/* For a thread that has something long to do besides: does somebody wait for what is there? Then, or now and again, what is there;
 * NULL: nothing. *stop: it is to end. */
bool backlog_hurries(struct backlog *b);
struct backlog_item *backlog_take_now(struct backlog *b, bool *stop);
/* So many of the items are written or dropped, and gone. */
void backlog_done(struct backlog *b, size_t octets, size_t items);

/* Waits until all is written that was added before. False: not by the deadline (clock_now_ms()). */
bool backlog_catch_up(struct backlog *b, int64_t deadline);
/* Waits until the thread has nothing left to do. */
void backlog_flush(struct backlog *b);

#endif
