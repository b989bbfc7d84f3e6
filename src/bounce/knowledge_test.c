/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bounce/explain_reply.h"

/* All samples that fail, not the first alone: for whoever edits the files. */
static unsigned failures(struct arena *scratch, const struct knowledge *k)
{
	unsigned failed = 0;
	for (size_t i = 0; i < k->count; i++) {
		const struct knowledge_entry *e = &k->entries[i];
		for (size_t j = 0; j < e->sample_count; j++) {
			const struct knowledge_sample *s = &e->samples[j];
			struct reply_context c = {.text = s->text, .host = s->host, .stage = s->stage};
			struct reply_verdict v;
			arena_reset(scratch);
			assert_true(explain_reply(scratch, k, &c, &v));
			if ((v.entry == e) != s->counter) continue;
			print_error("%.*s: %.*s: explained by %.*s\n", SLICE_ARG(e->id), SLICE_ARG(s->text),
			            v.entry ? (int)v.entry->id.n : 7, v.entry ? v.entry->id.p : "nothing");
			failed++;
		}
	}
	return failed;
}

static void test_builtin(void **state)
{
	struct arena a, scratch;
	struct knowledge *k;
	char why[KNOWLEDGE_WHY];
	size_t lists = 0, services = 0;
	arena_init(&a, KNOWLEDGE_ARENA);
	arena_init(&scratch, 1 << 20);
	if (knowledge_parse(&a, knowledge_builtin(), &k, why)) fail_msg("%s", why);
	assert_int_equal(failures(&scratch, k), 0);
	if (knowledge_load(&a, knowledge_builtin(), &k, why)) fail_msg("%s", why);
	for (size_t i = 0; i < k->count; i++) {
		lists += k->entries[i].kind == KNOWLEDGE_blocklist;
		services += k->entries[i].kind == KNOWLEDGE_provider || k->entries[i].kind == KNOWLEDGE_filter;
	}
	assert_true(lists >= 50);
	assert_true(services >= 60);
	arena_free(&scratch);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
