/* SPDX-License-Identifier: Apache-2.0 */
/* backstop tenant - customer organisations */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "cli/tenant_coverage.h"
#include "cli/tenant_options.h"
#include "cli/tenant_untagged.h"
#include "store/directory.h"
#include "store/keys.h"

static const char help_head[] =
	"Usage: backstop tenant add NAME --domain DOMAIN... --route HOST:PORT... --from CIDR...\n"
	"                                [options]\n"
	"       backstop tenant set NAME [options]\n"
	"       backstop tenant list [--json]\n"
	"       backstop tenant show NAME [--json]\n"
	"       backstop tenant remove NAME\n"
	"       backstop tenant untagged NAME [--json]\n"
	"\n"
	"A tenant is a customer organisation: its domains, its own mail servers (where mail for\n"
	"those domains goes), and what may send out as those domains. Changes count at once,\n"
	"whether the services run or not; sessions under way keep what they began with.\n"
	"\n"
	"Options of add and set. Those for lists may be given several times; with set, what is\n"
	"given replaces the old list, and \"none\" empties it.\n"
	"\n";
static const char help_tail[] =
	"\n"
	"      --json                        one object a line, without passwords\n"
	"  -c, --config FILE                 the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help                        this text\n"
	"\n"
	"A password that is asked for is read from the terminal, or from standard input, a line\n"
	"each. Given as --user NAME:PASSWORD it can be seen by others while the command runs.\n"
	"remove also removes the tenant's recipients and keys; messages in the queue stay.\n"
	"untagged shows bounces that came without a good tag, and so were refused, or will be\n"
	"after learning.\n"
	"\n"
	"Exit status: 0 done; 1 there is no such tenant, or something belongs to another; 2 usage;\n"
	"3 the state cannot be read or written.\n";

struct job {
	struct cli_options options;
	struct config *config;
	struct db *state;
	struct db *ledger; /* for showing; NULL: there is none */
	struct tenants *tenants;
	struct tenant_options given;
	struct arena arena;
};

static const struct tenant *find(const struct job *j, const char *name)
{
	const struct tenant *t = j->tenants ? tenants_by_name(j->tenants, slice_str(name)) : NULL;
	if (!t) cli_complain("there is no tenant %s", name);
	return t;
}

/* ---- showing ------------------------------------------------------------------------------------------------------ */

static void print_label(const char *label, bool first)
{
	printf("  %-13s ", first ? label : "");
}

static void print_domains(const struct tenant *t)
{
	for (size_t i = 0; i < t->domain_count; i++) {
		print_label("domains", i == 0);
		printf("%s%s\n", t->domains[i].subdomains ? "." : "", t->domains[i].name);
	}
}

static void print_routes(const struct tenant *t)
{
	for (size_t i = 0; i < t->downstream_count; i++) {
		const struct tenant_downstream *d = &t->downstreams[i];
		bool v6 = d->is_ip && d->ip.family == AF_INET6;
		print_label("servers", i == 0);
		printf(v6 ? "[%s]:%u  preference %u\n" : "%s:%u  preference %u\n", d->host, d->port, d->preference);
	}
}

static void print_sources(const struct tenant *t)
{
	char ip[IP_TEXT_SIZE];
	for (size_t i = 0; i < t->from_count; i++) {
		print_label("sources", i == 0);
		printf("%s/%u\n", ip_text(&t->from[i].ip, ip), t->from[i].length);
	}
	for (size_t i = 0; i < t->certificate_count; i++) {
		print_label("certificates", i == 0);
		printf("%s\n", t->certificates[i]);
	}
	for (size_t i = 0; i < t->user_count; i++) {
		char name[300];
		print_label("users", i == 0);
		printf("%s\n", format_safe(slice_str(t->users[i].name), name, sizeof name));
	}
}

static void print_list(const char *domain, uint64_t count, int64_t imported, void *arg)
{
	char time[FORMAT_TIME_SIZE];
	bool *first = arg;
	print_label("lists", *first);
	printf("%s  %llu addresses, last import %s\n", domain, (unsigned long long)count, format_time(imported, time));
	*first = false;
}

static void print_policy(const struct tenant *t)
{
	static const char *const tls[] =
		{[TENANT_TLS_MAY] = "where offered", [TENANT_TLS_NEVER] = "never", [TENANT_TLS_REQUIRE] = "required"};
	printf("  %-13s %s\n", "asked", t->ask == ASK_AT_DATA ? "at the end of the message" : "at each recipient");
	printf("  %-13s %s\n", "directory", t->directory == DIRECTORY_PARTIAL ? "partial" : "complete");
	if (t->plus)
		printf("  %-13s %c\n", "plus", t->plus);
	else
		printf("  %-13s none\n", "plus");
	printf("  %-13s %s\n", "case", t->case_sensitive ? "counts" : "does not count");
	printf("  %-13s %s\n", "catch-all", t->catch_all ? "yes" : "no");
	printf("  %-13s %s\n", "TLS", tls[t->tls]);
}

