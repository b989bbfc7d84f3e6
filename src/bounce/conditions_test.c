/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "bounce/bundle.h"
#include "bounce/conditions.h"
#include "bounce/structure.h"

static struct rules *read(struct slice text)
{
	struct rules *r;
	char problem[RULES_PROBLEM];
	if (rules_read(text, &r, problem) != ERR_OK) fail_msg("%s", problem);
	return r;
}

/* Signals a, b, c, d have phrases; the conditions follow them and are x, y, z. */
static const struct {
	const char *conditions, *fired, *follow;
} cases[] = {
	{"a", "", ""},
	{"a", "a", "x"},
	{"a b", "a", ""},
	{"a b", "ba", "x"},
	{"a|b", "b", "x"},
	{"a|b c|d", "bd", "x"},
	{"a|b c|d", "ab", ""},
	{"!a", "", "x"},
	{"!a", "a", ""},
	{"!a|b", "a", ""},
	{"!a|b", "ab", "x"},
	{"!a|b c", "c", "x"},
	{"a !b", "a", "x"},
	{"a !b", "ab", ""},
	{"a|!b c|!d", "bd", ""},
	{"a|!b c|!d", "", "x"},
	{"a, x, x y", "a", "xyz"},
	{"a, !x, y", "", "yz"},
	{"a, !x, y", "a", "x"},
	{"a b, x|c, y d", "cd", "yz"},
	{"c a|b|d, !x|d", "c", "y"},
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[400] = "backstop-rules 1\n", name = 'x';
		struct conditions *c;
		struct signal_set fired = {0};
		for (const char *s = "abcd"; *s; s++)
			sprintf(text + strlen(text), "signal %c\nin body\n- words of %c\n", *s, *s);
		for (struct slice one, rest = slice_str(cases[i].conditions); rest.p; name++) {
			one = slice_split(&rest, ',');
			char line[100];
			snprintf(line, sizeof line, "%.*s", SLICE_ARG(one));
			sprintf(text + strlen(text), "signal %c\nwhen %s\n", name, line);
		}
		struct rules *r = read(slice_str(text));
		assert_int_equal(conditions_new(r, &c), ERR_OK);
		for (const char *s = cases[i].fired; *s; s++) signal_set(&fired, STRUCTURE_COUNT + (size_t)(*s - 'a'));
		conditions_apply(c, &fired);
		for (char s = 'x'; s < name; s++)
			if (signal_fired(&fired, STRUCTURE_COUNT + 4 + (size_t)(s - 'x')) !=
			    !!strchr(cases[i].follow, s))
				fail_msg("\"%s\" with \"%s\": %c", cases[i].conditions, cases[i].fired, s);
		conditions_free(c);
		rules_free(r);
	}
}

/* Of each condition all that it says. */
static bool holds(const struct rule_signal *s, const struct signal_set *fired)
{
	uint32_t groups = 0, held = 0;
	for (size_t i = 0; i < s->term_count; i++) {
		groups |= 1u << s->terms[i].group;
		if (signal_fired(fired, s->terms[i].signal) != s->terms[i].negated) held |= 1u << s->terms[i].group;
	}
	return held == groups;
}

/* The conditions of the default bundle, with signals by chance: the same as when each is looked at. */
static void default_bundle(void **state)
{
	struct rules *r = read(bundle_default_text());
	struct conditions *c;
	size_t followed = 0;
	uint32_t random = 1;
	assert_int_equal(conditions_new(r, &c), ERR_OK);
	for (size_t round = 0; round < 2000; round++) {
		struct signal_set fired = {0};
		for (size_t i = 0; i < r->signal_count; i++) {
			random = random * 1664525 + 1013904223;
			if (!r->signals[i].derived && (random >> 16) % 64 < round % 32) signal_set(&fired, i);
		}
		struct signal_set expected = fired;
		for (size_t i = 0; i < r->signal_count; i++) {
			if (!r->signals[i].derived || !holds(&r->signals[i], &expected)) continue;
			signal_set(&expected, i);
			followed++;
		}
		conditions_apply(c, &fired);
		assert_memory_equal(&fired, &expected, sizeof fired);
	}
	assert_true(followed > 2000);
	conditions_free(c);
	rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(default_bundle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
