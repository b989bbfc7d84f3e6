/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heart_hostile [RULES-FILE [COUNT]] - how long the worst message of 1 MiB takes: nothing may take over 50 ms
 *
 * Messages that were made to be slow (bench/hostile.h, and those below), and the phrases of the rules themselves, list by list,
 * repeated in each place where they are looked for. Each is classified, explained, and its original looked for in a ledger that knows
 * all and a set of keys, whole. CPU time of the thread, the best of three; prints what took over 20 ms and the worst. RULES-FILE: the rules as
 * one text (cat src/bounce/rules/?*.rules); without it the phrases are left out. COUNT: so many random mixtures besides.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/hostile.h"
#include "bounce/classify.h"
#include "bounce/dead.h"
#include "bounce/judge.h"
#include "bounce/virus.h"
#include "mail/charset.h"

#define MEMORY ((size_t)256 << 20)
#define NOW    INT64_C(1700000000)

enum work { PARSE, CLASSIFY, EXPLAIN, PROVENANCE, DEAD, VIRUS, WORK_COUNT };
static const char *const work_names[] = {"parse", "classify", "explain", "provenance", "dead", "virus"};

#define DSN                                                                                                            \
	"From: <mailer-daemon@far.example>\nTo: joe@ours.example\nSubject: x\nContent-Type: multipart/report; "        \
	"report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n"     \
	"Reporting-MTA: dns; far.example\n\n"
#define RETURNED DSN "Final-Recipient: rfc822; bob@far.example\n\n--b\nContent-Type: message/rfc822\n\n"

