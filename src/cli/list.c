/* SPDX-License-Identifier: Apache-2.0 */
/* backstop list - the addresses that the operator listed by hand */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "store/listings.h"

#define REASON_MOST 255

static const char help[] =
	"Usage: backstop list add IP [--reason TEXT] [--expires SPAN] [-c FILE]\n"
	"       backstop list remove IP [-c FILE]\n"
	"       backstop list show [IP] [--json] [-c FILE]\n"
	"\n"
	"The local list: an IPv4 address, or the /64 of an IPv6 address. Mail from a listed address\n"
	"with a null or postmaster return path (a bounce) is refused, with the reason; ordinary\n"
	"mail is not touched. A change counts at once, whether the services run or not.\n"
	"\n"
	"  add      lists the address, or changes its reason and expiry\n"
	"  remove   takes it off the list\n"
	"  show     shows the whole list, or whether the address is on it\n"
	"\n"
	"      --reason TEXT  one line, shown to the refused sender; at most 255 octets\n"
	"      --expires SPAN off the list by itself after 90s, 30m, 12h, 30d, 4w; default: never\n"
	"      --json         one object a line: {\"unit\", \"reason\", \"created\", \"expires\"}\n"
	"  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done, or listed; 1 not listed; 2 usage; 3 the state cannot be read or\n"
	"written.\n";

struct job {
	struct cli_options options;
	struct config *config;
	const char *reason;
	int64_t expires; /* seconds from now; 0: never */
	struct ip ip;
	int64_t now;
};

/* An address, or the unit as `list show` writes it: 192.0.2.1/32, 2001:db8:0:1::/64. */
static bool parse_unit(const char *text, struct ip *ip)
{
	struct prefix p;
	if (prefix_parse(slice_str(text), &p)) return false;
	struct prefix unit = ip_unit(&p.ip);
	bool whole = p.length == (p.ip.family == AF_INET ? 32 : 128);
	if (!whole && p.length != unit.length) return false;
	*ip = unit.ip;
	return true;
}

static const char *unit_text(const struct prefix *unit, char out[IP_TEXT_SIZE + 4])
{
	char ip[IP_TEXT_SIZE];
	snprintf(out, IP_TEXT_SIZE + 4, unit->ip.family == AF_INET ? "%s" : "%s/%u", ip_text(&unit->ip, ip),
	         unit->length);
	return out;
}

static void print_listing(const struct job *j, const struct listing *l)
{
	char unit[IP_TEXT_SIZE + 4], created[FORMAT_TIME_SIZE], expires[FORMAT_TIME_SIZE], reason[REASON_MOST + 1];
	unit_text(&l->unit, unit);
	if (j->options.json) {
		cli_print_json(json_pack("{s:s, s:o, s:o, s:o}", "unit", unit, "reason", format_json(l->reason),
		                         "created", format_json_time(l->created), "expires",
		                         format_json_time(l->expires)));
		return;
	}
	printf("%-43s  %s  %-20s  %s\n", unit, format_time(l->created, created),
	       l->expires ? format_time(l->expires, expires) : "never", format_safe(l->reason, reason, sizeof reason));
}

static void print_head(const struct job *j)
{
	if (!j->options.json) printf("%-43s  %-20s  %-20s  %s\n", "ADDRESS", "SINCE", "UNTIL", "REASON");
}

/* What has expired is still stored and no longer on the list. */
static bool print_current(const struct listing *l, void *arg)
{
	const struct job *j = arg;
	if (l->expires == 0 || l->expires > j->now) print_listing(j, l);
	return !ferror(stdout);
}

static int failed(enum error err)
{
	cli_complain("%s", error_text(err));
	return CLI_CANNOT;
}

static int show(struct job *j, const char *ip)
{
	struct db *state;
	struct listing l;
	char reason[256];
	int status = CLI_DONE;
	enum error err = cli_open_db(j->config, DB_STATE, DB_READ_ONLY, &state);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	bool listed = !err && ip && listings_lookup(state, &j->ip, j->now, &l, reason);
	if (!ip || listed) print_head(j);
	if (listed) {
		print_listing(j, &l);
	} else if (ip) {
		cli_complain("%s is not listed", ip);
		status = CLI_NO;
	} else if (!err && (err = listings_each(state, print_current, j))) {
		status = failed(err);
	}
	db_close(state);
	return status;
}

static int add(struct job *j, const char *ip)
{
	struct db *state;
	struct listing l = {.unit = ip_unit(&j->ip),
	                    .flags = LISTING_MANUAL,
	                    .created = j->now,
	                    .expires = j->expires ? j->now + j->expires : 0,
	                    .reason = slice_str(j->reason)};
	if (cli_open_db(j->config, DB_STATE, DB_CREATE, &state)) return CLI_CANNOT;
	enum error err = listings_add(state, &l);
	db_close(state);
	if (err) return failed(err);
	print_head(j);
	print_listing(j, &l);
	return CLI_DONE;
}

static int drop(struct job *j, const char *ip)
{
	struct db *state;
	enum error err = cli_open_db(j->config, DB_STATE, 0, &state);
	if (!err)
		err = listings_remove(state, &j->ip);
	else if (err != ERR_NOT_FOUND)
		return CLI_CANNOT;
	db_close(state);
	if (err == ERR_NOT_FOUND) {
		cli_complain("%s is not listed", ip);
		return CLI_NO;
	}
	return err ? failed(err) : CLI_DONE;
}

static const struct {
	const char *name;
	int (*run)(struct job *, const char *ip);
	int least, most; /* operands */
} verbs[] = {{"add", add, 1, 1}, {"remove", drop, 1, 1}, {"show", show, 0, 1}};

static bool is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f) return false;
	return true;
}

static int run(struct job *j, int argc, char **argv)
{
	if (argc < 1) return cli_usage("what shall be done? add, remove or show");
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0) continue;
		if (argc - 1 < verbs[i].least) return cli_usage("%s needs an IP address", argv[0]);
		if (argc - 1 > verbs[i].most) return cli_usage("too many words: %s", argv[verbs[i].most + 1]);
		if (argc > 1 && !parse_unit(argv[1], &j->ip))
			return cli_usage("not an IPv4 address, IPv6 address or IPv6 /64: %s", argv[1]);
		if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
		int status = cli_finish(verbs[i].run(j, argc > 1 ? argv[1] : NULL));
		config_unref(j->config);
		return status;
	}
	if (strcmp(argv[0], "exempt") == 0) return cli_not_supported("list exempt");
	return cli_usage("there is no %s", argv[0]);
}

int cli_list(int argc, char **argv)
{
	enum { REASON = 1000, EXPIRES };
	static const struct option own[] = {{"reason", required_argument, NULL, REASON},
	                                    {"expires", required_argument, NULL, EXPIRES},
	                                    {0}};
	struct job j = {.reason = "", .now = clock_unix()};
	int option;
	cli_begin(&j.options, argv[0], help);
	while ((option = cli_getopt(&j.options, argc, argv, own)) != -1) switch (option) {
		case REASON:
			if (strlen(optarg) > REASON_MOST || !is_line(optarg))
				return cli_usage("--reason is one line of at most 255 octets");
			j.reason = optarg;
			break;
		case EXPIRES:
			if (!format_parse_span(optarg, &j.expires))
				return cli_usage("--expires is a span such as 12h or 30d, not %s", optarg);
			break;
		default: return j.options.status;
		}
	return run(&j, argc - optind, argv + optind);
}
