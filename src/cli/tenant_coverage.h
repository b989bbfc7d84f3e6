/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant_coverage - how well a tenant's bounces are confirmed, and what follows, for `tenant show`
 *
 * As the relay decides it (bounce/coverage.h, relay/coverage_book.h), from what it last wrote, which is some seconds old.
 *
 *     struct tenant_coverage c;
 *     enum error err = tenant_coverage_read(state, ledger, t->id, clock_unix(), &c);
 *     if (!err) tenant_coverage_print(t, &c);
 */
#ifndef BACKSTOP_CLI_TENANT_COVERAGE_H
#define BACKSTOP_CLI_TENANT_COVERAGE_H

#include <jansson.h>

#include "bounce/coverage.h"
#include "store/tenants.h"

struct tenant_coverage {
	struct coverage_sum sum;
	bool ledger;              /* it reaches back far enough, so that what it confirms counts */
	bool complete;            /* so that silence of all witnesses means something */
	struct ip odd[REPORTERS]; /* networks against whose bounces silence is not held (bounce/reporters.h) */
	size_t odd_count;
};

/* ledger NULL: there is none. ERR_VERSION: a newer version wrote the row. */
enum error tenant_coverage_read(struct db *state, struct db *ledger, uint32_t tenant, int64_t now,
                                struct tenant_coverage *out);
void tenant_coverage_print(const struct tenant *t, const struct tenant_coverage *c);
json_t *tenant_coverage_json(const struct tenant_coverage *c); /* NULL: no memory */

#endif