static const struct {
	const char *head, *unit;
} more[] = {
	{DSN,
         "Final-Recipient: rfc822; bob@far.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no "
         "such user\n\n"},
	{DSN, "Final-Recipient: rfc822; a@b\xC3\xBC.example\n\n"},
	{DSN, "Final-Recipient: utf-8; a@b\\x{FC}cher.example\nOriginal-Recipient: utf-8; c@\\x{FC}.example\n\n"},
	{DSN "Final-Recipient: a@b.example\nAction: failed\nDiagnostic-Code: smtp; ",
         "550 5.7.1 blocked using zen.spamhaus.org "},
	{DSN "Final-Recipient: a@b.example\nAction: failed\nDiagnostic-Code: smtp; ", "192.0.2.1 "},
	{DSN "Final-Recipient: a@b.example\nAction: failed\nDiagnostic-Code: smtp; ", "5.1.1 "},
	{DSN "Final-Recipient: a@b.example\nAction: failed\nDiagnostic-Code: smtp; ", "https://x.example/?a "},
	{DSN "Final-Recipient: a@b.example\nAction: failed\nDiagnostic-Code: smtp; ", "said: 550 "},
	{DSN "Final-Recipient: a@b.example\nAction: failed\nDiagnostic-Code: smtp; ",
         "host a.example[192.0.2.1] said: "},
	{DSN "Final-Recipient: a@b.example\n", "X-Actual-Recipient: rfc822; c@b.example\n"},
	{DSN "Final-Recipient: a@b.example\nRemote-MTA: dns; ", "("},
	{RETURNED, "Received: from a ([192.0.2.1]) by relay.ours.example with ESMTP id 1m8awnthf0000; date\n"},
	{RETURNED, "Received: by relay.ours.example id (((((((((\n"},
	{RETURNED "Received: ", "by "},
	{RETURNED "Received: ", "[1"},
	{RETURNED "Received: from x ([192.0.2.1]) by relay.ours.example id ", "1m8awnthf0000"},
	{RETURNED, "DKIM-Signature: v=1; a=ed25519-sha256; d=ours.example; s=s; h=from:to:subject; "
                   "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\n"},
	{RETURNED "From: a\nDKIM-Signature: v=1; a=ed25519-sha256; d=ours.example; s=s; "
                  "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA; h=from",
         ":from"},
	{RETURNED "DKIM-Signature: v=1; a=ed25519-sha256; d=ours.example; s=s; c=relaxed/relaxed; "
                  "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA; h=from:from:from:x\nFrom: a\nX: ",
         " \n "},
	{RETURNED, "DKIM-Signature: v=1; a=rsa-sha256; d=ours.example; s=s;; h=x\n"},
	{RETURNED "DKIM-Signature: ", "a=b;"},
	{RETURNED, "Message-ID: <a@b>\n"},
	{RETURNED "Message-ID: <a@b>\nFrom: ", "joe@ours.example, "},
	{RETURNED, "From: joe@ours.example\n"},
	{RETURNED "Date: x\nFrom: x\n", "x"},
	{"From: a\nIn-Reply-To: ", "<a@b> "},
	{"From: a\nReferences: ", "<"},
	{"From: a\nX-Failed-Recipients: ", "a@b.example,"},
	{"From: a\nX-Failed-Recipients: ", "a@\xC3\xBC.example,"},
	{"From: ", "mailer-daemon@"},
	{"From: ", "=?utf-8?q?mailer-daemon?= "},
	{"From: ", "\"a\" <a@b>, "},
	{"From: ", "((a)"},
	{"To: ", "joe@ours.example, "},
	{"To: joe@ours.example\nSubject: x\n\n", "From: joe@ours.example\nTo: x\nMessage-ID: <a@b>\n\n"},
	{"Subject: ", "undeliverable "},
	{"Subject: ", "\xEF\xBC\xB5\xEF\xBD\x8E"},
	{"Subject: ", "\xCC\x81"},
	{"Subject: x\n\n", "\xE2\x80\x8B"},
	{"Subject: x\n\n", "a\xCC\x81\xCC\x81\xCC\x81\xCC\x81"},
	{"Subject: x\n\n", "\xED\x95\x9C"},
	{"Subject: x\n\n", "message "},
	{"Subject: x\n\n", "not "},
	{"Subject: x\n\n", "message not "},
	{"Subject: x\n\n", "message not delivered "},
	{"Subject: x\n\n", "message. not. delivered\n\n"},
	{"Subject: x\n\n", "550 "},
	{"Subject: x\n\n", "<a@b.example>: "},
	{"Subject: x\n\n", "<a@b.example>:\n550 user unknown\n"},
	{"Subject: x\n\n", "a@b.example\n"},
	{"Subject: x\n\n", "> "},
	{"Subject: x\n\n", "--- The following addresses had permanent fatal errors -----\n"},
	{"Subject: x\n\n", "host mx.example[192.0.2.1] said: 550 5.1.1 user unknown (in reply to RCPT TO command)\n"},
	{"Subject: x\n\n", "Diagnostic-Code: smtp; 550 x\n"},
	{"Subject: x\n\n", "I am out of the office until "},
	{"Subject: x\n\n", "https://mx.example/confirm?"},
	{"Content-Type: text/html\n\n", "<p>message <b>not</b> delivered</p>"},
	{"Content-Type: text/html\n\n", "&eacute;"},
	{"Content-Type: text/html\n\n", "<div><table><tr><td>"},
	{"Content-Type: text/plain; charset=iso-2022-jp\n\n", "\x1B$B%a!<%k\x1B(B "},
	{"Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n", "0sXT0M/O09TXyQrQ\n"},
	{"Subject: a\n", "X-Failed-Recipients: a@b\n"},
	{"Subject: a\n", "Auto-Submitted: auto-replied\n"},
	{"", "X-Spam: a\n"},
	{"", "Received: from a by b; c\n"},
	{"Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: "
         "message/feedback-report\n\n",
         "Original-Rcpt-To: a@b\n"},
	{"Content-Type: multipart/mixed; boundary=b\n\n",
         "--b\nContent-Type: message/delivery-status\n\nAction: failed\n\n"},
	{"Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: message/rfc822\n\nFrom: a\nTo: b\n\nx\n"},
	{"Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: text/html\n\n<p>not delivered\n"},
	{"Content-Type: multipart/mixed; boundary=b\n\n",
         "--b\nContent-Type: text/plain; charset=utf-7\n\n+AGE- not delivered\n"},
	{"Content-Type: multipart/mixed; boundary=b\n\n",
         "--b\nContent-Type: application/x; name=\"=?utf-8?q?x?=\"\nContent-Disposition: attachment; "
         "filename*0*=utf-8''%41\n\nx\n"},
};

/* Where a list of the rules is put, repeated. */
static const char *const places[] =
	{"Subject: x\n\n", "Content-Type: text/html\n\n<p>",
         "Subject: ",      "From: ",
         "X-Mailer: ",     DSN "Final-Recipient: a@b.example\nAction: failed\nDiagnostic-Code: smtp; 550 "};

