/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traps - addresses that never send mail: what answers is backscatter
 *
 * A destination of its own, beside tenants: domains (keeper { trap }) and single addresses (trap-address), which may lie in a
 * tenant's domain. RCPT to a trap is taken, so that the message is seen; it is read, classified, recorded as evidence where it is an
 * answer, and refused. Ordinary mail is refused, and nobody is accused. Who asks for a trap with <> and goes away without
 * a message made a callout. Nothing is kept or handed on, and a trap shares a transaction with nobody.
 *
 * Rows of the policy's tables and its hooks (visit.h). Worker loop, the session's fiber.
 */
#ifndef BACKSTOP_RELAY_TRAPS_H
#define BACKSTOP_RELAY_TRAPS_H

#include "relay/visit.h"

/* local: unquoted; domain: canonical. A tenant's domain is no trap, but for the addresses that are named. */
bool traps_has(const struct config *c, struct slice local, struct slice domain, bool tenants);

bool traps_any(const struct config *c); /* are there any? */

void check_trap(struct passage *p, struct rcpt *r, struct verdict *v);
void trap_message(struct passage *p, const struct trace_header *header, struct reply *out);
void trap_end(struct passage *p); /* of any passage */

#endif
