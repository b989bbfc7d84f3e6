/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fiber_test.h"

#include <pthread.h>

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

struct sleeper {
	struct trial *t;
	int64_t at;
	char name;
};

static void sleeper(void *arg)
{
	struct sleeper *s = arg;
	assert_int_equal(fiber_sleep(s->at), ERR_OK);
	assert_true(clock_now_ms() >= s->at);
	note(s->t, s->name);
}

static void body_deadlines(struct trial *t)
{
	int64_t now = clock_now_ms();
	struct sleeper s[] = {{t, now + 30, 'e'}, {t, now + 10, 'b'}, {t, now + 40, 'f'}, {t, now + 20, 'd'},
	                      {t, now + 15, 'c'}, {t, now - 5, 'a'},  {t, now + 50, 'g'}};
	for (size_t i = 0; i < sizeof s / sizeof *s; i++)
		assert_int_equal(scope_spawn(&t->scope, "sleeper", sleeper, &s[i]), ERR_OK);
	assert_int_equal(scope_join(&t->scope, DEADLINE_NEVER), ERR_OK);
}

static void deadlines_come_in_order(void **state)
{
	struct trial t;
	run(&t, body_deadlines);
	assert_string_equal(t.trace, "abcdefg");
}

/* The heap keeps early entries for later deadlines: what was armed last must hold. */
static void body_rearm(struct trial *t)
{
	static const int ms[] = {20, 5000, 8, 1, 300, 12};
	for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
		event_signal(&t->event);
		assert_int_equal(event_wait(&t->event, clock_deadline(ms[i])), ERR_OK);
	}
	for (int i = 0; i < 6; i++) {
		int64_t start = clock_now_ms(), wait = i % 2 ? 4 : 11;
		assert_int_equal(event_wait(&t->event, start + wait), ERR_TIMEOUT);
		int64_t took = clock_now_ms() - start;
		assert_in_range(took, wait, wait + 2000);
	}
}

static void deadlines_are_rearmed_earlier_and_later(void **state)
{
	struct trial t;
	run(&t, body_rearm);
}

static void random_sleeper(void *arg)
{
	struct trial *t = arg;
	unsigned seed = (unsigned)t->count++;
	for (int i = 0; i < 20; i++) {
		int64_t at = clock_now_ms() + rand_r(&seed) % 12;
		if (rand_r(&seed) % 2) {
			assert_int_equal(fiber_sleep(at), ERR_OK);
			assert_true(clock_now_ms() >= at);
		} else { /* woken long before the deadline */
			struct event e = {.set = false};
			event_signal(&e);
			assert_int_equal(event_wait(&e, at + 3000), ERR_OK);
			assert_int_equal(event_wait(&e, clock_now_ms() - 1), ERR_TIMEOUT);
		}
	}
}

static void body_random_deadlines(struct trial *t)
{
	for (int i = 0; i < 300; i++) spawn(t, random_sleeper);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
}

static void hundreds_of_random_deadlines(void **state)
{
	struct trial t;
	run(&t, body_random_deadlines);
}

static void body_past(struct trial *t)
{
	int64_t past = clock_now_ms() - 1000;
	pair(t);
	t->watch = watch_open(t->fd[0]);
	assert_int_equal(event_wait(&t->event, past), ERR_TIMEOUT);
	assert_int_equal(waitlist_wait(&t->list, past), ERR_TIMEOUT);
	assert_int_equal(watch_wait(t->watch, WATCH_READ, past), ERR_TIMEOUT);
	assert_int_equal(fiber_sleep(past), ERR_OK);
	event_signal(&t->event);
	assert_int_equal(event_wait(&t->event, past), ERR_OK);
	assert_int_equal(event_wait(&t->event, past), ERR_TIMEOUT);
	assert_int_equal(watch_wait(t->watch, WATCH_WRITE, past), ERR_OK);
	assert_int_equal(write(t->fd[1], "x", 1), 1);
	assert_int_equal(watch_wait(t->watch, WATCH_READ, past), ERR_OK);
	watch_close(t->watch);
}

static void past_deadline_gives_only_what_is_there(void **state)
{
	struct trial t;
	run(&t, body_past);
}

/* ---- events and waitlists ---------------------------------------------------------------------------------------- */

static void set_event(void *arg)
{
	struct trial *t = arg;
	event_signal(&t->event);
	event_signal(&t->event);
}

static void body_event(struct trial *t)
{
	spawn(t, set_event);
	assert_int_equal(event_wait(&t->event, LATER), ERR_OK);
	assert_int_equal(event_wait(&t->event, SOON), ERR_TIMEOUT); /* set twice is set */
	assert_null(t->event.waiter);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
}

static void event_is_consumed_by_its_waiter(void **state)
{
	struct trial t;
	run(&t, body_event);
}

