/* SPDX-License-Identifier: Apache-2.0 */
/*
 * charset_guess - what charset is it that nobody named?
 *
 * Many mail servers, the older the more, write their reports in the charset of their country and do not say which. The
 * East Asian ones show themselves by escape sequences or by how their octets pair; Cyrillic, Greek, Hebrew, Arabic and Thai by
 * their most frequent letters; those of Central Europe and Turkish by letters where Western charsets have signs.
 *
 * Looks at the first CHARSET_GUESS_TEXT octets. A guess is made only when it is clear: short or mixed text gets none.
 * Pure; any thread.
 *
 *     struct slice label = charset_guess(octets);     // "koi8-u"; empty: Western, or who knows
 */
#ifndef BACKSTOP_MAIL_CHARSET_GUESS_H
#define BACKSTOP_MAIL_CHARSET_GUESS_H

#include "base/slice.h"

#define CHARSET_GUESS_TEXT 4096

/* Octets that are not UTF-8, or are ASCII that may hold escape sequences. A name that charset_known() knows, or empty. */
struct slice charset_guess(struct slice octets);

#endif
