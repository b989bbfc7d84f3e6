/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/relay.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/sandbox.h"
#include "mail/charset.h"
#include "relay/client_limits.h"
#include "relay/coverage_book.h"
#include "relay/delivery.h"
#include "relay/evidence_writer.h"
#include "relay/learner.h"
#include "relay/ledger_writer.h"
#include "relay/rulebook.h"
#include "relay/storm_recall.h"
#include "relay/storm_watch.h"
#include "relay/worker.h"
#include "relay/writer.h"
#include "smtp/reply.h"
#include "store/keys.h"
#include "store/ledger_loss.h"

#define WORKERS_MOST 64

/* The main thread's own state. */
struct relay_main {
	struct relay relay;
	struct loop *loop;
	struct service_start *start;
	struct config *config;
	struct service_listener *listeners;
	size_t listener_count;
	struct worker *workers[WORKERS_MOST];
	pthread_t threads[WORKERS_MOST];
	size_t worker_count, idle_workers;
	struct event all_idle;
	struct scope tests; /* blocklist zones of the present configuration */
	struct storm_watch storm_watch;
	struct scope upkeep; /* the coverage is written */
	bool coverage_failing;
	char temporary_dir[4096];
};

static int fail(const char *what, const char *why)
{
	log_text(LOG_ERROR, "start", "%s: %s", what, why);
	return 3;
}

/* ---- posts to the workers ------------------------------------------------------------------------------------------------ */

/* A change for one worker, and the main loop's wait for it. */
struct change {
	struct post post, back;
	struct relay_main *main;
	struct worker *worker;
	struct setup *setup;
	struct blocklists *blocklists;
	struct event done;
};

static void change_done(void *arg)
{
	struct change *c = arg;
	event_signal(&c->done);
}

static void change_apply(void *arg)
{
	struct change *c = arg;
	worker_change(c->worker, c->setup, c->blocklists);
	worker_listen(c->worker, c->main->listeners, c->main->listener_count);
	c->back = (struct post){.fn = change_done, .arg = c};
	loop_post(c->main->loop, &c->back);
}

static void idle_back(void *arg)
{
	struct relay_main *k = arg;
	if (++k->idle_workers == k->worker_count) event_signal(&k->all_idle);
}

static struct post idle_posts[WORKERS_MOST], drain_posts[WORKERS_MOST];

static void worker_idle(struct worker *w, void *arg)
{
	struct relay_main *k = arg;
	for (size_t i = 0; i < k->worker_count; i++)
		if (k->workers[i] == w) {
			w->idle = NULL;
			idle_posts[i] = (struct post){.fn = idle_back, .arg = k};
			loop_post(k->loop, &idle_posts[i]);
		}
}

struct drain {
	struct worker *worker;
	struct relay_main *main;
};
static struct drain drains[WORKERS_MOST];

static void drain_apply(void *arg)
{
	struct drain *d = arg;
	worker_drain(d->worker, worker_idle, d->main);
}

/* ---- reload ---------------------------------------------------------------------------------------------------------------- */

static void use_config(struct relay_main *k, struct config *c)
{
	char prefix[1024] = "";
	k->config = c;
	k->storm_watch.run_dir = c->run_dir;
	log_setup(c->log_format, c->log_level, "relay");
	if (c->web_public_url) snprintf(prefix, sizeof prefix, "%s/reason/", c->web_public_url);
	reply_set_link_prefix(slice_str(prefix));
}

static void start_tests(struct relay_main *k, struct blocklists *b)
{
	scope_init(&k->tests);
	if (scope_spawn(&k->tests, "blocklist tests", blocklists_watch, blocklists_ref(b)) != ERR_OK)
		blocklists_unref(b);
}

static void close_listeners(struct service_listener *l, size_t n)
{
	for (size_t i = 0; i < n; i++) close(l[i].fd);
	free(l);
}

static struct ledger_bounds ledger_bounds_of(const struct config *c)
{
	return (struct ledger_bounds){.lifetime = c->relay.ledger_lifetime / 1000, .size = c->relay.ledger_size};
}

static struct rulebook_files rulebook_files_of(const struct config *c)
{
	return (struct rulebook_files){.rules = c->bounce.rules, .knowledge = c->bounce.knowledge};
}

static struct storm_limits storm_limits_of(const struct config *c)
{
	return (struct storm_limits){.address = c->storm.address,
	                             .domain = c->storm.domain,
	                             .share = c->storm.share,
	                             .window = c->storm.window,
	                             .lull = c->storm.lull};
}

