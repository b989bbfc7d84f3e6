/* SPDX-License-Identifier: Apache-2.0 */
/* The text and the times are digest_test.c's; here is that digests are sent, once. */
#include "relay/test_delivery.h"

static const struct mail held_mail = {.from = "joe@sender.example",
                                      .to = {"you@tenant.example"},
                                      .kind = SPOOL_INBOUND,
                                      .downstream = true,
                                      .unverified = true,
                                      .hold = "odd"};

TEST(a_tenant_is_told_once_of_what_is_held_also_after_a_restart)
{
	static const struct {
		const char *digest, *rcpt, *pool;
	} cases[] = {
		{NULL, "C RCPT TO:<postmaster@tenant.example>", "pool=downstream"},
		{"boss@tenant.example", "C RCPT TO:<boss@tenant.example>", "pool=downstream"},
		{"boss@else.example", "C RCPT TO:<boss@else.example>", "pool=bounce"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(SCRIPT(OPEN, "C MAIL FROM:<>", cases[i].rcpt, "C DATA",
		                                   "R 250 ok\r\n250 ok\r\n354 go\r\n", "D", "S 250 ok"),
		                            "digest-interval = 1s");
		struct mail mail = held_mail;
		mail.tenant = add_tenant(w, "tenant.example", cases[i].digest);
		message_unref(make(w, &mail));
		message_unref(make(w, &mail));
		world_start(w);
		expect_log("event=digest", 1);
		expect_log("result=delivered", 1);
		CHECK(count_log(cases[i].pool) == 2 && count_log("messages=2") == 2); /* loaded; told */
		CHECK(w->peer.data && strstr(w->peer.data, "Auto-Submitted: auto-generated"));
		CHECK(w->peer.data && strstr(w->peer.data, "why: odd"));
		expect_stored(w, 2);
		world_stop(w);
		world_start(w);
		fiber_sleep(clock_deadline(i == 0 ? 2100 : 0));
		CHECK(count_log("event=digest") == 1);
		expect_stored(w, 2);
		world_free(w);
	}
	(void)arg;
}

TEST(a_digest_that_fails_is_neither_held_nor_told_of)
{
	struct world *w = world_new(SCRIPT(OPEN, "C MAIL FROM:<>", "C RCPT", "C DATA",
	                                   "R 250 ok\r\n550 5.1.1 no postmaster\r\n503 no\r\n", "C RSET", "S 250 ok"),
	                            "digest-interval = 1s");
	struct mail mail = held_mail;
	mail.tenant = add_tenant(w, "tenant.example", NULL);
	message_unref(make(w, &mail));
	world_start(w);
	expect_log("result=failed", 1);
	fiber_sleep(clock_deadline(2100));
	CHECK(count_log("event=digest") == 1 && count_log("event=held") == 0 && count_log("event=report") == 0);
	expect_stored(w, 1);
	world_free(w);
	(void)arg;
}

TEST(nobody_is_told_where_nobody_wants_to_be)
{
	static const struct {
		const char *digest, *interval;
	} cases[] = {{"", "digest-interval = 1s"}, {NULL, "digest-interval = 0"}, {NULL, NULL}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(NULL, cases[i].interval);
		struct mail mail = held_mail;
		mail.tenant = add_tenant(w, "tenant.example", cases[i].digest);
		message_unref(make(w, &mail));
		world_start(w);
		fiber_sleep(clock_deadline(1300));
		CHECK(count_log("event=digest") == 0);
		expect_stored(w, 1);
		world_free(w);
	}
	(void)arg;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tenant_is_told_once_of_what_is_held_also_after_a_restart),
		cmocka_unit_test(a_digest_that_fails_is_neither_held_nor_told_of),
		cmocka_unit_test(nobody_is_told_where_nobody_wants_to_be),
	};
	return cmocka_run_group_tests(tests, capture, NULL);
}
