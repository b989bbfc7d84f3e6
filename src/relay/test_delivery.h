/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_delivery - the delivery thread in a world of its own: spool and writer are real, in a folder under /tmp, the log is
 * collected, and the other server follows a script (smtp/test_peer.h)
 *
 * For the tests of the delivery's files only. Everything with a world runs in a fiber.
 */
#ifndef BACKSTOP_RELAY_TEST_DELIVERY_H
#define BACKSTOP_RELAY_TEST_DELIVERY_H

#include <pthread.h>

#include "auth/proof.h"
#include "base/log.h"
#include "mail/envelope.h"
#include "net/test_tls.h"
#include "relay/delivery.h"
#include "smtp/test_peer.h"
#include "store/tenants.h"

#define WAIT_MS 5000

#define TEST(name)                                                                                                     \
	static void name##_body(void *arg);                                                                            \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		run_in_fiber(name##_body, NULL);                                                                       \
	}                                                                                                              \
	static void name##_body(void *arg)
#define SCRIPT(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OPEN        "S 220 mx", "C EHLO mx.example.net", "S 250-mx", "S 250-PIPELINING", "S 250 DSN"
#define GOODBYE     "C QUIT", "S 221 bye"
#define TRANSACTION "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"

struct world {
	char folder[64];
	struct db *spool, *state;
	struct writer *writer;
	struct resolver *resolver;
	struct config *config;
	struct delivery *delivery;
	struct test_peer peer;
	bool peer_started;
};

/* ---- the log ---- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text_all[256 * 1024];
static size_t log_n;

static void collect_line(struct slice line, void *arg)
{
	(void)arg;
	pthread_mutex_lock(&log_lock);
	if (log_n + line.n + 2 < sizeof(log_text_all)) {
		memcpy(log_text_all + log_n, line.p, line.n);
		log_n += line.n;
		log_text_all[log_n++] = '\n';
		log_text_all[log_n] = '\0';
	}
	pthread_mutex_unlock(&log_lock);
}

static int count_log(const char *text)
{
	int n = 0;
	pthread_mutex_lock(&log_lock);
	for (const char *p = log_text_all; (p = strstr(p, text)); p++) n++;
	pthread_mutex_unlock(&log_lock);
	return n;
}

static void expect_log(const char *text, int times)
{
	int64_t end = clock_deadline(WAIT_MS);
	while (count_log(text) < times && clock_now_ms() < end) fiber_sleep(clock_deadline(5));
	if (count_log(text) == times) return;
	fprintf(stderr, "not %d times in the log: %s\n%s", times, text, log_text_all);
	test_failures++;
}

/* ---- the world ---- */

static void parse_config(struct world *w, const char *more)
{
	char text[2048], why[CONFIG_WHY], at[ENDPOINT_TEXT_SIZE];
	snprintf(text, sizeof(text),
	         "hostname = \"mx.example.net\"\nstate-dir = \"%s\"\n"
	         "relay {\n listen = {\"127.0.0.1:2525\"}\n retry-schedule = {\"1s\"}\n drain-time = 1s\n"
	         " route \"*\" { to = {\"%s\"} }\n route \"dead.example\" { to = {\"127.0.0.1:9\"} }\n %s\n}\n",
	         w->folder, endpoint_text(&w->peer.at, at), more ? more : "");
	config_unref(w->config);
	w->config = NULL;
	CHECK_ERROR(config_parse("test", slice_str(text), SLICE_EMPTY, SLICE_EMPTY, &w->config, why), ERR_OK);
	if (!w->config) fprintf(stderr, "%s\n", why);
}

static struct world *world_new(const char *const *script, const char *more)
{
	char why[256] = "";
	struct world *w = calloc(1, sizeof(*w));
	log_n = 0;
	log_text_all[0] = '\0';
	strcpy(w->folder, "/tmp/delivery-test-XXXXXX");
	CHECK(mkdtemp(w->folder) != NULL);
	CHECK_ERROR(db_open(w->folder, DB_SPOOL, DB_CREATE, &w->spool, why), ERR_OK);
	CHECK_ERROR(db_open(w->folder, DB_STATE, DB_CREATE, &w->state, why), ERR_OK);
	CHECK_ERROR(writer_start(w->spool, &w->writer), ERR_OK);
	CHECK_ERROR(resolver_new_table(SLICE("null.example MX 0 .\n"), &w->resolver, why), ERR_OK);
	w->peer.at = (struct endpoint){.ip = {.family = AF_INET, .octets = {127, 0, 0, 1}}, .port = 9};
	if (script) test_peer_start(&w->peer, script);
	w->peer_started = script != NULL;
	parse_config(w, more);
	return w;
}

static void world_start(struct world *w)
{
	CHECK_ERROR(delivery_start(w->config, w->resolver, w->spool, w->state, w->writer, &w->delivery), ERR_OK);
}

static void world_stop(struct world *w)
{
	if (w->delivery) delivery_stop(w->delivery);
	w->delivery = NULL;
}

