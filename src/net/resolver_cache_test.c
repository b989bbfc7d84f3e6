/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/resolver_internal.h"

static struct dns_name name_of(const char *text)
{
	struct dns_name n;
	assert_true(dns_name_parse(slice_str(text), &n));
	return n;
}

static void store(struct dns_cache *c, uint32_t resolver, const char *name, enum error status, uint32_t ttl,
                  int64_t now)
{
	struct dns_name n = name_of(name);
	struct slice rr[2] = {SLICE("\1\2\3\4"), SLICE("")};
	struct dns_answer *a = dns_answer_make(status, true, ttl, rr, status == ERR_OK ? 2 : 0, "alias.example");
	dns_cache_store(c, resolver, &n, DNS_A, a, now);
	dns_answer_free(a);
}

/* The ttl of what is found, -1 when nothing is. */
static int64_t found(struct dns_cache *c, uint32_t resolver, const char *name, enum dns_type type, int64_t now)
{
	struct dns_name n = name_of(name);
	struct dns_answer *a = dns_cache_find(c, resolver, &n, type, now);
	int64_t ttl = a ? (int64_t)a->ttl : -1;
	dns_answer_free(a);
	return ttl;
}

static void an_answer_lives_as_long_as_its_ttl(void **state)
{
	static const struct {
		enum error status;
		uint32_t ttl;
		int64_t lives; /* seconds */
	} cases[] = {
		{ERR_OK, 30, 30},           {ERR_OK, 0, 0},
		{ERR_OK, 86400, 300},       {ERR_DNS_NXDOMAIN, 30, 30},
		{ERR_DNS_NODATA, 3600, 60}, {ERR_OK, UINT32_MAX, 300},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dns_cache *c = dns_cache_new();
		store(c, 1, "a.example", cases[i].status, cases[i].ttl, 1000);
		int64_t end = 1000 + cases[i].lives * 1000;
		assert_int_equal(found(c, 1, "a.example", DNS_A, end), -1);
		store(c, 1, "a.example", cases[i].status, cases[i].ttl, 1000);
		if (cases[i].lives) {
			assert_int_equal(found(c, 1, "a.example", DNS_A, 1000), cases[i].lives);
			assert_int_equal(found(c, 1, "a.example", DNS_A, end - 1), 1);
		}
		assert_int_equal(found(c, 1, "a.example", DNS_A, end), -1);
		dns_cache_free(c);
	}
}

static void a_copy_is_whole(void **state)
{
	struct dns_cache *c = dns_cache_new();
	struct dns_name n = name_of("a.example");
	store(c, 1, "a.example", ERR_OK, 60, 0);
	struct dns_answer *a = dns_cache_find(c, 1, &n, DNS_A, 0);
	dns_cache_free(c);
	assert_non_null(a);
	assert_true(a->secure && a->status == ERR_OK && a->count == 2);
	assert_true(slice_equal(a->rr[0], SLICE("\1\2\3\4")) && a->rr[1].n == 0);
	assert_string_equal(a->canonical_name, "alias.example");
	dns_answer_free(a);
}

static void the_key_is_name_type_and_resolver(void **state)
{
	struct dns_cache *c = dns_cache_new();
	store(c, 1, "a.example", ERR_OK, 60, 0);
	assert_int_equal(found(c, 1, "A.EXAMPLE.", DNS_A, 0), 60);
	assert_int_equal(found(c, 1, "a.example", DNS_AAAA, 0), -1);
	assert_int_equal(found(c, 2, "a.example", DNS_A, 0), -1);
	assert_int_equal(found(c, 1, "b.example", DNS_A, 0), -1);
	store(c, 1, "a.example", ERR_OK, 90, 0);
	assert_int_equal(found(c, 1, "a.example", DNS_A, 0), 90);
	assert_int_equal(dns_cache_count(c), 1);
	dns_cache_free(c);
}

static void it_is_bounded_and_keeps_what_is_used(void **state)
{
	struct dns_cache *c = dns_cache_new();
	char name[32];
	store(c, 1, "often.example", ERR_OK, 300, 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof name, "n%d.example", i);
		store(c, 1, name, ERR_OK, 300, 0);
		assert_int_equal(found(c, 1, name, DNS_A, 0), 300);
		assert_int_equal(found(c, 1, "often.example", DNS_A, 0), 300);
	}
	assert_true(dns_cache_count(c) <= 2048 && dns_cache_count(c) > 2000);
	dns_cache_free(c);
}

static void a_huge_answer_is_not_kept(void **state)
{
	struct dns_cache *c = dns_cache_new();
	struct dns_name n = name_of("big.example");
	char *octets = calloc(1, 8192);
	struct slice rr = slice_of(octets, 8192);
	struct dns_answer *a = dns_answer_make(ERR_OK, false, 60, &rr, 1, NULL);
	dns_cache_store(c, 1, &n, DNS_TXT, a, 0);
	assert_int_equal(dns_cache_count(c), 0);
	dns_answer_free(a);
	free(octets);
	dns_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_lives_as_long_as_its_ttl),
		cmocka_unit_test(a_copy_is_whole),
		cmocka_unit_test(the_key_is_name_type_and_resolver),
		cmocka_unit_test(it_is_bounded_and_keeps_what_is_used),
		cmocka_unit_test(a_huge_answer_is_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
