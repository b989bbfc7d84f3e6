/* SPDX-License-Identifier: Apache-2.0 */
/* What is asserted is what the other server sees, what is left in the spool, and the log. */
#include "relay/test_delivery.h"

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

/* ---- the tests ---- */

TEST(a_message_is_delivered_and_forgotten)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL FROM:<me@tenant.example>", "C RCPT TO:<you@x.example>",
	                                   "C DATA", "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 2.0.0 thanks"),
	                            NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	expect_log("result=delivered", 1);
	CHECK(w->peer.data && !strcmp(w->peer.data, BODY));
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(a_failure_is_reported_to_the_tenants_sender)
{
	struct world *w =
		world_new(SCRIPT(OPEN, "C MAIL FROM:<me@tenant.example>", "C RCPT TO:<you@x.example>",
	                         "C RCPT TO:<bad@x.example>", "C DATA",
	                         "R 250 ok\r\n250 ok\r\n550 5.1.1 no such user\r\n354 go\r\n", "D", "S 250 ok", "A",
	                         OPEN, "C MAIL FROM:<>", "C RCPT TO:<me@tenant.example> NOTIFY=NEVER", "C DATA",
	                         "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
	                  NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example", "bad@x.example"}});
	expect_log("result=delivered", 2);
	expect_log("result=failed", 1);
	expect_stored(w, 0);
	CHECK(w->peer.data && strstr(w->peer.data, "Final-Recipient: rfc822; bad@x.example"));
	CHECK(w->peer.data && strstr(w->peer.data, "Status: 5.1.1"));
	CHECK(w->peer.data && strstr(w->peer.data, "Subject: hello"));
	CHECK(w->peer.data && !strstr(w->peer.data, "secret text"));
	CHECK(w->peer.data && !strstr(w->peer.data, "you@x.example"));
	world_free(w);
	(void)arg;
}

TEST(a_temporary_failure_is_tried_again)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA",
	                                   "R 250 ok\r\n450 4.2.0 later\r\n503 no\r\n", "C RSET", "S 250 ok", "C MAIL",
	                                   "C RCPT", "C DATA", "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
	                            NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	expect_log("result=deferred", 1);
	expect_stored(w, 1);
	expect_log("result=delivered", 1);
	CHECK(count_log("attempts=2") == 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

static struct spool_message stored;
static struct arena stored_arena;

static void read_stored(struct world *w, uint64_t id)
{
	CHECK_ERROR(writer_flush(w->writer), ERR_OK);
	arena_init(&stored_arena, 1 << 20);
	CHECK_ERROR(spool_get(w->spool, id, &stored_arena, &stored), ERR_OK);
}

TEST(what_nobody_may_be_told_is_held)
{
	static const struct mail mails[] = {
		{.from = "", .to = {"victim@x.example"}},
		{.from = "me@tenant.example", .to = {"you@x.example"}, .kind = SPOOL_REPORT},
		{.from = "stranger@y.example", .to = {"you@x.example"}, .unverified = true},
	};
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA",
		                                   "R 250 ok\r\n550 5.1.1 no\r\n503 no\r\n", "C RSET", "S 250 ok"),
		                            NULL);
		world_start(w);
		uint64_t id = send_mail(w, &mails[i]);
		expect_log("result=undeliverable", 1);
		fiber_sleep(clock_deadline(50));
		read_stored(w, id);
		CHECK(stored.hold && stored.expires > clock_unix() + 86400);
		CHECK(slice_search(stored.hold_reason, SLICE("550 5.1.1 no")) < stored.hold_reason.n);
		CHECK(stored.recipients && stored.recipients[0].state == RECIPIENT_PENDING);
		CHECK(count_log("event=report") == 0);
		arena_free(&stored_arena);
		world_free(w);
	}
	(void)arg;
}

TEST(a_failure_nobody_wants_to_hear_of_ends_there)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT TO:<you@x.example> NOTIFY=NEVER", "C DATA",
	                                   "R 250 ok\r\n550 5.1.1 no\r\n503 no\r\n", "C RSET", "S 250 ok"),
	                            NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}, .notify = 1});
	expect_log("result=failed", 1);
	expect_stored(w, 0);
	CHECK(count_log("event=report") == 0);
	world_free(w);
	(void)arg;
}

