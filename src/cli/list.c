/* SPDX-License-Identifier: Apache-2.0 */
/* backstop list - who is on the list, why, and what its operator changes by hand */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "cli/list_exempt.h"
#include "cli/list_import.h"
#include "cli/list_view.h"
#include "cli/unit.h"

#define REASON_MOST 255

static const char help[] =
	"Usage: backstop list show [IP] [--evidence] [--json] [-c FILE]\n"
	"       backstop list add IP [--reason TEXT] [--expires SPAN] [-c FILE]\n"
	"       backstop list import FILE|- [--reason TEXT] [--expires SPAN] [-c FILE]\n"
	"       backstop list remove IP [--force] [-c FILE]\n"
	"       backstop list exempt [add|remove] PREFIX [--reason TEXT] [-c FILE]\n"
	"       backstop list exempt list [--json] [-c FILE]\n"
	"\n"
	"The list: IPv4 addresses, and /64s of IPv6 addresses, that send backscatter. The keeper lists\n"
	"by evidence, the operator by hand. Mail from a listed address with a null or postmaster\n"
	"return path (a bounce) is refused, with the reason; ordinary mail is not touched. A\n"
	"change counts at once, whether the services run or not.\n"
	"\n"
	"  show     the whole list; or, of one address, whether it is listed, why or why not, its\n"
	"           grade, when it expires, and the evidence it stands on\n"
	"  add      lists the address by hand, or changes its reason and expiry\n"
	"  import   the same for many: a line is an address and, after blanks, a reason, or an object\n"
	"           of show --json; # begins a comment\n"
	"  remove   takes it off. What the keeper listed is removed on request: it is off now, what was\n"
	"           seen before does not count again, and half as much new evidence lists it. The\n"
	"           second removal is granted a day after the first, the next a week later, then four\n"
	"  exempt   what is within the prefix is never listed by the keeper\n"
	"\n"
	"      --reason TEXT  one line, shown to the refused sender; at most 255 octets\n"
	"      --expires SPAN off the list by itself after 90s, 30m, 12h, 30d, 4w; default: never\n"
	"      --evidence     with show IP: the specimens too; with --json: each act\n"
	"      --force        removes although it was asked for too often\n"
	"      --now T        Unix time to take for now\n"
	"      --json         one object a line: {\"unit\", \"by\", \"reason\", \"created\", \"expires\"} and, of\n"
	"                     the keeper's, {\"listed\", \"why\", \"classes\", \"grade\", \"safe_mode_only\",\n"
	"                     \"events\", \"targets\", \"days\", \"exposure\", \"first_seen\", \"last_seen\",\n"
	"                     \"times\", \"removals\", \"removed\"}; show IP adds \"hand\", \"keeper\", \"exempt\"\n"
	"  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done, or listed; 1 not listed, not removed yet, or a line was bad; 2 usage;\n"
	"3 the state cannot be read or written.\n";

enum { REASON = 1000, EXPIRES, EVIDENCE, FORCE, NOW };

struct job {
	struct cli_options options;
	struct config *config;
	const char *reason;
	int64_t expires; /* seconds from now; 0: never */
	struct prefix unit;
	int64_t now;
	bool evidence, force;
};

static int failed(enum error err)
{
	cli_complain("%s", error_text(err));
	return CLI_CANNOT;
}

static int not_listed(const char *ip)
{
	cli_complain("%s is not listed", ip);
	return CLI_NO;
}

static struct list_view view_of(const struct job *j)
{
	return (struct list_view){.options = &j->options, .config = j->config, .now = j->now, .evidence = j->evidence};
}

static int show(struct job *j, int argc, char **argv)
{
	struct list_view v = view_of(j);
	struct db *state;
	bool listed = false;
	enum error err = cli_open_db(j->config, DB_STATE, DB_READ_ONLY, &state);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	if (!argc) list_view_head(&v);
	if (err && argc && j->options.json) list_view_nothing(&j->unit);
	if (!err) err = argc ? list_view_unit(&v, state, &j->unit, &listed) : list_view_all(&v, state);
	db_close(state);
	if (err && err != ERR_NOT_FOUND) return failed(err);
	return argc && !listed ? not_listed(argv[0]) : CLI_DONE;
}

static int add(struct job *j, int argc, char **argv)
{
	struct list_view v = view_of(j);
	struct db *state;
	struct listing l = {.unit = j->unit,
	                    .flags = LISTING_MANUAL,
	                    .created = j->now,
	                    .expires = j->expires ? j->now + j->expires : 0,
	                    .reason = slice_str(j->reason)};
	if (cli_open_db(j->config, DB_STATE, DB_CREATE, &state)) return CLI_CANNOT;
	enum error err = listings_add(state, &l);
	db_close(state);
	if (err) return failed(err);
	list_view_head(&v);
	list_view_listing(&v, &l);
	return CLI_DONE;
}

