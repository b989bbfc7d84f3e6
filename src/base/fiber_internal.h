/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber_internal - what the fiber_*.c files share; nobody else includes it
 *
 *     fiber.c         fibers, scopes, the waits that need no descriptor
 *     fiber_loop.c    loops: turns, ready list, deadlines, posts
 *     fiber_watch.c   readiness of descriptors
 *     fiber_stack.c   stacks: mapping, guard, pool, giving memory back
 *     fiber_switch.c  one context to another, with the sanitizers told; fiber_switch.S is the switch itself
 *
 * A turn of the loop, in libuv's order:
 *
 *     timers, idle            nothing of ours but waking up
 *     prepare                 run ready fibers; decide whether the poll may sleep, and until when
 *     poll                    watch, post and offload callbacks put fibers on the ready list
 *     check                   expire deadlines (after the poll, so that readiness wins over a deadline), run ready fibers
 *     closing                 closed watches are freed
 *
 * A fiber waits for one thing at a time: `waiting` is true from then until somebody calls fiber_wake(), which fixes
 * the result. The first wake counts; what comes later is found at the next wait.
 */
#ifndef BACKSTOP_BASE_FIBER_INTERNAL_H
#define BACKSTOP_BASE_FIBER_INTERNAL_H

#include <stdatomic.h>
#include <uv.h>

#include "base/fiber.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#else
#define FIBER_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#else
#define FIBER_TSAN 0
#endif

#define FIBER_MAGIC 0x46694272u
#define LOOP_MAGIC  0x4c6f6f70u
#define WATCH_MAGIC 0x57617463u

#define NOT_IN_HEAP SIZE_MAX

/* What a switch needs to know of either side. */
struct context {
	void *sp;
#if FIBER_ASAN
	void *fake_stack;
	const void *bottom;
	size_t size;
#endif
#if FIBER_TSAN
	void *tsan;
#endif
};

/* Lives at the top of its own stack. */
struct fiber {
	uint32_t magic;
	unsigned shield;
	bool waiting, interruptible, cancelled, done;
	uint8_t recent; /* sweeps until the unused part of the stack is given back; 0: done */
	enum error result;
	struct context context;
	struct loop *loop;
	const char *name;
	void (*fn)(void *);
	void *arg;
	struct scope *scope;
	struct fiber *scope_next, *scope_prev;
	struct fiber *loop_next, *loop_prev;
	struct fiber *ready_next; /* also links the pool of stacks */
	struct waitlist *waitlist;
	struct fiber *wait_next, *wait_prev;
	int64_t deadline;
	size_t heap_at;
};

struct deadline {
	int64_t key; /* never later than the fiber's real deadline; earlier is corrected when it comes up */
	struct fiber *fiber;
};

struct loop {
	uint32_t magic;
	bool entered; /* loop_run() was called: only its thread may touch the loop now */
	bool stopping;
	bool sweeping;
	uv_loop_t uv;
	uv_async_t async;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle;
	uv_timer_t timer;
	uv_timer_t sweep;
	int64_t timer_key; /* what timer is set to, DEADLINE_NEVER when it is not */
	struct context context;
	struct fiber *running;
	struct fiber *ready_head, *ready_tail;
	struct fiber *first; /* all fibers, through loop_next */
	size_t fibers;
	struct scope scope;
	struct deadline *heap;
	size_t heap_n, heap_room;
	struct fiber *pool; /* unused stacks */
	size_t pooled;
	_Atomic(struct post *) posts; /* newest first */
	atomic_bool stop;
};

_Noreturn void fiber_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct fiber *fiber_cast(void *);
struct loop *loop_cast(void *);

/* fiber.c */
struct fiber *fiber_enter_wait(const char *function); /* the running fiber; aborts where waiting is forbidden */
bool fiber_interrupted(const struct fiber *);         /* the next wait is to return ERR_CANCELLED */
enum error fiber_suspend(struct fiber *, int64_t deadline, bool interruptible);
void fiber_wake(struct fiber *, enum error result); /* does nothing if it does not wait */
_Noreturn void fiber_main(void);

/* fiber_loop.c */
void loop_make_ready(struct fiber *);
bool loop_deadlines_reserve(struct loop *, size_t fibers);
void loop_deadline_arm(struct fiber *, int64_t deadline);
void loop_deadline_remove(struct fiber *);
bool loop_is_past(const struct loop *, int64_t deadline);

/* fiber_stack.c */
struct fiber *fiber_stack_take(struct loop *); /* zeroed; NULL without memory */
void fiber_stack_give(struct loop *, struct fiber *);
void fiber_stack_trim(struct fiber *); /* of a waiting fiber */
void fiber_stack_free_pool(struct loop *);
char *fiber_stack_bottom(struct fiber *); /* lowest usable address */

/* fiber_switch.c */
void fiber_context_init(struct fiber *);
void fiber_context_destroy(struct fiber *);
void fiber_context_enter(struct loop *, struct fiber *); /* from the loop; back when the fiber leaves */
void fiber_context_leave(struct fiber *);                /* to the loop; never back when done */
void fiber_context_started(struct fiber *);              /* first thing on the new stack */
void loop_context_init(struct loop *);

#endif
