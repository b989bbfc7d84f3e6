/* SPDX-License-Identifier: Apache-2.0 */
/* A resolver that answers from a text. It is for tests: look-up is linear. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/resolver_internal.h"

#define WHY_SIZE     256
#define TTL          300
#define CNAME_MAX    8
#define RDATA_MAX    4096
#define FROM_TABLE   64 /* records of one name and type that are answered */
#define KIND_FAILURE 0  /* no DNS type */

struct record {
	struct record *next;
	struct dns_name owner;
	int type;           /* KIND_FAILURE: failure says what happens */
	enum error failure; /* ERR_DNS_TEMPORARY, ERR_TIMEOUT, ERR_DNS_NXDOMAIN */
	size_t n;
	char rdata[];
};

struct table {
	struct resolver base;
	struct record *first, **last;
};

/* RDATA under construction. */
struct writer {
	size_t n;
	char octets[RDATA_MAX];
};

/* ---- reading the text -------------------------------------------------------------------------------------------- */

static bool put(struct writer *w, const void *p, size_t n)
{
	if (n > sizeof w->octets - w->n) return false;
	memcpy(w->octets + w->n, p, n);
	w->n += n;
	return true;
}

static struct slice next_word(struct slice *line)
{
	*line = slice_trim(*line);
	size_t n = 0;
	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t') n++;
	struct slice word = slice_sub(*line, 0, n);
	*line = slice_trim(slice_sub(*line, n, line->n));
	return word;
}

static bool read_address(struct slice text, struct writer *w)
{
	struct ip ip;
	return ip_parse(text, &ip) && put(w, ip.octets, ip.family == AF_INET ? 4 : 16);
}

static bool read_a(struct slice text, struct writer *w)
{
	return read_address(text, w) && w->n == 4;
}

static bool read_aaaa(struct slice text, struct writer *w)
{
	return read_address(text, w) && w->n == 16;
}

static bool read_name(struct slice text, struct writer *w)
{
	struct dns_name name;
	return dns_name_parse(text, &name) && put(w, name.wire, name.n);
}

static struct slice unquote(struct slice text)
{
	bool quoted = text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"';
	return quoted ? slice_sub(text, 1, text.n - 1) : text;
}

static bool read_mx(struct slice text, struct writer *w)
{
	uint64_t preference;
	text = unquote(text);
	if (!slice_to_u64(next_word(&text), &preference) || preference > UINT16_MAX) return false;
	const unsigned char octets[2] = {(unsigned char)(preference >> 8), (unsigned char)preference};
	return put(w, octets, 2) && read_name(text, w);
}

/* One <character-string>, RFC 1035 3.3; the end is an unescaped quote when quoted, else the end of the text. */
static bool read_string(struct slice *text, bool quoted, struct writer *w)
{
	char octets[256];
	size_t n = 0;
	while (text->n > 0 && (n < 255 || (quoted && text->p[0] == '"'))) {
		bool escaped;
		int octet = dns_unescape(text, &escaped);
		if (octet < 0) return false;
		if (quoted && octet == '"' && !escaped) {
			quoted = false;
			break;
		}
		octets[++n] = (char)octet;
	}
	octets[0] = (char)n;
	return !quoted && put(w, octets, n + 1);
}

/* "one" "two", or the rest of the line, cut into strings of 255. */
static bool read_txt(struct slice text, struct writer *w)
{
	bool quoted = text.n > 0 && text.p[0] == '"';
	do {
		if (quoted) {
			if (text.n == 0 || text.p[0] != '"') return false;
			text = slice_sub(text, 1, text.n);
		}
		if (!read_string(&text, quoted, w)) return false;
		if (quoted) text = slice_trim(text);
	} while (text.n > 0);
	return true;
}

static const struct {
	struct slice word;
	int type;
	bool (*read)(struct slice text, struct writer *w);
	enum error failure;
} types[] = {
	{{"A", 1}, DNS_A, read_a, ERR_OK},
	{{"AAAA", 4}, DNS_AAAA, read_aaaa, ERR_OK},
	{{"MX", 2}, DNS_MX, read_mx, ERR_OK},
	{{"TXT", 3}, DNS_TXT, read_txt, ERR_OK},
	{{"CNAME", 5}, DNS_CNAME, read_name, ERR_OK},
	{{"PTR", 3}, DNS_PTR, read_name, ERR_OK},
	{{"SERVFAIL", 8}, KIND_FAILURE, NULL, ERR_DNS_TEMPORARY},
	{{"TIMEOUT", 7}, KIND_FAILURE, NULL, ERR_TIMEOUT},
	{{"NXDOMAIN", 8}, KIND_FAILURE, NULL, ERR_DNS_NXDOMAIN},
};

static enum error add(struct table *t, const struct dns_name *owner, int type, enum error failure,
                      const struct writer *w)
{
	struct record *r = malloc(sizeof *r + w->n);
	if (!r) return ERR_NO_MEMORY;
	*r = (struct record){.owner = *owner, .type = type, .failure = failure, .n = w->n};
	memcpy(r->rdata, w->octets, w->n);
	*t->last = r;
	t->last = &r->next;
	return ERR_OK;
}

