/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

struct job {
	struct backlog_item item;
	int number;
};

struct owner {
	struct backlog backlog;
	int64_t gather_ms, due_in;
	int last, rounds, paid;
	bool in_order;
	pthread_mutex_t gate; /* held by a test: the thread stands before it writes */
};

static void *run(void *arg)
{
	struct owner *o = arg;
	struct backlog_item *list;
	while (backlog_take(&o->backlog, o->due_in ? clock_now_ms() + o->due_in : INT64_MAX, o->gather_ms, &list)) {
		pthread_mutex_lock(&o->gate);
		pthread_mutex_lock(&o->backlog.lock);
		if (o->backlog.pay) o->paid++, o->backlog.owed = false;
		o->rounds++;
		pthread_mutex_unlock(&o->backlog.lock);
		while (list) {
			struct job *job = (struct job *)list;
			list = list->next;
			o->in_order = o->in_order && job->number == o->last + 1;
			o->last = job->number;
			backlog_done(&o->backlog, job->item.octets, 1);
			free(job);
		}
		pthread_mutex_unlock(&o->gate);
	}
	return NULL;
}

static void begin(struct owner *o, size_t most, int64_t gather_ms, int64_t due_in)
{
	*o = (struct owner){.gather_ms = gather_ms, .due_in = due_in, .in_order = true};
	pthread_mutex_init(&o->gate, NULL);
	backlog_init(&o->backlog, most);
	assert_int_equal(backlog_start(&o->backlog, run, o), ERR_OK);
}

static bool add(struct owner *o, int number)
{
	struct job *job = malloc(sizeof *job);
	*job = (struct job){.item.octets = 10, .number = number};
	if (backlog_add(&o->backlog, &job->item)) return true;
	free(job);
	return false;
}

static void end(struct owner *o)
{
	backlog_stop(&o->backlog);
	assert_int_equal(o->backlog.octets, 0);
	assert_int_equal(o->backlog.done, o->backlog.added);
	assert_null(o->backlog.first);
	backlog_destroy(&o->backlog);
	pthread_mutex_destroy(&o->gate);
}

static void all_is_written_in_order_and_at_the_end_too(void **state)
{
	struct owner o;
	begin(&o, 1 << 20, 60000, 0);
	for (int i = 1; i <= 1000; i++) assert_true(add(&o, i));
	end(&o);
	assert_int_equal(o.last, 1000);
	assert_true(o.in_order);
}

static void who_waits_does_not_wait_for_more_to_gather(void **state)
{
	struct owner o;
	begin(&o, 1 << 20, 60000, 0);
	int64_t began = clock_now_ms();
	assert_true(add(&o, 1));
	assert_true(backlog_catch_up(&o.backlog, clock_deadline(30000)));
	assert_true(add(&o, 2));
	backlog_flush(&o.backlog);
	assert_int_equal(o.last, 2);
	backlog_flush(&o.backlog); /* nothing is there */
	assert_true(backlog_catch_up(&o.backlog, clock_now_ms()));
	assert_true(clock_now_ms() - began < 30000);
	end(&o);
}

static void it_is_bounded_what_is_being_written_included(void **state)
{
	struct owner o;
	begin(&o, 25, 0, 0);
	backlog_flush(&o.backlog);
	pthread_mutex_lock(&o.gate);
	assert_true(add(&o, 1));
	assert_true(add(&o, 2));
	assert_false(add(&o, 3));
	assert_false(backlog_catch_up(&o.backlog, clock_deadline(20)));
	pthread_mutex_unlock(&o.gate);
	backlog_flush(&o.backlog);
	assert_true(add(&o, 3));
	end(&o);
	assert_int_equal(o.last, 3);
}

static void what_is_owed_is_paid_when_due_or_when_somebody_waits(void **state)
{
	struct owner o;
	begin(&o, 1 << 20, 0, 0);
	backlog_flush(&o.backlog);
	pthread_mutex_lock(&o.backlog.lock);
	backlog_owe(&o.backlog, clock_now_ms() + 60000);
	pthread_mutex_unlock(&o.backlog.lock);
	assert_true(add(&o, 1));
	assert_true(backlog_catch_up(&o.backlog, clock_deadline(30000)) && o.last == 1);
	backlog_flush(&o.backlog);
	assert_int_equal(o.paid, 1);
	int64_t due = clock_now_ms() + 20;
	pthread_mutex_lock(&o.backlog.lock);
	backlog_owe(&o.backlog, due);
	while (o.backlog.owed) pthread_cond_wait(&o.backlog.idle, &o.backlog.lock);
	pthread_mutex_unlock(&o.backlog.lock);
	assert_true(clock_now_ms() >= due);
	pthread_mutex_lock(&o.backlog.lock);
	backlog_owe(&o.backlog, clock_now_ms() + 60000);
	pthread_mutex_unlock(&o.backlog.lock);
	end(&o);
	assert_int_equal(o.paid, 3);
}

static void it_wakes_when_nothing_is_there(void **state)
{
	struct owner o;
	begin(&o, 1 << 20, 0, 1);
	pthread_mutex_lock(&o.backlog.lock);
	while (o.rounds < 3) pthread_cond_wait(&o.backlog.idle, &o.backlog.lock);
	pthread_mutex_unlock(&o.backlog.lock);
	end(&o);
}

static void *add_many(void *arg)
{
	for (int i = 0; i < 2000; i++) add(arg, i);
	return NULL;
}

static void many_threads(void **state)
{
	struct owner o;
	pthread_t threads[4];
	begin(&o, 1 << 20, 1, 1);
	for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, add_many, &o);
	for (int i = 0; i < 50; i++) backlog_flush(&o.backlog);
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
	assert_true(backlog_catch_up(&o.backlog, clock_deadline(30000)));
	assert_int_equal(o.backlog.added, 8000);
	end(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_written_in_order_and_at_the_end_too),
		cmocka_unit_test(who_waits_does_not_wait_for_more_to_gather),
		cmocka_unit_test(it_is_bounded_what_is_being_written_included),
		cmocka_unit_test(what_is_owed_is_paid_when_due_or_when_somebody_waits),
		cmocka_unit_test(it_wakes_when_nothing_is_there),
		cmocka_unit_test(many_threads),
	};
	return cmocka_run_group_tests_name("base/backlog", tests, NULL, NULL);
}
