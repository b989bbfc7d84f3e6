/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/learner.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/backlog.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/spool.h"

#define MAGIC        0x1ea24e24u
#define CHUNK        64  /* sayings in a transaction */
#define EXPIRE_STEP  256 /* rows removed in a transaction */
#define EXPIRE_STEPS 64
#define SLOTS        1024 /* tenants that are counted at a time */
#define HOUR         3600

struct saying {
	struct backlog_item item; /* counts for one */
	struct learned_name name;
	bool lives;
	uint64_t about;
	struct slice tenant, words;
	/* what came of it */
	struct learned learned;
	bool fresh, erased;
	char text[]; /* what the slices point to */
};

struct learner {
	unsigned magic;
	struct db *state;
	struct backlog backlog;
	/* the thread's own */
	bool failing;
	int64_t upkeep_at;
	struct hour { /* what one tenant has learned in it */
		uint32_t tenant, count;
		int64_t since;
	} hours[SLOTS];
};

/* ---- saying ------------------------------------------------------------------------------------------------------ */

static struct slice keep(char **at, struct slice text)
{
	struct slice kept = slice_of(*at, text.n);
	if (text.n) memcpy(*at, text.p, text.n);
	*at += text.n;
	return kept;
}

static void say(struct learner *l, const struct learned_name *n, bool lives, const char *tenant, struct slice words,
                uint64_t about)
{
	assert(l->magic == MAGIC);
	struct slice whose = slice_str(tenant);
	words = slice_sub(words, 0, LEARNED_WORDS);
	struct saying *s = malloc(sizeof *s + n->domain.n + n->local.n + whose.n + words.n);
	if (s) {
		char *at = s->text;
		*s = (struct saying){.item.octets = 1, .name = *n, .lives = lives, .about = about};
		s->name.domain = keep(&at, n->domain);
		s->name.local = keep(&at, n->local);
		s->tenant = keep(&at, whose);
		s->words = keep(&at, words);
		if (backlog_add(&l->backlog, &s->item)) return;
	}
	free(s);
	metric_add(METRIC_learned_dropped, 1);
}

void learner_dead(struct learner *l, const struct learned_name *n, const char *tenant, struct slice words,
                  uint64_t about)
{
	say(l, n, false, tenant, words, about);
}

