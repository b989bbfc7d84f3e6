/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/clock.h"
#include "bounce/redact.h"
#include "cli/evidence.h"
#include "cli/unit.h"
#include "mail/address.h"

#define TIME_LEAST 946684800 /* the year 2000 */
#define AHEAD_MOST 86400

static bool no(char why[EVIDENCE_WHY], const char *text, const char *given)
{
	snprintf(why, EVIDENCE_WHY, "%s%s%.80s", text, given ? ": " : "", given ? given : "");
	return false;
}

static bool parse_witness(const char *text, enum witnessed *out, char why[EVIDENCE_WHY])
{
	*out = WITNESSED_manual;
	if (!text || witnessed_parse(slice_str(text), out)) return true;
	return no(why, "not a witness (trap, tag, judge, report, manual)", text);
}

static struct slice redacted(struct arena *a, const struct evidence_given *g, const struct prefix *unit)
{
	char *room = arena_alloc(a, REDACT_MOST);
	struct slice target = slice_str(g->target);
	struct redact_about about = {.source = *unit, .hidden = address_domain(target)};
	return room && g->specimen.n ? redact_header(a, g->specimen, &about, room) : SLICE_EMPTY;
}

bool evidence_make(struct arena *a, struct db *state, const struct evidence_given *g, struct act *out,
                   char why[EVIDENCE_WHY])
{
	struct address target;
	*out = (struct act){.time = g->time ? g->time : clock_unix(), .reporter = slice_str(g->reporter)};
	if (!g->ip || !unit_parse(slice_str(g->ip), &out->unit))
		return no(why, "not an IPv4 address, IPv6 address or IPv6 /64", g->ip);
	if (!g->class || !act_class_parse(slice_str(g->class), &out->class))
		return no(why, "not a class (bounce, autoreply, challenge, virus, callout)", g->class);
	if (!parse_witness(g->witness, &out->witness, why)) return false;
	if (!g->target || address_parse(a, slice_str(g->target), true, &target))
		return no(why, "the target is not a mail address", g->target);
	if (out->reporter.n > ACT_REPORTER_MOST) return no(why, "the reporter's name is longer than 63 octets", NULL);
	if (out->time < TIME_LEAST || out->time > clock_unix() + AHEAD_MOST)
		return no(why, "the time is before the year 2000 or in the future", NULL);
	enum error err = act_target(state, target.text, &out->target);
	if (err) return no(why, error_text(err), NULL);
	out->specimen = redacted(a, g, &out->unit);
	return true;
}
