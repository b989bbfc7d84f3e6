/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "auth/base64.h"
#include "auth/publickey.h"
#include "auth/signing_key.h"

/* Made with openssl for this test. */
static const char rsa_pkcs8[] = "-----BEGIN PRIVATE KEY-----\n"
				"MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAON0VjaruSnnA9cN\n"
				"NSVGOaaHBVgw2vidcWy4nnPP9tQrYpPKJ2575m4Rsn5AZKmW927O6hb4DJu1YhUe\n"
				"oGLTjh2iF0jzxDVAMXiSRkGrF/VlWt0KekSrMcpDHME9v9JePjaIraFUWYinCioG\n"
				"+qEafmAK+Za/MMLlSl+TaweQ8lAtAgMBAAECgYEAmZl5kwfaTgq8lCBOMHLBAc0S\n"
				"deDgLp4b96ChGHJrLBJ0Sntsr3aqQNBgqlOP5tqVE1ZVzNcLpKcTqlF5W+OjhudJ\n"
				"MCLkFHd+LE7oIVpcNOokuUMZdHiiyHTeHzlBnGY27GQedt9m2hX4pjWBradVDdIm\n"
				"iCMLqSehrnYo3kmlBD0CQQD6c/hwfIfV+Yplff7s63nWTKUJq/EQdU9WDqmmLkB0\n"
				"WDCA2v/MfXJJR6ZNvWg9mjlRqm77pui/mQ10n8c30JZbAkEA6H33zwOKesl9dDYT\n"
				"cmIklSYK1vCtQxV2BF5cl4juGcA/eaMriRxZZBzUwCEHLj0mKtlcOBtXELsf8oYo\n"
				"8oPKFwJAMqadifJFbmrHKHtwwO1meIaLogcZ+6Ad6WORv7/+3Qiw1n5z2SFNqbBJ\n"
				"29MAb+TuzqtPQqmgzI7hf8KIgas3nQJAKwRTu6vuDXYGjmALDRj3p9kYHFj/1e+8\n"
				"nGZRP4CIfZ9Cn2D/hykFqS5kdwAlcfrCex8onwEABQp6iMcmAGk+FQJAO6BsqbwV\n"
				"J9Hxk2ZHdfV2k9UoOMkaPw4MKY5e+8f8vyKtb1pmCyUcX4H8JLrdmg/BmAPu/j23\n"
				"KyvifuVZxrlCHg==\n"
				"-----END PRIVATE KEY-----\n";
static const char rsa_traditional[] = "-----BEGIN RSA PRIVATE KEY-----\n"
				      "MIICXAIBAAKBgQDjdFY2q7kp5wPXDTUlRjmmhwVYMNr4nXFsuJ5zz/bUK2KTyidu\n"
				      "e+ZuEbJ+QGSplvduzuoW+AybtWIVHqBi044dohdI88Q1QDF4kkZBqxf1ZVrdCnpE\n"
				      "qzHKQxzBPb/SXj42iK2hVFmIpwoqBvqhGn5gCvmWvzDC5Upfk2sHkPJQLQIDAQAB\n"
				      "AoGBAJmZeZMH2k4KvJQgTjBywQHNEnXg4C6eG/egoRhyaywSdEp7bK92qkDQYKpT\n"
				      "j+balRNWVczXC6SnE6pReVvjo4bnSTAi5BR3fixO6CFaXDTqJLlDGXR4osh03h85\n"
				      "QZxmNuxkHnbfZtoV+KY1ga2nVQ3SJogjC6knoa52KN5JpQQ9AkEA+nP4cHyH1fmK\n"
				      "ZX3+7Ot51kylCavxEHVPVg6ppi5AdFgwgNr/zH1ySUemTb1oPZo5Uapu+6bov5kN\n"
				      "dJ/HN9CWWwJBAOh9988DinrJfXQ2E3JiJJUmCtbwrUMVdgReXJeI7hnAP3mjK4kc\n"
				      "WWQc1MAhBy49JirZXDgbVxC7H/KGKPKDyhcCQDKmnYnyRW5qxyh7cMDtZniGi6IH\n"
				      "GfugHeljkb+//t0IsNZ+c9khTamwSdvTAG/k7s6rT0KpoMyO4X/CiIGrN50CQCsE\n"
				      "U7ur7g12Bo5gCw0Y96fZGBxY/9XvvJxmUT+AiH2fQp9g/4cpBakuZHcAJXH6wnsf\n"
				      "KJ8BAAUKeojHJgBpPhUCQDugbKm8FSfR8ZNmR3X1dpPVKDjJGj8ODCmOXvvH/L8i\n"
				      "rW9aZgslHF+B/CS63ZoPwZgD7v49tysr4n7lWca5Qh4=\n"
				      "-----END RSA PRIVATE KEY-----\n";