static void print_tags(const struct tenant *t)
{
	char since[FORMAT_TIME_SIZE], until[FORMAT_TIME_SIZE];
	const char *form = t->tags == TENANT_TAGS_PRVS ? "prvs" : "sub-address";
	if (t->tags == TENANT_TAGS_OFF) {
		printf("  %-13s off\n", "tags");
		return;
	}
	printf("  %-13s %s, since %s\n", "tags", form, format_time(t->tags_since, since));
	if (t->tag_check == TENANT_CHECK_LEARN)
		printf("  %-13s bounces without one are noted until %s, then refused\n", "",
		       format_time(t->tags_since + TENANT_LEARNING_S, until));
	else
		printf("  %-13s bounces without one are %s\n", "",
		       t->tag_check == TENANT_CHECK_REFUSE ? "refused" : "let in");
	for (size_t i = 0; i < t->tag_exception_count; i++)
		printf("  %-13s not checked: %s\n", "", t->tag_exceptions[i]);
}

static void print_proof(const struct tenant *t)
{
	static const char *const dmarc[] = {[TENANT_DMARC_MARK] = "noted in the header",
	                                    [TENANT_DMARC_ENFORCE] = "reject is enforced",
	                                    [TENANT_DMARC_IGNORE] = "not asked"};
	printf("  %-13s %s\n", "DMARC", dmarc[t->dmarc]);
	print_tags(t);
	printf("  %-13s %s\n", "containment", t->contain ? "yes" : "no");
	printf("  %-13s %s\n", "spooling", t->spool ? "proven mail, while its servers are away" : "no");
	printf("  %-13s %s\n", "signing", t->sign ? "where there is a key" : "no");
	printf("  %-13s %s\n", "unproven",
	       t->unproven == TENANT_UNPROVEN_DISCARD
	               ? "its server's answers to mail that proved nothing are thrown away"
	               : "its server's answers to mail that proved nothing are held");
	printf("  %-13s %s\n", "learning", t->learn ? "addresses that its server bounces are refused" : "no");
	if (!t->digest && t->domain_count)
		printf("  %-13s postmaster@%s\n", "digest", t->domains[0].name);
	else
		printf("  %-13s %s\n", "digest", t->digest && t->digest[0] ? t->digest : "none");
}

static void add_list(const char *domain, uint64_t count, int64_t imported, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s, s:I, s:o}", "domain", domain, "addresses", (json_int_t)count,
	                                     "imported", format_json_time(imported)));
}

static enum error print_tenant_json(const struct job *j, const struct tenant *t)
{
	char *text = tenant_json(t);
	json_t *o = text ? json_loads(text, 0, NULL) : NULL, *lists = json_array();
	free(text);
	enum error err = directory_domains(j->state, t, add_list, lists);
	if (o) json_object_set(o, "lists", lists);
	json_decref(lists);
	struct tenant_coverage coverage;
	if (!err) err = tenant_coverage_read(j->state, j->ledger, t->id, clock_unix(), &coverage);
	if (o && !err) json_object_set_new(o, "coverage", tenant_coverage_json(&coverage));
	if (err)
		json_decref(o);
	else
		cli_print_json(o);
	return err;
}

static enum error print_tenant(const struct job *j, const struct tenant *t)
{
	bool first = true;
	if (j->options.json) return print_tenant_json(j, t);
	printf("%s%s\n", t->name, t->enabled ? "" : " (disabled)");
	print_domains(t);
	print_routes(t);
	print_sources(t);
	print_policy(t);
	print_proof(t);
	struct tenant_coverage coverage;
	enum error err = tenant_coverage_read(j->state, j->ledger, t->id, clock_unix(), &coverage);
	if (err) return err;
	tenant_coverage_print(t, &coverage);
	return directory_domains(j->state, t, print_list, &first);
}

static int shown(enum error err)
{
	if (err) cli_complain("the lists or the coverage: %s", error_text(err));
	return err ? CLI_CANNOT : CLI_DONE;
}

static int show(struct job *j, const char *name)
{
	const struct tenant *t = find(j, name);
	return t ? shown(print_tenant(j, t)) : CLI_NO;
}

static void print_row(const struct tenant *t)
{
	printf("%-20s %7zu %7zu %7zu  %-8s  %s%s\n", t->name, t->domain_count, t->downstream_count,
	       t->from_count + t->certificate_count + t->user_count, t->enabled ? "enabled" : "disabled",
	       t->domain_count ? t->domains[0].name : "-", t->domain_count > 1 ? ", ..." : "");
}

static int list(struct job *j, const char *name)
{
	size_t n = j->tenants ? tenants_count(j->tenants) : 0;
	if (!j->options.json)
		printf("%-20s %7s %7s %7s  %-8s  %s\n", "TENANT", "DOMAINS", "SERVERS", "SOURCES", "STATE", "DOMAIN");
	for (size_t i = 0; i < n && !ferror(stdout); i++) {
		const struct tenant *t = tenants_at(j->tenants, i);
		enum error err = ERR_OK;
		if (j->options.json)
			err = print_tenant_json(j, t);
		else
			print_row(t);
		if (err) return shown(err);
	}
	return CLI_DONE;
}

/* ---- changing ----------------------------------------------------------------------------------------------------- */

