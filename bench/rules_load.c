/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_load [RULES-FILE] - how long a rule bundle takes until it is ready, when no expression of it was ever compiled
 *
 * Each expression is altered so that it means the same and is not known (`~ X` becomes `~ (?:X)`); the file is that of the built-in rules
 * if none is named. Prints for each expression the CPU milliseconds that libhs takes to compile it and the octets it makes of it, dearest
 * first, then key=value lines: the median of five loads, as time and as CPU.
 */
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "bounce/bundle_internal.h"

#define LOADS 5

struct cost {
	double ms;
	size_t octets;
	const struct rule_phrase *phrase;
};

static void die(const char *what)
{
	fprintf(stderr, "rules_load: %s\n", what);
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct slice read_file(const char *name)
{
	char *octets = malloc(RULES_TEXT_MOST);
	FILE *f = fopen(name, "rb");
	if (!f || !octets) die(name);
	size_t n = fread(octets, 1, RULES_TEXT_MOST, f);
	fclose(f);
	return slice_of(octets, n);
}

/* The text with all its expressions altered. Never freed. */
static struct slice alter(struct slice text)
{
	char *octets = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&octets, &n);
	if (!f) die("out of memory");
	while (text.p) {
		struct slice line = slice_split(&text, '\n'), bare = slice_trim(line);
		bool expression = bare.n > 0 && bare.p[0] == '~';
		if (expression) bare = slice_trim(slice_sub(bare, 1, bare.n));
		if (expression)
			fprintf(f, "~ (?:%.*s)\n", SLICE_ARG(bare));
		else
			fprintf(f, "%.*s%s", SLICE_ARG(line), text.p ? "\n" : "");
	}
	if (fclose(f) != 0) die("out of memory");
	return slice_of(octets, n);
}

/* ---- expressions, one by one ----------------------------------------------------------------------------------------- */

static struct cost compile(const struct rule_phrase *p)
{
	hs_database_t *database;
	hs_compile_error_t *why;
	struct cost c = {.phrase = p};
	double begun = now(CLOCK_THREAD_CPUTIME_ID);
	if (hs_compile(p->pattern.p, BUNDLE_FLAGS, BUNDLE_MODE, NULL, &database, &why) != HS_SUCCESS) die(why->message);
	c.ms = now(CLOCK_THREAD_CPUTIME_ID) - begun;
	hs_database_size(database, &c.octets);
	hs_free_database(database);
	return c;
}

static int dearest_first(const void *a, const void *b)
{
	double x = ((const struct cost *)a)->ms, y = ((const struct cost *)b)->ms;
	return (x < y) - (x > y);
}

static void list_expressions(struct slice text)
{
	char problem[RULES_PROBLEM];
	struct rules *r;
	struct cost costs[RULES_EXPRESSIONS];
	size_t n = 0;
	if (rules_read(text, &r, problem) != ERR_OK) die(problem);
	for (size_t i = 0; i < r->phrase_count; i++)
		if (r->phrases[i].number > 0) costs[n++] = compile(&r->phrases[i]);
	qsort(costs, n, sizeof *costs, dearest_first);
	for (size_t i = 0; i < n; i++) {
		const struct rule_phrase *p = costs[i].phrase;
		printf("%.2f\t%zu\tline %u\t%.*s\t%.*s\n", costs[i].ms, costs[i].octets, p->line,
		       SLICE_ARG(r->signals[p->signal].name), SLICE_ARG(p->pattern));
	}
	printf("expressions=%zu\n", n);
	rules_free(r);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *of)
{
	qsort(of, LOADS, sizeof *of, compare);
	return of[LOADS / 2];
}

int main(int argc, char **argv)
{
	char problem[BUNDLE_PROBLEM];
	double time[LOADS], cpu[LOADS];
	struct slice text = alter(argc > 1 ? read_file(argv[1]) : bundle_default_text());
	list_expressions(text);
	for (size_t i = 0; i < LOADS; i++) {
		struct bundle *b;
		double time_begun = now(CLOCK_MONOTONIC), cpu_begun = now(CLOCK_PROCESS_CPUTIME_ID);
		if (bundle_load(text, &b, problem) != ERR_OK) die(problem);
		time[i] = now(CLOCK_MONOTONIC) - time_begun;
		cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu_begun;
		bundle_unref(b);
	}
	printf("load_ms=%.0f\nload_cpu_ms=%.0f\n", median(time), median(cpu));
	return 0;
}
