/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/batv.h"
#include "auth/tag.h"

#define DAY       INT64_C(86400)
#define TODAY     (INT64_C(20782) * DAY) /* 782 in three digits; with 7 days: 789 */
#define LONGEST64 "0123456789012345678901234567890123456789012345678901234567890123"

static void test_sign(void **state)
{
	static const struct {
		const char *name, *secret;
		unsigned number;
		bool as_given;
		const char *address, *tagged; /* tagged NULL: refused */
	} cases[] = {
		/* those as given: made by Exim 4.96 */
		{"as Exim", "secret", 3, true, "alice@example.net", "prvs=37896c01f2=alice@example.net"},
		{"as Exim, capitals and separators", "secret", 3, true, "Alice.B+x=y@Example.NET",
	         "prvs=37898f9963=Alice.B+x=y@Example.NET"},
		{"as Exim, the longest key", LONGEST64, 9, true, "alice@example.net",
	         "prvs=9789a1e016=alice@example.net"},
		{"as Exim, twice", "secret", 1, true, "prvs=3789bcce39=Alice@Example.COM",
	         "prvs=1789a1b3d8=prvs=3789bcce39=Alice@Example.COM"},
		{"quotes stay around it", "secret", 0, true, "\"a b\"@example.net",
	         "\"prvs=078965ac38=a b\"@example.net"},
		{"lower case is the same both ways", "secret", 3, false, "alice@example.net",
	         "prvs=37896c01f2=alice@example.net"},
		{"the sender's case is kept, and does not count", "secret", 3, false, "ALICE@Example.net",
	         "prvs=37896c01f2=ALICE@Example.net"},
		{"no domain", "secret", 0, false, "alice", NULL},
		{"an empty domain", "secret", 0, false, "alice@", NULL},
		{"an empty local part", "secret", 0, false, "@example.net", NULL},
		{"empty", "secret", 0, false, "", NULL},
	};
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct batv_key k = {.secret = slice_str(cases[i].secret),
		                     .number = (uint8_t)cases[i].number,
		                     .as_given = cases[i].as_given};
		struct slice s = batv_sign(&a, slice_str(cases[i].address), &k, BATV_PRVS, '+', TODAY + 5, BATV_DAYS);
		print_message("%s\n", cases[i].name);
		if (cases[i].tagged)
			assert_string_equal(arena_strdup(&a, s), cases[i].tagged);
		else
			assert_null(s.p);
	}
	arena_free(&a);
}

static void test_one_tag_a_day(void **state)
{
	struct arena a;
	struct batv_key k = {.secret = SLICE("secret"), .number = 2};
	struct slice address = SLICE("joe@example.net");
	arena_init(&a, 65536);
	struct slice first = batv_sign(&a, address, &k, BATV_PRVS, '+', TODAY, 7);
	assert_true(slice_equal(first, batv_sign(&a, address, &k, BATV_PRVS, '+', TODAY + DAY - 1, 7)));
	assert_false(slice_equal(first, batv_sign(&a, address, &k, BATV_PRVS, '+', TODAY + DAY, 7)));
	/* other keys, other senders: other tags */
	struct batv_key other = {.secret = SLICE("Secret"), .number = 2};
	assert_false(slice_equal(first, batv_sign(&a, address, &other, BATV_PRVS, '+', TODAY, 7)));
	assert_false(
		slice_equal(slice_sub(first, 0, 15),
	                    slice_sub(batv_sign(&a, SLICE("joa@example.net"), &k, BATV_PRVS, '+', TODAY, 7), 0, 15)));
	arena_free(&a);
}

