/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/resolver_internal.h"

#define L63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"

/* clang-format off */
static const struct {
	const char *text;
	const char *wire; /* NULL: not a name */
	size_t n;
	const char *again; /* as text again; NULL: the same */
} names[] = {
#define W(wire) wire, sizeof(wire)
	{"mx.example.net", W("\2mx\7example\3net"), NULL},
	{"mx.example.net.", W("\2mx\7example\3net"), "mx.example.net"},
	{"MX.Example.NET", W("\2mx\7example\3net"), "mx.example.net"},
	{".", W(""), NULL},
	{"_25._tcp.a", W("\3_25\4_tcp\1a"), NULL},
	{"a\\.b.c", W("\3a.b\1c"), NULL},
	{"a\\\\b", W("\3a\\b"), NULL},
	{"\\000\\255 x", W("\4\0\xff x"), "\\000\\255\\032x"},
	{"\\097", W("\1a"), "a"},
	{L63 ".x", W("\77" L63 "\1x"), NULL},
	{"", NULL, 0, NULL},
	{"..", NULL, 0, NULL},
	{".a", NULL, 0, NULL},
	{"a..b", NULL, 0, NULL},
	{"a..", NULL, 0, NULL},
	{"x" L63, NULL, 0, NULL},
	{"a\\", NULL, 0, NULL},
	{"a\\2", NULL, 0, NULL},
	{"a\\25x", NULL, 0, NULL},
	{"a\\256", NULL, 0, NULL},
#undef W
};
/* clang-format on */

static void names_by_table(void **state)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct dns_name name;
		char text[DNS_TEXT_MAX];
		bool ok = dns_name_parse(slice_str(names[i].text), &name);
		if (ok != (names[i].wire != NULL)) fail_msg("%s: %d", names[i].text, ok);
		if (!ok) continue;
		if (!slice_equal(dns_name_slice(&name), slice_of(names[i].wire, names[i].n)))
			fail_msg("%s: wrong octets", names[i].text);
		assert_true(dns_rdata_name(dns_name_slice(&name), text));
		assert_string_equal(text, names[i].again ? names[i].again : names[i].text);
	}
}

static void names_end_at_255_octets(void **state)
{
	struct dns_name name;
	char text[DNS_TEXT_MAX];
	/* Three labels of 63 and one of 61: 64 * 3 + 62 + 1 = 255. */
	assert_true(dns_name_parse(SLICE(L63 "." L63 "." L63
	                                     ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1"),
	                           &name));
	assert_int_equal(name.n, 255);
	assert_true(dns_rdata_name(dns_name_slice(&name), text));
	assert_false(dns_name_parse(SLICE(L63 "." L63 "." L63
	                                      ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12"),
	                            &name));
	/* Every octet escaped: the longest text there is. */
	unsigned char wire[255] = {0};
	for (int i = 0; i < 3; i++) wire[i * 64] = 63;
	wire[192] = 61;
	assert_true(dns_rdata_name(slice_of(wire, 255), text));
	assert_int_equal(strlen(text), 250 * 4 + 3);
	unsigned char long_wire[257] = {0};
	for (int i = 0; i < 4; i++) long_wire[i * 64] = 63;
	assert_false(dns_rdata_name(slice_of(long_wire, 257), text));
}

static void malformed_names_by_table(void **state)
{
	static const struct slice cases[] = {
		{"", 0}, {"\1a", 2}, {"\2a\0", 3}, {"\300\14", 2}, {"\1a\300\0", 4}, {"\100aaaa\0", 6}, {"\1a\0x", 4},
	};
	char text[DNS_TEXT_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (dns_rdata_name(cases[i], text)) fail_msg("case %zu is taken for a name", i);
}

static void exchangers_by_table(void **state)
{
	uint16_t preference;
	char text[DNS_TEXT_MAX];
	assert_true(dns_rdata_mx(slice_of("\1\12\2mx\1a\0", 8), &preference, text));
	assert_int_equal(preference, 266);
	assert_string_equal(text, "mx.a");
	assert_true(dns_rdata_mx(slice_of("\0\0\0", 3), &preference, text)); /* RFC 7505: null MX */
	assert_string_equal(text, ".");
	assert_false(dns_rdata_mx(slice_of("\0\0", 2), &preference, text));
	assert_false(dns_rdata_mx(slice_of("\0\12\1a", 4), &preference, text));
	assert_false(dns_rdata_mx(slice_of("\0\12\1a\0\0", 6), &preference, text));
}

static void addresses_by_table(void **state)
{
	struct ip ip;
	char text[IP_TEXT_SIZE];
	assert_true(dns_rdata_ip(DNS_A, slice_of("\300\0\2\1", 4), &ip));
	assert_string_equal(ip_text(&ip, text), "192.0.2.1");
	assert_true(dns_rdata_ip(DNS_AAAA, slice_of("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16), &ip));
	assert_string_equal(ip_text(&ip, text), "2001:db8::1");
	assert_true(dns_rdata_ip(DNS_AAAA, slice_of("\0\0\0\0\0\0\0\0\0\0\xff\xff\300\0\2\1", 16), &ip));
	assert_string_equal(ip_text(&ip, text), "192.0.2.1");
	assert_false(dns_rdata_ip(DNS_A, slice_of("\300\0\2", 3), &ip));
	assert_false(dns_rdata_ip(DNS_AAAA, slice_of("\300\0\2\1", 4), &ip));
	assert_false(dns_rdata_ip(DNS_TXT, slice_of("\300\0\2\1", 4), &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_by_table),           cmocka_unit_test(names_end_at_255_octets),
		cmocka_unit_test(malformed_names_by_table), cmocka_unit_test(exchangers_by_table),
		cmocka_unit_test(addresses_by_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