TEST(too_many_recipients_come_again_at_once)
{
	struct world *w =
		world_new(SCRIPT(OPEN, "C MAIL", "C RCPT TO:<a@", "C RCPT TO:<b@", "C RCPT TO:<c@", "C DATA",
	                         "R 250 ok\r\n452 4.5.3 too many\r\n250 ok\r\n452 too many\r\n354 go\r\n", "D",
	                         "S 250 ok", "C MAIL", "C RCPT TO:<a@", "C RCPT TO:<c@", "C DATA",
	                         "R 250 ok\r\n452 4.5.3 too many\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok", "C MAIL",
	                         "C RCPT TO:<a@", "C DATA", "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
	                  NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"a@x.example", "b@x.example", "c@x.example"}});
	expect_log("result=delivered", 3);
	CHECK(count_log("result=deferred") == 0);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(tls_that_fails_is_done_without)
{
	struct world *w = world_new(SCRIPT("S 220 mx", "C EHLO", "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "S 220 go",
	                                   "X", "A", "S 220 mx", "C EHLO", "S 250-mx", "S 250 STARTTLS", "C MAIL",
	                                   "S 250 ok", "C RCPT", "S 250 ok", "C DATA", "S 354 go", "D", "S 250 ok"),
	                            NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	expect_log("result=delivered", 1);
	CHECK(count_log("event=tls_fallback") == 1);
	world_free(w);
	(void)arg;
}

TEST(required_tls_is_not_done_without)
{
	struct world *w =
		world_new(SCRIPT("S 220 mx", "C EHLO", "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "S 220 go", "X"),
	                  "delivery-tls = require");
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	expect_log("result=deferred", 1);
	expect_stored(w, 1);
	CHECK(count_log("event=tls_fallback") == 0);
	world_free(w);
	(void)arg;
}

TEST(tls_is_used_where_it_is_offered)
{
	char why[256];
	struct test_certificate t = test_certificate_new("mx.example");
	struct world *w = world_new(SCRIPT("S 220 mx", "C EHLO", "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "S 220 go",
	                                   "T", "C EHLO", "S 250 mx", "C MAIL", "S 250 ok", "C RCPT", "S 250 ok",
	                                   "C DATA", "S 354 go", "D", "S 250 ok"),
	                            NULL);
	CHECK_ERROR(tls_server_new(test_pem(t.certificate_pem), test_pem(t.key_pem), false, &w->peer.tls, why), ERR_OK);
	test_certificate_free(&t);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	expect_log("result=delivered", 1);
	CHECK(count_log("tls=TLSv1.3") == 1);
	world_free(w);
	(void)arg;
}

#define TRANSACTION "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"

TEST(a_connection_serves_many_messages)
{
	struct world *w =
		world_new(SCRIPT(OPEN, TRANSACTION, TRANSACTION, TRANSACTION, GOODBYE), "destination-reuse = 3");
	world_start(w);
	for (int i = 1; i <= 3; i++) {
		send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
		expect_log("result=delivered", i);
	}
	CHECK(w->peer.connections == 1);
	world_free(w);
	(void)arg;
}

TEST(a_connection_that_ended_meanwhile_is_no_failure)
{
	struct world *w = world_new(SCRIPT(OPEN, TRANSACTION, "X", "A", OPEN, TRANSACTION, "C MAIL", "C RCPT", "C DATA",
	                                   "S 421 4.4.2 idle too long", "X", "A", OPEN, TRANSACTION),
	                            NULL);
	world_start(w);
	for (int i = 1; i <= 3; i++) {
		send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
		expect_log("result=delivered", i);
	}
	CHECK(count_log("result=deferred") == 0);
	world_free(w);
	(void)arg;
}

TEST(an_answer_that_never_came_means_another_attempt)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n250 ok\r\n354 go\r\n", "D",
	                                   "X", "A", OPEN, TRANSACTION),
	                            NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	expect_log("result=deferred", 1);
	CHECK(count_log("connection lost at end of data") == 1);
	expect_log("result=delivered", 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(the_queue_survives_a_restart)
{
	struct world *w = world_new(SCRIPT(OPEN, TRANSACTION), NULL);
	message_unref(make(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}}));
	world_start(w);
	expect_log("result=delivered", 1);
	CHECK(count_log("event=queue_loaded") == 1);
	CHECK(w->peer.data && !strcmp(w->peer.data, BODY));
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(hold_release_and_drop_by_hand)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n450 later\r\n503 no\r\n",
	                                   "C RSET", "S 250 ok", TRANSACTION),
	                            "retry-schedule = {\"1h\"}");
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	uint64_t other = send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@dead.example"}});
	expect_log("result=deferred", 2);
	CHECK_ERROR(writer_flush(w->writer), ERR_OK);
	CHECK_ERROR(spool_edit(w->spool, id,
	                       &(struct spool_change){.what = SPOOL_HOLD,
	                                              .now = clock_unix(),
	                                              .reason = SLICE("by me")}),
	            ERR_OK);
	CHECK_ERROR(spool_edit(w->spool, other, &(struct spool_change){.what = SPOOL_DROP, .now = clock_unix()}),
	            ERR_OK);
	expect_log("result=dropped", 1);
	fiber_sleep(clock_deadline(300));
	CHECK_ERROR(spool_edit(w->spool, id, &(struct spool_change){.what = SPOOL_RETRY, .now = clock_unix()}),
	            ERR_OK); /* held: no effect */
	fiber_sleep(clock_deadline(300));
	CHECK(count_log("result=delivered") == 0);
	CHECK_ERROR(spool_edit(w->spool, id, &(struct spool_change){.what = SPOOL_RELEASE, .now = clock_unix()}),
	            ERR_OK);
	expect_log("result=delivered", 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(a_dead_destination_rests_as_a_whole_until_asked)
{
	struct world *w = world_new(NULL, "retry-schedule = {\"1h\"}");
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"a@dead.example"}});
	expect_log("connect: connection refused", 1);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"b@dead.example"}});
	expect_log("the destination rests", 1);
	CHECK_ERROR(writer_flush(w->writer), ERR_OK);
	CHECK_ERROR(spool_edit(w->spool, id, &(struct spool_change){.what = SPOOL_RETRY, .now = clock_unix()}), ERR_OK);
	expect_log("attempts=2", 1);
	expect_stored(w, 2);
	world_free(w);
	(void)arg;
}