void learner_lives(struct learner *l, const struct learned_name *n, const char *tenant)
{
	say(l, n, true, tenant, SLICE_EMPTY, 0);
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

static void tell_failing(struct learner *l, enum error err)
{
	if (!err == !l->failing) return;
	l->failing = err != ERR_OK;
	log_begin(err ? LOG_WARNING : LOG_INFO, err ? "learning_failing" : "learning_recovered");
	log_str("folder", db_state_dir(l->state));
	if (err) log_error("error", err);
	log_end();
}

static void log_address(const struct saying *s)
{
	char text[600];
	int n = snprintf(text, sizeof text, "%.*s@%.*s", SLICE_ARG(s->name.local), SLICE_ARG(s->name.domain));
	log_slice("address", slice_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

static void tell_learned(const struct saying *s)
{
	char id[SPOOL_ID_TEXT];
	metric_add(METRIC_learned_recipients, 1);
	log_begin(LOG_INFO, "learned");
	log_slice("tenant", s->tenant);
	log_address(s);
	log_int("seconds", s->learned.expires - s->learned.last);
	log_uint("times", s->learned.times);
	log_slice("words", s->words);
	log_str("report", spool_id_text(s->about, id));
	log_end();
}

static void tell_unlearned(const struct saying *s)
{
	log_begin(LOG_INFO, "unlearned");
	log_slice("tenant", s->tenant);
	log_address(s);
	log_str("why", "it sends mail");
	log_end();
}

static void tell_paused(const struct saying *s, int64_t seconds)
{
	log_begin(LOG_WARNING, "learning_paused");
	log_slice("tenant", s->tenant);
	log_int("addresses", LEARNER_HOURLY);
	log_int("seconds", seconds);
	log_end();
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Whether the tenant may learn another address within this hour. */
static bool may_learn(struct learner *l, const struct saying *s, int64_t now)
{
	struct hour *h = &l->hours[s->name.tenant % SLOTS];
	if (h->tenant != s->name.tenant || now >= h->since + HOUR || now < h->since)
		*h = (struct hour){.tenant = s->name.tenant, .since = now};
	if (h->count < LEARNER_HOURLY) return true;
	if (h->count == LEARNER_HOURLY) {
		tell_paused(s, h->since + HOUR - now);
		h->count++;
	}
	return false;
}

static void count_fresh(struct learner *l, const struct saying *s)
{
	struct hour *h = &l->hours[s->name.tenant % SLOTS];
	if (s->fresh && h->tenant == s->name.tenant && h->count < LEARNER_HOURLY) h->count++;
}

struct chunk {
	struct saying *sayings[CHUNK];
	size_t n;
	int64_t now;
};

static enum error write_one(struct db_txn *t, struct saying *s, int64_t now)
{
	enum error err;
	s->fresh = s->erased = false;
	if (s->lives) {
		err = learned_erase(t, &s->name);
		s->erased = !err;
	} else {
		err = learned_say(t, &s->name, s->words, now, &s->learned, &s->fresh);
	}
	return err == ERR_NOT_FOUND || err == ERR_INVALID || err == ERR_LIMIT ? ERR_OK : err;
}

static enum error write_chunk(struct db_txn *t, void *arg)
{
	struct chunk *c = arg;
	enum error err = ERR_OK;
	for (size_t i = 0; i < c->n && !err; i++) err = write_one(t, c->sayings[i], c->now);
	return err;
}

/* Up to CHUNK of the list; those that may not be learned are left out, and freed. */
static void next_chunk(struct learner *l, struct backlog_item **list, struct chunk *c)
{
	c->n = 0;
	c->now = clock_unix();
	while (*list && c->n < CHUNK) {
		struct saying *s = (struct saying *)*list;
		*list = s->item.next;
		if (s->lives || may_learn(l, s, c->now)) {
			c->sayings[c->n++] = s;
			continue;
		}
		metric_add(METRIC_learned_dropped, 1);
		backlog_done(&l->backlog, s->item.octets, 1);
		free(s);
	}
}

static void write_all(struct learner *l, struct backlog_item *list)
{
	while (list) {
		struct chunk c;
		next_chunk(l, &list, &c);
		if (!c.n) continue;
		enum error err = db_update(l->state, write_chunk, &c);
		tell_failing(l, err);
		if (err) metric_add(METRIC_learned_dropped, (int64_t)c.n);
		for (size_t i = 0; i < c.n; i++) {
			struct saying *s = c.sayings[i];
			if (!err) count_fresh(l, s);
			if (!err && s->fresh) tell_learned(s);
			if (!err && s->erased) tell_unlearned(s);
			free(s);
		}
		backlog_done(&l->backlog, c.n, c.n);
	}
}

static void upkeep(struct learner *l)
{
	size_t removed = 1;
	if (clock_now_ms() < l->upkeep_at) return;
	l->upkeep_at = clock_now_ms() + LEARNER_UPKEEP_MS;
	for (int i = 0; removed && i < EXPIRE_STEPS; i++)
		if (learned_expire(l->state, clock_unix(), EXPIRE_STEP, &removed)) return;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct learner *l = arg;
	struct backlog_item *list;
	while (backlog_take(&l->backlog, l->upkeep_at, LEARNER_GATHER_MS, &list)) {
		write_all(l, list);
		upkeep(l);
	}
	return NULL;
}

void learner_flush(struct learner *l)
{
	assert(l->magic == MAGIC);
	backlog_flush(&l->backlog);
}

static void learner_free(struct learner *l)
{
	backlog_destroy(&l->backlog);
	l->magic = 0;
	free(l);
}

enum error learner_start(struct db *state, struct learner **out)
{
	struct learner *l = calloc(1, sizeof *l);
	*out = NULL;
	if (!l) return ERR_NO_MEMORY;
	l->magic = MAGIC;
	l->state = state;
	backlog_init(&l->backlog, LEARNER_QUEUE_MOST);
	enum error err = backlog_start(&l->backlog, run, l);
	if (err)
		learner_free(l);
	else
		*out = l;
	return err;
}

void learner_stop(struct learner *l)
{
	if (!l) return;
	assert(l->magic == MAGIC);
	backlog_stop(&l->backlog);
	learner_free(l);
}
