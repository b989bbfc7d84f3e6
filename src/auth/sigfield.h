/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigfield - the fields that hold signatures, read: DKIM-Signature, ARC-Message-Signature, ARC-Seal
 *
 * Their tags are the same (RFC 6376 3.5, RFC 8617 4.1); which of them must be there differs. Everything that a field
 * says is checked here as far as it can be without a key and without the body. Pure.
 *
 *     struct sigfield s;
 *     if (sigfield_read(arena, SIGFIELD_DKIM, &field, &s)) {            // s.problem tells why not
 *             bodyhash_want(b, s.body, s.hash, s.length, &wanted);
 *             sigfield_hash(fields, index, &field, &s, hash);            // of the header
 *             ok = publickey_verify(&key, s.hash, hash, s.signature);
 *     }
 */
#ifndef BACKSTOP_AUTH_SIGFIELD_H
#define BACKSTOP_AUTH_SIGFIELD_H

#include "auth/canonical.h"
#include "auth/fields.h"
#include "auth/publickey.h"
#include "auth/result.h"

#define SIGFIELD_NEVER INT64_MAX /* expires */

enum sigfield_kind {
	SIGFIELD_DKIM,        /* RFC 6376 3.5 */
	SIGFIELD_ARC_MESSAGE, /* RFC 8617 4.1.2: no v=, i= is the instance */
	SIGFIELD_ARC_SEAL,    /* RFC 8617 4.1.3: besides only header fields of ARC, relaxed: no bh, c, h, l */
};

struct sigfield {
	enum auth_result result; /* pass: may be verified; permerror, neutral; temperror: no memory */
	const char *problem;     /* static text; NULL for pass */
	/* What is known even when there is a problem; empty when not. */
	struct slice domain, selector; /* d=, s=: lower case, A-labels (RFC 8616) */
	struct slice identity;         /* i=, decoded; "@" and d= when it is not there. DKIM only */
	bool below;                    /* i= is in a domain below d=, which keys with t=s do not allow */
	const char *algorithm;         /* as in a=, or "unknown" */
	struct slice signature;        /* b=, decoded */
	int64_t signed_at;             /* t=; 0: none */
	/* The rest. */
	enum key_kind key;
	enum hash_kind hash;
	enum canonical header, body;
	bool without_c;         /* they are the default, simple/simple */
	uint64_t length;        /* l=, or BODYHASH_ALL */
	int64_t expires;        /* x=, or SIGFIELD_NEVER */
	struct slice body_hash; /* bh=, decoded, of the hash's size */
	struct slice names;     /* h= */
	struct slice hole;      /* b= as it stands in the field */
	unsigned instance;      /* i= of ARC, 1 to 50 */
	struct slice chain;     /* cv= of ARC-Seal: none, pass, fail */
};

bool sigfield_read(struct arena *a, enum sigfield_kind kind, const struct header_field *f, struct sigfield *out);
/* The hash of what a signature signs of the header: the fields named in h=, and its own field (RFC 6376 3.7),
 * which is not yet in the header when it is made. index: of its own field in fields, which h= never means, or
 * FIELDS_NONE. False: OpenSSL failed. */
bool sigfield_hash(struct fields *fields, uint32_t index, const struct header_field *own, const struct sigfield *s,
                   unsigned char out[DIGEST_MOST]);

#endif