TEST(downstream_of_the_tenant)
{
	/* the failure's report goes to the tenant's own server, the mail itself by MX */
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL FROM:<>", "C RCPT TO:<me@tenant.example>", "C DATA",
	                                   "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
	                            "route \"null.example\" { to = {\"127.0.0.1:9\"} }");
	uint32_t id = add_tenant(w, "tenant.example", NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"a@-..-"}, .tenant = id});
	expect_log("result=failed", 1);
	expect_log("pool=downstream", 2); /* the report, and its delivery */
	expect_log("result=delivered", 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

/* ---- mail that came in, and mail that was held ---- */

TEST(inbound_mail_that_fails_is_reported_to_who_proved_to_have_sent_it)
{
	struct world *w =
		world_new(SCRIPT(OPEN, "C MAIL FROM:<joe@sender.example>", "= MAIL FROM:<joe@sender.example>",
	                         "C RCPT TO:<gone@tenant.example>", "= RCPT TO:<gone@tenant.example> NOTIFY=FAILURE",
	                         "C DATA", "R 250 ok\r\n550 5.1.1 moved away\r\n503 no\r\n", "C RSET", "S 250 ok", "A",
	                         "S 220 mx", "C EHLO bounce.example.net", "S 250-mx", "S 250 PIPELINING",
	                         "C MAIL FROM:<>", "C RCPT TO:<joe@sender.example>", "C DATA",
	                         "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
	                  "pool \"bounce\" { hostname = \"bounce.example.net\" }");
	uint32_t id = add_tenant(w, "tenant.example", NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "joe@sender.example",
	                            .to = {"gone@tenant.example"},
	                            .kind = SPOOL_INBOUND,
	                            .downstream = true,
	                            .notify = NOTIFY_SUCCESS | NOTIFY_FAILURE,
	                            .tenant = id});
	expect_log("result=failed", 1);
	expect_log("result=delivered", 1);
	CHECK(count_log("event=report") == 1 && count_log("proof=spf") == 1 && count_log("pool=bounce") == 2 &&
	      count_log("event=held") == 0);
	CHECK(w->peer.data && strstr(w->peer.data, "5.1.1 moved away"));
	CHECK(w->peer.data && !strstr(w->peer.data, "secret text"));
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(inbound_mail_asks_the_downstream_for_no_word_to_strangers)
{
	static const struct {
		bool unverified;
		uint8_t notify;
		const char *rcpt;
	} cases[] = {
		{false, NOTIFY_UNSET, "= RCPT TO:<you@tenant.example>"},
		{false, NOTIFY_SUCCESS, "= RCPT TO:<you@tenant.example> NOTIFY=NEVER"},
		{false, NOTIFY_SUCCESS | NOTIFY_DELAY, "= RCPT TO:<you@tenant.example> NOTIFY=DELAY"},
		{true, NOTIFY_SUCCESS | NOTIFY_FAILURE, "= RCPT TO:<you@tenant.example> NOTIFY=NEVER"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", cases[i].rcpt, "C DATA",
		                                   "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
		                            NULL);
		uint32_t id = add_tenant(w, "tenant.example", NULL);
		world_start(w);
		send_mail(w, &(struct mail){.from = "joe@sender.example",
		                            .to = {"you@tenant.example"},
		                            .kind = SPOOL_INBOUND,
		                            .downstream = true,
		                            .unverified = cases[i].unverified,
		                            .notify = cases[i].notify,
		                            .tenant = id});
		expect_log("result=delivered", 1);
		CHECK(count_log("event=report") == 0);
		expect_stored(w, 0);
		world_free(w);
	}
	(void)arg;
}

TEST(success_is_never_answered_to_strangers_nor_delay_unless_asked)
{
	static const struct {
		uint8_t notify;
		int delays;
	} cases[] = {{NOTIFY_UNSET, 0}, {NOTIFY_SUCCESS, 0}, {NOTIFY_DELAY, 1}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(SCRIPT("S 220 mx", "C EHLO", "S 250-mx", "S 250 PIPELINING", "C MAIL",
		                                   "C RCPT", "C DATA", "R 250 ok\r\n450 later\r\n503 no\r\n", "C RSET",
		                                   "S 250 ok", TRANSACTION),
		                            "route \"sender.example\" { to = {\"127.0.0.1:9\"} }");
		uint32_t id = add_tenant(w, "tenant.example", NULL);
		world_start(w);
		send_mail(w, &(struct mail){.from = "joe@sender.example",
		                            .to = {"you@tenant.example"},
		                            .kind = SPOOL_INBOUND,
		                            .downstream = true,
		                            .age = 20000,
		                            .notify = cases[i].notify,
		                            .tenant = id});
		expect_log("result=delivered", 1);
		CHECK(count_log("action=delayed") == cases[i].delays);
		CHECK(count_log("event=report") == cases[i].delays);
		world_free(w);
	}
	(void)arg;
}

TEST(inbound_mail_of_a_stranger_is_held_though_he_asks_for_silence)
{
	static const int64_t lifetimes[] = {0, -10}; /* refused for good; refused for now, and too old */
	for (size_t i = 0; i < 2; i++) {
		struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA",
		                                   i ? "R 250 ok\r\n450 4.2.2 full\r\n503 no\r\n"
		                                     : "R 250 ok\r\n550 5.2.2 full\r\n503 no\r\n",
		                                   "C RSET", "S 250 ok"),
		                            NULL);
		uint32_t tenant = add_tenant(w, "tenant.example", NULL);
		world_start(w);
		uint64_t id = send_mail(w, &(struct mail){.from = "joe@sender.example",
		                                          .to = {"you@tenant.example"},
		                                          .kind = SPOOL_INBOUND,
		                                          .downstream = true,
		                                          .unverified = true,
		                                          .notify = NOTIFY_NEVER,
		                                          .expires = lifetimes[i],
		                                          .tenant = tenant});
		expect_log("event=held", 1);
		fiber_sleep(clock_deadline(50));
		read_stored(w, id);
		CHECK(stored.hold && stored.held_since >= clock_unix() - 5);
		CHECK(stored.expires > clock_unix() + 29 * 86400);
		CHECK(slice_search(stored.hold_reason, SLICE("is not proven")) < stored.hold_reason.n);
		CHECK(slice_search(stored.hold_reason, SLICE(".2.2 full")) < stored.hold_reason.n);
		CHECK(count_log("event=report") == 0);
		arena_free(&stored_arena);
		world_free(w);
	}
	(void)arg;
}

