/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_view - how `backstop list` and `backstop keeper --once` show listings and what they stand on
 *
 * One thread, in the main function: assessing takes 300 KiB of stack.
 */
#ifndef BACKSTOP_CLI_LIST_VIEW_H
#define BACKSTOP_CLI_LIST_VIEW_H

#include "cli/cli.h"
#include "list/assess.h"
#include "store/listings.h"

struct list_view {
	const struct cli_options *options;
	const struct config *config;
	int64_t now;
	bool evidence; /* each act with its specimen */
};

/* {"unit", "by", "listed", "why", "classes", "grade", ..., "reason", "created", "expires"} */
json_t *list_view_weighed_json(const struct weighed *w);
void list_view_head(const struct list_view *v);                             /* of the table of listings */
void list_view_listing(const struct list_view *v, const struct listing *l); /* a line of it, or an object */
/* All that is listed: by hand, then by the keeper. */
enum error list_view_all(const struct list_view *v, struct db *state);
/* One unit: is it listed, by whom, why or why not, and on what evidence. */
void list_view_nothing(const struct prefix *unit); /* the object of one that is not listed: there is no state at all */
enum error list_view_unit(const struct list_view *v, struct db *state, const struct prefix *unit, bool *listed);

#endif
