/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/tsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECRET "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" /* 0123456789abcdef0123456789abcdef */
#define T      1700000000

/* clang-format off */
/* Made with dnspython 2.3: a question for AXFR of bl.example.net signed by key.example at T, and three messages that answer it. */
static const struct {
	enum tsig_algorithm algorithm;
	const char *query, *answers[3];
} vectors[] = {
	{TSIG_HMAC_SHA256,
	 "12340000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006553f100012c002090b789e6d38ea6fa86c296f05334fe56c52c3dd5effca8333e7ea8429ff235b4123400000000",
	 {"12348000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006553f100012c002085589bfe2de2e4a26e7e72cbc27e577c95ddf1c983bac7c54dd197314dc57e09123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006553f100012c00204c2e8b82945b6da6e8d72c61b61ff0aec60d68b93abea8a81eb61fc9d09d00cc123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020683cc3cc56face374ad71d287c17672aa221638cae11c348bb527ccf6900be15123400000000"}},
	{TSIG_HMAC_SHA1,
	 "12340000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff00000000002f09686d61632d736861310000006553f100012c00146dffc628c90799bef1dc0add87712a550ad979ff123400000000",
	 {"12348000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff00000000002f09686d61632d736861310000006553f100012c001415b51897b323b4baad0a280dedf8e65decbb7b57123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff00000000002f09686d61632d736861310000006553f100012c00146258a5457f6c762f802802072d0a202e82bb6e52123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff00000000002f09686d61632d736861310000006553f100012c0014262260b63c7b6c0e5c148a3793c9c8d64aa41569123400000000"}},
	{TSIG_HMAC_SHA224,
	 "12340000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff0000000000390b686d61632d7368613232340000006553f100012c001cbd4bd167b1f1310fc82242560d1952c42123949b66b3a501adde3573123400000000",
	 {"12348000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff0000000000390b686d61632d7368613232340000006553f100012c001cfbf129cb4c86af9d086b8e6fe4c2536426dc8d6cb3227b9e786724bf123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff0000000000390b686d61632d7368613232340000006553f100012c001c8652fc5b81c8831f5373668b16ccbc3a260412aa2dc2fe4bd4057bac123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff0000000000390b686d61632d7368613232340000006553f100012c001ca14d483fee24f02f49a25dcb77a79cd2a8aa3e7bd2a22e554d9c69f0123400000000"}},
	{TSIG_HMAC_SHA384,
	 "12340000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006553f100012c00301c536d219875e1dc49d79fc6adf9b5a6ca67b22bbba4fd81ecfde21d7578c2c826d0759d1e186e8a87270f7e733ea78e123400000000",
	 {"12348000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006553f100012c003058f9c821810dfccb8190f32a7b0e75fc16095d54852d560a8030751e470ababa09193fa45fe73c2fb50daed6e9a22b5f123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006553f100012c00305b02b59af73b123d1428e0bb3d81f88764d81f2130852afd77ce5d5087a0f1a1f9ad143e10bd10fdeebf6b4b58f16404123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006553f100012c00302dcbe6418749ed45ff37e73ca520cb73216df6c2fcabd597c5d683554e5e66ddb1ea135c309b321b50eb22ef0c1761ae123400000000"}},
	{TSIG_HMAC_SHA512,
	 "12340000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006553f100012c00407fa9b5fe7da3e708f0d1bf09b00d923862d3068419a8e0f51768fafe4f799cbab26d3f078c8edb5749c58fbaa5d0e70179eb9fc635d35d1469834e7edd282671123400000000",
	 {"12348000000100000000000102626c076578616d706c65036e65740000fc0001036b6579076578616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006553f100012c0040ff04dc8eda7b86ef281cc133681fa7a77b1af2664656b0414ee333976b6e93123e37b647988610e6bd2f4ffc6d40f00a472aed1ed7be0c43101e4b41f2e476e5123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006553f100012c00409252ea010fb94c2d955bad3a7a2c75d636a222bbecddcfd32065719b57368a62214c71e646ab2d693445c6ae4df1ec647bb48c5572e8d2213181dc8d71aba47e123400000000",
	  "123480000000000000000001036b6579076578616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006553f100012c0040cfdd3b8f33ab73200efd3735514a0af284afa0f7b35db829a12de2382c4b92d8c3436121f07df7935deada6cb19854a53fee0a733521a7e2456c6eae2683f372123400000000"}},
};
/* clang-format on */

