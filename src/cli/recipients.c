/* SPDX-License-Identifier: Apache-2.0 */
/* backstop recipients - which addresses a tenant's domains have */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "cli/recipient_reader.h"
#include "cli/recipients_learned.h"
#include "mail/address.h"
#include "store/directory.h"

#define BAD_SHOWN 20

static const char help[] =
	"Usage: backstop recipients import --tenant NAME [--domain D] [--dry-run] [--force] FILE|-\n"
	"       backstop recipients export --tenant NAME [--domain D] [--json]\n"
	"       backstop recipients add --tenant NAME ADDRESS...\n"
	"       backstop recipients remove --tenant NAME ADDRESS...\n"
	"       backstop recipients remove --tenant NAME --domain D --all\n"
	"       backstop recipients test ADDRESS [--json]\n"
	"       backstop recipients list [--tenant NAME] [--json]\n"
	"       backstop recipients learned list [--tenant NAME] [--all] [--json]\n"
	"       backstop recipients learned forget --tenant NAME ADDRESS...|--all [--json]\n"
	"\n"
	"Which addresses a tenant's domains have. An address that is not in its domain's list is\n"
	"refused (550 5.1.1); a domain without a list has its recipients asked for at the server\n"
	"behind. Changes count at once, whether the services run or not.\n"
	"\n"
	"  import   replaces the lists of the domains that occur in the file (- is standard\n"
	"           input): one address a line, or CSV with commas, semicolons or tabs, the address\n"
	"           in the first column or in the one named email, address, mail or recipient.\n"
	"           Blank lines and lines beginning with # are skipped. \"@example.org\" is the\n"
	"           catch-all, for tenants that want one (tenant set --catch-all).\n"
	"  export   writes the lists, one address a line\n"
	"  add      adds single addresses\n"
	"  remove   removes single addresses, or a domain's whole list\n"
	"  test     says what would be answered to RCPT for the address\n"
	"  list     shows the domains that have a list, their sizes and last imports\n"
	"  learned  list shows the addresses that are refused because their own server took mail for\n"
	"           them and then returned it (no such user), and until when: a day, then a week,\n"
	"           then four. forget takes that back, as do add, a newer list that has the address,\n"
	"           and mail that the address sends. tenant set --learn off ends it\n"
	"\n"
	"      --tenant NAME  whose\n"
	"      --domain D     import: only this domain, lines may be local parts alone;\n"
	"                     export, remove: only this domain's list\n"
	"      --dry-run      says what would change, and changes nothing\n"
	"      --force        also when more than a tenth of the stored addresses would go\n"
	"      --all          remove: the whole list of --domain; learned list: also what is not\n"
	"                     refused any more, but remembered; learned forget: all of the tenant\n"
	"      --json         one object a line\n"
	"  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done, or the address is known or asked for at the server behind; 1 it is\n"
	"unknown, or the change was refused; 2 usage; 3 the state cannot be read or written.\n";

struct job {
	struct cli_options options;
	struct config *config;
	struct db *state;
	struct tenants *tenants;
	const struct tenant *tenant;      /* of --tenant */
	const char *tenant_name, *domain; /* domain: canonical */
	bool dry_run, force, all;
	struct arena arena;
	/* import */
	struct recipient_reader reader;
	struct arena line; /* of one address */
	uint64_t bad;
	bool terminal, shown;
};

static int failed(const char *what, const char *why)
{
	cli_complain("%s%s%s", what, what[0] ? ": " : "", why);
	return CLI_CANNOT;
}

/* ---- import ------------------------------------------------------------------------------------------------------- */

/* The store knows A-labels only; nearly all domains are ASCII and pass as they are. */
static struct slice with_ascii_domain(struct job *j, struct slice address)
{
	size_t at = slice_find_last(address, '@');
	struct slice domain = slice_sub(address, at + 1, address.n);
	bool ascii = true;
	for (size_t i = 0; i < domain.n; i++) ascii &= (unsigned char)domain.p[i] < 0x80;
	if (ascii) return address;
	arena_reset(&j->line);
	struct slice canonical = domain_canonical(&j->line, domain);
	if (!canonical.p) return address;
	struct slice whole = arena_printf(&j->line, "%.*s@%.*s", (int)at, address.p, SLICE_ARG(canonical));
	return whole.p ? whole : address;
}

