/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "auth/fields.h"

static const char header[] =
	"Received: 1\r\nFrom: a\r\nrubbish\r\nRECEIVED : 2\r\n b\r\nTo: c\r\nreceived: 3\r\n\r\nFrom: body\r\n";

static void test_take(void **state)
{
	struct arena a;
	struct fields *f;
	struct header_field field;
	arena_init(&a, 65536);
	assert_int_equal(fields_read(&a, slice_str(header), &f), ERR_OK);
	assert_int_equal(fields_count(f), 6);
	assert_true(fields_at(f, 2).malformed);
	assert_true(slice_equal(fields_at(f, 3).raw, SLICE("RECEIVED : 2\r\n b\r\n")));
	for (int round = 0; round < 2; round++) {
		static const char *const values[] = {" 3", " 2\r\n b", " 1"};
		fields_restart(f);
		for (size_t i = 0; i < 3; i++) {
			assert_true(fields_take(f, SLICE("Received"), FIELDS_NONE, &field));
			assert_true(slice_equal(field.value, slice_str(values[i])));
		}
		assert_false(fields_take(f, SLICE("received"), FIELDS_NONE, &field));
		assert_false(fields_take(f, SLICE("received"), FIELDS_NONE, &field));
		assert_true(fields_take(f, SLICE("FROM"), FIELDS_NONE, &field));
		assert_false(fields_take(f, SLICE("Subject"), FIELDS_NONE, &field));
		assert_false(fields_take(f, SLICE(""), FIELDS_NONE, &field));
	}
	fields_restart(f); /* the signature is in the middle */
	assert_true(fields_take(f, SLICE("received"), 3, &field));
	assert_true(fields_take(f, SLICE("received"), 3, &field));
	assert_true(slice_equal(field.value, SLICE(" 1")));
	assert_false(fields_take(f, SLICE("received"), 3, &field));
	fields_restart(f); /* on top, and at the bottom */
	for (int i = 0; i < 2; i++) assert_true(fields_take(f, SLICE("received"), 0, &field));
	assert_false(fields_take(f, SLICE("received"), 0, &field));
	fields_restart(f);
	assert_true(fields_take(f, SLICE("received"), 5, &field));
	assert_true(slice_equal(field.value, SLICE(" 2\r\n b")));
	arena_free(&a);
}

static void test_names(void **state)
{
	struct arena a;
	struct fields *f;
	arena_init(&a, 65536);
	assert_int_equal(fields_read(&a, slice_str(header), &f), ERR_OK);
	assert_int_equal(fields_named(f, SLICE("received")), 3);
	assert_int_equal(fields_named(f, SLICE("from")), 1);
	assert_int_equal(fields_named(f, SLICE("bcc")), 0);
	assert_int_equal(fields_lowest(f, SLICE("Received")), 5);
	assert_int_equal(fields_above(f, 5), 3);
	assert_int_equal(fields_above(f, 0), FIELDS_NONE);
	assert_int_equal(fields_read(&a, SLICE(""), &f), ERR_OK);
	assert_int_equal(fields_count(f), 0);
	assert_int_equal(fields_lowest(f, SLICE("Received")), FIELDS_NONE);
	arena_free(&a);
}

/* 60,000 fields of two names and one of each other name; every one can be taken, in little time. */
static void test_many(void **state)
{
	enum { MANY = 60000 };
	struct arena a;
	struct fields *f;
	struct header_field field;
	arena_init(&a, 64 << 20);
	char *text = arena_alloc(&a, MANY * 24);
	size_t n = 0;
	for (int i = 0; i < MANY; i++)
		n += (size_t)(i % 3 == 2 ? sprintf(text + n, "%d:\n", i) : sprintf(text + n, "%c:\n", 'a' + i % 3));
	assert_int_equal(fields_read(&a, slice_of(text, n), &f), ERR_OK);
	assert_int_equal(fields_count(f), MANY);
	for (int i = 0; i < MANY / 3; i++) {
		assert_true(fields_take(f, SLICE("A"), FIELDS_NONE, &field));
		assert_true(fields_take(f, SLICE("b"), FIELDS_NONE, &field));
	}
	assert_false(fields_take(f, SLICE("a"), FIELDS_NONE, &field));
	for (int i = 2; i < MANY; i += 3) assert_true(fields_take(f, arena_printf(&a, "%d", i), FIELDS_NONE, &field));
	arena_free(&a);
}

static void test_no_memory(void **state)
{
	struct arena a;
	struct fields *f;
	arena_init(&a, 128);
	assert_int_equal(fields_read(&a, slice_str(header), &f), ERR_NO_MEMORY);
	assert_null(f);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
