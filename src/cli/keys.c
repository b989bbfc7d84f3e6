/* SPDX-License-Identifier: Apache-2.0 */
/* backstop keys - what tenants and the relay sign with */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/signer.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/keys_show.h"
#include "mail/address.h"
#include "store/tenants.h"

#define WAIT     (24 * INT64_C(3600)) /* until a new DKIM key signs: time to publish it */
#define PEM_MOST (64 * 1024)
#define NAME_DNS 253 /* octets of a name in DNS */

static const char help[] =
	"Usage: backstop keys rotate --tenant NAME --dkim [--domain DOMAIN] [--selector S]\n"
	"                            [--algorithm rsa|ed25519] [--bits N] [--now] [--json]\n"
	"       backstop keys rotate --tenant NAME --tags [--json]\n"
	"       backstop keys rotate --srs [--json]\n"
	"       backstop keys import --tenant NAME --domain DOMAIN --selector S FILE [--json]\n"
	"       backstop keys show [--tenant NAME] [--json]\n"
	"       backstop keys remove --tenant NAME --domain DOMAIN --selector S\n"
	"       backstop keys remove --tenant NAME --tags --number N\n"
	"       backstop keys remove --srs --number N\n"
	"\n"
	"What mail is signed with: DKIM keys and return-path tags of tenants, and the relay's own\n"
	"secret for return paths that it rewrites (SRS) and for the stamps in its Received fields.\n"
	"Changes count at once, whether the services run or not. Secrets are never shown.\n"
	"\n"
	"rotate makes a new key, also the first. What the old one made stays good: tags for 14 days,\n"
	"rewritten return paths and stamps for 30. A new DKIM key is shown as the DNS record to\n"
	"publish, and signs 24 hours later; the old one signs until then and is to stay published\n"
	"for 30 days more. Its public part is kept after that: what it signed may still return, and is proof.\n"
	"import takes a key that is in use already; it signs at once, the one before it retires.\n"
	"show prints a piece of a zone file: the DKIM records to publish, and comments.\n"
	"remove forgets a key: what it made counts for nothing from then on. The key before it signs\n"
	"again, if there is one. To replace a key that became known to others use rotate --now first.\n"
	"\n"
	"      --tenant NAME      whose keys\n"
	"      --dkim             the DKIM key\n"
	"      --domain DOMAIN    of this domain; without it, of each domain of the tenant. Mail of\n"
	"                         domains below it that have no key is signed with it too\n"
	"      --selector S       its name in DNS; default: bs and the date\n"
	"      --algorithm NAME   rsa (default) or ed25519, which few verify yet\n"
	"      --bits N           of an RSA key, 1024 to 8192 (default 2048)\n"
	"      --now              the new key signs at once: only if its record can be published now\n"
	"      --tags             the key of return-path tags (see tenant --tags)\n"
	"      --srs              the relay's secret\n"
	"      --number N         which key, as show says\n"
	"      --json             one JSON object a line\n"
	"  -c, --config FILE      the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help             this text\n"
	"\n"
	"FILE is a private key in PEM, RSA or Ed25519; \"-\" is standard input.\n"
	"\n"
	"Exit status: 0 done; 1 there is no such tenant, domain or key, or it is there already;\n"
	"2 usage; 3 the state cannot be read or written.\n";

enum {
	OPTION_TENANT = 1,
	OPTION_DKIM,
	OPTION_DOMAIN,
	OPTION_SELECTOR,
	OPTION_ALGORITHM,
	OPTION_BITS,
	OPTION_NOW,
	OPTION_TAGS,
	OPTION_SRS,
	OPTION_NUMBER
};

static const struct option options[] = {
	{"tenant", required_argument, NULL, OPTION_TENANT},
	{"dkim", no_argument, NULL, OPTION_DKIM},
	{"domain", required_argument, NULL, OPTION_DOMAIN},
	{"selector", required_argument, NULL, OPTION_SELECTOR},
	{"algorithm", required_argument, NULL, OPTION_ALGORITHM},
	{"bits", required_argument, NULL, OPTION_BITS},
	{"now", no_argument, NULL, OPTION_NOW},
	{"tags", no_argument, NULL, OPTION_TAGS},
	{"srs", no_argument, NULL, OPTION_SRS},
	{"number", required_argument, NULL, OPTION_NUMBER},
	{NULL},
};

