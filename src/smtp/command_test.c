/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "smtp/command.h"

static const struct command_extensions all = {.size = true,
                                              .eightbitmime = true,
                                              .smtputf8 = true,
                                              .dsn = true,
                                              .prdr = true,
                                              .auth = true,
                                              .chunking = true};
static const struct command_extensions none = {0};

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, 1 << 20);
	return 0;
}

static int end(void **state)
{
	arena_free(&arena);
	return 0;
}

static const struct {
	const char *line;
	enum verb verb;
	enum reason reason;
	const char *argument;
} verbs[] = {
	{"HELO mx.example", VERB_HELO, REASON_ok, "mx.example"},
	{"ehlo [192.0.2.1]", VERB_EHLO, REASON_ok, "[192.0.2.1]"},
	{"EHLO bad_name-", VERB_EHLO, REASON_ok, "bad_name-"},
	{"EHLO   mx  ", VERB_EHLO, REASON_ok, "mx"},
	{"EHLO", VERB_EHLO, REASON_syntax, ""},
	{"HELO ", VERB_HELO, REASON_syntax, ""},
	{"EHLO a b", VERB_EHLO, REASON_syntax, "a b"},
	{"EHLO a\tb", VERB_EHLO, REASON_syntax, "a\tb"},
	{"EHLO d\xC3\xB8me", VERB_EHLO, REASON_syntax, "d\xC3\xB8me"},
	{"DATA", VERB_DATA, REASON_ok, ""},
	{"data  \t", VERB_DATA, REASON_ok, ""},
	{"DATA x", VERB_DATA, REASON_syntax, "x"},
	{"RSET", VERB_RSET, REASON_ok, ""},
	{"RSET now", VERB_RSET, REASON_syntax, "now"},
	{"QUIT", VERB_QUIT, REASON_ok, ""},
	{"QUIT bye", VERB_QUIT, REASON_syntax, "bye"},
	{"NOOP", VERB_NOOP, REASON_ok, ""},
	{"NOOP anything at\tall", VERB_NOOP, REASON_ok, "anything at\tall"},
	{"HELP MAIL", VERB_HELP, REASON_ok, "MAIL"},
	{"VRFY bob", VERB_VRFY, REASON_ok, "bob"},
	{"VRFY", VERB_VRFY, REASON_syntax, ""},
	{"EXPN list", VERB_EXPN, REASON_ok, "list"},
	{"EXPN", VERB_EXPN, REASON_syntax, ""},
	{"STARTTLS", VERB_STARTTLS, REASON_ok, ""},
	{"STARTTLS now", VERB_STARTTLS, REASON_syntax, "now"},
	{"AUTH PLAIN AGEAYg==", VERB_AUTH, REASON_ok, "PLAIN AGEAYg=="},
	{"AUTH", VERB_AUTH, REASON_syntax, ""},
	{"", VERB_UNKNOWN, REASON_unknown_command, ""},
	{" NOOP", VERB_UNKNOWN, REASON_unknown_command, "NOOP"},
	{"GET / HTTP/1.1", VERB_UNKNOWN, REASON_unknown_command, "/ HTTP/1.1"},
	{"MAILFROM:<a@b>", VERB_UNKNOWN, REASON_unknown_command, ""},
	{"NOOP\x01", VERB_UNKNOWN, REASON_unknown_command, ""},
	{"NOOP a\rb", VERB_NOOP, REASON_syntax, "a\rb"},
	{"DATA \r", VERB_DATA, REASON_syntax, ""},
};

static void test_verbs(void **state)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		struct command c;
		struct slice detail;
		enum reason r = command_parse(&arena, slice_str(verbs[i].line), &all, &c, &detail);
		if (r != verbs[i].reason || c.verb != verbs[i].verb ||
		    !slice_equal(c.argument, slice_str(verbs[i].argument)))
			fail_msg("%s: %s, %s, [%.*s]", verbs[i].line, reason_row(r)->name, verb_name(c.verb),
			         SLICE_ARG(c.argument));
	}
	struct command c;
	struct slice detail;
	assert_int_equal(command_parse(&arena, slice_of("NOOP a\0b", 8), &all, &c, &detail), REASON_syntax);
}

