/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber_loop - loops: turns, the ready list, deadlines, posts; fiber_internal.h draws a turn
 *
 * Deadlines are a binary heap of fibers, one entry a fiber at most. Nearly every wait has a deadline, is over long
 * before it, and is followed by one with a later deadline, so entries are corrected lazily: waking does not touch the
 * heap, and arming a later deadline does not either. An entry that comes up too early is moved to where it belongs by
 * then.
 */
#include "base/fiber_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

#define READY_ROUNDS 16   /* how often fibers may make each other ready before the kernel is asked again */
#define SWEEP_MS     2000 /* a fiber that has waited for one to two of these gives back unused stack */
#define SWEEPS       2

static _Thread_local struct loop *current;

struct loop *loop_cast(void *p)
{
	struct loop *loop = p;
	if (!loop || loop->magic != LOOP_MAGIC) fiber_die("not a loop: %p", p);
	return loop;
}

struct loop *loop_current(void)
{
	return current;
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
	return &loop_cast(loop)->uv;
}

struct scope *loop_scope(struct loop *loop)
{
	return &loop_cast(loop)->scope;
}

size_t loop_fibers(const struct loop *loop)
{
	return loop->fibers;
}

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

bool loop_is_past(const struct loop *loop, int64_t deadline)
{
	return deadline <= (int64_t)uv_now(&loop->uv);
}

bool loop_deadlines_reserve(struct loop *loop, size_t fibers)
{
	if (fibers <= loop->heap_room) return true;
	size_t room = loop->heap_room ? loop->heap_room * 2 : 64;
	struct deadline *heap = realloc(loop->heap, room * sizeof *heap);
	if (!heap) return false;
	loop->heap = heap;
	loop->heap_room = room;
	return true;
}

static void heap_put(struct loop *loop, size_t at, struct deadline d)
{
	loop->heap[at] = d;
	d.fiber->heap_at = at;
}

static void heap_up(struct loop *loop, size_t at, struct deadline d)
{
	for (size_t parent; at > 0 && loop->heap[parent = (at - 1) / 2].key > d.key; at = parent)
		heap_put(loop, at, loop->heap[parent]);
	heap_put(loop, at, d);
}

static void heap_down(struct loop *loop, size_t at, struct deadline d)
{
	for (;;) {
		size_t child = at * 2 + 1;
		if (child >= loop->heap_n) break;
		if (child + 1 < loop->heap_n && loop->heap[child + 1].key < loop->heap[child].key) child++;
		if (loop->heap[child].key >= d.key) break;
		heap_put(loop, at, loop->heap[child]);
		at = child;
	}
	heap_put(loop, at, d);
}

void loop_deadline_arm(struct fiber *f, int64_t deadline)
{
	struct loop *loop = f->loop;
	struct deadline d = {deadline, f};
	f->deadline = deadline;
	if (deadline == DEADLINE_NEVER) return;
	if (f->heap_at == NOT_IN_HEAP)
		heap_up(loop, loop->heap_n++, d);
	else if (deadline < loop->heap[f->heap_at].key)
		heap_up(loop, f->heap_at, d);
}

void loop_deadline_remove(struct fiber *f)
{
	struct loop *loop = f->loop;
	size_t at = f->heap_at;
	if (at == NOT_IN_HEAP) return;
	f->heap_at = NOT_IN_HEAP;
	struct deadline last = loop->heap[--loop->heap_n];
	if (at == loop->heap_n) return;
	if (last.key < loop->heap[at].key)
		heap_up(loop, at, last);
	else
		heap_down(loop, at, last);
}

static void expire_deadlines(struct loop *loop)
{
	if (loop->heap_n == 0) return;
	int64_t now = clock_now_ms();
	while (loop->heap_n > 0 && loop->heap[0].key <= now) {
		struct fiber *f = fiber_cast(loop->heap[0].fiber);
		bool real = f->waiting && f->deadline != DEADLINE_NEVER;
		if (real && f->deadline > now) {
			heap_down(loop, 0, (struct deadline){f->deadline, f});
			continue;
		}
		loop_deadline_remove(f);
		if (real) fiber_wake(f, ERR_TIMEOUT);
	}
}

/* ---- ready fibers ------------------------------------------------------------------------------------------------ */

void loop_make_ready(struct fiber *f)
{
	struct loop *loop = f->loop;
	f->ready_next = NULL;
	if (loop->ready_head)
		loop->ready_tail->ready_next = f;
	else
		loop->ready_head = f;
	loop->ready_tail = f;
}

static void sweep_wanted(struct loop *loop);

static void run_fiber(struct loop *loop, struct fiber *f)
{
	f->recent = SWEEPS;
	loop->running = f;
	fiber_context_enter(loop, f);
	loop->running = NULL;
	if (f->done) {
		fiber_context_destroy(f);
		fiber_stack_give(loop, f);
	}
}

/* A fiber that is made ready during a round runs in the next. */
static bool run_ready(struct loop *loop)
{
	if (!loop->ready_head) return false;
	for (int round = 0; round < READY_ROUNDS && loop->ready_head; round++) {
		struct fiber *f = loop->ready_head;
		loop->ready_head = loop->ready_tail = NULL;
		while (f) {
			struct fiber *next = f->ready_next; /* read before it runs: it may be freed or made ready */
			run_fiber(loop, fiber_cast(f));
			f = next;
		}
	}
	sweep_wanted(loop);
	return true;
}

