/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batv - return paths that carry a tag only we can make (draft-levine-smtp-batv, as Exim's prvs)
 *
 * "prvs=KDDDSSSSSS=local@domain", or as sub-address "local+prvs=KDDDSSSSSS@domain" (the + is the tenant's): K is the
 * number of the key (0 to 9), DDD the last day it is good for (days since 1970 mod 1000), SSSSSS the first three octets of
 * HMAC-SHA1(key, KDDD and the address without tag), hexadecimal in lower case as Exim's ${prvs} makes and ${prvscheck} wants it.
 *
 * Systems on the way change case. So the hash is over the address in lower case: one sender has one tag a day, however it spells
 * itself, and the tag is good in whatever case it returns. Exim hashes the address as it is: a key that is shared with
 * an Exim says as_given, and its tags do not survive folding where the sender had capitals. Reading accepts a hash over
 * the address in lower case, as it is, and with only the domain in lower case.
 *
 * A quoted local part keeps its quotes around all of it ("prvs=..=a b"@example.net), as RFC 5321 4.1.2 wants it. Exim writes the tag before the
 * quotes, which is no address; that spelling is read too, and tag_bare() makes it. Pure; any thread.
 */
#ifndef BACKSTOP_AUTH_BATV_H
#define BACKSTOP_AUTH_BATV_H

#include "base/arena.h"

#define BATV_DAYS      7  /* how long a tag is good, usually */
#define BATV_MOST_DAYS 99 /* and at most: the day has only three digits, so what points far ahead is long past */

enum batv_form { BATV_PRVS, BATV_SUBADDRESS };

struct batv_key {
	struct slice secret; /* any octets, at least one; Exim takes at most 64 */
	uint8_t number;      /* 0 to 9 */
	bool as_given;       /* sign as Exim does, over the address as it is */
};

enum batv_verdict { BATV_UNTAGGED, BATV_VALID, BATV_EXPIRED, BATV_FORGED };

/* address: local@domain, not tagged. days: 0 (today only) to BATV_MOST_DAYS. plus: the character of the sub-address form.
 * {NULL,0}: no memory, or no local part or domain. */
struct slice batv_sign(struct arena *a, struct slice address, const struct batv_key *key, enum batv_form form,
                       char plus, int64_t now, unsigned days);
/* Takes a tag off. *original is the address without it, in any case (the address itself when untagged, or where a prvs-like local part is no
 * tag). Keys with the tag's number are tried, all of them. plus '\0': the sub-address form is not looked for. Older spelling
 * "prvs=local/KDDDSSSSSS@domain" is read too. A tag that points more than BATV_MOST_DAYS ahead has expired: its day has come round
 * again. {NULL,0} in *original: no memory. */
enum batv_verdict batv_verify(struct arena *a, struct slice address, const struct batv_key *keys, size_t key_count,
                              char plus, int64_t now, struct slice *original);
/* The same, when it is known how far ahead tags may point (the days they were signed with); a harvested one is of use again for no
 * more than that in each thousand days. */
enum batv_verdict batv_verify_within(struct arena *a, struct slice address, const struct batv_key *keys,
                                     size_t key_count, char plus, int64_t now, unsigned most_days,
                                     struct slice *original);

#endif
