/* SPDX-License-Identifier: Apache-2.0 */
/* backstop status - what runs, what it did, what waits */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "cli/cli.h"
#include "cli/status_relay.h"
#include "cli/status_tenants.h"
#include "store/ledger.h"
#include "store/published.h"
#include "store/spool.h"

static const char help[] =
	"Usage: backstop status [-c FILE] [--json]\n"
	"\n"
	"Shows for each service whether it runs, since when, and its main counters; then the\n"
	"number of tenants, and of how many backscatter can be told (tenant show says how far\n"
	"each is); the messages that are queued or held, the transactions that the ledger\n"
	"remembers, and how much is listed; the rules by which mail is classified, with the\n"
	"reason when a file was refused; and the forged campaigns that last. Works also when\n"
	"nothing runs.\n"
	"\n"
	"  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"      --json         one object: {\"ok\", \"services\", \"tenants\", \"coverage\", \"queue\",\n"
	"                     \"ledger\", \"list\", \"rules\", \"storms\"}, with every counter\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 every service that the configuration wants is running, 1 one is not,\n"
	"2 usage, 3 the configuration or the state could not be read.\n";

struct pool_count {
	uint64_t messages, held;
};

struct queue_count {
	struct pool_count pools[POOL_COUNT];
	struct pool_count all;
	int64_t oldest; /* Unix time, 0: none */
};

static bool count_message(const struct spool_message *m, void *arg)
{
	struct queue_count *q = arg;
	if (m->pool < POOL_COUNT) {
		q->pools[m->pool].messages++;
		if (m->hold) q->pools[m->pool].held++;
	}
	q->all.messages++;
	if (m->hold) q->all.held++;
	if (q->oldest == 0 || m->arrived < q->oldest) q->oldest = m->arrived;
	return true;
}

static enum error count_queue(const struct config *c, struct queue_count *q)
{
	struct db *spool;
	enum error e = cli_open_db(c, DB_SPOOL, DB_READ_ONLY, &spool);
	if (e == ERR_NOT_FOUND) return ERR_OK;
	if (e != ERR_OK) return e;
	e = spool_each(spool, count_message, q);
	if (e != ERR_OK) cli_complain("the spool: %s", error_text(e));
	db_close(spool);
	return e;
}

static enum error count_ledger(const struct config *c, struct ledger_summary *s)
{
	struct db *ledger;
	enum error e = cli_open_db(c, DB_LEDGER, DB_READ_ONLY, &ledger);
	if (e == ERR_NOT_FOUND) return ERR_OK;
	if (e != ERR_OK) return e;
	e = ledger_summarize(ledger, s);
	if (e != ERR_OK) cli_complain("the ledger: %s", error_text(e));
	db_close(ledger);
	return e;
}

static const enum metric relay_shown[] = {
	METRIC_smtp_sessions_open,  METRIC_smtp_sessions,   METRIC_smtp_rejected_recipients,
	METRIC_cutthrough_messages, METRIC_spool_stored,    METRIC_delivery_delivered,
	METRIC_delivery_deferred,   METRIC_delivery_failed, METRIC_safe_mode_refused,
	METRIC_out_of_resources,    METRIC_COUNT,
};
static const enum metric dns_shown[] = {
	METRIC_dnsbl_udp,        METRIC_dnsbl_tcp,      METRIC_dnsbl_listed,  METRIC_dnsbl_nxdomain,
	METRIC_dnsbl_refused,    METRIC_dnsbl_servfail, METRIC_dnsbl_limited, METRIC_dnsbl_connections_open,
	METRIC_out_of_resources, METRIC_COUNT,
};

static const enum metric keeper_shown[] = {
	METRIC_keeper_weighed,
	METRIC_keeper_listed,
	METRIC_keeper_delisted,
	METRIC_COUNT,
};

static bool relay_enabled(const struct config *c)
{
	return c->relay.enabled;
}

static bool keeper_enabled(const struct config *c)
{
	return c->keeper_enabled;
}

static bool dns_enabled(const struct config *c)
{
	return c->dns_enabled;
}

static const struct {
	const char *name;
	bool (*enabled)(const struct config *c);
	const enum metric *shown; /* the main counters, for people */
} services[] = {
	{"relay", relay_enabled, relay_shown},
	{"keeper", keeper_enabled, keeper_shown},
	{"dns", dns_enabled, dns_shown},
};
#define SERVICES (sizeof services / sizeof *services)

/* ---- services ------------------------------------------------------------------------------------------------------------------- */

struct service_state {
	const char *name;
	bool known, running; /* known: it ran at some time, so there are values */
	int64_t pid, started, values[METRIC_COUNT];
};

static void read_service(const struct config *c, const char *name, struct service_state *s)
{
	*s = (struct service_state){.name = name};
	enum error e = metrics_read(c->run_dir, name, s->values, &s->pid, &s->started);
	s->known = e == ERR_OK;
	s->running = s->known && s->pid != 0;
	if (e != ERR_OK && e != ERR_NOT_FOUND) cli_complain("%s/%s.metrics: %s", c->run_dir, name, error_text(e));
}

static json_t *service_json(const struct service_state *s)
{
	json_t *counters = json_object();
	for (int m = 0; s->known && m < METRIC_COUNT; m++)
		json_object_set_new(counters, metric_name((enum metric)m), json_integer(s->values[m]));
	json_t *o = json_pack("{sssbso}", "name", s->name, "running", s->running, "metrics", counters);
	if (s->running) {
		json_object_set_new(o, "pid", json_integer(s->pid));
		json_object_set_new(o, "started", json_integer(s->started));
		json_object_set_new(o, "uptime", json_integer(clock_unix() - s->started));
	}
	return o;
}

static json_t *services_json(const struct service_state states[SERVICES])
{
	json_t *all = json_array();
	for (size_t i = 0; i < SERVICES; i++) json_array_append_new(all, service_json(&states[i]));
	return all;
}

/* For people: the relay always; another one when it is wanted, or ran at some time. */
static bool is_shown(const struct config *c, size_t i, const struct service_state *s)
{
	return i == 0 || s->known || services[i].enabled(c);
}

static json_t *queue_json(const struct queue_count *q)
{
	json_t *pools = json_object();
	for (int p = 0; p < POOL_COUNT; p++)
		json_object_set_new(pools, pool_name((enum pool)p),
		                    json_pack("{sIsI}", "messages", (json_int_t)q->pools[p].messages, "held",
		                              (json_int_t)q->pools[p].held));
	return json_pack("{sIsIsoso}", "messages", (json_int_t)q->all.messages, "held", (json_int_t)q->all.held,
	                 "oldest", q->oldest ? json_integer(q->oldest) : json_null(), "pools", pools);
}

static json_t *ledger_json(const struct ledger_summary *s, int64_t lost)
{
	return json_pack("{sIsIsoso}", "transactions", (json_int_t)s->passages, "size", (json_int_t)s->size, "oldest",
	                 s->oldest ? json_integer(s->oldest) : json_null(), "lost",
	                 lost ? json_integer(lost) : json_null());
}

/* "3d 4h", "5m 6s": the two largest units. */
static const char *age_text(int64_t seconds, char out[32])
{
	static const struct {
		int64_t size;
		char name;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;
	if (seconds < 0) seconds = 0;
	while (i < 3 && seconds < units[i].size) i++;
	int n = snprintf(out, 32, "%lld%c", (long long)(seconds / units[i].size), units[i].name);
	if (i < 3)
		snprintf(out + n, 32 - (size_t)n, " %lld%c", (long long)(seconds % units[i].size / units[i + 1].size),
		         units[i + 1].name);
	return out;
}

static void print_service(const struct service_state *s, const enum metric *shown)
{
	char age[32];
	if (s->running)
		printf("%s: running, process %lld, for %s\n", s->name, (long long)s->pid,
		       age_text(clock_unix() - s->started, age));
	else
		printf("%s: not running\n", s->name);
	if (!s->known) return;
	for (; *shown != METRIC_COUNT; shown++)
		printf("  %12lld  %s\n", (long long)s->values[*shown], metric_help(*shown));
}

static void print_queue(const struct queue_count *q)
{
	char age[32];
	printf("queue: %llu messages, %llu of them held", (unsigned long long)q->all.messages,
	       (unsigned long long)q->all.held);
	if (q->oldest) printf(", the oldest %s old", age_text(clock_unix() - q->oldest, age));
	puts("");
	for (int p = 0; p < POOL_COUNT; p++)
		if (q->pools[p].messages)
			printf("  %12llu  in pool %s, %llu held\n", (unsigned long long)q->pools[p].messages,
			       pool_name((enum pool)p), (unsigned long long)q->pools[p].held);
}

static void print_ledger(const struct ledger_summary *s)
{
	char age[32];
	printf("ledger: %llu transactions in %.1f MiB", (unsigned long long)s->passages, (double)s->size / (1 << 20));
	if (s->oldest) printf(", the oldest %s old", age_text(clock_unix() - s->oldest, age));
	puts("");
}

/* ---- the list ------------------------------------------------------------------------------------------------------------------- */

struct list_count {
	uint64_t published, by_hand, exempt, acts;
	uint32_t serial;
};

static enum error count_list(const struct config *c, struct list_count *l)
{
	struct db *state;
	struct db_txn *t;
	enum error e = cli_open_db(c, DB_STATE, DB_READ_ONLY, &state);
	if (e == ERR_NOT_FOUND) return ERR_OK;
	if (e != ERR_OK) return e;
	e = db_begin_read(state, &t);
	if (e == ERR_OK) {
		*l = (struct list_count){.published = published_count(t),
		                         .by_hand = db_count(t, DB_listings),
		                         .exempt = db_count(t, DB_list_exempt),
		                         .acts = db_count(t, DB_acts),
		                         .serial = published_serial(t)};
		db_end_read(t);
	} else {
		cli_complain("the list: %s", error_text(e));
	}
	db_close(state);
	return e;
}

static json_t *list_json(const struct list_count *l)
{
	return json_pack("{sIsIsIsIsI}", "published", (json_int_t)l->published, "by_hand", (json_int_t)l->by_hand,
	                 "exempt", (json_int_t)l->exempt, "evidence", (json_int_t)l->acts, "serial",
	                 (json_int_t)l->serial);
}

static void print_list(const struct list_count *l)
{
	printf("list: %llu addresses, %llu of them by hand; serial %u; %llu rows of evidence\n",
	       (unsigned long long)l->published, (unsigned long long)l->by_hand, l->serial,
	       (unsigned long long)l->acts);
}

int cli_status(int argc, char **argv)
{
	struct cli_options o;
	cli_begin(&o, argv[0], help);
	if (cli_getopt(&o, argc, argv, NULL) != -1) return o.status;
	if (optind < argc) return cli_usage("unexpected operand %s", argv[optind]);
	struct config *c;
	if (cli_open_config(&o, &c)) return CLI_CANNOT;
	static struct service_state states[SERVICES];
	struct list_count list = {.serial = 1};
	struct queue_count queue = {0};
	struct ledger_summary ledger = {0};
	struct status_tenants tenants;
	bool ok = true;
	for (size_t i = 0; i < SERVICES; i++) {
		read_service(c, services[i].name, &states[i]);
		ok &= states[i].running || !services[i].enabled(c);
	}
	int status = ok ? CLI_DONE : CLI_NO;
	if (status_tenants_count(c, &tenants) != ERR_OK || count_queue(c, &queue) != ERR_OK ||
	    count_ledger(c, &ledger) != ERR_OK || count_list(c, &list) != ERR_OK)
		status = CLI_CANNOT;
	json_t *rules = states[0].running ? status_relay_notice(c, "rules") : NULL;
	json_t *storms = states[0].running ? status_relay_notice(c, "storms") : NULL;
	if (o.json) {
		cli_print_json(json_pack("{sbsosIsososososO?sO?}", "ok", ok, "services", services_json(states),
		                         "tenants", (json_int_t)tenants.count, "coverage",
		                         status_tenants_coverage_json(&tenants), "queue", queue_json(&queue), "ledger",
		                         ledger_json(&ledger, tenants.ledger_lost), "list", list_json(&list), "rules",
		                         rules, "storms", storms));
	} else if (status != CLI_CANNOT) {
		for (size_t i = 0; i < SERVICES; i++)
			if (is_shown(c, i, &states[i])) print_service(&states[i], services[i].shown);
		status_tenants_print(&tenants);
		print_queue(&queue);
		print_ledger(&ledger);
		status_tenants_print_loss(&tenants, c);
		print_list(&list);
		status_relay_print_rules(rules);
		status_relay_print_storms(storms);
	}
	json_decref(rules);
	json_decref(storms);
	config_unref(c);
	return cli_finish(status);
}
