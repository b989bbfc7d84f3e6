/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/signing_key.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/base64.h"
#include "auth/digest.h"

#define MAGIC         0x736B6579u
#define WHY_SIZE      256
#define BITS_LEAST    1024
#define BITS_MOST     8192
#define PEM_SIZE_MOST 65536

struct signing_key {
	unsigned magic;
	atomic_uint references;
	enum signing_kind kind;
	EVP_PKEY *key;
};

static struct signing_key *make(EVP_PKEY *key, enum signing_kind kind)
{
	struct signing_key *k = malloc(sizeof *k);
	if (!k) return NULL;
	*k = (struct signing_key){.magic = MAGIC, .references = 1, .kind = kind, .key = key};
	return k;
}

/* ---- from and to text ------------------------------------------------------------------------------------------ */

static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
	bool *asked = arg;
	*asked = true;
	return -1;
}

static enum error refuse(enum error e, char *why, const char *text)
{
	snprintf(why, WHY_SIZE, "%s", text);
	return e;
}

static enum error read_pem(struct slice pem, EVP_PKEY **out, char *why)
{
	bool asked = false;
	BIO *source = pem.n <= PEM_SIZE_MOST ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	*out = source ? PEM_read_bio_PrivateKey(source, NULL, no_passphrase, &asked) : NULL;
	BIO_free(source);
	if (*out) return ERR_OK;
	if (asked) return refuse(ERR_SYNTAX, why, "the key is locked with a passphrase");
	if (slice_search(pem, SLICE("PUBLIC KEY-----")) < pem.n)
		return refuse(ERR_SYNTAX, why, "that is a public key; a private one is needed");
	return refuse(ERR_SYNTAX, why, "there is no private key in PEM form");
}

static enum error kind_of(EVP_PKEY *key, enum signing_kind *out, char *why)
{
	int bits = EVP_PKEY_get_bits(key);
	*out = EVP_PKEY_is_a(key, "RSA") ? SIGNING_RSA : SIGNING_ED25519;
	if (*out == SIGNING_ED25519 && !EVP_PKEY_is_a(key, "ED25519"))
		return refuse(ERR_INVALID, why, "the key is neither RSA nor Ed25519");
	if (*out == SIGNING_RSA && (bits < BITS_LEAST || bits > BITS_MOST)) {
		snprintf(why, WHY_SIZE, "the RSA key has %d bits; %d to %d can be used", bits, BITS_LEAST, BITS_MOST);
		return ERR_INVALID;
	}
	return ERR_OK;
}

enum error signing_key_load(struct slice pem, struct signing_key **out, char why[256])
{
	EVP_PKEY *key = NULL;
	enum signing_kind kind;
	*out = NULL;
	enum error e = read_pem(pem, &key, why);
	if (!e) e = kind_of(key, &kind, why);
	if (!e && !(*out = make(key, kind))) e = refuse(ERR_NO_MEMORY, why, error_text(ERR_NO_MEMORY));
	if (e) EVP_PKEY_free(key);
	return e;
}

enum error signing_key_generate(enum signing_kind kind, unsigned bits, struct signing_key **out)
{
	*out = NULL;
	if (kind == SIGNING_RSA && (bits < BITS_LEAST || bits > BITS_MOST)) return ERR_INVALID;
	EVP_PKEY *key = kind == SIGNING_RSA ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!key) return ERR_SYSTEM;
	*out = make(key, kind);
	if (*out) return ERR_OK;
	EVP_PKEY_free(key);
	return ERR_NO_MEMORY;
}

struct slice signing_key_pem(struct arena *a, const struct signing_key *k)
{
	char *text;
	struct slice out = {NULL, 0};
	BIO *sink = BIO_new(BIO_s_secmem()); /* wiped when freed */
	if (sink && PEM_write_bio_PKCS8PrivateKey(sink, k->key, NULL, NULL, 0, NULL, NULL) == 1) {
		long n = BIO_get_mem_data(sink, &text);
		if (n > 0) out = arena_copy(a, slice_of(text, (size_t)n));
	}
	BIO_free(sink);
	return out;
}

struct slice signing_key_record(struct arena *a, const struct signing_key *k)
{
	unsigned char raw[32], *info = NULL;
	size_t raw_size = sizeof raw;
	struct slice octets = {NULL, 0}, text;
	if (k->kind == SIGNING_RSA) {
		int n = i2d_PUBKEY(k->key, &info);
		if (n > 0) octets = slice_of(info, (size_t)n);
	} else if (EVP_PKEY_get_raw_public_key(k->key, raw, &raw_size) == 1) {
		octets = slice_of(raw, raw_size); /* RFC 8463 4 */
	}
	text = octets.p ? base64_encode(a, octets) : octets;
	OPENSSL_free(info);
	if (!text.p) return text;
	return arena_printf(a, "v=DKIM1; k=%s; p=%.*s", k->kind == SIGNING_RSA ? "rsa" : "ed25519", SLICE_ARG(text));
}

/* ---- use ------------------------------------------------------------------------------------------------------- */

enum signing_kind signing_key_kind(const struct signing_key *k)
{
	return k->kind;
}

struct signing_key *signing_key_ref(struct signing_key *k)
{
	assert(k->magic == MAGIC);
	atomic_fetch_add(&k->references, 1);
	return k;
}

void signing_key_unref(struct signing_key *k)
{
	if (!k) return;
	assert(k->magic == MAGIC);
	if (atomic_fetch_sub(&k->references, 1) > 1) return;
	k->magic = 0;
	EVP_PKEY_free(k->key);
	free(k);
}

static bool sign_rsa(EVP_PKEY *key, const unsigned char *hash, unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	          EVP_PKEY_CTX_set_signature_md(ctx, digest_algorithm(HASH_SHA256)) == 1 &&
	          EVP_PKEY_sign(ctx, out, n, hash, 32) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool sign_ed25519(EVP_PKEY *key, const unsigned char *hash, unsigned char *out, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	          EVP_DigestSign(ctx, out, n, hash, 32) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

struct slice signing_key_sign(struct arena *a, const struct signing_key *k, const unsigned char hash[32])
{
	assert(k->magic == MAGIC);
	int size = EVP_PKEY_get_size(k->key);
	size_t n = size > 0 ? (size_t)size : 0;
	unsigned char *out = arena_alloc(a, n);
	if (!out) return (struct slice){NULL, 0};
	bool ok = k->kind == SIGNING_RSA ? sign_rsa(k->key, hash, out, &n) : sign_ed25519(k->key, hash, out, &n);
	return ok ? slice_of(out, n) : (struct slice){NULL, 0};
}
