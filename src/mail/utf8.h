/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8 - is it UTF-8? (RFC 3629)
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
bool utf8_is_ascii(struct slice s); /* no octet over 127 */

#endif
