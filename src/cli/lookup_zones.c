/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lookup_zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bounce/knowledge.h"
#include "relay/blocklist.h"

#define NAME_SIZE      512
#define ADDRESSES_MOST 16

/* Asked unless the user names zones: lists of addresses that anybody may ask. */
static const char *const asked[] = {
	"spamhaus",         "spamcop",       "barracuda-brbl",  "psbl",     "uceprotect-1",
	"mailspike",        "dronebl",       "spamrats",        "s5h",      "blocklist-de",
	"spameatingmonkey", "backscatterer", "sem-backscatter", "validity",
};

size_t lookup_zones_public(struct arena *a, struct lookup_zone out[static LOOKUP_ZONES_MOST])
{
	char why[KNOWLEDGE_WHY];
	struct knowledge *k;
	size_t n = 0;
	if (knowledge_parse(a, knowledge_builtin(), &k, why) != ERR_OK) return 0;
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		const struct knowledge_entry *e = knowledge_find(k, slice_str(asked[i]));
		if (!e || e->closed.n || e->domains || !e->zone_count) continue;
		out[n++] = (struct lookup_zone){.zone = e->zones[0],
		                                .name = e->name,
		                                .url = e->link_count ? e->links[0] : SLICE_EMPTY,
		                                .backscatter = e->kind == KNOWLEDGE_backscatter};
	}
	return n;
}

/* ---- one zone ------------------------------------------------------------------------------------------------------ */

struct question {
	struct resolver *resolver;
	struct arena *arena; /* of one loop: its fibers take turns */
	const struct ip *ip;
	struct lookup_zone *zone;
	int64_t deadline;
};

static const char *problem_of(enum error e)
{
	return e == ERR_TIMEOUT   ? "no answer"
	       : e == ERR_INVALID ? "not a name that can be asked"
	                          : "it cannot be asked now";
}

static int by_octets(const void *a, const void *b)
{
	return memcmp(((const struct ip *)a)->octets, ((const struct ip *)b)->octets, 16);
}

/* 127.255.255.0/24 says that the question was refused: too many, or through a public resolver. The addresses come in any
 * order; they are shown in theirs. */
static void take_addresses(struct question *q, const struct dns_answer *answer)
{
	struct ip ips[ADDRESSES_MOST];
	char text[ADDRESSES_MOST * IP_TEXT_SIZE] = "", one[IP_TEXT_SIZE];
	size_t count = 0, n = 0;
	bool error = false;
	for (size_t i = 0; i < answer->count && count < ADDRESSES_MOST; i++)
		count += dns_rdata_ip(DNS_A, answer->rr[i], &ips[count]);
	qsort(ips, count, sizeof *ips, by_octets);
	for (size_t i = 0; i < count; i++) {
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "", ip_text(&ips[i], one));
		if (ips[i].octets[0] != 127) continue;
		if (ips[i].octets[1] == 255 && ips[i].octets[2] == 255)
			error = true;
		else
			q->zone->listed = LISTED_YES;
	}
	q->zone->answer = arena_copy(q->arena, slice_of(text, n));
	if (q->zone->listed == LISTED_YES) return;
	q->zone->problem = error ? "it refuses to answer this resolver" : "its answer is not one of a list";
}

/* All strings of the first record, as one text. */
static void take_text(struct question *q, const struct dns_answer *answer)
{
	struct slice rr = answer->rr[0];
	char *text = arena_alloc(q->arena, rr.n);
	size_t n = 0;
	for (size_t at = 0; text && at < rr.n;) {
		size_t size = (uint8_t)rr.p[at++];
		if (size > rr.n - at) size = rr.n - at;
		memcpy(text + n, rr.p + at, size);
		n += size;
		at += size;
	}
	if (text) q->zone->text = slice_of(text, n);
}

static void question_fiber(void *arg)
{
	struct question *q = arg;
	char zone[256], name[NAME_SIZE];
	struct dns_answer *answer = NULL;
	q->zone->listed = LISTED_UNKNOWN;
	q->zone->answer = q->zone->text = SLICE_EMPTY;
	snprintf(zone, sizeof zone, "%.*s", SLICE_ARG(q->zone->zone));
	if (q->zone->zone.n >= sizeof zone || !blocklist_name(q->ip, zone, name, sizeof name)) {
		q->zone->problem = problem_of(ERR_INVALID);
		return;
	}
	enum error e = resolver_query(q->resolver, name, DNS_A, q->deadline, &answer);
	if (e == ERR_OK)
		take_addresses(q, answer);
	else if (e == ERR_DNS_NXDOMAIN || e == ERR_DNS_NODATA)
		q->zone->listed = LISTED_NO;
	else
		q->zone->problem = problem_of(e);
	dns_answer_free(answer);
	answer = NULL;
	if (q->zone->listed != LISTED_YES) return;
	if (resolver_query(q->resolver, name, DNS_TXT, q->deadline, &answer) == ERR_OK) take_text(q, answer);
	dns_answer_free(answer);
}

void lookup_zones_ask(struct resolver *r, struct arena *a, const struct ip *ip, struct lookup_zone *zones, size_t n,
                      int64_t deadline)
{
	struct question questions[LOOKUP_ZONES_MOST];
	struct scope scope;
	scope_init(&scope);
	for (size_t i = 0; i < n; i++) {
		questions[i] = (struct question){r, a, ip, &zones[i], deadline};
		if (i > 0 && scope_spawn(&scope, "zone", question_fiber, &questions[i]) != ERR_OK)
			question_fiber(&questions[i]);
	}
	if (n) question_fiber(&questions[0]);
	scope_join(&scope, DEADLINE_NEVER); /* each has its deadline */
}
