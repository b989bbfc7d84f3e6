/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocklist - the lists that a client is looked up in
 *
 * Our own list (what the operator listed, and what the keeper did: store/listings.h, store/weighed.h; read straight from the state, without DNS)
 * and the zones of the configuration's blocklist sections, asked over DNS
 * (RFC 5782). A zone of mode safe, and the own list, are asked only about clients that write as <> or postmaster@; a zone of mode all about
 * every client. All zones are asked at once, within blocklist-deadline; one that does not answer in time lists nobody.
 *
 * Each zone is tested first and then every hour (RFC 5782 5): it must list 127.0.0.2 and must not list 127.0.0.1. Until it has
 * passed it is not used, and the log says why: a dead list that answers everything must not cost anybody mail. Answers outside
 * 127.0.0.0/8, and 127.255.255.0/24 (errors of the list's operator), list nobody.
 */
#ifndef BACKSTOP_RELAY_BLOCKLIST_H
#define BACKSTOP_RELAY_BLOCKLIST_H

#include "base/arena.h"
#include "base/config.h"
#include "net/resolver.h"
#include "smtp/reason.h"
#include "store/db.h"

struct blocklists;

/* Counted; holds a reference of the configuration. NULL: no memory. Any thread. */
struct blocklists *blocklists_new(struct config *c, struct resolver *r, struct db *state);
struct blocklists *blocklists_ref(struct blocklists *);
void blocklists_unref(struct blocklists *);

/* In a fiber of the main loop: tests all zones, now and every hour, until cancelled. Takes a reference for that time. */
void blocklists_watch(void *blocklists);

struct blocklist_hit {
	const char *list;  /* the zone, or "local" */
	struct slice text; /* the list's own words, in the arena; may be empty */
};
/* In a fiber. REASON_ok, REASON_listed_safe_mode or REASON_listed, with *hit then set. suspicious: the return path is <> or postmaster@. */
enum reason blocklists_ask(struct blocklists *, const struct ip *client, bool suspicious, struct arena *a,
                           struct blocklist_hit *hit);

/* The name to ask for: "2.0.0.127.ZONE", or 32 nibbles for IPv6 (RFC 5782 2.1, 2.4). False: too long. */
bool blocklist_name(const struct ip *ip, const char *zone, char *out, size_t n);

#endif