static int next_address(void *arg, struct slice *line, uint64_t *number)
{
	struct job *j = arg;
	int more = recipient_reader_next(&j->reader, line, number);
	if (more > 0) *line = with_ascii_domain(j, *line);
	return more;
}

static void end_progress(struct job *j)
{
	if (j->shown) fputs("\r\033[K", stderr);
	j->shown = false;
}

static void tell_bad(void *arg, uint64_t number, struct slice line, const char *why)
{
	struct job *j = arg;
	char text[100];
	if (++j->bad > BAD_SHOWN) return;
	end_progress(j);
	fprintf(stderr, "line %llu: %s: %s\n", (unsigned long long)number, format_safe(line, text, sizeof text), why);
}

static void tell_progress(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	struct job *j = arg;
	if (!j->terminal) return;
	if (total > done)
		fprintf(stderr, "\r\033[K%s %llu of %llu", phase, (unsigned long long)done, (unsigned long long)total);
	else
		fprintf(stderr, "\r\033[K%s %llu", phase, (unsigned long long)done);
	j->shown = true;
}

static void print_result(const struct job *j, const struct directory_result *r)
{
	if (j->options.json) {
		cli_print_json(json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:b}", "tenant", j->tenant->name,
		                         "dry_run", j->dry_run, "read", (json_int_t)r->read, "added",
		                         (json_int_t)r->added, "removed", (json_int_t)r->removed, "kept",
		                         (json_int_t)r->kept, "invalid", (json_int_t)r->invalid, "refused",
		                         r->refused));
		return;
	}
	printf("%s%s: %llu addresses read, %llu added, %llu removed, %llu kept, %llu bad lines\n",
	       j->dry_run   ? "dry run, nothing changed: "
	       : r->refused ? "refused, nothing changed: "
	                    : "",
	       j->tenant->name, (unsigned long long)r->read, (unsigned long long)r->added,
	       (unsigned long long)r->removed, (unsigned long long)r->kept, (unsigned long long)r->invalid);
}

static int import_status(struct job *j, const struct directory_result *r, enum error err, const char *name,
                         const char *why)
{
	if (j->bad > BAD_SHOWN) fprintf(stderr, "and %llu more\n", (unsigned long long)(j->bad - BAD_SHOWN));
	if (r->refused) {
		if (j->dry_run)
			cli_complain("it would be refused without --force: more than a tenth of what is stored would "
			             "be removed");
		else
			cli_complain("%s; nothing was changed. If that is meant, say --force", why);
		return CLI_NO;
	}
	if (err == ERR_IO && ferror(j->reader.file)) return failed(name, strerror(errno));
	if (err) return failed(err == ERR_INVALID ? "" : "import", why);
	if (r->read > 0 || j->domain) return CLI_DONE;
	cli_complain("%s: there is no good address in it; nothing was changed", name);
	return CLI_NO;
}

static int import_file(struct job *j, FILE *file, const char *name)
{
	struct directory_result r;
	char why[256];
	struct directory_import in = {.tenant = j->tenant,
	                              .domain = j->domain,
	                              .dry_run = j->dry_run,
	                              .force = j->force,
	                              .next = next_address,
	                              .bad = tell_bad,
	                              .progress = tell_progress,
	                              .arg = j};
	recipient_reader_init(&j->reader, file);
	arena_init(&j->line, 16 * 1024);
	j->terminal = isatty(STDERR_FILENO);
	enum error err = directory_import(j->state, &in, &r, why);
	end_progress(j);
	int status = import_status(j, &r, err, name, why);
	if (!err || r.refused) print_result(j, &r);
	arena_free(&j->line);
	recipient_reader_free(&j->reader);
	return status;
}

