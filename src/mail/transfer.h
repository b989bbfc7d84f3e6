/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer - undoing content transfer encodings (RFC 2045 6)
 *
 * Everything is decoded to something: what is no part of the encoding is skipped (base64) or stays as it is
 * (quoted-printable), as RFC 2045 6.7 and 6.8 advise; so text that was never encoded comes out of quoted-printable
 * nearly unhurt. The result lives in the arena and holds at most `limit` octets, {NULL, 0} when the arena is
 * exhausted. Linear. Pure; any thread.
 *
 *     struct slice octets = transfer_base64(arena, part->body, 1 << 20);
 */
#ifndef BACKSTOP_MAIL_TRANSFER_H
#define BACKSTOP_MAIL_TRANSFER_H

#include "base/arena.h"
#include "base/slice.h"

/* Padding within (texts encoded one by one and put together) is read over; an incomplete end gives its whole octets. */
struct slice transfer_base64(struct arena *a, struct slice in, size_t limit);
/* Soft line breaks are joined, blanks before line ends removed; line ends stay as they are. Lower-case digits are
 * read. */
struct slice transfer_quoted_printable(struct arena *a, struct slice in, size_t limit);
/* From the "begin" line to "end"; empty when there is no begin line. */
struct slice transfer_uuencode(struct arena *a, struct slice in, size_t limit);

#endif
