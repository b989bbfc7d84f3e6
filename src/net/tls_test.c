/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/test_tls.h"
#include "net/tls.h"

static struct test_certificate one, two;

static int set_up(void **state)
{
	one = test_certificate_new("one.example");
	two = test_certificate_new("two.example");
	return 0;
}

static int tear_down(void **state)
{
	test_certificate_free(&one);
	test_certificate_free(&two);
	return 0;
}

static BIO *joined(struct slice a, struct slice b)
{
	BIO *bio = BIO_new(BIO_s_mem());
	BIO_write(bio, a.p, (int)a.n);
	BIO_write(bio, b.p, (int)b.n);
	return bio;
}

static void server_contexts_by_table(void **state)
{
	struct slice certificate = test_pem(one.certificate_pem), key = test_pem(one.key_pem);
	BIO *chain = joined(certificate, test_pem(two.certificate_pem));
	BIO *both = joined(key, certificate);
	BIO *damaged = joined(certificate, SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
	BIO *locked = BIO_new(BIO_s_mem());
	PEM_write_bio_PKCS8PrivateKey(locked, one.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
	const struct {
		const char *name;
		struct slice certificate, key;
		enum error error;
		const char *why; /* is in the text */
	} cases[] = {
		{"a pair", certificate, key, ERR_OK, ""},
		{"a chain", test_pem(chain), key, ERR_OK, ""},
		{"key and certificate in one file", test_pem(both), test_pem(both), ERR_OK, ""},
		{"nothing", SLICE_EMPTY, SLICE_EMPTY, ERR_TLS, "certificate"},
		{"no certificate", SLICE("hello"), key, ERR_TLS, "certificate"},
		{"no key", certificate, SLICE("hello"), ERR_TLS, "key cannot be read"},
		{"another's key", certificate, test_pem(two.key_pem), ERR_TLS, "does not belong"},
		{"a damaged chain", test_pem(damaged), key, ERR_TLS, "certificate"},
		{"a key with a passphrase", certificate, test_pem(locked), ERR_TLS, "key cannot be read"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_context *t = NULL;
		char why[256] = "";
		enum error e = tls_server_new(cases[i].certificate, cases[i].key, i % 2, &t, why);
		if (e != cases[i].error || !strstr(why, cases[i].why) || (t != NULL) != (e == ERR_OK))
			fail_msg("%s: %s, \"%s\"", cases[i].name, error_name(e), why);
		tls_unref(t);
	}
	BIO_free(chain);
	BIO_free(both);
	BIO_free(damaged);
	BIO_free(locked);
}

static void a_context_lives_until_its_last_reference(void **state)
{
	struct tls_context *t;
	char why[256];
	assert_int_equal(tls_client_new(&t, why), ERR_OK);
	assert_ptr_equal(tls_ref(t), t);
	tls_unref(t);
	tls_unref(tls_ref(t));
	tls_unref(t);
	tls_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_contexts_by_table),
		cmocka_unit_test(a_context_lives_until_its_last_reference),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
