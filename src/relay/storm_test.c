/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/storm.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE 60000

static const struct storm_limits usual = {.address = 20,
                                          .domain = 50,
                                          .share = 90,
                                          .window = 10 * MINUTE,
                                          .lull = 15 * MINUTE};

static uint64_t key[2] = {1, 2};

/* A stream of answers: `count` of them, evenly over `over`, of which one in `genuine_each` is genuine (0: none), to `addresses`
 * different addresses of the domain, with `ids` different Message-IDs (0: all differ). */
struct stream {
	const char *domain;
	unsigned count, addresses, ids, genuine_each;
	int64_t over;
};

static struct seen {
	unsigned begun, address, domain;
	char against[STORM_NAME];
} seen;

static int64_t play(struct storms *s, const struct stream *x, int64_t now)
{
	struct storm_event begun[2], ended;
	char address[128], id[64];
	static unsigned serial;
	for (unsigned i = 0; i < x->count; i++) {
		int64_t at = now + (x->count > 1 ? x->over * i / (x->count - 1) : 0);
		snprintf(address, sizeof address, "user%u@%s", x->addresses ? i % x->addresses : serial, x->domain);
		snprintf(id, sizeof id, "<%u@mx.example>", x->ids ? i % x->ids : serial);
		serial++;
		struct storm_answer a = {.address = slice_str(address),
		                         .identity = slice_str(id),
		                         .suspect = !x->genuine_each || i % x->genuine_each};
		size_t n = storm_count(s, &a, at, begun);
		for (size_t k = 0; k < n; k++) {
			seen.begun++;
			*(begun[k].domain ? &seen.domain : &seen.address) += 1;
			snprintf(seen.against, sizeof seen.against, "%s", begun[k].against);
		}
		while (storm_end_next(s, at, &ended)) {
		}
	}
	return now + x->over;
}

static const struct {
	const char *name;
	struct stream stream;
	unsigned addresses, domains; /* storms that begin */
} cases[] = {
	{"a campaign against one address", {"victim.example", 100, 1, 0, 0, 5 * MINUTE}, 1, 0},
	{"the same answer again and again", {"victim.example", 100, 1, 1, 0, 5 * MINUTE}, 0, 0},
	{"a few answers to one address", {"victim.example", 14, 1, 0, 0, 5 * MINUTE}, 0, 0},
	{"many, but over a day", {"victim.example", 300, 1, 0, 0, 1440 * MINUTE}, 0, 0},
	{"a campaign against a domain", {"victim.example", 100, 100, 0, 0, 5 * MINUTE}, 0, 1},
	{"a domain of a few addresses", {"victim.example", 90, 8, 0, 0, 5 * MINUTE}, 0, 0},
	{"both", {"victim.example", 3000, 60, 0, 0, 5 * MINUTE}, 60, 1},
	{"a provider: a third is suspect", {"gmail.example", 3000, 0, 0, 3, 9 * MINUTE}, 0, 0},
	{"a provider: four of five are suspect", {"gmail.example", 2000, 0, 0, 5, 9 * MINUTE}, 0, 0},
	{"a campaign beside a little genuine mail", {"victim.example", 500, 0, 0, 50, 5 * MINUTE}, 0, 1},
	{"genuine answers only", {"shop.example", 5000, 0, 0, 1, 5 * MINUTE}, 0, 0},
	{"a newsletter's vacation replies, proven", {"shop.example", 500, 1, 0, 1, 5 * MINUTE}, 0, 0},
};

static void what_is_a_storm(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct storms *s = storms_new(&usual, key);
		assert_non_null(s);
		seen = (struct seen){0};
		play(s, &cases[i].stream, 1000 * MINUTE);
		if (seen.address != cases[i].addresses || seen.domain != cases[i].domains)
			fail_msg("%s: %u and %u storms", cases[i].name, seen.address, seen.domain);
		storms_free(s);
	}
	(void)state;
}

static bool held(struct storms *s, const char *address, int64_t now, const char *against)
{
	char of[STORM_NAME] = "";
	bool h = storm_holds(s, slice_str(address), now, of);
	if (h && strcmp(of, against) != 0) fail_msg("%s is held for %s", address, of);
	return h;
}

