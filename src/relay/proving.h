/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proving - what one inbound transaction can say for itself: SPF, DKIM, ARC and DMARC
 *
 * SPF starts at MAIL, in a fiber of its own, and runs while the client and the tenant's server talk of recipients; the rest is
 * done when the message is here, in one pass over the body. What DNS and the header bring goes into an arena of its own,
 * so that it cannot use up the transaction's. What is not had in time counts as not proven.
 *
 * Worker loop, the session's fiber.
 */
#ifndef BACKSTOP_RELAY_PROVING_H
#define BACKSTOP_RELAY_PROVING_H

#include "auth/evidence.h"
#include "base/blob.h"
#include "base/fiber.h"
#include "relay/setup.h"

#define PROVING_DIGEST 32

struct proving {
	const struct setup *setup;
	struct arena arena, spf_arena; /* apart, since the body may be read on another thread while SPF still runs */
	struct scope scope;            /* SPF */
	struct spf_query query;
	struct spf_verdict spf;
	bool spf_done;
	bool tag;                      /* the return path bears a valid tag of ours */
	struct slice mail_from_domain; /* canonical; empty: the null return path or a literal */
	struct resolver *resolver;

	bool examined; /* evidence and digest are there */
	struct evidence evidence;
	unsigned char digest[PROVING_DIGEST]; /* SHA-256 of the body without its header */
};

/* return_path, mail_from_domain and helo must live until proving_end(). setup: a reference is held by the caller. */
void proving_begin(struct proving *p, const struct setup *setup, struct resolver *r, const struct ip *client,
                   struct slice return_path, struct slice mail_from_domain, struct slice helo, bool tag);
/* What is proven by now; does not wait. */
enum proof proving_so_far(const struct proving *p);
/* header: the whole header block with its empty line, as it begins the body. Waits for SPF, keys and records. Errors of storage and memory
 * (ERR_NO_MEMORY, ERR_IO): the message cannot be taken now. */
enum error proving_examine(struct proving *p, struct slice header, const struct blob *body);
void proving_end(struct proving *p); /* ends what still runs, frees; once */

#endif
