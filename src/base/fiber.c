/* SPDX-License-Identifier: Apache-2.0 */
/* fiber - fibers, scopes and waits; see fiber.h, and fiber_internal.h for how the parts fit */
#include "base/fiber_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

void fiber_die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("backstop: fiber: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}

struct fiber *fiber_cast(void *p)
{
	struct fiber *f = p;
	if (!f || f->magic != FIBER_MAGIC) fiber_die("not a living fiber: %p", p);
	return f;
}

/* ---- where waiting is forbidden ---------------------------------------------------------------------------------- */

#define FORBID_DEPTH 16

static _Thread_local struct {
	const char *why[FORBID_DEPTH];
	unsigned depth;
} forbidden;

void fiber_forbid_wait(const char *why)
{
	if (forbidden.depth == FORBID_DEPTH) fiber_die("fiber_forbid_wait nested too deep: %s", why);
	forbidden.why[forbidden.depth++] = why;
}

void fiber_allow_wait(void)
{
	if (forbidden.depth == 0) fiber_die("fiber_allow_wait without fiber_forbid_wait");
	forbidden.depth--;
}

static void check_allowed(const char *function)
{
	if (forbidden.depth == 0) return;
	fiber_die("%s in fiber %s while waiting is forbidden: %s", function, fiber_name(),
	          forbidden.why[forbidden.depth - 1]);
}

/* ---- waiting and waking ------------------------------------------------------------------------------------------ */

struct fiber *fiber_current(void)
{
	struct loop *loop = loop_current();
	return loop ? loop->running : NULL;
}

const char *fiber_name(void)
{
	struct fiber *f = fiber_current();
	return f ? f->name : "";
}

bool fiber_cancelled(void)
{
	struct fiber *f = fiber_current();
	return f && f->cancelled;
}

bool fiber_interrupted(const struct fiber *f)
{
	return f->cancelled && f->shield == 0;
}

struct fiber *fiber_enter_wait(const char *function)
{
	check_allowed(function);
	struct fiber *f = fiber_current();
	if (!f) fiber_die("%s outside a fiber", function);
	return f;
}

enum error fiber_suspend(struct fiber *f, int64_t deadline, bool interruptible)
{
	f->waiting = true;
	f->interruptible = interruptible && f->shield == 0;
	loop_deadline_arm(f, deadline);
	fiber_context_leave(f);
	return f->result;
}

static void waitlist_unlink(struct fiber *f)
{
	struct waitlist *list = f->waitlist;
	if (!list) return;
	*(f->wait_prev ? &f->wait_prev->wait_next : &list->head) = f->wait_next;
	*(f->wait_next ? &f->wait_next->wait_prev : &list->tail) = f->wait_prev;
	f->waitlist = NULL;
	f->wait_next = f->wait_prev = NULL;
}

void fiber_wake(struct fiber *f, enum error result)
{
	fiber_cast(f);
	if (f->loop != loop_current()) fiber_die("fiber %s woken from outside its loop", f->name);
	if (!f->waiting) return;
	f->waiting = false;
	f->result = result;
	waitlist_unlink(f);
	loop_make_ready(f);
}

void fiber_cancel(struct fiber *f)
{
	fiber_cast(f)->cancelled = true;
	if (f->waiting && f->interruptible) fiber_wake(f, ERR_CANCELLED);
}

void fiber_shield(void)
{
	struct fiber *f = fiber_current();
	if (!f) fiber_die("fiber_shield outside a fiber");
	f->shield++;
}

void fiber_unshield(void)
{
	struct fiber *f = fiber_current();
	if (!f || f->shield == 0) fiber_die("fiber_unshield without fiber_shield");
	f->shield--;
}

/* ---- the life of a fiber ----------------------------------------------------------------------------------------- */

static void scope_add(struct scope *s, struct fiber *f)
{
	f->scope = s;
	f->scope_next = s->first;
	if (s->first) s->first->scope_prev = f;
	s->first = f;
	s->alive++;
}

static void scope_remove(struct fiber *f)
{
	struct scope *s = f->scope;
	*(f->scope_prev ? &f->scope_prev->scope_next : &s->first) = f->scope_next;
	if (f->scope_next) f->scope_next->scope_prev = f->scope_prev;
	s->alive--;
	if (s->alive == 0 && s->joiner) fiber_wake(s->joiner, ERR_OK);
}

static void loop_add(struct loop *loop, struct fiber *f)
{
	f->loop = loop;
	f->loop_next = loop->first;
	if (loop->first) loop->first->loop_prev = f;
	loop->first = f;
	loop->fibers++;
}

static void loop_remove(struct fiber *f)
{
	struct loop *loop = f->loop;
	*(f->loop_prev ? &f->loop_prev->loop_next : &loop->first) = f->loop_next;
	if (f->loop_next) f->loop_next->loop_prev = f->loop_prev;
	loop->fibers--;
}

enum error scope_spawn(struct scope *s, const char *name, void (*fn)(void *), void *arg)
{
	struct loop *loop = s->loop ? s->loop : loop_current();
	if (!loop) fiber_die("scope_spawn of %s outside a running loop", name);
	if (loop != loop_current() && loop->entered) fiber_die("scope_spawn of %s from another loop's thread", name);
	if (s->cancelled) return ERR_CANCELLED;
	if (!loop_deadlines_reserve(loop, loop->fibers + 1)) return ERR_NO_MEMORY;
	struct fiber *f = fiber_stack_take(loop);
	if (!f) return ERR_NO_MEMORY;
	f->magic = FIBER_MAGIC;
	f->name = name;
	f->fn = fn;
	f->arg = arg;
	f->heap_at = NOT_IN_HEAP;
	f->deadline = DEADLINE_NEVER;
	loop_add(loop, f);
	fiber_context_init(f);
	scope_add(s, f);
	loop_make_ready(f);
	return ERR_OK;
}

/* The bottom frame of every fiber. The loop gives the stack back once it has left it. */
void fiber_main(void)
{
	struct fiber *f = fiber_current();
	fiber_context_started(f);
	f->fn(f->arg);
	check_allowed("the end");
	scope_remove(f);
	loop_deadline_remove(f);
	loop_remove(f);
	f->done = true;
	fiber_context_leave(f);
	__builtin_unreachable();
}

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

void scope_init(struct scope *s)
{
	*s = (struct scope){0};
}

void scope_cancel(struct scope *s)
{
	s->cancelled = true;
	for (struct fiber *f = s->first; f; f = f->scope_next) fiber_cancel(f);
}

enum error scope_join(struct scope *s, int64_t deadline)
{
	struct fiber *f = fiber_enter_wait("scope_join");
	if (s->joiner) fiber_die("two fibers join one scope: %s and %s", s->joiner->name, f->name);
	enum error result = fiber_interrupted(f) ? ERR_CANCELLED : ERR_OK;
	s->joiner = f;
	if (result == ERR_OK && s->alive > 0) {
		result = loop_is_past(f->loop, deadline) ? ERR_TIMEOUT : fiber_suspend(f, deadline, true);
		if (result == ERR_TIMEOUT && s->alive == 0) result = ERR_OK;
	}
	if (result != ERR_OK) scope_cancel(s);
	while (s->alive > 0) fiber_suspend(f, DEADLINE_NEVER, false);
	s->joiner = NULL;
	return result;
}

/* ---- simple waits ------------------------------------------------------------------------------------------------ */

enum error fiber_sleep(int64_t deadline)
{
	struct fiber *f = fiber_enter_wait("fiber_sleep");
	if (fiber_interrupted(f)) return ERR_CANCELLED;
	if (loop_is_past(f->loop, deadline)) return ERR_OK;
	return fiber_suspend(f, deadline, true) == ERR_CANCELLED ? ERR_CANCELLED : ERR_OK;
}

void fiber_yield(void)
{
	struct fiber *f = fiber_enter_wait("fiber_yield");
	loop_make_ready(f);
	fiber_context_leave(f);
}

enum error event_wait(struct event *e, int64_t deadline)
{
	struct fiber *f = fiber_enter_wait("event_wait");
	if (e->waiter) fiber_die("two fibers wait for one event: %s and %s", e->waiter->name, f->name);
	if (fiber_interrupted(f)) return ERR_CANCELLED;
	enum error result = ERR_TIMEOUT;
	if (!e->set && !loop_is_past(f->loop, deadline)) {
		e->waiter = f;
		result = fiber_suspend(f, deadline, true);
		e->waiter = NULL;
	}
	if (result == ERR_CANCELLED || !e->set) return result;
	e->set = false;
	return ERR_OK;
}

void event_signal(struct event *e)
{
	e->set = true;
	if (e->waiter) fiber_wake(e->waiter, ERR_OK);
}

enum error waitlist_wait(struct waitlist *list, int64_t deadline)
{
	struct fiber *f = fiber_enter_wait("waitlist_wait");
	if (fiber_interrupted(f)) return ERR_CANCELLED;
	if (loop_is_past(f->loop, deadline)) return ERR_TIMEOUT;
	f->waitlist = list;
	f->wait_prev = list->tail;
	*(list->tail ? &list->tail->wait_next : &list->head) = f;
	list->tail = f;
	return fiber_suspend(f, deadline, true);
}

bool waitlist_wake_one(struct waitlist *list)
{
	if (!list->head) return false;
	fiber_wake(list->head, ERR_OK); /* takes it off the list */
	return true;
}

void waitlist_wake_all(struct waitlist *list)
{
	while (waitlist_wake_one(list)) {
	}
}

/* ---- work on other threads --------------------------------------------------------------------------------------- */

struct offload {
	uv_work_t work;
	struct fiber *fiber;
	void (*fn)(void *);
	void *arg;
};

static void offload_run(uv_work_t *work)
{
	struct offload *o = work->data;
	o->fn(o->arg);
}

static void offload_done(uv_work_t *work, int status)
{
	struct offload *o = work->data;
	fiber_wake(o->fiber, ERR_OK);
}

void fiber_offload(void (*fn)(void *), void *arg)
{
	check_allowed("fiber_offload");
	struct fiber *f = fiber_current();
	if (!f) {
		fn(arg);
		return;
	}
	struct offload o = {.fiber = f, .fn = fn, .arg = arg};
	o.work.data = &o;
	if (uv_queue_work(&f->loop->uv, &o.work, offload_run, offload_done) != 0) {
		fn(arg);
		return;
	}
	fiber_suspend(f, DEADLINE_NEVER, false);
}
