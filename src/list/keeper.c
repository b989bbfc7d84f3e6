/* SPDX-License-Identifier: Apache-2.0 */
#include "list/keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/sandbox.h"
#include "store/listings.h"
#include "store/meta.h"

#define RETRY_MS  1000
#define TIDY_MS   60000
#define TIDY_ROWS 2000

struct keeper {
	struct db *state;
	struct loop *loop;
	struct service_start *start;
	struct config *config; /* the control fiber's */
	pthread_t thread;
	atomic_bool stopping;
	pthread_mutex_t lock;
	struct config *next; /* under lock: the thread takes it at its next round */
	/* The thread's own. */
	struct config *used;
	struct assess_rules rules;
	struct round round;
	struct prefix exposure_at; /* where tidying is */
	int64_t tidy_at;
	bool failing;
};

static const struct slice rules_name = SLICE("list_rules");

/* ---- telling ------------------------------------------------------------------------------------------------------ */

static void log_classes(unsigned classes)
{
	char text[80];
	size_t n = 0;
	for (enum act_class c = 0; c < ACT_CLASS_COUNT; c++)
		if (classes & 1u << c)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? "," : "", act_class_name(c));
	if (n) log_str("classes", text);
}

void keeper_log(const struct round_change *c)
{
	const struct weighed *w = &c->row;
	char ip[IP_TEXT_SIZE];
	switch (c->kind) {
	case ROUND_listed: log_begin(LOG_INFO, "listed"); break;
	case ROUND_delisted: log_begin(LOG_INFO, "delisted"); break;
	case ROUND_changed: log_begin(LOG_INFO, "listing_changed"); break;
	}
	log_printf("unit", w->unit.ip.family == AF_INET ? "%s" : "%s/64", ip_text(&w->unit.ip, ip));
	log_str("why", weighed_as_name(w->as));
	log_classes(w->classes);
	log_str("grade", grade_name(w->grade));
	log_bool("any", w->any);
	log_uint("acts", w->events);
	log_uint("targets", w->targets);
	log_uint("days", w->days);
	log_uint("exposure", w->exposure);
	log_int("last", w->last_seen);
	if (w->listed) log_int("expires", w->expires);
	log_uint("removals", w->strikes);
	log_end();
}

static void tell(const struct round *r)
{
	static const enum metric counted[] = {METRIC_keeper_listed, METRIC_keeper_delisted, METRIC_keeper_changed};
	for (size_t i = 0; i < r->changed; i++) {
		keeper_log(&r->changes[i]);
		metric_add(counted[r->changes[i].kind], 1);
	}
	metric_add(METRIC_keeper_weighed, (int64_t)r->taken);
}

static void count_rows(struct keeper *k)
{
	struct db_txn *t;
	if (db_begin_read(k->state, &t)) return;
	metric_set(METRIC_list_published, (int64_t)published_count(t));
	metric_set(METRIC_list_serial, published_serial(t));
	metric_set(METRIC_evidence_rows, (int64_t)db_count(t, DB_acts));
	db_end_read(t);
}

/* ---- rules -------------------------------------------------------------------------------------------------------- */

static void take_config(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	struct config *next = k->next;
	k->next = NULL;
	pthread_mutex_unlock(&k->lock);
	if (!next) return;
	config_unref(k->used);
	k->used = next;
	k->rules = assess_rules_of(next);
}

static enum error note_rules(struct db_txn *t, void *arg)
{
	return meta_put(t, rules_name, *(uint64_t *)arg);
}

/* By rules that were never weighed by: everything. Noted when done, so a keeper that is killed begins again. */
static enum error follow_rules(struct keeper *k)
{
	uint64_t fingerprint = assess_fingerprint(&k->rules);
	struct prefix at = {0};
	enum error err;
	if (meta_read(k->state, rules_name) == fingerprint) return ERR_OK;
	do {
		k->round.now = clock_unix();
		err = round_all(&k->round, &at, true, false);
		if (!err) tell(&k->round);
	} while (!err && at.ip.family && !atomic_load(&k->stopping));
	return err || at.ip.family ? err : db_update(k->state, note_rules, &fingerprint);
}

/* ---- tidying ------------------------------------------------------------------------------------------------------ */

struct tidying {
	struct keeper *keeper;
	int64_t now;
	size_t acts, exposures;
	struct prefix at;
};

static enum error tidy(struct db_txn *t, void *arg)
{
	struct tidying *x = arg;
	const struct config *c = x->keeper->used;
	x->at = x->keeper->exposure_at;
	enum error err = acts_drop_older(t, x->now - c->keeper.evidence_lifetime / 1000, TIDY_ROWS, &x->acts);
	if (err) return err;
	return exposure_drop_older(t, x->now - c->keeper.exposure_lifetime / 1000, TIDY_ROWS, &x->at, &x->exposures);
}

static enum error tidy_if_due(struct keeper *k)
{
	struct tidying x = {.keeper = k, .now = clock_unix()};
	if (clock_now_ms() < k->tidy_at) return ERR_OK;
	enum error err = db_update(k->state, tidy, &x);
	if (err) return err;
	k->exposure_at = x.at;
	metric_add(METRIC_evidence_aged, (int64_t)x.acts);
	count_rows(k);
	k->tidy_at = clock_now_ms() + (x.acts >= TIDY_ROWS ? 0 : TIDY_MS);
	return ERR_OK;
}