static void list_waiter(void *arg)
{
	struct trial *t = arg;
	int me = t->count++;
	int64_t deadline = me == 1 ? SOON : LATER;
	t->result[me] = waitlist_wait(&t->list, deadline);
	note(t, (char)('0' + me));
}

static void body_waitlist(struct trial *t)
{
	assert_false(waitlist_wake_one(&t->list));
	for (int i = 0; i < 5; i++) spawn(t, list_waiter);
	fiber_sleep(clock_deadline(40)); /* 1 times out */
	assert_true(waitlist_wake_one(&t->list));
	assert_true(waitlist_wake_one(&t->list));
	fiber_yield();
	fiber_yield();
	assert_string_equal(t->trace, "102");
	waitlist_wake_all(&t->list);
	assert_false(waitlist_wake_one(&t->list));
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
}

static void waitlist_wakes_first_come_first(void **state)
{
	struct trial t;
	run(&t, body_waitlist);
	assert_string_equal(t.trace, "10234");
	assert_int_equal(t.result[0], ERR_OK);
	assert_int_equal(t.result[1], ERR_TIMEOUT);
	assert_int_equal(t.result[4], ERR_OK);
}

/* A wake-up is not lost on a fiber that is cancelled in the same moment. */
static void body_wake_then_cancel(struct trial *t)
{
	spawn(t, list_waiter);
	fiber_yield();
	assert_true(waitlist_wake_one(&t->list));
	scope_cancel(&t->scope);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->result[0], ERR_OK);
}

static void first_wake_counts(void **state)
{
	struct trial t;
	run(&t, body_wake_then_cancel);
}

/* ---- posts and offload ------------------------------------------------------------------------------------------- */

#define POSTERS 4
#define POSTS   2000

struct poster {
	struct trial *t;
	struct {
		struct post post;
		struct poster *poster;
		int number;
	} items[POSTS];
	int next;
};

static void on_post(void *arg)
{
	__typeof__(&((struct poster *)0)->items[0]) item = arg;
	struct poster *p = item->poster;
	assert_null(fiber_current());
	assert_ptr_equal(loop_current(), p->t->loop);
	assert_int_equal(item->number, p->next++); /* in order */
	if (++p->t->count == POSTERS * POSTS) event_signal(&p->t->event);
}

static void *post_all(void *arg)
{
	struct poster *p = arg;
	for (int i = 0; i < POSTS; i++) {
		p->items[i].poster = p;
		p->items[i].number = i;
		p->items[i].post.fn = on_post;
		p->items[i].post.arg = &p->items[i];
		loop_post(p->t->loop, &p->items[i].post);
	}
	return NULL;
}

static void body_post(struct trial *t)
{
	struct poster *posters = calloc(POSTERS, sizeof *posters);
	pthread_t threads[POSTERS];
	for (int i = 0; i < POSTERS; i++) {
		posters[i].t = t;
		assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
	}
	assert_int_equal(event_wait(&t->event, clock_deadline(20000)), ERR_OK);
	for (int i = 0; i < POSTERS; i++) pthread_join(threads[i], NULL);
	free(posters);
}

static void posts_from_four_threads_arrive_in_order(void **state)
{
	struct trial t;
	run(&t, body_post);
	assert_int_equal(t.count, POSTERS * POSTS);
}

static void slow_work(void *arg)
{
	struct trial *t = arg;
	assert_null(loop_current());
	usleep(20000);
	t->count = 42;
}

static void offloader(void *arg)
{
	struct trial *t = arg;
	fiber_offload(slow_work, t);
	assert_int_equal(t->count, 42); /* though it was cancelled meanwhile */
	t->result[0] = fiber_sleep(LATER);
}

static void body_offload(struct trial *t)
{
	spawn(t, offloader);
	fiber_sleep(SOON);
	note(t, 'l'); /* the loop goes on */
	scope_cancel(&t->scope);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->result[0], ERR_CANCELLED);
}

static void offload_runs_on_another_thread(void **state)
{
	struct trial t;
	run(&t, body_offload);
	t.count = 0;
	fiber_offload(slow_work, &t); /* outside a fiber */
	assert_int_equal(t.count, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_come_in_order),
		cmocka_unit_test(deadlines_are_rearmed_earlier_and_later),
		cmocka_unit_test(hundreds_of_random_deadlines),
		cmocka_unit_test(past_deadline_gives_only_what_is_there),
		cmocka_unit_test(event_is_consumed_by_its_waiter),
		cmocka_unit_test(waitlist_wakes_first_come_first),
		cmocka_unit_test(first_wake_counts),
		cmocka_unit_test(posts_from_four_threads_arrive_in_order),
		cmocka_unit_test(offload_runs_on_another_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