static void reload(struct relay_main *k, struct service_start *fresh)
{
	char why[256];
	struct setup *setup = NULL;
	struct blocklists *b = NULL;
	if (setup_new(fresh->config, k->temporary_dir, &setup, why) == ERR_OK)
		b = blocklists_new(fresh->config, k->relay.resolver, k->relay.state);
	if (!b) {
		log_text(LOG_ERROR, "reload", "the old configuration stays in use: %s", why);
		setup_unref(setup);
		close_listeners(fresh->listeners, fresh->listener_count);
		config_unref(fresh->config);
		return;
	}
	struct service_listener *old = k->listeners;
	size_t old_count = k->listener_count;
	k->listeners = fresh->listeners;
	k->listener_count = fresh->listener_count;
	for (size_t i = 0; i < k->worker_count; i++) {
		struct change c = {.main = k,
		                   .worker = k->workers[i],
		                   .setup = setup_ref(setup),
		                   .blocklists = blocklists_ref(b)};
		c.post = (struct post){.fn = change_apply, .arg = &c};
		loop_post(k->workers[i]->loop, &c.post);
		fiber_shield(); /* c lives on this stack */
		event_wait(&c.done, DEADLINE_NEVER);
		fiber_unshield();
	}
	close_listeners(old, old_count);
	delivery_reload(k->relay.delivery, fresh->config);
	struct ledger_bounds bounds = ledger_bounds_of(fresh->config);
	ledger_writer_set_bounds(k->relay.ledger_writer, &bounds);
	struct rulebook_files files = rulebook_files_of(fresh->config);
	rulebook_change(k->relay.rulebook, &files);
	struct storm_limits limits = storm_limits_of(fresh->config);
	storms_change(k->relay.storms, &limits);
	scope_cancel(&k->tests);
	scope_join(&k->tests, DEADLINE_NEVER);
	start_tests(k, b);
	config_unref(k->config);
	use_config(k, fresh->config);
	blocklists_unref(b);
	setup_unref(setup);
	log_text(LOG_INFO, "reload", "the new configuration is in use");
}

/* ---- upkeep ---------------------------------------------------------------------------------------------------------------- */

static void write_coverage(void *arg)
{
	struct relay_main *k = arg;
	enum error e = coverage_book_flush(k->relay.coverage);
	if (!e == !k->coverage_failing) return;
	k->coverage_failing = e != ERR_OK;
	if (e)
		log_text(LOG_WARNING, "coverage", "it cannot be written, and is kept in memory: %s", error_text(e));
	else
		log_text(LOG_INFO, "coverage", "it can be written again");
}

static void coverage_fiber(void *arg)
{
	while (fiber_sleep(clock_deadline(COVERAGE_FLUSH_MS)) == ERR_OK) fiber_offload(write_coverage, arg);
}

/* ---- stop ------------------------------------------------------------------------------------------------------------------ */

static void stop_workers(struct relay_main *k)
{
	for (size_t i = 0; i < k->worker_count; i++) {
		drains[i] = (struct drain){.worker = k->workers[i], .main = k};
		drain_posts[i] = (struct post){.fn = drain_apply, .arg = &drains[i]};
		loop_post(k->workers[i]->loop, &drain_posts[i]);
	}
	if (k->worker_count && event_wait(&k->all_idle, clock_deadline(k->config->relay.drain_time)) == ERR_TIMEOUT)
		log_text(LOG_WARNING, "stop", "sessions were cut off after drain-time; their clients will try again");
	for (size_t i = 0; i < k->worker_count; i++) loop_stop(k->workers[i]->loop);
	for (size_t i = 0; i < k->worker_count; i++) pthread_join(k->threads[i], NULL);
}

static void control_fiber(void *arg)
{
	struct relay_main *k = arg;
	struct service_start fresh;
	while (service_next(k->start->control, &fresh) == SERVICE_RELOAD) {
		reload(k, &fresh);
		service_ready(k->start->control);
	}
	log_text(LOG_INFO, "stop", "stopping: sessions end, deliveries under way are finished");
	scope_cancel(&k->tests);
	scope_join(&k->tests, DEADLINE_NEVER);
	scope_cancel(&k->upkeep);
	scope_join(&k->upkeep, DEADLINE_NEVER);
	stop_workers(k);
	delivery_stop(k->relay.delivery);
	writer_stop(k->relay.writer);
	ledger_writer_stop(k->relay.ledger_writer);
	evidence_writer_stop(k->relay.evidence_writer);
	learner_stop(k->relay.learner);
	write_coverage(k);
	loop_stop(k->loop);
}

