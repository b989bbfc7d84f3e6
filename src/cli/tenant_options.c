/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tenant_options.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/password.h"
#include "mail/address.h"

#define SMTP_PORT  25
#define PREFERENCE 10 /* step between routes that do not say theirs */

/* ---- lists -------------------------------------------------------------------------------------------------------- */

/* Room for one more item, zeroed; NULL without memory. */
static void *more(struct tenant_options *o, struct tenant_words *w, size_t size)
{
	if (w->count == w->room) {
		size_t room = w->room ? w->room * 2 : 8;
		char *items = arena_zalloc(o->arena, room * size);
		if (!items) return NULL;
		if (w->count) memcpy(items, w->items, w->count * size);
		w->items = items;
		w->room = room;
	}
	return (char *)w->items + size * w->count++;
}

static bool is_none(struct tenant_words *w, const char *value)
{
	w->given = true;
	return strcmp(value, "none") == 0;
}

static int no_memory(void)
{
	cli_complain("%s", error_text(ERR_NO_MEMORY));
	return CLI_CANNOT;
}

static const char *canonical(struct tenant_options *o, const char *domain)
{
	struct slice c = domain_canonical(o->arena, slice_str(domain));
	return c.p ? arena_strdup(o->arena, c) : NULL;
}

static int take_domain(struct tenant_options *o, const char *value)
{
	if (is_none(&o->domains, value)) return 0;
	bool subdomains = value[0] == '.';
	const char *name = canonical(o, value + subdomains);
	if (!name) return cli_usage("not a domain: %s", value);
	struct tenant_domain *d = more(o, &o->domains, sizeof *d);
	if (!d) return no_memory();
	*d = (struct tenant_domain){.name = name, .subdomains = subdomains};
	return 0;
}

/* "HOST:PORT", "HOST", "[2001:db8::1]:25"; text has no preference any more. */
static bool parse_host(struct tenant_options *o, struct slice text, struct tenant_downstream *d)
{
	struct endpoint e;
	char ip[IP_TEXT_SIZE];
	if (endpoint_parse(text, SMTP_PORT, &e)) {
		*d = (struct tenant_downstream){.port = e.port, .is_ip = true, .ip = e.ip};
		d->host = arena_strdup(o->arena, slice_str(ip_text(&e.ip, ip)));
		return d->host && e.port > 0;
	}
	uint64_t port = SMTP_PORT;
	size_t colon = slice_find_last(text, ':');
	if (colon < text.n && !slice_to_u64(slice_sub(text, colon + 1, text.n), &port)) return false;
	struct slice host = domain_canonical(o->arena, slice_sub(text, 0, colon));
	*d = (struct tenant_downstream){.port = (uint16_t)port};
	d->host = host.p ? arena_strdup(o->arena, host) : NULL;
	return d->host && port > 0 && port <= UINT16_MAX;
}

static int take_route(struct tenant_options *o, const char *value)
{
	struct slice text = slice_str(value);
	uint64_t preference = PREFERENCE * (o->downstreams.count + 1);
	if (is_none(&o->downstreams, value)) return 0;
	size_t at = slice_find_last(text, '@');
	struct tenant_downstream d;
	if ((at < text.n && !slice_to_u64(slice_sub(text, at + 1, text.n), &preference)) || preference > UINT16_MAX ||
	    !parse_host(o, slice_sub(text, 0, at), &d))
		return cli_usage("not a mail server, HOST:PORT or HOST:PORT@PREFERENCE: %s", value);
	d.preference = (uint16_t)preference;
	struct tenant_downstream *to = more(o, &o->downstreams, sizeof *to);
	if (!to) return no_memory();
	*to = d;
	return 0;
}

static int take_from(struct tenant_options *o, const char *value)
{
	struct prefix p;
	if (is_none(&o->from, value)) return 0;
	enum error err = prefix_parse(slice_str(value), &p);
	if (err == ERR_INVALID) return cli_usage("%s has bits set behind its prefix", value);
	if (err) return cli_usage("not an address or network: %s", value);
	struct prefix *to = more(o, &o->from, sizeof *to);
	if (!to) return no_memory();
	*to = p;
	return 0;
}

