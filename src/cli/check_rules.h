/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_rules - would the relay take the files of section bounce?
 *
 * Loads them as the relay does, samples and all, and, as root, tries whether the services' user may read them.
 */
#ifndef BACKSTOP_CLI_CHECK_RULES_H
#define BACKSTOP_CLI_CHECK_RULES_H

#include "base/config.h"
#include "relay/rulefile.h"

struct check_rules {
	char error[2][RULEFILE_WHY];  /* of rules and knowledge; empty: it is good, or not configured */
	char loaded[2][RULEFILE_WHY]; /* "rules 2026-11-25 from FILE, 51 samples"; empty: it is not */
};
void check_rules(const struct config *c, struct check_rules *out);

#endif