static void die(const char *what)
{
	fprintf(stderr, "heart_hostile: %s\n", what);
	exit(1);
}

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- a ledger that knows everything ------------------------------------------------------------------------------ */

static const struct slice recipients[] = {{"bob@far.example", 15}};
static const struct provenance_key keys[] = {
	{{"ours.example", 12}, {"s", 1}, {"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", 56}},
};
static const struct slice hostnames[] = {{"relay.ours.example", 18}}, secret = {"key", 3};

static bool find(void *ledger, struct slice text, provenance_take *take, void *arg)
{
	for (uint64_t i = 1; i <= PROVENANCE_ROWS; i++) {
		struct provenance_row row = {.id = i,
		                             .time = NOW - 1000,
		                             .tenant = 1,
		                             .outbound = i & 1,
		                             .taken = true,
		                             .proven = i & 2,
		                             .author = SLICE("ours.example"),
		                             .return_path = SLICE("joe@ours.example"),
		                             .handed_on = SLICE_EMPTY,
		                             .message_id = text,
		                             .recipients = recipients,
		                             .recipient_count = 1};
		if (!take(&row, arg)) break;
	}
	return true;
}

static void judge(struct arena *a, const struct mime *m)
{
	struct returned r;
	struct provenance p;
	struct judgement j;
	struct provenance_facts f = {.tenant = 1,
	                             .addressee = SLICE("joe@ours.example"),
	                             .addressed = SLICE("joe@ours.example"),
	                             .now = NOW,
	                             .ledger = {find, find, find, NULL},
	                             .hostnames = hostnames,
	                             .hostname_count = 1,
	                             .secrets = {&secret, 1},
	                             .keys = keys,
	                             .key_count = 1,
	                             .signs_all = true,
	                             .remembers = true};
	if (!returned_read(a, m->root, &r)) return;
	for (int i = 0; i < 2; i++) {
		f.direction = i ? PROVENANCE_OUTBOUND : PROVENANCE_INBOUND;
		provenance_find(a, &r, &f, &p);
		if (i)
			judge_outbound(&p, &j);
		else
			judge_inbound(&p, true, &j);
		judge_evidence(a, &p);
	}
}

/* ---- one message ------------------------------------------------------------------------------------------------- */

static struct classifier *classifier;
static struct bundle *bundle;
static const struct knowledge *knowledge;
static double worst[WORK_COUNT];
static char worst_name[WORK_COUNT][80];

static void work_once(struct arena *a, struct slice message, double ms[WORK_COUNT])
{
	struct mime m;
	struct classification class;
	struct explanation e;
	struct dead found[DEAD_MOST];
	double at[WORK_COUNT + 1];
	arena_reset(a);
	at[PARSE] = cpu_ms();
	if (!mime_parse(a, message, &m)) die("out of memory");
	at[CLASSIFY] = cpu_ms();
	classify(classifier, bundle, a, m.root, NULL, &class);
	at[EXPLAIN] = cpu_ms();
	explain(a, knowledge, &m, &e);
	at[PROVENANCE] = cpu_ms();
	judge(a, &m);
	at[DEAD] = cpu_ms();
	dead_find(a, knowledge, &m, found);
	at[VIRUS] = cpu_ms();
	virus_notice(a, m.root);
	at[WORK_COUNT] = cpu_ms();
	for (int i = 0; i < WORK_COUNT; i++) ms[i] = at[i + 1] - at[i];
}

static void measure(struct arena *a, struct slice message, const char *name)
{
	double best[WORK_COUNT];
	for (int turn = 0; turn < 3; turn++) {
		double ms[WORK_COUNT], most = 0;
		work_once(a, message, ms);
		for (int i = 0; i < WORK_COUNT; i++) {
			if (turn == 0 || ms[i] < best[i]) best[i] = ms[i];
			if (best[i] > most) most = best[i];
		}
		if (most < 20) break;
	}
	for (int i = 0; i < WORK_COUNT; i++) {
		if (best[i] > 20) printf("%s=%.1f %s\n", work_names[i], best[i], name);
		if (best[i] <= worst[i]) continue;
		worst[i] = best[i];
		snprintf(worst_name[i], sizeof worst_name[i], "%s", name);
	}
	fflush(stdout);
}

/* ---- the rules' own phrases -------------------------------------------------------------------------------------- */

