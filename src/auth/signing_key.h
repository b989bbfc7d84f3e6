/* SPDX-License-Identifier: Apache-2.0 */
/* signing_key - what signers do with the keys that signer.h speaks of. Any thread. */
#ifndef BACKSTOP_AUTH_SIGNING_KEY_H
#define BACKSTOP_AUTH_SIGNING_KEY_H

#include "auth/signer.h"

#define SIGNING_ALGORITHM(kind) ((kind) == SIGNING_RSA ? "rsa-sha256" : "ed25519-sha256") /* a= */

/* Signs a SHA-256 hash: RSA by PKCS #1 v1.5, Ed25519 as a text (RFC 8463 3). {NULL, 0}: no memory, or OpenSSL will
 * not. */
struct slice signing_key_sign(struct arena *a, const struct signing_key *k, const unsigned char hash[32]);

#endif
