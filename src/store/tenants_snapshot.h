/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenants_snapshot - how tenants.c builds what tenants.h calls a snapshot
 *
 * new, add for each row, finish; after finish it never changes and may be shared. On an error: tenants_unref().
 */
#ifndef BACKSTOP_STORE_TENANTS_SNAPSHOT_H
#define BACKSTOP_STORE_TENANTS_SNAPSHOT_H

#include "store/tenants.h"

struct tenants *tenants_snapshot_new(uint64_t generation, size_t most); /* room for that many; NULL: no memory */
enum error tenants_snapshot_add(struct tenants *s, uint32_t id, struct slice json);
enum error tenants_snapshot_finish(struct tenants *s);

#endif
