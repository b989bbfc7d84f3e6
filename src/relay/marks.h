/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marks - the header fields that we put on top of an inbound message, and the forged ones that we take away
 *
 * On top: Authentication-Results (RFC 8601), what the mail's state asks for, our Received field. An Authentication-Results field that bears our name and came
 * from outside is removed (RFC 8601 5), and so is every field whose name begins with X-Backstop-; the header is then sent anew
 * without them. All else stays as it came, to the octet.
 */
#ifndef BACKSTOP_RELAY_MARKS_H
#define BACKSTOP_RELAY_MARKS_H

#include "auth/authres.h"

struct marks {
	struct slice head; /* to be sent instead of the first `skip` octets of the message */
	size_t skip;
};

/* X-Auto-Response-Suppress, so that no program answers mail whose sender did not prove himself. */
#define MARKS_SUPPRESS "X-Auto-Response-Suppress: All\r\n"
/* The author's domain asks for suspicion, and the tenant wants it known, or heeded: many filters file X-Spam-Flag as junk. */
#define MARKS_PREFIX     "X-Backstop-" /* names of fields that are ours alone */
#define MARKS_DMARC      "X-Backstop-DMARC: fail\r\n"
#define MARKS_QUARANTINE "X-Spam-Flag: YES\r\n"

/* header: of the message, with its empty line. results NULL: no field, and none is removed. more: whole fields that go on top too.
 * {NULL,0} in head: no memory. */
struct marks marks_make(struct arena *a, struct slice received, struct slice header, struct slice authserv_id,
                        const struct authres *results, struct slice more);

#endif