/* As `openssl x509 -fingerprint -sha256` prints it, too: upper case, with colons. */
static int take_certificate(struct tenant_options *o, const char *value)
{
	char hex[64 + 2]; /* one more than is right, and NUL */
	size_t n = 0;
	if (is_none(&o->certificates, value)) return 0;
	for (const char *c = value; *c && n < sizeof hex - 1; c++)
		if (*c != ':') hex[n++] = *c >= 'A' && *c <= 'F' ? (char)(*c + ('a' - 'A')) : *c;
	hex[n] = '\0';
	if (n != 64 || strspn(hex, "0123456789abcdef") < 64)
		return cli_usage("not the SHA-256 fingerprint of a certificate: %s", value);
	const char **to = more(o, &o->certificates, sizeof *to);
	if (!to || !(*to = arena_strdup(o->arena, slice_of(hex, 64)))) return no_memory();
	return 0;
}

static const char *hash_of(struct tenant_options *o, const char *password)
{
	char *hash = password_hash(password);
	const char *copy = hash ? arena_strdup(o->arena, slice_str(hash)) : NULL;
	free(hash);
	return copy;
}

/* NAME is left without a hash for now: whether a password must be read is only known when all else is right. */
static int take_user(struct tenant_options *o, const char *value)
{
	struct slice rest = slice_str(value);
	if (is_none(&o->users, value)) return 0;
	struct slice name = slice_split(&rest, ':');
	if (name.n == 0) return cli_usage("a user needs a name: %s", value);
	struct tenant_user *u = more(o, &o->users, sizeof *u);
	if (!u || !(u->name = arena_strdup(o->arena, name))) return no_memory();
	if (!rest.p) return 0;
	if (rest.n == 0) return cli_usage("user %s: the password is empty", u->name);
	/* A plain password is not refused, but it can be seen in the list of processes and in the shell's history. */
	u->password_hash = password_is_hash(rest.p) ? arena_strdup(o->arena, rest) : hash_of(o, rest.p);
	return u->password_hash ? 0 : no_memory();
}

/* "joe@example.org" or "@example.org", the domain made canonical; NULL: neither, having complained. */
static const char *mailbox_of(struct tenant_options *o, const char *value, bool local_needed)
{
	struct slice text = slice_str(value);
	size_t at = slice_find_last(text, '@');
	struct slice domain = at < text.n ? domain_canonical(o->arena, slice_sub(text, at + 1, text.n)) : SLICE_EMPTY;
	if (!domain.n || (local_needed && at == 0)) {
		cli_usage("not an address: %s", value);
		return NULL;
	}
	struct slice whole = arena_printf(o->arena, "%.*s@%.*s", (int)at, value, SLICE_ARG(domain));
	const char *copy = whole.p ? arena_strdup(o->arena, whole) : NULL;
	if (!copy) no_memory();
	return copy;
}

static int take_tag_exception(struct tenant_options *o, const char *value)
{
	if (is_none(&o->tag_exceptions, value)) return 0;
	const char *mailbox = mailbox_of(o, value, false);
	if (!mailbox) return CLI_USAGE;
	const char **to = more(o, &o->tag_exceptions, sizeof *to);
	if (!to) return no_memory();
	*to = mailbox;
	return 0;
}

static int take_digest(struct tenant_options *o, const char *value)
{
	o->digest = true;
	o->t.digest = strcmp(value, "none") == 0 ? "" : mailbox_of(o, value, true);
	return o->t.digest ? 0 : CLI_USAGE;
}

/* ---- scalars ------------------------------------------------------------------------------------------------------ */

static int choice(const char *option, const char *value, const char *const *names, int *out)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(value, names[i]) == 0) {
			*out = i;
			return 0;
		}
	return cli_usage("--%s has no value %s", option, value);
}

static int take_ask(struct tenant_options *o, const char *value)
{
	static const char *const names[] = {[ASK_AT_RCPT] = "rcpt", [ASK_AT_DATA] = "data", NULL};
	int i = 0, status = choice("ask", value, names, &i);
	o->ask = true;
	o->t.ask = (enum tenant_ask)i;
	return status;
}

static int take_directory(struct tenant_options *o, const char *value)
{
	static const char *const names[] = {[DIRECTORY_COMPLETE] = "complete", [DIRECTORY_PARTIAL] = "partial", NULL};
	int i = 0, status = choice("directory", value, names, &i);
	o->directory = true;
	o->t.directory = (enum tenant_directory)i;
	return status;
}

static int take_tls(struct tenant_options *o, const char *value)
{
	static const char *const names[] =
		{[TENANT_TLS_MAY] = "may", [TENANT_TLS_NEVER] = "never", [TENANT_TLS_REQUIRE] = "require", NULL};
	int i = 0, status = choice("tls", value, names, &i);
	o->tls = true;
	o->t.tls = (enum tenant_tls)i;
	return status;
}

