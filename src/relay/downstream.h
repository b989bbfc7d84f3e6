/* SPDX-License-Identifier: Apache-2.0 */
/*
 * downstream - connections to the tenants' own servers, kept and reused by one worker
 *
 * A tenant's downstreams are tried by preference, equal ones in random order; a host is resolved to its addresses and these are tried in turn. One that took
 * its time to fail (no answer) is passed over for DOWNSTREAM_REST_MS, so that one dead server does not cost every recipient
 * a timeout. Connections that are healthy after a transaction go back to the pool and are closed when unused for
 * downstream-idle-time. At most downstream-connection-limit connections per server and worker; beyond it the caller waits.
 * Worker loop only.
 */
#ifndef BACKSTOP_RELAY_DOWNSTREAM_H
#define BACKSTOP_RELAY_DOWNSTREAM_H

#include "net/resolver.h"
#include "relay/setup.h"
#include "smtp/client.h"
#include "store/tenants.h"

#define DOWNSTREAM_REST_MS 5000

struct downstreams;
struct downstream; /* one server: host and port */

struct downstreams *downstreams_new(struct resolver *r); /* NULL: no memory */
void downstreams_free(struct downstreams *);             /* closes all idle connections */

struct downstream_connection {
	struct client *client;
	struct downstream *server;
	bool reused; /* it served an earlier transaction: a failure now may only mean that it was closed meanwhile */
};

/* Gets a connection for the tenant, from the pool unless fresh is asked for. On failure *why has the reply to give: 451
 * downstream_unavailable with what happened last, for the log; the client is told only that it cannot be reached. */
enum error downstream_get(struct downstreams *, const struct setup *setup, const struct tenant *t, bool fresh,
                          int64_t deadline, struct arena *a, struct downstream_connection *out, struct slice *why);
/* After a transaction: back to the pool when it can be used again, else closed. */
void downstream_put(struct downstreams *, struct downstream_connection *, bool healthy);
const char *downstream_name(const struct downstream *); /* "mail.example.net:25" */
/* Closes connections that have been idle too long; called now and then. */
void downstreams_reap(struct downstreams *, int64_t idle_ms);

#endif
