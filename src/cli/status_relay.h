/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_relay - what the relay says of itself besides numbers, for `backstop status`
 *
 * Its notices (base/notice.h): the rules in use, and the forged campaigns that last. Each is JSON as the relay wrote it; NULL
 * where it never said anything.
 */
#ifndef BACKSTOP_CLI_STATUS_RELAY_H
#define BACKSTOP_CLI_STATUS_RELAY_H

#include <jansson.h>

#include "base/config.h"

json_t *status_relay_notice(const struct config *c, const char *topic); /* "rules", "storms"; a new reference */
void status_relay_print_rules(const json_t *rules);                     /* NULL prints nothing */
void status_relay_print_storms(const json_t *storms);

#endif
