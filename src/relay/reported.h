/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reported - a tenant reports backscatter that it got
 *
 * Mail of a tenant (by its source, certificate or password) to the address keeper { report-address }, with the bounce
 * attached (bounce/forwarded.h), becomes evidence: reporter is the tenant, source the server that gave the bounce to us
 * or to the tenant's own servers. The client hears at once whether it was recorded, or why not; the mail itself goes nowhere. It
 * shares its transaction with nobody.
 *
 * Rows of the policy's tables and its hooks (visit.h). Worker loop, the session's fiber.
 */
#ifndef BACKSTOP_RELAY_REPORTED_H
#define BACKSTOP_RELAY_REPORTED_H

#include "relay/visit.h"

void check_report(struct passage *p, struct rcpt *r, struct verdict *v);
void report_message(struct passage *p, const struct trace_header *header, struct reply *out);

#endif
