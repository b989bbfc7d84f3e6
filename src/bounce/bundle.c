/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/bundle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "bounce/bundle_internal.h"
#include "bounce/classify.h"

#define SAMPLE_MEMORY ((size_t)64 << 20)

/* ---- samples --------------------------------------------------------------------------------------------------------- */

static void tell(const struct rule_sample *s, const struct classification *v, char problem[BUNDLE_PROBLEM])
{
	const char *kind = kind_word(v->kind);
	int n = snprintf(problem, BUNDLE_PROBLEM, "line %u: the sample is %s%s%s, by", s->line, class_word(v->class),
	                 kind ? " " : "", kind ? kind : "");
	for (size_t i = 0; i < v->fired_count && n > 0 && n < BUNDLE_PROBLEM; i++)
		n += snprintf(problem + n, (size_t)(BUNDLE_PROBLEM - n), " %.*s", SLICE_ARG(v->fired[i]));
}

static enum error try_sample(struct classifier *c, const struct bundle *b, struct arena *a, const struct rule_sample *s,
                             char problem[BUNDLE_PROBLEM])
{
	struct mime m;
	struct classification v;
	if (!mime_parse(a, s->message, &m)) return ERR_NO_MEMORY;
	enum error e = classify(c, b, a, m.root, s->envelope_known ? &s->mail_from : NULL, &v);
	if (e) return e;
	if (v.class == s->class && (s->kind == KIND_NONE || v.kind == s->kind)) return ERR_OK;
	tell(s, &v, problem);
	return ERR_INVALID;
}

static enum error try_samples(const struct bundle *b, char problem[BUNDLE_PROBLEM])
{
	struct arena a;
	struct classifier *c = classifier_new();
	enum error e = c ? ERR_OK : ERR_NO_MEMORY;
	arena_init(&a, SAMPLE_MEMORY);
	for (size_t i = 0; i < b->rules->sample_count && e == ERR_OK; i++) {
		e = try_sample(c, b, &a, &b->rules->samples[i], problem);
		arena_reset(&a);
	}
	arena_free(&a);
	classifier_free(c);
	return e;
}

/* ---- lifetime -------------------------------------------------------------------------------------------------------- */

static void destroy(struct bundle *b)
{
	for (size_t i = 0; i < PLACE_COUNT; i++) literals_free(b->literals[i]);
	for (size_t i = 0; i < b->expression_count; i++) hs_free_database(b->expressions[i].compiled);
	free(b->expressions);
	conditions_free(b->conditions);
	rules_free(b->rules);
	b->magic = 0;
	free(b);
}

enum error bundle_load(struct slice text, struct bundle **out, char problem[BUNDLE_PROBLEM])
{
	static const struct bundle_help none;
	return bundle_load_helped(text, &none, out, problem);
}

enum error bundle_load_helped(struct slice text, const struct bundle_help *help, struct bundle **out,
                              char problem[BUNDLE_PROBLEM])
{
	static atomic_uint_least64_t serial = 1;
	*out = NULL;
	problem[0] = '\0';
	struct bundle *b = calloc(1, sizeof *b);
	if (!b) return ERR_NO_MEMORY;
	b->magic = BUNDLE_MAGIC;
	b->serial = atomic_fetch_add(&serial, 1);
	atomic_init(&b->references, 1);
	atomic_init(&b->compiled, false);
	enum error e = rules_read(text, &b->rules, problem);
	for (size_t i = 0; i < PLACE_COUNT && !e; i++) e = literals_new(b->rules, (enum place)i, &b->literals[i]);
	if (!e) e = conditions_new(b->rules, &b->conditions);
	if (!e) e = bundle_compile(b, help, problem);
	if (!e) e = try_samples(b, problem);
	if (!e) {
		*out = b;
		return ERR_OK;
	}
	if (!problem[0]) snprintf(problem, BUNDLE_PROBLEM, "%s", error_text(e));
	destroy(b);
	return e;
}

struct bundle *bundle_ref(struct bundle *b)
{
	assert(b->magic == BUNDLE_MAGIC);
	atomic_fetch_add(&b->references, 1);
	return b;
}

void bundle_unref(struct bundle *b)
{
	if (!b) return;
	assert(b->magic == BUNDLE_MAGIC);
	if (atomic_fetch_sub(&b->references, 1) == 1) destroy(b);
}

struct slice bundle_revision(const struct bundle *b)
{
	return b->rules->revision;
}

size_t bundle_phrases(const struct bundle *b)
{
	return b->rules->phrase_count;
}

size_t bundle_samples(const struct bundle *b)
{
	return b->rules->sample_count;
}

size_t bundle_memory(const struct bundle *b)
{
	size_t all = 0, n;
	for (size_t i = 0; i < PLACE_COUNT; i++) all += literals_memory(b->literals[i]);
	for (size_t i = 0; i < b->expression_count; i++)
		if (hs_database_size(b->expressions[i].compiled, &n) == HS_SUCCESS) all += n;
	return all;
}

bool bundle_was_compiled(const struct bundle *b)
{
	return b->compiled;
}
