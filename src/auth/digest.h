/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest - SHA-1 and SHA-256 of octets that come in pieces
 *
 *     struct digest d;
 *     unsigned char hash[DIGEST_MOST];
 *     digest_begin(&d, HASH_SHA256);
 *     digest_put(&d, piece);
 *     if (!digest_end(&d, hash)) ...                  // OpenSSL had no memory at some time
 *
 * Holds an OpenSSL context from begin to end. The algorithms are looked up once in the process, since OpenSSL's
 * look-up costs more than hashing a short header; they never change. Pure; any thread, one at a time.
 */
#ifndef BACKSTOP_AUTH_DIGEST_H
#define BACKSTOP_AUTH_DIGEST_H

#include "base/slice.h"

#define DIGEST_MOST 32 /* octets of the longest hash */

enum hash_kind { HASH_SHA1, HASH_SHA256 };
size_t hash_size(enum hash_kind kind); /* octets: 20 or 32 */

struct evp_md_ctx_st; /* OpenSSL's EVP_MD_CTX and EVP_MD */
struct evp_md_st;

struct digest {
	struct evp_md_ctx_st *ctx; /* NULL: not begun, ended, or no memory */
	bool failed;
};

const struct evp_md_st *digest_algorithm(enum hash_kind kind); /* NULL: OpenSSL has it not */
void digest_begin(struct digest *d, enum hash_kind kind);
void digest_put(struct digest *d, struct slice octets);
void digest_copy(struct digest *to, const struct digest *from);           /* begins to with what from was given */
bool digest_peek(const struct digest *d, unsigned char out[DIGEST_MOST]); /* the hash so far; more may be put */
bool digest_end(struct digest *d, unsigned char out[DIGEST_MOST]);        /* false: failed; out NULL: abandon */

#endif
