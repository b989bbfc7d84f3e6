/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/publickey.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define EXPONENT_MOST 8 /* octets; a long exponent makes checking as slow as signing */

/* Object identifiers: 1.2.840.113549.1.1.1, which NULL or nothing follows, and 1.3.101.112. */
#define RSA_IDENTIFIER     SLICE("\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01")
#define ED25519_IDENTIFIER SLICE("\x06\x03\x2B\x65\x70")

/* ---- DER (X.690 10) -------------------------------------------------------------------------------------------- */

enum { DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_SEQUENCE = 0x30 };

/* Takes an element of that tag off *in; lengths of more than two octets are no key of ours. */
static bool der_take(struct slice *in, unsigned char tag, struct slice *content)
{
	const unsigned char *p = (const unsigned char *)in->p;
	if (in->n < 2 || p[0] != tag) return false;
	size_t length = p[1], head = 2;
	if (length == 0x81 && in->n >= 3) {
		length = p[2];
		head = 3;
	} else if (length == 0x82 && in->n >= 4) {
		length = (size_t)p[2] << 8 | p[3];
		head = 4;
	} else if (length >= 0x80) {
		return false;
	}
	if (length > in->n - head) return false;
	*content = slice_sub(*in, head, head + length);
	*in = slice_sub(*in, head + length, in->n);
	return true;
}

/* A positive integer without leading zeros. */
static bool der_take_number(struct slice *in, struct slice *number)
{
	if (!der_take(in, DER_INTEGER, number)) return false;
	while (number->n > 0 && number->p[0] == 0) *number = slice_sub(*number, 1, number->n);
	return number->n > 0;
}

/* SubjectPublicKeyInfo (RFC 5280 4.1): the key's own octets, when it is of that algorithm. */
static bool unwrap(struct slice octets, struct slice algorithm, struct slice *key)
{
	struct slice all, identifier;
	if (!der_take(&octets, DER_SEQUENCE, &all) || octets.n > 0) return false;
	if (!der_take(&all, DER_SEQUENCE, &identifier) || !slice_starts(identifier, algorithm)) return false;
	if (!der_take(&all, DER_BIT_STRING, key) || all.n > 0 || key->n == 0 || key->p[0] != 0) return false;
	*key = slice_sub(*key, 1, key->n);
	return true;
}

struct rsa_numbers {
	struct slice modulus, exponent;
};

static bool read_rsa(struct slice octets, struct rsa_numbers *out)
{
	struct slice key, all;
	if (!unwrap(octets, RSA_IDENTIFIER, &key)) key = octets;
	return der_take(&key, DER_SEQUENCE, &all) && key.n == 0 && der_take_number(&all, &out->modulus) &&
	       der_take_number(&all, &out->exponent) && all.n == 0;
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static unsigned bits_of(struct slice number)
{
	unsigned char first = (unsigned char)number.p[0];
	return (unsigned)(number.n - 1) * 8 + (32 - (unsigned)__builtin_clz(first));
}

unsigned publickey_bits(enum key_kind kind, struct slice octets)
{
	struct rsa_numbers numbers;
	if (kind == KEY_ED25519) return 256;
	return read_rsa(octets, &numbers) ? bits_of(numbers.modulus) : 0;
}

/* OpenSSL's parameters are in the octet order of the machine. */
static OSSL_PARAM number_parameter(const char *name, struct slice number, unsigned char *room)
{
	for (size_t i = 0; i < number.n; i++)
		room[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? number.n - 1 - i : i] = (unsigned char)number.p[i];
	return OSSL_PARAM_construct_BN(name, room, number.n);
}

static const char *make_rsa(struct slice octets, struct public_key *out)
{
	struct rsa_numbers numbers;
	unsigned char modulus[PUBLICKEY_RSA_MOST / 8], exponent[EXPONENT_MOST];
	if (!read_rsa(octets, &numbers)) return "the key is not an RSA key";
	out->bits = bits_of(numbers.modulus);
	if (out->bits > PUBLICKEY_RSA_MOST) return "the RSA key is too long";
	if (numbers.exponent.n > EXPONENT_MOST) return "the RSA key's exponent is too long";
	OSSL_PARAM parameters[] = {number_parameter(OSSL_PKEY_PARAM_RSA_N, numbers.modulus, modulus),
	                           number_parameter(OSSL_PKEY_PARAM_RSA_E, numbers.exponent, exponent),
	                           OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	bool ok = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	          EVP_PKEY_fromdata(ctx, &out->key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok ? NULL : "the RSA key cannot be used";
}

static const char *make_ed25519(struct slice octets, struct public_key *out)
{
	struct slice key;
	if (octets.n == 32 || !unwrap(octets, ED25519_IDENTIFIER, &key)) key = octets;
	if (key.n != 32) return "the key is not an Ed25519 key";
	out->bits = 256;
	out->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)key.p, key.n);
	return out->key ? NULL : "the Ed25519 key cannot be used";
}

const char *publickey_read(enum key_kind kind, struct slice octets, struct public_key *out)
{
	*out = (struct public_key){.kind = kind};
	return kind == KEY_RSA ? make_rsa(octets, out) : make_ed25519(octets, out);
}

static bool verify_rsa(EVP_PKEY *key, enum hash_kind kind, const unsigned char *hash, struct slice signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool ok = ctx && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	          EVP_PKEY_CTX_set_signature_md(ctx, digest_algorithm(kind)) == 1 &&
	          EVP_PKEY_verify(ctx, (const unsigned char *)signature.p, signature.n, hash, hash_size(kind)) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool verify_ed25519(EVP_PKEY *key, enum hash_kind kind, const unsigned char *hash, struct slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	          EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n, hash, hash_size(kind)) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool publickey_verify(const struct public_key *k, enum hash_kind hash_kind, const unsigned char *hash,
                      struct slice signature)
{
	return k->kind == KEY_RSA ? verify_rsa(k->key, hash_kind, hash, signature)
	                          : verify_ed25519(k->key, hash_kind, hash, signature);
}

void publickey_free(struct public_key *k)
{
	EVP_PKEY_free(k->key);
	k->key = NULL;
}
