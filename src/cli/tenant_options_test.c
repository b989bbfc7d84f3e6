/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tenant_options.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int option_of(const char *name)
{
	for (const struct option *o = tenant_options_getopt(); o->name; o++)
		if (strcmp(o->name, name) == 0) return o->val;
	fail_msg("%s", name);
	return 0;
}

/* Complaints are expected, and not for the reader of the test's output. */
static int take_quietly(struct tenant_options *o, int option, const char *value)
{
	int before = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	dup2(null, STDERR_FILENO);
	int status = tenant_options_take(o, option, value);
	dup2(before, STDERR_FILENO);
	close(null);
	close(before);
	return status;
}

/* One option; the tenant as JSON must have the text, or the option is refused. */
static void options_are_taken_or_refused(void **state)
{
	static const struct {
		const char *name, *value, *json; /* json NULL: refused */
	} cases[] = {
		{"domain", "Example.ORG.", "\"domains\":[\"example.org\"]"},
		{"domain", ".example.net", "\"domains\":[\".example.net\"]"},
		{"domain",
	         "b\xc3\xbc"
	         "cher.example",
	         "\"domains\":[\"xn--bcher-kva.example\"]"},
		{"domain", "not a domain", NULL},
		{"domain", "", NULL},
		{"domain", ".", NULL},
		{"domain", "..a", NULL},
		{"domain", "none", "\"domains\":[]"},
		{"route", "192.0.2.1:2525", "{\"host\":\"192.0.2.1\",\"port\":2525,\"preference\":10}"},
		{"route", "192.0.2.1", "{\"host\":\"192.0.2.1\",\"port\":25,\"preference\":10}"},
		{"route", "[2001:db8::1]:26@7", "{\"host\":\"2001:db8::1\",\"port\":26,\"preference\":7}"},
		{"route", "MX.example.org:25@65535", "{\"host\":\"mx.example.org\",\"port\":25,\"preference\":65535}"},
		{"route", "mx.example.org:25@65536", NULL},
		{"route", "mx.example.org:25@", NULL},
		{"route", "nonsense:port", NULL},
		{"route", "mx.example.org:0", NULL},
		{"route", "mx.example.org:65536", NULL},
		{"route", "192.0.2.1:0", NULL},
		{"route", "", NULL},
		{"from", "192.0.2.0/24", "\"from\":[\"192.0.2.0/24\"]"},
		{"from", "192.0.2.1", "\"from\":[\"192.0.2.1/32\"]"},
		{"from", "2001:db8::/32", "\"from\":[\"2001:db8::/32\"]"},
		{"from", "192.0.2.1/24", NULL},
		{"from", "nonsense", NULL},
		{"certificate", HEX, "\"certificates\":[\"" HEX "\"]"},
		{"certificate",
	         "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef",
	         "\"certificates\":[\"" HEX "\"]"},
		{"certificate", HEX "0", NULL},
		{"certificate", "0123", NULL},
		{"user", "joe:$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "\"users\":[\"joe\"]"},
		{"user", "joe:secret", "\"users\":[\"joe\"]"},
		{"user", "joe:", NULL},
		{"user", ":secret", NULL},
		{"ask", "data", "\"ask\":\"data\""},
		{"ask", "never", NULL},
		{"directory", "partial", "\"directory\":\"partial\""},
		{"directory", "", NULL},
		{"plus", "-", "\"plus\":\"-\""},
		{"plus", "none", "\"plus\":\"\""},
		{"plus", "--", NULL},
		{"case-sensitive", NULL, "\"case_sensitive\":true"},
		{"no-case-sensitive", NULL, "\"case_sensitive\":false"},
		{"catch-all", NULL, "\"catch_all\":true"},
		{"no-catch-all", NULL, "\"catch_all\":false"},
		{"tls", "require", "\"tls\":\"require\""},
		{"tls", "perhaps", NULL},
		{"dmarc", "enforce", "\"dmarc\":\"enforce\""},
		{"dmarc", "reject", NULL},
		{"backscatter", "tag", "\"backscatter\":\"tag\""},
		{"backscatter", "refuse", "\"backscatter\":\"refuse\""},
		{"backscatter", "hold", NULL},
		{"tags", "prvs", "\"tags\":\"prvs\",\"tags_since\":1795000000"},
		{"tags", "sub-address", "\"tags\":\"sub-address\",\"tags_since\":1795000000"},
		{"tags", "off", "\"tags\":\"off\",\"tags_since\":0"},
		{"tags", "on", NULL},
		{"tag-check", "refuse", "\"tag_check\":\"refuse\""},
		{"tag-check", "never", NULL},
		{"tag-exception", "Joe@Example.ORG", "\"tag_exceptions\":[\"Joe@example.org\"]"},
		{"tag-exception", "@example.org", "\"tag_exceptions\":[\"@example.org\"]"},
		{"tag-exception", "none", "\"tag_exceptions\":[]"},
		{"tag-exception", "joe", NULL},
		{"contain", NULL, "\"contain\":true"},
		{"no-contain", NULL, "\"contain\":false"},
		{"no-spool", NULL, "\"spool\":false"},
		{"no-sign", NULL, "\"sign\":false"},
		{"unproven", "discard", "\"unproven\":\"discard\""},
		{"unproven", "hold", "\"unproven\":\"hold\""},
		{"unproven", "send", NULL},
		{"learn", "on", "\"learn\":true"},
		{"learn", "off", "\"learn\":false"},
		{"learn", "no", NULL},
		{"digest", "boss@example.org", "\"digest\":\"boss@example.org\""},
		{"digest", "none", "\"digest\":\"\""},
		{"digest", "@example.org", NULL},
		{"enable", NULL, "\"enabled\":true"},
		{"disable", NULL, "\"enabled\":false"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct tenant_options o;
		arena_init(&a, 1 << 20);
		tenant_options_init(&o, &a);
		int status = take_quietly(&o, option_of(cases[i].name), cases[i].value);
		assert_int_equal(status, cases[i].json ? 0 : CLI_USAGE);
		if (!status) {
			struct tenant t = tenant_options_defaults("acme");
			assert_int_equal(tenant_options_apply(&o, &t, 1795000000), 0);
			char *json = tenant_json(&t);
			if (!strstr(json, cases[i].json)) fail_msg("%s %s: %s", cases[i].name, cases[i].value, json);
			free(json);
		}
		arena_free(&a);
	}
}

static void signing_counts_from_when_it_was_turned_on_again(void **state)
{
	struct arena a;
	struct tenant_options off, on;
	struct tenant t = tenant_options_defaults("acme");
	arena_init(&a, 1 << 20);
	tenant_options_init(&off, &a);
	tenant_options_init(&on, &a);
	assert_int_equal(tenant_options_take(&off, option_of("no-sign"), NULL), 0);
	assert_int_equal(tenant_options_take(&on, option_of("sign"), NULL), 0);
	assert_int_equal(tenant_options_apply(&on, &t, 1795000000), 0);
	assert_int_equal(t.sign_since, 0);
	assert_int_equal(tenant_options_apply(&off, &t, 1795000001), 0);
	assert_int_equal(tenant_options_apply(&on, &t, 1795000002), 0);
	assert_int_equal(t.sign_since, 1795000002);
	assert_int_equal(tenant_options_apply(&on, &t, 1795000003), 0);
	assert_int_equal(t.sign_since, 1795000002);
	arena_free(&a);
}

static void what_is_not_given_stays(void **state)
{
	struct arena a;
	struct tenant_options o;
	struct tenant_domain domain = {.name = "old.org"};
	struct tenant t = {.name = "acme", .domains = &domain, .domain_count = 1, .catch_all = true, .plus = '='};
	arena_init(&a, 1 << 20);
	tenant_options_init(&o, &a);
	assert_false(o.any);
	for (int i = 0; i < 20; i++) {
		char cidr[32];
		snprintf(cidr, sizeof cidr, "10.0.%d.0/24", i);
		assert_int_equal(tenant_options_take(&o, option_of("from"), cidr), 0);
	}
	assert_int_equal(tenant_options_take(&o, option_of("route"), "a.org"), 0);
	assert_int_equal(tenant_options_take(&o, option_of("route"), "b.org"), 0);
	assert_true(o.any);
	assert_int_equal(tenant_options_apply(&o, &t, 1795000000), 0);
	assert_int_equal(t.from_count, 20);
	assert_int_equal(t.from[19].ip.octets[2], 19);
	assert_int_equal(t.downstreams[1].preference, 20);
	assert_int_equal(t.domain_count, 1);
	assert_string_equal(t.domains[0].name, "old.org");
	assert_true(t.catch_all);
	assert_int_equal(t.plus, '=');
	arena_free(&a);
}

static void every_option_has_help(void **state)
{
	for (const struct option *o = tenant_options_getopt(); o->name; o++) {
		char name[40];
		snprintf(name, sizeof name, "--%s ", o->name);
		assert_non_null(strstr(tenant_options_help(), name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_taken_or_refused),
		cmocka_unit_test(signing_counts_from_when_it_was_turned_on_again),
		cmocka_unit_test(what_is_not_given_stays),
		cmocka_unit_test(every_option_has_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
