/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/message.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct {
	const char *name;
	const char *message;
	size_t n, at;
	const char *text; /* NULL: malformed */
	size_t next;
} names[] = {
	{"the root", BYTES("\0"), 0, ".", 1},
	{"two labels", BYTES("\1A\3bcD\0"), 0, "A.bcD.", 7},
	{"odd octets", BYTES("\4a.\\\377\0"), 0, "a\\046\\092\\255.", 6},
	{"a pointer", BYTES("\3com\0\1a\300\0x"), 5, "a.com.", 9},
	{"a pointer to a pointer", BYTES("\3com\0\1a\300\0\1b\300\5"), 9, "b.a.com.", 13},
	{"a pointer to itself", BYTES("\300\0"), 0, NULL, 0},
	{"a pointer forwards", BYTES("\300\2\1a\0"), 0, NULL, 0},
	{"two that point to each other", BYTES("\1a\300\4\1b\300\0"), 4, NULL, 0},
	{"a loop by way of its own labels", BYTES("\1a\300\0"), 0, NULL, 0},
	{"a pointer cut off", BYTES("\1a\300"), 0, NULL, 0},
	{"a label cut off", BYTES("\5abc"), 0, NULL, 0},
	{"without an end", BYTES("\1a"), 0, NULL, 0},
	{"nothing", BYTES(""), 0, NULL, 0},
	{"label type 01", BYTES("\101a\0"), 0, NULL, 0},
	{"label type 10", BYTES("\201a\0"), 0, NULL, 0},
};

static void test_names_are_read(void **state)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct wire_reader r = wire_read(names[i].message, names[i].n), s;
		struct wire_name name;
		char text[WIRE_NAME_TEXT];
		r.at = names[i].at;
		s = r;
		bool good = wire_take_name(&r, &name);
		if (good != (names[i].text != NULL)) fail_msg("%s", names[i].name);
		if (good && strcmp(wire_name_text(&name, text), names[i].text) != 0)
			fail_msg("%s: %s", names[i].name, text);
		if (good && r.at != names[i].next) fail_msg("%s: ends at %zu", names[i].name, r.at);
		if (!good && (!r.failed || name.n)) fail_msg("%s: no trace of the error", names[i].name);
		if (good && (!wire_skip_name(&s) || s.at != names[i].next)) fail_msg("%s: skipped", names[i].name);
	}
}

/* Octets of a name of that many labels of one letter, and the root. */
static size_t long_name(uint8_t *out, size_t labels)
{
	for (size_t i = 0; i < labels; i++) {
		out[2 * i] = 1;
		out[2 * i + 1] = 'x';
	}
	out[2 * labels] = 0;
	return 2 * labels + 1;
}

static void test_limits_of_names(void **state)
{
	uint8_t octets[600];
	struct wire_name name;
	for (size_t labels = 126; labels <= 129; labels++) {
		struct wire_reader r = wire_read(octets, long_name(octets, labels)), s = r;
		assert_int_equal(wire_take_name(&r, &name), labels <= WIRE_LABELS_MOST);
		assert_int_equal(wire_skip_name(&s), labels <= WIRE_LABELS_MOST);
	}
	/* Names that are short each but not together. */
	size_t n = long_name(octets, 100);
	octets[n] = 1;
	octets[n + 1] = 'y';
	size_t at = n + 2;
	for (size_t labels = 27; labels <= 28; labels++) {
		n = at;
		for (size_t i = 0; i < labels - 1; i++, n += 2) memcpy(octets + n, "\1y", 2);
		memcpy(octets + n, "\300\0", 2);
		struct wire_reader r = wire_read(octets, n + 2);
		r.at = at - 2;
		assert_int_equal(wire_take_name(&r, &name), labels == 27);
	}
	/* More pointers than any honest message has. */
	memcpy(octets, "\1a\0", 3);
	for (size_t i = 0; i < 20; i++) {
		octets[3 + 2 * i] = 0xc0;
		octets[4 + 2 * i] = (uint8_t)(i ? 1 + 2 * i : 0);
		struct wire_reader r = wire_read(octets, 5 + 2 * i);
		r.at = 3 + 2 * i;
		assert_int_equal(wire_take_name(&r, &name), i + 1 <= WIRE_POINTERS);
	}
}