static const char ed25519[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MC4CAQAwBQYDK2VwBCIEIJcyUjrC8S+seC/6xNdU+UOZs1jVWxpx1tZerKoJuTFW\n"
			      "-----END PRIVATE KEY-----\n";
static const char rsa_locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
				 "MIIC3TBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQI9dkh8LKpUxACAggA\n"
				 "MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBDspu8IvqtsSU3Lk7Haa8LiBIIC\n"
				 "gMv5o4QTlAiWp0nygWVpdALAh3FA+Kzg1oZhg6MPnAhFi5k08Y7gnkcCLBwd7505\n"
				 "MwYnGx8t32o7myszjBL8dUlshlxXCHrwCjD/JCRbvo7XZ3tHOTW433tlFDtadBri\n"
				 "/l8C7o7WKugGvAKcJ0ZVC7ty/ZJoPMtYeMQhFDjSeiFBu64iVjbgSsURiGQ+h4f/\n"
				 "q6AU68hOX3hKjwX2Ab6q22kEFSjIVyBDBAs3OUVsDM8bHBdtNfYRj4SCK/Px3czt\n"
				 "rzxN3W8a2niJ5Cs/chB7x8+wAewAJjt43DF2RAKS5prsQs7EFn+/jq2ipylviw9j\n"
				 "8PTMWz2Nd5aP+2uu8ClIu4jk0QNOc9k1z+5KcROpXeZW8Iu55k3+TeosWYdha4go\n"
				 "NbiiJkaixbd1CbkLZPnw7u3iVGWjhrMfNThtCWG1epgaV/af9OkN4E6rws+ylY+I\n"
				 "E3Yq39kdGgp4waeNX8SpTTuwETxpxg6AUqiwW2DGqEeh3XnoUFbUhADQQZO0N7pm\n"
				 "33IiG6gvJqadDb+nDBcwiUNnM390JLAH8VvQAHDplZZ9PU+HC7znVWXq91GtUHyh\n"
				 "zUNSFdoq+a19S7rW+RlVFahGNINP0vTn/ChlwrIY+v5l81EdRKpx72YSKjHdXzJB\n"
				 "WlNFLz1g9Qpw73UFhmcB6hhTuylF63d3/QSLLsyq4hTtkymelh0VzsI5i/ygbeL0\n"
				 "Il1y1tlg890FprVe9OLjnZPTCkvv/tPB2HSiyyd6dU2p4txTnE5afl/c7ZPuvNp8\n"
				 "nr3yWE/Lh0KeQHD/yZErrcaS3XQGT5S7NPpgGzC6H7BFkKkm5G/1QlQv5Wo/hUqc\n"
				 "1V9qSgpDjRjhGgoPfoAEr+M=\n"
				 "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char rsa_public[] = "-----BEGIN PUBLIC KEY-----\n"
				 "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDjdFY2q7kp5wPXDTUlRjmmhwVY\n"
				 "MNr4nXFsuJ5zz/bUK2KTyidue+ZuEbJ+QGSplvduzuoW+AybtWIVHqBi044dohdI\n"
				 "88Q1QDF4kkZBqxf1ZVrdCnpEqzHKQxzBPb/SXj42iK2hVFmIpwoqBvqhGn5gCvmW\n"
				 "vzDC5Upfk2sHkPJQLQIDAQAB\n"
				 "-----END PUBLIC KEY-----\n";
static const char rsa_short[] = "-----BEGIN PRIVATE KEY-----\n"
				"MIIB5QIBADANBgkqhkiG9w0BAQEFAASCAc8wggHLAgEAAmEAvFBZF0DM01zMjxgv\n"
				"+7nUCpwFgjbci7jAIXInrQpNERBRtXLbXxj1txrv3J5NkeTDWFSEK3vaWUQq6lx1\n"
				"9sLyaJBfaMFLlICTGrdfb9PmkKtA5+va0ws6JQkdU0AW6HLBAgMBAAECYA5uIcWU\n"
				"Y522uL4mXlbt0H/XoNxvk8rpJ1/ovX2XEnzCQWCkIodRBFM5rzO6tbr+SpACW2rD\n"
				"8S+gBC9Q4PpR7UBal6EFJlhTOsRb+88tE0orBWL9dZ/unUaVvuWzZmn62QIxAPK9\n"
				"yvdXVlRVVdLkodG5bjrl7AUdqnbHT8UjAN27JMwV8FXRzDTCXEAoxLLk3E9aYwIx\n"
				"AMaZgWEIr3j+iuezWnSdeDxa09rh9Du4FfyjwWeJsgEGTLIsYIQsQkFLUdLou0rV\n"
				"iwIwfMqNubKwsxJb2NupRURrIuRo/ghORloY7GQeYd9//1uX/saokMcK3gEXflCh\n"
				"4jm5AjEAwKtT1Stz8NIhOD/L1a6fYw5K0eK76uPgkMTdcPEo+818wq5CxHebn3TO\n"
				"4OpgKW2ZAjEA6b47Gc0aM9GaKf6B52KT/mf5kNBQiaL7wFeX1dUQQese/6/vWUhg\n"
				"urtFnH3R8zFN\n"
				"-----END PRIVATE KEY-----\n";
static const char elliptic[] = "-----BEGIN PRIVATE KEY-----\n"
			       "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjHrmawSyTSU2jOtQ\n"
			       "gcc28QI5ppGjIAoPsSPG4+n6XpKhRANCAASa4+wIU+eFwoTl7LQGeh3uEMUrY+cK\n"
			       "MhWLw2Z30PnlBP2nR6KncUTtP9tv3Jr4g9hP72/8TcPuf3pRUsAMxHqq\n"
			       "-----END PRIVATE KEY-----\n";

static const struct {
	const char *name, *pem;
	enum error error;
	enum signing_kind kind;
	const char *why; /* or the key record */
} cases[] = {
	{"RSA, PKCS #8", rsa_pkcs8, ERR_OK, SIGNING_RSA,
         "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDjdFY2q7kp5wPXDTUlRjmmhwVYMNr4nXFsuJ5zz/bUK2KTyidue+"
         "ZuEbJ+QGSplvduzuoW+AybtWIVHqBi044dohdI88Q1QDF4kkZBqxf1ZVrdCnpEqzHKQxzBPb/SXj42iK2hVFmIpwoq"
         "BvqhGn5gCvmWvzDC5Upfk2sHkPJQLQIDAQAB"},
	{"RSA, traditional", rsa_traditional, ERR_OK, SIGNING_RSA,
         "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDjdFY2q7kp5wPXDTUlRjmmhwVYMNr4nXFsuJ5zz/bUK2KTyidue+"
         "ZuEbJ+QGSplvduzuoW+AybtWIVHqBi044dohdI88Q1QDF4kkZBqxf1ZVrdCnpEqzHKQxzBPb/SXj42iK2hVFmIpwoq"
         "BvqhGn5gCvmWvzDC5Upfk2sHkPJQLQIDAQAB"},
	{"Ed25519", ed25519, ERR_OK, SIGNING_ED25519,
         "v=DKIM1; k=ed25519; p=dwWY9iZs8/6UbawM5i9Pcn3Tp8/f8yFsIydH9NIDbsQ="},
	{"locked", rsa_locked, ERR_SYNTAX, SIGNING_RSA, "the key is locked with a passphrase"},
	{"public", rsa_public, ERR_SYNTAX, SIGNING_RSA, "that is a public key; a private one is needed"},
	{"nothing", "", ERR_SYNTAX, SIGNING_RSA, "there is no private key in PEM form"},
	{"rubbish", "-----BEGIN PRIVATE KEY-----\nZm9v\n-----END PRIVATE KEY-----\n", ERR_SYNTAX, SIGNING_RSA,
         "there is no private key in PEM form"},
	{"short", rsa_short, ERR_INVALID, SIGNING_RSA, "the RSA key has 768 bits; 1024 to 8192 can be used"},
	{"of another kind", elliptic, ERR_INVALID, SIGNING_RSA, "the key is neither RSA nor Ed25519"},
};

static void test_load(void **state)
{
	struct arena a;
	char why[256];
	struct signing_key *k;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum error e = signing_key_load(slice_str(cases[i].pem), &k, why);
		if (e != cases[i].error || (e && strcmp(why, cases[i].why) != 0))
			fail_msg("%s: %s, %s", cases[i].name, error_name(e), why);
		if (e) {
			assert_null(k);
			continue;
		}
		assert_int_equal(signing_key_kind(k), cases[i].kind);
		struct slice record = signing_key_record(&a, k);
		if (!slice_equal(record, slice_str(cases[i].why)))
			fail_msg("%s: %.*s", cases[i].name, SLICE_ARG(record));
		signing_key_unref(signing_key_ref(k));
		signing_key_unref(k);
	}
	signing_key_unref(NULL);
	arena_free(&a);
}

