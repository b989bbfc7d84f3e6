/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_recipients - a bounce about several recipients: what became of each
 *
 * One report often speaks of several recipients, each with a reason of its own; explain() tells of one of them. This tells of
 * all: by the groups of the part for programs (RFC 3464 2.1), else by the paragraphs of the text ("<joe@example.com>:" of
 * qmail, a line with the address and indented lines below of Exim). Pure.
 *
 *     struct explained_recipient *list;
 *     size_t n;
 *     if (!explain_recipients(&arena, knowledge, &mime, &explanation, &list, &n)) return ERR_NO_MEMORY;
 *     for (size_t i = 0; n > 1 && i < n; i++) puts(cause_name(list[i].cause));
 */
#ifndef BACKSTOP_BOUNCE_EXPLAIN_RECIPIENTS_H
#define BACKSTOP_BOUNCE_EXPLAIN_RECIPIENTS_H

#include "bounce/explain.h"

#define EXPLAIN_RECIPIENTS 50 /* of a report that are told of */

struct explained_recipient {
	struct slice address;
	struct slice reply; /* on one line; empty: none */
	char status[STATUSCODE_TEXT_SIZE];
	enum cause cause;
	enum actor actor;
	enum stage stage;
	bool delayed, delivered; /* delivered: there is no cause */
};

/* e: of explain() for the same message. In the order of the report; *count is 0 when it speaks of one recipient or none. False when
 * the arena is exhausted. */
bool explain_recipients(struct arena *a, const struct knowledge *k, const struct mime *m, const struct explanation *e,
                        struct explained_recipient **out, size_t *count);

#endif
