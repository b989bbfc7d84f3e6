/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html - HTML as plain text
 *
 * For finding phrases and addresses in what people are shown, not for rendering: tags, comments, scripts, styles and the
 * head (but not its title) are taken out, blocks and <br> begin new lines, runs of blanks are one blank, character
 * references are resolved (all numeric ones, the named ones of HTML 4). Text is UTF-8 in and out, lines end in
 * LF. Unclosed and nested rubbish is read to its end, once. Linear. Pure; any thread.
 *
 *     struct slice text = html_to_text(arena, html, 64 << 10);
 */
#ifndef BACKSTOP_MAIL_HTML_H
#define BACKSTOP_MAIL_HTML_H

#include "base/arena.h"
#include "base/slice.h"

/* At most `limit` octets, cut at a character. {NULL, 0} when the arena is exhausted. */
struct slice html_to_text(struct arena *a, struct slice html, size_t limit);

#endif
