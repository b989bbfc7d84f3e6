/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8 - is it UTF-8, and making it (RFC 3629)
 *
 * Pure; any thread.
 */
#ifndef BACKSTOP_MAIL_UTF8_H
#define BACKSTOP_MAIL_UTF8_H

#include "base/slice.h"

/* Length, 1 to 4, of the well-formed character that s begins with; 0 when there is none: overlong forms, surrogates,
 * values over U+10FFFF, cut-off sequences, the empty slice. An ASCII octet is 1. */
size_t utf8_length(struct slice s);
bool utf8_valid(struct slice s);
bool utf8_is_ascii(struct slice s);    /* no octet over 127 */
size_t utf8_ascii_run(struct slice s); /* how many octets up to 127 it begins with; many at a time */

/* Writes one character of 1 to 4 octets and returns how many; a surrogate or a value over U+10FFFF becomes U+FFFD. */
size_t utf8_encode(char out[4], uint32_t character);
/* At most n octets of s; when s is UTF-8, no character is cut in two. */
struct slice utf8_cut(struct slice s, size_t n);

#endif
