/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime_parse [ROUNDS] [FILE...] - how long reading a message takes
 * mime_parse hostile - the same for messages of 1 MiB that were made to be slow: nothing may take over 50 ms
 *
 * Without files: an ordinary mail and a delivery report of about 6 KB, made here. For each message: the tree alone; tree
 * and texts; tree, delivery report and original. One thread; medians of the rounds, in nanoseconds of CPU time a message, and how
 * much memory of the arena a message took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/hostile.h"
#include "mail/charset.h"
#include "mail/disposition.h"
#include "mail/encodedword.h"
#include "mail/feedback.h"
#include "mail/html.h"
#include "mail/mime.h"
#include "mail/original.h"
#include "mail/parameter.h"
#include "mail/status.h"
#include "mail/transfer.h"

#define ROUND_NS   1e8
#define ROUNDS_MAX 99
#define MEMORY     (64 << 20)
#define TEXT_MOST  (64 << 10)

enum work { TREE, TEXTS, REPORT, WORK_COUNT };

static const char *const work_names[] = {"tree", "tree_texts", "tree_report_original"};

static void die(const char *what)
{
	fprintf(stderr, "mime_parse: %s\n", what);
	exit(1);
}

/* Arena octets that were used. */
static size_t read_once(struct arena *a, struct slice message, enum work work)
{
	struct mime m;
	struct status_report r;
	struct original o;
	arena_reset(a);
	if (!mime_parse(a, message, &m)) die("out of memory");
	if (work == TEXTS)
		for (const struct mime_part *p = m.root; p; p = mime_next(m.root, p))
			if (!p->first && p->embedded == 0 && !mime_text(a, p, TEXT_MOST).p) die("out of memory");
	if (work == REPORT) {
		status_find(a, m.root, &r);
		original_find(a, m.root, &o);
	}
	return a->used;
}

/* CPU time of this thread: other programs may run. */
static double cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void measure(const char *name, struct slice message, size_t rounds)
{
	struct arena a;
	arena_init(&a, MEMORY);
	for (enum work work = TREE; work < WORK_COUNT; work++) {
		double ns[ROUNDS_MAX];
		size_t used = 0;
		for (size_t round = 0; round < rounds; round++) {
			double begin = cpu_ns(), now;
			size_t count = 0;
			do {
				for (int i = 0; i < 100; i++, count++) used = read_once(&a, message, work);
				now = cpu_ns();
			} while (now - begin < ROUND_NS);
			ns[round] = (now - begin) / (double)count;
		}
		qsort(ns, rounds, sizeof *ns, compare);
		printf("message=%s octets=%zu work=%s ns=%.0f memory=%zu\n", name, message.n, work_names[work],
		       ns[rounds / 2], used);
	}
	arena_free(&a);
}

static struct slice read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t room = 8 << 20, n;
	char *text = malloc(room);
	if (!f || !text) die(path);
	n = fread(text, 1, room, f);
	fclose(f);
	return slice_of(text, n);
}

#define HEADER                                                                                                         \
	"Return-Path: <joe@example.com>\r\n"                                                                           \
	"Received: from mx1.example.com (mx1.example.com [192.0.2.1])\r\n\tby mx.example.net with ESMTPS id "          \
	"4ABCDEF\r\n\t"                                                                                                \
	"(version=TLSv1.3); Mon, 23 Nov 2026 22:17:00 +0000\r\n"                                                       \
	"Received: from desk.example.com (unknown [198.51.100.7])\r\n\tby mx1.example.com with ESMTPSA id 1234;\r\n\t" \
	"Mon, 23 Nov 2026 22:16:58 +0000\r\n"                                                                          \
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=2026;\r\n\tt=1795472220; "             \
	"h=from:to:subject:"                                                                                           \
	"date:message-id;\r\n\tbh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/"                                                    \
	"XKdLCPjaYaY=;\r\n\tb=kM0bLDp8zDVkTnKkyFUhTGdcH0m4Zr5u/7VkC"                                                   \
	"Kg0T8n3\r\n\t zM9YJ0dGyuNwJw3sG0lY2iGOVb0qs7MyQm8xkP0dEo3m\r\n"                                               \
	"Message-ID: <20261123221658.1234@desk.example.com>\r\nDate: Mon, 23 Nov 2026 22:16:58 +0000\r\n"              \
	"From: Joe Doe <joe@example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\nSubject: Dinner next week\r\n" \
	"User-Agent: Mutt/2.2\r\nMIME-Version: 1.0\r\n"

static const char line[] = "The quick brown fox jumps over the lazy dog, again and again and again.\r\n";
static const char html_line[] =
	"<p style=\"margin:0\">The quick brown fox <b>jumps</b> over the lazy&nbsp;dog.</p>\r\n";