static int import(struct job *j, int argc, char **argv)
{
	bool input = strcmp(argv[0], "-") == 0;
	FILE *file = input ? stdin : fopen(argv[0], "re");
	if (!file) return failed(argv[0], strerror(errno));
	int status = import_file(j, file, input ? "standard input" : argv[0]);
	if (!input) fclose(file);
	return status;
}

/* ---- export and list ---------------------------------------------------------------------------------------------- */

static bool print_address(struct slice address, void *arg)
{
	const struct job *j = arg;
	if (j->options.json)
		cli_print_json(json_pack("{s:o}", "address", format_json(address)));
	else
		printf("%.*s\n", SLICE_ARG(address));
	return !ferror(stdout);
}

static int export_lists(struct job *j, int argc, char **argv)
{
	enum error err = directory_export(j->state, j->tenant, j->domain, print_address, j);
	return err ? failed("export", error_text(err)) : CLI_DONE;
}

struct domain_line {
	const struct job *job;
	const struct tenant *tenant;
};

static void print_domain(const char *domain, uint64_t count, int64_t imported, void *arg)
{
	const struct domain_line *l = arg;
	char time[FORMAT_TIME_SIZE];
	if (l->job->options.json)
		cli_print_json(json_pack("{s:s, s:s, s:I, s:o}", "tenant", l->tenant->name, "domain", domain,
		                         "addresses", (json_int_t)count, "imported", format_json_time(imported)));
	else
		printf("%-20s %-40s %10llu  %s\n", l->tenant->name, domain, (unsigned long long)count,
		       format_time(imported, time));
}

static int list(struct job *j, int argc, char **argv)
{
	size_t n = j->tenants ? tenants_count(j->tenants) : 0;
	if (!j->options.json) printf("%-20s %-40s %10s  %s\n", "TENANT", "DOMAIN", "ADDRESSES", "LAST IMPORT");
	for (size_t i = 0; i < n; i++) {
		struct domain_line l = {.job = j, .tenant = tenants_at(j->tenants, i)};
		if (j->tenant && j->tenant != l.tenant) continue;
		enum error err = directory_domains(j->state, l.tenant, print_domain, &l);
		if (err) return failed("the lists", error_text(err));
	}
	return CLI_DONE;
}

/* ---- single addresses --------------------------------------------------------------------------------------------- */

static int change_each(struct job *j, int argc, char **argv,
                       enum error (*change)(struct db *, const struct tenant *, struct slice, char why[256]))
{
	int status = CLI_DONE;
	arena_init(&j->line, 16 * 1024);
	for (int i = 0; i < argc; i++) {
		char why[256];
		enum error err = change(j->state, j->tenant, with_ascii_domain(j, slice_str(argv[i])), why);
		if (!err) continue;
		cli_complain("%s: %s", argv[i], why);
		bool no = err == ERR_EXISTS || err == ERR_NOT_FOUND || err == ERR_INVALID;
		if (status != CLI_CANNOT) status = no ? CLI_NO : CLI_CANNOT;
	}
	arena_free(&j->line);
	return status;
}

static int add(struct job *j, int argc, char **argv)
{
	return change_each(j, argc, argv, directory_add);
}

static int drop(struct job *j, int argc, char **argv)
{
	if (!j->all) return change_each(j, argc, argv, directory_remove);
	enum error err = directory_drop(j->state, j->tenant, j->domain);
	if (err && err != ERR_NOT_FOUND) return failed(j->domain, error_text(err));
	if (err) cli_complain("%s has no list", j->domain);
	return err ? CLI_NO : CLI_DONE;
}

static const char *const answers[] =
	{[DIRECTORY_KNOWN] = "known", [DIRECTORY_UNKNOWN] = "unknown", [DIRECTORY_ASK] = "ask"};
static const char *const meanings[] = {
	[DIRECTORY_KNOWN] = "accepted",
	[DIRECTORY_UNKNOWN] = "refused with 550 5.1.1, the address is not in the list",
	[DIRECTORY_ASK] = "the server behind is asked",
};

