/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/coverage.h"

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

static char *put(char *to, uint64_t value, int octets)
{
	while (octets-- > 0) *to++ = (char)(value >> 8 * octets);
	return to;
}

static uint64_t get(const char **from, int octets)
{
	uint64_t value = 0;
	while (octets-- > 0) value = value << 8 | (unsigned char)*(*from)++;
	return value;
}

size_t coverage_pack(const struct coverage *c, char out[static COVERAGE_PACKED])
{
	const uint32_t *const rows[] = {c->ordinary, c->confirmed, c->strong};
	size_t more = reporters_pack(&c->reporters, out + COVERAGE_COUNTS);
	char *to = put(out, more ? VERSION : VERSION - 1, 1);
	to = put(to, (uint64_t)c->day, 8);
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (size_t i = 0; i < COVERAGE_DAYS; i++) to = put(to, rows[r][i], 4);
	return COVERAGE_COUNTS + more;
}

bool coverage_unpack(struct slice octets, struct coverage *out)
{
	uint32_t *const rows[] = {out->ordinary, out->confirmed, out->strong};
	const char *from = octets.p;
	*out = (struct coverage){0};
	if (octets.n < COVERAGE_COUNTS) return false;
	uint64_t version = get(&from, 1), day = get(&from, 8);
	struct slice more = slice_sub(octets, COVERAGE_COUNTS, octets.n);
	if (day > INT64_MAX / SECONDS_A_DAY || (version != VERSION - 1 && version != VERSION)) return false;
	if (version == VERSION ? !reporters_unpack(more, &out->reporters) : more.n > 0) return false;
	out->day = (int64_t)day;
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (size_t i = 0; i < COVERAGE_DAYS; i++) rows[r][i] = (uint32_t)get(&from, 4);
	return true;
}
