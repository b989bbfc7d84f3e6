/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/base64.h"
#include "auth/bodyhash.h"

static const char body[] = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n";

/* The hash that is asked for, as base64, of the text in pieces. */
static struct slice run(struct arena *a, enum canonical how, enum hash_kind kind, uint64_t length, struct slice text,
                        struct bodyhash_result *result)
{
	struct bodyhash *b = bodyhash_new(a);
	const void *wanted;
	assert_int_equal(bodyhash_want(b, how, kind, length, &wanted), ERR_OK);
	for (size_t at = 0; at < text.n; at += 7) bodyhash_put(b, slice_sub(text, at, at + 7));
	bodyhash_end(b);
	assert_true(bodyhash_get(b, wanted, result));
	bodyhash_free(b);
	return base64_encode(a, slice_of(result->hash, hash_size(kind)));
}

static void test_known(void **state)
{
	struct arena a;
	struct bodyhash_result r;
	arena_init(&a, 1 << 20);
	/* RFC 6376 3.4.3, 3.4.4: empty bodies */
	assert_true(slice_equal(run(&a, CANONICAL_SIMPLE, HASH_SHA1, BODYHASH_ALL, SLICE(""), &r),
	                        SLICE("uoq1oCgLlTqpdDX/iUbLy7J1Wic=")));
	assert_true(slice_equal(run(&a, CANONICAL_SIMPLE, HASH_SHA256, BODYHASH_ALL, SLICE(""), &r),
	                        SLICE("frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=")));
	assert_int_equal(r.length, 2);
	assert_true(slice_equal(run(&a, CANONICAL_RELAXED, HASH_SHA1, BODYHASH_ALL, SLICE(""), &r),
	                        SLICE("2jmj7l5rSw0yVb/vlWAYkK/YBwk=")));
	assert_true(slice_equal(run(&a, CANONICAL_RELAXED, HASH_SHA256, BODYHASH_ALL, SLICE(""), &r),
	                        SLICE("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")));
	assert_int_equal(r.length, 0);
	/* RFC 6376 appendix A: its body has one blank fewer and no empty line at the end, which relaxed takes away. */
	assert_true(slice_equal(run(&a, CANONICAL_RELAXED, HASH_SHA256, BODYHASH_ALL, slice_str(body), &r),
	                        SLICE("2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=")));
	arena_free(&a);
}

/* Every length, all wanted together, gives what it gives alone; equal wishes are one. */
static void test_lengths(void **state)
{
	enum { LENGTHS = sizeof body + 8 };
	struct arena a;
	struct bodyhash_result r, alone;
	const void *wanted[2][LENGTHS], *again;
	arena_init(&a, 1 << 20);
	struct bodyhash *b = bodyhash_new(&a);
	for (size_t i = LENGTHS; i-- > 0;)
		for (int kind = 0; kind < 2; kind++) {
			assert_int_equal(bodyhash_want(b, CANONICAL_RELAXED, (enum hash_kind)kind, i, &wanted[kind][i]),
			                 ERR_OK);
			assert_int_equal(bodyhash_want(b, CANONICAL_RELAXED, (enum hash_kind)kind, i, &again), ERR_OK);
			assert_ptr_equal(again, wanted[kind][i]);
		}
	bodyhash_put(b, slice_str(body));
	bodyhash_end(b);
	size_t length = sizeof body - 1 - 2 - 1; /* one line end and one blank fewer */
	for (size_t i = 0; i < LENGTHS; i++)
		for (int kind = 0; kind < 2; kind++) {
			assert_true(bodyhash_get(b, wanted[kind][i], &r));
			run(&a, CANONICAL_RELAXED, (enum hash_kind)kind, i, slice_str(body), &alone);
			assert_memory_equal(r.hash, alone.hash, hash_size((enum hash_kind)kind));
			assert_int_equal(r.length, length);
			assert_int_equal(r.cut, i > length);
		}
	run(&a, CANONICAL_SIMPLE, HASH_SHA256, 5, slice_str(body), &r);
	run(&a, CANONICAL_SIMPLE, HASH_SHA256, BODYHASH_ALL, SLICE("Hi.\n"), &alone);
	assert_memory_equal(r.hash, alone.hash, 32);
	assert_false(alone.cut);
	bodyhash_free(b);
	arena_free(&a);
}

static void test_abandon(void **state)
{
	struct arena a;
	const void *wanted;
	arena_init(&a, 1 << 20);
	bodyhash_free(NULL);
	bodyhash_free(bodyhash_new(&a));
	struct bodyhash *b = bodyhash_new(&a);
	assert_int_equal(bodyhash_want(b, CANONICAL_SIMPLE, HASH_SHA1, 3, &wanted), ERR_OK);
	bodyhash_put(b, SLICE("x"));
	bodyhash_free(b);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_abandon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