struct tally {
	uint64_t id;
	int open, reports;
};

static bool count_open(const struct spool_message *m, void *arg)
{
	struct tally *t = arg;
	if (m->id == t->id)
		t->open += m->recipients[0].state == RECIPIENT_PENDING;
	else
		t->reports++;
	return true;
}

static void release(struct world *w, uint64_t id, const char *to)
{
	struct spool_change c = {.what = SPOOL_RELEASE, .now = clock_unix(), .to = slice_str(to)};
	CHECK_ERROR(writer_flush(w->writer), ERR_OK);
	CHECK_ERROR(spool_edit(w->spool, id, &c), ERR_OK);
}

TEST(what_is_released_says_why_it_was_held)
{
	struct world *w = world_new(SCRIPT(OPEN, TRANSACTION), NULL);
	uint32_t tenant = add_tenant(w, "tenant.example", NULL);
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "joe@sender.example",
	                                          .to = {"you@tenant.example"},
	                                          .kind = SPOOL_INBOUND,
	                                          .downstream = true,
	                                          .unverified = true,
	                                          .hold = "looks\r\nBcc: odd",
	                                          .tenant = tenant});
	expect_log("event=held", 1);
	fiber_sleep(clock_deadline(300));
	CHECK(count_log("result=") == 0);
	release(w, id, "");
	expect_log("event=released", 1);
	expect_log("result=delivered", 1);
	CHECK(w->peer.data && !strncmp(w->peer.data, "X-Backstop-Held: looks Bcc: odd; since=", 39));
	CHECK(w->peer.data && strstr(w->peer.data, " id=") && strstr(w->peer.data, "\r\n" BODY));
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

