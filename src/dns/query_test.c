/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/query.h"

#define BYTES(literal)      (literal), sizeof(literal) - 1
#define HEAD(flags, counts) "\x12\x34" flags counts
#define ONE                 "\0\1\0\0\0\0\0\0"
#define ONE_AND_OPT         "\0\1\0\0\0\0\0\1"
#define NAME                "\3BaD\4zOnE\0"
#define QUESTION            NAME "\0\1\0\1"
#define OPT                 "\0\0\51\4\320\0\0\0\0"
#define TSIG                "\1k\0\0\372\0\377\0\0\0\0\0\0"

static const struct {
	const char *name;
	const char *message;
	size_t n;
	enum query_state state;
} cases[] = {
	{"empty", BYTES(""), QUERY_SILENT},
	{"eleven octets", BYTES("\x12\x34\0\0\0\1\0\0\0\0\0"), QUERY_SILENT},
	{"an answer", BYTES(HEAD("\200\0", ONE) QUESTION), QUERY_SILENT},
	{"a question", BYTES(HEAD("\1\0", ONE) QUESTION), QUERY_GOOD},
	{"with EDNS", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION OPT "\0\0"), QUERY_GOOD},
	{"EDNS version 1", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION "\0\0\51\4\320\0\1\0\0\0\0"), QUERY_BAD_VERSION},
	{"no question", BYTES(HEAD("\1\0", "\0\0\0\0\0\0\0\0")), QUERY_BROKEN},
	{"no question but a cookie", BYTES(HEAD("\1\0", "\0\0\0\0\0\0\0\1") OPT "\0\14\0\12\0\10abcdefgh"), QUERY_GOOD},
	{"two questions", BYTES(HEAD("\1\0", "\0\2\0\0\0\0\0\0") QUESTION QUESTION), QUERY_BROKEN},
	{"many questions announced", BYTES(HEAD("\1\0", "\377\377\0\0\0\0\0\0") QUESTION), QUERY_BROKEN},
	{"a question cut off", BYTES(HEAD("\1\0", ONE) NAME "\0\1\0"), QUERY_BROKEN},
	{"a name cut off", BYTES(HEAD("\1\0", ONE) "\3Ba"), QUERY_BROKEN},
	{"compression in the question", BYTES(HEAD("\1\0", ONE) "\1a\300\14\0\1\0\1"), QUERY_BROKEN},
	{"a pointer to itself", BYTES(HEAD("\1\0", ONE) "\300\14\0\1\0\1"), QUERY_BROKEN},
	{"octets left over", BYTES(HEAD("\1\0", ONE) QUESTION "x"), QUERY_BROKEN},
	{"a record in the answer section", BYTES(HEAD("\1\0", "\0\1\0\1\0\0\0\0") QUESTION OPT "\0\0"), QUERY_BROKEN},
	{"OPT in the authority section", BYTES(HEAD("\1\0", "\0\1\0\0\0\1\0\0") QUESTION OPT "\0\0"), QUERY_BROKEN},
	{"two OPT", BYTES(HEAD("\1\0", "\0\1\0\0\0\0\0\2") QUESTION OPT "\0\0" OPT "\0\0"), QUERY_BROKEN},
	{"OPT with a name", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION "\1x\0\0\51\4\320\0\0\0\0\0\0"), QUERY_BROKEN},
	{"OPT cut off", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION OPT), QUERY_BROKEN},
	{"an option longer than OPT", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION OPT "\0\4\0\3\0\1"), QUERY_BROKEN},
	{"half an option", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION OPT "\0\2\0\3"), QUERY_BROKEN},
	{"a cookie of 7", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION OPT "\0\13\0\12\0\7abcdefg"), QUERY_BROKEN},
	{"a cookie of 9", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION OPT "\0\15\0\12\0\11abcdefghi"), QUERY_BROKEN},
	{"a cookie of 16", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION OPT "\0\24\0\12\0\20abcdefghABCDEFGH"), QUERY_GOOD},
	{"TSIG", BYTES(HEAD("\1\0", ONE_AND_OPT) QUESTION TSIG), QUERY_GOOD},
	{"TSIG after OPT", BYTES(HEAD("\1\0", "\0\1\0\0\0\0\0\2") QUESTION OPT "\0\0" TSIG), QUERY_GOOD},
	{"TSIG before OPT", BYTES(HEAD("\1\0", "\0\1\0\0\0\0\0\2") QUESTION TSIG OPT "\0\0"), QUERY_BROKEN},
	{"two TSIG", BYTES(HEAD("\1\0", "\0\1\0\0\0\0\0\2") QUESTION TSIG TSIG), QUERY_BROKEN},
	{"more records than are there", BYTES(HEAD("\1\0", "\0\1\0\0\0\0\0\2") QUESTION OPT "\0\0"), QUERY_BROKEN},
	{"records without end", BYTES(HEAD("\1\0", "\0\1\0\0\377\377\377\377") QUESTION OPT "\0\0"), QUERY_BROKEN},
	{"NOTIFY", BYTES(HEAD("\44\0", ONE) QUESTION), QUERY_NOT_IMPLEMENTED},
	{"UPDATE", BYTES(HEAD("\50\0", ONE) QUESTION), QUERY_NOT_IMPLEMENTED},
	{"opcode 15 and nothing else", BYTES(HEAD("\170\0", ONE)), QUERY_NOT_IMPLEMENTED},
};

static void test_forms(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct query q;
		enum query_state got = query_parse((const uint8_t *)cases[i].message, cases[i].n, &q);
		if (got != cases[i].state) fail_msg("%s: %d, not %d", cases[i].name, got, cases[i].state);
	}
}

static void test_what_is_read(void **state)
{
	struct query q;
	static const char good[] = HEAD("\1\20", "\0\1\0\0\0\1\0\2") QUESTION
		"\300\14\0\6\0\1\0\0\0\0\0\1x"
		"\0\0\51\0\20\0\0\200\0\0\34\0\3\0\0\0\12\0\20abcdefghABCDEFGH\377\0\0\0" TSIG;
	assert_int_equal(query_parse((const uint8_t *)good, sizeof good - 1, &q), QUERY_GOOD);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.flags, FLAG_RD | FLAG_CD);
	assert_int_equal(q.name_size, 10);
	assert_int_equal(q.labels, 2);
	assert_int_equal(q.type, RR_A);
	assert_int_equal(q.class, RR_CLASS_IN);
	assert_true(q.edns && q.dnssec_ok && q.nsid);
	assert_int_equal(q.udp_size, 512); /* 16 was said: RFC 6891 6.2.3 */
	assert_int_equal(q.cookie_size, 16);
	assert_memory_equal(good + q.cookie_at, "abcdefghABCDEFGH", 16);
	assert_int_equal(q.authorities, 1);
	assert_int_equal(q.authority_at, 26);
	assert_memory_equal(good + q.tsig_at, TSIG, sizeof TSIG - 1);
	assert_int_equal(q.size, sizeof good - 1);
}

static void test_cut_anywhere(void **state)
{
	static const char whole[] = HEAD("\1\0", ONE_AND_OPT) QUESTION OPT "\0\14\0\12\0\10abcdefgh";
	struct query q;
	for (size_t n = 0; n < sizeof whole; n++) {
		enum query_state got = query_parse((const uint8_t *)whole, n, &q);
		enum query_state right = n < 12 ? QUERY_SILENT : n == sizeof whole - 1 ? QUERY_GOOD : QUERY_BROKEN;
		assert_int_equal(got, right);
		assert_int_equal(q.question_end, n < 26 ? 0 : 26);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
