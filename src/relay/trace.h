/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace - the Received field that we add, and what we read of a header before passing it on
 *
 * RFC 5321 4.4: one field, on top: who gave it to us (its EHLO name and address), who we are, with which protocol, under which
 * id, and when; "for" only when there is one recipient, so that nobody learns of another (7.2). Nothing about tenants.
 */
#ifndef BACKSTOP_RELAY_TRACE_H
#define BACKSTOP_RELAY_TRACE_H

#include "smtp/server.h"

/* {NULL,0}: no memory. id: an atom, see stamping.h. now: Unix time. client: its address. */
struct slice trace_received(struct arena *a, const struct session *s, const struct transaction *t,
                            const struct endpoint *client, struct slice id, int64_t now);

struct trace_header {
	struct slice message_id; /* the first; in the arena */
	bool several_ids;        /* there are more */
	struct slice text; /* the whole header with its empty line; points into the body while that is in memory, else
	                            in the arena */
	size_t size;       /* octets of it */
	bool dated;        /* it has a Date field */
};
/* a: for the header of a body that is in a file, too. Judges the header of a complete message: REASON_ok, header_too_big, too_many_hops, no_memory, storage_failed. */
enum reason trace_read_header(struct arena *a, const struct blob *body, uint64_t size_limit, int64_t hop_limit,
                              struct trace_header *out);

#endif
