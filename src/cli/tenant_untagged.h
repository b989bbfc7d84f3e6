/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant_untagged - bounces that came to a tenant without a good tag, by recipient
 *
 * While a tenant learns they are let in, and this is the report of what would be refused; afterwards of what was. Who stands
 * in it and did send the mail that was answered sends it by another way, and should become a --tag-exception.
 */
#ifndef BACKSTOP_CLI_TENANT_UNTAGGED_H
#define BACKSTOP_CLI_TENANT_UNTAGGED_H

#include "store/ledger.h"
#include "store/tenants.h"

/* Prints, a line (or with json an object) a recipient, most bounces first. */
enum error tenant_untagged(struct db *ledger, const struct tenant *t, bool json);

#endif
