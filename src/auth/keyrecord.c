/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/keyrecord.h"

#include "auth/base64.h"
#include "auth/taglist.h"

#define AT_ONCE 16 /* questions on their way for one message */

/* ---- a record -------------------------------------------------------------------------------------------------- */

/* The kind, of k=, and the hashes, of h=. */
static const char *read_algorithms(const struct taglist *tags, struct key_record *out)
{
	struct slice value;
	out->kind = KEY_RSA;
	if (taglist_find(tags, "k", &value) && !slice_equal_nocase(value, SLICE("rsa"))) {
		if (!slice_equal_nocase(value, SLICE("ed25519"))) return "the key record's k= is unknown";
		out->kind = KEY_ED25519;
	}
	bool listed = taglist_find(tags, "h", &value);
	out->sha1 = !listed || taglist_has_word(value, SLICE("sha1"));
	out->sha256 = !listed || taglist_has_word(value, SLICE("sha256"));
	return NULL;
}

/* RFC 6376 3.6.1. The order of the checks is that of what tells most. */
static const char *read_tags(struct arena *a, const struct taglist *tags, struct key_record *out)
{
	struct slice value;
	const struct tag *version = taglist_tag(tags, "v");
	if (version && (version != &tags->tags[0] || !slice_equal(version->value, SLICE("DKIM1"))))
		return "the record is not a DKIM key record (v=)";
	if (!taglist_find(tags, "p", &value)) return "the key record has no p=";
	if (value.n == 0) return "the key is revoked";
	if (base64_decode(a, value, &out->key) != ERR_OK) return "the key record's p= is not base64";
	const char *problem = read_algorithms(tags, out);
	if (problem) return problem;
	if (taglist_find(tags, "s", &value) && !taglist_has_word(value, SLICE("*")) &&
	    !taglist_has_word(value, SLICE("email")))
		return "the key is not for mail (s=)";
	if (taglist_find(tags, "t", &value)) {
		out->testing = taglist_has_word(value, SLICE("y"));
		out->strict = taglist_has_word(value, SLICE("s"));
	}
	return NULL;
}

