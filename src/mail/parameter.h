/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parameter - parameters of Content-Type, Content-Disposition and their like (RFC 2045 5.1, RFC 2231)
 *
 * Reads the value of such a field, folded as it is: "text/plain; charset=utf-8; name*0*=us-ascii'en'a%20; name*1=b".
 * Continuations are put together and charsets become UTF-8; encoded words in a value, which RFC 2047 forbids and many
 * write, are decoded. Missing semicolons, blanks around "=", unquoted blanks, missing end quotes and comments are seen
 * through. Of several of one name the first counts. Linear. Pure; any thread.
 *
 *     struct slice boundary;
 *     if (parameter_find(arena, part->content_type, "boundary", &boundary)) ...
 */
#ifndef BACKSTOP_MAIL_PARAMETER_H
#define BACKSTOP_MAIL_PARAMETER_H

#include "base/arena.h"
#include "base/slice.h"

#define PARAMETER_SECTIONS 100  /* continuations of one parameter; the rest is left out */
#define PARAMETER_MOST     4096 /* octets of a value that is put together */

/* The word before the first semicolon, without blanks and comments: "text/plain", "attachment", "failed". */
struct slice parameter_main(struct slice value);
/* name in any case, without "*". Points into value where it stands there as it is, else into the arena. False: there is
 * none (or no memory: then arena_exhausted). */
bool parameter_find(struct arena *a, struct slice value, const char *name, struct slice *out);

#endif
