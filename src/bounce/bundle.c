/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/bundle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "bounce/bundle_internal.h"
#include "bounce/classify.h"

#define WIDTH_MOST    1024 /* octets that one expression may match */
#define SAMPLE_MEMORY ((size_t)64 << 20)

/* ---- compiling ------------------------------------------------------------------------------------------------------- */

/* An expression must have an end, and not match nothing: else one message could keep us busy, or all would match. */
static enum error check_expression(const struct rule_phrase *p, char problem[BUNDLE_PROBLEM])
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *why = NULL;
	enum error e = ERR_OK;
	if (hs_expression_info(p->pattern.p, HS_FLAG_DOTALL, &info, &why) != HS_SUCCESS) {
		snprintf(problem, BUNDLE_PROBLEM, "line %u: %.200s", p->line, why ? why->message : "no expression");
		e = ERR_INVALID;
	} else if (info->max_width > WIDTH_MOST || info->min_width < RULES_PHRASE_LEAST) {
		snprintf(problem, BUNDLE_PROBLEM, "line %u: the expression matches less than %d or more than %d octets",
		         p->line, RULES_PHRASE_LEAST, WIDTH_MOST);
		e = ERR_INVALID;
	}
	hs_free_compile_error(why);
	free(info);
	return e;
}

struct patterns {
	const char **expressions;
	unsigned *flags, *ids;
};

static enum error compile_place(struct bundle *b, enum place place, const struct patterns *p,
                                char problem[BUNDLE_PROBLEM])
{
	const struct rules *rules = b->rules;
	hs_compile_error_t *why = NULL;
	unsigned n = 0;
	for (unsigned i = 0; i < rules->phrase_count; i++) {
		const struct rule_phrase *phrase = &rules->phrases[i];
		if (phrase->repeated || !(rules->signals[phrase->signal].places & 1u << place)) continue;
		p->expressions[n] = phrase->pattern.p;
		p->flags[n] = HS_FLAG_DOTALL | (phrase->set ? 0 : HS_FLAG_SINGLEMATCH); /* where they are counts */
		p->ids[n++] = i;
	}
	if (n == 0) return ERR_OK;
	hs_error_t failed =
		hs_compile_multi(p->expressions, p->flags, p->ids, n, HS_MODE_BLOCK, NULL, &b->phrases[place], &why);
	if (failed == HS_SUCCESS) return ERR_OK;
	unsigned line = why && why->expression >= 0 ? rules->phrases[p->ids[why->expression]].line : 0;
	snprintf(problem, BUNDLE_PROBLEM, "line %u: %.200s", line, why ? why->message : "cannot be compiled");
	hs_free_compile_error(why);
	return failed == HS_NOMEM ? ERR_NO_MEMORY : ERR_INVALID;
}

static enum error compile_patterns(struct bundle *b, const struct patterns *p, char problem[BUNDLE_PROBLEM])
{
	enum error e = ERR_OK;
	for (size_t i = 0; i < b->rules->phrase_count && !e; i++)
		if (!b->rules->phrases[i].literal) e = check_expression(&b->rules->phrases[i], problem);
	for (size_t i = 0; i < PLACE_COUNT && !e; i++) e = compile_place(b, (enum place)i, p, problem);
	return e;
}

static enum error compile(struct bundle *b, char problem[BUNDLE_PROBLEM])
{
	size_t n = b->rules->phrase_count;
	if (n == 0) return ERR_OK;
	if (hs_valid_platform() != HS_SUCCESS) {
		snprintf(problem, BUNDLE_PROBLEM, "this processor has no SSSE3, which libhs wants");
		return ERR_SYSTEM;
	}
	struct patterns p = {calloc(n, sizeof *p.expressions), calloc(n, sizeof *p.flags), calloc(n, sizeof *p.ids)};
	enum error e = ERR_NO_MEMORY;
	if (p.expressions && p.flags && p.ids) e = compile_patterns(b, &p, problem);
	free(p.expressions);
	free(p.flags);
	free(p.ids);
	return e;
}

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
	for (size_t i = 0; i < PLACE_COUNT; i++) hs_free_database(b->phrases[i]);
	rules_free(b->rules);
	b->magic = 0;
	free(b);
}

enum error bundle_load(struct slice text, struct bundle **out, char problem[BUNDLE_PROBLEM])
{
	return bundle_load_packed(text, SLICE_EMPTY, out, problem);
}

enum error bundle_load_packed(struct slice text, struct slice packed, struct bundle **out, char problem[BUNDLE_PROBLEM])
{
	static atomic_uint_least64_t serial = 1;
	*out = NULL;
	problem[0] = '\0';
	struct bundle *b = calloc(1, sizeof *b);
	if (!b) return ERR_NO_MEMORY;
	b->magic = BUNDLE_MAGIC;
	b->serial = atomic_fetch_add(&serial, 1);
	atomic_init(&b->references, 1);
	enum error e = rules_read(text, &b->rules, problem);
	if (!e && !bundle_unpack(b, text, packed)) e = compile(b, problem);
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
	for (size_t i = 0; i < PLACE_COUNT; i++)
		if (b->phrases[i] && hs_database_size(b->phrases[i], &n) == HS_SUCCESS) all += n;
	return all;
}
