/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/tagging.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW 1795472220

static const char *exceptions[] = {"list@tenant.example", "@news.example"};
static struct tenant_domain domains[] = {{.name = "tenant.example"}, {.name = "news.example"}};

static void return_paths_are_tagged_where_the_tenant_wants_it(void **state)
{
#define L54 "a123456789b123456789c123456789d123456789e12345678901234" /* 55 octets: none is left for the tag */
	static const struct {
		const char *name, *path;
		enum tenant_tags tags;
		enum tagging expected;
		const char *begins, *ends;
	} cases[] = {
		{"prvs", "joe@tenant.example", TENANT_TAGS_PRVS, TAGGING_DONE, "prvs=3", "=joe@tenant.example"},
		{"sub-address", "joe@tenant.example", TENANT_TAGS_SUBADDRESS, TAGGING_DONE, "joe+prvs=3",
	         "@tenant.example"},
		{"off", "joe@tenant.example", TENANT_TAGS_OFF, TAGGING_NOT_WANTED},
		{"null return path", "", TENANT_TAGS_PRVS, TAGGING_NOT_WANTED},
		{"a sender who also sends elsewhere", "List@Tenant.example", TENANT_TAGS_PRVS, TAGGING_NOT_WANTED},
		{"a domain of such senders", "any@news.example", TENANT_TAGS_PRVS, TAGGING_NOT_WANTED},
		{"not the tenant's domain", "joe@else.example", TENANT_TAGS_PRVS, TAGGING_NOT_WANTED},
		{"no address", "joe", TENANT_TAGS_PRVS, TAGGING_NOT_WANTED},
		{"tagged by the tenant's server", "prvs=1234abcdef=joe@tenant.example", TENANT_TAGS_PRVS,
	         TAGGING_FOREIGN},
		{"in capitals", "PRVS=1234ABCDEF=joe@tenant.example", TENANT_TAGS_PRVS, TAGGING_FOREIGN},
		{"as sub-address", "joe+prvs=1234abcdef@tenant.example", TENANT_TAGS_PRVS, TAGGING_FOREIGN},
		{"as sub-address of another kind", "joe-prvs=1234abcdef@tenant.example", TENANT_TAGS_PRVS,
	         TAGGING_FOREIGN},
		{"Barracuda's", "btv1==0123456789a==joe@tenant.example", TENANT_TAGS_PRVS, TAGGING_FOREIGN},
		{"a word that ends so", "myprvs=1@tenant.example", TENANT_TAGS_PRVS, TAGGING_DONE, "prvs=3",
	         "=myprvs=1@tenant.example"},
		{"too long", L54 "@tenant.example", TENANT_TAGS_PRVS, TAGGING_TOO_LONG},
	};
	struct batv_key key = {.secret = SLICE("a secret"), .number = 3};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct slice out, original;
		struct tenant t = {.domains = domains,
		                   .domain_count = 2,
		                   .plus = '+',
		                   .tags = cases[i].tags,
		                   .tag_check = TENANT_CHECK_OFF, /* another matter */
		                   .tag_exceptions = exceptions,
		                   .tag_exception_count = 2};
		struct slice path = slice_str(cases[i].path);
		arena_init(&a, 8192);
		enum tagging got = tagging_return_path(&a, &t, &key, path, NOW, &out);
		if (got != cases[i].expected) fail_msg("%s: %d", cases[i].name, got);
		if (got == TAGGING_DONE) {
			assert_true(slice_starts(out, slice_str(cases[i].begins)));
			assert_true(slice_ends_nocase(out, slice_str(cases[i].ends)));
			assert_int_equal(batv_verify(&a, out, &key, 1, '+', NOW + 6 * 86400, &original), BATV_VALID);
			assert_true(slice_equal(original, path));
			assert_int_equal(batv_verify(&a, out, &key, 1, '+', NOW + 9 * 86400, &original), BATV_EXPIRED);
		} else {
			assert_true(slice_equal(out, path));
		}
		arena_free(&a);
	}
}

static void without_a_key_or_a_tenant_nothing_is_tagged(void **state)
{
	struct arena a;
	struct slice out;
	struct batv_key key = {.secret = SLICE("a secret")};
	struct tenant t = {.domains = domains, .domain_count = 1, .tags = TENANT_TAGS_SUBADDRESS};
	arena_init(&a, 8192);
	assert_int_equal(tagging_return_path(&a, NULL, &key, SLICE("joe@tenant.example"), NOW, &out),
	                 TAGGING_NOT_WANTED);
	assert_int_equal(tagging_return_path(&a, &t, NULL, SLICE("joe@tenant.example"), NOW, &out), TAGGING_NO_KEY);
	/* no sub-addresses at this tenant: the other form */
	assert_int_equal(tagging_return_path(&a, &t, &key, SLICE("joe@tenant.example"), NOW, &out), TAGGING_DONE);
	assert_true(slice_starts(out, SLICE("prvs=0")));
	arena_free(&a);
	arena_init(&a, 8);
	assert_int_equal(tagging_return_path(&a, &t, &key, SLICE("joe@tenant.example"), NOW, &out), TAGGING_NO_MEMORY);
	assert_true(slice_equal(out, SLICE("joe@tenant.example")));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(return_paths_are_tagged_where_the_tenant_wants_it),
		cmocka_unit_test(without_a_key_or_a_tenant_nothing_is_tagged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