static void it_begins_lasts_and_ends(void **state)
{
	struct storms *s = storms_new(&usual, key);
	struct storm_event e, list[4];
	struct stream one = {"Victim.Example", 15, 1, 0, 0, MINUTE};
	seen = (struct seen){0};
	int64_t now = play(s, &one, 1000 * MINUTE);
	assert_false(held(s, "user0@victim.example", now, ""));
	one.count = 10;
	now = play(s, &one, now);
	assert_int_equal(seen.begun, 1);
	assert_string_equal(seen.against, "user0@victim.example");
	assert_true(held(s, "USER0@victim.example", now, "user0@victim.example"));
	assert_false(held(s, "user1@victim.example", now, ""));
	assert_int_equal(storm_list(s, now, list, 4), 1);
	assert_int_equal(list[0].held, 1);
	assert_false(list[0].domain);
	assert_in_range(list[0].suspects, 20, 30);
	/* it goes on at half the rate, which would not begin one */
	one.count = 12;
	one.over = 9 * MINUTE;
	for (int i = 0; i < 10; i++) {
		now = play(s, &one, now);
		assert_true(held(s, "user0@victim.example", now, "user0@victim.example"));
		assert_int_equal(storm_list(s, now, list, 4), 1);
	}
	assert_int_equal(seen.begun, 1);
	/* and is over when the window is empty and the lull has passed: 10 to 25 minutes later */
	assert_false(storm_end_next(s, now + 9 * MINUTE, &e));
	assert_true(held(s, "user0@victim.example", now + 9 * MINUTE, "user0@victim.example"));
	assert_true(storm_end_next(s, now + 26 * MINUTE, &e));
	assert_string_equal(e.against, "user0@victim.example");
	assert_int_equal(e.held, 12);
	assert_false(storm_end_next(s, now + 26 * MINUTE, &e));
	assert_false(held(s, "user0@victim.example", now + 26 * MINUTE, ""));
	assert_int_equal(storm_list(s, now + 26 * MINUTE, list, 4), 0);
	one.count = 25;
	one.over = MINUTE;
	play(s, &one, now + 27 * MINUTE);
	assert_int_equal(seen.begun, 2);
	storms_free(s);
	(void)state;
}

static void it_ends_without_being_looked_at(void **state)
{
	struct storms *s = storms_new(&usual, key);
	int64_t now = play(s, &(struct stream){"victim.example", 100, 100, 0, 0, MINUTE}, 0);
	assert_true(held(s, "anybody@victim.example", now, "victim.example"));
	assert_false(held(s, "anybody@sub.victim.example", now, ""));
	assert_false(held(s, "victim.example", now, ""));
	assert_false(held(s, "anybody@victim.example", now + 15 * MINUTE, ""));
	storms_free(s);
	(void)state;
}

/* Genuine answers to the domain come back: the campaign is no longer most of it. */
static void it_ends_when_ordinary_mail_is_most_of_it(void **state)
{
	struct storms *s = storms_new(&usual, key);
	struct storm_event e;
	bool ended = false;
	int64_t now = play(s, &(struct stream){"victim.example", 100, 100, 0, 0, MINUTE}, 0);
	assert_true(held(s, "anybody@victim.example", now, "victim.example"));
	for (int i = 0; i < 4 && !ended; i++) {
		/* a hundred suspect and as many genuine addresses in each ten minutes */
		for (int k = 0; k < 10 && !ended; k++) {
			now = play(s, &(struct stream){"victim.example", 20, 0, 0, 2, MINUTE}, now);
			ended = !held(s, "anybody@victim.example", now, "victim.example");
		}
	}
	assert_true(ended || storm_end_next(s, now, &e));
	storms_free(s);
	(void)state;
}

static void thresholds_of_zero_and_new_ones(void **state)
{
	struct storm_limits never = usual;
	never.address = never.domain = 0;
	struct storms *s = storms_new(&never, key);
	seen = (struct seen){0};
	int64_t now = play(s, &(struct stream){"victim.example", 2000, 60, 0, 0, MINUTE}, 0);
	assert_int_equal(seen.begun, 0);
	storms_change(s, &usual);
	now = play(s, &(struct stream){"victim.example", 2000, 60, 0, 0, MINUTE}, now);
	assert_int_equal(seen.domain, 1);
	uint64_t changes = storm_changes(s);
	storms_change(s, &never);
	assert_true(storm_changes(s) != changes);
	storms_free(s);
	(void)state;
}

