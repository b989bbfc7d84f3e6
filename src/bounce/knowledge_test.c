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

#define ENTRY                                                                                                          \
	"format: 1\nentry a\nkind: server\nname: A\ncause: rate\nmeans: It means.\nadvice: Do.\nmatch: \"slow "        \
	"please\"\n"                                                                                                   \
	"sample: 450 slow please\n"

static const struct {
	const char *name, *text;
	enum error error;
	const char *why; /* begins so */
} files[] = {
	{"good", ENTRY, ERR_OK, ""},
	{"comments, blank lines, CR LF", "# x\r\n\r\n" ENTRY "\r\n# y\n", ERR_OK, ""},
	{"a value over several lines", ENTRY "sample: 450\n slow\n\tplease\n", ERR_OK, ""},
	{"a sample with a host and a stage",
         ENTRY "match: host=mx.example stage=rcpt\nsample: [host=in.mx.example stage=rcpt] no\n", ERR_OK, ""},
	{"alternatives, codes, not", ENTRY "match: \"x\"|\"y*\"|host=b status=5.7.1,x.7.2-9 code=550 not \"z\"\n",
         ERR_OK, ""},
	{"a counter-sample", ENTRY "counter: 450 fast please\n", ERR_OK, ""},
	{"empty", "", ERR_SYNTAX, "line 2: there is no entry"},
	{"no format", "entry a\n", ERR_SYNTAX, "line 1: the file does not begin with"},
	{"another format", "format: 2\n", ERR_SYNTAX, "line 1: the file does not begin with"},
	{"a field before the first entry", "format: 1\nkind: server\n", ERR_SYNTAX,
         "line 2: a field before the first entry"},
	{"no field", ENTRY "what\n", ERR_SYNTAX, "line 10: neither an entry nor a field"},
	{"unknown field", ENTRY "color: red\n", ERR_SYNTAX, "line 10: unknown field"},
	{"unknown cause", "format: 1\nentry a\ncause: bad luck\n", ERR_SYNTAX, "line 3: a field cannot be read"},
	{"a field twice", ENTRY "name: B\n", ERR_SYNTAX, "line 10: a field cannot be read"},
	{"an entry twice", ENTRY "entry a\n", ERR_SYNTAX, "line 10: two entries have the same name"},
	{"no kind", "format: 1\nentry a\nname: A\n", ERR_SYNTAX, "line 5: an entry has no kind"},
	{"no sample", "format: 1\nentry a\nkind: server\nname: A\ncause: rate\nmeans: M.\nadvice: A.\nmatch: \"b\"\n",
         ERR_SYNTAX, "line 10: an entry has no sample"},
	{"an open quote", ENTRY "match: \"x\n", ERR_SYNTAX, "line 10: a quote is not closed"},
	{"a phrase without words", ENTRY "match: \"...\"\n", ERR_SYNTAX,
         "line 10: a phrase is too long or has no words"},
	{"only not", ENTRY "match: not \"x\"\n", ERR_SYNTAX, "line 10: a rule needs a term without"},
	{"a bad code", ENTRY "match: code=999\n", ERR_SYNTAX, "line 10: a value cannot be read"},
	{"a bad status", ENTRY "match: status=5.7\n", ERR_SYNTAX, "line 10: a value cannot be read"},
	{"a range backwards", ENTRY "match: status=5.7.9-3\n", ERR_SYNTAX, "line 10: a value cannot be read"},
	{"an unknown stage", ENTRY "match: stage=lunch\n", ERR_SYNTAX, "line 10: a value cannot be read"},
	{"terms without a blank", ENTRY "match: \"x\"\"y\"\n", ERR_SYNTAX, "line 10: terms are not separated"},
	{"a bad link", ENTRY "link: ftp://x\n", ERR_SYNTAX, "line 10: a field cannot be read"},
	{"a bad zone", ENTRY "zone: a b\n", ERR_SYNTAX, "line 10: a field cannot be read"},
	{"confidence", ENTRY "confidence: 101\n", ERR_SYNTAX, "line 10: a field cannot be read"},
	{"a sample that is not explained", ENTRY "sample: 450 fast please\n", ERR_INVALID,
         "line 10: the sample is not explained by a, but by nothing"},
	{"a counter-sample that is explained", ENTRY "counter: 450 slow please\n", ERR_INVALID,
         "line 10: the counter-sample is explained by a"},
	{"a sample that another takes",
         ENTRY "entry b\nkind: provider\nname: B\ncause: size\nmeans: M.\nadvice: A.\nmatch: \"slow\"\nsample: slow\n",
         ERR_INVALID, "line 9: the sample is not explained by a, but by b"},
};

static void test_files(void **state)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct arena a;
		struct knowledge *k;
		char why[KNOWLEDGE_WHY];
		arena_init(&a, KNOWLEDGE_ARENA);
		enum error e = knowledge_load(&a, slice_str(files[i].text), &k, why);
		if (e != files[i].error || !slice_starts(slice_str(why), slice_str(files[i].why)))
			fail_msg("%s: %s, \"%s\"", files[i].name, error_name(e), why);
		assert_true((k != NULL) == (e == ERR_OK));
		arena_free(&a);
	}
}

/* Memory that does not suffice is said, not walked over. */
static void test_memory(void **state)
{
	size_t failed = 0;
	for (size_t limit = 1000; limit < 400000; limit += 9973) {
		struct arena a;
		struct knowledge *k;
		char why[KNOWLEDGE_WHY];
		arena_init(&a, limit);
		enum error e = knowledge_parse(&a, knowledge_builtin(), &k, why);
		failed += e == ERR_NO_MEMORY;
		if (e != ERR_OK && e != ERR_NO_MEMORY) fail_msg("%s: %s", error_name(e), why);
		arena_free(&a);
	}
	assert_true(failed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