static const struct {
	const char *line, *text; /* of the path */
	struct command expected; /* its verb, path and argument are not compared */
} mails[] = {
	{"MAIL FROM:<a@b>", "a@b", {0}},
	{"mail from:<a@b>", "a@b", {0}},
	{"MAIL FROM: <a@b>", "a@b", {0}},
	{"MAIL  FROM:<a@b>  ", "a@b", {0}},
	{"MAIL FROM:<>", "", {0}},
	{"MAIL FROM:<> SIZE=0", "", {.has_size = true}},
	{"MAIL FROM:<a@b> SIZE=12345  BODY=8bitmime", "a@b", {.has_size = true, .size = 12345, .body = BODY_8BITMIME}},
	{"MAIL FROM:<a@b> size=18446744073709551615", "a@b", {.has_size = true, .size = UINT64_MAX}},
	{"MAIL FROM:<a@b> SIZE=99999999999999999999", "a@b", {.has_size = true, .size = UINT64_MAX}},
	{"MAIL FROM:<a@b> BODY=7BIT", "a@b", {.body = BODY_7BIT}},
	{"MAIL FROM:<a@b> SMTPUTF8", "a@b", {.smtputf8 = true}},
	{"MAIL FROM:<\xC3\xB8@b> SMTPUTF8", "\xC3\xB8@b", {.smtputf8 = true}},
	{"MAIL FROM:<a@b> PRDR", "a@b", {.prdr = true}},
	{"MAIL FROM:<a@b> RET=HDRS ENVID=QQ+2B314", "a@b", {.ret = RET_HDRS, .envid = {"QQ+2B314", 8}}},
	{"MAIL FROM:<a@b> RET=full", "a@b", {.ret = RET_FULL}},
	{"MAIL FROM:<a@b> AUTH=<>", "a@b", {0}},
	{"MAIL FROM:<a@b> AUTH=e+3Dmc2@example.com", "a@b", {0}},
	{"MAIL FROM:<@x,@y:a@b> PRDR", "a@b", {.prdr = true}},
	{"RCPT TO:<a@b>", "a@b", {0}},
	{"RCPT TO: <a@b> ", "a@b", {0}},
	{"RCPT TO:<Postmaster>", "Postmaster", {0}},
	{"RCPT TO:<\xC3\xB8@b>", "\xC3\xB8@b", {0}},
	{"RCPT TO:<a@b> NOTIFY=NEVER", "a@b", {.notify = NOTIFY_NEVER}},
	{"RCPT TO:<a@b> NOTIFY=success,Failure,DELAY",
         "a@b",
         {.notify = NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY}},
	{"RCPT TO:<a@b> ORCPT=rfc822;a+2Bx@b", "a@b", {.orcpt = {"rfc822;a+2Bx@b", 14}}},
	{"RCPT TO:<a@b> ORCPT=utf-8;\\x{F8}@b", "a@b", {.orcpt = {"utf-8;\\x{F8}@b", 14}}},
	{"RCPT TO:<a@b> ORCPT=utf-8;\xC3\xB8@b", "a@b", {.orcpt = {"utf-8;\xC3\xB8@b", 10}}},
};

static void test_paths(void **state)
{
	for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
		struct command c;
		struct slice detail;
		const struct command *e = &mails[i].expected;
		enum reason r = command_parse(&arena, slice_str(mails[i].line), &all, &c, &detail);
		if (r != REASON_ok) fail_msg("%s: %s: %.*s", mails[i].line, reason_row(r)->name, SLICE_ARG(detail));
		bool same = slice_equal(c.path.text, slice_str(mails[i].text)) && c.has_size == e->has_size &&
		            c.size == e->size && c.body == e->body && c.smtputf8 == e->smtputf8 && c.prdr == e->prdr &&
		            c.ret == e->ret && slice_equal(c.envid, e->envid) && c.notify == e->notify &&
		            slice_equal(c.orcpt, e->orcpt);
		if (!same) fail_msg("%s", mails[i].line);
	}
}