#define REFUSED "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n550 5.1.1 still gone\r\n503 no\r\n", "C RSET", "S 250 ok"
#define TO_BOSS                                                                                                        \
	"C MAIL FROM:<joe@sender.example>", "C RCPT TO:<boss@tenant.example>",                                         \
		"= RCPT TO:<boss@tenant.example> NOTIFY=NEVER", "C DATA", "R 250 ok\r\n250 ok\r\n354 go\r\n", "D",     \
		"S 250 ok"

TEST(what_is_released_and_fails_again_is_held_again)
{
	struct world *w = world_new(SCRIPT(OPEN, REFUSED, TO_BOSS), NULL);
	uint32_t tenant = add_tenant(w, "tenant.example", NULL);
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "joe@sender.example",
	                                          .to = {"gone@tenant.example"},
	                                          .kind = SPOOL_INBOUND,
	                                          .downstream = true,
	                                          .hold = "odd",
	                                          .notify = NOTIFY_NEVER,
	                                          .tenant = tenant});
	release(w, id, ""); /* verified, but told to be silent: it would vanish */
	expect_log("event=held", 2);
	fiber_sleep(clock_deadline(50));
	read_stored(w, id);
	CHECK(stored.hold && stored.attempts == 1);
	CHECK(slice_search(stored.hold_reason, SLICE("550 5.1.1 still gone")) < stored.hold_reason.n);
	arena_free(&stored_arena);
	release(w, id, "boss@tenant.example");
	expect_log("result=delivered", 1);
	CHECK(count_log("event=released") == 2 && count_log("redirected=true") == 1);
	CHECK(w->peer.data && !strncmp(w->peer.data, "X-Backstop-Held: could not be delivered", 39));
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(an_unproven_answer_goes_to_the_tenant_or_nowhere)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL FROM:<>", "C RCPT TO:<boss@tenant.example>", "C DATA",
	                                   "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
	                            NULL);
	uint32_t tenant = add_tenant(w, "tenant.example", NULL);
	struct spool_change c = {.what = SPOOL_RELEASE};
	world_start(w);
	/* not even on hold, as it should be: whatever asks for it, it does not leave */
	uint64_t id =
		send_mail(w, &(struct mail){.from = "", .to = {"victim@x.example"}, .answer = true, .tenant = tenant});
	expect_log("event=held", 1);
	CHECK_ERROR(writer_flush(w->writer), ERR_OK);
	CHECK_ERROR(spool_edit(w->spool, id, &c), ERR_PERMISSION);
	c.what = SPOOL_RETRY;
	CHECK_ERROR(spool_edit(w->spool, id, &c), ERR_OK);
	fiber_sleep(clock_deadline(350));
	CHECK(count_log("result=") == 0 && w->peer.connections == 0);
	release(w, id, "boss@tenant.example");
	expect_log("result=delivered", 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(a_message_may_be_sent_elsewhere_while_it_is_being_tried)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT TO:<gone@", "C DATA", "P", "P", "P", "P", "P", "P",
	                                   "P", "P", "P", "P", "P", "P", "P", "P", "P",
	                                   "R 250 ok\r\n550 5.1.1 gone\r\n503 no\r\n", "C RSET", "S 250 ok", TO_BOSS),
	                            NULL);
	uint32_t tenant = add_tenant(w, "tenant.example", NULL);
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "joe@sender.example",
	                                          .to = {"gone@tenant.example"},
	                                          .kind = SPOOL_INBOUND,
	                                          .downstream = true,
	                                          .unverified = true,
	                                          .tenant = tenant});
	fiber_sleep(clock_deadline(50));
	CHECK_ERROR(spool_edit(w->spool, id,
	                       &(struct spool_change){.what = SPOOL_HOLD,
	                                              .now = clock_unix(),
	                                              .reason = SLICE("wait")}),
	            ERR_OK);
	release(w, id, "boss@tenant.example");
	expect_log("result=delivered", 1);
	CHECK(count_log("to=boss@tenant.example result=delivered") == 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(a_report_and_what_it_is_about_are_stored_together)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n550 5.1.1 no\r\n503 no\r\n",
	                                   "C RSET", "S 250 ok"),
	                            "route \"tenant.example\" { to = {\"127.0.0.1:9\"} }");
	struct tally t = {0};
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	/* At any moment there is either a pending message and no report, or a report and no pending message. */
	int64_t end = clock_deadline(WAIT_MS);
	do {
		t = (struct tally){.id = id};
		CHECK_ERROR(spool_each(w->spool, count_open, &t), ERR_OK);
		CHECK(t.open + t.reports == 1);
	} while (!t.reports && clock_now_ms() < end && fiber_sleep(clock_deadline(1)) == ERR_OK);
	CHECK(t.reports == 1);
	world_free(w);
	(void)arg;
}

