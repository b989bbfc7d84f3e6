/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp - the list over TCP (RFC 7766)
 *
 * Zone transfers (dns/transfer.h) go this way too; while one is being taken its connection is not idle.
 *
 * A fiber a connection, on the main loop. Requests may come one behind the other without waiting; they are answered in order, and what is
 * there at once is answered in one write. A whole request must come, and its answers be taken, within tcp-timeout of the last one.
 *
 * No number of clients that do nothing keeps others out: when all of tcp-limit (or of tcp-client-limit, for one IPv4 address or IPv6 /64)
 * are open, the connection that has been idle for longest is closed for the new one.
 *
 *     struct tcp *t = tcp_start(loop, state, transfers, setup, listeners, n);
 *     tcp_change(t, setup, listeners, n);          // new connections; those that are open keep the setup they began with
 *     tcp_stop(t);                                 // in a fiber: waits until all connections are closed
 */
#ifndef BACKSTOP_DNS_TCP_H
#define BACKSTOP_DNS_TCP_H

#include "base/service.h"
#include "dns/setup.h"

struct tcp;

/* Of the listeners those of TCP are used; descriptors stay the caller's, until the next change or stop. NULL without memory. */
struct tcp *tcp_start(struct loop *loop, struct db *state, struct transfers *transfers, struct dns_setup *setup,
                      const struct service_listener *l, size_t n);
void tcp_change(struct tcp *t, struct dns_setup *setup, const struct service_listener *l, size_t n);
void tcp_stop(struct tcp *t); /* NULL is fine; frees */

#endif