static void test_verify(void **state)
{
	static const struct {
		const char *name, *address;
		char plus;
		enum batv_verdict verdict;
		const char *original;
	} cases[] = {
		{"as Exim made it", "prvs=37896c01f2=alice@example.net", '+', BATV_VALID, "alice@example.net"},
		{"upper case, all", "PRVS=37896C01F2=ALICE@EXAMPLE.NET", '+', BATV_VALID, "ALICE@EXAMPLE.NET"},
		{"hash in upper case", "prvs=37896C01F2=alice@example.net", '+', BATV_VALID, "alice@example.net"},
		{"over the address as given", "prvs=37898f9963=Alice.B+x=y@Example.NET", '+', BATV_VALID,
	         "Alice.B+x=y@Example.NET"},
		{"quoted, as an address", "\"prvs=078965ac38=a b\"@example.net", '+', BATV_VALID,
	         "\"a b\"@example.net"},
		{"quoted, as Exim writes", "prvs=078965ac38=\"a b\"@example.net", '+', BATV_VALID,
	         "\"a b\"@example.net"},
		{"the older spelling", "prvs=alice/37896c01f2@example.net", '+', BATV_VALID, "alice@example.net"},
		{"sub-address", "alice+prvs=37896c01f2@example.net", '+', BATV_VALID, "alice@example.net"},
		{"sub-address, folded", "ALICE+PRVS=37896C01F2@example.net", '+', BATV_VALID, "ALICE@example.net"},
		{"sub-address with another character", "alice-prvs=37896c01f2@example.net", '-', BATV_VALID,
	         "alice@example.net"},
		{"the outer of two tags", "prvs=1789a1b3d8=prvs=3789bcce39=Alice@Example.COM", '+', BATV_VALID,
	         "prvs=3789bcce39=Alice@Example.COM"},
		{"the inner of two tags", "prvs=3789bcce39=Alice@Example.COM", '+', BATV_VALID, "Alice@Example.COM"},
		{"another hash", "prvs=37896c01f3=alice@example.net", '+', BATV_FORGED, "alice@example.net"},
		{"another sender", "prvs=37896c01f2=alicf@example.net", '+', BATV_FORGED, "alicf@example.net"},
		{"another domain", "prvs=37896c01f2=alice@example.com", '+', BATV_FORGED, "alice@example.com"},
		{"another day", "prvs=37886c01f2=alice@example.net", '+', BATV_FORGED, "alice@example.net"},
		{"the number of another key", "prvs=17896c01f2=alice@example.net", '+', BATV_FORGED,
	         "alice@example.net"},
		{"the number of no key", "prvs=57896c01f2=alice@example.net", '+', BATV_FORGED, "alice@example.net"},
		{"untagged", "alice@example.net", '+', BATV_UNTAGGED, "alice@example.net"},
		{"sub-address that is not looked for", "alice+prvs=37896c01f2@example.net", '\0', BATV_UNTAGGED,
	         "alice+prvs=37896c01f2@example.net"},
		{"sub-address of somebody else's", "alice+lists@example.net", '+', BATV_UNTAGGED,
	         "alice+lists@example.net"},
		{"a word that only begins so", "prvs=hello@example.net", '+', BATV_UNTAGGED, "prvs=hello@example.net"},
		{"too few digits", "prvs=37896c01f=alice@example.net", '+', BATV_UNTAGGED,
	         "prvs=37896c01f=alice@example.net"},
		{"letters in the day", "prvs=3a896c01f2=alice@example.net", '+', BATV_UNTAGGED,
	         "prvs=3a896c01f2=alice@example.net"},
		{"not hexadecimal", "prvs=37896c01g2=alice@example.net", '+', BATV_UNTAGGED,
	         "prvs=37896c01g2=alice@example.net"},
		{"a tag of nobody", "prvs=37896c01f2=@example.net", '+', BATV_UNTAGGED, "prvs=37896c01f2=@example.net"},
		{"a sub-address of nobody", "+prvs=37896c01f2@example.net", '+', BATV_UNTAGGED,
	         "+prvs=37896c01f2@example.net"},
		{"no domain", "prvs=37896c01f2=alice", '+', BATV_UNTAGGED, "prvs=37896c01f2=alice"},
		{"a bare tag", "prvs=37896c01f2", '+', BATV_UNTAGGED, "prvs=37896c01f2"},
		{"empty", "", '+', BATV_UNTAGGED, ""},
	};
	static const struct batv_key keys[] = {
		{.secret = {"other", 5}, .number = 1},  {.secret = {"old", 3}, .number = 3},
		{.secret = {"secret", 6}, .number = 1}, {.secret = {"secret", 6}, .number = 3},
		{.secret = {"secret", 6}, .number = 0},
	};
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice original;
		print_message("%s\n", cases[i].name);
		assert_int_equal(batv_verify(&a, slice_str(cases[i].address), keys, 5, cases[i].plus, TODAY, &original),
		                 cases[i].verdict);
		assert_string_equal(arena_strdup(&a, original), cases[i].original);
		assert_true(batv_verify(&a, slice_str(cases[i].address), NULL, 0, cases[i].plus, TODAY, &original) !=
		            BATV_VALID);
	}
	arena_free(&a);
}