/* learned NULL: nothing that counts. */
static void print_answer(const struct job *j, const char *address, const struct tenant *t, struct slice domain,
                         enum directory_answer answer, const struct learned *learned)
{
	char text[300], words[LEARNED_WORDS + 1], last[FORMAT_TIME_SIZE], expires[FORMAT_TIME_SIZE];
	if (j->options.json)
		cli_print_json(json_pack("{s:o, s:s?, s:o, s:s, s:o}", "address", cli_json_text(address), "tenant",
		                         t ? t->name : NULL, "domain", format_json(domain), "answer",
		                         t && !learned ? answers[answer] : "unknown", "learned",
		                         learned ? recipients_learned_json(learned, clock_unix()) : json_null()));
	else if (learned)
		printf("%s: unknown (tenant %s): refused with 550 5.1.1 until %s: its server took mail for it and "
		       "returned it, last %s: %s\n",
		       format_safe(slice_str(address), text, sizeof text), t->name,
		       format_time(learned->expires, expires), format_time(learned->last, last),
		       format_safe(learned_words(learned), words, sizeof words));
	else if (t)
		printf("%s: %s (tenant %s): %s\n", format_safe(slice_str(address), text, sizeof text), answers[answer],
		       t->name, meanings[answer]);
	else
		printf("%s: unknown: refused with 550 5.7.1, %.*s is no tenant's domain\n",
		       format_safe(slice_str(address), text, sizeof text), SLICE_ARG(domain));
}

static bool is_learned(const struct job *j, const struct tenant *t, struct slice local, struct slice domain,
                       enum directory_answer answer, struct learned *out)
{
	struct learned_name name = {.tenant = t->id,
	                            .case_sensitive = t->case_sensitive,
	                            .domain = domain,
	                            .local = local};
	return t->learn && learned_dead(j->state, &name, answer == DIRECTORY_KNOWN, clock_unix(), out);
}

static int test(struct job *j, int argc, char **argv)
{
	struct address a;
	enum error err = ERR_OK;
	enum address_error wrong = address_parse(&j->arena, slice_str(argv[0]), true, &a);
	if (wrong) return cli_usage("%s: %s", argv[0], address_error_text(wrong));
	struct slice domain = a.literal ? a.domain : domain_canonical(&j->arena, a.domain);
	if (!domain.p) return cli_usage("%s: %s", argv[0], address_error_text(ADDRESS_BAD_DOMAIN));
	const struct tenant *t = j->tenants ? tenants_by_domain(j->tenants, domain) : NULL;
	enum directory_answer answer = t ? directory_lookup(j->state, t, a.local, domain, &err) : DIRECTORY_UNKNOWN;
	if (err) return failed("the lists", error_text(err));
	struct learned l;
	bool dead = answer != DIRECTORY_UNKNOWN && is_learned(j, t, a.local, domain, answer, &l);
	print_answer(j, argv[0], t, domain, answer, dead ? &l : NULL);
	return answer == DIRECTORY_UNKNOWN || dead ? CLI_NO : CLI_DONE;
}

/* ---- learned ------------------------------------------------------------------------------------------------------ */

static int learned(struct job *j, int argc, char **argv)
{
	if (strcmp(argv[0], "list") == 0)
		return recipients_learned_list(j->state, j->tenants, j->tenant, j->all, j->options.json, clock_unix());
	return recipients_learned_forget(j->state, j->tenant, j->all, j->options.json, argc - 1, argv + 1);
}

static int check_learned(const struct job *j, int argc, char **argv)
{
	bool list = strcmp(argv[0], "list") == 0;
	if (!list && strcmp(argv[0], "forget") != 0) return cli_usage("there is no learned %s", argv[0]);
	if (list) return argc > 1 ? cli_usage("too many words: %s", argv[1]) : 0;
	if (!j->tenant_name) return cli_usage("learned forget needs --tenant");
	if (j->all && argc > 1) return cli_usage("--all, or addresses");
	return j->all || argc > 1 ? 0 : cli_usage("learned forget needs an address, or --all");
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*run)(struct job *, int argc, char **argv);
	int least, most; /* operands */
	bool tenant, writes;
	const char *operand;
} verbs[] = {
	{"import", import, 1, 1, true, true, "a file (- for standard input)"},
	{"export", export_lists, 0, 0, true, false, ""},
	{"add", add, 1, INT32_MAX, true, true, "an address"},
	{"remove", drop, 1, INT32_MAX, true, true, "an address"},
	{"test", test, 1, 1, false, false, "an address"},
	{"list", list, 0, 0, false, false, ""},
	{"learned", learned, 1, INT32_MAX, false, true, "list or forget"},
};

