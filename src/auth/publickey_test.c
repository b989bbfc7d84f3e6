/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/base64.h"
#include "auth/publickey.h"

/* Made with openssl; the signatures are of "hello", Ed25519's of its SHA-256. */
static const char rsa_info[] =
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDjdFY2q7kp5wPXDTUlRjmmhwVYMNr4nXFsuJ5zz/bUK2KTyidue+ZuEbJ+"
	"QGSplvduzuoW+AybtWIVHqBi044dohdI88Q1QDF4kkZBqxf1ZVrdCnpEqzHKQxzBPb/SXj42iK2hVFmIpwoqBvqhGn5gCvmW"
	"vzDC5Upfk2sHkPJQLQIDAQAB";
static const char rsa_bare[] =
	"MIGJAoGBAON0VjaruSnnA9cNNSVGOaaHBVgw2vidcWy4nnPP9tQrYpPKJ2575m4Rsn5AZKmW927O6hb4DJu1YhUeoGLTjh2i"
	"F0jzxDVAMXiSRkGrF/VlWt0KekSrMcpDHME9v9JePjaIraFUWYinCioG+qEafmAK+Za/MMLlSl+TaweQ8lAtAgMBAAE=";
static const char rsa_sha256[] =
	"g153rSr44o5XwFD9IBqP5oSTT/SnM6WN2ggJXEilOKfFaynII6lN6B4kLWY5uuhGLuImaqWSD3P463/NP+3tkDJQQEmFjbMh"
	"3bh0Kd7YDSJfkwIYWg3ugTVSEpSZXHH2dzwugfdH/VMgDyIvBrrkC9FQLmDZLBDclcYXsKNfCPE=";
static const char rsa_sha1[] =
	"0D3cMQ4KKN9+qmZY7reCgk1Y7avAiFChO1kThcbOMubnvv9wwN5yFboiOmjb11uWdpHtuWSA+YVWxZRu47tIQZx6ksXmadIB"
	"Md1jBxW/orXnDLQdpE3nhahdp0BB8ov/1WwLNfzI/+uqJbeBOaDjYT/4AI8ioycg2uOhUMvzERs=";
static const char ed25519_info[] = "MCowBQYDK2VwAyEAdwWY9iZs8/6UbawM5i9Pcn3Tp8/f8yFsIydH9NIDbsQ=";
static const char ed25519_sha256[] =
	"zRoPCLAbF9vaj2IteOwPyUuEJPa6no2IXhp3ea22vK8lsDcZgXNdlQzlGUB/JWD1EWL1KsEvRRJMpPF852HFAA==";

static struct slice octets_of(struct arena *a, const char *text)
{
	struct slice out;
	assert_int_equal(base64_decode(a, slice_str(text), &out), ERR_OK);
	return out;
}

static void hash_hello(enum hash_kind kind, unsigned char out[DIGEST_MOST])
{
	struct digest d;
	digest_begin(&d, kind);
	digest_put(&d, SLICE("hello"));
	assert_true(digest_end(&d, out));
}

/* The signature verifies, and neither another hash, nor a changed, cut or empty signature does. */
static void check(enum key_kind kind, struct slice key, enum hash_kind hash_kind, struct slice signature)
{
	struct public_key k;
	unsigned char hash[DIGEST_MOST], other[DIGEST_MOST];
	assert_null(publickey_read(kind, key, &k));
	assert_int_equal(k.bits, publickey_bits(kind, key));
	assert_int_equal(k.bits, kind == KEY_RSA ? 1024 : 256);
	hash_hello(hash_kind, hash);
	hash_hello(hash_kind, other);
	other[7] ^= 1;
	assert_true(publickey_verify(&k, hash_kind, hash, signature));
	assert_false(publickey_verify(&k, hash_kind, other, signature));
	assert_false(publickey_verify(&k, hash_kind, hash, slice_sub(signature, 0, signature.n - 1)));
	assert_false(publickey_verify(&k, hash_kind, hash, SLICE("")));
	((char *)(uintptr_t)signature.p)[3] ^= 1;
	assert_false(publickey_verify(&k, hash_kind, hash, signature));
	((char *)(uintptr_t)signature.p)[3] ^= 1;
	publickey_free(&k);
}

