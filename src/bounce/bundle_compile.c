/* SPDX-License-Identifier: Apache-2.0 */
/* The expressions of a bundle become databases of libhs. */
#include <stdio.h>
#include <stdlib.h>

#include "auth/digest.h"
#include "bounce/bundle_internal.h"

#define WIDTH_MOST 1024 /* octets that one expression may match */
#define FLAGS      (HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH)

/* ---- which are in a part --------------------------------------------------------------------------------------------- */

/* FNV-1a: the same in every process, unlike slice_hash(). */
static size_t part_of(struct slice pattern)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < pattern.n; i++) h = (h ^ (unsigned char)pattern.p[i]) * 16777619u;
	return (h ^ h >> 16) % BUNDLE_PARTS;
}

static bool is_in(const struct rules *rules, const struct rule_phrase *p, size_t place, size_t part)
{
	return p->pattern.n > 0 && rules->signals[p->signal].places & 1u << place && part_of(p->pattern) == part;
}

static enum error list_part(const struct rules *rules, size_t place, size_t part, struct bundle_part *out)
{
	size_t n = 0;
	for (size_t i = 0; i < rules->phrase_count; i++) n += is_in(rules, &rules->phrases[i], place, part);
	if (n == 0) return ERR_OK;
	out->phrases = calloc(n, sizeof *out->phrases);
	if (!out->phrases) return ERR_NO_MEMORY;
	for (size_t i = 0; i < rules->phrase_count; i++)
		if (is_in(rules, &rules->phrases[i], place, part)) out->phrases[out->count++] = (uint32_t)i;
	return ERR_OK;
}

static enum error name_part(const struct rules *rules, struct bundle_part *p)
{
	struct digest d;
	const char *version = hs_version();
	digest_begin(&d, HASH_SHA256);
	digest_put(&d, slice_of(version, strlen(version) + 1));
	for (size_t i = 0; i < p->count; i++) {
		struct slice pattern = rules->phrases[p->phrases[i]].pattern;
		digest_put(&d, slice_of(pattern.p, pattern.n + 1)); /* with its NUL */
	}
	return digest_end(&d, p->key) ? ERR_OK : ERR_NO_MEMORY;
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

static enum error compile_listed(const struct rules *rules, struct bundle_part *part, const char **expressions,
                                 unsigned *flags, unsigned *ids, char problem[BUNDLE_PROBLEM])
{
	hs_compile_error_t *why = NULL;
	for (size_t i = 0; i < part->count; i++) {
		expressions[i] = rules->phrases[part->phrases[i]].pattern.p;
		flags[i] = FLAGS;
		ids[i] = (unsigned)i;
	}
	hs_error_t failed = hs_compile_multi(expressions, flags, ids, (unsigned)part->count, HS_MODE_BLOCK, NULL,
	                                     &part->compiled, &why);
	if (failed == HS_SUCCESS) return ERR_OK;
	unsigned line = why && why->expression >= 0 ? rules->phrases[part->phrases[why->expression]].line : 0;
	snprintf(problem, BUNDLE_PROBLEM, "line %u: %.200s", line, why ? why->message : "cannot be compiled");
	hs_free_compile_error(why);
	return failed == HS_NOMEM ? ERR_NO_MEMORY : ERR_INVALID;
}

static enum error compile_part(const struct rules *rules, struct bundle_part *part, char problem[BUNDLE_PROBLEM])
{
	const char **expressions = calloc(part->count, sizeof *expressions);
	unsigned *flags = calloc(part->count, sizeof *flags), *ids = calloc(part->count, sizeof *ids);
	enum error e = expressions && flags && ids ? ERR_OK : ERR_NO_MEMORY;
	for (size_t i = 0; i < part->count && !e; i++) {
		const struct rule_phrase *p = &rules->phrases[part->phrases[i]];
		if (p->expression) e = check_expression(p, problem);
	}
	if (!e) e = compile_listed(rules, part, expressions, flags, ids, problem);
	free(expressions);
	free(flags);
	free(ids);
	return e;
}

static enum error fill_part(struct bundle *b, size_t place, size_t i, struct slice packed, char problem[BUNDLE_PROBLEM])
{
	struct bundle_part *part = &b->parts[place][i];
	enum error e = list_part(b->rules, place, i, part);
	if (e || part->count == 0) return e;
	if ((e = name_part(b->rules, part))) return e;
	part->compiled = bundle_find_packed(packed, part->key);
	if (part->compiled) return ERR_OK;
	b->compiled = true;
	if (hs_valid_platform() == HS_SUCCESS) return compile_part(b->rules, part, problem);
	snprintf(problem, BUNDLE_PROBLEM, "this processor has no SSSE3, which libhs wants");
	return ERR_SYSTEM;
}

enum error bundle_compile(struct bundle *b, struct slice packed, char problem[BUNDLE_PROBLEM])
{
	enum error e = ERR_OK;
	struct slice parts = bundle_packed_parts(packed);
	for (size_t place = 0; place < PLACE_COUNT; place++)
		for (size_t i = 0; i < BUNDLE_PARTS && !e; i++) e = fill_part(b, place, i, parts, problem);
	return e;
}
