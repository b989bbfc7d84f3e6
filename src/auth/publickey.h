/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publickey - the public keys of signatures, and what they verify (RFC 6376 3.3, RFC 8463 3)
 *
 * RSA keys come as SubjectPublicKeyInfo, as signers publish them, or as the bare RSAPublicKey that RFC 6376 3.6.1
 * names; Ed25519 keys as 32 octets, or as SubjectPublicKeyInfo. The few lines of DER are read here: OpenSSL's decoder
 * would take longer than the signature. Pure.
 */
#ifndef BACKSTOP_AUTH_PUBLICKEY_H
#define BACKSTOP_AUTH_PUBLICKEY_H

#include "auth/digest.h"

#define PUBLICKEY_RSA_MOST 8192 /* bits: beyond it a signature costs too much to check */

enum key_kind { KEY_RSA, KEY_ED25519 };

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

struct public_key {
	enum key_kind kind;
	unsigned bits;
	struct evp_pkey_st *key;
};

/* NULL and *out, which publickey_free() frees; or static text: why not. */
const char *publickey_read(enum key_kind kind, struct slice octets, struct public_key *out);
/* Bits of an RSA key by its octets, without more work; 0: not an RSA key. Ed25519: 256. */
unsigned publickey_bits(enum key_kind kind, struct slice octets);
/* RSA: PKCS #1 v1.5 over the hash; Ed25519: over the hash as a text (RFC 8463 3). */
bool publickey_verify(const struct public_key *k, enum hash_kind hash_kind, const unsigned char *hash,
                      struct slice signature);
void publickey_free(struct public_key *k);

#endif
