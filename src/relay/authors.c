/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/authors.h"

#include <assert.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/mailbox.h"

static const struct {
	const char *name;
	size_t most;
} fields[] = {
#define X(name, most) {name, most},
	AUTHORS_TABLE(X)
#undef X
};
#define FIELDS (sizeof fields / sizeof *fields)

#define X(name, most) +(most)
static_assert(0 AUTHORS_TABLE(X) <= LEDGER_AUTHORS, "the ledger has room for all");
#undef X

struct search {
	struct arena *arena;
	const struct authors_proof *proof;
	struct authors *out;
	size_t left[FIELDS]; /* how many more of each field */
	size_t *field;       /* the one that is read */
};

static struct slice domain_of(struct slice address)
{
	return slice_sub(address, slice_find_last(address, '@') + 1, address.n);
}

static bool is_proven(const struct authors_proof *p, struct slice domain)
{
	if (p->author_proven && slice_equal_nocase(domain, p->author)) return true;
	return p->return_path_proven && slice_equal_nocase(domain, domain_of(p->return_path));
}

static void add(struct search *s, struct slice local, struct slice domain)
{
	struct slice text = arena_printf(s->arena, "%.*s@%.*s", SLICE_ARG(local), SLICE_ARG(domain));
	struct slice address = text.p ? address_spelled(s->arena, text) : text;
	if (!address.p || slice_equal_nocase(address, s->proof->return_path)) return;
	if (*s->field == 0 || is_proven(s->proof, domain_of(address))) return;
	for (size_t i = 0; i < s->out->count; i++)
		if (slice_equal_nocase(s->out->address[i], address)) return;
	s->out->address[s->out->count++] = address;
	--*s->field;
}

/* ---- a field that cannot be read ------------------------------------------------------------------------------------ */

static bool is_word(char c)
{
	return c > ' ' && c != 127 && !strchr("<>()[],;:\"\\@", c);
}

static void guess(struct search *s, struct slice value)
{
	for (size_t at = 0; at < value.n; at++) {
		size_t begin = at, end = at + 1;
		if (value.p[at] != '@') continue;
		while (begin > 0 && is_word(value.p[begin - 1])) begin--;
		while (end < value.n && is_word(value.p[end])) end++;
		if (begin < at && end > at + 1) add(s, slice_sub(value, begin, at), slice_sub(value, at + 1, end));
	}
}

/* ---- the header ------------------------------------------------------------------------------------------------------ */

static void read_field(struct search *s, struct slice value)
{
	struct mailbox_reader r;
	struct mailbox m;
	value = slice_sub(value, 0, AUTHORS_FIELD);
	mailbox_begin(&r, s->arena, value);
	while (mailbox_next(&r, &m)) add(s, m.local, m.domain);
	if (r.error) guess(s, value);
}

void authors_find(struct arena *a, struct slice header, const struct authors_proof *p, struct authors *out)
{
	struct search s = {.arena = a, .proof = p, .out = out};
	struct header_iterator it;
	struct header_field f;
	out->count = 0;
	for (size_t i = 0; i < FIELDS; i++) s.left[i] = fields[i].most;
	for (header_begin(&it, header); header_next(&it, &f);) {
		if (f.malformed) continue;
		for (size_t i = 0; i < FIELDS; i++) {
			s.field = &s.left[i];
			if (*s.field > 0 && header_is(&f, fields[i].name)) read_field(&s, f.value);
		}
	}
}
