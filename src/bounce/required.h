/* SPDX-License-Identifier: Apache-2.0 */
/*
 * required - what an expression cannot match without
 *
 * "(rcpt|mail) (to|from)[^\n]{0,80} 5\d\d" cannot match where none of "rcpt to", "rcpt from", "mail to" and "mail from" is. Most expressions have
 * such literals, and most texts none of them; who knows that there is none (literals.h) need not ask libhs. Of all that an
 * expression needs those are chosen which a text will have most seldom. What is not understood gives no literals, never wrong ones. "[a-z]\?( [a-z]+)?\n" has none,
 * but most texts have no "?", and to see that takes no time at all. Who knows where in a text these are, and how much of a match is before
 * them, knows where one may begin, and need not ask libhs of all the text. Pure; any thread.
 *
 *     struct required r;
 *     if (required_read(SLICE("(mail|rcpt) to [0-9]"), &r))
 *             for (size_t i = 0; i < r.count; i++) look_for(required_literal(&r, i));
 */
#ifndef BACKSTOP_BOUNCE_REQUIRED_H
#define BACKSTOP_BOUNCE_REQUIRED_H

#include "base/slice.h"

#define REQUIRED_MOST   96 /* literals */
#define REQUIRED_LENGTH 31 /* octets of one, at most */
#define REQUIRED_LEAST  3  /* at least; 4 where no word begins or ends in it */
#define REQUIRED_OCTETS 3
#define REQUIRED_DIGITS "0" /* an octet that stands for all digits */

struct required { /* one of the literals */
	size_t count;
	size_t least,
		most; /* octets of a match that are before where one is found, at least and at most, where the width is known */
	struct {
		uint8_t n;
		char octets[REQUIRED_LENGTH];
	} literals[REQUIRED_MOST];
};

struct required_octet {
	char octet;
	size_t least, most; /* the same */
};

/* False: there are none. expression: as libhs takes it, without flags but DOTALL. */
bool required_read(struct slice expression, struct required *out);

/* Octets that texts seldom have, the rarest first, of which each is needed. Returns how many. */
size_t required_octets(struct slice expression, struct required_octet out[REQUIRED_OCTETS]);

/* How many octets a match has at most; 0: that is not known, or what stands around it matters, too ("\b", "$"). begins: it is found at the
 * beginning of the text only. */
size_t required_width(struct slice expression, bool *begins);

static inline struct slice required_literal(const struct required *r, size_t i)
{
	return slice_of(r->literals[i].octets, r->literals[i].n);
}

#endif
