/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct message *make(uint64_t id, size_t body)
{
	static char text[4096];
	struct message *m = message_new();
	m->record.id = id;
	m->record.recipients = arena_zalloc(&m->arena, sizeof(*m->record.recipients));
	m->record.recipient_count = 1;
	if (body) {
		blob_init(&m->body, body + 1, "/tmp");
		assert_int_equal(blob_append(&m->body, slice_of(text, body)), ERR_OK);
		m->body_loaded = true;
	}
	return m;
}

static void messages_are_found_by_id(void **state)
{
	(void)state;
	struct queue q;
	assert_int_equal(queue_init(&q), ERR_OK);
	for (uint64_t id = 1; id <= 5000; id++) assert_non_null(queue_add(&q, make(id << 20 | id, 0)));
	assert_int_equal(q.count, 5000);
	for (uint64_t id = 1; id <= 5000; id++) {
		struct queued *m = queue_find(&q, id << 20 | id);
		assert_non_null(m);
		assert_int_equal(m->message->record.id, id << 20 | id);
		if (id % 2) queue_remove(&q, m);
	}
	assert_null(queue_find(&q, 1 << 20 | 1));
	assert_non_null(queue_find(&q, 2 << 20 | 2));
	assert_int_equal(q.count, 2500);
	queue_free(&q);
}

static void the_earliest_comes_first(void **state)
{
	(void)state;
	struct queue q;
	struct queued *m[1000];
	queue_init(&q);
	uint32_t random = 12345;
	for (size_t i = 0; i < 1000; i++) {
		m[i] = queue_add(&q, make(i + 1, 0));
		random = random * 1664525 + 1013904223;
		queue_schedule(&q, m[i], random >> 12);
	}
	for (size_t i = 0; i < 1000; i += 3) queue_unschedule(&q, m[i]);
	for (size_t i = 1; i < 1000; i += 3) queue_schedule(&q, m[i], 2000000 - (int64_t)i); /* moved */
	assert_null(queue_take_due(&q, -1));
	int64_t last = 0;
	size_t n = 0;
	for (struct queued *next; (next = queue_take_due(&q, INT64_MAX - 1)); n++) {
		assert_true(next->due >= last);
		assert_int_equal(next->heap, 0);
		last = next->due;
	}
	assert_int_equal(n, 1000 - 334);
	assert_int_equal(queue_next_due(&q), INT64_MAX);
	queue_free(&q);
}

static void bodies_in_memory_are_counted_and_bounded(void **state)
{
	(void)state;
	struct queue q;
	queue_init(&q);
	struct queued *a = queue_add(&q, make(1, 1000));
	assert_int_equal(q.bodies, 1000);
	queue_drop_body(&q, a);
	queue_drop_body(&q, a);
	assert_int_equal(q.bodies, 0);
	assert_false(a->message->body_loaded);
	q.bodies = QUEUE_BODIES - 10;
	struct queued *b = queue_add(&q, make(2, 1000));
	assert_false(b->message->body_loaded);
	assert_int_equal(q.bodies, QUEUE_BODIES - 10);
	queue_free(&q);
}

static void compacting_keeps_the_record(void **state)
{
	(void)state;
	struct queue q;
	char reply[200];
	queue_init(&q);
	struct message *m = make(1, 0);
	m->record.return_path = arena_copy(&m->arena, SLICE("me@x.example"));
	m->record.recipients[0].address = arena_copy(&m->arena, SLICE("you@y.example"));
	struct queued *e = queue_add(&q, m);
	for (int i = 0; i < 1000; i++) {
		snprintf(reply, sizeof(reply),
		         "%d 4.0.0 a reply of a hundred octets or so, which is said again and again", i);
		m->record.recipients[0].last_reply = arena_copy(&m->arena, slice_str(reply));
		assert_non_null(m->record.recipients[0].last_reply.p);
		queue_compact(&q, e);
		assert_true(m->arena.used < 64 * 1024);
	}
	assert_true(slice_equal(m->record.recipients[0].last_reply, slice_str(reply)));
	assert_true(slice_equal(m->record.return_path, SLICE("me@x.example")));
	assert_true(slice_equal(m->record.recipients[0].address, SLICE("you@y.example")));
	assert_int_equal(m->record.id, 1);
	queue_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_found_by_id),
		cmocka_unit_test(the_earliest_comes_first),
		cmocka_unit_test(bodies_in_memory_are_counted_and_bounded),
		cmocka_unit_test(compacting_keeps_the_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