static int import(struct job *j, int argc, char **argv)
{
	struct list_import how = {.reason = j->reason,
	                          .now = j->now,
	                          .expires = j->expires ? j->now + j->expires : 0,
	                          .json = j->options.json};
	return list_import(&how, j->config, argv[0]);
}

static int refuse_removal(const char *ip, int64_t again)
{
	char when[FORMAT_TIME_SIZE];
	cli_complain("%s was removed on request before and went on: it can be removed again from %s (or with --force)",
	             ip, format_time(again, when));
	return CLI_NO;
}

static int drop_from(struct job *j, struct db *state, const char *ip)
{
	int64_t again;
	enum error manual = listings_remove(state, &j->unit.ip);
	if (manual && manual != ERR_NOT_FOUND) return failed(manual);
	enum error weighed = weighed_remove(state, &j->unit.ip, j->now, j->force, &again);
	if (weighed == ERR_BUSY) return refuse_removal(ip, again);
	if (weighed && weighed != ERR_NOT_FOUND) return failed(weighed);
	if (manual && weighed) return not_listed(ip);
	if (j->options.json)
		cli_print_json(json_pack("{s:s, s:b, s:b}", "unit", ip, "hand", !manual, "keeper", !weighed));
	return CLI_DONE;
}

static int drop(struct job *j, int argc, char **argv)
{
	struct db *state;
	enum error err = cli_open_db(j->config, DB_STATE, 0, &state);
	if (err == ERR_NOT_FOUND) return not_listed(argv[0]);
	if (err) return CLI_CANNOT;
	int status = drop_from(j, state, argv[0]);
	db_close(state);
	return status;
}

static int exempt(struct job *j, int argc, char **argv)
{
	return list_exempt(&j->options, j->config, j->reason, j->now, argc, argv);
}

static const struct verb {
	const char *name;
	int (*run)(struct job *, int argc, char **argv);
	int least, most; /* operands */
	bool unit;       /* the first is an address */
} verbs[] = {
	{"add", add, 1, 1, true},        {"import", import, 1, 1, false}, {"remove", drop, 1, 1, true},
	{"exempt", exempt, 0, 2, false}, {"show", show, 0, 1, true},
};

static bool is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f) return false;
	return true;
}

static int check_words(struct job *j, const struct verb *v, int argc, char **argv)
{
	if (argc < v->least) return cli_usage("%s needs %s", v->name, v->unit ? "an IP address" : "a file");
	if (argc > v->most) return cli_usage("too many words: %s", argv[v->most]);
	if (argc && v->unit && !unit_parse(slice_str(argv[0]), &j->unit))
		return cli_usage("not an IPv4 address, IPv6 address or IPv6 /64: %s", argv[0]);
	if (j->evidence && (v->run != show || argc == 0)) return cli_usage("--evidence goes with show IP");
	if (j->force && v->run != drop) return cli_usage("--force goes with remove");
	return CLI_DONE;
}

static int run(struct job *j, int argc, char **argv)
{
	if (argc < 1) return cli_usage("what shall be done? show, add, import, remove or exempt");
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0) continue;
		int status = check_words(j, &verbs[i], argc - 1, argv + 1);
		if (status) return status;
		if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
		status = cli_finish(verbs[i].run(j, argc - 1, argv + 1));
		config_unref(j->config);
		return status;
	}
	return cli_usage("there is no %s", argv[0]);
}

static int take_option(struct job *j, int option)
{
	uint64_t now;
	switch (option) {
	case REASON:
		if (strlen(optarg) > REASON_MOST || !is_line(optarg))
			return cli_usage("--reason is one line of at most 255 octets");
		j->reason = optarg;
		return CLI_DONE;
	case EXPIRES:
		if (!format_parse_span(optarg, &j->expires))
			return cli_usage("--expires is a span such as 12h or 30d, not %s", optarg);
		return CLI_DONE;
	case EVIDENCE: j->evidence = true; return CLI_DONE;
	case FORCE: j->force = true; return CLI_DONE;
	default:
		if (!slice_to_u64(slice_str(optarg), &now) || now > UINT32_MAX)
			return cli_usage("--now is a Unix time, not %s", optarg);
		j->now = (int64_t)now;
		return CLI_DONE;
	}
}

int cli_list(int argc, char **argv)
{
	static const struct option own[] = {{"reason", required_argument, NULL, REASON},
	                                    {"expires", required_argument, NULL, EXPIRES},
	                                    {"evidence", no_argument, NULL, EVIDENCE},
	                                    {"force", no_argument, NULL, FORCE},
	                                    {"now", required_argument, NULL, NOW},
	                                    {0}};
	struct job j = {.reason = "", .now = clock_unix()};
	int option, status;
	cli_begin(&j.options, argv[0], help);
	while ((option = cli_getopt(&j.options, argc, argv, own)) != -1) {
		if (option == '?') return j.options.status;
		if ((status = take_option(&j, option))) return status;
	}
	return run(&j, argc - optind, argv + optind);
}
