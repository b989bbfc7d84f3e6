/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners - the listening sockets of one service, kept over a reload
 *
 * Private to supervisor. A set remembers the addresses as they were configured (port 0 included) beside those that the sockets really
 * have. Changing a set is two steps, so that a reload which fails half-way changes nothing:
 *
 *     if (listeners_prepare(&old, wanted, n, &new, why) == ERR_OK) listeners_replace(&old, &new);
 */
#ifndef BACKSTOP_SUPERVISOR_LISTENERS_H
#define BACKSTOP_SUPERVISOR_LISTENERS_H

#include "base/service.h"

struct listeners {
	struct listener_want *configured;
	struct service_listener *bound; /* `at` has the real port */
	size_t count;
};

/* Sockets of addresses that are in old are taken from it, others are opened. On failure nothing stays open and why (256 octets) names the
 * address. The wildcard [::] is left out with a warning on a system without IPv6. */
enum error listeners_prepare(const struct listeners *old, const struct listener_want *wanted, size_t n,
                             struct listeners *out, char why[256]);
/* *old becomes *new; sockets that are not in it are closed. */
void listeners_replace(struct listeners *old, struct listeners *new);
/* Undoes listeners_prepare(): closes what it opened. */
void listeners_abandon(const struct listeners *old, struct listeners *new);
void listeners_close(struct listeners *l);

#endif