static const struct {
	const char *line;
	enum reason reason;
} refused[] = {
	{"MAIL", REASON_syntax},
	{"MAIL <a@b>", REASON_syntax},
	{"MAIL TO:<a@b>", REASON_syntax},
	{"MAIL FROM <a@b>", REASON_syntax},
	{"MAIL FROM :<a@b>", REASON_syntax},
	{"MAIL FROM:", REASON_bad_sender_address},
	{"MAIL FROM:a@b", REASON_bad_sender_address},
	{"MAIL FROM:  <a@b>", REASON_bad_sender_address},
	{"MAIL FROM:\t<a@b>", REASON_bad_sender_address},
	{"MAIL FROM:<a@b", REASON_bad_sender_address},
	{"MAIL FROM:<postmaster>", REASON_bad_sender_address},
	{"MAIL FROM:<\xF8@b> SMTPUTF8", REASON_bad_sender_address},
	{"MAIL FROM:<\xC3\xB8@b>", REASON_utf8_not_declared},
	{"MAIL FROM:<a@b>SIZE=1", REASON_syntax},
	{"MAIL FROM:<a@b>x", REASON_syntax},
	{"MAIL FROM:<a@b> =1", REASON_syntax},
	{"MAIL FROM:<a@b> -X=1", REASON_syntax},
	{"MAIL FROM:<a@b> S\xC3\xB8=1", REASON_syntax},
	{"MAIL FROM:<a@b> SIZE", REASON_syntax},
	{"MAIL FROM:<a@b> SIZE=", REASON_syntax},
	{"MAIL FROM:<a@b> SIZE=-1", REASON_syntax},
	{"MAIL FROM:<a@b> SIZE=1=2", REASON_syntax},
	{"MAIL FROM:<a@b> SIZE=100000000000000000000", REASON_syntax},
	{"MAIL FROM:<a@b> SIZE=1 SIZE=1", REASON_syntax},
	{"MAIL FROM:<a@b> BODY=9BIT", REASON_syntax},
	{"MAIL FROM:<a@b> BODY=BINARYMIME", REASON_unknown_parameter},
	{"MAIL FROM:<a@b> SMTPUTF8=1", REASON_syntax},
	{"MAIL FROM:<a@b> SMTPUTF8=", REASON_syntax},
	{"MAIL FROM:<a@b> PRDR PRDR", REASON_syntax},
	{"MAIL FROM:<a@b> RET=BODY", REASON_syntax},
	{"MAIL FROM:<a@b> ENVID=a+0D+0Ab", REASON_syntax},
	{"MAIL FROM:<a@b> AUTH=+", REASON_syntax},
	{"MAIL FROM:<a@b> NOTIFY=NEVER", REASON_unknown_parameter},
	{"MAIL FROM:<a@b> X-UNKNOWN", REASON_unknown_parameter},
	{"MAIL FROM:<a@b> HOLDFOR=10", REASON_unknown_parameter},
	{"RCPT TO:<>", REASON_bad_address},
	{"RCPT TO:<a@b@c>", REASON_bad_address},
	{"RCPT TO:a@b", REASON_bad_address},
	{"RCPT FROM:<a@b>", REASON_syntax},
	{"RCPT TO:<a@b> SIZE=1", REASON_unknown_parameter},
	{"RCPT TO:<a@b> NOTIFY=", REASON_syntax},
	{"RCPT TO:<a@b> NOTIFY=NEVER,FAILURE", REASON_syntax},
	{"RCPT TO:<a@b> NOTIFY=FAILURE,NEVER", REASON_syntax},
	{"RCPT TO:<a@b> NOTIFY=FAILURE,", REASON_syntax},
	{"RCPT TO:<a@b> NOTIFY=SOMETIMES", REASON_syntax},
	{"RCPT TO:<a@b> ORCPT=a@b", REASON_syntax},
	{"RCPT TO:<a@b> ORCPT=;a@b", REASON_syntax},
	{"RCPT TO:<a@b> ORCPT=rfc822;", REASON_syntax},
	{"RCPT TO:<a@b> ORCPT=rfc 822;a@b", REASON_syntax},
	{"RCPT TO:<a@b> ORCPT=rfc822;a+0Ab", REASON_syntax},
	{"RCPT TO:<a@b> ORCPT=rfc822;\xC3\xB8@b", REASON_syntax},
	{"RCPT TO:<a@b> ORCPT=utf-8;\xF8@b", REASON_syntax},
	{"BDAT", REASON_syntax},
	{"BDAT x", REASON_syntax},
	{"BDAT 1 FIRST", REASON_syntax},
	{"BDAT 1 LAST x", REASON_syntax},
	{"BDAT -1", REASON_syntax},
	{"BDAT 18446744073709551616", REASON_syntax},
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct command c;
		struct slice detail;
		enum reason r = command_parse(&arena, slice_str(refused[i].line), &all, &c, &detail);
		if (r != refused[i].reason)
			fail_msg("%s: %s: %.*s", refused[i].line, reason_row(r)->name, SLICE_ARG(detail));
		if (r == REASON_syntax && detail.n == 0) fail_msg("%s: no detail", refused[i].line);
	}
}

