/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp - threads that answer what comes by UDP
 *
 * A thread for each socket. It waits in recvmmsg(2) for whatever is there, up to UDP_BATCH requests, answers them in one read
 * transaction, and sends all answers by one sendmmsg(2): two system calls a batch, none a request. Answers leave from the address that was
 * asked, also where the socket is bound to all of them.
 *
 * The main thread starts, changes and stops them. A thread takes a change between two batches; a signal (UDP_WAKE) gets it out of
 * its wait, and where that comes a moment too early, the wait ends by itself after UDP_PAUSE.
 *
 *     struct udp *u = udp_start(state, limiter, filters, setup, listeners, n, why);
 *     udp_change(u, setup, listeners, n);                        // the new ones; returns when nobody uses the old any more
 *     udp_stop(u);
 */
#ifndef BACKSTOP_DNS_UDP_H
#define BACKSTOP_DNS_UDP_H

#include "base/service.h"
#include "dns/filter.h"
#include "dns/limiter.h"
#include "dns/setup.h"

#define UDP_BATCH   64
#define UDP_REQUEST 2048 /* octets of a request that are read; what is longer is malformed for us */
#define UDP_PAUSE   200  /* ms */

struct udp;

/* Of the listeners those of UDP are used; descriptors stay the caller's. NULL with why (256 octets) without memory or threads. */
struct udp *udp_start(struct db *state, struct limiter *limiter, struct filters *filters, struct dns_setup *setup,
                      const struct service_listener *l, size_t n, char why[256]);
/* False, with why: nothing has changed. */
bool udp_change(struct udp *u, struct dns_setup *setup, const struct service_listener *l, size_t n, char why[256]);
void udp_stop(struct udp *u); /* NULL is fine */
size_t udp_threads(const struct udp *u);

#endif