/* A million domains that nobody forged do not hide the one that is, take no more memory, and end no storm. */
static void a_flood_of_random_domains(void **state)
{
	struct storms *s = storms_new(&usual, key);
	struct storm_event list[4], begun[2];
	char address[96];
	seen = (struct seen){0};
	int64_t now = play(s, &(struct stream){"first.example", 60, 60, 0, 0, MINUTE}, 0);
	assert_int_equal(seen.domain, 1);
	for (unsigned i = 0; i < 300000; i++) {
		snprintf(address, sizeof address, "x@random%u.example", i);
		struct storm_answer a = {.address = slice_str(address),
		                         .identity = slice_str(address),
		                         .suspect = true};
		assert_int_equal(storm_count(s, &a, now + i / 2, begun), 0);
		if (i % 500 == 0) { /* a campaign in the middle of it */
			snprintf(address, sizeof address, "u%u@second.example", i);
			size_t n = storm_count(s, &a, now + i / 2, begun);
			for (size_t k = 0; k < n; k++) seen.domain += begun[k].domain;
		}
	}
	now += 150000;
	assert_int_equal(seen.domain, 2);
	assert_int_equal(storm_list(s, now, list, 4), 2);
	assert_true(held(s, "x@first.example", now, "first.example"));
	assert_true(held(s, "x@second.example", now, "second.example"));
	storms_free(s);
	(void)state;
}

static void no_more_storms_than_can_be_told_apart(void **state)
{
	struct storm_limits low = {.address = 1, .domain = 0, .share = 50, .window = MINUTE, .lull = MINUTE};
	struct storms *s = storms_new(&low, key);
	struct storm_event begun[2], ended;
	static struct storm_event list[STORM_MOST + 10];
	size_t n = 0;
	char address[64];
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(address, sizeof address, "u%u@many.example", i);
		n += storm_count(s, &(struct storm_answer){slice_str(address), slice_str(address), true}, 1000, begun);
	}
	assert_int_equal(n, STORM_MOST);
	assert_int_equal(storm_list(s, 1000, list, STORM_MOST + 10), STORM_MOST);
	for (n = 0; storm_end_next(s, 10 * MINUTE, &ended); n++) {
	}
	assert_int_equal(n, STORM_MOST);
	assert_int_equal(storm_count(s, &(struct storm_answer){slice_str(address), slice_str(address), true},
	                             10 * MINUTE, begun),
	                 1);
	storms_free(s);
	(void)state;
}

static void odd_addresses(void **state)
{
	static const char *const addresses[] = {"", "@", "a@", "@b", "postmaster", "\"a@b\"@c.example"};
	struct storm_limits low = {.address = 1, .domain = 1, .share = 50, .window = 1000, .lull = 1000};
	struct storms *s = storms_new(&low, key);
	struct storm_event begun[2];
	static char longest[1000];
	memset(longest, 'a', sizeof longest - 1);
	longest[500] = '@';
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
		storm_count(s, &(struct storm_answer){slice_str(addresses[i]), SLICE("x"), true}, 5, begun);
	assert_true(held(s, "z@c.example", 5, "c.example"));
	assert_int_equal(storm_count(s, &(struct storm_answer){slice_str(longest), SLICE("x"), true}, 5, begun), 2);
	assert_int_equal(strlen(begun[0].against), STORM_NAME - 1);
	storms_free(s);
	(void)state;
}

static void *thrash(void *arg)
{
	struct storms *s = arg;
	struct storm_event e;
	char against[STORM_NAME];
	static const struct stream x = {"victim.example", 50, 10, 0, 7, MINUTE};
	for (int i = 0; i < 200; i++) {
		struct storm_event begun[2];
		char address[64];
		for (unsigned k = 0; k < x.count; k++) {
			snprintf(address, sizeof address, "user%u@victim%d.example", k, i % 40);
			struct storm_answer a = {slice_str(address), slice_str(address), k % 7 != 0};
			storm_count(s, &a, i * 1000, begun);
			storm_holds(s, a.address, i * 1000, against);
		}
		storm_end_next(s, i * 1000, &e);
		storm_changes(s);
	}
	return NULL;
}

static void of_many_threads(void **state)
{
	struct storm_limits low = {.address = 1, .domain = 10, .share = 50, .window = 1000, .lull = 1000};
	struct storms *s = storms_new(&low, key);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, thrash, s), 0);
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
	storms_free(s);
	(void)state;
}

/* The estimates depend on the key; what is told of them does not. */
static int another_key(void **state)
{
	key[0]++;
	(void)state;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_a_storm),
		cmocka_unit_test_setup(what_is_a_storm, another_key),
		cmocka_unit_test(it_begins_lasts_and_ends),
		cmocka_unit_test(it_ends_without_being_looked_at),
		cmocka_unit_test(it_ends_when_ordinary_mail_is_most_of_it),
		cmocka_unit_test(thresholds_of_zero_and_new_ones),
		cmocka_unit_test(a_flood_of_random_domains),
		cmocka_unit_test(no_more_storms_than_can_be_told_apart),
		cmocka_unit_test(odd_addresses),
		cmocka_unit_test(of_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