/* What the tenant wants would not happen without its keys. */
static int make_keys(struct job *j, const struct tenant *t, uint32_t id)
{
	enum error err = t->contain ? keys_ensure_srs(j->state, clock_unix()) : ERR_OK;
	if (!err && t->tags != TENANT_TAGS_OFF) err = keys_ensure_tags(j->state, id, clock_unix());
	if (err) cli_complain("its keys: %s", error_text(err));
	return err ? CLI_CANNOT : CLI_DONE;
}

static int put(struct job *j, struct tenant *t)
{
	char why[256];
	uint32_t id;
	int status = tenant_options_apply(&j->given, t, clock_unix());
	if (status) return status;
	enum error err = tenants_put(j->state, t, &id, why);
	if (!err) return make_keys(j, t, id);
	cli_complain("%s", why);
	return err == ERR_EXISTS || err == ERR_NOT_FOUND ? CLI_NO : err == ERR_INVALID ? CLI_USAGE : CLI_CANNOT;
}

static int add(struct job *j, const char *name)
{
	struct tenant t = tenant_options_defaults(name);
	if (!j->given.domains.count) return cli_usage("a tenant needs a --domain");
	return put(j, &t);
}

static int set(struct job *j, const char *name)
{
	const struct tenant *before = find(j, name);
	if (!before) return CLI_NO;
	if (!j->given.any) return cli_usage("what of it shall be set?");
	struct tenant t = *before;
	return put(j, &t);
}

static int drop(struct job *j, const char *name)
{
	if (!find(j, name)) return CLI_NO;
	enum error err = tenants_remove(j->state, slice_str(name));
	if (err) cli_complain("%s: %s", name, error_text(err));
	return err == ERR_NOT_FOUND ? CLI_NO : err ? CLI_CANNOT : CLI_DONE;
}

static int untagged(struct job *j, const char *name)
{
	const struct tenant *t = find(j, name);
	struct db *ledger = NULL;
	if (!t) return CLI_NO;
	enum error err = cli_open_db(j->config, DB_LEDGER, DB_READ_ONLY, &ledger);
	if (err == ERR_NOT_FOUND) return CLI_DONE;
	if (!err) err = tenant_untagged(ledger, t, j->options.json);
	if (err) cli_complain("the ledger: %s", error_text(err));
	db_close(ledger);
	return err ? CLI_CANNOT : CLI_DONE;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*run)(struct job *, const char *name);
	int flags; /* of db_open */
	bool operand, options, ledger;
} verbs[] = {
	{"add", add, DB_CREATE, true, true, false},       {"set", set, 0, true, true, false},
	{"list", list, DB_READ_ONLY, false, false, true}, {"show", show, DB_READ_ONLY, true, false, true},
	{"remove", drop, 0, true, false, false},          {"untagged", untagged, DB_READ_ONLY, true, false, false},
};

static int open_and_run(struct job *j, const struct verb *v, const char *name)
{
	char why[256];
	int status = CLI_DONE;
	if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
	enum error err = cli_open_db(j->config, DB_STATE, v->flags, &j->state);
	if (err && err != ERR_NOT_FOUND) status = CLI_CANNOT;
	if (!err && tenants_load(j->state, &j->tenants, why)) {
		cli_complain("the tenants: %s", why);
		status = CLI_CANNOT;
	}
	if (!status && v->ledger && cli_open_db(j->config, DB_LEDGER, DB_READ_ONLY, &j->ledger)) j->ledger = NULL;
	if (!status) status = cli_finish(v->run(j, name));
	db_close(j->ledger);
	tenants_unref(j->tenants);
	db_close(j->state);
	config_unref(j->config);
	return status;
}

static int run(struct job *j, int argc, char **argv)
{
	if (argc < 1) return cli_usage("what shall be done? add, set, list, show, remove or untagged");
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		const struct verb *v = &verbs[i];
		if (strcmp(argv[0], v->name) != 0) continue;
		if (v->operand && argc < 2) return cli_usage("%s needs the name of a tenant", argv[0]);
		if (argc > 1 + v->operand) return cli_usage("too many words: %s", argv[argc - 1]);
		if (j->given.any && !v->options) return cli_usage("%s takes none of a tenant's options", argv[0]);
		return open_and_run(j, v, v->operand ? argv[1] : NULL);
	}
	return cli_usage("there is no %s", argv[0]);
}

int cli_tenant(int argc, char **argv)
{
	static char help[sizeof help_head + sizeof help_tail + 4096];
	struct job j = {0};
	int option, status = 0;
	snprintf(help, sizeof help, "%s%s%s", help_head, tenant_options_help(), help_tail);
	arena_init(&j.arena, 64 * 1024 * 1024);
	tenant_options_init(&j.given, &j.arena);
	cli_begin(&j.options, argv[0], help);
	while (!status && (option = cli_getopt(&j.options, argc, argv, tenant_options_getopt())) != -1) {
		if (option == '?') {
			arena_free(&j.arena);
			return j.options.status;
		}
		status = tenant_options_take(&j.given, option, optarg);
	}
	if (!status) status = run(&j, argc - optind, argv + optind);
	arena_free(&j.arena);
	return status;
}
