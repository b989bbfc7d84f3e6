/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "bounce/received.h"

static const struct {
	const char *value, *by, *id, *from;
} cases[] = {
	{"from a.example ([192.0.2.1])\r\n\tby mx.example.net with ESMTPS id 01h2x3y4z5a6b;\r\n\tWed, 25 Nov 2026 "
         "10:00:00 "
         "+0000",
         "mx.example.net", "01h2x3y4z5a6b", "192.0.2.1"},
	{" from a.example ([IPv6:2001:db8::1])\r\n\t(using TLSv1.3 with cipher X)\r\n\tby mx.example.net with ESMTP id "
         "01h2x3y4z5a6b\r\n\tfor <b@example.net>; date",
         "mx.example.net", "01h2x3y4z5a6b", "2001:db8::1"},
	{"from a.example (a.example [192.0.2.1]) by mx.example.net (Postfix) with ESMTP id 4XyZ", "mx.example.net",
         "4XyZ", "192.0.2.1"},
	{"from [192.0.2.1] (helo=a.example) by mx.example.net with esmtp (Exim 4.96) (envelope-from <x@a.example>) id "
         "1abc-0004-XY for b@example.net; date",
         "mx.example.net", "1abc-0004-XY", "192.0.2.1"},
	{"by mx.example.net (Postfix, from userid 1000) id 4XyZ; date", "mx.example.net", "4XyZ", ""},
	{"(qmail 1234 invoked by uid 500); 25 Nov 2026", "", "", ""},
	{"from a (by evil.example id 1) by mx.example.net id 2; date", "mx.example.net", "2", ""},
	{"from a (nested (by x) id 1 by y) BY mx.example.net ID 2", "mx.example.net", "2", ""},
	{"from a ) by mx.example.net id 2", "mx.example.net", "2", ""},
	{"from a (never closed by mx.example.net id 2", "", "", ""},
	{"from a by mx.example.net; id 2 by other.example", "mx.example.net", "", ""},
	{"from a [192.0.2.300] [192.0.2.3] by x by y id 1 id 2", "x", "1", "192.0.2.3"},
	{"from a by x with y id 1 [192.0.2.3]", "x", "1", ""},
	/* the client's own words: its name in EHLO, what its ident server says */
	{"from [198.51.100.6] ([192.0.2.1]) by mx.example.net with ESMTP id 1", "mx.example.net", "1", "192.0.2.1"},
	{"from [198.51.100.6] (a.example [192.0.2.1]) by mx.example.net id 1", "mx.example.net", "1", "192.0.2.1"},
	{"from [192.0.2.1] (port=1 helo=[198.51.100.6]) by x id 1", "x", "1", "192.0.2.1"},
	{"from a.example ([192.0.2.1] helo=[198.51.100.6]) by x id 1", "x", "1", "192.0.2.1"},
	{"from a.example ([192.0.2.1] ident=x[198.51.100.6] helo=[198.51.100.6]) by x id 1", "x", "1", "192.0.2.1"},
	{"from h (IDENT:[198.51.100.6]@a.example [192.0.2.1] (may be forged)) by x id 1", "x", "1", "192.0.2.1"},
	{"from unknown (HELO [198.51.100.6]) (192.0.2.1) by x with SMTP; date", "x", "", "192.0.2.1"},
	{"from unknown (EHLO [198.51.100.6]) (joe@192.0.2.1) by x with SMTP; date", "x", "", ""},
	{"from EX1.inner.example (2001:db8::7) by EX2.inner.example (2001:db8::8) with Microsoft SMTP Server (v) id "
         "15.2.1; date",
         "EX2.inner.example", "15.2.1", "2001:db8::7"},
	{"from a.example (TLS [192.0.2.1]) (198.51.100.6) by x id 1", "x", "1", "192.0.2.1"},
	{"from id ([192.0.2.1]) by mx.example.net with ESMTP id 1", "mx.example.net", "1", "192.0.2.1"},
	{"from by ([192.0.2.1]) by mx.example.net with ESMTP id 1", "mx.example.net", "1", "192.0.2.1"},
	{"from a ([192.0.2.1]) by mx.example.net with id id 1 for id; date", "mx.example.net", "1", "192.0.2.1"},
	{"from a by x (evil [192.0.2.1]) id 1", "x", "1", ""},
	{"by", "", "", ""},
	{"id by by id", "id", "by", ""},
	{"", "", "", ""},
};

static void fields_of_many_programs(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct received_words w;
		char text[IP_TEXT_SIZE] = "";
		received_read(slice_str(cases[i].value), &w);
		if (w.from.family) ip_text(&w.from, text);
		if (!slice_equal(w.by, slice_str(cases[i].by)) || !slice_equal(w.id, slice_str(cases[i].id)) ||
		    !slice_equal(slice_str(text), slice_str(cases[i].from)))
			fail_msg("%s: by %.*s, id %.*s, from %s", cases[i].value, SLICE_ARG(w.by), SLICE_ARG(w.id),
			         text);
	}
}

static void an_endless_field_is_cut(void **state)
{
	static char text[1 << 20];
	struct received_words w;
	memset(text, '[', sizeof text);
	memcpy(text + sizeof text - 12, " by x id 1 ;", 12);
	received_read(slice_of(text, sizeof text), &w);
	assert_int_equal(w.by.n + w.id.n, 0);
	memcpy(text + 4000, " by x id 1 ;", 12);
	received_read(slice_of(text, sizeof text), &w);
	assert_true(slice_equal(w.by, SLICE("x")));
	assert_true(slice_equal(w.id, SLICE("1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_many_programs),
		cmocka_unit_test(an_endless_field_is_cut),
	};
	return cmocka_run_group_tests_name("bounce/received", tests, NULL, NULL);
}
