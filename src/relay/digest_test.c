/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DAY 86400

static void a_digest_is_due_an_interval_after_the_first_new_message(void **state)
{
	static const struct {
		const char *name;
		int64_t held[4]; /* when, 0 ends */
		int64_t last, now;
		size_t first, end; /* first == number: none is due */
	} cases[] = {
		{"nothing is held", {0}, 0, 5 * DAY, 0, 0},
		{"held just now", {5 * DAY}, 0, 5 * DAY, 1, 0},
		{"one second before", {4 * DAY + 1}, 0, 5 * DAY, 1, 1},
		{"the first digest", {4 * DAY, 4 * DAY + 7}, 0, 5 * DAY, 0, 2},
		{"in this second: waits for the next", {4 * DAY, 5 * DAY}, 0, 5 * DAY, 0, 1},
		{"told already", {3 * DAY, 3 * DAY + 9}, 4 * DAY, 9 * DAY, 2, 2},
		{"held in the second of the last digest", {3 * DAY, 4 * DAY}, 4 * DAY, 5 * DAY, 1, 2},
		{"the same, not yet", {3 * DAY, 4 * DAY}, 4 * DAY, 5 * DAY - 1, 2, 2},
		{"after a long time down", {3 * DAY, 4 * DAY + 1, 8 * DAY}, 4 * DAY, 20 * DAY, 1, 3},
		{"a clock that went back", {9 * DAY}, 8 * DAY, 5 * DAY, 1, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spool_message m[4] = {0};
		const struct spool_message *held[4];
		size_t n = 0;
		for (; n < 4 && cases[i].held[n]; n++) {
			m[n].held_since = cases[i].held[n];
			held[n] = &m[n];
		}
		size_t first = digest_due(held, n, cases[i].last, DAY, cases[i].now);
		if (first != cases[i].first || digest_reach(held, n, cases[i].now) != cases[i].end)
			fail_msg("%s: %zu, %zu", cases[i].name, first, digest_reach(held, n, cases[i].now));
	}
}

static struct spool_recipient two[] = {{.address = {"you@tenant.example", 18}}, {.address = {"me@tenant.example", 17}}};

static struct slice written(struct arena *a, const struct spool_message *const *messages, size_t n, size_t before)
{
	struct digest d = {.hostname = SLICE("mx.example.net"),
	                   .tenant = SLICE("acme"),
	                   .to = SLICE("postmaster@tenant.example"),
	                   .message_id = SLICE("1.2@mx.example.net"),
	                   .now = 1795472220,
	                   .messages = messages,
	                   .count = n,
	                   .told_before = before};
	struct slice text;
	arena_init(a, 1 << 20);
	assert_true(digest_write(a, &d, &text));
	return slice_str(arena_strdup(a, text));
}

static void assert_has(struct slice text, const char *part)
{
	if (strstr(text.p, part)) return;
	fprintf(stderr, "%s", text.p);
	fail_msg("not there: %s", part);
}

static void it_says_what_is_held_why_until_when_and_what_to_do(void **state)
{
	struct arena a;
	struct spool_message m = {.id = 1ull << 60,
	                          .held_since = 1795400000,
	                          .expires = 1797992000,
	                          .return_path = SLICE("joe@sender.example"),
	                          .hold_reason = SLICE("could not be delivered: 550 5.1.1 gone"),
	                          .recipients = two,
	                          .recipient_count = 2};
	struct spool_message answer = {.id = 77, .held_since = 1795400001, .answer = true};
	const struct spool_message *both[] = {&m, &answer};
	struct slice text = written(&a, both, 2, 3);
	static const char *const parts[] = {
		"Date: Mon, 23 Nov 2026 22:17:00 +0000\r\n",
		"From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\r\n",
		"To: <postmaster@tenant.example>\r\n",
		"has put 2 messages for acme on hold.",
		"Subject: Mail held for acme: 2 new messages\r\n",
		"Message-ID: <1.2@mx.example.net>\r\n",
		"Auto-Submitted: auto-generated\r\n",
		"\r\n1000000000000 held since Mon, 23 Nov 2026 02:13:20 +0000\r\n",
		"    from <joe@sender.example> to <you@tenant.example> and 1 more\r\n",
		"    why: could not be delivered: 550 5.1.1 gone\r\n",
		"    kept until Wed, 23 Dec 2026 02:13:20 +0000\r\n",
		"    backstop held show ID\r\n",
		"    why: held by hand (can be released to an address of yours only: --to",
		"3 more are held that you were told of before.",
		"backstop held list --tenant acme",
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) assert_has(text, parts[i]);
	arena_free(&a);
	text = written(&a, both, 1, 0);
	assert_has(text, "Mail held for acme: 1 new message\r\n");
	assert_null(strstr(text.p, "told of before"));
	arena_free(&a);
}

static void it_is_short_however_much_is_held_and_whatever_is_in_it(void **state)
{
	static struct spool_message m[1000];
	static const struct spool_message *all[1000];
	static char reason[60000];
	struct arena a;
	for (size_t i = 0; i < sizeof reason; i++) reason[i] = "x\r\n.\r\nBcc: \xff\0\x1b"[i % 15];
	for (size_t i = 0; i < 1000; i++) {
		m[i] = (struct spool_message){.id = i,
		                              .held_since = 1795400000,
		                              .return_path = slice_of(reason, sizeof reason),
		                              .hold_reason = slice_of(reason + 1, sizeof reason - 1),
		                              .recipients = two,
		                              .recipient_count = 1};
		all[i] = &m[i];
	}
	struct slice text = written(&a, all, 1000, 0);
	assert_has(text, "and 950 more.");
	size_t lines = 0;
	for (struct slice rest = text; rest.p; lines++) {
		struct slice line = slice_split(&rest, '\n');
		assert_true(line.n <= 999);
		assert_false(slice_starts_nocase(line, SLICE("bcc:")) || slice_equal(line, SLICE(".\r")));
		for (size_t i = 0; i < line.n; i++)
			assert_true((line.p[i] >= 0x20 && line.p[i] < 0x7f) || (line.p[i] == '\r' && i + 1 == line.n));
	}
	if (lines > 400) fail_msg("%zu lines", lines);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_is_due_an_interval_after_the_first_new_message),
		cmocka_unit_test(it_says_what_is_held_why_until_when_and_what_to_do),
		cmocka_unit_test(it_is_short_however_much_is_held_and_whatever_is_in_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
