/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html - HTML as plain text
 *
 * For finding phrases and addresses in what people are shown, not for rendering: tags, comments, scripts and styles
 * are taken out, blocks and <br> begin new lines, runs of blanks are one blank (not in <pre>), character references
 * are resolved (numeric ones, the named ones of HTML 4, the semicolon may be missing). An address in angle brackets
 * that nobody escaped stays. Text is UTF-8 in and out, lines end in LF. Unclosed and nested rubbish is read to its
 * end, once. Linear. Pure; any thread.
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
