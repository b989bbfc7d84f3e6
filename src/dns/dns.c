/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/sandbox.h"
#include "dns/notify.h"
#include "dns/tcp.h"
#include "dns/udp.h"

#define NETWORKS 65536 /* whose rates are told apart: half a MiB */

struct dns_main {
	struct service_start *start;
	struct config *config;
	struct service_listener *listeners;
	size_t listener_count;
	struct loop *loop;
	struct db *state;
	struct limiter *limiter;
	struct cookie_master cookies;
	struct dns_setup *setup;
	struct filters *filters;
	struct transfers *transfers;
	struct udp *udp;
	struct tcp *tcp;
	struct notifier *notifier;
};

static int fail(const char *what, const char *why)
{
	log_text(LOG_ERROR, "start", "%s: %s", what, why);
	return 3;
}

size_t dns_listeners(const struct config *c, struct listener_want out[SERVICE_LISTENERS])
{
	size_t n = 0, workers = dns_workers(c);
	for (size_t i = 0; i < c->dns.listen_count; i++) {
		out[n++] = (struct listener_want){c->dns.listen[i], LISTENER_STREAM};
		for (size_t w = 0; w < workers; w++)
			out[n++] = (struct listener_want){c->dns.listen[i], LISTENER_DATAGRAM};
	}
	return n;
}

/* ---- reload and stop ------------------------------------------------------------------------------------------------------ */

static void use_config(struct dns_main *k, struct config *c)
{
	k->config = c;
	log_setup(c->log_format, c->log_level, "dns");
}

static void close_listeners(struct service_listener *l, size_t n)
{
	for (size_t i = 0; i < n; i++) close(l[i].fd);
	free(l);
}

/* Secondaries can do without: they look for themselves, only later. */
static void start_notifier(struct dns_main *k)
{
	struct notify_setup setup = {.state = k->state,
	                             .config = k->config,
	                             .zone = &k->setup->zone,
	                             .listen = k->config->dns.listen,
	                             .listen_count = k->config->dns.listen_count};
	enum error e = notify_start(&setup, &k->notifier);
	if (e) log_text(LOG_ERROR, "notify", "secondaries are not told of changes: %s", error_text(e));
}

static void stop_notifier(void *arg)
{
	struct dns_main *k = arg;
	notify_stop(k->notifier);
	k->notifier = NULL;
}

static void reload(struct dns_main *k, struct service_start *fresh)
{
	char why[256];
	struct dns_setup *setup = NULL;
	enum error e = dns_setup_new(fresh->config, &k->cookies, &setup, why);
	if (e || !udp_change(k->udp, setup, fresh->listeners, fresh->listener_count, why)) {
		log_text(LOG_ERROR, "reload", "the old configuration stays in use: %s", why);
		dns_setup_unref(setup);
		close_listeners(fresh->listeners, fresh->listener_count);
		config_unref(fresh->config);
		return;
	}
	transfers_use(k->transfers, &setup->transfers);
	tcp_change(k->tcp, setup, fresh->listeners, fresh->listener_count);
	fiber_offload(stop_notifier, k); /* it uses the old setup */
	close_listeners(k->listeners, k->listener_count);
	k->listeners = fresh->listeners;
	k->listener_count = fresh->listener_count;
	dns_setup_unref(k->setup);
	k->setup = setup;
	config_unref(k->config);
	use_config(k, fresh->config);
	start_notifier(k);
	log_text(LOG_INFO, "reload", "the new configuration is in use");
}

static void control(struct dns_main *k)
{
	struct service_start fresh;
	while (service_next(k->start->control, &fresh) == SERVICE_RELOAD) {
		reload(k, &fresh);
		service_ready(k->start->control);
	}
	log_text(LOG_INFO, "stop", "stopping");
	fiber_offload(stop_notifier, k);
	udp_stop(k->udp);
	tcp_stop(k->tcp);
	loop_stop(k->loop);
}

/* ---- start ------------------------------------------------------------------------------------------------------------------ */

static void state_file(const struct config *c, const char *name, char out[4096])
{
	snprintf(out, 4096, "%s/state/%s", c->state_dir, name);
}

static int enter_sandbox(const struct config *c)
{
	char why[256], environment[4096], lock[4096];
	state_file(c, "", environment);
	state_file(c, "lock.mdb", lock);
	const char *read_paths[] = {environment, "/dev/urandom", "/dev/null", "/proc/self", NULL};
	const char *write_paths[] = {lock, c->run_dir, NULL};
	struct sandbox box = {.user = c->user,
	                      .read_paths = read_paths,
	                      .write_paths = write_paths,
	                      .syscalls = SANDBOX_NETWORK_SERVER};
	return sandbox_enter(&box, why) ? fail("sandbox", why) : 0;
}

static int start_parts(struct dns_main *k)
{
	char why[256];
	if (cookie_master_make(&k->cookies)) return fail("cookies", "no random numbers");
	if (dns_setup_new(k->config, &k->cookies, &k->setup, why)) return fail("configuration", why);
	k->limiter = limiter_new(NETWORKS);
	k->filters = filters_start(k->state);
	if (!k->filters) return fail("filter", "out of memory or threads");
	k->transfers = transfers_new(k->state);
	if (k->transfers) transfers_use(k->transfers, &k->setup->transfers);
	k->loop = k->limiter && k->transfers ? loop_new() : NULL;
	return k->loop ? 0 : fail("loop", "out of memory or descriptors");
}

static void main_fiber(void *arg)
{
	struct dns_main *k = arg;
	char why[256];
	k->udp = udp_start(k->state, k->limiter, k->filters, k->setup, k->listeners, k->listener_count, why);
	if (!k->udp) exit(fail("udp", why));
	k->tcp = tcp_start(k->loop, k->state, k->transfers, k->setup, k->listeners, k->listener_count);
	if (!k->tcp) exit(fail("tcp", "out of memory"));
	start_notifier(k);
	log_begin(LOG_INFO, "started");
	log_str("rights", sandbox_summary());
	log_uint("workers", udp_threads(k->udp));
	log_end();
	service_ready(k->start->control);
	control(k);
}

int dns_run(struct service_start *start)
{
	static struct dns_main the_service;
	struct dns_main *k = &the_service;
	char why[256];
	k->start = start;
	k->listeners = start->listeners;
	k->listener_count = start->listener_count;
	use_config(k, start->config);
	int failed = enter_sandbox(k->config);
	if (failed) return failed;
	enum error e = metrics_open(k->config->run_dir, "dns");
	if (e) log_text(LOG_WARNING, "metrics", "run-dir: %s; status will show no counters", error_text(e));
	if (db_open(k->config->state_dir, DB_STATE, DB_READ_ONLY, &k->state, why)) return fail("state-dir", why);
	failed = start_parts(k);
	if (failed) return failed;
	scope_spawn(loop_scope(k->loop), "main", main_fiber, k);
	loop_run(k->loop);
	loop_free(k->loop);
	dns_setup_unref(k->setup);
	limiter_free(k->limiter);
	filters_stop(k->filters);
	transfers_free(k->transfers);
	db_close(k->state);
	close_listeners(k->listeners, k->listener_count);
	config_unref(k->config);
	return 0;
}