static struct arena arena;

static struct tsig_keys keys_of(enum tsig_algorithm a, const char *name)
{
	struct config_tsig from = {.name = name, .algorithm = a, .secret = SECRET};
	struct tsig_keys keys;
	assert_int_equal(tsig_keys_read(&from, 1, &arena, &keys), ERR_OK);
	return keys;
}

static size_t unhex(const char *hex, uint8_t out[600])
{
	size_t n = 0;
	for (; hex[0]; hex += 2) {
		unsigned octet;
		assert_int_equal(sscanf(hex, "%2x", &octet), 1);
		out[n++] = (uint8_t)octet;
	}
	return n;
}

/* The message without its TSIG, which begins at that octet. */
static size_t cut(uint8_t *message, size_t at)
{
	message[11]--;
	return at;
}

#define QUERY_BARE 32 /* octets of header and question */
#define LATER_BARE 12

/* What we sign is octet for octet what the other implementation signs, and it checks out the other way round. */
static void test_vectors(void **state)
{
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct tsig_keys keys = keys_of(vectors[i].algorithm, "key.example");
		struct tsig t, client;
		uint8_t query[600], again[600], expected[600], answer[600 + TSIG_ROOM];
		size_t n = unhex(vectors[i].query, query), whole = n;
		memcpy(again, query, n);
		enum tsig_result r = tsig_check_request(query, &n, &keys, T + 300, &t);
		assert_string_equal(tsig_error_name(t.error), "NOERROR");
		assert_int_equal(r, TSIG_GOOD);
		assert_ptr_equal(t.key, &keys.keys[0]);
		assert_int_equal(n, QUERY_BARE);
		assert_int_equal(query[11], 0);
		tsig_begin(&client, &keys.keys[0]);
		assert_int_equal(tsig_sign(&client, query, n, sizeof query, T), whole);
		assert_memory_equal(query, again, whole);
		for (size_t m = 0; m < 3; m++) {
			size_t want = unhex(vectors[i].answers[m], expected), bare = m ? LATER_BARE : QUERY_BARE;
			memcpy(answer, expected, bare);
			answer[11] = 0;
			assert_int_equal(tsig_sign(&t, answer, bare, want - 1, T),
			                 0); /* no room, and nothing has happened */
			assert_int_equal(tsig_sign(&t, answer, bare, want, T), want);
			assert_memory_equal(answer, expected, want);
			assert_int_equal(tsig_check_answer(&client, answer, &want, T + 299), ERR_OK);
			assert_int_equal(want, bare);
		}
	}
}

/* ---- what is refused, and how ------------------------------------------------------------------------------------------ */

static size_t good_query(uint8_t out[600])
{
	return unhex(vectors[0].query, out);
}

#define NAME_AT   32
#define RDATA_AT  (NAME_AT + 13 + 10)
#define TIME_AT   (RDATA_AT + 13)
#define LENGTH_AT (TIME_AT + 8)
#define MAC_AT    (LENGTH_AT + 2)

/* Shortens the MAC of the query to so many octets. */
static size_t shorten_mac(uint8_t *q, size_t n, size_t mac)
{
	size_t off = 32 - mac;
	memmove(q + MAC_AT + mac, q + MAC_AT + 32, n - MAC_AT - 32);
	q[LENGTH_AT + 1] = (uint8_t)mac;
	q[RDATA_AT - 1] = (uint8_t)(q[RDATA_AT - 1] - off);
	return n - off;
}

