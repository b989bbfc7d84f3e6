/* SPDX-License-Identifier: Apache-2.0 */
/*
 * charset - text in any charset to UTF-8
 *
 * By tables of our own: US-ASCII, UTF-8, UTF-7, UTF-16 and UTF-32, ISO 8859, windows-125x, KOI8, the DOS code pages
 * that are met in mail, macintosh, TIS-620, under all their usual names. The East Asian charsets (ISO-2022-JP,
 * Shift_JIS, EUC-JP, GB 18030 and its subsets, HZ, Big5, EUC-KR, ISO-2022-KR) are left to iconv(3) of the C library.
 * What is not named is guessed (charset_guess.h). An octet that means nothing becomes U+FFFD; reading never fails.
 *
 * iconv is the one place where this folder needs files: the C library loads its converters from disk at their first
 * use. charset_prepare() loads them all, so that a sandboxed process can use them afterwards: of each that was opened one is
 * kept, since that costs more than to convert a text. Where a converter is missing, what is not ASCII in such a text becomes
 * U+FFFD. All other functions are pure. Any thread.
 *
 *     charset_prepare();                              // once, before the sandbox closes
 *     struct slice s = charset_to_utf8(arena, SLICE("windows-1251"), octets, SIZE_MAX);
 */
#ifndef BACKSTOP_MAIL_CHARSET_H
#define BACKSTOP_MAIL_CHARSET_H

#include "base/arena.h"
#include "base/slice.h"

/* Before other threads start. Returns how many of the East Asian charsets the C library cannot read; 0 is well. */
unsigned charset_prepare(void);
/* label as in a charset parameter, any case, quotes and a "*language" are ignored. When it is unknown or empty,
 * and when it says ASCII but octets are not: UTF-8 if they are that, else by charset_guess(), else windows-1252.
 * "iso-8859-1" and "utf-8" are what programs say who do not know: as the first, what is UTF-8 is read as that; a guess,
 * or windows-1252, goes before UTF-8 only when most of it is none. The result is well-formed UTF-8 of at most `limit`
 * octets, cut at a character. Points into octets when they are that already. {NULL, 0} when the arena is exhausted. */
struct slice charset_to_utf8(struct arena *a, struct slice label, struct slice octets, size_t limit);
bool charset_known(struct slice label);

#endif
