/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/bouncefield.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mail/header.h"

static struct bouncefield example(struct provenance *p, struct judgement *j)
{
	*p = (struct provenance){.direction = PROVENANCE_INBOUND};
	*j = (struct judgement){JUDGE_unknown, "no header of the original came back"};
	p->witnesses[WITNESS_tag] = (struct witness){SILENT, "the address has no tag", SLICE_EMPTY};
	p->witnesses[WITNESS_ledger] = (struct witness){SPEAKS_FOR, "the addressee sent it", SLICE("<a@b>")};
	return (struct bouncefield){.class = CLASS_NDR,
	                            .kind = KIND_FAILED,
	                            .probability = 0.9984,
	                            .judgement = j,
	                            .provenance = p};
}

static void what_it_looks_like(void **state)
{
	struct arena a;
	struct provenance p;
	struct judgement j;
	struct bouncefield f = example(&p, &j);
	arena_init(&a, 1 << 16);
	struct slice text = bouncefield(&a, &f);
	assert_true(slice_equal(text, SLICE("X-Backstop-Bounce: unknown; class=ndr; kind=failed; probability=0.998;\r\n"
	                                    "\twhy=\"no header of the original came back\";\r\n"
	                                    "\ttag=silent (the address has no tag);\r\n"
	                                    "\tledger=for (the addressee sent it: <a@b>)\r\n")));
	f.class = CLASS_AUTOREPLY;
	f.kind = KIND_NONE;
	f.probability = 1;
	text = bouncefield(&a, &f);
	assert_true(slice_starts(text, SLICE("X-Backstop-Bounce: unknown; class=autoreply; probability=1.000;\r\n")));
	arena_free(&a);
}

/* Whatever a witness saw, it is one field, of short lines, and its parentheses are even. */
static void it_is_well_formed_whatever_was_seen(void **state)
{
	char wild[3000];
	for (size_t i = 0; i < sizeof wild; i++) wild[i] = (char)(i * 7);
	const struct slice seen[] = {SLICE("a\r\nX-Forged: yes\r\n\r\nbody"),
	                             SLICE("\\"),
	                             SLICE("((("),
	                             SLICE(")))"),
	                             SLICE("a\\) dkim=for (b"),
	                             slice_of(wild, sizeof wild)};
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		struct arena a;
		struct provenance p;
		struct judgement j;
		struct bouncefield f = example(&p, &j);
		struct header_iterator it;
		struct header_field field;
		size_t line = 0;
		int open = 0;
		arena_init(&a, 1 << 16);
		for (int w = 0; w < WITNESS_COUNT; w++) p.witnesses[w] = (struct witness){SILENT, "why", seen[i]};
		struct slice text = bouncefield(&a, &f);
		assert_true(text.n <= BOUNCEFIELD_MOST);
		header_begin(&it, text);
		assert_true(header_next(&it, &field) && header_is(&field, BOUNCEFIELD_NAME));
		assert_false(header_next(&it, &field));
		for (size_t k = 0; k < text.n; k++) {
			line = text.p[k] == '\n' ? 0 : line + 1;
			open += (text.p[k] == '(') - (text.p[k] == ')');
			assert_true(line < 250 && open >= 0 && open <= 1 && text.p[k] != '\\');
		}
		assert_int_equal(open, 0);
		arena_free(&a);
	}
}

static void without_memory_there_is_none(void **state)
{
	for (size_t limit = 1; limit < 1500; limit += 7) {
		struct arena a;
		struct provenance p;
		struct judgement j;
		struct bouncefield f = example(&p, &j);
		arena_init(&a, limit);
		struct slice text = bouncefield(&a, &f);
		assert_true(!text.p || slice_ends_nocase(text, SLICE("(the addressee sent it: <a@b>)\r\n")));
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_looks_like),
		cmocka_unit_test(it_is_well_formed_whatever_was_seen),
		cmocka_unit_test(without_memory_there_is_none),
	};
	return cmocka_run_group_tests_name("bounce/bouncefield", tests, NULL, NULL);
}
