/* SPDX-License-Identifier: Apache-2.0 */
/*
 * published_words - what a row of the list says: codes for A records, a sentence for TXT and replies
 *
 * One place, so that DNS, transfers, exports, safe mode and look-ups say the same. No memory is allocated and nothing of libc
 * but memcpy is used. Pure; any thread.
 *
 *     uint8_t codes[PUBLISHED_CODES_MOST];
 *     size_t n = published_codes(&p, codes);                          // 127.0.0.codes[i]
 *     char text[PUBLISHED_SENTENCE_MOST];
 *     size_t length = published_sentence(&p, slice_str("192.0.2.1"), slice_str("https://bl.example.net"), text);
 */
#ifndef BACKSTOP_STORE_PUBLISHED_WORDS_H
#define BACKSTOP_STORE_PUBLISHED_WORDS_H

#include "store/published.h"

#define PUBLISHED_CODES_MOST    (ACT_CLASS_COUNT + 1)
#define PUBLISHED_SENTENCE_MOST 500 /* two strings of a TXT record at most */

/* The last octets of the A records, 127.0.0.CODE, in ascending order: one for each class, PUBLISHED_CODE_MANUAL for what was
 * listed by hand. Their number; at least 1 for a row that was read. */
size_t published_codes(const struct published *p, uint8_t codes[static PUBLISHED_CODES_MOST]);

/* "192.0.2.1 sends bounces and auto-replies to people who never wrote to it; mostly backscatter, some real mail. Refuse only
 * its bounces. https://bl.example.net/lookup/192.0.2.1". unit: the address, or the /64, as text; site: public-url, or
 * empty: then it says how to look it up on the command line. What does not fit is left out from its end. ASCII, one
 * line; its length is returned, there is no NUL. */
size_t published_sentence(const struct published *p, struct slice unit, struct slice site,
                          char out[static PUBLISHED_SENTENCE_MOST]);

#endif
