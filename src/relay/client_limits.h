/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_limits - how much one client may have of us
 *
 * Counts open sessions, new sessions and messages per unit of address (base/endpoint ip_unit: an IPv4 address, an IPv6 /64), over all
 * workers. Rates are token buckets that hold one minute's worth. Units that were not seen for a while are forgotten.
 * Any thread; a short mutex inside.
 */
#ifndef BACKSTOP_RELAY_CLIENT_LIMITS_H
#define BACKSTOP_RELAY_CLIENT_LIMITS_H

#include "base/config.h"
#include "smtp/reason.h"

struct limits;

struct limits *limits_new(void); /* NULL: no memory */
void limits_free(struct limits *);

/* A session wants to begin: REASON_ok counts it, until limits_leave(). REASON_too_busy: session_limit in all;
 * REASON_too_many_connections, REASON_too_fast: this client. customer: a tenant's own server, which may come as often as it
 * likes. now: clock_now_ms(). */
enum reason limits_enter(struct limits *, const struct config *c, const struct ip *client, bool customer, int64_t now);
void limits_leave(struct limits *, const struct ip *client);
/* A message wants to begin: REASON_ok or REASON_too_fast. */
enum reason limits_message(struct limits *, const struct config *c, const struct ip *client, int64_t now);
size_t limits_sessions(struct limits *);

#endif