static struct slice make(const char *head, const char *unit, size_t octets, const char *middle, const char *unit_2,
                         const char *end)
{
	char *text = malloc(octets * 2 + 16384);
	if (!text) die("out of memory");
	size_t n = (size_t)sprintf(text, "%s", head), half = octets / 2;
	while (n < half) n += (size_t)sprintf(text + n, "%s", unit);
	n += (size_t)sprintf(text + n, "%s", middle);
	while (n < octets - 100) n += (size_t)sprintf(text + n, "%s", unit_2);
	n += (size_t)sprintf(text + n, "%s", end);
	return slice_of(text, n);
}

/* ---- hostile messages -------------------------------------------------------------------------------------------- */

/* Everything that one may ask of a message, whole. */
static void read_all(struct arena *a, struct slice message)
{
	struct mime m;
	struct status_report r;
	struct original o;
	struct feedback f;
	struct disposition d;
	arena_reset(a);
	if (!mime_parse(a, message, &m)) die("out of memory");
	for (const struct mime_part *p = m.root; p; p = mime_next(m.root, p))
		if (!p->first) mime_text(a, p, TEXT_MOST);
	status_find(a, m.root, &r);
	original_find(a, m.root, &o);
	feedback_find(a, m.root, &f);
	disposition_find(a, m.root, &d);
	encodedword_decode(a, mime_value(m.root, "Subject"));
}

/* And each reader by itself. */
static void read_each(struct arena *a, struct slice text, struct slice head)
{
	struct slice out, body = slice_sub(text, head.n, text.n);
	struct status_report r;
	struct original o;
	struct feedback f;
	struct disposition d;
	arena_reset(a);
	parameter_find(a, body, "charset", &out);
	encodedword_decode(a, body);
	html_to_text(a, body, SIZE_MAX);
	transfer_base64(a, body, SIZE_MAX);
	transfer_quoted_printable(a, body, SIZE_MAX);
	transfer_uuencode(a, body, SIZE_MAX);
	status_read(a, body, &r);
	feedback_read(a, body, &f);
	disposition_read(a, body, &d);
	original_in_text(a, body, &o);
}

static void measure_hostile(void)
{
	static char text[HOSTILE + 1024];
	double worst[2] = {0};
	size_t which[2] = {0};
	struct arena a;
	arena_init(&a, 256 << 20);
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		size_t n = hostile_make(text, hostile[i].head, hostile[i].unit);
		for (int kind = 0; kind < 2; kind++) {
			double best = 1e18;
			for (int turn = 0; turn < 3; turn++) {
				double begin = cpu_ns(), ns;
				if (kind == 0)
					read_all(&a, slice_of(text, n));
				else
					read_each(&a, slice_of(text, n), slice_str(hostile[i].head));
				ns = cpu_ns() - begin;
				if (ns < best) best = ns;
			}
			if (best > worst[kind]) worst[kind] = best, which[kind] = i;
			if (best > 20e6) printf("hostile=%zu kind=%d ms=%.1f\n", i, kind, best / 1e6);
		}
	}
	for (int kind = 0; kind < 2; kind++)
		printf("worst_%s_ms=%.1f head=%zu\n", kind ? "each" : "message", worst[kind] / 1e6, which[kind]);
	arena_free(&a);
}

int main(int argc, char **argv)
{
	if (charset_prepare() > 0) die("the C library lacks charsets");
	if (argc > 1 && strcmp(argv[1], "hostile") == 0) {
		measure_hostile();
		return 0;
	}
	size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : 9;
	if (rounds < 1 || rounds > ROUNDS_MAX) die("ROUNDS is 1 to 99");
	for (int i = 2; i < argc; i++) measure(argv[i], read_file(argv[i]), rounds);
	if (argc > 2) return 0;
	measure("plain", make(HEADER "Content-Type: text/plain; charset=utf-8\r\n\r\n", line, 6144, "", line, ""),
	        rounds);
	measure("alternative",
	        make(HEADER "Content-Type: multipart/alternative; boundary=\"=-x-=\"\r\n\r\n--=-x-=\r\nContent-Type: "
	                    "text/plain\r\n\r\n",
	             line, 6144, "--=-x-=\r\nContent-Type: text/html; charset=utf-8\r\n\r\n", html_line,
	             "--=-x-=--\r\n"),
	        rounds);
	measure("report",
	        make(HEADER "Content-Type: multipart/report; report-type=delivery-status; "
	                    "boundary=\"x/y\"\r\n\r\n--x/y\r\n\r\n",
	             line, 6144,
	             "--x/y\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n"
	             "Final-Recipient: rfc822; suzie@shopping.example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	             "Diagnostic-Code: smtp; 550 5.1.1 unknown user\r\n\r\n--x/y\r\nContent-Type: "
	             "message/rfc822\r\n\r\n" HEADER "Content-Type: text/plain\r\n\r\n",
	             line, "--x/y--\r\n"),
	        rounds);
	return 0;
}
