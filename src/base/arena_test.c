/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void objects_are_aligned_and_apart(void **state)
{
	struct arena a;
	unsigned char *p[400];
	arena_init(&a, 4 << 20);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 400; i++) {
			size_t n = i % 50 == 49 ? 9000 * (i / 50) : i; /* now and then more than a block */
			p[i] = arena_alloc(&a, n);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % 16, 0);
			memset(p[i], (int)(i & 0xff), n);
		}
		for (size_t i = 0; i < 400; i++) {
			size_t n = i % 50 == 49 ? 9000 * (i / 50) : i;
			for (size_t k = 0; k < n; k++) assert_int_equal(p[i][k], i & 0xff);
		}
		assert_false(arena_exhausted(&a));
		arena_reset(&a);
		assert_int_equal(a.used, 0);
	}
	arena_free(&a);
	arena_free(&a);
}

/* What fits into the first block needs no other, and the block is the same after a reset. */
static void first_block_is_as_said_and_stays(void **state)
{
	static const size_t sizes[] = {32, 1024, 16384, 65536};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct arena a;
		arena_init_sized(&a, 1 << 20, sizes[i]);
		char *first = NULL;
		for (int round = 0; round < 3; round++) {
			char *begin = arena_alloc(&a, 16), *end = begin;
			for (size_t n = 48; n <= sizes[i]; n += 16) end = arena_alloc(&a, 16);
#ifdef ARENA_MALLOC /* every object is a block */
			first = begin;
#else
			assert_int_equal(end - begin, sizes[i] - 32);
#endif
			if (first) assert_ptr_equal(begin, first);
			first = begin;
			for (int n = 0; n < 20; n++) end = arena_alloc(&a, 9000);
			assert_non_null(end);
			assert_false(arena_exhausted(&a));
			arena_reset(&a);
		}
		arena_free(&a);
	}
}

static void the_last_object_is_resized(void **state)
{
#ifndef ARENA_MALLOC /* there none is */
	struct arena a;
	arena_init(&a, 2048);
	char *first = arena_alloc(&a, 100), *second = arena_alloc(&a, 100), *other;
	assert_false(arena_resize(&a, first, 100, 50));
	assert_false(arena_resize(&a, first, 100, 200));
	assert_int_equal(a.used, 224);
	assert_true(arena_resize(&a, second, 100, 500));
	assert_int_equal(a.used, 112 + 512);
	other = arena_alloc(&a, 16);
	assert_ptr_equal(other, second + 512);
	assert_false(arena_resize(&a, second, 500, 510)); /* it is not the last any more */
	assert_true(arena_resize(&a, other, 16, 1));      /* no less than an object has */
	assert_int_equal(a.used, 112 + 512 + 16);
	assert_false(arena_resize(&a, other, 1, 1024)); /* not in this block */
	arena_reset(&a);
	first = arena_alloc(&a, 1000);
	second = arena_alloc(&a, 600);                      /* in a block of its own size */
	assert_true(arena_resize(&a, second, 600, 1040));   /* all that the limit leaves */
	assert_false(arena_resize(&a, second, 1040, 1041)); /* it is in use, and beyond the limit */
	assert_true(arena_resize(&a, second, 1040, 16));
	assert_non_null(arena_alloc(&a, 1000));
	assert_false(arena_exhausted(&a));
	arena_free(&a);
	assert_false(arena_resize(&a, NULL, 0, 16));
#endif
}

static void limit_is_remembered_until_reset(void **state)
{
	struct arena a;
	arena_init(&a, 4096);
	assert_non_null(arena_alloc(&a, 4000));
	assert_null(arena_alloc(&a, 200));
	assert_true(arena_exhausted(&a));
	assert_non_null(arena_alloc(&a, 16)); /* what still fits is given */
	assert_true(arena_exhausted(&a));
	assert_null(arena_copy(&a, slice_of((char[200]){0}, 200)).p);
	assert_null(arena_printf(&a, "%200d", 1).p);
	assert_null(arena_strdup(&a, slice_of((char[200]){0}, 200)));
	arena_reset(&a);
	assert_false(arena_exhausted(&a));
	assert_non_null(arena_alloc(&a, 4096));
	assert_null(arena_alloc(&a, 0));
	arena_free(&a);
}

static void impossible_sizes_are_refused(void **state)
{
	static const size_t sizes[] = {SIZE_MAX,      SIZE_MAX - 1, SIZE_MAX - 15,
	                               SIZE_MAX - 16, SIZE_MAX / 2, (size_t)1 << 62};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct arena a;
		arena_init(&a, SIZE_MAX / 2 - 1);
		assert_non_null(arena_alloc(&a, 1));
		if (sizes[i] > a.limit) assert_null(arena_alloc(&a, sizes[i]));
		if (sizes[i] > a.limit) assert_true(arena_exhausted(&a));
		arena_free(&a);
	}
}

static void first_block_stays_after_reset(void **state)
{
#ifndef ARENA_MALLOC
	struct arena a;
	arena_init(&a, 1 << 20);
	void *first = arena_alloc(&a, 10);
	arena_alloc(&a, 200000);
	for (int i = 0; i < 100; i++) arena_alloc(&a, 500);
	arena_reset(&a);
	assert_ptr_equal(arena_alloc(&a, 10), first);
	assert_ptr_equal(arena_alloc(&a, 10), (char *)first + 16);
	arena_free(&a);
	assert_null(a.blocks);
	arena_alloc(&a, 300000); /* an outsize object first: nothing worth keeping */
	arena_reset(&a);
	assert_null(a.blocks);
	arena_free(&a);
#endif
}

static void copies(void **state)
{
	struct arena a;
	arena_init(&a, 10000);
	assert_string_equal(arena_strdup(&a, SLICE("abc")), "abc");
	assert_string_equal(arena_strdup(&a, (struct slice){NULL, 0}), "");
	struct slice empty = arena_copy(&a, (struct slice){NULL, 0});
	assert_non_null(empty.p);
	assert_int_equal(empty.n, 0);
	struct slice text = arena_printf(&a, "%s-%d", "x", 42);
	assert_true(slice_equal(text, SLICE("x-42")));
	for (int n = 509; n < 515; n++) { /* printed at once, and twice */
		text = arena_printf(&a, "%*d", n, 7);
		assert_int_equal(text.n, n);
		assert_int_equal(strlen(text.p), n);
		assert_int_equal(text.p[n - 1], '7');
	}
	assert_true(slice_equal(arena_copy(&a, SLICE("a\0b")), SLICE("a\0b")));
	const char *zero = arena_zalloc(&a, 300);
	for (int i = 0; i < 300; i++) assert_int_equal(zero[i], 0);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_aligned_and_apart),
		cmocka_unit_test(limit_is_remembered_until_reset),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(first_block_stays_after_reset),
		cmocka_unit_test(first_block_is_as_said_and_stays),
		cmocka_unit_test(the_last_object_is_resized),
		cmocka_unit_test(copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