/* What was signed comes back, in whatever case, in either form. */
static void test_round_trips(void **state)
{
	static const char *const addresses[] = {
		"joe@example.net",
		"Joe.Bloggs@Example.NET",
		"joe+tag@example.net",
		"joe=x@example.net",
		"joe/3789abcdef@example.net",
		"prvs=joe@example.net",
		"\"joe bloggs\"@example.net",
		"\"joe@home\"@example.net",
		"\"\"@example.net",
		"joe@[192.0.2.1]",
		"j\xC3\xB6rg@example.net",
		"bounce-123456789012345678901234567890-joe=example.com@a.very.long.subdomain.example.net",
	};
	static const struct batv_key keys[] = {{.secret = {"k\0y", 3}, .number = 7}};
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
		for (unsigned c = 0; c < 6; c++) {
			enum batv_form form = c % 2 ? BATV_SUBADDRESS : BATV_PRVS;
			struct slice from = slice_str(addresses[i]), original,
				     s = batv_sign(&a, from, keys, form, '+', TODAY, 7);
			char *text = arena_strdup(&a, s);
			for (char *p = text; *p && c >= 2; p++) {
				if (c < 4 && *p >= 'A' && *p <= 'Z') *p += 'a' - 'A';
				if (c >= 4 && *p >= 'a' && *p <= 'z') *p -= 'a' - 'A';
			}
			assert_int_equal(batv_verify(&a, slice_str(text), keys, 1, '+', TODAY + 7 * DAY, &original),
			                 BATV_VALID);
			assert_true(c < 2 ? slice_equal(original, from) : slice_equal_nocase(original, from));
		}
	arena_free(&a);
}

static void test_days(void **state)
{
	static const struct {
		const char *name;
		int64_t signed_on; /* day */
		unsigned days;
		int64_t read_on;
		unsigned most; /* 0: batv_verify() */
		enum batv_verdict verdict;
	} cases[] = {
		{"at once", 20782, 7, 20782, 0, BATV_VALID},
		{"on the last day", 20782, 7, 20789, 0, BATV_VALID},
		{"a day late", 20782, 7, 20790, 0, BATV_EXPIRED},
		{"half a round late", 20782, 7, 21289, 0, BATV_EXPIRED},
		{"today only", 20782, 0, 20782, 0, BATV_VALID},
		{"today only, tomorrow", 20782, 0, 20783, 0, BATV_EXPIRED},
		{"across the turn of the digits", 20996, 7, 20999, 0, BATV_VALID},
		{"past the turn, in time", 20996, 7, 21003, 0, BATV_VALID},
		{"past the turn, late", 20996, 7, 21004, 0, BATV_EXPIRED},
		{"signed before the turn, read long before it comes round", 20996, 7, 21900, 0, BATV_EXPIRED},
		{"good for long", 20950, 99, 21049, 0, BATV_VALID},
		{"good for long, late", 20950, 99, 21050, 0, BATV_EXPIRED},
		{"longer than can be told is cut", 20950, 500, 21049, 0, BATV_VALID},
		{"a clock that is a day behind", 20783, 7, 20782, 8, BATV_VALID},
		{"points farther ahead than ours do", 20783, 7, 20782, 7, BATV_EXPIRED},
		{"harvested, and nearly come round", 20782, 7, 20782 + 950, 7, BATV_EXPIRED},
		{"before 1970", -5, 7, -5, 0, BATV_VALID},
	};
	static const struct batv_key key = {.secret = {"secret", 6}, .number = 0};
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice original, s = batv_sign(&a, SLICE("joe@example.net"), &key, BATV_PRVS, '+',
		                                     cases[i].signed_on * DAY, cases[i].days);
		int64_t now = cases[i].read_on * DAY + DAY - 1;
		print_message("%s\n", cases[i].name);
		assert_int_equal(cases[i].most ? batv_verify_within(&a, s, &key, 1, '+', now, cases[i].most, &original)
		                               : batv_verify(&a, s, &key, 1, '+', now, &original),
		                 cases[i].verdict);
		assert_string_equal(arena_strdup(&a, original), "joe@example.net");
	}
	arena_free(&a);
}

