/* SPDX-License-Identifier: Apache-2.0 */
/* backstop evidence - the acts of backscatter that were observed */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/evidence.h"
#include "cli/format.h"
#include "cli/unit.h"

#define STRETCH    1000 /* acts in a read transaction */
#define TEXT_MOST  80
#define ARENA_MOST (8u << 20)

static const char help[] =
	"Usage: backstop evidence list [IP] [--json] [-c FILE]\n"
	"       backstop evidence add IP --class CLASS --target ADDRESS [--witness WITNESS]\n"
	"                             [--reporter NAME] [--time T] [FILE] [-c FILE]\n"
	"       backstop evidence add --batch [-c FILE]\n"
	"\n"
	"Acts of backscatter: who did what, to whom, when, and how it is known. The relay records them\n"
	"(traps, tags, the judge, customers' reports), and they can be added. The keeper weighs them\n"
	"into the list. The target is kept as a hash; a specimen is the header, redacted.\n"
	"\n"
	"  list   all, by address, or those of one address with their specimens\n"
	"  add    adds one; FILE is the message (\"-\": standard input), of which the redacted header\n"
	"         is kept\n"
	"\n"
	"      --class CLASS      bounce, autoreply, challenge, virus or callout\n"
	"      --target ADDRESS   to which address it was sent\n"
	"      --witness WITNESS  how it is known: trap, tag, judge, report or manual (the default)\n"
	"      --reporter NAME    who says so, when it was not seen here\n"
	"      --time T           when it was, Unix time (default: now)\n"
	"      --batch            reads lines {\"id\",\"ip\",\"class\",\"target\",\"witness\",\"reporter\",\n"
	"                         \"time\",\"specimen\"}, answers each {\"id\",\"added\":true} or\n"
	"                         {\"id\",\"error\"}\n"
	"      --json             one object a line: {\"id\",\"time\",\"last\",\"count\",\"ip\",\"class\",\n"
	"                         \"witness\",\"strength\",\"reporter\",\"target\",\"specimen\"}; what is the\n"
	"                         same on one day is one row with a count\n"
	"  -c, --config FILE      the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 done; 1 there is no evidence about IP; 2 usage; 3 the state cannot be read\n"
	"or written.\n";

struct job {
	struct cli_options options;
	struct config *config;
	struct evidence_given given;
	bool batch;
	bool specimens; /* print them */
	size_t printed; /* acts in this transaction */
	struct prefix last;
	bool more; /* the stretch ended before the table did */
};

static int failed(enum error err)
{
	cli_complain("%s", error_text(err));
	return CLI_CANNOT;
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

static void print_json(const struct act *a)
{
	char unit[UNIT_TEXT_SIZE], id[17], target[17];
	snprintf(id, sizeof id, "%016llx", (unsigned long long)a->id);
	snprintf(target, sizeof target, "%016llx", (unsigned long long)a->target);
	cli_print_json(json_pack("{ss sI sI sI ss ss ss si so ss so}", "id", id, "time", (json_int_t)a->time, "last",
	                         (json_int_t)a->last, "count", (json_int_t)a->count, "ip", unit_text(&a->unit, unit),
	                         "class", act_class_name(a->class), "witness", witnessed_name(a->witness), "strength",
	                         (int)a->strength, "reporter", cli_json_slice(a->reporter), "target", target,
	                         "specimen", cli_json_slice(a->specimen)));
}

static void print_text(const struct job *j, const struct act *a)
{
	char unit[UNIT_TEXT_SIZE], time[FORMAT_TIME_SIZE], text[TEXT_MOST];
	printf("%s  %-20s  %-9s  %-7s  %3u%%  %6u  %016llx  %s\n", format_time(a->time, time),
	       unit_text(&a->unit, unit), act_class_name(a->class), witnessed_name(a->witness), a->strength, a->count,
	       (unsigned long long)a->target, format_safe(a->reporter, text, sizeof text));
	for (struct slice rest = j->specimens ? a->specimen : SLICE_EMPTY; rest.n;)
		printf("    %s\n", format_safe(slice_split(&rest, '\n'), text, sizeof text));
}

/* Stops between two addresses, when the transaction has lasted long enough. */
static bool print(const struct act *a, void *arg)
{
	struct job *j = arg;
	if (j->printed >= STRETCH && !ip_equal(&a->unit.ip, &j->last.ip)) {
		j->more = true;
		return false;
	}
	j->printed++;
	j->last = a->unit;
	if (j->options.json)
		print_json(a);
	else
		print_text(j, a);
	return !ferror(stdout);
}

static enum error print_all(struct job *j, struct db *state, const struct prefix *unit)
{
	struct db_txn *t;
	enum error err;
	size_t printed = 0;
	do {
		struct prefix after = j->last;
		j->printed = 0;
		j->more = false;
		err = db_begin_read(state, &t);
		if (err) break;
		err = unit ? acts_each_of(t, unit, print, j) : acts_each_after(t, &after, print, j);
		db_end_read(t);
		printed += j->printed;
	} while (!err && j->more);
	j->printed = printed;
	return err;
}

static int list(struct job *j, int argc, char **argv)
{
	struct db *state;
	struct prefix unit;
	if (argc > 1) return cli_usage("too many words: %s", argv[1]);
	if (argc && !unit_parse(slice_str(argv[0]), &unit))
		return cli_usage("not an IPv4 address, IPv6 address or IPv6 /64: %s", argv[0]);
	enum error err = cli_open_db(j->config, DB_STATE, DB_READ_ONLY, &state);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	if (!j->options.json)
		printf("%-20s  %-20s  %-9s  %-7s  %4s  %6s  %-16s  %s\n", "TIME", "ADDRESS", "CLASS", "WITNESS", "SURE",
		       "COUNT", "TARGET", "REPORTER");
	j->specimens = argc == 1;
	err = err ? ERR_OK : print_all(j, state, argc ? &unit : NULL);
	db_close(state);
	if (err) return failed(err);
	if (!argc || j->printed) return CLI_DONE;
	cli_complain("there is no evidence about %s", argv[0]);
	return CLI_NO;
}

/* ---- add --------------------------------------------------------------------------------------------------------- */

static bool read_specimen(struct arena *a, const char *path, struct slice *out)
{
	char *room = arena_alloc(a, EVIDENCE_MESSAGE);
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!room || !f) {
		cli_complain("%s: %s", path, error_text(room ? ERR_NOT_FOUND : ERR_NO_MEMORY));
		return false;
	}
	*out = slice_of(room, fread(room, 1, EVIDENCE_MESSAGE, f));
	bool good = !ferror(f);
	if (f != stdin) fclose(f);
	if (!good) cli_complain("%s: cannot be read", path);
	return good;
}

