/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tenant_coverage.h"

#include <stdio.h>

#include "bounce/provenance.h"
#include "store/coverages.h"
#include "store/ledger.h"

#define NETWORK_TEXT (IP_TEXT_SIZE + 4)

enum error tenant_coverage_read(struct db *state, struct db *ledger, uint32_t tenant, int64_t now,
                                struct tenant_coverage *out)
{
	char octets[COVERAGES_MOST];
	size_t n;
	struct coverage c = {0};
	*out = (struct tenant_coverage){0};
	enum error err = coverages_get(state, tenant, octets, &n);
	if (err && err != ERR_NOT_FOUND) return err;
	if (!err && !coverage_unpack(slice_of(octets, n), &c)) return ERR_VERSION;
	out->sum = coverage_sum(&c, now);
	out->odd_count = reporters_list_odd(&c.reporters, now, out->odd);
	out->ledger = ledger && ledger_reaches_back(ledger, now - PROVENANCE_DAYS * INT64_C(86400));
	out->complete = coverage_complete(&c, out->ledger, now);
	return ERR_OK;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Why nothing is refused yet. */
static void print_wanting(const struct tenant_coverage *c)
{
	const struct coverage_sum *s = &c->sum;
	uint64_t counted = c->ledger ? s->confirmed : s->strong;
	if (!c->ledger && s->confirmed > s->strong)
		printf("  %-13s %.1f %% by tag or signature, which alone count until the ledger reaches back %d days\n",
		       "", percent(s->strong, s->ordinary), PROVENANCE_DAYS);
	if (s->ordinary < COVERAGE_CASES)
		printf("  %-13s nothing is refused before %d have come\n", "", COVERAGE_CASES);
	else if (counted * 100 < s->ordinary * COVERAGE_SHARE)
		printf("  %-13s nothing is refused below %d %%: does it also send by other ways? Forgeries do not "
		       "count\n"
		       "  %-13s where its SPF record ends in -all\n",
		       "", COVERAGE_SHARE, "");
}

static const char *network_text(const struct ip *ip, char out[NETWORK_TEXT])
{
	char text[IP_TEXT_SIZE];
	snprintf(out, NETWORK_TEXT, "%s/%d", ip_text(ip, text), ip->family == AF_INET ? 24 : 48);
	return out;
}

static void print_odd(const struct tenant_coverage *c)
{
	char text[NETWORK_TEXT];
	for (size_t i = 0; i < c->odd_count; i++)
		printf("  %-13s %s\n", i ? "" : "also sends by", network_text(&c->odd[i], text));
	if (c->odd_count)
		printf("  %-13s it seems: what %s reports no witness knows, so that it is not refused for that\n", "",
		       c->odd_count > 1 ? "they" : "it");
}

void tenant_coverage_print(const struct tenant *t, const struct tenant_coverage *c)
{
	const struct coverage_sum *s = &c->sum;
	bool refuse = t->backscatter == TENANT_BACKSCATTER_REFUSE;
	const char *then = !c->complete ? "" : refuse ? ": backscatter is refused" : ": backscatter is marked";
	printf("  %-13s %s\n", "backscatter",
	       refuse ? "refused, as far as the coverage allows"
	              : "marked in the header, as far as the coverage allows");
	if (s->ordinary)
		printf("  %-13s %llu bounces in %d days, %.1f %% confirmed%s\n", "coverage",
		       (unsigned long long)s->ordinary, COVERAGE_DAYS, percent(s->confirmed, s->ordinary), then);
	else
		printf("  %-13s no bounces in %d days\n", "coverage", COVERAGE_DAYS);
	if (!c->complete) print_wanting(c);
	print_odd(c);
}

json_t *tenant_coverage_json(const struct tenant_coverage *c)
{
	const struct coverage_sum *s = &c->sum;
	char text[NETWORK_TEXT];
	json_t *odd = json_array();
	for (size_t i = 0; i < c->odd_count; i++)
		json_array_append_new(odd, json_string(network_text(&c->odd[i], text)));
	return json_pack("{s:i, s:I, s:I, s:I, s:b, s:b, s:o}", "days", COVERAGE_DAYS, "bounces",
	                 (json_int_t)s->ordinary, "confirmed", (json_int_t)s->confirmed, "strong",
	                 (json_int_t)s->strong, "ledger", c->ledger, "complete", c->complete, "odd", odd);
}
