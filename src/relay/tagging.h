/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tagging - the return path under which a tenant's mail goes out into the world
 *
 * Where the tenant wants it, a return path carries a tag that only we can make (auth/batv.h), so that a bounce without one is known
 * to be none of ours. The tag is put on when the message is sent; the spool has the path without it, and so reports go there.
 * Pure; the key and the time are passed in.
 */
#ifndef BACKSTOP_RELAY_TAGGING_H
#define BACKSTOP_RELAY_TAGGING_H

#include "auth/batv.h"
#include "store/tenants.h"

#define TAGGING_LOCAL_MOST 64 /* RFC 5321 4.5.3.1.1: longer local parts are refused here and there */

enum tagging {
	TAGGING_DONE,
	TAGGING_NOT_WANTED, /* by the tenant, or for this sender */
	TAGGING_NO_KEY,
	TAGGING_FOREIGN,  /* it bears a tag already: the tenant's own server's */
	TAGGING_TOO_LONG, /* the local part would be */
	TAGGING_NO_MEMORY,
};

/* *out is the tagged path in the arena with TAGGING_DONE, else the return path. t, key: NULL when there is none. */
enum tagging tagging_return_path(struct arena *a, const struct tenant *t, const struct batv_key *key,
                                 struct slice return_path, int64_t now, struct slice *out);

#endif