static int no_tenant(const struct job *j)
{
	cli_complain("there is no tenant %s", j->tenant_name);
	return CLI_NO;
}

/* Without a state there is no tenant, so nothing to change; only test and list go on. */
static int open_all(struct job *j, const struct verb *v)
{
	char why[256];
	enum error err = cli_open_db(j->config, DB_STATE, v->writes && !j->dry_run ? 0 : DB_READ_ONLY, &j->state);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	if (!err && tenants_load(j->state, &j->tenants, why)) return failed("the tenants", why);
	if (!j->tenant_name) return CLI_DONE;
	j->tenant = j->tenants ? tenants_by_name(j->tenants, slice_str(j->tenant_name)) : NULL;
	return j->tenant ? CLI_DONE : no_tenant(j);
}

static int run_verb(struct job *j, const struct verb *v, int argc, char **argv)
{
	if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
	int status = open_all(j, v);
	if (!status) status = cli_finish(v->run(j, argc, argv));
	tenants_unref(j->tenants);
	db_close(j->state);
	config_unref(j->config);
	return status;
}

static int run(struct job *j, int argc, char **argv)
{
	if (argc < 1) return cli_usage("what shall be done? import, export, add, remove, test, list or learned");
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		const struct verb *v = &verbs[i];
		if (strcmp(argv[0], v->name) != 0) continue;
		bool whole = j->all && v->run == drop;
		bool of_learned = v->run == learned;
		if (j->all && !of_learned && (!whole || !j->domain))
			return cli_usage("--all goes with remove and --domain");
		if (argc - 1 < v->least && !whole) return cli_usage("%s needs %s", argv[0], v->operand);
		if (argc - 1 > (whole ? 0 : v->most)) return cli_usage("too many words: %s", argv[argc - 1]);
		if (v->tenant && !j->tenant_name) return cli_usage("%s needs --tenant", argv[0]);
		int status = of_learned ? check_learned(j, argc - 1, argv + 1) : 0;
		if (status) return status;
		return run_verb(j, v, argc - 1, argv + 1);
	}
	return cli_usage("there is no %s", argv[0]);
}

static int read_options(struct job *j, int argc, char **argv)
{
	enum { TENANT = 1000, DOMAIN, DRY_RUN, FORCE, ALL };
	static const struct option own[] = {{"tenant", required_argument, NULL, TENANT},
	                                    {"domain", required_argument, NULL, DOMAIN},
	                                    {"dry-run", no_argument, NULL, DRY_RUN},
	                                    {"force", no_argument, NULL, FORCE},
	                                    {"all", no_argument, NULL, ALL},
	                                    {0}};
	int option;
	while ((option = cli_getopt(&j->options, argc, argv, own)) != -1) switch (option) {
		case TENANT: j->tenant_name = optarg; break;
		case DOMAIN: {
			struct slice given = slice_str(optarg), canonical = domain_canonical(&j->arena, given);
			if (!domain_valid(given) || !canonical.p) return cli_usage("not a domain: %s", optarg);
			j->domain = arena_strdup(&j->arena, canonical);
			break;
		}
		case DRY_RUN: j->dry_run = true; break;
		case FORCE: j->force = true; break;
		case ALL: j->all = true; break;
		default: return j->options.status;
		}
	return run(j, argc - optind, argv + optind);
}

int cli_recipients(int argc, char **argv)
{
	struct job j = {0};
	arena_init(&j.arena, 64 * 1024);
	cli_begin(&j.options, argv[0], help);
	int status = read_options(&j, argc, argv);
	arena_free(&j.arena);
	return status;
}
