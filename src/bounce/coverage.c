/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/coverage.h"

#include "base/octets.h"

#define SECONDS_A_DAY 86400
#define VERSION       2 /* with reporters; else 1 */

static int64_t day_of(int64_t now)
{
	return now < 0 ? 0 : now / SECONDS_A_DAY;
}

static unsigned slot(int64_t day)
{
	return (unsigned)(day % COVERAGE_DAYS);
}

/* Makes room for the counts of a new day: what is as old as the days that passed goes. */
static void advance(struct coverage *c, int64_t day)
{
	if (day <= c->day) return;
	int64_t passed = day - c->day < COVERAGE_DAYS ? day - c->day : COVERAGE_DAYS;
	for (int64_t i = 0; i < passed; i++) {
		unsigned at = slot(day - i);
		c->ordinary[at] = c->confirmed[at] = c->strong[at] = 0;
	}
	c->day = day;
}

static void count(uint32_t *n)
{
	if (*n < UINT32_MAX) ++*n;
}

void coverage_add(struct coverage *c, enum coverage_case what, int64_t now)
{
	if (what == COVERAGE_NOT_COUNTED) return;
	advance(c, day_of(now));
	unsigned at = slot(c->day);
	count(&c->ordinary[at]);
	if (what == COVERAGE_WEAK || what == COVERAGE_STRONG) count(&c->confirmed[at]);
	if (what == COVERAGE_STRONG) count(&c->strong[at]);
}

struct coverage_sum coverage_sum(const struct coverage *c, int64_t now)
{
	struct coverage_sum sum = {0};
	int64_t today = day_of(now) > c->day ? day_of(now) : c->day;
	for (int64_t age = 0; age < COVERAGE_DAYS; age++) {
		int64_t day = c->day - age;
		if (day < 0 || today - day >= COVERAGE_DAYS) break;
		sum.ordinary += c->ordinary[slot(day)];
		sum.confirmed += c->confirmed[slot(day)];
		sum.strong += c->strong[slot(day)];
	}
	return sum;
}

bool coverage_complete(const struct coverage *c, bool ledger, int64_t now)
{
	if (!c) return false;
	struct coverage_sum sum = coverage_sum(c, now);
	uint64_t confirmed = ledger ? sum.confirmed : sum.strong;
	return sum.ordinary >= COVERAGE_CASES && confirmed * 100 >= sum.ordinary * COVERAGE_SHARE;
}

/* ---- storage --------------------------------------------------------------------------------------------------- */

size_t coverage_pack(const struct coverage *c, char out[static COVERAGE_PACKED])
{
	const uint32_t *const rows[] = {c->ordinary, c->confirmed, c->strong};
	size_t more = reporters_pack(&c->reporters, out + COVERAGE_COUNTS);
	struct octet_writer w = octet_writer(out, COVERAGE_COUNTS);
	octet_put_u8(&w, more ? VERSION : VERSION - 1);
	octet_put_u64(&w, (uint64_t)c->day);
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (size_t i = 0; i < COVERAGE_DAYS; i++) octet_put_u32(&w, rows[r][i]);
	return w.n + more;
}

bool coverage_unpack(struct slice octets, struct coverage *out)
{
	uint32_t *const rows[] = {out->ordinary, out->confirmed, out->strong};
	*out = (struct coverage){0};
	if (octets.n < COVERAGE_COUNTS) return false;
	struct octet_reader from = octet_reader(octets);
	unsigned version = octet_get_u8(&from);
	uint64_t day = octet_get_u64(&from);
	struct slice more = slice_sub(octets, COVERAGE_COUNTS, octets.n);
	if (day > INT64_MAX / SECONDS_A_DAY || (version != VERSION - 1 && version != VERSION)) return false;
	if (version == VERSION ? !reporters_unpack(more, &out->reporters) : more.n > 0) return false;
	out->day = (int64_t)day;
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (size_t i = 0; i < COVERAGE_DAYS; i++) rows[r][i] = octet_get_u32(&from);
	return true;
}
