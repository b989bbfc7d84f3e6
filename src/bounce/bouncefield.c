/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/bouncefield.h"

#define FOLD ";\r\n\t"

struct slice bouncefield(struct arena *a, const struct bouncefield *f)
{
	const char *kind = kind_word(f->kind);
	struct slice text = arena_printf(a, BOUNCEFIELD_NAME ": %s; class=%s%s%s; probability=%.3f" FOLD "why=\"%s\"",
	                                 judge_text(f->judgement->verdict), class_word(f->class), kind ? "; kind=" : "",
	                                 kind ? kind : "", f->probability, f->judgement->why);
	for (int i = 0; text.p && i < WITNESS_COUNT; i++) {
		struct slice one = judge_testimony(a, f->provenance, (enum witness_name)i);
		if (!one.p) return one;
		if (one.n) text = arena_printf(a, "%.*s" FOLD "%.*s", SLICE_ARG(text), SLICE_ARG(one));
	}
	return text.p ? arena_printf(a, "%.*s\r\n", SLICE_ARG(text)) : text;
}