struct job {
	struct cli_options options;
	struct config *config;
	struct db *state;
	struct tenants *tenants;
	struct arena arena;
	int64_t now;
	/* as given */
	const char *tenant_name, *file;
	struct slice domain, selector; /* {NULL,0}: not given */
	bool dkim, tags, srs, at_once, has_number, has_algorithm;
	enum signing_kind algorithm;
	unsigned bits, number;
	/* found */
	const struct tenant *tenant; /* NULL: --srs, or all */
};

static int failed(enum error err, const char *what)
{
	cli_complain("%s: %s", what, error_text(err));
	return err == ERR_NOT_FOUND || err == ERR_EXISTS || err == ERR_BUSY ? CLI_NO : CLI_CANNOT;
}

/* ---- show --------------------------------------------------------------------------------------------------------- */

static void show_key(const struct job *j, const struct key *k)
{
	char unknown[24];
	const struct tenant *t = k->tenant == KEYS_RELAY ? NULL : tenants_by_id(j->tenants, k->tenant);
	snprintf(unknown, sizeof unknown, "#%u", k->tenant);
	const char *owner = k->tenant == KEYS_RELAY ? NULL : t ? t->name : unknown;
	if (j->options.json)
		cli_print_json(keys_show_json(k, owner, j->now));
	else
		keys_show(k, owner, j->now);
}

struct copies { /* of keys, to be shown when no transaction is open: whoever reads standard output may take its time */
	struct arena *arena;
	struct copy {
		struct copy *next;
		struct key key;
	} * first, **last;
};

static bool copy_one(const struct key *k, void *arg)
{
	struct copies *copies = arg;
	struct copy *c = ARENA_NEW(copies->arena, struct copy);
	if (!c) return false;
	c->key = *k;
	c->key.domain = arena_copy(copies->arena, k->domain);
	c->key.selector = arena_copy(copies->arena, k->selector);
	c->key.record = arena_copy(copies->arena, k->record);
	c->key.secret = SLICE_EMPTY;
	*copies->last = c;
	copies->last = &c->next;
	return true;
}

static int show(struct job *j)
{
	struct copies copies = {.arena = &j->arena, .last = &copies.first};
	if (!j->state) return CLI_DONE;
	enum error err = keys_each(j->state, j->tenant ? j->tenant->id : KEYS_ALL, copy_one, &copies);
	if (!err && arena_exhausted(&j->arena)) err = ERR_NO_MEMORY;
	if (err) return failed(err, "the keys");
	for (const struct copy *c = copies.first; c && !ferror(stdout); c = c->next) show_key(j, &c->key);
	return CLI_DONE;
}

/* ---- rotate ------------------------------------------------------------------------------------------------------- */

static int rotate_secret(struct job *j)
{
	uint8_t secret[KEYS_SECRET_SIZE];
	if (RAND_bytes(secret, sizeof secret) != 1) return failed(ERR_SYSTEM, "random octets");
	struct key k = {.tenant = j->srs ? KEYS_RELAY : j->tenant->id,
	                .kind = j->srs ? KEY_SRS : KEY_BATV,
	                .created = j->now,
	                .active_from = j->now,
	                .secret = slice_of(secret, sizeof secret)};
	enum error err = keys_rotate(j->state, &k, j->srs ? KEYS_SRS_LIFETIME : KEYS_TAG_LIFETIME);
	if (err == ERR_BUSY) {
		cli_complain(
			"tags of all ten keys are still on their way; the oldest is free 14 days after it was retired");
		return CLI_NO;
	}
	if (err) return failed(err, "the key");
	show_key(j, &k);
	return CLI_DONE;
}

struct name { /* is it taken? */
	struct slice domain, selector;
	bool taken;
};