static void test_verify(void **state)
{
	struct arena a;
	arena_init(&a, 65536);
	check(KEY_RSA, octets_of(&a, rsa_info), HASH_SHA256, octets_of(&a, rsa_sha256));
	check(KEY_RSA, octets_of(&a, rsa_bare), HASH_SHA256, octets_of(&a, rsa_sha256));
	check(KEY_RSA, octets_of(&a, rsa_info), HASH_SHA1, octets_of(&a, rsa_sha1));
	struct slice info = octets_of(&a, ed25519_info);
	check(KEY_ED25519, info, HASH_SHA256, octets_of(&a, ed25519_sha256));
	check(KEY_ED25519, slice_sub(info, info.n - 32, info.n), HASH_SHA256, octets_of(&a, ed25519_sha256));
	arena_free(&a);
}

static void refuse(enum key_kind kind, struct slice key)
{
	struct public_key k;
	assert_non_null(publickey_read(kind, key, &k));
	assert_null(k.key);
	publickey_free(&k);
}

static void test_bad_keys(void **state)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct slice info = octets_of(&a, rsa_info), bare = octets_of(&a, rsa_bare),
		     ed25519 = octets_of(&a, ed25519_info);
	for (size_t n = 0; n < info.n; n++) refuse(KEY_RSA, slice_sub(info, 0, n));
	for (size_t n = 0; n < bare.n; n++) refuse(KEY_RSA, slice_sub(bare, 0, n));
	for (size_t n = 0; n < ed25519.n; n++)
		if (n != 32) refuse(KEY_ED25519, slice_sub(ed25519, 0, n));
	refuse(KEY_RSA, ed25519);
	refuse(KEY_ED25519, info);
	assert_int_equal(publickey_bits(KEY_RSA, ed25519), 0);
	refuse(KEY_RSA, arena_printf(&a, "%.*s ", SLICE_ARG(bare)));
	refuse(KEY_RSA, SLICE("\x30\x06\x02\x01\x00\x02\x01\x03")); /* modulus 0 */
	refuse(KEY_RSA, SLICE("\x30\x84\xFF\xFF\xFF\xFF"));
	arena_free(&a);
}

/* A sequence of two numbers: 0xFF.. of that many octets each. */
static struct slice make_rsa(struct arena *a, size_t modulus, size_t exponent)
{
	size_t n = modulus + exponent + 8;
	unsigned char *p = arena_alloc(a, n + 4);
	memset(p, 0xFF, n + 4);
	const unsigned char head[] = {0x30, 0x82, (unsigned char)(n >> 8), (unsigned char)n};
	const unsigned char first[] = {0x02, 0x82, (unsigned char)(modulus >> 8), (unsigned char)modulus};
	const unsigned char second[] = {0x02, 0x82, (unsigned char)(exponent >> 8), (unsigned char)exponent};
	memcpy(p, head, 4);
	memcpy(p + 4, first, 4);
	memcpy(p + 8 + modulus, second, 4);
	return slice_of(p, n + 4);
}

static void test_long_keys(void **state)
{
	struct arena a;
	struct public_key k;
	arena_init(&a, 1 << 20);
	assert_null(publickey_read(KEY_RSA, make_rsa(&a, 1024, 8), &k));
	assert_int_equal(k.bits, 8192);
	publickey_free(&k);
	assert_int_equal(publickey_bits(KEY_RSA, make_rsa(&a, 1025, 8)), 8200);
	refuse(KEY_RSA, make_rsa(&a, 1025, 8));
	refuse(KEY_RSA, make_rsa(&a, 60000, 3));
	refuse(KEY_RSA, make_rsa(&a, 256, 9));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_long_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
