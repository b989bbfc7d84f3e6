/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64 - octets in the alphabet of RFC 4648 4, as tags of signatures and key records hold them
 *
 * Read as RFC 6376 2.10 writes it: blanks and line ends may stand anywhere, and the padding at the end may be missing.
 * Everything else outside the alphabet is an error. Pure.
 */
#ifndef BACKSTOP_AUTH_BASE64_H
#define BACKSTOP_AUTH_BASE64_H

#include "base/arena.h"
#include "base/error.h"

/* ERR_OK, ERR_SYNTAX or ERR_NO_MEMORY. The empty text is no octets. */
enum error base64_decode(struct arena *a, struct slice text, struct slice *out);
struct slice base64_encode(struct arena *a, struct slice octets); /* on one line; {NULL, 0}: no memory */

#endif
