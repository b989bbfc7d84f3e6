/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/stamp.h"

#define NOW  INT64_C(1700000000)
#define DAY  INT64_C(86400)
#define DAYS 17
#define FULL (13 + 1 + STAMP_SIZE)

static const struct slice secret_list[] = {{"key", 3}, {"older", 5}};
static const struct srs_secrets secrets = {secret_list, 2};
static const struct stamp_facts plain = {.id = {"0r8x3mdkq0001", 13},
                                         .kind = STAMP_PROVEN,
                                         .return_path = {"Joe@Far.Example", 15},
                                         .domain = {"far.example", 11},
                                         .author = {"shop.example", 12},
                                         .time = NOW};

static struct slice write_with(struct arena *a, const struct stamp_facts *f, size_t secret)
{
	struct slice s = stamp_write(a, f, secret_list[secret]);
	assert_non_null(s.p);
	return s;
}

static enum stamp_verdict read_at(struct slice text, int64_t now, struct stamp *out)
{
	return stamp_read(text, &secrets, now, DAYS, out);
}

/* The form is a contract between nodes of different versions, and outlives a restart. The text is what Python's hmac makes. */
static void the_form_stays(void **state)
{
	struct arena a;
	arena_init(&a, 4096);
	struct slice s = write_with(&a, &plain, 0);
	assert_string_equal(arena_strdup(&a, s), "0r8x3mdkq0001-p6v1qfjs2pa6g5a989d47gq82mcjtb3");
	static const char long_secret[] =
		"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"; /* more than a block */
	s = stamp_write(&a, &plain, slice_of(long_secret, 65));
	assert_string_equal(arena_strdup(&a, s), "0r8x3mdkq0001-p6v1xyvjcamzkd6bpgqkyhxczx8y46s");
	arena_free(&a);
}

static void what_is_written_is_read(void **state)
{
	static const struct {
		enum stamp_kind kind;
		const char *return_path, *domain, *author;
	} cases[] = {
		{STAMP_PROVEN, "joe@far.example", "far.example", ""},
		{STAMP_UNPROVEN, "joe@far.example", "", "shop.example"},
		{STAMP_SENT, "joe@ours.example", "ours.example", ""},
		{STAMP_PROVEN, "prvs=1234abcdef=Joe@far.example", "far.example", "far.example"},
		{STAMP_PROVEN, "\"a b\"@far.example", "far.example", "author.example"},
		{STAMP_UNPROVEN, "", "", ""},
		{STAMP_UNPROVEN, "j\xc3\xb6@far.example", "", ""},
	};
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct stamp s;
		arena_init(&a, 4096);
		struct stamp_facts f = plain;
		f.kind = cases[i / 2].kind;
		f.return_path = slice_str(cases[i / 2].return_path);
		f.domain = slice_str(cases[i / 2].domain);
		f.author = slice_str(cases[i / 2].author);
		struct slice text = write_with(&a, &f, i % 2);
		assert_int_equal(text.n, FULL);
		assert_true(slice_equal(stamp_id(text), f.id));
		assert_int_equal(read_at(text, NOW, &s), STAMP_GOOD);
		assert_int_equal(s.kind, f.kind);
		assert_true(stamp_is_from(&s, f.return_path));
		assert_false(stamp_is_from(&s, SLICE("ann@far.example")));
		assert_int_equal(stamp_is_of_domain(&s, f.domain), f.domain.n > 0);
		assert_int_equal(stamp_is_of_domain(&s, f.author), f.author.n > 0);
		assert_false(stamp_is_of_domain(&s, SLICE("other.example")));
		assert_false(stamp_is_of_domain(&s, SLICE_EMPTY));
		arena_free(&a);
	}
}

/* Servers fold case, of the field and of addresses. */
static void case_does_not_matter(void **state)
{
	struct arena a;
	struct stamp s;
	arena_init(&a, 4096);
	struct slice text = arena_copy(&a, write_with(&a, &plain, 0));
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'a' && text.p[i] <= 'z') ((char *)text.p)[i] -= 32;
	assert_int_equal(read_at(text, NOW, &s), STAMP_GOOD);
	assert_true(stamp_is_from(&s, SLICE("JOE@far.example")));
	assert_true(stamp_is_of_domain(&s, SLICE("FAR.example")));
	arena_free(&a);
}