/* ---- giving back stack ------------------------------------------------------------------------------------------- */

static void on_sweep(uv_timer_t *timer)
{
	struct loop *loop = loop_cast(timer->data);
	bool more = false;
	for (struct fiber *f = loop->first; f; f = f->loop_next) {
		if (f->recent == 0) continue;
		f->recent--;
		if (f->recent > 0)
			more = true;
		else if (f->waiting)
			fiber_stack_trim(f);
	}
	loop->sweeping = more;
	if (!more) uv_timer_stop(timer);
}

static void sweep_wanted(struct loop *loop)
{
	if (loop->sweeping || loop->fibers == 0) return;
	loop->sweeping = true;
	uv_timer_start(&loop->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static void on_idle(uv_idle_t *idle)
{
	/* Its being active is what keeps the poll from sleeping. */
}

static void on_timer(uv_timer_t *timer)
{
	loop_cast(timer->data)->timer_key = DEADLINE_NEVER;
}

static void stop_when_done(struct loop *loop)
{
	if (loop->stopping && loop->scope.alive == 0) uv_stop(&loop->uv);
}

static void set_timer(struct loop *loop)
{
	int64_t key = loop->heap_n > 0 ? loop->heap[0].key : DEADLINE_NEVER;
	if (key == loop->timer_key) return;
	loop->timer_key = key;
	if (key == DEADLINE_NEVER)
		uv_timer_stop(&loop->timer);
	else
		uv_timer_start(&loop->timer, on_timer, (uint64_t)(key - (int64_t)uv_now(&loop->uv)), 0);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct loop *loop = loop_cast(prepare->data);
	if (run_ready(loop)) uv_update_time(&loop->uv);
	bool due = loop->heap_n > 0 && loop_is_past(loop, loop->heap[0].key);
	if (due || loop->ready_head) {
		uv_idle_start(&loop->idle, on_idle);
	} else {
		uv_idle_stop(&loop->idle);
		set_timer(loop);
	}
	stop_when_done(loop);
}

static void on_check(uv_check_t *check)
{
	struct loop *loop = loop_cast(check->data);
	expire_deadlines(loop);
	run_ready(loop);
	stop_when_done(loop);
}

/* ---- posts ------------------------------------------------------------------------------------------------------- */

void loop_post(struct loop *loop, struct post *post)
{
	loop_cast(loop);
	struct post *head = atomic_load_explicit(&loop->posts, memory_order_relaxed);
	do post->next = head;
	while (!atomic_compare_exchange_weak_explicit(&loop->posts, &head, post, memory_order_release,
	                                              memory_order_relaxed));
	if (!head) uv_async_send(&loop->async);
}

static void run_posts(struct loop *loop)
{
	struct post *newest = atomic_exchange_explicit(&loop->posts, NULL, memory_order_acquire), *oldest = NULL;
	while (newest) {
		struct post *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest) {
		struct post *next = oldest->next; /* the owner may free it or post it again */
		oldest->fn(oldest->arg);
		oldest = next;
	}
}

static void on_async(uv_async_t *async)
{
	struct loop *loop = loop_cast(async->data);
	run_posts(loop);
	if (!loop->stopping && atomic_load(&loop->stop)) {
		loop->stopping = true;
		scope_cancel(&loop->scope);
	}
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof *loop);
	if (!loop) return NULL;
	if (uv_loop_init(&loop->uv) != 0) {
		free(loop);
		return NULL;
	}
	if (uv_async_init(&loop->uv, &loop->async, on_async) != 0) {
		uv_loop_close(&loop->uv);
		free(loop);
		return NULL;
	}
	loop->magic = LOOP_MAGIC;
	loop->scope.loop = loop;
	loop->timer_key = DEADLINE_NEVER;
	uv_prepare_init(&loop->uv, &loop->prepare);
	uv_check_init(&loop->uv, &loop->check);
	uv_idle_init(&loop->uv, &loop->idle);
	uv_timer_init(&loop->uv, &loop->timer);
	uv_timer_init(&loop->uv, &loop->sweep);
	loop->async.data = loop->prepare.data = loop->check.data = loop->timer.data = loop->sweep.data = loop;
	uv_prepare_start(&loop->prepare, on_prepare);
	uv_check_start(&loop->check, on_check);
	return loop;
}

void loop_run(struct loop *loop)
{
	loop_cast(loop);
	if (current) fiber_die("loop_run inside a loop");
	current = loop;
	loop->entered = true;
	loop_context_init(loop);
	while (!loop->stopping || loop->scope.alive > 0) uv_run(&loop->uv, UV_RUN_DEFAULT);
	current = NULL;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop_cast(loop)->stop, true);
	uv_async_send(&loop->async);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void loop_free(struct loop *loop)
{
	loop_cast(loop);
	if (loop->first) fiber_die("loop_free while fiber %s is alive", loop->first->name);
	current = loop;
	run_posts(loop);
	uv_walk(&loop->uv, close_handle, NULL);
	while (uv_loop_close(&loop->uv) != 0) uv_run(&loop->uv, UV_RUN_DEFAULT);
	current = NULL;
	fiber_stack_free_pool(loop);
	free(loop->heap);
	loop->magic = 0;
	free(loop);
}
