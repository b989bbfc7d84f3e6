/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/resolver_internal.h"
#include "net/test_loop.h"

#define X50 "01234567890123456789012345678901234567890123456789"

static const char table[] = "# a comment\n"
			    "a.example A 192.0.2.1\n"
			    "a.example   A\t192.0.2.2\r\n"
			    "A.example MX 10 mx.example\n"
			    "null.example MX \"0 .\"\n"
			    "six.example AAAA 2001:db8::1\n"
			    "txt.example TXT v=spf1 -all\n"
			    "quoted.example TXT \"one \\\" two\" \"three\"\n"
			    "long.example TXT \"" X50 X50 X50 X50 X50 "55555\" \"x\"\n"
			    "alias.example CNAME Other.example.\n"
			    "other.example CNAME a.example\n"
			    "loop1.example CNAME loop2.example\n"
			    "loop2.example CNAME loop1.example\n"
			    "dangling.example CNAME nothing.example\n"
			    "1.2.0.192.in-addr.arpa PTR a.example\n"
			    "bad.example SERVFAIL\n"
			    "slow.example TIMEOUT\n"
			    "no.example NXDOMAIN";

static const struct {
	const char *name;
	enum dns_type type;
	enum error error;
	struct slice first; /* RDATA */
	size_t count;
	const char *canonical;
} cases[] = {
	{"a.example", DNS_A, ERR_OK, {"\300\0\2\1", 4}, 2, NULL},
	{"A.EXAMPLE.", DNS_A, ERR_OK, {"\300\0\2\1", 4}, 2, NULL},
	{"a.example", DNS_MX, ERR_OK, {"\0\12\2mx\7example\0", 14}, 1, NULL},
	{"null.example", DNS_MX, ERR_OK, {"\0\0\0", 3}, 1, NULL},
	{"a.example", DNS_AAAA, ERR_DNS_NODATA, {NULL, 0}, 0, NULL},
	{"six.example", DNS_AAAA, ERR_OK, {"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16}, 1, NULL},
	{"txt.example", DNS_TXT, ERR_OK, {"\13v=spf1 -all", 12}, 1, NULL},
	{"quoted.example", DNS_TXT, ERR_OK, {"\11one \" two\5three", 16}, 1, NULL},
	{"long.example", DNS_TXT, ERR_OK, {"\377" X50 X50 X50 X50 X50 "55555\1x", 258}, 1, NULL},
	{"alias.example", DNS_A, ERR_OK, {"\300\0\2\1", 4}, 2, "a.example"},
	{"alias.example", DNS_CNAME, ERR_OK, {"\5other\7example\0", 15}, 1, NULL},
	{"alias.example", DNS_TXT, ERR_DNS_NODATA, {NULL, 0}, 0, "a.example"},
	{"dangling.example", DNS_A, ERR_DNS_NXDOMAIN, {NULL, 0}, 0, "nothing.example"},
	{"loop1.example", DNS_A, ERR_DNS_TEMPORARY, {NULL, 0}, 0, NULL},
	{"1.2.0.192.in-addr.arpa", DNS_PTR, ERR_OK, {"\1a\7example\0", 11}, 1, NULL},
	{"bad.example", DNS_A, ERR_DNS_TEMPORARY, {NULL, 0}, 0, NULL},
	{"slow.example", DNS_MX, ERR_TIMEOUT, {NULL, 0}, 0, NULL},
	{"no.example", DNS_A, ERR_DNS_NXDOMAIN, {NULL, 0}, 0, NULL},
	{"unheard.example", DNS_A, ERR_DNS_NXDOMAIN, {NULL, 0}, 0, NULL},
	{"", DNS_A, ERR_INVALID, {NULL, 0}, 0, NULL},
	{"a..b", DNS_A, ERR_INVALID, {NULL, 0}, 0, NULL},
};

static void questions_by_table(void **state)
{
	struct resolver *r;
	char why[256];
	assert_int_equal(resolver_new_table(slice_str(table), &r, why), ERR_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dns_answer *a;
		enum error e = resolver_query(r, cases[i].name, cases[i].type, clock_deadline(10), &a);
		if (e != cases[i].error) fail_msg("%s %d: %s", cases[i].name, cases[i].type, error_name(e));
		bool answered = e == ERR_OK || e == ERR_DNS_NXDOMAIN || e == ERR_DNS_NODATA;
		assert_int_equal(a != NULL, answered);
		if (!a) continue;
		assert_int_equal(a->status, e);
		assert_int_equal(a->count, cases[i].count);
		if (a->count && !slice_equal(a->rr[0], cases[i].first)) fail_msg("%s: wrong RDATA", cases[i].name);
		assert_int_equal(a->canonical_name != NULL, cases[i].canonical != NULL);
		if (a->canonical_name) assert_string_equal(a->canonical_name, cases[i].canonical);
		dns_answer_free(a);
	}
	resolver_free(r);
}

static void mistakes_by_table(void **state)
{
	static const char *const texts[] = {
		"a..b A 192.0.2.1",
		"a A",
		"a A 2001:db8::1",
		"a AAAA 192.0.2.1",
		"a MX host",
		"a MX 65536 host",
		"a MX 10",
		"a TXT \"open",
		"a TXT \"x\" y",
		"a SOA x",
		"a",
		"a CNAME x..y",
		"a SERVFAIL now",
		"a TXT \\9",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct resolver *r;
		char why[256] = "", text[64];
		snprintf(text, sizeof text, "b A 192.0.2.1\n\n%s\n", texts[i]);
		if (resolver_new_table(slice_str(text), &r, why) != ERR_SYNTAX) fail_msg("%s is taken", texts[i]);
		assert_null(r);
		assert_true(slice_starts(slice_str(why), SLICE("line 3: ")));
	}
}

static void body_timeout(void *arg)
{
	struct dns_answer *a;
	int64_t deadline = clock_deadline(50);
	CHECK_ERROR(resolver_query(arg, "slow.example", DNS_A, deadline, &a), ERR_TIMEOUT);
	CHECK(a == NULL && clock_now_ms() >= deadline);
}

static void a_timeout_takes_its_time(void **state)
{
	struct resolver *r;
	char why[256];
	assert_int_equal(resolver_new_table(slice_str(table), &r, why), ERR_OK);
	run_in_fiber(body_timeout, r);
	resolver_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_by_table),
		cmocka_unit_test(mistakes_by_table),
		cmocka_unit_test(a_timeout_takes_its_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
