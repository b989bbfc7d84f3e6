/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tenant_untagged.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/format.h"

struct report {
	const struct tenant *tenant;
	json_t *rows; /* by recipient */
};

static bool concerns(const struct report *r, const struct ledger_passage *p)
{
	static const char *const reasons[] = {"untagged_bounce", "forged_tag", "expired_tag"};
	if (p->outbound || p->tenant != r->tenant->id || p->return_path.n) return false;
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (slice_equal(p->reason, slice_str(reasons[i]))) return true;
	return false;
}

static void add(json_t *row, const char *name)
{
	json_object_set_new(row, name, json_integer(json_integer_value(json_object_get(row, name)) + 1));
}

/* Newest first: the first of a recipient tells of its last bounce. */
static bool take(const struct ledger_passage *p, void *arg)
{
	struct report *r = arg;
	char name[600], ip[IP_TEXT_SIZE];
	if (!concerns(r, p)) return true;
	format_safe(p->recipient_count ? p->recipients[0] : SLICE_EMPTY, name, sizeof name);
	json_t *row = json_object_get(r->rows, name);
	if (!row) {
		row = json_pack("{s:o, s:i, s:i, s:o, s:s, s:o}", "recipient", cli_json_text(name), "noted", 0,
		                "refused", 0, "last", format_json_time(p->time), "client", ip_text(&p->client, ip),
		                "reason", json_stringn(p->reason.p, p->reason.n));
		json_object_set_new(r->rows, name, row);
	}
	add(row, p->result == LEDGER_refused ? "refused" : "noted");
	return true;
}

static json_int_t total(const json_t *row)
{
	return json_integer_value(json_object_get(row, "noted")) + json_integer_value(json_object_get(row, "refused"));
}

static int by_total(const void *a, const void *b)
{
	json_int_t x = total(*(json_t *const *)a), y = total(*(json_t *const *)b);
	return (x < y) - (x > y);
}

static void print_row(const json_t *row)
{
	printf("%7lld %7lld  %-25s %-40s %s\n", json_integer_value(json_object_get(row, "noted")),
	       json_integer_value(json_object_get(row, "refused")), json_string_value(json_object_get(row, "last")),
	       json_string_value(json_object_get(row, "recipient")), json_string_value(json_object_get(row, "client")));
}

static void print(const struct report *r, bool json)
{
	size_t n = json_object_size(r->rows), i = 0;
	json_t **rows = calloc(n + 1, sizeof *rows), *row;
	const char *key;
	if (!rows) return;
	json_object_foreach(r->rows, key, row) rows[i++] = row;
	qsort(rows, n, sizeof *rows, by_total);
	if (!json) printf("%7s %7s  %-25s %-40s %s\n", "LET IN", "REFUSED", "LAST", "RECIPIENT", "FROM");
	for (i = 0; i < n; i++) {
		if (json)
			cli_print_json(json_incref(rows[i]));
		else
			print_row(rows[i]);
	}
	free(rows);
}

enum error tenant_untagged(struct db *ledger, const struct tenant *t, bool json)
{
	struct report r = {.tenant = t, .rows = json_object()};
	if (!r.rows) return ERR_NO_MEMORY;
	enum error e = ledger_each(ledger, take, &r);
	if (!e) print(&r, json);
	json_decref(r.rows);
	return e;
}
