/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arc_chain - the ARC fields of a header, put into sets by their instance (RFC 8617 4.2, 5.2)
 *
 * What verifying and sealing have in common: which field is which, whether the chain has the form that it must have, and what a
 * seal signs. Lies in the arena, points into the header. Pure.
 */
#ifndef BACKSTOP_AUTH_ARC_CHAIN_H
#define BACKSTOP_AUTH_ARC_CHAIN_H

#include "auth/arc.h"
#include "auth/digest.h"
#include "auth/fields.h"
#include "auth/sigfield.h"

struct arc_chain_set { /* indexes of fields, FIELDS_NONE: missing */
	uint32_t results, message, seal;
	struct sigfield message_field, seal_field;
};

struct arc_chain {
	struct fields *fields;
	bool any;            /* there is some ARC field */
	unsigned count;      /* the highest instance, up to ARC_SETS_MOST */
	bool closed;         /* the newest seal says cv=fail: nothing may be added (RFC 8617 5.1.3) */
	const char *problem; /* why the form is not right; NULL: it is */
	struct arc_chain_set *sets[ARC_SETS_MOST]; /* by instance, from 0; NULL: no field of it */
};

/* ERR_OK, also for chains with a problem; ERR_NO_MEMORY. */
enum error arc_chain_read(struct arena *a, struct slice header, struct arc_chain **out);

/* Puts what every seal after this set signs of it: results, message signature and seal, in relaxed form (RFC 8617 5.1.1.3). */
void arc_chain_put(struct digest *d, const struct header_field *results, const struct header_field *message);
void arc_chain_put_seal(struct digest *d, const struct header_field *seal);
/* Puts the seal's own field at the end, without what is in its b=. */
void arc_chain_put_own(struct digest *d, const struct header_field *seal, struct slice hole);

#endif