static size_t edit(const char *what, uint8_t *q, size_t n)
{
	size_t mac;
	if (strcmp(what, "mac") == 0) q[MAC_AT + 31] ^= 1;
	if (strcmp(what, "question") == 0) q[13] ^= 1;
	if (strcmp(what, "id") == 0) q[0] ^= 1; /* a forwarder's: the original id is what counts */
	if (strcmp(what, "original id") == 0) q[MAC_AT + 32] ^= 1;
	if (strcmp(what, "time") == 0) q[TIME_AT + 5] ^= 1;
	if (strcmp(what, "key") == 0) q[NAME_AT + 1] = 'q';
	if (strcmp(what, "KEY") == 0) q[NAME_AT + 1] = 'K';
	if (strcmp(what, "algorithm") == 0) q[RDATA_AT + 11] = '7';
	if (strcmp(what, "class") == 0) q[NAME_AT + 16] = 1;
	if (strcmp(what, "ttl") == 0) q[NAME_AT + 20] = 1;
	if (strcmp(what, "rdata length") == 0) q[RDATA_AT - 1]--;
	if (strcmp(what, "mac length") == 0) q[LENGTH_AT] = 1;
	if (strcmp(what, "short message") == 0) return n - 1;
	if (strcmp(what, "more behind") == 0) q[n++] = 0;
	if (strcmp(what, "no record") == 0) q[11] = 0;
	if (strcmp(what, "two records") == 0) {
		memcpy(q + n, q + NAME_AT, n - NAME_AT);
		q[11] = 2;
		return 2 * n - NAME_AT;
	}
	if (strcmp(what, "as an answer") == 0) q[7] = 1, q[11] = 0;
	if (sscanf(what, "mac of %zu", &mac) == 1) return shorten_mac(q, n, mac);
	return n;
}

static const struct {
	const char *what;
	int64_t after; /* the clock, past T */
	enum tsig_result result;
	unsigned error;
} refused[] = {
	{"nothing", 0, TSIG_GOOD, 0},
	{"nothing", 300, TSIG_GOOD, 0},
	{"nothing", -300, TSIG_GOOD, 0},
	{"nothing", 301, TSIG_FAILED, RCODE_BADTIME},
	{"nothing", -301, TSIG_FAILED, RCODE_BADTIME},
	{"id", 0, TSIG_GOOD, 0},
	{"KEY", 0, TSIG_GOOD, 0},
	{"mac", 0, TSIG_FAILED, RCODE_BADSIG},
	{"mac", 999, TSIG_FAILED, RCODE_BADSIG}, /* nobody without the key learns of our clock's opinion */
	{"question", 0, TSIG_FAILED, RCODE_BADSIG},
	{"original id", 0, TSIG_FAILED, RCODE_BADSIG},
	{"time", 0, TSIG_FAILED, RCODE_BADSIG},
	{"key", 0, TSIG_FAILED, RCODE_BADKEY},
	{"algorithm", 0, TSIG_FAILED, RCODE_BADKEY},
	{"mac of 31", 0, TSIG_FAILED, RCODE_BADTRUNC},
	{"mac of 16", 0, TSIG_FAILED, RCODE_BADTRUNC},
	{"mac of 15", 0, TSIG_FORMERR, 0},
	{"mac of 0", 0, TSIG_FORMERR, 0},
	{"class", 0, TSIG_FORMERR, 0},
	{"ttl", 0, TSIG_FORMERR, 0},
	{"rdata length", 0, TSIG_FORMERR, 0},
	{"mac length", 0, TSIG_FORMERR, 0},
	{"short message", 0, TSIG_FORMERR, 0},
	{"more behind", 0, TSIG_FORMERR, 0},
	{"two records", 0, TSIG_FORMERR, 0},
	{"as an answer", 0, TSIG_FORMERR, 0},
	{"no record", 0, TSIG_NONE, 0},
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct tsig_keys keys = keys_of(TSIG_HMAC_SHA256, "key.example");
		struct tsig t;
		uint8_t q[600];
		size_t n = edit(refused[i].what, q, good_query(q)), before = n;
		enum tsig_result result = tsig_check_request(q, &n, &keys, T + refused[i].after, &t);
		if (result != refused[i].result || t.error != refused[i].error) printf("case: %s\n", refused[i].what);
		assert_int_equal(result, refused[i].result);
		assert_int_equal(t.error, refused[i].error);
		assert_int_equal(n, result == TSIG_GOOD || result == TSIG_FAILED ? QUERY_BARE : before);
		assert_int_equal(t.active, result == TSIG_GOOD || result == TSIG_FAILED);
	}
}