TEST(eight_bits_need_a_server_that_takes_them)
{
	struct world *w = world_new(SCRIPT("S 220 mx", "C EHLO", "S 250 mx", "C MAIL FROM:<me@tenant.example>",
	                                   "= MAIL FROM:<me@tenant.example>", "S 250 ok", "C RCPT", "S 250 ok",
	                                   "C DATA", "S 354 go", "D", "S 250 ok", GOODBYE, "A", "S 220 mx", "C EHLO",
	                                   "S 250 mx", "C MAIL FROM:<>", "S 250 ok", "C RCPT", "S 250 ok", "C DATA",
	                                   "S 354 go", "D", "S 250 ok"),
	                            "destination-idle-time = 300ms");
	world_start(w);
	/* declared, but plain: it goes out */
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}, .body_type = BODY_8BITMIME});
	expect_log("result=delivered", 1);
	send_mail(w, &(struct mail){.from = "me@tenant.example",
	                            .to = {"you@x.example"},
	                            .body_type = BODY_8BITMIME,
	                            .body = "Subject: x\r\n\r\ncaf\xc3\xa9\r\n"});
	expect_log("result=failed", 1);
	expect_log("result=delivered", 2);
	CHECK(w->peer.data && strstr(w->peer.data, "5.6.3"));
	world_free(w);
	(void)arg;
}

TEST(what_is_too_old_expires_after_a_last_attempt)
{
	struct world *w =
		world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n450 4.2.0 still no\r\n503 no\r\n",
	                         "C RSET", "S 250 ok", "A", OPEN, "C MAIL FROM:<>", "C RCPT", "C DATA",
	                         "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
	                  NULL);
	world_start(w);
	send_mail(w,
	          &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}, .age = 500000, .expires = -10});
	expect_log("result=expired", 1);
	expect_log("result=delivered", 1);
	CHECK(w->peer.data && strstr(w->peer.data, "450 4.2.0 still no"));
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(a_delay_is_told_once)
{
	struct world *w =
		world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n450 no\r\n503 no\r\n", "C RSET",
	                         "S 250 ok", "A", OPEN, "C MAIL FROM:<>", "C RCPT", "C DATA",
	                         "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok", "A", OPEN, "C MAIL", "C RCPT",
	                         "C DATA", "R 250 ok\r\n450 no\r\n503 no\r\n", "C RSET", "S 250 ok"),
	                  NULL);
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}, .age = 20000});
	expect_log("result=delivered", 1);
	expect_log("result=deferred", 2);
	CHECK(count_log("action=delayed") == 1);
	CHECK(w->peer.data && strstr(w->peer.data, "Action: delayed"));
	fiber_sleep(clock_deadline(50));
	read_stored(w, id);
	CHECK(stored.recipients && stored.recipients[0].delay_told);
	arena_free(&stored_arena);
	world_free(w);
	(void)arg;
}

