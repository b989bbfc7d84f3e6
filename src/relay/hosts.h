/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts - what was lately learned about other servers' addresses
 *
 * Two things, each for a while: an address that could not be talked to is tried after the others of its destination
 * (HOSTS_AVOID_MS), and one whose TLS handshake failed is spoken to in the clear where TLS is opportunistic (HOSTS_PLAIN_MS),
 * instead of failing the handshake again with each connection. At most HOSTS_MAX addresses: a table of fixed size in which a
 * new address takes the place of an old one; forgetting costs one attempt. Delivery thread only; monotonic milliseconds.
 */
#ifndef BACKSTOP_RELAY_HOSTS_H
#define BACKSTOP_RELAY_HOSTS_H

#include "base/endpoint.h"

#define HOSTS_MAX      4096
#define HOSTS_AVOID_MS (15 * 60 * 1000)
#define HOSTS_PLAIN_MS (60 * 60 * 1000)

struct hosts;

struct hosts *hosts_new(void); /* NULL: no memory */
void hosts_free(struct hosts *);
void hosts_failed(struct hosts *, const struct endpoint *at, int64_t now);
void hosts_worked(struct hosts *, const struct endpoint *at);
bool hosts_avoid(const struct hosts *, const struct endpoint *at, int64_t now);
void hosts_tls_failed(struct hosts *, const struct endpoint *at, int64_t now);
bool hosts_plain(const struct hosts *, const struct endpoint *at, int64_t now);

#endif
