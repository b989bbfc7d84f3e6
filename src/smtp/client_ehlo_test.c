/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/client_ehlo.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct client_extensions parse(const char *text)
{
	struct client_extensions x = {0};
	client_parse_ehlo(slice_str(text), &x);
	return x;
}

static void keywords_are_read_in_any_case(void **state)
{
	(void)state;
	struct client_extensions x =
		parse("mx.example.net hello\nPIPELINING\n8bitmime\nSMTPUTF8\nDsn\nCHUNKING\nSTARTTLS\n"
	              "PRDR\nENHANCEDSTATUSCODES\nSIZE 52428800\nLIMITS MAILMAX=20 RCPTMAX=50");
	assert_true(x.pipelining && x.eightbitmime && x.smtputf8 && x.dsn && x.chunking && x.starttls && x.prdr &&
	            x.enhanced && x.size);
	assert_int_equal(x.max_size, 52428800);
	assert_int_equal(x.mail_max, 20);
	assert_int_equal(x.rcpt_max, 50);
}

static void the_greeting_is_no_keyword(void **state)
{
	(void)state;
	struct client_extensions x = parse("PIPELINING");
	assert_false(x.pipelining);
	x = parse("");
	assert_false(x.pipelining);
}

static void numbers_that_make_no_sense_are_no_limits(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"x\nSIZE",
		"x\nSIZE 0",
		"x\nSIZE -1",
		"x\nSIZE 99999999999999999999999",
		"x\nSIZE lots",
		"x\nLIMITS",
		"x\nLIMITS RCPTMAX",
		"x\nLIMITS RCPTMAX=",
		"x\nLIMITS RCPTMAX=0",
		"x\nLIMITS =5 RCPTMAX=4294967296 MAILMAX=-3",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct client_extensions x = parse(texts[i]);
		assert_int_equal(x.max_size, 0);
		assert_int_equal(x.rcpt_max, 0);
		assert_int_equal(x.mail_max, 0);
	}
}

static void a_keyword_is_a_whole_word(void **state)
{
	(void)state;
	struct client_extensions x = parse("x\nPIPELININGS\nXDSN\nSIZES 5\n\n   \nSTARTTLSX");
	assert_false(x.pipelining || x.dsn || x.size || x.starttls);
	x = parse("x\nPIPELINING please\n  DSN  ");
	assert_true(x.pipelining && x.dsn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keywords_are_read_in_any_case),
		cmocka_unit_test(the_greeting_is_no_keyword),
		cmocka_unit_test(numbers_that_make_no_sense_are_no_limits),
		cmocka_unit_test(a_keyword_is_a_whole_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
