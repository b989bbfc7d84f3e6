/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_writer [FIBERS [SECONDS [FOLDER]]] - how fast the spool takes messages
 *
 * FIBERS (50) sessions store 4 KiB messages as fast as they can for SECONDS (5) in a spool of its own in FOLDER (/tmp), each waiting
 * for its message to be on the disk; each message is removed again at once, as after a delivery. Prints key=value lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "relay/writer.h"

static struct loop *loop;
static struct writer *writer;
static int64_t until;
static unsigned running;
static const char *folder;
static char body[4096];

static struct message *make(void)
{
	struct message *m = message_new();
	if (!m) exit(3);
	m->record = (struct spool_message){.id = spool_new_id(clock_unix_ms()),
	                                   .tenant = 1,
	                                   .arrived = clock_unix(),
	                                   .return_path = SLICE("sender@example.net"),
	                                   .source = SLICE("192.0.2.1"),
	                                   .message_id = SLICE("<20231114221320.12345@example.net>"),
	                                   .size = sizeof body,
	                                   .recipient_count = 1};
	m->record.recipients = ARENA_NEW(&m->arena, struct spool_recipient);
	m->record.recipients[0].address = SLICE("recipient@example.org");
	blob_init(&m->body, 1 << 20, folder);
	if (blob_append(&m->body, slice_of(body, sizeof body))) exit(3);
	return m;
}

static void session(void *arg)
{
	while (clock_now_ms() < until) {
		struct message *m = make();
		if (writer_store(writer, m)) exit(3);
		writer_remove(writer, m->record.id, m->record.body_in_file);
		message_unref(m);
	}
	if (--running == 0) loop_stop(loop);
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	unsigned fibers = argc > 1 ? (unsigned)atoi(argv[1]) : 50;
	int seconds = argc > 2 ? atoi(argv[2]) : 5;
	char dir[256], why[256], command[300];
	struct db *spool;
	snprintf(dir, sizeof dir, "%s/backstop-bench-XXXXXX", argc > 3 ? argv[3] : "/tmp");
	if (fibers == 0 || seconds <= 0 || !mkdtemp(dir)) return 2;
	folder = dir;
	if (db_open(dir, DB_SPOOL, DB_CREATE, &spool, why)) return fprintf(stderr, "%s\n", why), 3;
	loop = loop_new();
	if (!loop || writer_start(spool, &writer)) return 3;
	for (running = 0; running < fibers; running++)
		if (scope_spawn(loop_scope(loop), "session", session, NULL)) return 3;
	int64_t begin = clock_now_ms();
	until = begin + seconds * 1000;
	loop_run(loop);
	double spent = (double)(clock_now_ms() - begin) / 1000;
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	double stored = (double)metric_get(METRIC_spool_stored),
	       cpu = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
	printf("stores_per_s=%.0f\ncpu_us_per_store=%.1f\nmessages_per_commit=%.1f\ncommits_per_s=%.0f\n",
	       stored / spent, cpu * 1e6 / stored, stored / (double)metric_get(METRIC_spool_commits),
	       (double)metric_get(METRIC_spool_commits) / spent);
	writer_stop(writer);
	loop_free(loop);
	db_close(spool);
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command) ? 3 : 0;
}