/* Each character counts: whichever is changed, the stamp is none, or not ours. */
static void any_change_is_seen(void **state)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz-ups.";
	struct arena a;
	struct stamp s;
	arena_init(&a, 4096);
	struct slice text = arena_copy(&a, write_with(&a, &plain, 0));
	for (size_t i = 0; i < text.n; i++) {
		char was = text.p[i];
		for (const char *c = alphabet; *c; c++) {
			((char *)text.p)[i] = *c;
			enum stamp_verdict v = read_at(text, NOW, &s);
			if (*c == was ? v != STAMP_GOOD : v == STAMP_GOOD || v == STAMP_EXPIRED)
				fail_msg("%zu: %c for %c", i, *c, was);
		}
		((char *)text.p)[i] = was;
	}
	for (size_t n = 0; n < text.n; n++) assert_int_equal(read_at(slice_sub(text, 0, n), NOW, &s), STAMP_NONE);
	assert_int_equal(read_at(arena_printf(&a, "%.*s0", SLICE_ARG(text)), NOW, &s), STAMP_NONE);
	arena_free(&a);
}

static void other_secrets_make_others(void **state)
{
	static const struct slice theirs_list[] = {{"Key", 3}, {"", 0}};
	static const struct srs_secrets theirs = {theirs_list, 2}, none = {NULL, 0};
	struct arena a;
	struct stamp s;
	arena_init(&a, 4096);
	struct slice text = write_with(&a, &plain, 0);
	assert_int_equal(stamp_read(text, &theirs, NOW, DAYS, &s), STAMP_FORGED);
	assert_int_equal(stamp_read(text, &none, NOW, DAYS, &s), STAMP_FORGED);
	arena_free(&a);
}

static void stamps_grow_old(void **state)
{
	static const struct {
		int days;
		enum stamp_verdict verdict;
	} cases[] = {
		{0, STAMP_GOOD},  {-1, STAMP_GOOD},    {-2, STAMP_GOOD},     {-3, STAMP_EXPIRED},   {17, STAMP_GOOD},
		{19, STAMP_GOOD}, {20, STAMP_EXPIRED}, {500, STAMP_EXPIRED}, {1000, STAMP_EXPIRED},
	};
	struct arena a;
	struct stamp s;
	arena_init(&a, 4096);
	struct slice text = write_with(&a, &plain, 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (read_at(text, NOW + cases[i].days * DAY, &s) != cases[i].verdict) fail_msg("%d", cases[i].days);
	arena_free(&a);
}

/* Nobody sees that two messages have one return path. */
static void equal_addresses_look_different(void **state)
{
	struct arena a;
	arena_init(&a, 4096);
	struct stamp_facts f = plain;
	struct slice one = write_with(&a, &f, 0);
	f.id = SLICE("0r8x3mdkq0002");
	struct slice two = write_with(&a, &f, 0);
	assert_false(slice_equal(slice_sub(one, 17, 25), slice_sub(two, 17, 25)));
	arena_free(&a);
}

static void what_cannot_be_stamped(void **state)
{
	static const struct {
		const char *id;
		size_t address;
		size_t memory;
	} cases[] = {{"", 3, 4096},
	             {"a-b", 3, 4096},
	             {"a b", 3, 4096},
	             {"a;", 3, 4096},
	             {"0123456789012345678901234567890123", 3, 4096},
	             {"a", 1025, 4096},
	             {"a", 3, 8}};
	static char long_address[1025];
	memset(long_address, 'x', sizeof long_address);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		arena_init(&a, cases[i].memory);
		struct stamp_facts f = plain;
		f.id = slice_str(cases[i].id);
		f.return_path = slice_of(long_address, cases[i].address);
		if (stamp_write(&a, &f, secret_list[0]).p) fail_msg("%zu", i);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_form_stays),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(case_does_not_matter),
		cmocka_unit_test(any_change_is_seen),
		cmocka_unit_test(other_secrets_make_others),
		cmocka_unit_test(stamps_grow_old),
		cmocka_unit_test(equal_addresses_look_different),
		cmocka_unit_test(what_cannot_be_stamped),
	};
	return cmocka_run_group_tests_name("auth/stamp", tests, NULL, NULL);
}
