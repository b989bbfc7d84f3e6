/* SPDX-License-Identifier: Apache-2.0 */
/* backstop ledger - what was known of messages that came or went */
#include <stdio.h>
#include <stdlib.h>

#include "auth/proof.h"
#include "auth/result.h"
#include "base/clock.h"
#include "bounce/class.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "mail/address.h"
#include "store/ledger.h"
#include "store/spool.h"
#include "store/tenants.h"

#define ARENA_MOST   (1u << 20)
#define LIMIT_PRESET 100
#define DAY          86400 /* no transaction lasts that long */

static const char help[] =
	"Usage: backstop ledger [--message-id ID | --return-path ADDRESS | --recipient ADDRESS]\n"
	"                       [--tenant NAME] [--since WHEN] [--limit N] [--json]\n"
	"       backstop ledger show ID [--json]\n"
	"\n"
	"What was known of each transaction when it ended: who sent it, how the return path proved\n"
	"itself, what class of message it was, to whom it went, what became of it. Newest first.\n"
	"Works whether the services run or not; a transaction is here a moment after its end, for\n"
	"ledger-lifetime.\n"
	"\n"
	"      --message-id ID        those with this Message-ID; <> around it may be left out\n"
	"      --return-path ADDRESS  those with this return path, as it came or as it was handed on\n"
	"      --recipient ADDRESS    those to this recipient (of one transaction 32 are remembered)\n"
	"      --tenant NAME          only this tenant's\n"
	"      --since WHEN           only from then on: Unix time, or 90s, 5m, 2h, 3d, 1w ago\n"
	"      --limit N              at most so many (default 100; 0: all)\n"
	"      --json                 one object a line\n"
	"  -c, --config FILE          the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help                 this text\n"
	"\n"
	"Exit status: 0 done; 1 there is none that was asked for; 2 usage; 3 the ledger cannot be\n"
	"read.\n";

typedef enum error search_fn(struct db *, uint32_t tenant, struct slice text, ledger_each_fn *, void *);

struct job {
	struct cli_options options;
	struct config *config;
	struct db *ledger;       /* NULL: there is none yet */
	struct tenants *tenants; /* NULL: none yet */
	const char *tenant;
	uint32_t tenant_id; /* 0: any */
	search_fn *search;  /* NULL: all */
	struct slice text;
	int64_t since;
	uint64_t limit, found;
};

static const char *tenant_name(const struct job *j, uint32_t id)
{
	const struct tenant *t = j->tenants && id ? tenants_by_id(j->tenants, id) : NULL;
	return t ? t->name : NULL;
}

/* ---- words -------------------------------------------------------------------------------------------------------- */

static const char *auth_word(uint8_t result)
{
	return result < AUTH_RESULT_COUNT ? auth_result_text((enum auth_result)result) : "unknown";
}

static const char *proof_word(uint8_t proof)
{
	return proof < PROOF_COUNT ? proof_text((enum proof)proof) : "unknown";
}

static const char *hex(const uint8_t digest[LEDGER_DIGEST], char out[2 * LEDGER_DIGEST + 1])
{
	for (size_t i = 0; i < LEDGER_DIGEST; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return out;
}

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

static json_t *text_or_null(struct slice s)
{
	return s.n ? format_json(s) : json_null();
}

static json_t *texts(const struct slice *s, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) json_array_append_new(list, format_json(s[i]));
	return list;
}

static const char *class_of(const struct ledger_passage *p)
{
	return p->class && p->class <= CLASS_COUNT ? class_word((enum bounce_class)(p->class - 1)) : NULL;
}

static void add_auth(json_t *o, const struct ledger_passage *p)
{
	json_object_set_new(o, "spf", json_string(auth_word(p->spf)));
	json_object_set_new(o, "dkim", json_string(auth_word(p->dkim)));
	json_object_set_new(o, "dmarc", json_string(auth_word(p->dmarc)));
	json_object_set_new(o, "arc", json_string(auth_word(p->arc)));
	json_object_set_new(o, "dkim_domains", texts(p->dkim_domains, p->dkim_domain_count));
	json_object_set_new(o, "proof", json_string(proof_word(p->proof)));
	json_object_set_new(o, "verified", json_boolean(p->proof != PROOF_none));
	json_object_set_new(o, "class", class_of(p) ? json_string(class_of(p)) : json_null());
}

