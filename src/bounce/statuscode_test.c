/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounce/statuscode.h"

static const struct {
	const char *name, *text, *code; /* NULL: none */
	enum cause cause;
	unsigned weight;
} codes[] = {
	{"a mailbox", "5.1.1", "5.1.1", CAUSE_mailbox_unknown, 3},
	{"words after it", "4.2.2 full", "4.2.2", CAUSE_mailbox_full, 3},
	{"a colon after it", "5.7.1:", "5.7.1", CAUSE_policy, 1},
	{"success", "2.1.5", "2.1.5", CAUSE_unknown, 0},
	{"three digits", "5.7.606", "5.7.606", CAUSE_policy, 1},
	{"a detail of a vendor's", "5.2.122", "5.2.122", CAUSE_mailbox_disabled, 1},
	{"a sentence's end", "5.1.1.", "5.1.1", CAUSE_mailbox_unknown, 3},
	{"no class", "3.1.1", NULL, CAUSE_unknown, 0},
	{"an address", "5.1.1.1", NULL, CAUSE_unknown, 0},
	{"too many digits", "5.7.6060", NULL, CAUSE_unknown, 0},
	{"two parts", "5.7", NULL, CAUSE_unknown, 0},
	{"no detail", "5.7.", NULL, CAUSE_unknown, 0},
	{"empty", "", NULL, CAUSE_unknown, 0},
	{"leading blank", " 5.1.1", NULL, CAUSE_unknown, 0},
	{"no such subject", "5.9.9", "5.9.9", CAUSE_unknown, 0},
};

static void test_codes(void **state)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct statuscode c;
		unsigned weight;
		char out[STATUSCODE_TEXT_SIZE];
		bool found = statuscode_parse(slice_str(codes[i].text), &c);
		if (found != (codes[i].code != NULL)) fail_msg("%s", codes[i].name);
		if (found) assert_string_equal(statuscode_text(&c, out), codes[i].code);
		if (statuscode_cause(&c, &weight) != codes[i].cause || weight != codes[i].weight)
			fail_msg("%s: %s, %u", codes[i].name, cause_name(statuscode_cause(&c, &weight)), weight);
	}
}

/* Each row once, with words that are a clause. */
static void test_table(void **state)
{
	static const struct {
		uint16_t subject, detail;
		const char *words;
	} rows[] = {
#define X(subject, detail, cause, weight, words) {subject, detail, words},
		STATUSCODE_TABLE(X)
#undef X
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct statuscode c = {.class = 5, .subject = rows[i].subject, .detail = rows[i].detail};
		assert_string_equal(statuscode_words(&c), rows[i].words);
		assert_true(rows[i].words[0] >= 'a' && rows[i].words[0] <= 'z');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
