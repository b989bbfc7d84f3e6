/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/blocklist.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/listings.h"
#include "store/published_words.h"

#define NAME_SIZE        512
#define TEST_DEADLINE_MS 10000
#define TEST_AGAIN_MS    60000 /* a zone that could not be tested, or failed */
#define TEST_EVERY_MS    3600000
#define LISTS_MOST       16

enum zone_state { ZONE_UNTESTED, ZONE_GOOD, ZONE_BAD };

struct zone {
	const struct config_blocklist *config;
	int state; /* enum zone_state; written by the main loop, read by workers */
};

struct blocklists {
	int references;
	struct config *config;
	struct resolver *resolver;
	struct db *state;
	struct zone zones[LISTS_MOST];
	size_t count;
};

struct blocklists *blocklists_new(struct config *c, struct resolver *r, struct db *state)
{
	struct blocklists *b = calloc(1, sizeof *b);
	if (!b) return NULL;
	b->references = 1;
	b->config = config_ref(c);
	b->resolver = r;
	b->state = state;
	for (size_t i = 0; i < c->relay.blocklist_count && i < LISTS_MOST; i++)
		b->zones[b->count++] = (struct zone){.config = &c->relay.blocklists[i]};
	if (c->relay.blocklist_count > LISTS_MOST)
		log_text(LOG_WARNING, "blocklist", "only the first %d blocklist sections are used", LISTS_MOST);
	return b;
}

struct blocklists *blocklists_ref(struct blocklists *b)
{
	__atomic_add_fetch(&b->references, 1, __ATOMIC_RELAXED);
	return b;
}

void blocklists_unref(struct blocklists *b)
{
	if (!b || __atomic_sub_fetch(&b->references, 1, __ATOMIC_ACQ_REL) > 0) return;
	config_unref(b->config);
	free(b);
}

bool blocklist_name(const struct ip *ip, const char *zone, char *out, size_t n)
{
	int length;
	if (ip->family == AF_INET) {
		length = snprintf(out, n, "%u.%u.%u.%u.%s", ip->octets[3], ip->octets[2], ip->octets[1], ip->octets[0],
		                  zone);
	} else {
		char nibbles[65];
		for (int i = 0; i < 16; i++)
			snprintf(nibbles + 4 * i, 5, "%x.%x.", ip->octets[15 - i] & 15, ip->octets[15 - i] >> 4);
		length = snprintf(out, n, "%s%s", nibbles, zone);
	}
	return length > 0 && (size_t)length < n;
}

/* ERR_OK: listed; ERR_NOT_FOUND: not; others: no answer. */
static enum error ask_zone(struct resolver *r, const char *zone, const struct ip *ip, int64_t deadline)
{
	char name[NAME_SIZE];
	struct dns_answer *a = NULL;
	if (!blocklist_name(ip, zone, name, sizeof name)) return ERR_INVALID;
	enum error e = resolver_query(r, name, DNS_A, deadline, &a);
	bool listed = false;
	for (size_t i = 0; e == ERR_OK && i < a->count; i++) {
		struct ip answer;
		if (!dns_rdata_ip(DNS_A, a->rr[i], &answer)) continue;
		const uint8_t *o = answer.octets;
		if (o[0] == 127 && !(o[1] == 255 && o[2] == 255)) listed = true;
	}
	dns_answer_free(a);
	if (e == ERR_OK) return listed ? ERR_OK : ERR_NOT_FOUND;
	return e == ERR_DNS_NXDOMAIN || e == ERR_DNS_NODATA ? ERR_NOT_FOUND : e;
}

/* ---- the test of a zone, RFC 5782 5 ---------------------------------------------------------------------------------- */

static void zone_say(struct zone *z, int state, const char *why, enum error e)
{
	if (__atomic_exchange_n(&z->state, state, __ATOMIC_RELAXED) == state && state != ZONE_UNTESTED) return;
	log_begin(state == ZONE_GOOD ? LOG_INFO : LOG_WARNING, "blocklist");
	log_str("zone", z->config->zone);
	log_str("mode", z->config->mode == BLOCKLIST_SAFE ? "safe" : "all");
	log_str("state", state == ZONE_GOOD ? "in use" : "disabled");
	log_str("why", why);
	if (e) log_error("error", e);
	log_end();
}

static void zone_test(struct blocklists *b, struct zone *z)
{
	static const struct ip never = {.family = AF_INET, .octets = {127, 0, 0, 1}};
	static const struct ip always = {.family = AF_INET, .octets = {127, 0, 0, 2}};
	int64_t deadline = clock_deadline(TEST_DEADLINE_MS);
	enum error one = ask_zone(b->resolver, z->config->zone, &never, deadline);
	enum error two = ask_zone(b->resolver, z->config->zone, &always, deadline);
	if (one == ERR_CANCELLED || two == ERR_CANCELLED) return;
	if (one == ERR_OK)
		zone_say(z, ZONE_BAD, "it lists 127.0.0.1, so it would list everybody", ERR_OK);
	else if (two == ERR_NOT_FOUND)
		zone_say(z, ZONE_BAD, "it does not list 127.0.0.2, so it is not a working list", ERR_OK);
	else if (one != ERR_NOT_FOUND || two != ERR_OK)
		zone_say(z, ZONE_UNTESTED, "it does not answer", one != ERR_NOT_FOUND ? one : two);
	else
		zone_say(z, ZONE_GOOD, "it lists 127.0.0.2 and not 127.0.0.1", ERR_OK);
}

