/* SPDX-License-Identifier: Apache-2.0 */
/*
 * charset_iconv - the East Asian charsets, by iconv(3); for charset.c only
 *
 * The one exception to "mail does no I/O": see charset.h.
 */
#ifndef BACKSTOP_MAIL_CHARSET_ICONV_H
#define BACKSTOP_MAIL_CHARSET_ICONV_H

#include "base/slice.h"

struct charset_iconv {
	const char *names; /* labels between blanks; letters and digits only, lower case */
	uint16_t code_pages[2];
	const char *converter; /* for iconv_open() */
	/* When it is shifted by escape sequences (ISO 2022): the code page that unshifted text mostly has; else 0. */
	uint16_t eight_bit;
};

extern const struct charset_iconv charset_iconv_table[];
extern const size_t charset_iconv_count;

unsigned charset_iconv_prepare(void);
/* Writes at most `room` octets of UTF-8 and returns how many. */
size_t charset_iconv_convert(const struct charset_iconv *c, struct slice in, char *out, size_t room);

#endif
