/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/resolver_internal.h"

#define HEAD(flags, answers) "\0\0\x81" flags "\0\1\0" answers "\0\0\0\0"
#define QUESTION             "\4null\7example\3com\0\0\x10\0\1"
#define TXT(ttl, rdata)      "\xc0\x0c\0\x10\0\1\0\0\0" ttl "\0" rdata
#define PACKET(text)                                                                                                   \
	{                                                                                                              \
		text, sizeof text - 1                                                                                  \
	}

static void test_answers(void **state)
{
	static const struct {
		const char *name;
		struct slice packet;
		size_t count; /* 0: false */
		uint32_t ttl;
		const char *first;
	} cases[] = {
		{"two, one of them empty", PACKET(HEAD("\x80", "\2") QUESTION TXT("\x40", "\3\2hi") TXT("\x20", "\0")),
	         2, 32, "\2hi"},
		{"behind an alias",
	         PACKET(HEAD("\x80", "\2") QUESTION "\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1b\xc0\x11"
	                                            "\1b\7example\3com\0\0\x10\0\1\0\0\0\7\0\0"),
	         1, 7, ""},
		{"another class", PACKET(HEAD("\x80", "\1") QUESTION "\0\0\x10\0\3\0\0\0\7\0\0"), 0},
		{"a failure", PACKET(HEAD("\x82", "\1") QUESTION TXT("\x20", "\0")), 0},
		{"no answer", PACKET(HEAD("\x80", "\0") QUESTION), 0},
		{"a record too few", PACKET(HEAD("\x80", "\2") QUESTION TXT("\x20", "\0")), 0},
		{"RDATA cut off", PACKET(HEAD("\x80", "\1") QUESTION TXT("\x20", "\3\2h")), 0},
		{"a label of a reserved kind", PACKET(HEAD("\x80", "\1") "\x40"), 0},
		{"a name without an end", PACKET(HEAD("\x80", "\1") "\4null"), 0},
		{"half a header", PACKET("\0\0\x81\x80\0\1"), 0},
		{"nothing", PACKET(""), 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice rr[4];
		size_t count;
		uint32_t ttl;
		bool ok = dns_packet_answers(cases[i].packet, DNS_TXT, rr, 4, &count, &ttl);
		if (ok != (cases[i].count > 0)) fail_msg("%s", cases[i].name);
		if (!ok) continue;
		assert_int_equal(count, cases[i].count);
		assert_int_equal(ttl, cases[i].ttl);
		assert_true(slice_equal(rr[0], slice_str(cases[i].first)));
	}
}

static void test_room(void **state)
{
	static const struct slice packet = PACKET(HEAD("\x80", "\2") QUESTION TXT("\x40", "\0") TXT("\x20", "\0"));
	struct slice rr[1];
	size_t count;
	uint32_t ttl;
	assert_true(dns_packet_answers(packet, DNS_TXT, rr, 1, &count, &ttl));
	assert_int_equal(count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers), cmocka_unit_test(test_room)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