/* What is written can be loaded and signs what the record's key verifies. */
static void round_trip(struct signing_key *made, enum key_kind kind)
{
	static const unsigned char hash[32] = {1, 2, 3}, other[32] = {1, 2, 4};
	struct arena a;
	char why[256];
	struct signing_key *k;
	struct public_key public;
	struct slice octets;
	arena_init(&a, 65536);
	struct slice pem = signing_key_pem(&a, made);
	assert_true(slice_starts(pem, SLICE("-----BEGIN PRIVATE KEY-----\n")));
	assert_int_equal(signing_key_load(pem, &k, why), ERR_OK);
	struct slice record = signing_key_record(&a, made), signature = signing_key_sign(&a, k, hash);
	assert_int_equal(base64_decode(&a, slice_sub(record, slice_search(record, SLICE("p=")) + 2, record.n), &octets),
	                 ERR_OK);
	assert_null(publickey_read(kind, octets, &public));
	assert_true(publickey_verify(&public, HASH_SHA256, hash, signature));
	assert_false(publickey_verify(&public, HASH_SHA256, other, signature));
	publickey_free(&public);
	signing_key_unref(k);
	signing_key_unref(made);
	arena_free(&a);
}

static void test_generate(void **state)
{
	struct signing_key *k;
	assert_int_equal(signing_key_generate(SIGNING_RSA, 512, &k), ERR_INVALID);
	assert_int_equal(signing_key_generate(SIGNING_RSA, 10000, &k), ERR_INVALID);
	assert_null(k);
	assert_int_equal(signing_key_generate(SIGNING_RSA, 1024, &k), ERR_OK);
	round_trip(k, KEY_RSA);
	assert_int_equal(signing_key_generate(SIGNING_ED25519, 0, &k), ERR_OK);
	round_trip(k, KEY_ED25519);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_generate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