/* ---- start ----------------------------------------------------------------------------------------------------------------- */

/* Files of rules are replaced while we run, so their folders are let in; that of the configuration too, for those that a reload
 * names for the first time. */
static int enter_sandbox(const struct config *c)
{
	static char folders[5][PATH_MAX];
	char why[256];
	const char *read_paths[] = {rulefile_folder(c->path, folders[0]),
	                            rulefile_folder(c->bounce.rules, folders[1]),
	                            rulefile_real_folder(c->bounce.rules, folders[2]),
	                            rulefile_folder(c->bounce.knowledge, folders[3]),
	                            rulefile_real_folder(c->bounce.knowledge, folders[4]),
	                            "/etc/resolv.conf",
	                            "/etc/hosts",
	                            "/etc/ssl",
	                            "/usr/lib/ssl",
	                            "/usr/share/dns",
	                            "/dev/urandom",
	                            "/dev/null",
	                            "/proc/self",
	                            "/proc/sys/net",
	                            "/proc/sys/kernel/random",
	                            "/sys/devices/system/cpu",
	                            c->auth.suffix_list ? c->auth.suffix_list : "/dev/null",
	                            c->resolver_dnssec ? c->resolver_trust_anchor : "/dev/null",
	                            NULL};
	const char *write_paths[] = {c->state_dir, c->run_dir, NULL};
	struct sandbox box = {.user = c->user,
	                      .read_paths = read_paths,
	                      .write_paths = write_paths,
	                      .syscalls = SANDBOX_NETWORK_CLIENT};
	return sandbox_enter(&box, why) ? fail("sandbox", why) : 0;
}

static void look_for_loss(struct relay_main *k)
{
	int64_t now = clock_unix(), hold = k->config->relay.hold_after_loss / 1000;
	enum error e = ledger_loss_check(k->relay.state, k->relay.ledger, now, &k->relay.ledger_lost);
	if (!e && (k->relay.ledger_lost == 0 || k->relay.ledger_lost < now)) return;
	log_begin(LOG_WARNING, "ledger_lost");
	log_str("folder", db_state_dir(k->relay.ledger));
	if (e)
		log_error("error", e);
	else
		log_int("seconds", hold);
	log_end();
}

static int open_stores(struct relay_main *k)
{
	char why[256];
	size_t orphans = 0;
	const char *dir = k->config->state_dir;
	if (db_open(dir, DB_STATE, DB_CREATE, &k->relay.state, why) ||
	    db_open(dir, DB_LEDGER, DB_CREATE, &k->relay.ledger, why) ||
	    db_open(dir, DB_SPOOL, DB_CREATE, &k->relay.spool, why))
		return fail("state-dir", why);
	enum error e = spool_remove_orphans(k->relay.spool, &orphans);
	if (e) log_text(LOG_WARNING, "spool", "body files without a record could not be removed: %s", error_text(e));
	look_for_loss(k);
	snprintf(k->temporary_dir, sizeof k->temporary_dir, "%s/tmp", dir);
	if (mkdir(k->temporary_dir, 0700) && errno != EEXIST) return fail(k->temporary_dir, "cannot be made");
	k->relay.temporary_dir = k->temporary_dir;
	return 0;
}

static int start_parts(struct relay_main *k)
{
	char why[256] = "out of memory or descriptors";
	struct config *c = k->config;
	struct ledger_bounds bounds = ledger_bounds_of(c);
	const char *anchor = c->resolver_dnssec ? c->resolver_trust_anchor : NULL;
	enum error e =
		resolver_new_validating(c->resolver_servers, c->resolver_server_count, anchor, &k->relay.resolver, why);
	if (e) return fail("resolver", why);
	keys_purge(k->relay.state, clock_unix());
	e = keys_ensure_srs(k->relay.state, clock_unix());
	if (e) log_text(LOG_WARNING, "keys", "no secret for contained return paths could be made: %s", error_text(e));
	struct rulebook_files files = rulebook_files_of(c);
	e = rulebook_open(&files, c->run_dir, &k->relay.rulebook);
	if (e) return fail("rules", error_text(e));
	uint64_t key[2];
	struct storm_limits limits = storm_limits_of(c);
	k->relay.limits = limits_new();
	k->relay.storms = getrandom(key, sizeof key, 0) == sizeof key ? storms_new(&limits, key) : NULL;
	k->relay.coverage = coverage_book_new(k->relay.state);
	bool made = k->relay.limits && k->relay.storms && k->relay.coverage;
	e = made ? writer_start(k->relay.spool, &k->relay.writer) : ERR_NO_MEMORY;
	if (e) return fail("spool writer", error_text(e));
	storm_recall(k->relay.storms, k->relay.spool, k->relay.ledger, limits.window, clock_unix(), clock_now_ms(),
	             storm_watch_begun);
	e = ledger_writer_start(k->relay.ledger, &bounds, &k->relay.ledger_writer, why);
	if (e) return fail("ledger writer", why);
	e = evidence_writer_start(k->relay.state, &k->relay.evidence_writer);
	if (e) return fail("evidence writer", error_text(e));
	e = learner_start(k->relay.state, &k->relay.learner);
	if (e) return fail("learner", error_text(e));
	e = delivery_start(c, k->relay.resolver, k->relay.spool, k->relay.state, k->relay.writer, &k->relay.delivery);
	return e ? fail("delivery", error_text(e)) : 0;
}

