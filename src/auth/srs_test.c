/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/srs.h"
#include "auth/tag.h"

#define NOW INT64_C(1700000000) /* G3 */
#define DAY INT64_C(86400)

static const struct slice secret_list[] = {{"key", 3}, {"older", 5}};
static const struct srs_secrets secrets = {secret_list, 2};

static void test_forward(void **state)
{
	static const struct {
		const char *name, *address, *rewritten; /* rewritten NULL: refused */
	} cases[] = {
		/* the hashes are Mail::SRS 0.31's */
		{"plain", "alice@example.net", "SRS0=tfW9=G3=example.net=alice@us.example"},
		{"capitals are kept", "Alice.B+x=y@Example.NET", "SRS0=rSUT=G3=Example.NET=Alice.B+x=y@us.example"},
		{"SRS0 of another", "SRS0=AbCd=TT=a.example=joe@first.example",
	         "SRS1=4Czr=first.example==AbCd=TT=a.example=joe@us.example"},
		{"SRS0 with a plus", "SRS0+AbCd=TT=a.example=joe@first.example",
	         "SRS1=jfmG=first.example=+AbCd=TT=a.example=joe@us.example"},
		{"SRS1 of another", "srs1=WxYz=first.example==AbCd=TT=a.example=joe@second.example",
	         "SRS1=4Czr=first.example==AbCd=TT=a.example=joe@us.example"},
		{"SRS1 with a minus", "SRS1-WxYz=first.example=+AbCd=TT=a.example=joe@second.example",
	         "SRS1=jfmG=first.example=+AbCd=TT=a.example=joe@us.example"},
		{"quoted", "\"a b\"@example.net", "\"SRS0=AErM=G3=example.net=a b\"@us.example"},
		{"a literal wants quotes", "joe@[192.0.2.1]", "\"SRS0=Ey/g=G3=[192.0.2.1]=joe\"@us.example"},
		{"a word that only begins so", "SRS0x=1@x.example", "SRS0=HVE2=G3=x.example=SRS0x=1@us.example"},
		{"in our domain", "joe@US.example", "joe@US.example"},
		{"in our domain, and SRS", "SRS0=AbCd=TT=a.example=joe@us.example",
	         "SRS0=AbCd=TT=a.example=joe@us.example"},
		{"no domain", "joe", NULL},
		{"two at signs", "a@b@c.example", NULL},
		{"a domain that could not be told from the rest", "a@b=c.example", NULL},
		{"empty", "", NULL},
	};
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		print_message("%s\n", cases[i].name);
		struct slice s = srs_forward(&a, slice_str(cases[i].address), SLICE("us.example"), secret_list[0], NOW);
		if (cases[i].rewritten)
			assert_string_equal(arena_strdup(&a, s), cases[i].rewritten);
		else
			assert_null(s.p);
	}
	arena_free(&a);
}

