/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys_show - how `backstop keys` shows keys: as a piece of a zone file, or as JSON; never their secrets
 *
 * What is no DNS record is a comment, so that all of it may be put into a zone.
 */
#ifndef BACKSTOP_CLI_KEYS_SHOW_H
#define BACKSTOP_CLI_KEYS_SHOW_H

#include <jansson.h>

#include "store/keys.h"

/* owner: the tenant's name, or NULL for the relay. */
void keys_show(const struct key *k, const char *owner, int64_t now);
json_t *keys_show_json(const struct key *k, const char *owner, int64_t now);

#endif
