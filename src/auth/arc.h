/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arc - the authentication that earlier handlers of a message saw (RFC 8617): verify a chain, and extend it
 *
 * Verification runs like DKIM's, in one pass over the body:
 *
 *     arc_verify_begin(arena, header, now, &v);
 *     arc_verify_keys(v, resolver, deadline);            // in a fiber
 *     while (more) arc_verify_body(v, piece);
 *     arc_verify_end(v, &verdict);                       // frees v
 *
 * and sealing like signing. A chain has at most ARC_SETS_MOST sets (RFC 8617 4.2.1). header as in dkim.h.
 */
#ifndef BACKSTOP_AUTH_ARC_H
#define BACKSTOP_AUTH_ARC_H

#include "auth/result.h"
#include "auth/signer.h"
#include "net/resolver.h"

#define ARC_SETS_MOST 50

struct arc_verdict {
	enum auth_result result; /* none pass fail */
	unsigned sets;           /* the highest instance */
	struct slice sealer;     /* d= of the newest ARC-Seal; in the arena; empty: none */
	unsigned
		oldest_pass; /* RFC 8617 5.2: 0 when every set's message signature passes; the ten below the newest are tried */
	const char *problem; /* static text; NULL for none and pass */
	bool may_extend;     /* false: the newest cv=fail, or too many sets: must not be sealed again (RFC 8617 5.1) */
};

struct arc_verifier;
/* ERR_OK or ERR_NO_MEMORY (then *out is NULL). */
enum error arc_verify_begin(struct arena *a, struct slice header, int64_t now, struct arc_verifier **out);
/* How many sets are to be checked. 0: no chain, or one whose form decides; then the rest may be skipped but for arc_verify_end(). */
unsigned arc_verify_count(const struct arc_verifier *v);
void arc_verify_keys(struct arc_verifier *v, struct resolver *r, int64_t deadline);
void arc_verify_body(struct arc_verifier *v, struct slice piece);
/* Frees v (which holds OpenSSL contexts, not only arena memory); out NULL: abandon. */
void arc_verify_end(struct arc_verifier *v, struct arc_verdict *out);

struct arc_sealing {
	struct signing
		signing; /* key, domain, selector, now; headers to sign, taken as they are but for ARC's own (RFC 8617 4.1.2) */
	struct slice authserv_id;
	struct slice results;            /* what follows "authserv-id;" in our Authentication-Results: authres.h */
	const struct arc_verdict *chain; /* as verified by us just now */
};
struct arc_set { /* whole fields with CR LF, in the order in which they go on top; all empty where it must not extend */
	struct slice seal, message_signature, authentication_results;
};
struct arc_sealer;
/* ERR_OK or ERR_NO_MEMORY. A chain that failed is sealed with cv=fail, once (RFC 8617 5.1.2, 5.1.3). */
enum error arc_seal_begin(struct arena *a, struct slice header, const struct arc_sealing *s, struct arc_sealer **out);
void arc_seal_body(struct arc_sealer *g, struct slice piece);
/* Frees g; out NULL: abandon. ERR_SYSTEM when OpenSSL will not sign. */
enum error arc_seal_end(struct arc_sealer *g, struct arc_set *out);

#endif
