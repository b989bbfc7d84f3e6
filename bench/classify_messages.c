/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify_messages [ROUNDS] - messages classified a second, on one thread
 *
 * Standard input has a line for each message: the file, a tab, and the return path ("<>" for none, empty: unknown). All are read
 * first; a round parses and classifies every one. Prints key=value lines: the median of the rounds, what a message takes
 * of memory, what is taken once; then a line "class TAB kind TAB file" for each message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "bounce/classify.h"

#define ROUNDS_MAX 99
#define MEMORY     ((size_t)256 << 20)
#define FIRST      (64 * 1024) /* as the relay has it */

struct message {
	char *file, *path; /* path: NULL, unknown */
	struct slice octets;
};

static void die(const char *what)
{
	fprintf(stderr, "classify_messages: %s\n", what);
	exit(1);
}

static struct slice read_file(const char *name)
{
	FILE *f = fopen(name, "rb");
	char *octets = NULL;
	size_t n = 0, got = 0;
	if (!f) die(name);
	do {
		octets = realloc(octets, n + 65536);
		if (!octets) die("out of memory");
		got = fread(octets + n, 1, 65536, f);
		n += got;
	} while (got > 0);
	fclose(f);
	octets = realloc(octets, n + 1); /* gives the rest back */
	if (!octets) die("out of memory");
	return slice_of(octets, n);
}

static size_t read_list(struct message **out)
{
	char *line = NULL;
	size_t room = 0, n = 0;
	*out = NULL;
	while (getline(&line, &room, stdin) > 0) {
		struct message *all = realloc(*out, (n + 1) * sizeof *all);
		if (!all) die("out of memory");
		*out = all;
		line[strcspn(line, "\n")] = '\0';
		char *tab = strchr(line, '\t');
		if (tab) *tab++ = '\0';
		all[n].file = strdup(line);
		all[n].path = tab && *tab ? strdup(tab) : NULL;
		all[n].octets = read_file(line);
		n++;
	}
	free(line);
	return n;
}

static void classify_one(struct classifier *c, const struct bundle *b, struct arena *a, const struct message *m,
                         struct classification *out)
{
	struct mime mime;
	struct slice path = slice_str(m->path);
	arena_reset(a);
	if (!mime_parse(a, m->octets, &mime)) die("out of memory");
	if (classify(c, b, a, mime.root, m->path ? &path : NULL, out) != ERR_OK) die("out of memory");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double seconds(void)
{
	return (double)clock_now_ns() / 1e9;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5;
	double rates[ROUNDS_MAX], begun;
	char problem[BUNDLE_PROBLEM];
	struct message *all;
	struct bundle *b;
	struct arena a;
	struct classification v;
	struct rusage usage;
	size_t memory = 0, most = 0, octets = 0, n = read_list(&all);
	if (n == 0 || rounds < 1 || rounds > ROUNDS_MAX) die("no messages, or not 1 to 99 rounds");
	begun = seconds();
	if (bundle_load(bundle_default_text(), &b, problem) != ERR_OK) die(problem);
	double load = seconds() - begun;
	struct classifier *c = classifier_new();
	if (!c) die("out of memory");
	arena_init_sized(&a, MEMORY, FIRST);
	for (int r = 0; r < rounds; r++) {
		begun = seconds();
		for (size_t i = 0; i < n; i++) classify_one(c, b, &a, &all[i], &v);
		rates[r] = (double)n / (seconds() - begun);
	}
	qsort(rates, (size_t)rounds, sizeof *rates, compare);
	getrusage(RUSAGE_SELF, &usage);
	for (size_t i = 0; i < n; i++) {
		classify_one(c, b, &a, &all[i], &v);
		memory += a.used;
		octets += all[i].octets.n;
		if (a.used > most) most = a.used;
		printf("%s\t%s\t%s\n", class_word(v.class), kind_word(v.kind) ? kind_word(v.kind) : "-", all[i].file);
	}
	printf("messages=%zu\noctets_a_message=%zu\nmessages_a_second=%.0f\nmemory_a_message=%zu\nmemory_most=%zu\n", n,
	       octets / n, rates[rounds / 2], memory / n, most);
	printf("bundle_load_ms=%.0f\nbundle_octets=%zu\nresident_kib=%ld\nof_it_messages_kib=%zu\n", load * 1e3,
	       bundle_memory(b), usage.ru_maxrss, octets / 1024);
	classifier_free(c);
	bundle_unref(b);
	return 0;
}
