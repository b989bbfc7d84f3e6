/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suffixes - the option --psl FILE of the tools that compare organisations
 */
#ifndef BACKSTOP_CLI_SUFFIXES_H
#define BACKSTOP_CLI_SUFFIXES_H

#include "auth/orgdomain.h"

/* Loads the list; what *list held before is freed. 0, or an exit status after a complaint. */
int suffixes_option(const char *path, struct suffix_list **list);

#endif