/* One line of a list without its marks: the alternatives of "& 90 a|b & c" follow each other. */
static size_t words_of(const char *line, char *to)
{
	size_t n = 0;
	const char *p = line + 2;
	if (line[0] == '&')
		while (*p == ' ' || (*p >= '0' && *p <= '9')) p++;
	for (; *p && *p != '\n'; p++)
		if (!strchr("*=&", *p)) to[n++] = *p == '|' ? ' ' : *p;
	to[n++] = ' ';
	return n;
}

static void measure_unit(struct arena *a, char *message, const char *unit, const char *name)
{
	for (size_t i = 0; *unit && i < sizeof places / sizeof *places; i++) {
		char which[80];
		snprintf(which, sizeof which, "%s in place %zu", name, i);
		measure(a, slice_of(message, hostile_make(message, places[i], unit)), which);
	}
}

static void measure_rules(struct arena *a, char *message, const char *file)
{
	static char line[65536], unit[HOSTILE], name[64], one[65536];
	size_t n = 0;
	FILE *f = fopen(file, "r");
	if (!f) die(file);
	while (fgets(line, sizeof line, f)) {
		if (strncmp(line, "signal ", 7) == 0) {
			unit[n] = '\0';
			measure_unit(a, message, unit, name);
			snprintf(name, sizeof name, "%.*s", (int)strcspn(line + 7, "\n"), line + 7);
			n = 0;
		}
		if ((line[0] != '-' && line[0] != '&') || line[1] != ' ' || n + 2 * strlen(line) > sizeof unit)
			continue;
		n += words_of(line, unit + n);
		if (line[0] != '&') continue;
		one[words_of(line, one)] = '\0';
		measure_unit(a, message, one, name);
	}
	unit[n] = '\0';
	measure_unit(a, message, unit, name);
	fclose(f);
}

/* ---- one's beginning, two others' repetitions -------------------------------------------------------------------- */

#define HOSTILES (sizeof hostile / sizeof *hostile)
#define ALL      (HOSTILES + sizeof more / sizeof *more)

static const char *head_of(size_t i)
{
	return i < HOSTILES ? hostile[i].head : more[i - HOSTILES].head;
}

static const char *unit_of(size_t i)
{
	return i < HOSTILES ? hostile[i].unit : more[i - HOSTILES].unit;
}

static void measure_crossed(struct arena *a, char *message, unsigned long count)
{
	srandom(1);
	while (count-- > 0) {
		char name[80], unit[4096];
		size_t head = (size_t)random() % ALL, one = (size_t)random() % ALL, two = (size_t)random() % ALL;
		const char *between = count % 3 == 0 ? "\n" : count % 3 == 1 ? "" : "\n--b\n\n";
		snprintf(unit, sizeof unit, "%s%s%s%s", unit_of(one), between, unit_of(two), between);
		snprintf(name, sizeof name, "head %zu, units %zu %zu, between %lu", head, one, two, count % 3);
		measure(a, slice_of(message, hostile_make(message, head_of(head), unit)), name);
	}
}

int main(int argc, char **argv)
{
	static char message[HOSTILE + 1024];
	static struct arena texts;
	struct arena a;
	struct knowledge *k;
	char why[BUNDLE_PROBLEM], name[80];
	if (charset_prepare() > 0) die("the C library lacks charsets");
	arena_init(&a, MEMORY);
	arena_init(&texts, KNOWLEDGE_ARENA);
	classifier = classifier_new();
	if (!classifier || bundle_load(bundle_default_text(), &bundle, why)) die(why);
	if (knowledge_parse(&texts, knowledge_builtin(), &k, why)) die(why);
	knowledge = k;
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		snprintf(name, sizeof name, "hostile %zu", i);
		measure(&a, slice_of(message, hostile_make(message, hostile[i].head, hostile[i].unit)), name);
	}
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		snprintf(name, sizeof name, "more %zu", i);
		measure(&a, slice_of(message, hostile_make(message, more[i].head, more[i].unit)), name);
	}
	if (argc > 1) measure_rules(&a, message, argv[1]);
	if (argc > 2) measure_crossed(&a, message, strtoul(argv[2], NULL, 10));
	for (int i = 0; i < WORK_COUNT; i++) printf("worst_%s_ms=%.1f (%s)\n", work_names[i], worst[i], worst_name[i]);
	arena_free(&a);
	arena_free(&texts);
	bundle_unref(bundle);
	classifier_free(classifier);
	return 0;
}
