/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canonical - header fields and bodies in the form in which they are signed (RFC 6376 3.4)
 *
 * What comes out is handed on in runs of up to CANONICAL_STAGE octets, so that hashing costs no call for each word. A
 * line end is CR LF or LF and counts as CR LF; a CR that no LF follows is an ordinary octet. One pass, no memory.
 * Pure.
 *
 *     static void put(void *arg, struct slice octets) { digest_put(arg, octets); }
 *
 *     struct canonical_out out;
 *     canonical_begin(&out, put, &digest);
 *     canonical_field(&out, CANONICAL_RELAXED, &field);
 *     canonical_signature(&out, CANONICAL_RELAXED, &own, b->whole);     // the signature's own field: last, without b=
 *     canonical_flush(&out);
 *
 *     struct canonical_body body;
 *     canonical_body_begin(&body, CANONICAL_SIMPLE, put, &digest);
 *     while (more) canonical_body_put(&body, piece);                    // cut anywhere
 *     canonical_body_end(&body);
 */
#ifndef BACKSTOP_AUTH_CANONICAL_H
#define BACKSTOP_AUTH_CANONICAL_H

#include "base/slice.h"
#include "mail/header.h"

#define CANONICAL_STAGE 2048

enum canonical { CANONICAL_SIMPLE, CANONICAL_RELAXED };

struct canonical_out {
	void (*take)(void *arg, struct slice octets);
	void *arg;
	size_t n;
	char stage[CANONICAL_STAGE];
};

void canonical_begin(struct canonical_out *out, void (*take)(void *arg, struct slice octets), void *arg);
void canonical_field(struct canonical_out *out, enum canonical how, const struct header_field *f); /* with CR LF */
/* Without the line end, and without hole, which is a part of the field's value: the b= of the signature (RFC 6376
 * 3.7). */
void canonical_signature(struct canonical_out *out, enum canonical how, const struct header_field *f,
                         struct slice hole);
void canonical_flush(struct canonical_out *out); /* hands on what is still here */

struct canonical_body { /* private */
	enum canonical how;
	bool cr;            /* a CR came last: a line end's or an octet */
	bool blank;         /* relaxed: blanks came last, which count only when the line goes on */
	bool any;           /* something besides line ends was put */
	uint64_t line_ends; /* not put yet: at the end of the body they do not count */
	struct canonical_out out;
};

void canonical_body_begin(struct canonical_body *b, enum canonical how, void (*take)(void *arg, struct slice octets),
                          void *arg);
void canonical_body_put(struct canonical_body *b, struct slice piece);
void canonical_body_end(struct canonical_body *b);

#endif
