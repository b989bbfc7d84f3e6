/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_knowledge - the built-in knowledge of explain, for tests
 *
 * The set-up and tear-down of a group of tests: `cmocka_run_group_tests(tests, load_knowledge, unload_knowledge)`; between them it is
 * in `knowledge`. For tests only, each of which has its own; cmocka.h stands before it.
 */
#ifndef BACKSTOP_BOUNCE_TEST_KNOWLEDGE_H
#define BACKSTOP_BOUNCE_TEST_KNOWLEDGE_H

#include "bounce/knowledge.h"

static struct arena knowledge_arena;
static struct knowledge *knowledge;

static int load_knowledge(void **state)
{
	char why[KNOWLEDGE_WHY];
	arena_init(&knowledge_arena, KNOWLEDGE_ARENA);
	return knowledge_parse(&knowledge_arena, knowledge_builtin(), &knowledge, why);
}

static int unload_knowledge(void **state)
{
	arena_free(&knowledge_arena);
	return 0;
}

#endif
