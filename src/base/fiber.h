/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber - straight-line code on an event loop
 *
 * A loop is a libuv loop with the thread that runs it. A fiber is a function with a stack of its own that runs on one loop
 * for all its life and gives way only inside the waiting functions below; between two waits nothing else runs on that
 * loop, so data of one loop needs no lock. Every wait takes an absolute deadline (base/clock, DEADLINE_NEVER to have none)
 * and returns ERR_OK, ERR_TIMEOUT, or ERR_CANCELLED; after ERR_CANCELLED every further wait of that fiber returns
 * ERR_CANCELLED at once, so a fiber winds up by returning from its functions in the ordinary way. A fiber that must still
 * wait while it winds up (to say goodbye to a peer) brackets that with fiber_shield().
 *
 * A scope owns fibers: it cancels them together, and the function that opened it leaves only when all of them are done.
 * Top-level fibers of a loop belong to loop_scope(loop).
 *
 * Stacks are FIBER_STACK bytes of address space, of which only what was touched takes memory; below each is a guard page.
 * Stacks are pooled, and what a fiber does not use of its stack while it waits for some seconds is given back, so an idle
 * fiber holds a page or two. Keep big buffers off the stack. ASan, TSan and Valgrind are told of every switch.
 *
 * Nobody may wait while a lock is held or an LMDB transaction is open: such code brackets itself with
 * fiber_forbid_wait("why")/fiber_allow_wait(), and a wait in between aborts with that reason. Always on.
 *
 * Threads: everything here is for the loop's own thread, except loop_post() and loop_stop().
 *
 *     static void echo(void *arg) {                  // runs as a fiber
 *         struct watch *w = watch_open(fd);
 *         while (watch_wait(w, WATCH_READ, clock_deadline(5000)) == ERR_OK) ...
 *         watch_close(w);
 *     }
 *     scope_spawn(loop_scope(loop), "echo", echo, arg);
 */
#ifndef BACKSTOP_BASE_FIBER_H
#define BACKSTOP_BASE_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FIBER_STACK (256 * 1024)

struct fiber;
struct loop;
struct uv_loop_s;

/* ---- loops -------------------------------------------------------------------------------------------------------- */

struct loop *
loop_new(void); /* NULL: no descriptors or memory. Call on the thread that will run it, or before it runs. */
void loop_run(struct loop *);  /* until loop_stop(); then cancels loop_scope() and runs on until its fibers are done */
void loop_stop(struct loop *); /* any thread, any number of times */
/* After loop_run() returned and all watches are closed. Calls what was posted and not yet called. */
void loop_free(struct loop *);
struct loop *loop_current(void); /* of this thread, NULL outside loop_run() */
struct uv_loop_s *loop_uv(struct loop *);
struct scope *loop_scope(struct loop *);
size_t loop_fibers(const struct loop *); /* alive now */

/* A call to be made on another loop's thread. The owner keeps it alive until fn has been called. */
struct post {
	struct post *next;
	void (*fn)(void *arg);
	void *arg;
};
/* Any thread. fn runs on the loop's thread outside any fiber (it must not wait; typically it sets an event). Calls
 * posted by one thread run in order. No allocation; one wake-up system call for a burst. Works until loop_free(). */
void loop_post(struct loop *, struct post *);

/* ---- scopes and fibers ----------------------------------------------------------------------------------------------- */

struct scope {
	struct fiber *first;  /* children, linked through the fibers */
	struct fiber *joiner; /* waits in scope_join */
	size_t alive;
	bool cancelled;
	struct loop *loop; /* of loop_scope(); NULL: the loop of whoever spawns */
};

void scope_init(struct scope *);
/* Starts fn(arg) as a fiber of this thread's loop; it first runs at the next turn of the loop, not inside this call.
 * name: static text, for logs. ERR_NO_MEMORY when no stack can be had; ERR_CANCELLED when the scope was cancelled.
 * A loop that does not run yet takes fibers by its loop_scope(), from the thread that made it. */
enum error scope_spawn(struct scope *, const char *name, void (*fn)(void *), void *arg);
void scope_cancel(struct scope *); /* all children get ERR_CANCELLED at their present or next wait; returns at once */
/* Waits until all children are done. If the waiting fiber is itself cancelled, the children are cancelled too and it still
 * waits for them. On a deadline: cancels the children, waits for them, returns ERR_TIMEOUT. */
enum error scope_join(struct scope *, int64_t deadline);

struct fiber *fiber_current(void); /* NULL outside fibers */
const char *fiber_name(void);
bool fiber_cancelled(void);               /* also while shielded */
void fiber_cancel(struct fiber *);        /* the fiber must be alive: known by its owner */
enum error fiber_sleep(int64_t deadline); /* ERR_OK when the deadline is reached */
void fiber_yield(void);                   /* lets every other ready fiber run once */
/* While shielded, waits do not return ERR_CANCELLED. Nests. */
void fiber_shield(void);
void fiber_unshield(void);
void fiber_forbid_wait(const char *why); /* nests; per thread; usable outside fibers too */
void fiber_allow_wait(void);
/* Runs fn(arg) on a thread of the libuv pool while the fiber waits; it cannot be cancelled once it runs. For slow
 * computations (password hashes) and slow disk work. Outside a fiber: calls fn directly. */
void fiber_offload(void (*fn)(void *), void *arg);

/* ---- what a fiber waits for ------------------------------------------------------------------------------------------ */

/* An event: set or not; one waiting fiber at most. Same loop only. event_wait consumes the set state. */
struct event {
	struct fiber *waiter;
	bool set;
};
enum error event_wait(struct event *, int64_t deadline);
void event_signal(struct event *); /* wakes the waiter at the next turn of the loop */

/* A queue of fibers that wait for a condition; same loop only. */
struct waitlist {
	struct fiber *head, *tail;
};
enum error waitlist_wait(struct waitlist *, int64_t deadline); /* first come, first woken */
bool waitlist_wake_one(struct waitlist *);                     /* false: nobody waits */
void waitlist_wake_all(struct waitlist *);

/* Readiness of a descriptor. One fiber waits at a time for each direction. */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch;
struct watch *watch_open(int fd); /* fd must be non-blocking; NULL without memory. The fd stays the caller's. */
/* Level-triggered in effect: returns ERR_OK when one of the events may be ready. Registration with the kernel is kept
 * between waits, so waiting again costs no system call. Also ends, with ERR_CLOSED, when another fiber calls
 * watch_close(). */
enum error watch_wait(struct watch *, int events, int64_t deadline);
void watch_close(struct watch *); /* before close(fd) */

#endif
