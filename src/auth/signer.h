/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer - DKIM signatures made, and the keys they are made with (RFC 6376 5, RFC 8463)
 *
 * relaxed/relaxed canonicalisation, no l=. Which fields are signed: those of `headers` that the message has, From
 * always, each once more than it occurs where a second one would change the meaning (From, To, Cc, Subject, Date,
 * Reply-To, Message-ID, Content-Type, MIME-Version: oversigned, RFC 6376 8.15).
 *
 *     struct signing s = {.key = key, .domain = SLICE("example.net"), .selector = SLICE("s1"), .now = now};
 *     struct signer *g;
 *     e = signer_begin(arena, header, &s, &g);     // header as in dkim.h
 *     while (more) signer_body(g, piece);          // any thread
 *     e = signer_end(g, &field);                   // "DKIM-Signature: ...\r\n", in the arena; frees g
 */
#ifndef BACKSTOP_AUTH_SIGNER_H
#define BACKSTOP_AUTH_SIGNER_H

#include "base/arena.h"
#include "base/error.h"

struct signing_key; /* immutable, counted, any thread */

enum signing_kind { SIGNING_RSA, SIGNING_ED25519 };

/* PEM, PKCS #8 or traditional RSA. ERR_SYNTAX not a private key; ERR_INVALID neither RSA of 1024 to 8192 bits nor
 * Ed25519. why: 256 bytes. */
enum error signing_key_load(struct slice pem, struct signing_key **out, char why[256]);
/* bits: RSA only, 2048 usual. Slow (tens to hundreds of ms): for the command line. */
enum error signing_key_generate(enum signing_kind kind, unsigned bits, struct signing_key **out);
struct slice signing_key_pem(struct arena *a, const struct signing_key *k); /* private, PKCS #8; {NULL,0}: no memory */
/* The key record to publish: "v=DKIM1; k=rsa; p=..." (RFC 6376 3.6.1); one text, to be cut into strings of 255. */
struct slice signing_key_record(struct arena *a, const struct signing_key *k);
enum signing_kind signing_key_kind(const struct signing_key *k);
struct signing_key *signing_key_ref(struct signing_key *k);
void signing_key_unref(struct signing_key *k); /* NULL is fine */

struct signing {
	const struct signing_key *key;
	struct slice domain, selector;
	const struct slice *headers; /* names; NULL: signer_default_headers */
	size_t header_count;
	int64_t now;      /* t=; 0: no t= */
	int64_t lifetime; /* seconds to x=; 0: no x= */
};

struct signer;
extern const struct slice signer_default_headers[]; /* RFC 6376 5.4.1 */
extern const size_t signer_default_header_count;

/* ERR_OK; ERR_SYNTAX: the header has no From field, or more than one; ERR_NO_MEMORY. */
enum error signer_begin(struct arena *a, struct slice header, const struct signing *s, struct signer **out);
void signer_body(struct signer *g, struct slice piece);
/* field may be NULL to abandon. ERR_SYSTEM when OpenSSL will not sign. */
enum error signer_end(struct signer *g, struct slice *field);

#endif
