/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stamp - what was known of a message, written into its trace, so that what answers it brings it back
 *
 * The id in our Received field, and the envelope id that we give a server (RFC 3461 4.4), are followed by "-" and 31 characters in base
 * 32: K, TT, eight, four, four and twelve.
 *
 *   K   u: it came in, and its return path did not prove itself; p: it did; s: a tenant sent it
 *   TT  the day, days since 1970 mod 1024
 *   8   keyed hash of the return path, in lower case: only who has the secret can tell whether an address is it
 *   4   keyed hash of the return path's domain, when it proved itself, else "0000"
 *   4   the same of the author's domain, when DMARC passed
 *   12  the first 60 bits of HMAC-SHA256 over all that stands before
 *
 * So an answer can be judged by who has the secret and has never heard of the message: the ledger was lost, or another node took it. The
 * hashes are over the id too, so that equal return paths do not look alike. "-" and the characters are atext: the whole is an
 * atom, as RFC 5321 4.4 wants it in "id", and xtext as it is. It is read in any case.
 *
 * A stamp can be copied with the field that it stands in. It then says the same: that a message of this return path came, and whether
 * that proved itself. It never makes one address out of another. The secret is the relay's own (KEY_SRS of store/keys.h); a label
 * keeps this use of it apart from others. Pure; any thread.
 *
 *     struct slice id = stamp_write(a, &facts, secrets.secret[0]);          // "0r8x3mdkq0001-p4k..."
 *     if (stamp_read(id, &secrets, now, days, &s) == STAMP_GOOD && stamp_is_from(&s, address)) ... s.kind ...
 */
#ifndef BACKSTOP_AUTH_STAMP_H
#define BACKSTOP_AUTH_STAMP_H

#include "auth/srs.h"

#define STAMP_SIZE    31 /* characters behind the "-" */
#define STAMP_ID_MOST 32 /* of an id */
#define STAMP_LATE    2  /* days that clocks may differ */

enum stamp_kind { STAMP_UNPROVEN, STAMP_PROVEN, STAMP_SENT };

struct stamp_facts {
	struct slice id; /* letters and digits, at most STAMP_ID_MOST */
	enum stamp_kind kind;
	struct slice return_path; /* as the client gave it; empty: <> */
	struct slice domain;      /* of the return path; empty: it did not prove itself */
	struct slice author;      /* domain; empty: DMARC did not pass */
	int64_t time;             /* Unix time */
};
/* {NULL,0}: no memory, an id that is none, or an address over 1024 octets. */
struct slice stamp_write(struct arena *a, const struct stamp_facts *f, struct slice secret);

enum stamp_verdict { STAMP_NONE, STAMP_FORGED, STAMP_EXPIRED, STAMP_GOOD };
struct stamp {
	enum stamp_kind kind;
	struct slice secret;                       /* that it was made with: one of those that were passed in */
	char text[STAMP_ID_MOST + 1 + STAMP_SIZE]; /* all of it, in lower case */
	size_t id_size;                            /* octets of the id in it */
};
/* The id itself, with or without a stamp behind it. */
struct slice stamp_id(struct slice trace);
/* Good for so many days, and STAMP_LATE more in either direction. NONE: it has not the form of one. FORGED also
 * when it was made with a secret that is not known any more. */
enum stamp_verdict stamp_read(struct slice trace, const struct srs_secrets *secrets, int64_t now, int days,
                              struct stamp *out);
/* Of one that is STAMP_GOOD: was that its return path, one of its domains? Case does not matter. */
bool stamp_is_from(const struct stamp *s, struct slice address);
bool stamp_is_of_domain(const struct stamp *s, struct slice domain);

#endif