static json_t *passage_json(const struct job *j, const struct ledger_passage *p)
{
	char id[SPOOL_ID_TEXT], ip[IP_TEXT_SIZE], digest[2 * LEDGER_DIGEST + 1];
	json_t *o = json_pack("{s:s, s:I, s:s, s:s?, s:s?, s:b}", "id", spool_id_text(p->id, id), "time",
	                      (json_int_t)p->time, "direction", p->outbound ? "out" : "in", "tenant",
	                      tenant_name(j, p->tenant), "client", p->client.family ? ip_text(&p->client, ip) : NULL,
	                      "authenticated", p->authenticated);
	if (!o) return NULL;
	json_object_set_new(o, "helo", text_or_null(p->helo));
	json_object_set_new(o, "return_path", format_json(p->return_path));
	json_object_set_new(o, "handed_on", text_or_null(p->handed_on));
	json_object_set_new(o, "recipients", texts(p->recipients, p->recipient_count));
	json_object_set_new(o, "recipient_count", json_integer(p->recipient_total));
	json_object_set_new(o, "message_id", text_or_null(p->message_id));
	json_object_set_new(o, "from_domain", text_or_null(p->from_domain));
	json_object_set_new(o, "authors", texts(p->authors, p->author_count));
	json_object_set_new(o, "result", json_string(ledger_result_text(p->result)));
	json_object_set_new(o, "reply_code", p->reply_code ? json_integer(p->reply_code) : json_null());
	json_object_set_new(o, "reason", text_or_null(p->reason));
	add_auth(o, p);
	json_object_set_new(o, "size", json_integer((json_int_t)p->size));
	json_object_set_new(o, "digest", p->has_digest ? json_string(hex(p->digest, digest)) : json_null());
	json_object_set_new(o, "server", text_or_null(p->server));
	return o;
}

/* ---- for a person ------------------------------------------------------------------------------------------------- */

static void print_line(const struct job *j, const struct ledger_passage *p)
{
	char id[SPOOL_ID_TEXT], time[FORMAT_TIME_SIZE], from[256], to[256], message_id[256], more[24] = "";
	const char *tenant = tenant_name(j, p->tenant);
	if (p->recipient_total > 1) snprintf(more, sizeof more, " +%u", p->recipient_total - 1);
	printf("%s %s %-3s %-9s %-6s %-12s <%s> -> <%s>%s %s\n", spool_id_text(p->id, id), format_time(p->time, time),
	       p->outbound ? "out" : "in", ledger_result_text(p->result), proof_word(p->proof), tenant ? tenant : "-",
	       format_safe(p->return_path, from, sizeof from),
	       p->recipient_count ? format_safe(p->recipients[0], to, sizeof to) : "", more,
	       p->message_id.n ? format_safe(p->message_id, message_id, sizeof message_id) : "-");
}

static void print_field(const char *name, const char *value)
{
	printf("%-14s %s\n", name, value);
}

static void print_text(const char *name, struct slice value)
{
	char text[1024];
	if (value.n) print_field(name, format_safe(value, text, sizeof text));
}

static void print_address(const char *name, struct slice value)
{
	char text[LEDGER_ADDRESS + 1];
	printf("%-14s <%s>\n", name, format_safe(value, text, sizeof text));
}

static void print_result(const struct ledger_passage *p)
{
	char reason[64];
	printf("%-14s %s", "result", ledger_result_text(p->result));
	if (p->reply_code) printf(", %u", p->reply_code);
	if (p->reason.n) printf(" %s", format_safe(p->reason, reason, sizeof reason));
	printf("\n%-14s %s\n", "proof",
	       p->proof == PROOF_none ? "none: the return path is not verified" : proof_word(p->proof));
	printf("%-14s spf=%s dkim=%s dmarc=%s arc=%s\n", "results", auth_word(p->spf), auth_word(p->dkim),
	       auth_word(p->dmarc), auth_word(p->arc));
	if (class_of(p)) printf("%-14s %s\n", "class", class_of(p));
	for (size_t i = 0; i < p->dkim_domain_count; i++) print_text("signed by", p->dkim_domains[i]);
}

