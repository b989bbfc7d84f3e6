/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_lookup N [FOLDER] - import of N addresses, and the time of a look-up
 *
 * Makes a state of its own in FOLDER (default /tmp), imports N made-up addresses of one domain, and prints key=value lines: seconds of
 * the import (reading, sorting, storing, fsync), nanoseconds of a look-up of known and of unknown addresses in random order,
 * size of the file, and the process's peak memory. Also the look-ups of a tenant by domain and by source among a thousand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/directory.h"

#define LOOKUPS 1000000

static struct tenant_domain domains[] = {{.name = "example.org"}};

struct source {
	uint64_t n, at;
	char text[64];
};

/* A mixed-up number, so that addresses come in no order: an odd factor permutes the numbers below 2^32. */
static size_t address(char out[64], uint64_t i, const char *suffix)
{
	uint32_t x = (uint32_t)i * 2654435761u;
	return (size_t)snprintf(out, 64, "first%x.last%x%s", x >> 16, x & 0xffff, suffix);
}

static int next(void *arg, struct slice *line, uint64_t *number)
{
	struct source *s = arg;
	if (s->at == s->n) return 0;
	*line = slice_of(s->text, address(s->text, s->at, "@example.org"));
	*number = ++s->at;
	return 1;
}

static double lookup_ns(struct db *state, const struct tenant *t, uint64_t n, const char *suffix,
                        enum directory_answer expected)
{
	char text[64];
	uint64_t random = 88172645463325252u;
	int64_t spent = 0;
	for (int i = 0; i < LOOKUPS; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		struct slice local = slice_of(text, address(text, random % n, suffix));
		int64_t a = clock_now_ns();
		enum directory_answer answer = directory_lookup(state, t, local, SLICE("example.org"), NULL);
		spent += clock_now_ns() - a;
		if (answer != expected) abort();
	}
	return (double)spent / LOOKUPS;
}

static void tenant_lookups(struct db *state)
{
	char why[256], names[1000][32], one[32];
	struct tenants *s;
	for (int i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof names[i], "customer%d.example", i);
		snprintf(one, sizeof one, "t%d", i);
		struct tenant_domain d = {.name = names[i], .subdomains = i % 2};
		struct prefix p = {.ip = {.family = AF_INET, .octets = {10, (uint8_t)(i / 250), (uint8_t)(i % 250), 0}},
		                   .length = 24};
		struct tenant t = {.name = one, .domains = &d, .domain_count = 1, .from = &p, .from_count = 1};
		if (tenants_put(state, &t, NULL, why)) exit(3);
	}
	if (tenants_load(state, &s, why)) exit(3);
	int64_t begin = clock_now_ns();
	for (int i = 0; i < LOOKUPS; i++)
		if (!tenants_by_domain(s, slice_str(names[(unsigned)i % 999 * 7 % 1000]))) abort();
	printf("tenant_by_domain_ns=%.0f\n", (double)(clock_now_ns() - begin) / LOOKUPS);
	begin = clock_now_ns();
	for (int i = 0; i < LOOKUPS; i++) {
		struct ip ip = {.family = AF_INET,
		                .octets = {10, (uint8_t)(i % 4), (uint8_t)((unsigned)i % 247), (uint8_t)i}};
		if (!tenants_by_source(s, &ip)) abort();
	}
	printf("tenant_by_source_ns=%.0f\n", (double)(clock_now_ns() - begin) / LOOKUPS);
	tenants_unref(s);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	char dir[256], why[256], command[300];
	struct db *state;
	snprintf(dir, sizeof dir, "%s/backstop-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
	if (n == 0 || !mkdtemp(dir)) return 2;
	if (db_open(dir, DB_STATE, DB_CREATE, &state, why)) return fprintf(stderr, "%s\n", why), 3;
	struct tenant t = {.id = 1, .name = "bench", .domains = domains, .domain_count = 1, .plus = '+'};
	struct source source = {.n = n};
	struct directory_import in = {.tenant = &t, .next = next, .arg = &source};
	struct directory_result result;
	for (int round = 0; round < 2; round++) {
		source.at = 0;
		int64_t begin = clock_now_ns();
		if (directory_import(state, &in, &result, why)) return fprintf(stderr, "%s\n", why), 3;
		printf("%s_s=%.2f\n", round ? "import_again" : "import", (double)(clock_now_ns() - begin) / 1e9);
	}
	struct rusage usage;
	struct stat st;
	getrusage(RUSAGE_SELF, &usage);
	snprintf(command, sizeof command, "%s/state/data.mdb", dir);
	stat(command, &st);
	printf("addresses=%llu\npeak_memory_mb=%ld\nfile_mb=%lld\n", (unsigned long long)result.read,
	       usage.ru_maxrss / 1024, (long long)st.st_size >> 20);
	printf("clock_ns=%.0f\n", (double)({
					  int64_t a = clock_now_ns();
					  for (int i = 0; i < LOOKUPS; i++) clock_now_ns();
					  clock_now_ns() - a;
				  }) / LOOKUPS);
	printf("known_ns=%.0f\n", lookup_ns(state, &t, n, "", DIRECTORY_KNOWN));
	printf("unknown_ns=%.0f\n", lookup_ns(state, &t, n, "x", DIRECTORY_UNKNOWN));
	tenant_lookups(state);
	db_close(state);
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command) ? 3 : 0;
}