static void test_reverse(void **state)
{
	static const struct {
		const char *name, *address;
		int days; /* later */
		enum error error;
		const char *original;
	} cases[] = {
		{"plain", "SRS0=tfW9=G3=example.net=alice@us.example", 0, ERR_OK, "alice@example.net"},
		{"folded", "srs0=tfw9=g3=example.net=alice@us.example", 0, ERR_OK, "alice@example.net"},
		{"in capitals", "SRS0=TFW9=G3=EXAMPLE.NET=ALICE@US.EXAMPLE", 0, ERR_OK, "ALICE@EXAMPLE.NET"},
		{"the separator is not hashed", "SRS0+tfW9=G3=example.net=alice@us.example", 0, ERR_OK,
	         "alice@example.net"},
		{"a minus", "SRS0-tfW9=G3=example.net=alice@us.example", 0, ERR_OK, "alice@example.net"},
		{"separators in the local part", "SRS0=rSUT=G3=Example.NET=Alice.B+x=y@us.example", 0, ERR_OK,
	         "Alice.B+x=y@Example.NET"},
		{"on the last day", "SRS0=tfW9=G3=example.net=alice@us.example", 21, ERR_OK, "alice@example.net"},
		{"too late", "SRS0=tfW9=G3=example.net=alice@us.example", 22, ERR_TIMEOUT, NULL},
		{"from the future", "SRS0=tfW9=G3=example.net=alice@us.example", -1, ERR_TIMEOUT, NULL},
		{"the days have come round", "SRS0=tfW9=G3=example.net=alice@us.example", 1024, ERR_OK,
	         "alice@example.net"},
		{"SRS1", "SRS1=4Czr=first.example==AbCd=TT=a.example=joe@us.example", 500, ERR_OK,
	         "SRS0=AbCd=TT=a.example=joe@first.example"},
		{"SRS1, folded", "srs1=4czr=first.example==abcd=tt=a.example=joe@us.example", 0, ERR_OK,
	         "SRS0=abcd=tt=a.example=joe@first.example"},
		{"SRS1 of a plus", "SRS1=jfmG=first.example=+AbCd=TT=a.example=joe@us.example", 0, ERR_OK,
	         "SRS0+AbCd=TT=a.example=joe@first.example"},
		{"quoted", "\"SRS0=AErM=G3=example.net=a b\"@us.example", 0, ERR_OK, "\"a b\"@example.net"},
		{"quoted as Mail::SRS does", "SRS0=AErM=G3=example.net=\"a b\"@us.example", 0, ERR_OK,
	         "\"a b\"@example.net"},
		{"quoted for its literal", "\"SRS0=Ey/g=G3=[192.0.2.1]=joe\"@us.example", 0, ERR_OK, "joe@[192.0.2.1]"},
		{"SRS1, its host quoted for being a literal",
	         "\"SRS1=8Kzx=[192.0.2.1]==AbCd=TT=a.example=joe\"@us.example", 0, ERR_OK,
	         "SRS0=AbCd=TT=a.example=joe@[192.0.2.1]"},
		{"another user", "SRS0=tfW9=G3=example.net=bob@us.example", 0, ERR_PERMISSION, NULL},
		{"another domain", "SRS0=tfW9=G3=example.com=alice@us.example", 0, ERR_PERMISSION, NULL},
		{"another day", "SRS0=tfW9=G4=example.net=alice@us.example", 1, ERR_PERMISSION, NULL},
		{"another hash", "SRS0=tfW8=G3=example.net=alice@us.example", 0, ERR_PERMISSION, NULL},
		{"a short hash", "SRS0=tfW=G3=example.net=alice@us.example", 0, ERR_PERMISSION, NULL},
		{"no hash", "SRS0==G3=example.net=alice@us.example", 0, ERR_PERMISSION, NULL},
		{"SRS1, another first", "SRS1=4Czr=evil.example==AbCd=TT=a.example=joe@us.example", 0, ERR_PERMISSION,
	         NULL},
		{"SRS1 without a hash (an old version)", "SRS1=first.example==AbCd=TT=a.example=joe@us.example", 0,
	         ERR_SYNTAX, NULL},
		{"SRS1 with nothing in it", "SRS1=4Czr@us.example", 0, ERR_SYNTAX, NULL},
		{"a part is missing", "SRS0=tfW9=G3=example.net@us.example", 0, ERR_SYNTAX, NULL},
		{"two parts are missing", "SRS0=tfW9=G3@us.example", 0, ERR_SYNTAX, NULL},
		{"only the word", "SRS0=@us.example", 0, ERR_SYNTAX, NULL},
		{"an empty domain", "SRS0=tfW9=G3==alice@us.example", 0, ERR_SYNTAX, NULL},
		{"nobody", "SRS0=tfW9=G3=example.net=@us.example", 0, ERR_SYNTAX, NULL},
		{"a day that is none", "SRS0=tfW9=G1=example.net=alice@us.example", 0, ERR_SYNTAX, NULL},
		{"ordinary", "alice@example.net", 0, ERR_NOT_FOUND, NULL},
		{"a word that only begins so", "SRS0x=tfW9=G3=a=b@us.example", 0, ERR_NOT_FOUND, NULL},
		{"no domain", "SRS0=tfW9=G3=example.net=alice", 0, ERR_NOT_FOUND, NULL},
		{"empty", "", 0, ERR_NOT_FOUND, NULL},
	};
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice original;
		print_message("%s\n", cases[i].name);
		assert_int_equal(srs_reverse(&a, slice_str(cases[i].address), &secrets, NOW + cases[i].days * DAY,
		                             SRS_DAYS, &original),
		                 cases[i].error);
		if (!cases[i].error) assert_string_equal(arena_strdup(&a, original), cases[i].original);
	}
	arena_free(&a);
}