static bool compare_name(const struct key *k, void *arg)
{
	struct name *n = arg;
	n->taken = k->kind == KEY_DKIM && slice_equal(k->domain, n->domain) && slice_equal(k->selector, n->selector);
	return !n->taken;
}

/* bs20261125, or the first of bs20261125b to z that is free. */
static enum error new_selector(struct job *j, struct slice domain, struct slice *out)
{
	struct tm tm;
	time_t now = (time_t)j->now;
	char date[24];
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "bs%Y%m%d", &tm);
	for (char letter = 'a'; letter <= 'z'; letter++) {
		struct name n = {.domain = domain};
		n.selector = letter == 'a' ? arena_copy(&j->arena, slice_str(date))
		                           : arena_printf(&j->arena, "%s%c", date, letter);
		if (!n.selector.p) return ERR_NO_MEMORY;
		enum error err = keys_each(j->state, j->tenant->id, compare_name, &n);
		if (err) return err;
		*out = n.selector;
		if (!n.taken) return ERR_OK;
	}
	return ERR_EXISTS;
}

static int store_dkim(struct job *j, const struct signing_key *s, struct slice domain, struct slice selector,
                      int64_t from)
{
	struct key k = {.tenant = j->tenant->id,
	                .kind = KEY_DKIM,
	                .domain = domain,
	                .selector = selector,
	                .created = j->now,
	                .active_from = from,
	                .secret = signing_key_pem(&j->arena, s),
	                .record = signing_key_record(&j->arena, s)};
	if (!k.secret.p || !k.record.p) return failed(ERR_NO_MEMORY, "the key");
	if (selector.n + domain.n + strlen("._domainkey.") > NAME_DNS)
		return cli_usage("%.*s._domainkey.%.*s is no name in DNS", SLICE_ARG(selector), SLICE_ARG(domain));
	enum error err = keys_rotate(j->state, &k, KEYS_DKIM_LIFETIME);
	if (err == ERR_EXISTS)
		cli_complain("%.*s has a key %.*s already", SLICE_ARG(domain), SLICE_ARG(selector));
	else if (err)
		return failed(err, "the key");
	if (err) return CLI_NO;
	show_key(j, &k);
	return CLI_DONE;
}

static int rotate_dkim(struct job *j, struct slice domain)
{
	struct signing_key *s;
	struct slice selector = j->selector;
	enum error err = selector.p ? ERR_OK : new_selector(j, domain, &selector);
	if (err) return failed(err, "a selector");
	err = signing_key_generate(j->algorithm, j->bits, &s);
	if (err) return failed(err, "the key");
	int status = store_dkim(j, s, domain, selector, j->at_once ? j->now : j->now + WAIT);
	signing_key_unref(s);
	return status;
}

static bool owned(const struct job *j)
{
	if (tenant_owns(j->tenant, j->domain)) return true;
	cli_complain("%.*s is no domain of tenant %s", SLICE_ARG(j->domain), j->tenant->name);
	return false;
}

static int rotate(struct job *j)
{
	int status = CLI_DONE;
	if (!j->dkim) return rotate_secret(j);
	if (j->domain.p) return owned(j) ? rotate_dkim(j, j->domain) : CLI_NO;
	for (size_t i = 0; !status && i < j->tenant->domain_count; i++)
		status = rotate_dkim(j, slice_str(j->tenant->domains[i].name));
	return status;
}

/* ---- import and remove -------------------------------------------------------------------------------------------- */

static int read_pem(struct job *j, struct slice *pem)
{
	bool standard = strcmp(j->file, "-") == 0;
	FILE *f = standard ? stdin : fopen(j->file, "re");
	char *text = arena_alloc(&j->arena, PEM_MOST + 1);
	size_t n = f && text ? fread(text, 1, PEM_MOST + 1, f) : 0;
	bool bad = !f || !text || ferror(f);
	int why = text ? errno : ENOMEM;
	if (f && !standard) fclose(f);
	*pem = slice_of(text, n);
	if (bad) {
		cli_complain("%s: %s", j->file, strerror(why));
		return CLI_CANNOT;
	}
	return n > PEM_MOST ? cli_usage("%s: more than %d octets", j->file, PEM_MOST) : 0;
}

