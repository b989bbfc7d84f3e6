/* SPDX-License-Identifier: Apache-2.0 */
/*
 * srs - return paths rewritten so that answers come back to us (Sender Rewriting Scheme, as Mail::SRS "Guarded")
 *
 * "SRS0=HHHH=TT=domain=local@us"; an address that is SRS0 already becomes "SRS1=HHHH=first.domain==HHHH=TT=domain=local@us", and
 * one that is SRS1 gets our hash and keeps its first domain. HHHH: base64 of HMAC-SHA1 over the lower-cased parts, four
 * characters, compared without case; TT: days since 1970 mod 1024 in base 32. Compatible with Mail::SRS both ways: it reads what
 * we write and we read what it writes; the separators = + - are read after the word SRS0 or SRS1.
 *
 * A quoted local part keeps its quotes around all of it ("SRS0=..=a b"@us), as RFC 5321 4.1.2 wants it. Mail::SRS writes the tag before the quotes,
 * which is no address; that spelling is read too, and tag_bare() makes it. Pure; any thread.
 */
#ifndef BACKSTOP_AUTH_SRS_H
#define BACKSTOP_AUTH_SRS_H

#include "base/arena.h"
#include "base/error.h"

#define SRS_DAYS 21 /* how long an address may be answered, also Mail::SRS's default */

/* address: local@domain. An address already in our domain is returned as it is. {NULL,0}: no memory, or no local part or domain. */
struct slice srs_forward(struct arena *a, struct slice address, struct slice our_domain, struct slice secret,
                         int64_t now);

struct srs_secrets {
	const struct slice *secret; /* newest first */
	size_t count;
};
/* ERR_OK with *original in the arena; ERR_NOT_FOUND not an SRS address; ERR_SYNTAX malformed; ERR_PERMISSION the hash is not ours;
 * ERR_TIMEOUT too old. An SRS1 address gives the SRS0 address at the first forwarder; it bears no time of ours. */
enum error srs_reverse(struct arena *a, struct slice address, const struct srs_secrets *secrets, int64_t now,
                       unsigned max_days, struct slice *original);

#endif
