/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bouncefield - the header field that tells a tenant's server what was found of a bounce
 *
 *     X-Backstop-Bounce: unknown; class=ndr; kind=failed; probability=0.998;
 *             why="no header of the original came back";
 *             tag=silent (the address has no tag);
 *             ledger=silent (the report names no message)
 *
 * First the verdict (judge.h), which is what a filter looks for; then what the message is, why, and what each witness that
 * was asked says. Printable ASCII, folded, at most BOUNCEFIELD_MOST octets: what is in parentheses came from outside in
 * part, and cannot end them. Such fields that come from outside are taken out (relay/marks.h). Pure.
 *
 *     struct bouncefield f = {.class = c.class, .kind = c.kind, .probability = c.probability, .judgement = &j, .provenance = &p};
 *     struct slice field = bouncefield(arena, &f);
 */
#ifndef BACKSTOP_BOUNCE_BOUNCEFIELD_H
#define BACKSTOP_BOUNCE_BOUNCEFIELD_H

#include "bounce/class.h"
#include "bounce/judge.h"

#define BOUNCEFIELD_NAME "X-Backstop-Bounce"
#define BOUNCEFIELD_MOST 2048

struct bouncefield {
	enum bounce_class class;
	enum bounce_kind kind;
	double probability;
	const struct judgement *judgement;
	const struct provenance *provenance;
};

/* The field with its CRLF. {NULL, 0}: no memory. */
struct slice bouncefield(struct arena *a, const struct bouncefield *f);

#endif