static enum error read_line(struct table *t, struct slice line, struct writer *w)
{
	struct dns_name owner;
	struct slice name = next_word(&line), word = next_word(&line);
	if (!dns_name_parse(name, &owner)) return ERR_SYNTAX;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (!slice_equal_nocase(word, types[i].word)) continue;
		w->n = 0;
		bool ok = types[i].read ? types[i].read(line, w) : line.n == 0;
		return ok ? add(t, &owner, types[i].type, types[i].failure, w) : ERR_SYNTAX;
	}
	return ERR_SYNTAX;
}

static enum error read_text(struct table *t, struct slice text, char *why)
{
	struct writer *w = malloc(sizeof *w);
	enum error e = w ? ERR_OK : ERR_NO_MEMORY;
	for (unsigned number = 1; !e && text.p; number++) {
		struct slice line = slice_trim(slice_split(&text, '\n'));
		if (line.n == 0 || line.p[0] == '#') continue;
		e = read_line(t, line, w);
		if (e) snprintf(why, WHY_SIZE, "line %u: %.*s", number, (int)(line.n < 100 ? line.n : 100), line.p);
	}
	if (!w) snprintf(why, WHY_SIZE, "%s", error_text(e));
	free(w);
	return e;
}

/* ---- answering --------------------------------------------------------------------------------------------------- */

static enum error wait_for_deadline(int64_t deadline)
{
	enum error e = fiber_current() ? fiber_sleep(deadline) : ERR_OK;
	return e ? e : ERR_TIMEOUT;
}

static enum error give(enum error status, const struct slice *rr, size_t count, const struct dns_name *canonical,
                       struct dns_answer **out)
{
	char text[DNS_TEXT_MAX];
	struct slice wire = canonical ? dns_name_slice(canonical) : SLICE_EMPTY;
	bool named = canonical && dns_name_text(&wire, text);
	*out = dns_answer_make(status, false, TTL, rr, count, named ? text : NULL);
	return *out ? status : ERR_NO_MEMORY;
}

struct found {
	bool exists;
	enum error failure;
	const struct record *alias;
	struct slice rr[FROM_TABLE];
	size_t count;
};

static void look_up(const struct table *t, const struct dns_name *name, int type, struct found *f)
{
	f->exists = false;
	f->failure = ERR_OK;
	f->alias = NULL;
	f->count = 0;
	for (const struct record *r = t->first; r; r = r->next) {
		if (!slice_equal(dns_name_slice(&r->owner), dns_name_slice(name))) continue;
		f->exists = true;
		if (r->type == KIND_FAILURE)
			f->failure = r->failure;
		else if (r->type == type && f->count < FROM_TABLE)
			f->rr[f->count++] = slice_of(r->rdata, r->n);
		else if (r->type == DNS_CNAME)
			f->alias = r;
	}
}

static enum error ask(struct resolver *base, const struct dns_name *name, enum dns_type type, int64_t deadline,
                      struct dns_answer **out)
{
	const struct table *t = (const struct table *)(void *)base;
	struct dns_name alias;
	const struct dns_name *now = name;
	struct found f;
	for (int i = 0; i <= CNAME_MAX; i++) {
		const struct dns_name *canonical = now == name ? NULL : now;
		look_up(t, now, (int)type, &f);
		if (f.failure == ERR_TIMEOUT) return wait_for_deadline(deadline);
		if (f.failure == ERR_DNS_TEMPORARY) return f.failure;
		if (f.failure || !f.exists) return give(ERR_DNS_NXDOMAIN, NULL, 0, canonical, out);
		if (f.count > 0) return give(ERR_OK, f.rr, f.count, canonical, out);
		if (!f.alias) return give(ERR_DNS_NODATA, NULL, 0, canonical, out);
		alias.n = (uint8_t)f.alias->n;
		memcpy(alias.wire, f.alias->rdata, f.alias->n);
		now = &alias;
	}
	return ERR_DNS_TEMPORARY; /* a loop of aliases */
}

static void table_free(struct resolver *base)
{
	struct table *t = (struct table *)(void *)base;
	while (t->first) {
		struct record *r = t->first;
		t->first = r->next;
		free(r);
	}
	free(t);
}

static const struct resolver_kind table_kind = {.ask = ask, .free = table_free};

enum error resolver_new_table(struct slice text, struct resolver **out, char *why)
{
	*out = NULL;
	struct table *t = calloc(1, sizeof *t);
	if (!t) {
		snprintf(why, WHY_SIZE, "%s", error_text(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	resolver_init(&t->base, &table_kind, false);
	t->last = &t->first;
	enum error e = read_text(t, text, why);
	if (e)
		resolver_free(&t->base);
	else
		*out = &t->base;
	return e;
}