static void test_extensions_that_were_not_offered(void **state)
{
	static const char *const lines[] = {
		"MAIL FROM:<a@b> SIZE=1",  "MAIL FROM:<a@b> BODY=8BITMIME", "MAIL FROM:<a@b> SMTPUTF8",
		"MAIL FROM:<a@b> PRDR",    "MAIL FROM:<a@b> RET=FULL",      "MAIL FROM:<a@b> ENVID=x",
		"MAIL FROM:<a@b> AUTH=<>", "RCPT TO:<a@b> NOTIFY=NEVER",    "RCPT TO:<a@b> ORCPT=rfc822;a@b",
	};
	struct command c;
	struct slice detail;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (command_parse(&arena, slice_str(lines[i]), &none, &c, &detail) != REASON_unknown_parameter)
			fail_msg("%s", lines[i]);
	assert_int_equal(command_parse(&arena, SLICE("BDAT 1"), &none, &c, &detail), REASON_not_implemented);
	assert_int_equal(command_parse(&arena, SLICE("RCPT TO:<\xC3\xB8@b>"), &none, &c, &detail),
	                 REASON_utf8_not_declared);
	assert_int_equal(command_parse(&arena, SLICE("MAIL FROM:<a@b>"), &none, &c, &detail), REASON_ok);
}

static void test_limits_of_length(void **state)
{
	static const struct {
		const char *format;
		size_t most;
	} rows[] = {{"MAIL FROM:<a@b> ENVID=%.*s", 100}, {"RCPT TO:<a@b> ORCPT=rfc822;%.*s", 493}, {"EHLO %.*s", 255}};
	char xs[600];
	memset(xs, 'x', sizeof xs);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct command c;
		struct slice detail;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		struct slice fits = arena_printf(&arena, rows[i].format, (int)rows[i].most, xs);
		struct slice too_long = arena_printf(&arena, rows[i].format, (int)rows[i].most + 1, xs);
#pragma GCC diagnostic pop
		if (command_parse(&arena, fits, &all, &c, &detail) != REASON_ok) fail_msg("%s: fits", rows[i].format);
		if (command_parse(&arena, too_long, &all, &c, &detail) != REASON_syntax)
			fail_msg("%s: too long", rows[i].format);
	}
}

static void test_bdat(void **state)
{
	struct command c;
	struct slice detail;
	assert_int_equal(command_parse(&arena, SLICE("BDAT 1000"), &all, &c, &detail), REASON_ok);
	assert_true(c.chunk_size == 1000 && !c.chunk_last);
	assert_int_equal(command_parse(&arena, SLICE("bdat 0  last "), &all, &c, &detail), REASON_ok);
	assert_true(c.chunk_size == 0 && c.chunk_last);
}

static void test_table_of_verbs(void **state)
{
	for (int v = 0; v < VERB_COUNT; v++) {
		assert_true(slice_starts(slice_str(verb_help((enum verb)v)), slice_str(verb_name((enum verb)v))));
		assert_true(verb_states((enum verb)v) != 0);
	}
	assert_int_equal(verb_states(VERB_MAIL), STATE_READY);
	assert_int_equal(verb_states(VERB_UNKNOWN), 0);
	assert_string_equal(verb_name(VERB_UNKNOWN), "unknown");
	assert_string_equal(verb_help(VERB_UNKNOWN), "");
}

static void test_no_memory(void **state)
{
	struct arena small;
	struct command c;
	struct slice detail;
	arena_init(&small, 1);
	assert_int_equal(command_parse(&small, SLICE("MAIL FROM:<\"a\\b\"@c>"), &all, &c, &detail), REASON_no_memory);
	arena_free(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_verbs),
		TEST(test_paths),
		TEST(test_refused),
		TEST(test_extensions_that_were_not_offered),
		TEST(test_limits_of_length),
		TEST(test_bdat),
		TEST(test_table_of_verbs),
		TEST(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
