/* SPDX-License-Identifier: Apache-2.0 */
/* backstop keeper --once - weighs all evidence, as of any time, without a service */
#include <stdio.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "cli/list_view.h"
#include "cli/unit.h"
#include "list/round.h"
#include "store/listings.h"

static const char help[] =
	"Usage: backstop keeper [-c FILE]\n"
	"       backstop keeper --once [--dry-run] [--now T] [--json] [-c FILE]\n"
	"\n"
	"Weighs evidence into listings, and lets them decay. Without --once it is the service, alone,\n"
	"in the foreground (backstop help run).\n"
	"\n"
	"      --once     weighs everything once, says what changes, and ends; works whether the\n"
	"                 service runs or not\n"
	"      --dry-run  changes nothing: what would be listed by this configuration?\n"
	"      --now T    as of this Unix time: later acts do not count (default: now)\n"
	"      --json     one object a line: {\"change\", ...}, the rest as of list show --json\n"
	"  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit status: 0 done, 2 usage, 3 the state cannot be read or written.\n";

struct job {
	struct cli_options options;
	int64_t now;
	bool once, dry;
	uint64_t weighed, expired;
};

static const char *const kinds[] = {
#define X(name) #name,
	ROUND_CHANGE_TABLE(X)
#undef X
};

static void print_change(const struct job *j, const struct round_change *c)
{
	char unit[UNIT_TEXT_SIZE], until[FORMAT_TIME_SIZE];
	if (j->options.json) {
		json_t *o = list_view_weighed_json(&c->row);
		json_object_set_new(o, "change", json_string(kinds[c->kind]));
		cli_print_json(o);
		return;
	}
	printf("%-8s  %-24s  %s; ", kinds[c->kind], unit_text(&c->row.unit, unit), c->reason);
	if (c->row.listed)
		printf("%s; until %s\n", grade_sentence(c->row.grade), format_time(c->row.expires, until));
	else
		printf("%s\n", weighed_as_sentence(c->row.as));
}

static void print_round(struct job *j, const struct round *r)
{
	for (size_t i = 0; i < r->changed; i++) print_change(j, &r->changes[i]);
	j->weighed += r->taken - r->expired;
	j->expired += r->expired;
}

static enum error weigh_all(struct job *j, struct round *r)
{
	struct prefix at = {0};
	enum error err;
	do {
		err = round_all(r, &at, false, j->dry);
		if (!err) print_round(j, r);
	} while (!err && at.ip.family);
	/* What is due, and the queue: all of it was just weighed, so only listings by hand change. */
	while (!err && !j->dry && !(err = round_work(r)) && r->taken) print_round(j, r);
	return err;
}

static int run(struct job *j, const struct config *c)
{
	static struct round r;
	struct assess_rules rules = assess_rules_of(c);
	struct db *state;
	enum error err = cli_open_db(c, DB_STATE, j->dry ? DB_READ_ONLY : 0, &state);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	if (!err) {
		r = (struct round){.state = state, .rules = &rules, .now = j->now};
		if (!j->dry) err = listings_upgrade(state);
		if (!err) err = weigh_all(j, &r);
		db_close(state);
		if (err) {
			cli_complain("%s", error_text(err));
			return CLI_CANNOT;
		}
	}
	if (!j->options.json)
		printf("%llu addresses weighed, %llu listings by hand expired%s\n", (unsigned long long)j->weighed,
		       (unsigned long long)j->expired, j->dry ? "; nothing was changed" : "");
	return CLI_DONE;
}

int cli_keeper(int argc, char **argv)
{
	enum { ONCE = 1000, DRY, NOW };
	static const struct option own[] = {{"once", no_argument, NULL, ONCE},
	                                    {"dry-run", no_argument, NULL, DRY},
	                                    {"now", required_argument, NULL, NOW},
	                                    {0}};
	struct job j = {.now = clock_unix()};
	struct config *config;
	uint64_t now;
	int option;
	cli_begin(&j.options, argv[0], help);
	while ((option = cli_getopt(&j.options, argc, argv, own)) != -1) switch (option) {
		case ONCE: j.once = true; break;
		case DRY: j.dry = true; break;
		case NOW:
			if (!slice_to_u64(slice_str(optarg), &now) || now > UINT32_MAX)
				return cli_usage("--now is a Unix time, not %s", optarg);
			j.now = (int64_t)now;
			break;
		default: return j.options.status;
		}
	if (optind < argc) return cli_usage("unexpected operand %s", argv[optind]);
	if (!j.once) return cli_usage("--dry-run, --now and --json go with --once");
	if (cli_open_config(&j.options, &config)) return CLI_CANNOT;
	int status = cli_finish(run(&j, config));
	config_unref(config);
	return status;
}