/* The answer to a request that failed: signed where both sides know the secret (5.3.2). */
static void test_answers_to_refused(void **state)
{
	static const struct {
		const char *what;
		int64_t after;
		bool is_signed;
	} cases[] = {{"nothing", 301, true}, {"mac of 31", 0, true}, {"mac", 0, false}, {"key", 0, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tsig_keys keys = keys_of(TSIG_HMAC_SHA256, "key.example");
		struct tsig t, client;
		uint8_t q[600 + TSIG_ROOM];
		int64_t now = T + cases[i].after;
		size_t n = good_query(q);
		tsig_begin(&client, &keys.keys[0]);
		n = cut(q, QUERY_BARE);
		n = tsig_sign(&client, q, n, sizeof q, T);
		n = edit(cases[i].what, q, n);
		if (strcmp(cases[i].what, "mac of 31") == 0) client.mac_n = 31; /* it sent so many */
		assert_int_equal(tsig_check_request(q, &n, &keys, now, &t), TSIG_FAILED);
		q[2] = 0x80;
		q[3] = RCODE_NOTAUTH;
		n = tsig_sign(&t, q, n, sizeof q, now);
		assert_true(n > QUERY_BARE);
		assert_int_equal(q[LENGTH_AT + 1], cases[i].is_signed ? 32 : 0);
		unsigned error = t.error;
		assert_int_equal(tsig_check_answer(&client, q, &n, T + 10), ERR_PERMISSION);
		assert_int_equal(client.error, error);
		if (error == RCODE_BADTIME) {                                          /* 5.2.3: our clock is told */
			static const uint8_t clock[] = {0, 0, 0x65, 0x53, 0xf2, 0x2d}; /* T + 301 */
			assert_memory_equal(q + MAC_AT + 32 + 6, clock, sizeof clock);
		}
	}
}

static void test_nobody(void **state)
{
	struct tsig_keys none = {NULL, 0};
	struct tsig t;
	uint8_t q[600];
	size_t n = good_query(q);
	assert_int_equal(tsig_check_request(q, &n, &none, T, &t), TSIG_FAILED);
	assert_int_equal(t.error, RCODE_BADKEY);
	n = 11;
	assert_int_equal(tsig_check_request(q, &n, &none, T, &t), TSIG_FORMERR);
	assert_int_equal(tsig_sign(&t, q, 12, sizeof q, T), 12); /* no TSIG, nothing to sign */
	struct tsig_keys keys = keys_of(TSIG_HMAC_SHA256, "other.example");
	assert_non_null(tsig_key_find(&keys, "other.example"));
	assert_null(tsig_key_find(&keys, "key.example"));
	for (enum tsig_algorithm a = TSIG_HMAC_SHA256; a <= TSIG_HMAC_SHA512; a++)
		assert_true(strncmp(tsig_algorithm_name(a), "hmac-sha", 8) == 0);
	assert_string_equal(tsig_error_name(RCODE_BADTRUNC), "BADTRUNC");
}

static int setup(void **state)
{
	arena_init(&arena, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_answers_to_refused),
		cmocka_unit_test(test_nobody),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
