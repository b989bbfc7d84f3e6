/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void addresses(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"::1", "::1"},
		{"2001:DB8:0:0::0:1", "2001:db8::1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::FFFF:c000:201", "192.0.2.1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{"192.0.2.1.1", NULL},
		{"192.0.02.1", NULL},
		{"0x7f.0.0.1", NULL},
		{" 192.0.2.1", NULL},
		{"192.0.2.1 ", NULL},
		{"[::1]", NULL},
		{"::1%1", NULL},
		{"fe80::1::2", NULL},
		{"1:2:3:4:5:6:7:8:9", NULL},
		{"0000:0000:0000:0000:0000:ffff:255.255.255.2555", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ip ip;
		char buf[IP_TEXT_SIZE];
		bool ok = ip_parse(slice_str(rows[i].text), &ip);
		if (ok != (rows[i].want != NULL)) fail_msg("\"%s\"", rows[i].text);
		if (ok) assert_string_equal(ip_text(&ip, buf), rows[i].want);
	}
	struct ip ip, none = {0};
	char buf[IP_TEXT_SIZE];
	assert_false(ip_parse(SLICE("192.0.2.1\0"), &ip));
	assert_false(ip_parse((struct slice){NULL, 0}, &ip));
	assert_string_equal(ip_text(&none, buf), "-");
}

static struct ip ip_of(const char *text)
{
	struct ip ip;
	if (!ip_parse(slice_str(text), &ip)) fail_msg("%s", text);
	return ip;
}