static void test_bare(void **state)
{
	static const struct {
		const char *name, *tagged, *original, *bare;
	} cases[] = {
		{"nothing was quoted", "prvs=0789aabbcc=joe@x.example", "joe@x.example",
	         "prvs=0789aabbcc=joe@x.example"},
		{"quoted", "\"prvs=0789aabbcc=a b\"@x.example", "\"a b\"@x.example",
	         "prvs=0789aabbcc=\"a b\"@x.example"},
		{"quoted for its domain", "\"SRS0=h=t=[192.0.2.1]=joe\"@us.example", "joe@[192.0.2.1]",
	         "SRS0=h=t=[192.0.2.1]=joe@us.example"},
		{"made of something else", "\"SRS0=h=t=c=joe\"@us.example", "\"bob\"@c",
	         "\"SRS0=h=t=c=joe\"@us.example"},
		{"no address", "x", "y", "x"},
	};
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		print_message("%s\n", cases[i].name);
		struct slice s = tag_bare(&a, slice_str(cases[i].tagged), slice_str(cases[i].original));
		assert_string_equal(arena_strdup(&a, s), cases[i].bare);
	}
	arena_free(&a);
}

static void test_limits(void **state)
{
	static char lengthy[1 << 20];
	static const struct batv_key key = {.secret = {"secret", 6}, .number = 0};
	struct arena a, small;
	struct slice original;
	memset(lengthy, 'p', sizeof lengthy);
	arena_init(&a, 65536);
	arena_init(&small, 20);
	for (size_t n = 500; n <= sizeof lengthy; n = n < 1200 ? n + 1 : n * 2) {
		memcpy(lengthy + n - 12, "@example.net", 12);
		struct slice s = batv_sign(&a, slice_of(lengthy, n), &key, BATV_PRVS, '+', TODAY, 7);
		assert_int_equal(s.p != NULL, n <= TAG_ADDRESS_MOST);
		if (s.p && s.n <= TAG_ADDRESS_MOST)
			assert_int_equal(batv_verify(&a, s, &key, 1, '+', TODAY, &original), BATV_VALID);
		memset(lengthy, 'p', n);
		arena_reset(&a);
	}
	assert_null(batv_sign(&small, SLICE("alice@example.net"), &key, BATV_PRVS, '+', TODAY, 7).p);
	arena_reset(&small);
	assert_int_not_equal(batv_verify(&small, SLICE("prvs=0789aabbcc=alice.more@example.net"), &key, 1, '+', TODAY,
	                                 &original),
	                     BATV_VALID);
	assert_null(original.p);
	arena_free(&small);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign),        cmocka_unit_test(test_one_tag_a_day), cmocka_unit_test(test_verify),
		cmocka_unit_test(test_round_trips), cmocka_unit_test(test_days),          cmocka_unit_test(test_bare),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