static void test_names_of_text(void **state)
{
	struct wire_name a, b;
	char text[WIRE_NAME_TEXT], most[256];
	assert_true(wire_name_parse("BL.example.NET", 14, &a));
	assert_memory_equal(a.octets, "\2bl\7example\3net", 16);
	assert_int_equal(a.n, 16);
	assert_true(wire_name_parse("bl.example.net.", 15, &b) && wire_name_equal(&a, &b));
	assert_true(wire_name_parse(".", 1, &b) && b.n == 1);
	const char *bad[] = {"",   "..",  "a..b",
	                     ".a", "a..", "a1234567890123456789012345678901234567890123456789012345678901234"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(wire_name_parse(bad[i], strlen(bad[i]), &b));
	for (size_t i = 0; i < sizeof most; i++) most[i] = i % 2 ? '.' : 'a';
	assert_true(wire_name_parse(most, 253, &b) && b.n == WIRE_NAME_MOST);
	assert_false(wire_name_parse(most, 255, &b));

	assert_true(wire_name_parse("x.bl.example.net", 16, &b));
	assert_true(wire_name_within(&b, &a) && wire_name_within(&a, &a) && !wire_name_within(&a, &b));
	assert_true(wire_name_parse("xbl.example.net", 15, &b) && !wire_name_within(&b, &a));
	b = a;
	assert_true(wire_name_prepend(&b, "safe", 4));
	assert_string_equal(wire_name_text(&b, text), "safe.bl.example.net.");
	memcpy(b.octets + 1, "SAFE", 4);
	assert_true(wire_name_within(&b, &a));
	assert_false(wire_name_prepend(&b, most, 64) || wire_name_prepend(&b, most, 0));
}

static void test_records_are_written_and_read(void **state)
{
	uint8_t room[512];
	struct wire_writer w = wire_write(room, sizeof room);
	struct wire_header h = {.id = 0x1234, .flags = FLAG_QR | FLAG_AA, .questions = 1, .answers = 2}, again;
	struct wire_name zone, owner, name;
	wire_name_parse("safe.bl.example.net", 19, &zone);
	owner = zone;
	wire_name_prepend(&owner, "2", 1);
	wire_put_header(&w, &h);
	wire_remember(&w, w.n);
	wire_put_name(&w, &zone);
	wire_put_u16(&w, RR_A);
	wire_put_u16(&w, RR_CLASS_IN);
	size_t first = w.n;
	wire_put_name(&w, &owner);
	size_t length = wire_begin_rdata(&w, RR_A, RR_CLASS_IN, 300);
	wire_put_u32(&w, 0x7f000002);
	wire_end_rdata(&w, length);
	assert_int_equal(w.n - first, 2 + 2 + 10 + 4);
	assert_memory_equal(room + first,
	                    "\1"
	                    "2\300\14\0\1\0\1\0\0\1\54\0\4\177\0\0\2",
	                    w.n - first);
	owner.octets[3] = 'S'; /* another case is not pointed to */
	wire_put_name(&w, &owner);
	wire_end_rdata(&w, wire_begin_rdata(&w, RR_TXT, RR_CLASS_IN, 0));
	assert_false(w.full);

	struct wire_reader r = wire_read(room, w.n);
	struct wire_record record;
	assert_true(wire_take_header(&r, &again) && memcmp(&h, &again, sizeof h) == 0);
	assert_true(wire_take_name(&r, &name) && name.n == zone.n);
	wire_take_u32(&r);
	assert_true(wire_take_record(&r, &name, &record));
	assert_true(wire_name_equal(&name, &owner));
	assert_int_equal(record.at, first);
	assert_int_equal(record.ttl, 300);
	assert_int_equal(record.length, 4);
	assert_memory_equal(record.rdata, "\177\0\0\2", 4);
	assert_true(wire_take_record(&r, NULL, &record));
	assert_int_equal(record.owner_size, owner.n);
	assert_false(wire_take_record(&r, NULL, &record));
	assert_true(r.failed);
	assert_int_equal(wire_take_u32(&r), 0);
}

static void test_a_full_writer_writes_nothing(void **state)
{
	uint8_t room[8];
	memset(room, 0xee, sizeof room);
	struct wire_writer w = wire_write(room, 6);
	wire_put_u32(&w, 1);
	wire_put_u32(&w, 2);
	assert_true(w.full);
	wire_put_u8(&w, 3);
	assert_true(w.full);
	assert_int_equal(w.n, 4 + 2);
	wire_rewind(&w, 4);
	assert_false(w.full);
	wire_put(&w, "ab", 2);
	assert_false(w.full);
	wire_patch_u16(&w, 5, 7);
	assert_memory_equal(room, "\0\0\0\1ab\xee\xee", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_read),
		cmocka_unit_test(test_limits_of_names),
		cmocka_unit_test(test_names_of_text),
		cmocka_unit_test(test_records_are_written_and_read),
		cmocka_unit_test(test_a_full_writer_writes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