static void print_passage(const struct job *j, const struct ledger_passage *p)
{
	char id[SPOOL_ID_TEXT], time[FORMAT_TIME_SIZE], ip[IP_TEXT_SIZE], digest[2 * LEDGER_DIGEST + 1];
	const char *tenant = tenant_name(j, p->tenant);
	print_field("id", spool_id_text(p->id, id));
	print_field("time", format_time(p->time, time));
	print_field("direction", p->outbound ? "out" : "in");
	print_field("tenant", tenant ? tenant : "-");
	printf("%-14s %s%s\n", "client", p->client.family ? ip_text(&p->client, ip) : "-",
	       p->authenticated ? ", authenticated" : "");
	print_text("HELO", p->helo);
	print_address("return path", p->return_path);
	if (p->handed_on.n) print_address("handed on as", p->handed_on);
	for (size_t i = 0; i < p->recipient_count; i++) print_address("recipient", p->recipients[i]);
	if (p->recipient_total > p->recipient_count)
		printf("%-14s %u more\n", "", p->recipient_total - p->recipient_count);
	for (size_t i = 0; i < p->author_count; i++) print_address("unproven author", p->authors[i]);
	print_text("Message-ID", p->message_id);
	print_text("From", p->from_domain);
	print_result(p);
	if (p->size) printf("%-14s %llu octets\n", "size", (unsigned long long)p->size);
	if (p->has_digest) print_field("body SHA-256", hex(p->digest, digest));
	print_text("server", p->server);
}

/* ---- finding ------------------------------------------------------------------------------------------------------ */

static int failed(enum error err)
{
	cli_complain("the ledger: %s", error_text(err));
	return CLI_CANNOT;
}

/* The id has the time of the beginning: from some point on all are older. */
static bool list_one(const struct ledger_passage *p, void *arg)
{
	struct job *j = arg;
	if ((int64_t)(p->id >> 20) / 1000 + DAY < j->since) return false;
	if (p->time < j->since || (j->tenant_id && p->tenant != j->tenant_id)) return true;
	j->found++;
	if (j->options.json)
		cli_print_json(passage_json(j, p));
	else
		print_line(j, p);
	return !ferror(stdout) && j->found != j->limit;
}

static enum error by_message_id(struct db *ledger, uint32_t tenant, struct slice text, ledger_each_fn *each, void *arg)
{
	return ledger_each_by_message_id(ledger, text, each, arg);
}

static enum error look(struct job *j)
{
	struct arena a;
	arena_init(&a, ARENA_MOST);
	struct slice text = j->search == by_message_id ? j->text : address_spelled(&a, j->text);
	enum error err = text.p ? j->search(j->ledger, j->tenant_id, text, list_one, j) : ERR_NO_MEMORY;
	arena_free(&a);
	return err;
}

static int list(struct job *j)
{
	enum error err = ERR_OK;
	if (j->ledger && j->search)
		err = look(j);
	else if (j->ledger)
		err = ledger_each(j->ledger, list_one, j);
	if (err == ERR_LIMIT) cli_complain("there are more than the newest %d, which are looked at", LEDGER_LOOKED);
	if (err && err != ERR_LIMIT) return failed(err);
	return j->search && !j->found ? CLI_NO : CLI_DONE;
}

