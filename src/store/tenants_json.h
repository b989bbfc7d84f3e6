/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenants_json - a tenant as the JSON object that is stored
 *
 * Members are listed in docs/storage.md. A member that is absent has its default, one that this release does not know is
 * ignored; one of the wrong type makes the record ERR_CORRUPT. Pure; any thread. tenant_json() of tenants.h is here too.
 */
#ifndef BACKSTOP_STORE_TENANTS_JSON_H
#define BACKSTOP_STORE_TENANTS_JSON_H

#include "base/arena.h"
#include "store/tenants.h"

/* With password hashes; malloc'ed, NULL without memory or when a text is not UTF-8. */
char *tenant_encode(const struct tenant *t);
/* Strings and arrays are in the arena; downstreams come sorted by preference. ERR_CORRUPT, ERR_NO_MEMORY. */
enum error tenant_decode(struct arena *a, uint32_t id, struct slice json, struct tenant *out);
/* What every stored tenant keeps to. *why: 256 octets, says which text is wrong. ERR_INVALID. */
enum error tenant_validate(const struct tenant *t, char why[256]);

#endif
