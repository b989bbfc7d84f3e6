/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tenants_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
static const char *const ask_names[] = {[ASK_AT_RCPT] = "rcpt", [ASK_AT_DATA] = "data"};
static const char *const directory_names[] = {[DIRECTORY_COMPLETE] = "complete", [DIRECTORY_PARTIAL] = "partial"};
static const char *const tls_names[] = {
	[TENANT_TLS_MAY] = "may", [TENANT_TLS_NEVER] = "never", [TENANT_TLS_REQUIRE] = "require"};
static const char *const dmarc_names[] = {
	[TENANT_DMARC_MARK] = "mark", [TENANT_DMARC_ENFORCE] = "enforce", [TENANT_DMARC_IGNORE] = "ignore"};
static const char *const backscatter_names[] = {
	[TENANT_BACKSCATTER_REFUSE] = "refuse", [TENANT_BACKSCATTER_TAG] = "tag"};
static const char *const unproven_names[] = {
	[TENANT_UNPROVEN_HOLD] = "hold", [TENANT_UNPROVEN_DISCARD] = "discard"};
static const char *const tags_names[] = {
	[TENANT_TAGS_OFF] = "off", [TENANT_TAGS_PRVS] = "prvs", [TENANT_TAGS_SUBADDRESS] = "sub-address"};
static const char *const check_names[] = {
	[TENANT_CHECK_LEARN] = "learn", [TENANT_CHECK_REFUSE] = "refuse", [TENANT_CHECK_OFF] = "off"};
/* clang-format on */
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- writing ------------------------------------------------------------------------------------------------------ */

/* json_array_append_new and json_object_set_new take NULL for an error and the sticky *ok collects them. */
static void append(json_t *array, json_t *value, bool *ok)
{
	if (json_array_append_new(array, value)) *ok = false;
}

static void set(json_t *object, const char *name, json_t *value, bool *ok)
{
	if (json_object_set_new(object, name, value)) *ok = false;
}

static json_t *domains_json(const struct tenant *t, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < t->domain_count; i++) {
		const struct tenant_domain *d = &t->domains[i];
		append(array, json_sprintf("%s%s", d->subdomains ? "." : "", d->name), ok);
	}
	return array;
}

static json_t *downstreams_json(const struct tenant *t, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < t->downstream_count; i++) {
		const struct tenant_downstream *d = &t->downstreams[i];
		append(array,
		       json_pack("{s:s, s:i, s:i}", "host", d->host, "port", (int)d->port, "preference",
		                 (int)d->preference),
		       ok);
	}
	return array;
}

static json_t *from_json(const struct tenant *t, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < t->from_count; i++) {
		char text[IP_TEXT_SIZE];
		append(array, json_sprintf("%s/%u", ip_text(&t->from[i].ip, text), t->from[i].length), ok);
	}
	return array;
}

static json_t *certificates_json(const struct tenant *t, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < t->certificate_count; i++) append(array, json_string(t->certificates[i]), ok);
	return array;
}

static json_t *exceptions_json(const struct tenant *t, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < t->tag_exception_count; i++) append(array, json_string(t->tag_exceptions[i]), ok);
	return array;
}

static void set_proof(json_t *o, const struct tenant *t, bool *ok)
{
	set(o, "dmarc", json_string(dmarc_names[t->dmarc]), ok);
	set(o, "backscatter", json_string(backscatter_names[t->backscatter]), ok);
	set(o, "tags", json_string(tags_names[t->tags]), ok);
	set(o, "tags_since", json_integer(t->tags_since), ok);
	set(o, "tag_check", json_string(check_names[t->tag_check]), ok);
	set(o, "tag_exceptions", exceptions_json(t, ok), ok);
	set(o, "contain", json_boolean(t->contain), ok);
	set(o, "spool", json_boolean(t->spool), ok);
	set(o, "sign", json_boolean(t->sign), ok);
	set(o, "sign_since", json_integer(t->sign_since), ok);
	set(o, "unproven", json_string(unproven_names[t->unproven]), ok);
	set(o, "learn", json_boolean(t->learn), ok);
	if (t->digest) set(o, "digest", json_string(t->digest), ok);
}

static json_t *users_json(const struct tenant *t, bool secret, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < t->user_count; i++) {
		const struct tenant_user *u = &t->users[i];
		append(array,
		       secret ? json_pack("{s:s, s:s}", "name", u->name, "password", u->password_hash)
		              : json_string(u->name),
		       ok);
	}
	return array;
}

