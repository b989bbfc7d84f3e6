/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tag - what BATV and SRS share: addresses taken apart and put together around a tag, and the hash
 *
 * A quoted local part is tagged inside its quotes, so that the result is an address (RFC 5321 4.1.2). Nothing is unquoted: what
 * stands between the quotes is moved as it is, so that taking the tag off gives back the very same text. Pure; any thread.
 */
#ifndef BACKSTOP_AUTH_TAG_H
#define BACKSTOP_AUTH_TAG_H

#include "base/arena.h"

#define TAG_SHA1_SIZE    20
#define TAG_ADDRESS_MOST 1024 /* octets; what is longer is no address */

struct tag_address {
	struct slice local; /* without the quotes around it */
	struct slice domain;
	bool quoted;
};

/* At the last "@". False: no local part, no domain, or too long. */
bool tag_split(struct slice address, struct tag_address *out);
/* The parts run together, in quotes when quoted, and "@domain"; {NULL,0}: no memory. */
struct slice tag_join(struct arena *a, const struct slice *parts, size_t count, bool quoted, struct slice domain);
/* HMAC-SHA1(secret, the parts run together), in lower case (ASCII) when fold. False: no memory, or longer than an address and a tag. */
bool tag_hash(struct slice secret, const struct slice *parts, size_t count, bool fold,
              uint8_t out[static TAG_SHA1_SIZE]);
int64_t tag_day(int64_t now); /* days since 1970 */
/* The spelling of Exim and Mail::SRS, which write a tag before the quotes and quote nothing for it: "TAG=a b"@domain made of
 * "a b"@example.net becomes TAG="a b"@domain. tagged itself when there is nothing to change; {NULL,0}: no memory. */
struct slice tag_bare(struct arena *a, struct slice tagged, struct slice original);

#endif
