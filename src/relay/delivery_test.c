/* SPDX-License-Identifier: Apache-2.0 */
/* What is asserted is what the other server sees, what is left in the spool, and the log. */
#include "relay/delivery_internal.h"
#include "relay/test_delivery.h"
#include "store/keys.h"

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

struct edit {
	struct post post;
	struct delivery *delivery;
	uint64_t id;
};

static void apply_edit(void *arg)
{
	struct edit *e = arg;
	edits_apply(e->delivery, e->id);
	log_text(LOG_INFO, "edit", "is taken up");
}

static void begin_edit(void *arg)
{
	struct edit *e = arg;
	CHECK_ERROR(scope_spawn(loop_scope(e->delivery->loop), "edit", apply_edit, e), ERR_OK);
}

/* Nobody else can write to the spool until it is let go. */
struct lock {
	struct db *spool;
	sem_t taken, let_go;
};

static enum error keep_lock(struct db_txn *t, void *arg)
{
	struct lock *l = arg;
	(void)t;
	sem_post(&l->taken);
	while (sem_wait(&l->let_go)) continue;
	return ERR_OK;
}

static void *take_lock(void *arg)
{
	struct lock *l = arg;
	db_update(l->spool, keep_lock, l);
	return NULL;
}

/* Until its removal is committed the spool still has what was just delivered. */
TEST(an_edit_of_what_was_just_delivered_does_not_send_it_again)
{
	struct world *w = world_new(SCRIPT(OPEN, TRANSACTION), NULL);
	struct edit e = {.post.fn = begin_edit, .post.arg = &e};
	struct lock l = {.spool = w->spool};
	pthread_t thread;
	world_start(w);
	struct message *m = make(w, &(struct mail){.from = "me@tenant.example", .to = {"you@x.example"}});
	e.id = m->record.id;
	e.delivery = w->delivery;
	sem_init(&l.taken, 0, 0);
	sem_init(&l.let_go, 0, 0);
	CHECK(pthread_create(&thread, NULL, take_lock, &l) == 0);
	while (sem_wait(&l.taken)) continue;
	delivery_submit(w->delivery, m);
	expect_log("result=delivered", 1);
	loop_post(w->delivery->loop, &e.post);
	fiber_sleep(clock_deadline(50)); /* time to be wrong in */
	CHECK(count_log("is taken up") == 0);
	sem_post(&l.let_go);
	expect_log("is taken up", 1);
	expect_stored(w, 0);
	CHECK(count_log("result=") == 1);
	pthread_join(thread, NULL);
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

TEST(the_return_path_is_tagged_in_the_world_and_the_report_goes_to_the_untagged_one)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL FROM:<prvs=0", "C RCPT TO:<bad@x.example>", "C DATA",
	                                   "R 250 ok\r\n550 5.1.1 no\r\n503 no\r\n", "C RSET", "S 250 ok", "A", OPEN,
	                                   "C MAIL FROM:<>", "C RCPT TO:<me@tenant.example>", "C DATA",
	                                   "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
	                            NULL);
	uint32_t id = add_tagging_tenant(w, "tenant.example", NULL, TENANT_TAGS_PRVS);
	struct key key = {.tenant = id, .kind = KEY_BATV, .created = 1, .active_from = 1, .secret = SLICE("a secret")};
	CHECK_ERROR(keys_rotate(w->state, &key, KEYS_TAG_LIFETIME), ERR_OK);
	world_start(w);
	send_mail(w, &(struct mail){.from = "me@tenant.example", .to = {"bad@x.example"}, .tenant = id});
	expect_log("result=failed", 1);
	expect_log("result=delivered", 1);
	CHECK(count_log(" from=me@tenant.example ") == 1 && count_log("=me@tenant.example\n") == 0);
	CHECK(count_log(" tagged=\"prvs=0") == 1 || count_log(" tagged=prvs=0") == 1);
	expect_stored(w, 0);
	world_free(w);
	(void)arg;
}

TEST(mail_to_the_tenants_own_servers_and_mail_of_untagged_tenants_is_not_tagged)
{
	for (int downstream = 0; downstream < 2; downstream++) {
		struct world *w = world_new(SCRIPT(OPEN, "C MAIL FROM:<me@tenant.example>", "C RCPT", "C DATA",
		                                   "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
		                            NULL);
		uint32_t id =
			add_tagging_tenant(w, "tenant.example", NULL, downstream ? TENANT_TAGS_PRVS : TENANT_TAGS_OFF);
		struct key key = {.tenant = id,
		                  .kind = KEY_BATV,
		                  .created = 1,
		                  .active_from = 1,
		                  .secret = SLICE("a secret")};
		CHECK_ERROR(keys_rotate(w->state, &key, KEYS_TAG_LIFETIME), ERR_OK);
		world_start(w);
		send_mail(w, &(struct mail){.from = "me@tenant.example",
		                            .to = {"you@tenant.example"},
		                            .downstream = downstream,
		                            .tenant = id});
		expect_log("result=delivered", 1);
		CHECK(count_log("tagged=") == 0);
		world_free(w);
	}
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
		cmocka_unit_test(an_edit_of_what_was_just_delivered_does_not_send_it_again),
		cmocka_unit_test(a_dead_destination_rests_as_a_whole_until_asked),
		cmocka_unit_test(downstream_of_the_tenant),
		cmocka_unit_test(the_return_path_is_tagged_in_the_world_and_the_report_goes_to_the_untagged_one),
		cmocka_unit_test(mail_to_the_tenants_own_servers_and_mail_of_untagged_tenants_is_not_tagged),
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
