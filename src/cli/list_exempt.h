/* SPDX-License-Identifier: Apache-2.0 */
/* list_exempt - `backstop list exempt [add|remove] PREFIX`, `backstop list exempt list`: what the keeper never lists */
#ifndef BACKSTOP_CLI_LIST_EXEMPT_H
#define BACKSTOP_CLI_LIST_EXEMPT_H

#include "cli/cli.h"

/* argv: what follows the word exempt. The exit status. */
int list_exempt(const struct cli_options *o, const struct config *c, const char *reason, int64_t now, int argc,
                char **argv);

#endif