static int import(struct job *j)
{
	struct signing_key *s;
	struct slice pem;
	char why[256];
	if (!owned(j)) return CLI_NO;
	int status = read_pem(j, &pem);
	if (status) return status;
	if (signing_key_load(pem, &s, why)) return cli_usage("%s: %s", j->file, why);
	status = store_dkim(j, s, j->domain, j->selector, j->now);
	signing_key_unref(s);
	return status;
}

static int drop(struct job *j)
{
	struct key name = {.tenant = j->srs ? KEYS_RELAY : j->tenant->id,
	                   .kind = j->srs    ? KEY_SRS
	                           : j->tags ? KEY_BATV
	                                     : KEY_DKIM,
	                   .number = j->number};
	if (name.kind == KEY_DKIM) {
		name.domain = j->domain;
		name.selector = j->selector;
	}
	enum error err = keys_remove(j->state, &name, j->now);
	if (err == ERR_NOT_FOUND) cli_complain("there is no such key");
	return err == ERR_NOT_FOUND ? CLI_NO : err ? failed(err, "the key") : CLI_DONE;
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

static int take_name(struct job *j, const char *argument, struct slice *out)
{
	struct slice canonical = domain_canonical(&j->arena, slice_str(argument));
	if (canonical.p) {
		*out = canonical;
		return 0;
	}
	return cli_usage(out == &j->domain ? "not a domain: %s" : "not a selector: %s", argument);
}

static int take_number(const char *option, const char *argument, uint64_t least, uint64_t most, unsigned *out)
{
	uint64_t n;
	if (!slice_to_u64(slice_str(argument), &n) || n < least || n > most)
		return cli_usage("%s %s: not %llu to %llu", option, argument, (unsigned long long)least,
		                 (unsigned long long)most);
	*out = (unsigned)n;
	return 0;
}

static int take(struct job *j, int option, const char *argument)
{
	switch (option) {
	case OPTION_TENANT: j->tenant_name = argument; return 0;
	case OPTION_DKIM: j->dkim = true; return 0;
	case OPTION_TAGS: j->tags = true; return 0;
	case OPTION_SRS: j->srs = true; return 0;
	case OPTION_NOW: j->at_once = true; return 0;
	case OPTION_DOMAIN: return take_name(j, argument, &j->domain);
	case OPTION_SELECTOR: return take_name(j, argument, &j->selector);
	case OPTION_BITS: return take_number("--bits", argument, 1024, 8192, &j->bits);
	case OPTION_NUMBER: j->has_number = true; return take_number("--number", argument, 0, UINT32_MAX, &j->number);
	default: break;
	}
	j->has_algorithm = true;
	j->algorithm = strcmp(argument, "ed25519") == 0 ? SIGNING_ED25519 : SIGNING_RSA;
	if (j->algorithm == SIGNING_RSA && strcmp(argument, "rsa") != 0)
		return cli_usage("--algorithm %s: rsa or ed25519", argument);
	return 0;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

static int check_rotate(const struct job *j)
{
	if (j->dkim + j->tags + j->srs != 1) return cli_usage("one of --dkim, --tags and --srs says what to rotate");
	if (!j->dkim && (j->domain.p || j->selector.p || j->has_algorithm || j->bits || j->at_once))
		return cli_usage("--domain, --selector, --algorithm, --bits and --now are for --dkim");
	if (j->bits && j->algorithm == SIGNING_ED25519) return cli_usage("--bits is for RSA keys");
	return j->has_number ? cli_usage("a new key gets its --number by itself") : 0;
}

static int check_import(const struct job *j)
{
	if (!j->domain.p || !j->selector.p) return cli_usage("a key to import needs its --domain and --selector");
	if (j->tags || j->srs || j->has_number || j->has_algorithm || j->bits || j->at_once)
		return cli_usage("import takes --tenant, --domain and --selector");
	return 0;
}

static int check_show(const struct job *j)
{
	if (j->dkim || j->tags || j->srs || j->has_number || j->domain.p || j->selector.p || j->has_algorithm ||
	    j->bits || j->at_once)
		return cli_usage("show takes --tenant");
	return 0;
}

static int check_remove(const struct job *j)
{
	bool named = j->domain.p && j->selector.p;
	if (j->has_algorithm || j->bits || j->at_once) return cli_usage("remove takes the name of a key");
	if (j->tags || j->srs) {
		if (j->tags + j->srs + j->dkim > 1 || j->domain.p || j->selector.p || !j->has_number)
			return cli_usage("--tags or --srs, and --number, say which key");
		return 0;
	}
	return named && !j->has_number ? 0 : cli_usage("--domain and --selector say which key");
}

static const struct verb {
	const char *name;
	int (*run)(struct job *);
	int (*check)(const struct job *);
	bool file, any_tenant; /* takes a FILE; --tenant may be absent */
} verbs[] = {
	{"rotate", rotate, check_rotate, false, false},
	{"import", import, check_import, true, false},
	{"show", show, check_show, false, true},
	{"remove", drop, check_remove, false, false},
};

static int find_tenant(struct job *j)
{
	char why[256];
	if (j->state && tenants_load(j->state, &j->tenants, why)) {
		cli_complain("the tenants: %s", why);
		return CLI_CANNOT;
	}
	if (!j->tenant_name) return 0;
	j->tenant = j->tenants ? tenants_by_name(j->tenants, slice_str(j->tenant_name)) : NULL;
	if (!j->tenant) cli_complain("there is no tenant %s", j->tenant_name);
	return j->tenant ? 0 : CLI_NO;
}

static int open_and_run(struct job *j, const struct verb *v)
{
	int status = CLI_DONE, flags = v->run == show ? DB_READ_ONLY : j->srs ? DB_CREATE : 0;
	if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
	enum error err = cli_open_db(j->config, DB_STATE, flags, &j->state);
	if (err && err != ERR_NOT_FOUND) status = CLI_CANNOT;
	if (!status) status = find_tenant(j);
	if (!status && !j->state && v->run != show)
		status = failed(ERR_NOT_FOUND, "the key"); /* nothing was stored yet */
	if (!status) status = v->run(j);
	status = cli_finish(status);
	tenants_unref(j->tenants);
	db_close(j->state);
	config_unref(j->config);
	return status;
}

static int run(struct job *j, int argc, char **argv)
{
	if (argc < 1) return cli_usage("what shall be done? rotate, import, show or remove");
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		const struct verb *v = &verbs[i];
		if (strcmp(argv[0], v->name) != 0) continue;
		if (argc < 1 + v->file) return cli_usage("%s needs a FILE", argv[0]);
		if (argc > 1 + v->file) return cli_usage("too many words: %s", argv[argc - 1]);
		if (j->srs && j->tenant_name) return cli_usage("--srs is the relay's, of no tenant");
		if (!j->srs && !j->tenant_name && !v->any_tenant) return cli_usage("%s needs a --tenant", argv[0]);
		int status = v->check(j);
		if (status) return status;
		j->file = v->file ? argv[1] : NULL;
		if (j->dkim && j->algorithm == SIGNING_RSA && !j->bits) j->bits = 2048;
		return open_and_run(j, v);
	}
	return cli_usage("there is no %s", argv[0]);
}

int cli_keys(int argc, char **argv)
{
	struct job j = {.now = clock_unix()};
	int option, status = 0;
	arena_init(&j.arena, 256 * 1024 * 1024);
	cli_begin(&j.options, argv[0], help);
	while (!status && (option = cli_getopt(&j.options, argc, argv, options)) != -1) {
		if (option == '?') {
			arena_free(&j.arena);
			return j.options.status;
		}
		status = take(&j, option, optarg);
	}
	if (!status) status = run(&j, argc - optind, argv + optind);
	arena_free(&j.arena);
	return status;
}
