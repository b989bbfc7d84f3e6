/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batv - return paths that carry a tag only we can make (draft-levine-smtp-batv, as Exim's prvs)
 *
 * "prvs=KDDDSSSSSS=local@domain", or as sub-address "local+prvs=KDDDSSSSSS@domain" (the + is the tenant's): K is the
 * number of the key (0 to 9), DDD the last day it is good for (days since 1970 mod 1000), SSSSSS the first three octets of
 * HMAC-SHA1(key, KDDD and the address without tag), hexadecimal, as Exim's ${prvs}. Letters' case does not matter anywhere in the tag;
 * for the hash the domain counts in lower case and the local part as it is, and a hash over the local part in lower case or over the
 * address as given is accepted too, since systems on the way change case. One sender has one tag a day. Pure.
 */
#ifndef BACKSTOP_AUTH_BATV_H
#define BACKSTOP_AUTH_BATV_H

#include "base/arena.h"

enum batv_form { BATV_PRVS, BATV_SUBADDRESS };

struct batv_key {
	struct slice secret; /* any octets, at least one */
	uint8_t number;      /* 0 to 9 */
};

enum batv_verdict { BATV_UNTAGGED, BATV_VALID, BATV_EXPIRED, BATV_FORGED };

/* address: local@domain, not tagged. days: how long it is good, 1 to 999 (7 usual). plus: the character of the sub-address form.
 * {NULL,0}: no memory, or no domain. */
struct slice batv_sign(struct arena *a, struct slice address, const struct batv_key *key, enum batv_form form,
                       char plus, int64_t now, unsigned days);
/* Takes a tag off. *original is the address without it, in any case (the address itself when untagged, or where a prvs-like local part is no
 * tag). Keys with the tag's number are tried, all of them. plus '\0': the sub-address form is not looked for. Older spelling
 * "prvs=local/KDDDSSSSSS@domain" is read too. {NULL,0} in *original: no memory. */
enum batv_verdict batv_verify(struct arena *a, struct slice address, const struct batv_key *keys, size_t key_count,
                              char plus, int64_t now, struct slice *original);

#endif