static void test_secrets(void **state)
{
	struct arena a;
	struct slice original, old = secret_list[1], address = SLICE("joe@example.net");
	struct srs_secrets new_only = {secret_list, 1}, none = {NULL, 0};
	arena_init(&a, 65536);
	struct slice s = srs_forward(&a, address, SLICE("us.example"), old, NOW);
	assert_int_equal(srs_reverse(&a, s, &secrets, NOW, SRS_DAYS, &original), ERR_OK);
	assert_true(slice_equal(original, address));
	assert_int_equal(srs_reverse(&a, s, &new_only, NOW, SRS_DAYS, &original), ERR_PERMISSION);
	assert_int_equal(srs_reverse(&a, s, &none, NOW, SRS_DAYS, &original), ERR_PERMISSION);
	arena_free(&a);
}

/* A chain of forwarders, and the answer's way back: the first forwarder alone is asked. */
static void test_chain(void **state)
{
	static const char *const addresses[] = {
		"joe@example.net",
		"Joe=X+y@Example.NET",
		"\"joe bloggs\"@example.net",
		"\"SRS0=a=b=c=d\"@example.net",
		"joe@[IPv6:2001:db8::1]",
		"SRS1=foo@example.net",
		"\"\"@example.net",
		"prvs=0789aabbcc=joe@example.net",
	};
	struct slice one = SLICE("one"), two = SLICE("two"), three = SLICE("three");
	struct srs_secrets first = {&one, 1}, third = {&three, 1};
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct slice back, from = slice_str(addresses[i]);
		print_message("%s\n", addresses[i]);
		struct slice s1 = srs_forward(&a, from, SLICE("one.example"), one, NOW);
		struct slice s2 = srs_forward(&a, s1, SLICE("two.example"), two, NOW + DAY);
		struct slice s3 = srs_forward(&a, s2, SLICE("three.example"), three, NOW + 2 * DAY);
		assert_true(slice_search(s3, SLICE("two.example")) == s3.n);
		assert_int_equal(srs_reverse(&a, s3, &third, NOW + 3 * DAY, SRS_DAYS, &back), ERR_OK);
		if (i == 3) { /* is taken for the SRS0 address that it looks like */
			assert_true(slice_equal(back, from));
			continue;
		}
		assert_true(slice_equal(back, s1));
		assert_int_equal(srs_reverse(&a, back, &first, NOW + 3 * DAY, SRS_DAYS, &back), ERR_OK);
		assert_true(slice_equal(back, from));
	}
	arena_free(&a);
}

static void test_limits(void **state)
{
	static char lengthy[1 << 20];
	struct arena a, small;
	struct slice original;
	arena_init(&a, 65536);
	arena_init(&small, 20);
	memset(lengthy, '=', sizeof lengthy);
	memcpy(lengthy, "SRS0", 4);
	memcpy(lengthy + sizeof lengthy - 3, "@us", 3);
	assert_int_equal(srs_reverse(&a, slice_of(lengthy, sizeof lengthy), &secrets, NOW, SRS_DAYS, &original),
	                 ERR_NOT_FOUND);
	assert_null(srs_forward(&a, slice_of(lengthy, sizeof lengthy), SLICE("x"), secret_list[0], NOW).p);
	memcpy(lengthy + TAG_ADDRESS_MOST - 3, "@de", 3);
	assert_non_null(srs_forward(&a, slice_of(lengthy, TAG_ADDRESS_MOST), SLICE("x"), secret_list[0], NOW).p);
	assert_int_equal(srs_reverse(&a, slice_of(lengthy, TAG_ADDRESS_MOST), &secrets, NOW, SRS_DAYS, &original),
	                 ERR_SYNTAX);
	assert_null(srs_forward(&small, SLICE("alice@example.net"), SLICE("us"), secret_list[0], NOW).p);
	arena_reset(&small);
	assert_int_equal(srs_reverse(&small, SLICE("SRS1=4Czr=first.example==AbCd=TT=a.example=joe@us.example"),
	                             &secrets, NOW, SRS_DAYS, &original),
	                 ERR_NO_MEMORY);
	arena_free(&small);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forward), cmocka_unit_test(test_reverse), cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_chain),   cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
