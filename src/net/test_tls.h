/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tls - certificates made for a test, and a peer that is OpenSSL itself in a thread with a blocking socket
 */
#ifndef BACKSTOP_NET_TEST_TLS_H
#define BACKSTOP_NET_TEST_TLS_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/slice.h"

struct test_certificate {
	EVP_PKEY *key;
	X509 *certificate;
	BIO *key_pem, *certificate_pem;
};

static inline struct slice test_pem(BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	return slice_of(p, (size_t)n);
}

static inline struct test_certificate test_certificate_new(const char *name)
{
	struct test_certificate t = {.key = EVP_EC_gen("P-256"),
	                             .certificate = X509_new(),
	                             .key_pem = BIO_new(BIO_s_mem()),
	                             .certificate_pem = BIO_new(BIO_s_mem())};
	X509_NAME *subject = X509_get_subject_name(t.certificate);
	X509_set_version(t.certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(t.certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(t.certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(t.certificate), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(t.certificate, subject);
	X509_set_pubkey(t.certificate, t.key);
	X509_sign(t.certificate, t.key, EVP_sha256());
	PEM_write_bio_X509(t.certificate_pem, t.certificate);
	PEM_write_bio_PrivateKey(t.key_pem, t.key, NULL, NULL, 0, NULL, NULL);
	return t;
}

static inline void test_certificate_free(struct test_certificate *t)
{
	EVP_PKEY_free(t->key);
	X509_free(t->certificate);
	BIO_free(t->key_pem);
	BIO_free(t->certificate_pem);
}

#endif
