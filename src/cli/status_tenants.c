/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status_tenants.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "cli/tenant_coverage.h"
#include "store/ledger_loss.h"
#include "store/tenants.h"

static enum error count(struct db *state, struct db *ledger, const struct tenants *tenants, struct status_tenants *out)
{
	int64_t now = clock_unix();
	out->count = tenants_count(tenants);
	for (size_t i = 0; i < out->count; i++) {
		const struct tenant *t = tenants_at(tenants, i);
		struct tenant_coverage c;
		enum error e = tenant_coverage_read(state, ledger, t->id, now, &c);
		if (e == ERR_VERSION) continue; /* a newer program's: the relay does not count it either */
		if (e) return e;
		out->covered += c.complete;
		out->marking += c.complete && t->backscatter != TENANT_BACKSCATTER_REFUSE;
	}
	return ERR_OK;
}

static enum error count_in(const struct config *c, struct db *state, struct status_tenants *out)
{
	struct tenants *tenants;
	struct db *ledger = NULL;
	char why[256] = "";
	enum error e = tenants_load(state, &tenants, why);
	if (e) {
		cli_complain("the tenants: %s", why);
		return e;
	}
	e = cli_open_db(c, DB_LEDGER, DB_READ_ONLY, &ledger);
	if (e == ERR_OK || e == ERR_NOT_FOUND) e = count(state, ledger, tenants, out);
	if (e) cli_complain("the coverage: %s", error_text(e));
	out->ledger_lost = ledger_loss_time(state);
	if (ledger) db_close(ledger);
	tenants_unref(tenants);
	return e;
}

enum error status_tenants_count(const struct config *c, struct status_tenants *out)
{
	struct db *state;
	*out = (struct status_tenants){0};
	enum error e = cli_open_db(c, DB_STATE, DB_READ_ONLY, &state);
	if (e == ERR_NOT_FOUND) return ERR_OK;
	if (e != ERR_OK) return e;
	e = count_in(c, state, out);
	db_close(state);
	return e;
}

json_t *status_tenants_coverage_json(const struct status_tenants *t)
{
	return json_pack("{sIsIsI}", "complete", (json_int_t)t->covered, "refusing",
	                 (json_int_t)(t->covered - t->marking), "marking", (json_int_t)t->marking);
}

void status_tenants_print(const struct status_tenants *t)
{
	printf("tenants: %zu\n", t->count);
	if (t->count)
		printf("  of so many the bounces are confirmed well enough that backscatter is refused: %zu, marked: "
		       "%zu\n",
		       t->covered - t->marking, t->marking);
}

void status_tenants_print_loss(const struct status_tenants *t, const struct config *c)
{
	char ago[FORMAT_SPAN_SIZE], more[FORMAT_SPAN_SIZE];
	int64_t age = clock_unix() - t->ledger_lost, hold = c->relay.hold_after_loss / 1000;
	if (t->ledger_lost == 0 || age >= hold) return;
	printf("  it was lost %s ago: for %s more answers about mail that is not known are held\n",
	       format_span(age > 0 ? age : 0, ago), format_span(hold - age, more));
}