static int show(struct job *j, const char *text)
{
	uint64_t id;
	struct arena a;
	struct ledger_passage p;
	if (!format_parse_id(text, &id)) return cli_usage("not the id of a transaction: %s", text);
	arena_init(&a, ARENA_MOST);
	enum error err = j->ledger ? ledger_get(j->ledger, id, &a, &p) : ERR_NOT_FOUND;
	if (!err && j->options.json) cli_print_json(passage_json(j, &p));
	if (!err && !j->options.json) print_passage(j, &p);
	arena_free(&a);
	if (err != ERR_NOT_FOUND) return err ? failed(err) : CLI_DONE;
	cli_complain("%s: there is no such transaction in the ledger", text);
	return CLI_NO;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

/* Names only make the output nicer: without them the ledger is shown all the same. */
static int open_all(struct job *j)
{
	struct db *state;
	char why[256];
	enum error err = cli_open_db(j->config, DB_LEDGER, DB_READ_ONLY, &j->ledger);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	err = cli_open_db(j->config, DB_STATE, DB_READ_ONLY, &state);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	if (!err && tenants_load(state, &j->tenants, why)) cli_complain("the tenants: %s", why);
	db_close(state);
	if (!j->tenant) return CLI_DONE;
	const struct tenant *t = j->tenants ? tenants_by_name(j->tenants, slice_str(j->tenant)) : NULL;
	if (t) j->tenant_id = t->id;
	if (!t) cli_complain("there is no tenant %s", j->tenant);
	return t ? CLI_DONE : CLI_NO;
}

static int run(struct job *j, int argc, char **argv)
{
	bool one = argc > 0 && strcmp(argv[0], "show") == 0;
	if (argc > 0 && !one) return cli_usage("there is no %s", argv[0]);
	if (one && argc != 2) return cli_usage("show needs the id of a transaction");
	if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
	int status = open_all(j);
	if (!status) status = cli_finish(one ? show(j, argv[1]) : list(j));
	tenants_unref(j->tenants);
	db_close(j->ledger);
	config_unref(j->config);
	return status;
}

/* Digits alone are Unix time, a span is as long ago. */
static bool parse_since(const char *text, int64_t *since)
{
	uint64_t n;
	int64_t span;
	if (slice_to_u64(slice_str(text), &n) && n <= INT64_MAX / 2) {
		*since = (int64_t)n;
		return true;
	}
	if (!format_parse_span(text, &span)) return false;
	*since = clock_unix() - span;
	return true;
}

/* What is looked for: one thing only. */
static bool look_for(struct job *j, search_fn *search, const char *text)
{
	bool first = !j->search;
	j->search = search;
	j->text = slice_trim(slice_str(text));
	if (j->text.n >= 2 && j->text.p[0] == '<' && j->text.p[j->text.n - 1] == '>')
		j->text = slice_sub(j->text, 1, j->text.n - 1);
	return first;
}

int cli_ledger(int argc, char **argv)
{
	enum { MESSAGE_ID = 1000, RETURN_PATH, RECIPIENT, TENANT, SINCE, LIMIT };
	static const struct option own[] = {{"message-id", required_argument, NULL, MESSAGE_ID},
	                                    {"return-path", required_argument, NULL, RETURN_PATH},
	                                    {"recipient", required_argument, NULL, RECIPIENT},
	                                    {"tenant", required_argument, NULL, TENANT},
	                                    {"since", required_argument, NULL, SINCE},
	                                    {"limit", required_argument, NULL, LIMIT},
	                                    {0}};
	struct job j = {.limit = LIMIT_PRESET};
	bool alone = true;
	int option;
	cli_begin(&j.options, argv[0], help);
	while ((option = cli_getopt(&j.options, argc, argv, own)) != -1) switch (option) {
		case MESSAGE_ID: alone &= look_for(&j, by_message_id, optarg); break;
		case RETURN_PATH: alone &= look_for(&j, ledger_each_by_return_path, optarg); break;
		case RECIPIENT: alone &= look_for(&j, ledger_each_by_recipient, optarg); break;
		case TENANT: j.tenant = optarg; break;
		case SINCE:
			if (!parse_since(optarg, &j.since)) return cli_usage("not a time: %s", optarg);
			break;
		case LIMIT:
			if (!slice_to_u64(slice_str(optarg), &j.limit)) return cli_usage("not a number: %s", optarg);
			break;
		default: return j.options.status;
		}
	if (!alone) return cli_usage("one of --message-id, --return-path and --recipient, not two");
	if (j.search && !j.text.n) return cli_usage("<> cannot be looked for");
	return run(&j, argc - optind, argv + optind);
}