TEST(success_is_reported_where_the_next_server_would_not)
{
	struct world *w = world_new(SCRIPT("S 220 mx", "C EHLO", "S 250-mx", "S 250 PIPELINING", TRANSACTION, "A", OPEN,
	                                   TRANSACTION),
	                            NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}, .notify = NOTIFY_SUCCESS});
	expect_log("action=relayed", 1);
	expect_log("result=delivered", 2);
	CHECK(w->peer.data && strstr(w->peer.data, "Action: relayed"));
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(stopping_waits_for_what_is_under_way)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA", "R 250 ok\r\n250 ok\r\n354 go\r\n", "D",
	                                   "P", "P", "S 250 ok"),
	                            NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	int64_t end = clock_deadline(WAIT_MS);
	while (!w->peer.data && clock_now_ms() < end) fiber_sleep(clock_deadline(5));
	world_stop(w);
	expect_log("result=delivered", 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(stopping_does_not_wait_for_ever)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL", "C RCPT", "C DATA", "I"), "drain-time = 100ms");
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	int64_t end = clock_deadline(WAIT_MS);
	while (strncmp(w->peer.line, "DATA", 4) != 0 && clock_now_ms() < end) fiber_sleep(clock_deadline(5));
	int64_t before = clock_now_ms();
	world_stop(w);
	CHECK(clock_now_ms() - before < 1500);
	read_stored(w, id);
	CHECK(stored.recipients && stored.recipients[0].state == RECIPIENT_PENDING && stored.attempts == 0);
	arena_free(&stored_arena);
	world_free(w);
	(void)arg;
}

TEST(a_new_configuration_gives_waiting_mail_a_new_way)
{
	struct world *w = world_new(SCRIPT(OPEN, TRANSACTION), "route \"moved.example\" { to = {\"127.0.0.1:9\"} }");
	world_start(w);
	uint64_t id = send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@moved.example"}});
	expect_log("result=deferred", 1);
	parse_config(w, NULL);
	delivery_reload(w->delivery, w->config);
	CHECK_ERROR(writer_flush(w->writer), ERR_OK);
	CHECK_ERROR(spool_edit(w->spool, id, &(struct spool_change){.what = SPOOL_RETRY, .now = clock_unix()}), ERR_OK);
	expect_log("result=delivered", 1);
	world_free(w);
	(void)arg;
}

