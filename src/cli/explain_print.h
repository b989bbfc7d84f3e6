/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_print - an explanation (the JSON that backstop explain prints) for a person
 */
#ifndef BACKSTOP_CLI_EXPLAIN_PRINT_H
#define BACKSTOP_CLI_EXPLAIN_PRINT_H

#include <stdbool.h>

#include <jansson.h>

/* asked: whether an address is listed now was asked for. */
void explain_print(const json_t *answer, bool asked);

#endif