static int add_one(struct job *j, struct db *state, struct arena *a)
{
	char why[EVIDENCE_WHY];
	struct act act;
	if (!evidence_make(a, state, &j->given, &act, why)) return cli_usage("%s", why);
	enum error err = acts_add(state, &act, 1);
	if (err) return failed(err);
	if (j->options.json) cli_print_json(json_pack("{sb}", "added", 1));
	return CLI_DONE;
}

static int add(struct job *j, int argc, char **argv)
{
	struct db *state;
	struct arena a;
	if (j->batch && argc) return cli_usage("--batch reads standard input: %s is too much", argv[0]);
	if (!j->batch && !argc) return cli_usage("add needs an IP address");
	if (argc > 2) return cli_usage("too many words: %s", argv[2]);
	arena_init(&a, ARENA_MOST);
	int status = CLI_CANNOT;
	j->given.ip = argc ? argv[0] : NULL;
	bool read = argc < 2 || read_specimen(&a, argv[1], &j->given.specimen);
	if (read && !cli_open_db(j->config, DB_STATE, DB_CREATE, &state)) {
		status = j->batch ? evidence_batch(state) : add_one(j, state, &a);
		db_close(state);
	}
	arena_free(&a);
	return status;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int run(struct job *j, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct job *, int argc, char **argv);
	} verbs[] = {{"list", list}, {"add", add}};
	if (argc < 1) return cli_usage("what shall be done? list or add");
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0) continue;
		if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
		int status = cli_finish(verbs[i].run(j, argc - 1, argv + 1));
		config_unref(j->config);
		return status;
	}
	return cli_usage("there is no %s", argv[0]);
}

int cli_evidence(int argc, char **argv)
{
	enum { CLASS = 1000, TARGET, WITNESS, REPORTER, TIME, BATCH };
	static const struct option own[] = {{"class", required_argument, NULL, CLASS},
	                                    {"target", required_argument, NULL, TARGET},
	                                    {"witness", required_argument, NULL, WITNESS},
	                                    {"reporter", required_argument, NULL, REPORTER},
	                                    {"time", required_argument, NULL, TIME},
	                                    {"batch", no_argument, NULL, BATCH},
	                                    {0}};
	struct job j = {.given = {.specimen = SLICE_EMPTY}};
	int option;
	uint64_t time;
	cli_begin(&j.options, argv[0], help);
	while ((option = cli_getopt(&j.options, argc, argv, own)) != -1) switch (option) {
		case CLASS: j.given.class = optarg; break;
		case TARGET: j.given.target = optarg; break;
		case WITNESS: j.given.witness = optarg; break;
		case REPORTER: j.given.reporter = optarg; break;
		case BATCH: j.batch = true; break;
		case TIME:
			if (!slice_to_u64(slice_str(optarg), &time) || time == 0 || time > INT32_MAX * 2ull)
				return cli_usage("--time is a Unix time, not %s", optarg);
			j.given.time = (int64_t)time;
			break;
		default: return j.options.status;
		}
	return run(&j, argc - optind, argv + optind);
}