/* A tenant whose server is the peer. Its number. */
static __attribute__((unused)) uint32_t add_tagging_tenant(struct world *w, const char *domain, const char *digest,
                                                           enum tenant_tags tags)
{
	char why[256];
	uint32_t id = 0;
	struct tenant_domain d = {.name = domain};
	struct tenant_downstream server = {.host = "127.0.0.1",
	                                   .is_ip = true,
	                                   .ip = w->peer.at.ip,
	                                   .port = w->peer.at.port,
	                                   .preference = 10};
	struct tenant t = {.name = "t",
	                   .domains = &d,
	                   .domain_count = 1,
	                   .downstreams = &server,
	                   .downstream_count = 1,
	                   .digest = digest,
	                   .tags = tags,
	                   .plus = '+',
	                   .enabled = true};
	CHECK_ERROR(tenants_put(w->state, &t, &id, why), ERR_OK);
	return id;
}

static __attribute__((unused)) uint32_t add_tenant(struct world *w, const char *domain, const char *digest)
{
	return add_tagging_tenant(w, domain, digest, TENANT_TAGS_OFF);
}

static void remove_folder(const char *folder)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CHECK(system(command) == 0);
}

static void world_free(struct world *w)
{
	if (w->peer_started) test_peer_done(&w->peer);
	world_stop(w);
	writer_stop(w->writer);
	resolver_free(w->resolver);
	tls_unref(w->peer.tls);
	db_close(w->spool);
	db_close(w->state);
	config_unref(w->config);
	remove_folder(w->folder);
	free(w);
}

/* ---- messages ---- */

#define BODY "From: me@tenant.example\r\nMessage-ID: <1@tenant.example>\r\nSubject: hello\r\n\r\nsecret text\r\n"

struct mail {
	const char *from, *to[4], *body;
	uint8_t notify;
	uint8_t body_type;
	uint8_t kind;
	bool downstream, unverified, answer;
	uint8_t state;    /* of its recipients */
	const char *hold; /* held for this reason since an hour */
	int64_t age;      /* seconds since it came */
	int64_t expires;  /* seconds from now; 0: tomorrow */
	uint32_t tenant;
};

static struct message *make(struct world *w, const struct mail *mail)
{
	struct message *m = message_new();
	struct spool_message *r = &m->record;
	const char *body = mail->body ? mail->body : BODY;
	int64_t now = clock_unix();
	r->id = spool_new_id(clock_unix_ms());
	r->kind = mail->kind;
	r->verified = !mail->unverified;
	r->downstream = mail->downstream;
	r->tenant = mail->tenant ? mail->tenant : 1;
	r->arrived = now - mail->age;
	r->next_attempt = now;
	r->expires = now + (mail->expires ? mail->expires : 86400);
	r->answer = mail->answer;
	r->proof = mail->unverified ? PROOF_none : mail->kind == SPOOL_INBOUND ? PROOF_spf : PROOF_source;
	r->hold = mail->hold != NULL;
	r->held_since = mail->hold ? now - 3600 : 0;
	r->body_type = mail->body_type;
	r->return_path = arena_copy(&m->arena, slice_str(mail->from));
	r->envid = r->source = r->hold_reason = r->message_id = SLICE_EMPTY;
	if (mail->hold) r->hold_reason = slice_str(mail->hold);
	r->size = strlen(body);
	r->header_size = (uint64_t)(strstr(body, "\r\n\r\n") + 4 - body);
	r->recipients = arena_zalloc(&m->arena, 4 * sizeof(*r->recipients));
	for (; r->recipient_count < 4 && mail->to[r->recipient_count]; r->recipient_count++) {
		struct spool_recipient *to = &r->recipients[r->recipient_count];
		to->address = arena_copy(&m->arena, slice_str(mail->to[r->recipient_count]));
		to->orcpt = to->last_reply = to->last_remote = SLICE_EMPTY;
		to->notify = mail->notify;
		to->state = mail->state;
	}
	blob_init(&m->body, strlen(body) + 1, w->folder);
	CHECK_ERROR(blob_append(&m->body, slice_str(body)), ERR_OK);
	m->body_loaded = true;
	CHECK_ERROR(writer_store(w->writer, m), ERR_OK);
	return m;
}

static __attribute__((unused)) uint64_t send_mail(struct world *w, const struct mail *mail)
{
	struct message *m = make(w, mail);
	uint64_t id = m->record.id;
	delivery_submit(w->delivery, m);
	return id;
}

static bool count_record(const struct spool_message *m, void *arg)
{
	(void)m;
	++*(int *)arg;
	return true;
}

static void expect_stored(struct world *w, int n)
{
	int64_t end = clock_deadline(WAIT_MS);
	int got;
	do {
		got = 0;
		CHECK_ERROR(writer_flush(w->writer), ERR_OK);
		CHECK_ERROR(spool_each(w->spool, count_record, &got), ERR_OK);
	} while (got != n && clock_now_ms() < end && fiber_sleep(clock_deadline(10)) == ERR_OK);
	if (got == n) return;
	fprintf(stderr, "%d messages are stored, not %d\n%s", got, n, log_text_all);
	test_failures++;
}

static struct spool_message stored;
static struct arena stored_arena;

/* Into `stored`; free stored_arena afterwards. */
static __attribute__((unused)) void read_stored(struct world *w, uint64_t id)
{
	CHECK_ERROR(writer_flush(w->writer), ERR_OK);
	arena_init(&stored_arena, 1 << 20);
	CHECK_ERROR(spool_get(w->spool, id, &stored_arena, &stored), ERR_OK);
}

/* A group's setup. */
static int capture(void **state)
{
	(void)state;
	log_setup(LOG_LOGFMT, LOG_INFO, "relay");
	log_capture(collect_line, NULL);
	return 0;
}

#endif
