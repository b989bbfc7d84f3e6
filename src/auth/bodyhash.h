/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bodyhash - the hashes of a body that signatures ask for, in one pass (RFC 6376 3.7)
 *
 * All that is asked for is known before the body comes. A body is made canonical once in each way asked for and
 * hashed once by each algorithm, however many signatures there are: a shorter hash (l=) is looked at when the hash of
 * the whole passes by. Lies in the arena, holds OpenSSL contexts until bodyhash_free(). Pure; after the first
 * bodyhash_put() any one thread.
 *
 *     struct bodyhash *b = bodyhash_new(arena);
 *     e = bodyhash_want(b, CANONICAL_RELAXED, HASH_SHA256, BODYHASH_ALL, &wanted);
 *     while (more) bodyhash_put(b, piece);                    // cut anywhere
 *     bodyhash_end(b);
 *     if (bodyhash_get(b, wanted, &result)) ...
 *     bodyhash_free(b);
 */
#ifndef BACKSTOP_AUTH_BODYHASH_H
#define BACKSTOP_AUTH_BODYHASH_H

#include "auth/canonical.h"
#include "auth/digest.h"
#include "base/arena.h"
#include "base/error.h"

#define BODYHASH_ALL UINT64_MAX

struct bodyhash;

struct bodyhash_result {
	unsigned char hash[DIGEST_MOST];
	uint64_t length; /* octets of the whole canonical body */
	bool cut;        /* the body is shorter than the length asked for; hash is then of the whole */
};

struct bodyhash *bodyhash_new(struct arena *a); /* NULL: no memory */
/* length: octets of the canonical body that count (l=), or BODYHASH_ALL. ERR_NO_MEMORY. */
enum error bodyhash_want(struct bodyhash *b, enum canonical how, enum hash_kind kind, uint64_t length,
                         const void **wanted);
void bodyhash_put(struct bodyhash *b, struct slice piece);
void bodyhash_end(struct bodyhash *b);
bool bodyhash_get(const struct bodyhash *b, const void *wanted,
                  struct bodyhash_result *out); /* false: OpenSSL failed */
void bodyhash_free(struct bodyhash *b);         /* NULL is fine */

#endif
