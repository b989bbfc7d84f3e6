/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bounce/tagged.h"

static const struct {
	const char *subject, *left;
} subjects[] = {
	{"", ""},
	{"hello", "hello"},
	{"[EXTERNAL] Re: hello", "Re: hello"},
	{"[EXTERNAL EMAIL] Automatic reply: hello", "Automatic reply: hello"},
	{"[EXT]: Re: hello", "Re: hello"},
	{"EXTERNAL: Re: hello", "Re: hello"},
	{"***SPAM*** Re: hello", "Re: hello"},
	{"*****SPAM***** hello", "hello"},
	{"*** Spamverdacht *** Re: hello", "Re: hello"},
	{"[SPAM?] hello", "hello"},
	{"{Spam?} hello", "hello"},
	{"[SPAM 07.2] hello", "hello"},
	{"[SPAM HIGH] - hello", "hello"},
	{"(suspected spam) hello", "hello"},
	{"Spam: hello", "hello"},
	{"## spam ## hello", "hello"},
	{"[Bulk] [EXTERNAL] ***SPAM*** hello", "hello"},
	{"  [EXT]hello", "hello"},
	{"[внешнее письмо] Re: привет", "Re: привет"},
	{"[外部邮件] 你好", "你好"},
	/* what says something */
	{"Re: hello", "Re: hello"},
	{"[Ticket#1] Re: hello", "[Ticket#1] Re: hello"},
	{"[spamassassin-users] Re: hello", "[spamassassin-users] Re: hello"},
	{"[jira] Re: hello", "[jira] Re: hello"},
	{"{Virus?} hello", "{Virus?} hello"},
	{"[SPAM REPORT] hello", "[SPAM REPORT] hello"},
	{"Spam report: hello", "Spam report: hello"},
	{"[Email] hello", "[Email] hello"},
	{"Mail: hello", "Mail: hello"},
	{"external drive: hello", "external drive: hello"},
	{"*important* hello", "*important* hello"},
	{"- hello", "- hello"},
	/* nothing is left, or no end */
	{"[EXTERNAL]", "[EXTERNAL]"},
	{"***SPAM***", "***SPAM***"},
	{"[EXTERNAL] ", "[EXTERNAL] "},
	{"[EXTERNAL hello", "[EXTERNAL hello"},
	{"***SPAM", "***SPAM"},
	{"****", "****"},
	{"[", "["},
	{":", ":"},
};

static void test_subjects(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		struct slice left = tagged_subject(slice_str(subjects[i].subject));
		if (!slice_equal(left, slice_str(subjects[i].left)))
			fail_msg("\"%s\": \"%.*s\"", subjects[i].subject, SLICE_ARG(left));
	}
}

/* Octets of NUL, and no text at all. */
static void test_odd_octets(void **state)
{
	(void)state;
	static const struct slice odd[] = {SLICE("\0[EXT] a"), SLICE("*\0*SPAM** a"), SLICE("[\0] a")};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) assert_true(slice_equal(tagged_subject(odd[i]), odd[i]));
	assert_int_equal(tagged_subject((struct slice){NULL, 0}).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_odd_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