static int take_dmarc(struct tenant_options *o, const char *value)
{
	static const char *const names[] = {[TENANT_DMARC_MARK] = "mark",
	                                    [TENANT_DMARC_ENFORCE] = "enforce",
	                                    [TENANT_DMARC_IGNORE] = "ignore",
	                                    NULL};
	int i = 0, status = choice("dmarc", value, names, &i);
	o->dmarc = true;
	o->t.dmarc = (enum tenant_dmarc)i;
	return status;
}

static int take_backscatter(struct tenant_options *o, const char *value)
{
	static const char *const names[] =
		{[TENANT_BACKSCATTER_REFUSE] = "refuse", [TENANT_BACKSCATTER_TAG] = "tag", NULL};
	int i = 0, status = choice("backscatter", value, names, &i);
	o->backscatter = true;
	o->t.backscatter = (enum tenant_backscatter)i;
	return status;
}

static int take_unproven(struct tenant_options *o, const char *value)
{
	static const char *const names[] =
		{[TENANT_UNPROVEN_HOLD] = "hold", [TENANT_UNPROVEN_DISCARD] = "discard", NULL};
	int i = 0, status = choice("unproven", value, names, &i);
	o->unproven = true;
	o->t.unproven = (enum tenant_unproven)i;
	return status;
}

static int take_tags(struct tenant_options *o, const char *value)
{
	static const char *const names[] = {
		[TENANT_TAGS_OFF] = "off", [TENANT_TAGS_PRVS] = "prvs", [TENANT_TAGS_SUBADDRESS] = "sub-address", NULL};
	int i = 0, status = choice("tags", value, names, &i);
	o->tags = true;
	o->t.tags = (enum tenant_tags)i;
	return status;
}

static int take_tag_check(struct tenant_options *o, const char *value)
{
	static const char *const names[] =
		{[TENANT_CHECK_LEARN] = "learn", [TENANT_CHECK_REFUSE] = "refuse", [TENANT_CHECK_OFF] = "off", NULL};
	int i = 0, status = choice("tag-check", value, names, &i);
	o->tag_check = true;
	o->t.tag_check = (enum tenant_tag_check)i;
	return status;
}

static int take_plus(struct tenant_options *o, const char *value)
{
	bool none = strcmp(value, "none") == 0;
	if (!none && strlen(value) != 1) return cli_usage("--plus is one character or none, not %s", value);
	o->plus = true;
	o->t.plus = none ? '\0' : value[0];
	return 0;
}

static int flag(bool *given, bool *to, bool value)
{
	*given = true;
	*to = value;
	return 0;
}

static int take_case_sensitive(struct tenant_options *o, const char *value)
{
	return flag(&o->case_sensitive, &o->t.case_sensitive, true);
}

static int take_case_sensitive_no(struct tenant_options *o, const char *value)
{
	return flag(&o->case_sensitive, &o->t.case_sensitive, false);
}

static int take_catch_all(struct tenant_options *o, const char *value)
{
	return flag(&o->catch_all, &o->t.catch_all, true);
}

static int take_catch_all_no(struct tenant_options *o, const char *value)
{
	return flag(&o->catch_all, &o->t.catch_all, false);
}

static int take_contain(struct tenant_options *o, const char *value)
{
	return flag(&o->contain, &o->t.contain, true);
}

static int take_contain_no(struct tenant_options *o, const char *value)
{
	return flag(&o->contain, &o->t.contain, false);
}

static int take_spool(struct tenant_options *o, const char *value)
{
	return flag(&o->spool, &o->t.spool, true);
}

static int take_spool_no(struct tenant_options *o, const char *value)
{
	return flag(&o->spool, &o->t.spool, false);
}

static int take_sign(struct tenant_options *o, const char *value)
{
	return flag(&o->sign, &o->t.sign, true);
}

static int take_sign_no(struct tenant_options *o, const char *value)
{
	return flag(&o->sign, &o->t.sign, false);
}

static int take_learn(struct tenant_options *o, const char *value)
{
	static const char *const names[] = {"off", "on", NULL};
	int i = 0, status = choice("learn", value, names, &i);
	o->learn = true;
	o->t.learn = i;
	return status;
}

static int take_enable(struct tenant_options *o, const char *value)
{
	return flag(&o->enabled, &o->t.enabled, true);
}

