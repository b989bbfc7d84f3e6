/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/authres.h"

#include "mail/utf8.h"

#define RESULTS_MOST 64

struct merging {
	struct arena *arena;
	struct slice results[RESULTS_MOST];
	size_t count;
	bool failed;
};

/* Each run of blanks and line ends as one blank; what no field may have as "?". */
static struct slice on_one_line(struct arena *a, struct slice s)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	bool utf8 = utf8_valid(s);
	if (!out) return (struct slice){NULL, 0};
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		bool odd = c < ' ' || c == 0x7f || (c >= 0x80 && !utf8);
		if (!blank)
			out[n++] = odd ? '?' : s.p[i];
		else if (n > 0 && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	return slice_of(out, n);
}

static bool add(void *arg, struct slice method, struct slice result, struct slice properties)
{
	struct merging *m = arg;
	struct slice rest = on_one_line(m->arena, properties);
	struct slice text = rest;
	if (rest.p)
		text = arena_printf(m->arena, "%.*s=%.*s%s%.*s", SLICE_ARG(method), SLICE_ARG(result),
		                    rest.n > 0 ? " " : "", SLICE_ARG(rest));
	m->failed = m->failed || !text.p;
	for (size_t i = 0; i < m->count && !m->failed; i++)
		if (slice_equal(m->results[i], text)) return true;
	if (m->failed) return false;
	m->results[m->count++] = text;
	return m->count < RESULTS_MOST;
}

struct slice authres_merge(struct arena *a, struct slice header, struct slice authserv_id)
{
	struct merging m = {.arena = a};
	struct header_iterator it;
	struct header_field f;
	for (header_begin(&it, header); header_next(&it, &f) && !m.failed && m.count < RESULTS_MOST;)
		if (authres_claims(&f, authserv_id)) authres_each(f.value, add, &m);
	size_t size = 1, n = 0;
	for (size_t i = 0; i < m.count; i++) size += m.results[i].n + 4;
	char *out = m.failed ? NULL : arena_alloc(a, size);
	if (!out) return (struct slice){NULL, 0};
	for (size_t i = 0; i < m.count; i++) {
		const char *between = i == 0 ? " " : ";\r\n\t";
		memcpy(out + n, between, strlen(between));
		n += strlen(between);
		memcpy(out + n, m.results[i].p, m.results[i].n);
		n += m.results[i].n;
	}
	return slice_of(out, n);
}