void blocklists_watch(void *blocklists)
{
	struct blocklists *b = blocklists;
	int64_t pause;
	do {
		pause = TEST_EVERY_MS;
		for (size_t i = 0; i < b->count; i++) {
			zone_test(b, &b->zones[i]);
			if (__atomic_load_n(&b->zones[i].state, __ATOMIC_RELAXED) != ZONE_GOOD) pause = TEST_AGAIN_MS;
		}
	} while (b->count && fiber_sleep(clock_deadline(pause)) == ERR_OK);
	blocklists_unref(b);
}

/* ---- a question ------------------------------------------------------------------------------------------------------ */

struct question {
	struct blocklists *lists;
	struct zone *zone;
	const struct ip *client;
	int64_t deadline;
	bool listed;
};

static void question_fiber(void *arg)
{
	struct question *q = arg;
	q->listed = ask_zone(q->lists->resolver, q->zone->config->zone, q->client, q->deadline) == ERR_OK;
}

static struct slice zone_text(struct blocklists *b, const char *zone, const struct ip *client, struct arena *a,
                              int64_t deadline)
{
	char name[NAME_SIZE];
	struct dns_answer *answer = NULL;
	struct slice text = SLICE_EMPTY;
	if (!blocklist_name(client, zone, name, sizeof name)) return text;
	if (resolver_query(b->resolver, name, DNS_TXT, deadline, &answer) == ERR_OK) {
		struct slice rr =
			answer->rr[0]; /* one or more strings with a length octet: the first is the sentence */
		if (rr.n > 0 && (size_t)(uint8_t)rr.p[0] < rr.n)
			text = arena_copy(a, slice_sub(rr, 1, 1 + (uint8_t)rr.p[0]));
	}
	dns_answer_free(answer);
	return text.p ? text : SLICE_EMPTY;
}

static enum reason ask_zones(struct blocklists *b, const struct ip *client, bool suspicious, struct arena *a,
                             struct blocklist_hit *hit)
{
	struct question questions[LISTS_MOST];
	size_t n = 0;
	int64_t deadline = clock_deadline(b->config->relay.blocklist_deadline);
	for (size_t i = 0; i < b->count; i++) {
		struct zone *z = &b->zones[i];
		if (__atomic_load_n(&z->state, __ATOMIC_RELAXED) != ZONE_GOOD) continue;
		if (z->config->mode == BLOCKLIST_SAFE && !suspicious) continue;
		questions[n++] = (struct question){.lists = b, .zone = z, .client = client, .deadline = deadline};
	}
	struct scope scope;
	scope_init(&scope);
	for (size_t i = 1; i < n; i++) scope_spawn(&scope, "blocklist", question_fiber, &questions[i]);
	if (n) question_fiber(&questions[0]);
	scope_join(&scope, DEADLINE_NEVER); /* each question has its deadline */
	for (size_t i = 0; i < n; i++) {
		const struct config_blocklist *z = questions[i].zone->config;
		if (!questions[i].listed) continue;
		*hit = (struct blocklist_hit){.list = z->zone, .text = zone_text(b, z->zone, client, a, deadline)};
		return z->mode == BLOCKLIST_SAFE ? REASON_listed_safe_mode : REASON_listed;
	}
	return REASON_ok;
}

/* ---- our own list ---------------------------------------------------------------------------------------------------- */

/* What the keeper's listing says: since when, the sentence of the list, the link. */
static struct slice weighed_text(struct blocklists *b, const struct listing *l, int64_t now, struct arena *a)
{
	struct db_txn *t;
	struct published p;
	char key[PUBLISHED_KEY_MOST], sentence[PUBLISHED_SENTENCE_MOST], ip[IP_TEXT_SIZE], day[16] = "";
	time_t since = (time_t)l->created;
	struct tm tm;
	if (db_begin_read(b->state, &t)) return SLICE_EMPTY;
	bool found = published_get(t, slice_of(key, published_key(&l->unit.ip, key)), now, &p);
	db_end_read(t);
	if (!found || !gmtime_r(&since, &tm) || !strftime(day, sizeof day, "%Y-%m-%d", &tm)) return SLICE_EMPTY;
	size_t n = published_sentence(&p, slice_str(ip_text(&l->unit.ip, ip)), slice_str(b->config->web_public_url),
	                              sentence);
	return arena_printf(a, "since %s; %.*s", day, (int)n, sentence);
}

static bool ask_own(struct blocklists *b, const struct ip *client, struct arena *a, struct blocklist_hit *hit)
{
	struct listing listing;
	char reason[256];
	int64_t now = clock_unix();
	if (!listings_lookup(b->state, client, now, &listing, reason)) return false;
	struct slice text =
		listing.flags & LISTING_MANUAL ? arena_copy(a, listing.reason) : weighed_text(b, &listing, now, a);
	*hit = (struct blocklist_hit){.list = "local", .text = text.p ? text : SLICE_EMPTY};
	return true;
}

enum reason blocklists_ask(struct blocklists *b, const struct ip *client, bool suspicious, struct arena *a,
                           struct blocklist_hit *hit)
{
	if (suspicious && ask_own(b, client, a, hit)) return REASON_listed_safe_mode;
	return b->count ? ask_zones(b, client, suspicious, a, hit) : REASON_ok;
}
