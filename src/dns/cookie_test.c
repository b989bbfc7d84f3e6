/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/cookie.h"

static struct ip ip_of(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(slice_str(text), &ip));
	return ip;
}

static void from_hex(const char *text, uint8_t *out)
{
	for (size_t i = 0; text[2 * i]; i++) {
		unsigned octet = 0;
		for (size_t k = 0; k < 2; k++) {
			char c = text[2 * i + k];
			octet = octet << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
		out[i] = (uint8_t)octet;
	}
}

static void test_siphash(void **state)
{
	uint8_t key[16], data[15];
	for (uint8_t i = 0; i < 16; i++) key[i] = i;
	for (uint8_t i = 0; i < 15; i++) data[i] = i;
	assert_true(siphash24(key, data, 15) == 0xa129ca6149be45e5ULL); /* appendix A of the SipHash paper */
	assert_true(siphash24(key, data, 0) == 0x726fdb47dd0e0e31ULL);
	assert_true(siphash24(key, data, 8) == 0x93f5f5799a932462ULL);
}

/* RFC 9018 appendix A. */
static const struct {
	const char *name, *secret, *before, *client, *sent;
	int64_t now;
	enum cookie_state state;
	const char *made;
} cases[] = {
	{"A.1 learning a new server cookie", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100",
         "2464c4abcf10c957", 1559731985, COOKIE_FIRST, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
	{"A.2 the same client learning a renewed", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100",
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, COOKIE_OLD,
         "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
	{"A.3 another client with a reserved part that is not ours", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL,
         "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559727985, COOKIE_GOOD, NULL},
	{"A.4 IPv6, secret rolled over", "445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715",
         "2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961,
         COOKIE_OLD, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	{"too old", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100",
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985 + 3601, COOKIE_BAD, NULL},
	{"too far ahead", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100",
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985 - 301, COOKIE_BAD, NULL},
	{"a little ahead", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100",
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985 - 299, COOKIE_GOOD, NULL},
	{"another's address", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.101",
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985, COOKIE_BAD, NULL},
	{"another version", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100",
         "2464c4abcf10c957020000005cf79f111f8130c3eee29480", 1559731985, COOKIE_BAD, NULL},
	{"another length", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100",
         "2464c4abcf10c957010000005cf79f111f8130c3eee294", 1559731985, COOKIE_BAD, NULL},
};

static void test_of_the_rfc(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cookie_master m;
		uint8_t sent[64], made[COOKIE_SIZE], right[64];
		struct ip client = ip_of(cases[i].client);
		assert_true(cookie_master_set(&m, cases[i].secret, cases[i].before));
		struct cookie_secrets s = cookie_secrets_at(&m, cases[i].now);
		from_hex(cases[i].sent, sent);
		enum cookie_state got = cookie_check(&s, sent, strlen(cases[i].sent) / 2, &client, cases[i].now);
		if (got != cases[i].state) fail_msg("%s: state %d", cases[i].name, got);
		if (!cases[i].made) continue;
		from_hex(cases[i].made, right);
		cookie_make(&s, sent, &client, cases[i].now, made);
		if (memcmp(made, right, sizeof made) != 0) fail_msg("%s: another cookie", cases[i].name);
	}
}

static void test_rotation(void **state)
{
	struct cookie_master m, other;
	struct ip client = ip_of("192.0.2.1");
	uint8_t cookie[COOKIE_SIZE];
	int64_t midnight = 20000 * (int64_t)COOKIE_ROTATION;
	assert_int_equal(cookie_master_make(&m), ERR_OK);
	assert_int_equal(cookie_master_make(&other), ERR_OK);
	struct cookie_secrets evening = cookie_secrets_at(&m, midnight - 10),
			      morning = cookie_secrets_at(&m, midnight + 10);
	cookie_make(&evening, (const uint8_t *)"abcdefgh", &client, midnight - 10, cookie);
	assert_int_equal(cookie_check(&evening, cookie, sizeof cookie, &client, midnight - 5), COOKIE_GOOD);
	assert_int_equal(cookie_check(&morning, cookie, sizeof cookie, &client, midnight + 10), COOKIE_OLD);
	struct cookie_secrets foreign = cookie_secrets_at(&other, midnight - 10);
	assert_int_equal(cookie_check(&foreign, cookie, sizeof cookie, &client, midnight - 5), COOKIE_BAD);
	assert_int_equal(cookie_check(&evening, cookie, 0, &client, midnight), COOKIE_NONE);
}

static void test_secrets(void **state)
{
	struct cookie_master m;
	assert_true(cookie_master_set(&m, "E5E973e5a6b2a43f48e7dc849e37bfcf", NULL));
	assert_false(cookie_master_set(&m, "e5e973e5a6b2a43f48e7dc849e37bfc", NULL));
	assert_false(cookie_master_set(&m, "e5e973e5a6b2a43f48e7dc849e37bfcg", NULL));
	assert_false(cookie_master_set(&m, "e5e973e5a6b2a43f48e7dc849e37bfcf", "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_of_the_rfc),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
