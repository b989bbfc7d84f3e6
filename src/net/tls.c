/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/stream_internal.h"

#define TLS_MAGIC 0x546c7363U
#define WHY_SIZE  256

/* Mail that cannot be encrypted well goes in the clear (RFC 7435), so what is merely old is still allowed here; what
 * gives no secrecy at all is not. */
#define CIPHERS                                                                                                        \
	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:kRSA+AES:"                              \
	"!aNULL:!eNULL:!PSK:!SRP:!AESCCM:@SECLEVEL=1"

struct tls_context {
	uint32_t magic;
	atomic_uint references;
	SSL_CTX *ssl;
};

/* Returns e, with the words of OpenSSL in why. */
static enum error explain(char *why, const char *what, enum error e)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	snprintf(why, WHY_SIZE, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
	ERR_clear_error();
	return e;
}

/* Certificates are identities here, not proofs: nothing is checked beyond the possession of their key. */
static int take_any_certificate(X509_STORE_CTX *store, void *arg)
{
	return 1;
}

static SSL_CTX *make_ssl(const SSL_METHOD *method)
{
	SSL_CTX *ssl = SSL_CTX_new(method);
	if (!ssl) return NULL;
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ssl, 1); /* a record's header and body in one system call */
	SSL_CTX_set_cert_verify_callback(ssl, take_any_certificate, NULL);
	SSL_CTX_set_max_early_data(ssl, 0);
	if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ssl, CIPHERS) != 1) {
		SSL_CTX_free(ssl);
		return NULL;
	}
	return ssl;
}

/* Takes over ssl. */
static enum error wrap(SSL_CTX *ssl, struct tls_context **out, char *why)
{
	struct tls_context *t = calloc(1, sizeof *t);
	if (!t) {
		SSL_CTX_free(ssl);
		return explain(why, "no memory", ERR_NO_MEMORY);
	}
	t->magic = TLS_MAGIC;
	atomic_init(&t->references, 1);
	t->ssl = ssl;
	*out = t;
	return ERR_OK;
}

/* A key with a passphrase cannot be asked for one. */
static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
	return -1;
}

static BIO *pem_source(struct slice pem)
{
	return pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
}

static bool use_chain(SSL_CTX *ssl, BIO *pem)
{
	X509 *leaf = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);
	bool ok = leaf && SSL_CTX_use_certificate(ssl, leaf) == 1;
	X509_free(leaf);
	while (ok) {
		X509 *next = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);
		if (!next) break;
		ok = SSL_CTX_add0_chain_cert(ssl, next) == 1;
		if (!ok) X509_free(next);
	}
	/* The end of the text shows as PEM_R_NO_START_LINE; anything else is a certificate that could not be read. */
	if (ok && ERR_peek_error() && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) ok = false;
	if (ok) ERR_clear_error();
	return ok;
}

static enum error load_certificate(SSL_CTX *ssl, struct slice pem, char *why)
{
	BIO *source = pem_source(pem);
	bool ok = source && use_chain(ssl, source);
	BIO_free(source);
	return ok ? ERR_OK : explain(why, "the certificate cannot be used", ERR_TLS);
}

static enum error load_key(SSL_CTX *ssl, struct slice pem, char *why)
{
	BIO *source = pem_source(pem);
	EVP_PKEY *key = source ? PEM_read_bio_PrivateKey(source, NULL, no_passphrase, NULL) : NULL;
	BIO_free(source);
	if (!key) return explain(why, "the key cannot be read", ERR_TLS);
	bool ok = SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
	EVP_PKEY_free(key);
	return ok ? ERR_OK : explain(why, "the key does not belong to the certificate", ERR_TLS);
}

enum error tls_server_new(struct slice certificate_pem, struct slice key_pem, bool request_client_certificate,
                          struct tls_context **out, char *why)
{
	static const unsigned char session_context[] = "backstop";
	*out = NULL;
	ERR_clear_error();
	SSL_CTX *ssl = make_ssl(TLS_server_method());
	if (!ssl) return explain(why, "TLS cannot be set up", ERR_TLS);
	SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_dh_auto(ssl, 1);
	SSL_CTX_set_num_tickets(ssl, 1);
	SSL_CTX_set_session_id_context(ssl, session_context, sizeof session_context - 1);
	if (request_client_certificate) SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	enum error e = load_certificate(ssl, certificate_pem, why);
	if (!e) e = load_key(ssl, key_pem, why);
	if (!e) return wrap(ssl, out, why);
	SSL_CTX_free(ssl);
	return e;
}

enum error tls_client_new(struct tls_context **out, char *why)
{
	*out = NULL;
	ERR_clear_error();
	SSL_CTX *ssl = make_ssl(TLS_client_method());
	if (!ssl) return explain(why, "TLS cannot be set up", ERR_TLS);
	return wrap(ssl, out, why);
}

struct tls_context *tls_ref(struct tls_context *t)
{
	assert(t && t->magic == TLS_MAGIC);
	atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
	return t;
}

void tls_unref(struct tls_context *t)
{
	if (!t) return;
	assert(t->magic == TLS_MAGIC);
	if (atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) != 1) return;
	t->magic = 0;
	SSL_CTX_free(t->ssl);
	free(t);
}

SSL_CTX *tls_context_ssl(const struct tls_context *t)
{
	assert(t && t->magic == TLS_MAGIC);
	return t->ssl;
}
