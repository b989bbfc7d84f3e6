/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_tenants - the tenants for `backstop status`: how many, and whose bounces are confirmed well enough that silence counts
 *
 * Complains on standard error where something cannot be read.
 *
 *     struct status_tenants t = {0};
 *     if (status_tenants_count(config, &t)) status = CLI_CANNOT;
 *     status_tenants_print(&t);
 */
#ifndef BACKSTOP_CLI_STATUS_TENANTS_H
#define BACKSTOP_CLI_STATUS_TENANTS_H

#include <jansson.h>
#include <stddef.h>

#include "base/config.h"
#include "base/error.h"

struct status_tenants {
	size_t count;
	size_t covered;      /* their coverage is complete (cli/tenant_coverage.h) */
	size_t marking;      /* of those: they want backscatter marked, not refused */
	int64_t ledger_lost; /* Unix time (store/ledger_loss.h); 0: never */
};

/* Zeros where there is no state yet. */
enum error status_tenants_count(const struct config *c, struct status_tenants *out);
json_t *status_tenants_coverage_json(const struct status_tenants *t); /* NULL: no memory */
/* For people. */
void status_tenants_print(const struct status_tenants *t);
/* A line, if the ledger was lost within hold-after-loss. */
void status_tenants_print_loss(const struct status_tenants *t, const struct config *c);

#endif
