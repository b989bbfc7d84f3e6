/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/marks.h"

static bool is_forged(const struct header_field *f, struct slice authserv_id)
{
	if (slice_starts_nocase(f->name, SLICE(MARKS_PREFIX))) return true;
	return header_is(f, "Authentication-Results") && authres_claims(f, authserv_id);
}

static bool any_forged(struct slice header, struct slice authserv_id)
{
	struct header_iterator it;
	struct header_field f;
	for (header_begin(&it, header); header_next(&it, &f);)
		if (is_forged(&f, authserv_id)) return true;
	return false;
}

static struct slice put(char *text, struct slice s, size_t *n)
{
	if (s.n) memcpy(text + *n, s.p, s.n);
	*n += s.n;
	return slice_of(text, *n);
}

static struct slice without_forged(struct arena *a, struct slice header, struct slice authserv_id)
{
	struct header_iterator it;
	struct header_field f;
	char *text = arena_alloc(a, header.n);
	size_t n = 0;
	if (!text) return (struct slice){NULL, 0};
	for (header_begin(&it, header); header_next(&it, &f);)
		if (!is_forged(&f, authserv_id)) put(text, f.raw, &n);
	/* what is left is the empty line */
	size_t end = header.n >= 2 && header.p[header.n - 2] == '\r' ? 2 : 1;
	return it.ended ? put(text, slice_sub(header, header.n - end, header.n), &n) : slice_of(text, n);
}

struct marks marks_make(struct arena *a, struct slice received, struct slice header, struct slice authserv_id,
                        const struct authres *results, struct slice more)
{
	struct marks m = {.head = {NULL, 0}};
	struct slice field = results ? authres_field(a, authserv_id, results) : SLICE_EMPTY;
	struct slice kept = SLICE_EMPTY;
	if (results && any_forged(header, authserv_id)) {
		kept = without_forged(a, header, authserv_id);
		m.skip = header.n;
	}
	if (!field.p || !kept.p || !more.p) return m;
	char *text = arena_alloc(a, field.n + received.n + more.n + kept.n + 1);
	size_t n = 0;
	if (!text) return m;
	put(text, field, &n);
	put(text, more, &n);
	put(text, received, &n);
	m.head = put(text, kept, &n);
	return m;
}
