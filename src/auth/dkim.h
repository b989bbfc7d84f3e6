/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dkim - signatures in a message's header, verified (RFC 6376, 8301, 8463)
 *
 * One pass over the message for all signatures:
 *
 *     struct dkim_verifier *v;
 *     struct dkim_options o = {.now = now};
 *     dkim_verify_begin(arena, header, &o, &v);          // finds and judges the DKIM-Signature fields
 *     dkim_verify_keys(v, resolver, deadline);           // in a fiber: asks for all keys
 *     while (more) dkim_verify_body(v, piece);           // any thread, no waiting: may be offloaded
 *     dkim_verify_end(v, &verdict);                      // checks the signatures, frees v
 *
 * header is the whole header block, line ends CR LF or LF (what a message in a file has; every line end counts as CR
 * LF), with or without its empty line; it must live until dkim_verify_end(). Body pieces are the octets after the
 * empty line, cut anywhere. Bounds: DKIM_SIGNATURES_MOST fields are looked at, top first; the rest is ignored. Pure
 * but for the resolver.
 *
 * A header that came back in a bounce is looked at with header_only, at_any_time and dkim_verify_records(): it was
 * signed with a key of one's own, some time ago, and its body is gone.
 */
#ifndef BACKSTOP_AUTH_DKIM_H
#define BACKSTOP_AUTH_DKIM_H

#include "auth/result.h"
#include "base/arena.h"
#include "net/resolver.h"

#define DKIM_SIGNATURES_MOST 10
#define DKIM_CLOCK_SKEW      300 /* seconds that a signer's clock may be ahead of ours */

struct dkim_options {
	int64_t now;           /* Unix time, for t= and x= */
	bool allow_sha1;       /* rsa-sha1 may pass: for looking at old mail only (RFC 8301 3.1 forbids it) */
	unsigned min_rsa_bits; /* keys below it do not pass; 0: 1024 (RFC 8301 3.2) */
	bool header_only; /* there is no body: bh= is taken as it stands. A pass then says that the header was signed */
	bool at_any_time; /* t= and x= may be what they are */
};

struct dkim_signature {
	enum auth_result result; /* pass fail permerror neutral policy temperror */
	struct slice domain;     /* d=, lower case, A-labels; empty: not known, as are the next two */
	struct slice selector;   /* s= */
	struct slice identity;   /* i=, or "@" and d= */
	const char *algorithm;   /* "rsa-sha256", "ed25519-sha256", "rsa-sha1", or "unknown" */
	struct slice
		signature; /* of b= as base64: the first 8 characters, or as many as tell it from the others (RFC 6008 4) */
	const char *problem; /* static text: why it is not pass; NULL for pass */
	bool testing;        /* t=y in the key record */
	bool secure;         /* the key's answer was validated by DNSSEC */
	bool partial;        /* l= left octets of the body unsigned */
	unsigned key_bits;   /* 0: no key was had; 256 for Ed25519 */
	int64_t signed_at;   /* t=; 0: none */
};

struct dkim_verdict {
	enum auth_result
		result; /* none without signatures; pass when one passes; else the first in the order temperror fail
	                            policy neutral permerror that occurs */
	struct dkim_signature *signatures; /* in the arena, top first */
	size_t count;
};

struct dkim_verifier;

/* ERR_OK or ERR_NO_MEMORY (then *out is NULL). count of signatures: dkim_verify_count(); 0 means the rest may be
 * skipped except dkim_verify_end(). */
enum error dkim_verify_begin(struct arena *a, struct slice header, const struct dkim_options *o,
                             struct dkim_verifier **out);
size_t dkim_verify_count(const struct dkim_verifier *v);
/* Needs to be called before _end(), before or after the body; else the signatures are temperror. Keys not had by
 * the deadline make temperror. */
void dkim_verify_keys(struct dkim_verifier *v, struct resolver *r, int64_t deadline);
void dkim_verify_body(struct dkim_verifier *v, struct slice piece);
/* The record (TXT, its strings put together) of a key; false: there is none. */
typedef bool dkim_record_fn(void *arg, struct slice domain, struct slice selector, struct slice *record);
/* The same with keys that the caller has, instead of DNS. Names are in lower case, A-labels. */
void dkim_verify_records(struct dkim_verifier *v, dkim_record_fn *find, void *arg);
/* Frees v (which holds OpenSSL contexts, not only arena memory); out may be NULL to abandon. */
void dkim_verify_end(struct dkim_verifier *v, struct dkim_verdict *out);

#endif
