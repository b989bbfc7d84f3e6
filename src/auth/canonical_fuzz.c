/* SPDX-License-Identifier: Apache-2.0 */
/* How a body is cut makes no difference; what is canonical stays as it is; and simple then relaxed is relaxed. */
#include <assert.h>
#include <stdlib.h>

#include "auth/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct got {
	char *text;
	size_t n, room;
};

static void take(void *arg, struct slice octets)
{
	struct got *g = arg;
	assert(octets.n > 0 && octets.n <= g->room - g->n);
	memcpy(g->text + g->n, octets.p, octets.n);
	g->n += octets.n;
}

static struct got begin(size_t size)
{
	return (struct got){malloc(size), 0, size};
}

static struct slice result(const struct got *g)
{
	return slice_of(g->text, g->n);
}

/* cut: 0: in one piece; else the octets tell how long each piece is. */
static struct got body(enum canonical how, struct slice text, bool cut)
{
	struct got g = begin(2 * text.n + 4);
	struct canonical_body b;
	canonical_body_begin(&b, how, take, &g);
	while (text.n > 0) {
		size_t n = cut ? (unsigned char)text.p[0] % 5 + 1 : text.n;
		canonical_body_put(&b, slice_sub(text, 0, n));
		text = slice_sub(text, n, text.n);
	}
	canonical_body_end(&b);
	return g;
}

static void check_bodies(struct slice text)
{
	struct got simple = body(CANONICAL_SIMPLE, text, false), cut = body(CANONICAL_SIMPLE, text, true);
	struct got relaxed = body(CANONICAL_RELAXED, text, false), cut_relaxed = body(CANONICAL_RELAXED, text, true);
	struct got again = body(CANONICAL_SIMPLE, result(&simple), true),
		   both = body(CANONICAL_RELAXED, result(&simple), true);
	struct got again_relaxed = body(CANONICAL_RELAXED, result(&relaxed), false);
	assert(slice_equal(result(&simple), result(&cut)) && slice_equal(result(&relaxed), result(&cut_relaxed)));
	assert(slice_equal(result(&simple), result(&again)) && slice_equal(result(&relaxed), result(&again_relaxed)));
	assert(slice_equal(result(&relaxed), result(&both)));
	struct got *all[] = {&simple, &cut, &relaxed, &cut_relaxed, &again, &both, &again_relaxed};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->text);
}

static struct got field(enum canonical how, const struct header_field *f)
{
	struct got g = begin(2 * f->raw.n + 4);
	struct canonical_out out;
	canonical_begin(&out, take, &g);
	canonical_field(&out, how, f);
	canonical_flush(&out);
	return g;
}

static void check_fields(struct slice text)
{
	struct header_iterator it, inner;
	struct header_field f, g;
	for (header_begin(&it, text); header_next(&it, &f);) {
		if (f.malformed) continue;
		for (enum canonical how = CANONICAL_SIMPLE; how <= CANONICAL_RELAXED; how++) {
			struct got once = field(how, &f);
			header_begin(&inner, result(&once));
			assert(header_next(&inner, &g) && !g.malformed && g.raw.n == once.n);
			struct got twice = field(how, &g);
			assert(slice_equal(result(&once), result(&twice)));
			free(once.text);
			free(twice.text);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_bodies(slice_of(data, size));
	check_fields(slice_of(data, size));
	return 0;
}