static void *worker_thread(void *arg)
{
	struct worker *w = arg;
	scope_spawn(loop_scope(w->loop), "housekeeping", worker_housekeeping, w);
	loop_run(w->loop);
	return NULL;
}

static int start_workers(struct relay_main *k)
{
	char why[256];
	struct setup *setup;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = k->config->relay.workers > 0 ? (size_t)k->config->relay.workers : cores > 0 ? (size_t)cores : 1;
	if (setup_new(k->config, k->temporary_dir, &setup, why)) return fail("tls", why);
	struct blocklists *b = blocklists_new(k->config, k->relay.resolver, k->relay.state);
	if (!b) return fail("blocklists", "out of memory");
	for (size_t i = 0; i < n && i < WORKERS_MOST; i++) {
		struct worker *w = worker_new(&k->relay, setup_ref(setup), blocklists_ref(b));
		if (!w) return fail("worker", "out of memory or descriptors");
		worker_listen(w, k->listeners, k->listener_count);
		if (pthread_create(&k->threads[i], NULL, worker_thread, w)) return fail("worker", "no thread");
		k->workers[k->worker_count++] = w;
	}
	start_tests(k, b);
	setup_unref(setup);
	blocklists_unref(b);
	return 0;
}

static void main_fiber(void *arg)
{
	struct relay_main *k = arg;
	if (start_workers(k)) exit(3);
	k->storm_watch.storms = k->relay.storms;
	scope_spawn(loop_scope(k->loop), "storms", storm_watch_run, &k->storm_watch);
	scope_init(&k->upkeep);
	scope_spawn(&k->upkeep, "coverage", coverage_fiber, k);
	log_begin(LOG_INFO, "started");
	log_str("rights", sandbox_summary());
	log_uint("workers", k->worker_count);
	log_end();
	service_ready(k->start->control);
	control_fiber(k);
}

static void free_parts(struct relay_main *k)
{
	for (size_t i = 0; i < k->worker_count; i++) worker_free(k->workers[i]);
	rulebook_close(k->relay.rulebook);
	resolver_free(k->relay.resolver);
	limits_free(k->relay.limits);
	storms_free(k->relay.storms);
	coverage_book_free(k->relay.coverage);
	db_close(k->relay.spool);
	db_close(k->relay.ledger);
	db_close(k->relay.state);
	close_listeners(k->listeners, k->listener_count);
	config_unref(k->config);
}

int relay_run(struct service_start *start)
{
	static struct relay_main the_relay;
	struct relay_main *k = &the_relay;
	k->start = start;
	k->listeners = start->listeners;
	k->listener_count = start->listener_count;
	use_config(k, start->config);
	size_t missing = charset_prepare(); /* opens files, which the sandbox would not let */
	if (missing)
		log_text(LOG_WARNING, "charsets",
		         "%zu converters of the C library are missing: East Asian reports are read in part", missing);
	int failed = enter_sandbox(k->config);
	if (!failed) {
		enum error e = metrics_open(k->config->run_dir, "relay");
		if (e) log_text(LOG_WARNING, "metrics", "run-dir: %s; status will show no counters", error_text(e));
		failed = open_stores(k);
	}
	if (!failed) failed = start_parts(k);
	if (!failed && !(k->loop = loop_new())) failed = fail("loop", "out of memory or descriptors");
	if (failed) return failed;
	scope_spawn(loop_scope(k->loop), "main", main_fiber, k);
	loop_run(k->loop);
	loop_free(k->loop);
	free_parts(k);
	return 0;
}