TEST(each_recipient_may_have_its_own_answer_to_the_content)
{
	struct world *w =
		world_new(SCRIPT("S 220 mx", "C EHLO", "S 250-mx", "S 250-PRDR", "S 250-DSN", "S 250 PIPELINING",
	                         "C MAIL", "= MAIL FROM:<me@tenant.example> PRDR", "C RCPT", "C RCPT", "C RCPT",
	                         "C DATA", "R 250 ok\r\n250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n", "D",
	                         "R 353 each\r\n250 for a\r\n550 5.7.1 c is picky\r\n250 done\r\n"),
	                  NULL);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example",
	                            .to = {"a@x.example", "b@x.example", "c@x.example"},
	                            .notify = NOTIFY_NEVER});
	expect_log("result=failed", 2);
	expect_log("result=delivered", 1);
	CHECK(count_log("to=a@x.example result=delivered") == 1);
	CHECK(count_log("5.7.1 c is picky") == 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(the_next_host_is_asked_when_one_is_dead)
{
	char more[256], at[ENDPOINT_TEXT_SIZE];
	struct world *w = world_new(SCRIPT(OPEN, TRANSACTION, TRANSACTION), NULL);
	snprintf(more, sizeof(more), "route \"two.example\" { to = {\"127.0.0.1:9\", \"%s\"} }",
	         endpoint_text(&w->peer.at, at));
	parse_config(w, more);
	world_start(w);
	for (int i = 1; i <= 2; i++) {
		send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@two.example"}});
		expect_log("result=delivered", i);
	}
	CHECK(count_log("result=deferred") == 0);
	world_free(w);
	(void)arg;
}

TEST(mail_leaves_from_an_address_of_its_pool)
{
	struct world *w =
		world_new(SCRIPT("S 220 mx", "C EHLO out.example.net", "S 250-mx", "S 250 PIPELINING", TRANSACTION),
	                  "pool \"regular\" { source = {\"203.0.113.7\", \"127.0.0.5\"} "
	                  "hostname = \"out.example.net\" }");
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	expect_log("result=delivered", 1);
	CHECK(count_log("source=127.0.0.5") == 1);
	CHECK(count_log("event=source_address") == 1); /* the other one is not an address of this host */
	world_free(w);
	(void)arg;
}

TEST(a_null_mx_is_final)
{
	struct world *w = world_new(NULL, NULL);
	char text[512], why[CONFIG_WHY];
	snprintf(text, sizeof(text), "hostname = \"mx.example.net\"\nstate-dir = \"%s\"\nrelay { }\n", w->folder);
	config_unref(w->config);
	CHECK_ERROR(config_parse("test", slice_str(text), SLICE_EMPTY, SLICE_EMPTY, &w->config, why), ERR_OK);
	world_start(w);
	send_mail(w, &(struct mail){.from = "", .to = {"you@null.example"}, .notify = NOTIFY_NEVER});
	expect_log("550 5.1.10 null.example accepts no mail", 1);
	CHECK(count_log("result=failed") == 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_delivered_and_forgotten),
		cmocka_unit_test(a_failure_is_reported_to_the_tenants_sender),
		cmocka_unit_test(a_temporary_failure_is_tried_again),
		cmocka_unit_test(what_nobody_may_be_told_is_held),
		cmocka_unit_test(a_failure_nobody_wants_to_hear_of_ends_there),
		cmocka_unit_test(too_many_recipients_come_again_at_once),
		cmocka_unit_test(tls_that_fails_is_done_without),
		cmocka_unit_test(required_tls_is_not_done_without),
		cmocka_unit_test(tls_is_used_where_it_is_offered),
		cmocka_unit_test(a_connection_serves_many_messages),
		cmocka_unit_test(a_connection_that_ended_meanwhile_is_no_failure),
		cmocka_unit_test(an_answer_that_never_came_means_another_attempt),
		cmocka_unit_test(the_queue_survives_a_restart),
		cmocka_unit_test(hold_release_and_drop_by_hand),
		cmocka_unit_test(a_dead_destination_rests_as_a_whole_until_asked),
		cmocka_unit_test(downstream_of_the_tenant),
		cmocka_unit_test(inbound_mail_that_fails_is_reported_to_who_proved_to_have_sent_it),
		cmocka_unit_test(inbound_mail_asks_the_downstream_for_no_word_to_strangers),
		cmocka_unit_test(success_is_never_answered_to_strangers_nor_delay_unless_asked),
		cmocka_unit_test(inbound_mail_of_a_stranger_is_held_though_he_asks_for_silence),
		cmocka_unit_test(what_is_released_says_why_it_was_held),
		cmocka_unit_test(what_is_released_and_fails_again_is_held_again),
		cmocka_unit_test(an_unproven_answer_goes_to_the_tenant_or_nowhere),
		cmocka_unit_test(a_message_may_be_sent_elsewhere_while_it_is_being_tried),
		cmocka_unit_test(a_report_and_what_it_is_about_are_stored_together),
		cmocka_unit_test(eight_bits_need_a_server_that_takes_them),
		cmocka_unit_test(what_is_too_old_expires_after_a_last_attempt),
		cmocka_unit_test(a_delay_is_told_once),
		cmocka_unit_test(success_is_reported_where_the_next_server_would_not),
		cmocka_unit_test(stopping_waits_for_what_is_under_way),
		cmocka_unit_test(stopping_does_not_wait_for_ever),
		cmocka_unit_test(a_new_configuration_gives_waiting_mail_a_new_way),
		cmocka_unit_test(each_recipient_may_have_its_own_answer_to_the_content),
		cmocka_unit_test(the_next_host_is_asked_when_one_is_dead),
		cmocka_unit_test(mail_leaves_from_an_address_of_its_pool),
		cmocka_unit_test(a_null_mx_is_final),
	};
	return cmocka_run_group_tests(tests, capture, NULL);
}
