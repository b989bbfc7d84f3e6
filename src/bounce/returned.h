/* SPDX-License-Identifier: Apache-2.0 */
/*
 * returned - what a report gives back of the message that it speaks of
 *
 * All that can tell which original a bounce, automatic reply or disposition notification is about: the header that it
 * returns (mail/original.h), the Message-IDs that it names, the addresses and the envelope id of its delivery status.
 * Nothing of it is believed here; provenance.h does that. Bounded by RETURNED_*. Pure.
 *
 *     struct returned r;
 *     if (!mime_parse(&arena, message, &m) || !returned_read(&arena, m.root, &r)) return ERR_NO_MEMORY;
 */
#ifndef BACKSTOP_BOUNCE_RETURNED_H
#define BACKSTOP_BOUNCE_RETURNED_H

#include "base/endpoint.h"
#include "mail/original.h"

#define RETURNED_IDS        4
#define RETURNED_RECIPIENTS 32

struct returned {
	enum original_form form;
	struct slice header; /* empty: none came back */
	bool whole; /* it looks as if no field were missing: a part of its own, with From, Date, Message-ID and Received */
	/* Of the original, the surest first: of a returned header that is a part of its own; else of a disposition
	 * notification, In-Reply-To (RFC 3834 3.1.5), the last of References; else of a header or line in the text. */
	struct slice ids[RETURNED_IDS];
	size_t id_count;
	bool loose; /* the only one stood in running text, where the author of the original may have put it, or in a doubtful part */
	bool doubtful; /* that part, where boundaries can be foretold, may be of the original's author (mail/original.h) */
	bool referred; /* they are from References alone, where a program may have put what the original answers */
	struct slice envelope_id; /* Original-Envelope-Id; empty: none */
	bool envelope_declared;   /* in a part of type message/delivery-status before the original, and not in text */
	/* Of whom it speaks, final and original addresses, spelled as by address_spelled(). */
	struct slice recipients[RETURNED_RECIPIENTS];
	size_t recipient_count;
	struct ip origin; /* who gave the original to the reporter, by the topmost Received field; family 0: not told */
};

/* root: of the report. False: no memory. */
bool returned_read(struct arena *a, const struct mime_part *root, struct returned *out);
/* Its parts, for who has the header and not the report. */
void returned_nothing(struct returned *out);
void returned_header(struct slice header, enum original_form form, struct returned *out);
void returned_id(struct returned *out, struct slice id);

#endif
