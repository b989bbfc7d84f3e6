/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure - what a bounce tells of the delivery that failed: recipient, code, reply, hop, stage
 *
 * Of the part for programs (RFC 3464) and of the words for a person, whichever says more. Of several recipients the first
 * that failed, else the first that is delayed. Pure; any thread.
 */
#ifndef BACKSTOP_BOUNCE_FAILURE_H
#define BACKSTOP_BOUNCE_FAILURE_H

#include "bounce/failuretext.h"
#include "mail/mime.h"
#include "mail/original.h"

struct failure {
	struct slice recipient;  /* address; empty: not told */
	struct slice written_to; /* the address that was forwarded to the recipient's; empty: none, or not told */
	struct slice status;     /* "5.1.1"; empty: not told */
	struct slice reply;      /* the other server's words as the part for programs has them; empty: none */
	struct slice words;      /* as the text for a person has them; empty: none */
	struct slice text;       /* the whole text for a person; or empty */
	struct slice host;       /* that refused; empty: not told, or the reporter itself */
	struct slice reporter;   /* that made the report; empty: not told */
	enum stage stage;
	bool delayed;   /* still being tried */
	bool delivered; /* nothing failed */
	bool found;     /* there is something that looks like a failure */
	size_t others;  /* recipients besides this one */
};

/* o: of original_find(), which may have found none. False when the arena is exhausted. */
bool failure_read(struct arena *a, const struct mime *m, const struct original *o, struct failure *out);

#endif
