/* SPDX-License-Identifier: Apache-2.0 */
/* Mail that came in and fails, mail that is held, and what is released: who is told, and what is kept. */
#include "relay/test_delivery.h"

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

TEST(what_was_told_before_a_crash_is_not_told_again)
{
	struct world *w = world_new(NULL, NULL);
	/* the report was stored together with this; then the process died */
	message_unref(
		make(w,
	             &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}, .state = RECIPIENT_FAILED}));
	world_start(w);
	expect_stored(w, 0);
	CHECK(count_log("event=queue_loaded messages=0") == 1);
	CHECK(count_log("event=report") == 0 && count_log("event=delivery") == 0);
	world_free(w);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inbound_mail_that_fails_is_reported_to_who_proved_to_have_sent_it),
		cmocka_unit_test(inbound_mail_asks_the_downstream_for_no_word_to_strangers),
		cmocka_unit_test(success_is_never_answered_to_strangers_nor_delay_unless_asked),
		cmocka_unit_test(inbound_mail_of_a_stranger_is_held_though_he_asks_for_silence),
		cmocka_unit_test(what_is_released_says_why_it_was_held),
		cmocka_unit_test(what_is_released_and_fails_again_is_held_again),
		cmocka_unit_test(an_unproven_answer_goes_to_the_tenant_or_nowhere),
		cmocka_unit_test(a_message_may_be_sent_elsewhere_while_it_is_being_tried),
		cmocka_unit_test(what_was_told_before_a_crash_is_not_told_again),
		cmocka_unit_test(a_report_and_what_it_is_about_are_stored_together),
	};
	return cmocka_run_group_tests(tests, capture, NULL);
}
