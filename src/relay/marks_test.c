/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void forged_results_are_taken_away_and_all_else_stays(void **state)
{
	static const struct {
		const char *title, *header, *kept; /* kept NULL: nothing is taken away */
	} cases[] = {
		{"none", "Subject: a\r\nFrom: b\r\n\r\n", NULL},
		{"another's", "Authentication-Results: other.example; spf=pass\r\nSubject: a\r\n\r\n", NULL},
		{"ours, first", "Authentication-Results: mx.test; spf=pass\r\nSubject: a\r\n\r\n",
	         "Subject: a\r\n\r\n"},
		{"ours, folded", "Subject: a\r\nauthentication-results:\r\n\tMX.test 1;\r\n spf=pass\r\nTo: c\r\n\r\n",
	         "Subject: a\r\nTo: c\r\n\r\n"},
		{"two of ours",
	         "Authentication-Results: mx.test; none\r\nAuthentication-Results: (c) \"mx.test\"; none\r\n\r\n",
	         "\r\n"},
		{"verdicts that are ours alone to give",
	         "X-Backstop-Bounce: genuine;\r\n\twhy=\"so\"\r\nSubject: a\r\nx-backstop-dmarc : pass\r\n\r\n",
	         "Subject: a\r\n\r\n"},
		{"a name that only has it within", "X-X-Backstop-Bounce: a\r\nX-Backstop: b\r\n\r\n", NULL},
		{"no empty line", "Authentication-Results: mx.test; none\r\nSubject: a\r\n", "Subject: a\r\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct authres none = {0};
		arena_init(&a, 100000);
		struct slice header = slice_str(cases[i].header);
		struct marks m =
			marks_make(&a, SLICE("Received: us\r\n"), header, SLICE("mx.test"), &none, SLICE_EMPTY);
		struct slice wanted = arena_printf(&a, "Authentication-Results: mx.test; none\r\nReceived: us\r\n%s",
		                                   cases[i].kept ? cases[i].kept : "");
		if (!slice_equal(m.head, wanted)) fail_msg("%s: %.*s", cases[i].title, SLICE_ARG(m.head));
		assert_int_equal(m.skip, cases[i].kept ? header.n : 0);
		arena_free(&a);
	}
}

static void other_fields_go_between_results_and_received(void **state)
{
	struct arena a;
	struct authres none = {0};
	arena_init(&a, 100000);
	struct marks m = marks_make(&a, SLICE("Received: us\r\n"), SLICE("\r\n"), SLICE("mx.test"), &none,
	                            SLICE(MARKS_SUPPRESS));
	assert_true(slice_search(m.head, SLICE("\r\nX-Auto-Response-Suppress: All\r\nReceived:")) < m.head.n);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_results_are_taken_away_and_all_else_stays),
		cmocka_unit_test(other_fields_go_between_results_and_received),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