static json_t *to_json(const struct tenant *t, bool secret)
{
	bool ok = true;
	json_t *o = json_object();
	char plus[2] = {t->plus, '\0'};
	if (!secret) set(o, "id", json_integer(t->id), &ok);
	set(o, "name", json_string(t->name), &ok);
	set(o, "domains", domains_json(t, &ok), &ok);
	set(o, "downstreams", downstreams_json(t, &ok), &ok);
	set(o, "from", from_json(t, &ok), &ok);
	set(o, "certificates", certificates_json(t, &ok), &ok);
	set(o, "users", users_json(t, secret, &ok), &ok);
	set(o, "ask", json_string(ask_names[t->ask]), &ok);
	set(o, "directory", json_string(directory_names[t->directory]), &ok);
	set(o, "plus", json_string(plus), &ok);
	set(o, "case_sensitive", json_boolean(t->case_sensitive), &ok);
	set(o, "catch_all", json_boolean(t->catch_all), &ok);
	set(o, "tls", json_string(tls_names[t->tls]), &ok);
	set_proof(o, t, &ok);
	set(o, "enabled", json_boolean(t->enabled), &ok);
	if (ok) return o;
	json_decref(o);
	return NULL;
}

static char *dump(json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

char *tenant_encode(const struct tenant *t)
{
	return dump(to_json(t, true));
}

char *tenant_json(const struct tenant *t)
{
	return dump(to_json(t, false));
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

struct decoder {
	struct arena *arena;
	bool corrupt;
};

static const char *copy_text(struct decoder *d, const json_t *value)
{
	if (!json_is_string(value)) {
		d->corrupt = true;
		return "";
	}
	const char *copy = arena_strdup(d->arena, slice_str(json_string_value(value)));
	return copy ? copy : "";
}

/* The member's array, and room for its elements in *out; 0 when there is none. */
static size_t array_member(struct decoder *d, const json_t *o, const char *name, size_t size, void **out,
                           const json_t **array)
{
	*out = NULL;
	*array = json_object_get(o, name);
	if (!*array) return 0;
	if (!json_is_array(*array)) d->corrupt = true;
	size_t n = json_array_size(*array);
	if (n) *out = arena_zalloc(d->arena, n * size);
	return *out ? n : 0;
}

static void get_domains(struct decoder *d, const json_t *o, struct tenant *t)
{
	const json_t *array;
	void *room;
	t->domain_count = array_member(d, o, "domains", sizeof *t->domains, &room, &array);
	t->domains = room;
	for (size_t i = 0; i < t->domain_count; i++) {
		const char *name = copy_text(d, json_array_get(array, i));
		t->domains[i].subdomains = name[0] == '.';
		t->domains[i].name = name + t->domains[i].subdomains;
	}
}

static uint16_t get_port(struct decoder *d, const json_t *o, const char *name)
{
	const json_t *value = json_object_get(o, name);
	json_int_t n = json_integer_value(value);
	if (!json_is_integer(value) || n < 0 || n > UINT16_MAX) d->corrupt = true;
	return (uint16_t)n;
}

static int by_preference(const void *a, const void *b)
{
	const struct tenant_downstream *x = a, *y = b;
	return (x->preference > y->preference) - (x->preference < y->preference);
}

static void get_downstreams(struct decoder *d, const json_t *o, struct tenant *t)
{
	const json_t *array;
	void *room;
	t->downstream_count = array_member(d, o, "downstreams", sizeof *t->downstreams, &room, &array);
	t->downstreams = room;
	for (size_t i = 0; i < t->downstream_count; i++) {
		const json_t *row = json_array_get(array, i);
		struct tenant_downstream *to = &t->downstreams[i];
		to->host = copy_text(d, json_object_get(row, "host"));
		to->port = get_port(d, row, "port");
		to->preference = get_port(d, row, "preference");
		to->is_ip = ip_parse(slice_str(to->host), &to->ip);
	}
	if (t->downstream_count > 1) qsort(t->downstreams, t->downstream_count, sizeof *t->downstreams, by_preference);
}

static void get_from(struct decoder *d, const json_t *o, struct tenant *t)
{
	const json_t *array;
	void *room;
	t->from_count = array_member(d, o, "from", sizeof *t->from, &room, &array);
	t->from = room;
	for (size_t i = 0; i < t->from_count; i++)
		if (prefix_parse(slice_str(copy_text(d, json_array_get(array, i))), &t->from[i])) d->corrupt = true;
}

static void get_certificates(struct decoder *d, const json_t *o, struct tenant *t)
{
	const json_t *array;
	void *room;
	t->certificate_count = array_member(d, o, "certificates", sizeof *t->certificates, &room, &array);
	t->certificates = room;
	for (size_t i = 0; i < t->certificate_count; i++) t->certificates[i] = copy_text(d, json_array_get(array, i));
}

static void get_exceptions(struct decoder *d, const json_t *o, struct tenant *t)
{
	const json_t *array;
	void *room;
	t->tag_exception_count = array_member(d, o, "tag_exceptions", sizeof *t->tag_exceptions, &room, &array);
	t->tag_exceptions = room;
	for (size_t i = 0; i < t->tag_exception_count; i++)
		t->tag_exceptions[i] = copy_text(d, json_array_get(array, i));
}

static void get_users(struct decoder *d, const json_t *o, struct tenant *t)
{
	const json_t *array;
	void *room;
	t->user_count = array_member(d, o, "users", sizeof *t->users, &room, &array);
	t->users = room;
	for (size_t i = 0; i < t->user_count; i++) {
		const json_t *row = json_array_get(array, i);
		t->users[i].name = copy_text(d, json_object_get(row, "name"));
		t->users[i].password_hash = copy_text(d, json_object_get(row, "password"));
	}
}

static int get_choice(struct decoder *d, const json_t *o, const char *name, const char *const *names, size_t n)
{
	const json_t *value = json_object_get(o, name);
	if (!value) return 0;
	for (size_t i = 0; i < n && json_is_string(value); i++)
		if (strcmp(json_string_value(value), names[i]) == 0) return (int)i;
	d->corrupt = true;
	return 0;
}

static bool get_bool(struct decoder *d, const json_t *o, const char *name, bool otherwise)
{
	const json_t *value = json_object_get(o, name);
	if (!value) return otherwise;
	if (!json_is_boolean(value)) d->corrupt = true;
	return json_is_true(value);
}

static char get_plus(struct decoder *d, const json_t *o)
{
	const json_t *value = json_object_get(o, "plus");
	if (!value) return '+';
	const char *text = json_string_value(value);
	if (!text || strlen(text) > 1) d->corrupt = true;
	return text ? text[0] : '\0';
}

static int64_t get_time(struct decoder *d, const json_t *o, const char *name)
{
	const json_t *value = json_object_get(o, name);
	if (value && !json_is_integer(value)) d->corrupt = true;
	return json_integer_value(value);
}

static void get_proof(struct decoder *d, const json_t *o, struct tenant *t)
{
	const json_t *digest = json_object_get(o, "digest");
	t->dmarc = (enum tenant_dmarc)get_choice(d, o, "dmarc", dmarc_names, COUNT(dmarc_names));
	t->backscatter =
		(enum tenant_backscatter)get_choice(d, o, "backscatter", backscatter_names, COUNT(backscatter_names));
	t->tags = (enum tenant_tags)get_choice(d, o, "tags", tags_names, COUNT(tags_names));
	t->tags_since = get_time(d, o, "tags_since");
	t->tag_check = (enum tenant_tag_check)get_choice(d, o, "tag_check", check_names, COUNT(check_names));
	get_exceptions(d, o, t);
	t->contain = get_bool(d, o, "contain", false);
	t->spool = get_bool(d, o, "spool", true);
	t->sign = get_bool(d, o, "sign", true);
	t->sign_since = get_time(d, o, "sign_since");
	t->unproven = (enum tenant_unproven)get_choice(d, o, "unproven", unproven_names, COUNT(unproven_names));
	t->learn = get_bool(d, o, "learn", true);
	t->digest = digest ? copy_text(d, digest) : NULL;
}

static void get_all(struct decoder *d, const json_t *o, struct tenant *t)
{
	if (!json_is_object(o)) d->corrupt = true;
	t->name = copy_text(d, json_object_get(o, "name"));
	get_domains(d, o, t);
	get_downstreams(d, o, t);
	get_from(d, o, t);
	get_certificates(d, o, t);
	get_users(d, o, t);
	t->ask = (enum tenant_ask)get_choice(d, o, "ask", ask_names, COUNT(ask_names));
	t->directory = (enum tenant_directory)get_choice(d, o, "directory", directory_names, COUNT(directory_names));
	t->plus = get_plus(d, o);
	t->case_sensitive = get_bool(d, o, "case_sensitive", false);
	t->catch_all = get_bool(d, o, "catch_all", false);
	t->tls = (enum tenant_tls)get_choice(d, o, "tls", tls_names, COUNT(tls_names));
	get_proof(d, o, t);
	t->enabled = get_bool(d, o, "enabled", true);
}

enum error tenant_decode(struct arena *a, uint32_t id, struct slice json, struct tenant *out)
{
	struct decoder d = {.arena = a};
	char why[256];
	*out = (struct tenant){.id = id};
	json_t *o = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
	if (!o) return ERR_CORRUPT;
	get_all(&d, o, out);
	json_decref(o);
	if (arena_exhausted(a)) return ERR_NO_MEMORY;
	return d.corrupt || tenant_validate(out, why) ? ERR_CORRUPT : ERR_OK;
}

/* ---- checks ------------------------------------------------------------------------------------------------------- */

static bool is_name(const char *s)
{
	size_t n = strlen(s);
	return n >= 1 && n <= 63 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Printable ASCII without blanks and without the octets of refuse. */
static bool is_word(const char *s, size_t most, const char *refuse)
{
	size_t n = strlen(s);
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f || strchr(refuse, s[i])) return false;
	return n >= 1 && n <= most;
}

static bool is_domain(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p >= 'A' && *p <= 'Z') return false;
	return is_word(s, 255, "@/:\"\\") && s[0] != '.' && !strstr(s, "..") && s[strlen(s) - 1] != '.';
}

/* "local@domain" in the case it has in mail, or "@domain". */
static bool is_mailbox(const char *s, bool local_needed)
{
	const char *at = strrchr(s, '@');
	return at && is_domain(at + 1) && at - s <= 255 && !(local_needed && at == s) && is_word(s, 511, "\"\\<>");
}

static bool is_sha256(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static bool is_user(const char *s)
{
	size_t n = strlen(s);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f || s[i] == ':') return false;
	return n >= 1 && n <= 255;
}

static bool is_plus(char c)
{
	return c == '\0' || (c > ' ' && c < 0x7f && c != '@' && c != '"' && !(c >= '0' && c <= '9') &&
	                     !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
}

static enum error wrong(char why[256], const char *what, const char *value)
{
	snprintf(why, 256, "%s: \"%.150s\"", what, value);
	return ERR_INVALID;
}

enum error tenant_validate(const struct tenant *t, char why[256])
{
	char plus[2] = {t->plus, '\0'};
	if (!is_name(t->name)) return wrong(why, "a tenant's name is made of a-z, 0-9 and -, at most 63", t->name);
	for (size_t i = 0; i < t->domain_count; i++)
		if (!is_domain(t->domains[i].name)) return wrong(why, "not a domain", t->domains[i].name);
	for (size_t i = 0; i < t->downstream_count; i++) {
		if (!is_word(t->downstreams[i].host, 255, "@/\"\\[]"))
			return wrong(why, "not a host", t->downstreams[i].host);
		if (t->downstreams[i].port == 0) return wrong(why, "a port is needed for host", t->downstreams[i].host);
	}
	for (size_t i = 0; i < t->certificate_count; i++)
		if (!is_sha256(t->certificates[i]))
			return wrong(why, "not a SHA-256 in lower-case hexadecimal", t->certificates[i]);
	for (size_t i = 0; i < t->user_count; i++) {
		if (!is_user(t->users[i].name)) return wrong(why, "not a user name", t->users[i].name);
		if (!is_word(t->users[i].password_hash, 512, ":"))
			return wrong(why, "the password hash is not one of crypt(5), for user", t->users[i].name);
	}
	for (size_t i = 0; i < t->tag_exception_count; i++)
		if (!is_mailbox(t->tag_exceptions[i], false))
			return wrong(why, "not an address or @domain", t->tag_exceptions[i]);
	if (t->digest && t->digest[0] && !is_mailbox(t->digest, true)) return wrong(why, "not an address", t->digest);
	if (t->tags == TENANT_TAGS_SUBADDRESS && !t->plus)
		return wrong(why, "tags in sub-addresses need a separator (--plus)", plus);
	if (!is_plus(t->plus)) return wrong(why, "not a separator for sub-addresses", plus);
	return ERR_OK;
}
