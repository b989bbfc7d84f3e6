/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_writer - what a transaction in the ledger costs
 *
 *     ledger_writer FOLDER PASSAGES [LEDGER-SIZE-MIB]
 *
 * Adds so many passages, 10,000 a second at most, while another thread writes fingerprints as sessions do. Prints what adding takes the
 * session, what the writer's thread takes (expiry included, once the size is reached), how long a fingerprint waits, and what
 * a search takes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "relay/ledger_writer.h"
#include "store/fingerprint.h"
#include "store/spool.h"

#define RATE 10 /* a millisecond */

static _Atomic bool stop;
static int64_t worst_ns, sum_ns, put_count;

static double cpu_us(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void *put_fingerprints(void *arg)
{
	while (!atomic_load(&stop)) {
		struct fingerprint f;
		fingerprint_make(SLICE("a"), SLICE("b"), SLICE("c"), slice_of(&put_count, sizeof put_count), &f);
		int64_t begin = clock_now_ns();
		if (fingerprint_put(arg, &f, 1, put_count % 2 ? FINGERPRINT_DELIVERED : FINGERPRINT_NONE, 1700000000))
			abort();
		int64_t took = clock_now_ns() - begin;
		sum_ns += took;
		put_count++;
		if (took > worst_ns) worst_ns = took;
		usleep(1000);
	}
	return NULL;
}

static double add(struct ledger_writer *w, size_t i)
{
	char id[64], from[64], to[64];
	snprintf(id, sizeof id, "<20231114.%zu.abcdefgh@mail%zu.example.org>", i, i % 1000);
	snprintf(from, sizeof from, "someone%zu@example%zu.org", i % 50000, i % 7000);
	snprintf(to, sizeof to, "user%zu@tenant%zu.example.net", i % 20000, i % 100);
	struct ledger_passage p = {.id = spool_new_id(clock_unix_ms()),
	                           .time = clock_unix(),
	                           .tenant = 5,
	                           .helo = SLICE("mail.example.org"),
	                           .return_path = slice_str(from),
	                           .message_id = slice_str(id),
	                           .from_domain = SLICE("example.org"),
	                           .size = 4096,
	                           .spf = 2,
	                           .dkim = 2,
	                           .dmarc = 2,
	                           .proof = 3,
	                           .reply_code = 250,
	                           .has_digest = true,
	                           .server = SLICE("mx.tenant.example.net [192.0.2.1]")};
	ip_parse(SLICE("192.0.2.77"), &p.client);
	ledger_passage_recipient(&p, slice_str(to));
	ledger_passage_dkim_domain(&p, SLICE("example.org"));
	double begin = cpu_us(CLOCK_THREAD_CPUTIME_ID);
	ledger_writer_add(w, &p);
	return cpu_us(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static bool note(const struct ledger_passage *p, void *arg)
{
	(*(size_t *)arg)++;
	return true;
}

int main(int argc, char **argv)
{
	char why[256];
	struct db *ledger;
	struct ledger_writer *w;
	pthread_t thread;
	if (argc < 3) return 2;
	size_t n = strtoul(argv[2], NULL, 10), found = 0;
	struct ledger_bounds bounds = {.lifetime = 30 * 86400,
	                               .size = (argc > 3 ? strtoull(argv[3], NULL, 10) : 1024) << 20};
	if (db_open(argv[1], DB_LEDGER, DB_CREATE, &ledger, why)) return fprintf(stderr, "%s\n", why), 3;
	if (ledger_writer_start(ledger, &bounds, &w, why)) return 3;
	pthread_create(&thread, NULL, put_fingerprints, ledger);
	double adding = 0, begin = cpu_us(CLOCK_MONOTONIC), whole = cpu_us(CLOCK_PROCESS_CPUTIME_ID),
	       own = cpu_us(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < n; i++) {
		adding += add(w, i);
		if (i % (RATE * 10) == 0) usleep(10000);
	}
	ledger_writer_flush(w);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	double took = cpu_us(CLOCK_MONOTONIC) - begin;
	double others = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - whole - (cpu_us(CLOCK_THREAD_CPUTIME_ID) - own);
	struct ledger_summary s;
	ledger_summarize(ledger, &s);
	printf("%zu added in %.1f s; dropped %lld, expired %lld; %llu are there, %.1f MiB, %.0f octets each\n", n,
	       took / 1e6, (long long)metric_get(METRIC_ledger_dropped), (long long)metric_get(METRIC_ledger_expired),
	       (unsigned long long)s.passages, (double)s.size / (1 << 20),
	       s.passages ? (double)s.size / (double)s.passages : 0.0);
	printf("CPU: %.2f us a passage on the session's thread, %.2f us on the writer's (%lld fingerprints beside)\n",
	       adding / (double)n, others / (double)n, (long long)put_count);
	printf("a fingerprint took %.0f us on average, %.1f ms at worst\n",
	       put_count ? (double)sum_ns / 1e3 / (double)put_count : 0.0, (double)worst_ns / 1e6);
	double search = cpu_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < 1000; i++) {
		char id[64];
		size_t k = n - 1 - i * 7 % n;
		snprintf(id, sizeof id, "<20231114.%zu.abcdefgh@mail%zu.example.org>", k, k % 1000);
		ledger_each_by_message_id(ledger, slice_str(id), note, &found);
	}
	printf("a search by Message-ID: %.1f us (%zu of 1000 found)\n", (cpu_us(CLOCK_MONOTONIC) - search) / 1000,
	       found);
	ledger_writer_stop(w);
	db_close(ledger);
	return 0;
}
