/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xtext - the encoding of ENVID and ORCPT values (RFC 3461 4)
 *
 * Octets 33 to 126 other than "+" and "=" stand for themselves; every other octet is "+" and two hexadecimal digits.
 * Results live in the arena. Pure; any thread.
 *
 *     struct slice id = xtext_decode(a, SLICE("QQ+2B314159"));   // "QQ+314159"
 */
#ifndef BACKSTOP_MAIL_XTEXT_H
#define BACKSTOP_MAIL_XTEXT_H

#include "base/arena.h"
#include "base/slice.h"

/* {NULL, 0} when malformed or when the arena is exhausted; the decoded text may hold any octet, NUL and CR LF included.
 * Hexadecimal digits of either case are read. */
struct slice xtext_decode(struct arena *a, struct slice in);
/* Writes upper case. {NULL, 0} when the arena is exhausted. */
struct slice xtext_encode(struct arena *a, struct slice in);
/* Well-formed, and what it decodes to is printable US-ASCII or blank, as RFC 3461 4.2 and 4.4 demand. */
bool xtext_valid(struct slice in);

#endif
