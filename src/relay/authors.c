/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/authors.h"

#include <assert.h>

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

static bool is_proven(const struct authors_proof *p, struct slice domain)
{
	if (p->author_proven && slice_equal_nocase(domain, p->author)) return true;
	return p->return_path_proven && slice_equal_nocase(domain, address_domain(p->return_path));
}

static void add(struct search *s, struct slice text)
{
	struct slice address = address_spelled(s->arena, text);
	if (!address.p || slice_equal_nocase(address, s->proof->return_path)) return;
	if (*s->field == 0 || is_proven(s->proof, address_domain(address))) return;
	for (size_t i = 0; i < s->out->count; i++)
		if (slice_equal_nocase(s->out->address[i], address)) return;
	s->out->address[s->out->count++] = address;
	--*s->field;
}

/* ---- the header ------------------------------------------------------------------------------------------------------ */

static void read_field(struct search *s, struct slice value)
{
	struct mailbox_reader r;
	struct mailbox m;
	struct slice found;
	value = slice_sub(value, 0, AUTHORS_FIELD);
	mailbox_begin(&r, s->arena, value);
	while (mailbox_next(&r, &m)) {
		struct slice text = arena_printf(s->arena, "%.*s@%.*s", SLICE_ARG(m.local), SLICE_ARG(m.domain));
		if (text.p) add(s, text);
	}
	if (r.error)
		while (address_in_text(&value, &found)) add(s, found);
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