/* ---- the thread --------------------------------------------------------------------------------------------------- */

static void note_failure(struct keeper *k, enum error err)
{
	if (err && !k->failing)
		log_text(LOG_ERROR, "keeper_failing", "%s; nothing is lost, it is tried again each second",
		         error_text(err));
	if (!err && k->failing) log_text(LOG_INFO, "keeper_recovered", "the state can be written again");
	k->failing = err != ERR_OK;
	if (err) metric_add(METRIC_keeper_failures, 1);
}

/* When there is something to do at the latest, if nothing changes. */
static int64_t next_wake(const struct keeper *k)
{
	int64_t now = clock_now_ms(), due = round_next(k->state), wake = k->tidy_at;
	if (k->failing) return now + RETRY_MS;
	if (due) {
		int64_t at = now + (due * 1000 - clock_unix_ms());
		if (at < wake) wake = at;
	}
	return wake;
}

static enum error do_all_there_is(struct keeper *k)
{
	enum error err = follow_rules(k);
	bool worked = false;
	while (!err && !atomic_load(&k->stopping)) {
		k->round.now = clock_unix();
		if ((err = round_work(&k->round)) || k->round.taken == 0) break;
		tell(&k->round);
		worked = true;
	}
	if (worked) count_rows(k);
	return err ? err : tidy_if_due(k);
}

static void *work(void *arg)
{
	struct keeper *k = arg;
	while (!atomic_load(&k->stopping)) {
		uint64_t seen = db_generation(k->state);
		take_config(k);
		note_failure(k, do_all_there_is(k));
		if (k->failing) seen = db_generation(k->state); /* others' commits do not help it */
		int64_t until = next_wake(k);
		if (!atomic_load(&k->stopping)) db_wait_change(k->state, seen, until);
	}
	return NULL;
}

/* ---- the service -------------------------------------------------------------------------------------------------- */

static int fail(const char *what, const char *why)
{
	log_text(LOG_ERROR, "start", "%s: %s", what, why);
	return 3;
}

static void hand_over(struct keeper *k, struct config *c)
{
	log_setup(c->log_format, c->log_level, "keeper");
	pthread_mutex_lock(&k->lock);
	config_unref(k->next);
	k->next = config_ref(c);
	pthread_mutex_unlock(&k->lock);
	config_unref(k->config);
	k->config = c;
	db_wake(k->state);
}

static void main_fiber(void *arg)
{
	struct keeper *k = arg;
	struct service_start fresh;
	log_begin(LOG_INFO, "started");
	log_str("rights", sandbox_summary());
	log_end();
	service_ready(k->start->control);
	while (service_next(k->start->control, &fresh) == SERVICE_RELOAD) {
		free(fresh.listeners);
		hand_over(k, fresh.config);
		log_text(LOG_INFO, "reload", "the new configuration is in use");
		service_ready(k->start->control);
	}
	log_text(LOG_INFO, "stop", "stopping: what is left waits in the state");
	loop_stop(k->loop);
}

static int enter_sandbox(const struct config *c)
{
	char why[256];
	const char *read_paths[] = {"/dev/urandom", "/dev/null", "/proc/self", "/proc/sys/kernel/random", NULL};
	const char *write_paths[] = {c->state_dir, c->run_dir, NULL};
	struct sandbox box = {.user = c->user,
	                      .read_paths = read_paths,
	                      .write_paths = write_paths,
	                      .syscalls = SANDBOX_NO_NETWORK};
	return sandbox_enter(&box, why) ? fail("sandbox", why) : 0;
}

static int start_parts(struct keeper *k)
{
	char why[256];
	enum error e = metrics_open(k->config->run_dir, "keeper");
	if (e) log_text(LOG_WARNING, "metrics", "run-dir: %s; status will show no counters", error_text(e));
	if (db_open(k->config->state_dir, DB_STATE, DB_CREATE, &k->state, why)) return fail("state-dir", why);
	e = listings_upgrade(k->state);
	if (e) return fail("state-dir", error_text(e));
	k->round.state = k->state;
	k->round.rules = &k->rules;
	k->round.skew = ASSESS_SKEW;
	k->next = config_ref(k->config);
	k->loop = loop_new();
	if (!k->loop) return fail("loop", "out of memory or descriptors");
	return pthread_create(&k->thread, NULL, work, k) ? fail("keeper", "no thread") : 0;
}

static void stop(struct keeper *k)
{
	atomic_store(&k->stopping, true);
	db_wake(k->state);
	pthread_join(k->thread, NULL);
	db_close(k->state);
	config_unref(k->next);
	config_unref(k->used);
	config_unref(k->config);
}

int keeper_run(struct service_start *start)
{
	static struct keeper the_keeper = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct keeper *k = &the_keeper;
	k->start = start;
	k->config = start->config;
	log_setup(k->config->log_format, k->config->log_level, "keeper");
	int failed = enter_sandbox(k->config);
	if (!failed) failed = start_parts(k);
	if (failed) return failed;
	scope_spawn(loop_scope(k->loop), "main", main_fiber, k);
	loop_run(k->loop);
	loop_free(k->loop);
	stop(k);
	return 0;
}
