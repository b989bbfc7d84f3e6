/* SPDX-License-Identifier: Apache-2.0 */
/* The expressions of a bundle become databases of libhs. */
#include <stdio.h>
#include <stdlib.h>

#include "auth/digest.h"
#include "bounce/bundle_internal.h"

#define WIDTH_MOST 1024 /* octets that one expression may match */

static enum error list_expressions(struct bundle *b)
{
	const struct rules *rules = b->rules;
	b->expressions = calloc(rules->expression_count + 1, sizeof *b->expressions);
	if (!b->expressions) return ERR_NO_MEMORY;
	b->expression_count = rules->expression_count;
	for (size_t i = 0; i < b->expression_count; i++) {
		const struct rule_expression *e = &rules->expressions[i];
		for (size_t place = 0; place < PLACE_COUNT && !e->gated; place++)
			if (rules->signals[e->signal].places & 1u << place)
				b->ungated[place][i / 64] |= UINT64_C(1) << i % 64;
	}
	return ERR_OK;
}

static enum error name_expression(struct slice pattern, unsigned char key[BUNDLE_KEY])
{
	struct digest d;
	const char *version = hs_version();
	const unsigned manner[] = {BUNDLE_FLAGS, BUNDLE_MODE};
	digest_begin(&d, HASH_SHA256);
	digest_put(&d, slice_of(version, strlen(version) + 1));
	digest_put(&d, slice_of(manner, sizeof manner));
	digest_put(&d, pattern);
	return digest_end(&d, key) ? ERR_OK : ERR_NO_MEMORY;
}

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

static enum error compile(const struct rule_phrase *p, hs_database_t **out, char problem[BUNDLE_PROBLEM])
{
	hs_compile_error_t *why = NULL;
	enum error e = p->expression ? check_expression(p, problem) : ERR_OK;
	if (e) return e;
	hs_error_t failed = hs_compile(p->pattern.p, BUNDLE_FLAGS, BUNDLE_MODE, NULL, out, &why);
	if (failed == HS_SUCCESS) return ERR_OK;
	snprintf(problem, BUNDLE_PROBLEM, "line %u: %.200s", p->line, why ? why->message : "cannot be compiled");
	hs_free_compile_error(why);
	return failed == HS_NOMEM ? ERR_NO_MEMORY : ERR_INVALID;
}

/* What the threads that compile share. */
struct job {
	struct bundle *bundle;
	struct slice kept[2]; /* where a compiled one may be */
	atomic_size_t next;   /* expression */
	atomic_bool failed;   /* no more need be compiled */
};

static enum error fill(struct job *j, size_t index, char problem[BUNDLE_PROBLEM])
{
	struct bundle *b = j->bundle;
	struct bundle_expression *x = &b->expressions[index];
	const struct rule_phrase *p = &b->rules->phrases[b->rules->expressions[index].phrase];
	if (x->compiled) return ERR_OK;
	enum error e = name_expression(p->pattern, x->key);
	if (e) return e;
	for (size_t i = 0; i < 2 && !x->compiled; i++) x->compiled = bundle_find_packed(j->kept[i], x->key);
	if (x->compiled) return ERR_OK;
	atomic_store(&b->compiled, true);
	if (hs_valid_platform() == HS_SUCCESS) return compile(p, &x->compiled, problem);
	snprintf(problem, BUNDLE_PROBLEM, "this processor has no SSSE3, which libhs wants");
	return ERR_SYSTEM;
}

static void fill_some(void *context)
{
	struct job *j = context;
	char unused[BUNDLE_PROBLEM];
	while (!atomic_load(&j->failed)) {
		size_t i = atomic_fetch_add(&j->next, 1);
		if (i >= j->bundle->expression_count) return;
		if (fill(j, i, unused)) atomic_store(&j->failed, true);
	}
}

enum error bundle_compile(struct bundle *b, const struct bundle_help *help, char problem[BUNDLE_PROBLEM])
{
	struct job j = {b,
	                {bundle_packed_pieces(bundle_default_packed()), bundle_packed_pieces(help->packed)},
	                0,
	                false};
	enum error e = list_expressions(b);
	if (!e && help->together) help->together(fill_some, &j);
	/* What is left: all, or none, or what comes behind a mistake, whose place and words are the same so however many threads there are. */
	for (size_t i = 0; i < b->expression_count && !e; i++) e = fill(&j, i, problem);
	return e;
}