static void loopback_and_equality(void **state)
{
	static const struct {
		const char *text;
		bool loopback;
	} rows[] = {{"127.0.0.1", true}, {"127.255.1.2", true}, {"128.0.0.1", false},       {"::1", true},
	            {"::2", false},      {"::", false},         {"::ffff:127.0.0.1", true}, {"7f00::1", false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ip ip = ip_of(rows[i].text);
		if (ip_is_loopback(&ip) != rows[i].loopback) fail_msg("%s", rows[i].text);
	}
	struct ip a = ip_of("192.0.2.1"), b = ip_of("::ffff:192.0.2.1"), c = ip_of("c000:201::");
	assert_true(ip_equal(&a, &b));
	assert_false(ip_equal(&a, &c));
}

static void endpoints(void **state)
{
	static const struct {
		const char *text;
		uint16_t default_port;
		const char *want;
	} rows[] = {
		{"192.0.2.1:25", 0, "192.0.2.1:25"},
		{"192.0.2.1:2525", 25, "192.0.2.1:2525"},
		{"192.0.2.1", 25, "192.0.2.1:25"},
		{"[2001:db8::1]:25", 0, "[2001:db8::1]:25"},
		{"[2001:db8::1]", 25, "[2001:db8::1]:25"},
		{"2001:db8::1", 25, "[2001:db8::1]:25"},
		{"[::ffff:192.0.2.1]:25", 0, "192.0.2.1:25"},
		{"[fe80::1%7]:25", 0, "[fe80::1%7]:25"},
		{"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535", 0,
	         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535"},
		{"192.0.2.1", 0, NULL},
		{"192.0.2.1:", 25, NULL},
		{"192.0.2.1:0", 25, NULL},
		{"192.0.2.1:65536", 0, NULL},
		{"192.0.2.1:000025", 0, NULL},
		{"192.0.2.1:+25", 0, NULL},
		{"[192.0.2.1]:25", 0, NULL},
		{"[2001:db8::1]25", 0, NULL},
		{"[2001:db8::1]:", 25, NULL},
		{"[2001:db8::1", 25, NULL},
		{"[]:25", 0, NULL},
		{"[", 25, NULL},
		{":25", 25, NULL},
		{"", 25, NULL},
		{"[fe80::1%0]:25", 0, NULL},
		{"[fe80::1%4294967296]:25", 0, NULL},
		{"[fe80::1%eth0]:25", 0, NULL},
		{"192.0.2.1%1:25", 0, NULL},
		{"localhost:25", 0, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct endpoint e, back;
		char buf[ENDPOINT_TEXT_SIZE];
		bool ok = endpoint_parse(slice_str(rows[i].text), rows[i].default_port, &e);
		if (ok != (rows[i].want != NULL)) fail_msg("\"%s\"", rows[i].text);
		if (!ok) continue;
		assert_string_equal(endpoint_text(&e, buf), rows[i].want);
		struct sockaddr_storage sa;
		socklen_t n = endpoint_to_sockaddr(&e, &sa);
		assert_int_equal(n, e.ip.family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		assert_true(endpoint_from_sockaddr((struct sockaddr *)&sa, &back));
		assert_string_equal(endpoint_text(&back, buf), rows[i].want);
	}
}

static void sockaddrs(void **state)
{
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(25), .sin6_scope_id = 3};
	memcpy(&mapped.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	struct endpoint e;
	char buf[ENDPOINT_TEXT_SIZE];
	assert_true(endpoint_from_sockaddr((struct sockaddr *)&mapped, &e));
	assert_string_equal(endpoint_text(&e, buf), "192.0.2.1:25");
	assert_int_equal(e.scope, 0);
	struct sockaddr local = {.sa_family = AF_UNIX};
	assert_false(endpoint_from_sockaddr(&local, &e));
	struct sockaddr_storage sa;
	assert_int_equal(endpoint_to_sockaddr(&(struct endpoint){0}, &sa), 0);
}

static void prefixes(void **state)
{
	static const struct {
		const char *text;
		enum error error;
		int length;
		const char *in, *out;
	} rows[] = {
		{"192.0.2.0/24", ERR_OK, 24, "192.0.2.255", "192.0.3.0"},
		{"192.0.2.128/25", ERR_OK, 25, "192.0.2.128", "192.0.2.127"},
		{"192.0.2.1", ERR_OK, 32, "192.0.2.1", "192.0.2.0"},
		{"192.0.2.1/32", ERR_OK, 32, "::ffff:192.0.2.1", "192.0.2.2"},
		{"0.0.0.0/0", ERR_OK, 0, "255.255.255.255", "::1"},
		{"::/0", ERR_OK, 0, "2001:db8::1", "192.0.2.1"},
		{"2001:db8::/32", ERR_OK, 32, "2001:db8:ffff::", "2001:db9::"},
		{"2001:db8::/29", ERR_OK, 29, "2001:dbf::", "2001:dc0::"},
		{"2001:db8::1", ERR_OK, 128, "2001:db8::1", "2001:db8::"},
		{"::ffff:192.0.2.0/120", ERR_OK, 24, "192.0.2.9", "192.0.3.9"},
		{"::ffff:192.0.2.1", ERR_OK, 32, "192.0.2.1", "192.0.2.0"},
		{"192.0.2.1/24", ERR_INVALID, 0, NULL, NULL},
		{"2001:db8::1/64", ERR_INVALID, 0, NULL, NULL},
		{"::ffff:0:0/95", ERR_INVALID, 0, NULL, NULL},
		{"192.0.2.0/33", ERR_SYNTAX, 0, NULL, NULL},
		{"2001:db8::/129", ERR_SYNTAX, 0, NULL, NULL},
		{"192.0.2.0/", ERR_SYNTAX, 0, NULL, NULL},
		{"192.0.2.0/024", ERR_SYNTAX, 0, NULL, NULL},
		{"192.0.2.0/-1", ERR_SYNTAX, 0, NULL, NULL},
		{"192.0.2.0/24/24", ERR_SYNTAX, 0, NULL, NULL},
		{"/24", ERR_SYNTAX, 0, NULL, NULL},
		{"", ERR_SYNTAX, 0, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct prefix p;
		if (prefix_parse(slice_str(rows[i].text), &p) != rows[i].error) fail_msg("\"%s\"", rows[i].text);
		if (rows[i].error != ERR_OK) continue;
		struct ip in = ip_of(rows[i].in), out = ip_of(rows[i].out);
		assert_int_equal(p.length, rows[i].length);
		if (!prefix_contains(&p, &in) || prefix_contains(&p, &out)) fail_msg("\"%s\"", rows[i].text);
	}
}

static void units(void **state)
{
	char buf[IP_TEXT_SIZE];
	struct ip v4 = ip_of("192.0.2.77"), v6 = ip_of("2001:db8:1:2:3:4:5:6");
	struct prefix p = ip_unit(&v4);
	assert_string_equal(ip_text(&p.ip, buf), "192.0.2.77");
	assert_int_equal(p.length, 32);
	p = ip_unit(&v6);
	assert_string_equal(ip_text(&p.ip, buf), "2001:db8:1:2::");
	assert_int_equal(p.length, 64);
	assert_true(prefix_contains(&p, &v6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(loopback_and_equality),
		cmocka_unit_test(endpoints), cmocka_unit_test(sockaddrs),
		cmocka_unit_test(prefixes),  cmocka_unit_test(units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
