/* SPDX-License-Identifier: Apache-2.0 */
/* unit - an address as listings and evidence count it: an IPv4 address, or the /64 of an IPv6 address. Pure. */
#ifndef BACKSTOP_CLI_UNIT_H
#define BACKSTOP_CLI_UNIT_H

#include "base/endpoint.h"

#define UNIT_TEXT_SIZE (IP_TEXT_SIZE + 4)

/* An address, or a unit as it is shown: 192.0.2.1, 2001:db8:0:1::/64. */
bool unit_parse(struct slice text, struct prefix *out);
/* "192.0.2.1", "2001:db8:0:1::/64" */
const char *unit_text(const struct prefix *unit, char out[UNIT_TEXT_SIZE]);

#endif