static int take_disable(struct tenant_options *o, const char *value)
{
	return flag(&o->enabled, &o->t.enabled, false);
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *argument;
	int (*take)(struct tenant_options *, const char *value);
	const char *help;
} table[] = {
#define X(name, argument, take, help) {name, argument, take_##take, help},
	TENANT_OPTION_TABLE(X)
#undef X
};
_Static_assert(sizeof table / sizeof *table == TENANT_OPTION_COUNT, "TENANT_OPTION_COUNT counts the table");

const struct option *tenant_options_getopt(void)
{
	static struct option options[TENANT_OPTION_COUNT + 1];
	for (int i = 0; i < TENANT_OPTION_COUNT; i++)
		options[i] = (struct option){.name = table[i].name,
		                             .has_arg = table[i].argument ? required_argument : no_argument,
		                             .val = TENANT_OPTION_FIRST + i};
	return options;
}

const char *tenant_options_help(void)
{
	static char text[4096];
	size_t n = 0;
	for (int i = 0; i < TENANT_OPTION_COUNT; i++) {
		char left[48];
		snprintf(left, sizeof left, "--%s %s", table[i].name, table[i].argument ? table[i].argument : "");
		n += (size_t)snprintf(text + n, sizeof text - n, "      %-29s %s\n", left, table[i].help);
		assert(n < sizeof text);
	}
	return text;
}

void tenant_options_init(struct tenant_options *o, struct arena *arena)
{
	*o = (struct tenant_options){.arena = arena};
}

int tenant_options_take(struct tenant_options *o, int option, const char *value)
{
	size_t i = (size_t)(option - TENANT_OPTION_FIRST);
	assert(i < TENANT_OPTION_COUNT);
	o->any = true;
	return table[i].take(o, value);
}

struct tenant tenant_options_defaults(const char *name)
{
	return (struct tenant){.name = name, .plus = '+', .spool = true, .sign = true, .learn = true, .enabled = true};
}

static int read_passwords(struct tenant_options *o)
{
	struct tenant_user *users = o->users.items;
	for (size_t i = 0; i < o->users.count; i++) {
		if (users[i].password_hash) continue;
		char *password = password_read(users[i].name);
		if (!password) return CLI_USAGE;
		users[i].password_hash = hash_of(o, password);
		explicit_bzero(password, strlen(password));
		free(password);
		if (!users[i].password_hash) return no_memory();
	}
	return 0;
}

/* The time of learning begins when tags are turned on, not when their form changes. */
static void apply_proof(const struct tenant_options *o, struct tenant *t, int64_t now)
{
	if (o->tags && o->t.tags == TENANT_TAGS_OFF) t->tags_since = 0;
	if (o->tags && o->t.tags != TENANT_TAGS_OFF && t->tags == TENANT_TAGS_OFF) t->tags_since = now;
	if (o->tags) t->tags = o->t.tags;
	if (o->tag_check) t->tag_check = o->t.tag_check;
	if (o->dmarc) t->dmarc = o->t.dmarc;
	if (o->backscatter) t->backscatter = o->t.backscatter;
	if (o->contain) t->contain = o->t.contain;
	if (o->spool) t->spool = o->t.spool;
	if (o->sign && o->t.sign && !t->sign) t->sign_since = now;
	if (o->sign) t->sign = o->t.sign;
	if (o->unproven) t->unproven = o->t.unproven;
	if (o->learn) t->learn = o->t.learn;
	if (o->digest) t->digest = o->t.digest;
}

int tenant_options_apply(struct tenant_options *o, struct tenant *t, int64_t now)
{
	int status = read_passwords(o);
	if (status) return status;
#define LIST(words, field)                                                                                             \
	if (o->words.given) {                                                                                          \
		t->field##s = o->words.items;                                                                          \
		t->field##_count = o->words.count;                                                                     \
	}
	LIST(domains, domain)
	LIST(downstreams, downstream)
	LIST(certificates, certificate)
	LIST(users, user)
	LIST(tag_exceptions, tag_exception)
#undef LIST
	if (o->from.given) {
		t->from = o->from.items;
		t->from_count = o->from.count;
	}
	if (o->ask) t->ask = o->t.ask;
	if (o->directory) t->directory = o->t.directory;
	if (o->plus) t->plus = o->t.plus;
	if (o->case_sensitive) t->case_sensitive = o->t.case_sensitive;
	if (o->catch_all) t->catch_all = o->t.catch_all;
	if (o->tls) t->tls = o->t.tls;
	if (o->enabled) t->enabled = o->t.enabled;
	apply_proof(o, t, now);
	return 0;
}