void key_record_read(struct arena *a, struct slice text, struct key_record *out)
{
	struct taglist tags;
	*out = (struct key_record){.key = SLICE_EMPTY};
	out->problem =
		taglist_read(text, &tags) == ERR_OK ? read_tags(a, &tags, out) : "the key record's syntax is wrong";
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

/* The strings of a TXT record, put together without anything between (RFC 6376 3.6.2.2); {NULL, 0}: malformed, no
 * memory. */
static struct slice join_strings(struct arena *a, struct slice rdata)
{
	size_t n = 0;
	char *text = arena_alloc(a, rdata.n);
	if (!text) return (struct slice){NULL, 0};
	while (rdata.n > 0) {
		size_t length = (unsigned char)rdata.p[0];
		if (length >= rdata.n) return (struct slice){NULL, 0};
		memcpy(text + n, rdata.p + 1, length);
		n += length;
		rdata = slice_sub(rdata, length + 1, rdata.n);
	}
	return slice_of(text, n);
}

static void settle(struct key_query *q, enum auth_result result, const char *problem)
{
	q->result = result;
	q->problem = problem;
}

static void read_answer(struct arena *a, const struct dns_answer *answer, struct key_query *q)
{
	size_t count = answer->count < KEY_RECORDS_MOST ? answer->count : KEY_RECORDS_MOST;
	q->secure = answer->secure;
	q->records = arena_zalloc(a, count * sizeof *q->records);
	for (size_t i = 0; q->records && i < count; i++) {
		struct slice text = join_strings(a, answer->rr[i]);
		if (text.p) key_record_read(a, text, &q->records[q->count++]);
	}
	if (arena_exhausted(a))
		settle(q, AUTH_temperror, "out of memory");
	else if (q->count == 0)
		settle(q, AUTH_permerror, "the key record is malformed");
}

static const struct {
	enum error error;
	enum auth_result result;
	const char *problem;
} failures[] = {
	{ERR_DNS_NXDOMAIN, AUTH_permerror, "there is no key"}, /* RFC 6376 6.1.2 */
	{ERR_DNS_NODATA, AUTH_permerror, "there is no key"},
	{ERR_INVALID, AUTH_permerror, "the key's name is no domain name"},
	{ERR_TIMEOUT, AUTH_temperror, "the key could not be had in time"},
	{ERR_CANCELLED, AUTH_temperror, "the key could not be had in time"},
	{ERR_DNS_BOGUS, AUTH_temperror, "the key's DNSSEC validation failed"},
	{ERR_NO_MEMORY, AUTH_temperror, "out of memory"},
};

static void note_failure(struct key_query *q, enum error e)
{
	settle(q, AUTH_temperror, "DNS did not answer for the key");
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
		if (failures[i].error == e) settle(q, failures[i].result, failures[i].problem);
}

static void ask(struct arena *a, struct resolver *r, struct key_query *q, int64_t deadline)
{
	struct dns_answer *answer = NULL;
	struct slice name = arena_printf(a, "%.*s._domainkey.%.*s", SLICE_ARG(q->selector), SLICE_ARG(q->domain));
	enum error e = name.p ? resolver_query(r, name.p, DNS_TXT, deadline, &answer) : ERR_NO_MEMORY;
	if (e)
		note_failure(q, e);
	else
		read_answer(a, answer, q);
	dns_answer_free(answer);
}

void key_query_answer(struct arena *a, const struct slice *record, struct key_query *q)
{
	settle(q, AUTH_pass, NULL);
	q->secure = false;
	q->count = 0;
	q->records = record ? ARENA_NEW(a, struct key_record) : NULL;
	if (q->records)
		key_record_read(a, *record, &q->records[q->count++]);
	else
		note_failure(q, record ? ERR_NO_MEMORY : ERR_DNS_NXDOMAIN);
}

/* ---- many at once ---------------------------------------------------------------------------------------------- */

struct asking {
	struct arena *arena;
	struct resolver *resolver;
	struct key_query *queries;
	size_t count, next;
	int64_t deadline;
};

/* The first query of the same name, which may be q itself. */
static struct key_query *first_of(struct key_query *queries, const struct key_query *q)
{
	while (!slice_equal(queries->domain, q->domain) || !slice_equal(queries->selector, q->selector)) queries++;
	return queries;
}

/* One of the fibers that share the work. */
static void ask_next(void *arg)
{
	struct asking *s = arg;
	while (s->next < s->count) {
		struct key_query *q = &s->queries[s->next++];
		if (first_of(s->queries, q) == q) ask(s->arena, s->resolver, q, s->deadline);
	}
}

void key_query_all(struct arena *a, struct resolver *r, struct key_query *queries, size_t count, int64_t deadline)
{
	struct asking s = {.arena = a, .resolver = r, .queries = queries, .count = count, .deadline = deadline};
	struct scope scope;
	size_t names = 0, helpers = 0;
	for (size_t i = 0; i < count; i++) {
		settle(&queries[i], AUTH_pass, NULL);
		queries[i].count = 0;
		names += first_of(queries, &queries[i]) == &queries[i];
	}
	scope_init(&scope);
	/* This fiber asks too; without memory for more of them it asks alone. */
	while (fiber_current() && helpers + 1 < names && helpers + 1 < AT_ONCE)
		if (scope_spawn(&scope, "key", ask_next, &s) == ERR_OK)
			helpers++;
		else
			break;
	ask_next(&s);
	if (helpers > 0) scope_join(&scope, INT64_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct key_query *first = first_of(queries, &queries[i]);
		struct slice domain = queries[i].domain, selector = queries[i].selector;
		queries[i] = *first;
		queries[i].domain = domain;
		queries[i].selector = selector;
	}
}
