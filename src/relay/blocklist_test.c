/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/blocklist.h"
#include "store/listings.h"
#include "store/weighed.h"

static const char zones[] = "2.0.0.127.good.test A 127.0.0.2\n"
			    "9.2.0.192.good.test A 127.0.0.3\n"
			    "9.2.0.192.good.test TXT \"sent bounces\"\n"
			    "8.2.0.192.good.test A 10.1.1.1\n" /* outside 127/8: a parked domain, not a listing */
			    "7.2.0.192.good.test A 127.255.255.254\n" /* the operator's error code */
			    "2.0.0.127.everybody.test A 127.0.0.2\n"
			    "1.0.0.127.everybody.test A 127.0.0.2\n"
			    "9.2.0.192.everybody.test A 127.0.0.2\n"
			    "9.2.0.192.dead.test A 127.0.0.2\n" /* does not list 127.0.0.2 */
			    "2.0.0.127.all.test A 127.0.0.2\n"
			    "6.2.0.192.all.test A 127.0.0.2\n";

static struct config_blocklist configured[] = {{"good.test", BLOCKLIST_SAFE},
                                               {"everybody.test", BLOCKLIST_ALL},
                                               {"dead.test", BLOCKLIST_ALL},
                                               {"all.test", BLOCKLIST_ALL}};

static const struct {
	const char *title, *client;
	bool suspicious;
	enum reason want;
	const char *list, *text;
} cases[] = {
	{"a safe list refuses a bounce", "192.0.2.9", true, REASON_listed_safe_mode, "good.test", "sent bounces"},
	{"a safe list never refuses ordinary mail", "192.0.2.9", false, REASON_ok, NULL, NULL},
	{"an answer outside 127/8 lists nobody", "192.0.2.8", true, REASON_ok, NULL, NULL},
	{"an error answer lists nobody", "192.0.2.7", true, REASON_ok, NULL, NULL},
	{"an all list refuses ordinary mail", "192.0.2.6", false, REASON_listed, "all.test", ""},
	{"the operator's own list refuses bounces", "192.0.2.5", true, REASON_listed_safe_mode, "local", "by hand"},
	{"what the keeper listed is refused with its classes, since when, and the link", "192.0.2.3", true,
         REASON_listed_safe_mode, "local",
         "since 2026-11-25; 192.0.2.3 sends bounces and auto-replies to people who never wrote to it; nothing but "
         "backscatter was seen from it. https://bl.test/lookup/192.0.2.3"},
	{"and not its ordinary mail", "192.0.2.3", false, REASON_ok, NULL, NULL},
	{"what the keeper took off is not", "192.0.2.2", true, REASON_ok, NULL, NULL},
	{"and only bounces", "192.0.2.5", false, REASON_ok, NULL, NULL},
	{"who is not listed is not refused", "192.0.2.4", true, REASON_ok, NULL, NULL},
};

struct run {
	struct loop *loop;
	struct blocklists *lists;
	int failures;
};

static int disabled;

static void count_lines(struct slice line, void *arg)
{
	(void)arg;
	disabled += slice_search(line, SLICE("disabled")) < line.n;
}

static void ask_all(void *arg)
{
	struct run *r = arg;
	struct scope watch;
	struct arena a;
	arena_init(&a, 100000);
	scope_init(&watch);
	scope_spawn(&watch, "watch", blocklists_watch, blocklists_ref(r->lists));
	for (int i = 0; i < 100 && disabled < 2; i++) fiber_sleep(clock_deadline(10));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ip ip;
		struct blocklist_hit hit = {0};
		ip_parse(slice_str(cases[i].client), &ip);
		enum reason got = blocklists_ask(r->lists, &ip, cases[i].suspicious, &a, &hit);
		bool same = got == cases[i].want;
		if (same && got)
			same = strcmp(hit.list, cases[i].list) == 0 && slice_equal(hit.text, slice_str(cases[i].text));
		if (!same) {
			fprintf(stderr, "%s: got %s\n", cases[i].title, reason_row(got)->name);
			r->failures++;
		}
	}
	scope_cancel(&watch);
	scope_join(&watch, DEADLINE_NEVER);
	arena_free(&a);
	loop_stop(r->loop);
}

#define NOVEMBER_25 1795600000 /* 2026 */

static enum error put_row(struct db_txn *t, void *row)
{
	return weighed_put(t, row);
}

static void list_by_keeper(struct db *db, const char *ip, bool listed)
{
	struct weighed w = {.listed = listed,
	                    .any = true,
	                    .as = listed ? WEIGHED_enough : WEIGHED_expired,
	                    .grade = GRADE_only,
	                    .classes = 1 << ACT_bounce | 1 << ACT_autoreply,
	                    .listed_at = NOVEMBER_25,
	                    .reason = SLICE_EMPTY};
	assert_int_equal(prefix_parse(slice_str(ip), &w.unit), ERR_OK);
	assert_int_equal(db_update(db, put_row, &w), ERR_OK);
}

static void lists_answer_as_they_should(void **state)
{
	(void)state;
	char why[256], dir[] = "/tmp/backstop-blocklist-XXXXXX", command[100];
	struct resolver *resolver;
	struct db *db;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(db_open(dir, DB_STATE, DB_CREATE, &db, why), ERR_OK);
	assert_int_equal(resolver_new_table(slice_str(zones), &resolver, why), ERR_OK);
	struct listing own = {.flags = LISTING_MANUAL, .created = clock_unix(), .reason = SLICE("by hand")};
	prefix_parse(SLICE("192.0.2.5"), &own.unit);
	assert_int_equal(listings_add(db, &own), ERR_OK);
	list_by_keeper(db, "192.0.2.3", true);
	list_by_keeper(db, "192.0.2.2", false);
	struct config *c = NULL;
	assert_int_equal(config_parse("t",
	                              SLICE("hostname = \"mx.test\"\nrelay { listen = {\"127.0.0.1:0\"} }\n"
	                                    "web { public-url = \"https://bl.test\" }\n"),
	                              SLICE_EMPTY, SLICE_EMPTY, &c, (char[CONFIG_WHY]){0}),
	                 ERR_OK);
	struct config_blocklist *saved = c->relay.blocklists;
	size_t saved_count = c->relay.blocklist_count;
	c->relay.blocklists = configured;
	c->relay.blocklist_count = 4;
	struct run r = {.loop = loop_new(), .lists = blocklists_new(c, resolver, db)};
	log_capture(count_lines, NULL);
	scope_spawn(loop_scope(r.loop), "ask", ask_all, &r);
	loop_run(r.loop);
	loop_free(r.loop);
	log_capture(NULL, NULL);
	blocklists_unref(r.lists);
	c->relay.blocklists = saved;
	c->relay.blocklist_count = saved_count;
	config_unref(c);
	resolver_free(resolver);
	db_close(db);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(r.failures, 0);
	assert_int_equal(disabled, 2);
}

static void names_are_reversed(void **state)
{
	(void)state;
	char name[128];
	struct ip ip;
	ip_parse(SLICE("192.0.2.9"), &ip);
	assert_true(blocklist_name(&ip, "z.test", name, sizeof name));
	assert_string_equal(name, "9.2.0.192.z.test");
	ip_parse(SLICE("2001:db8:1:2:3:4:567:89ab"), &ip); /* RFC 5782 2.4 */
	assert_true(blocklist_name(&ip, "z.test", name, sizeof name));
	assert_string_equal(name, "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.z.test");
	assert_false(blocklist_name(&ip, "z.test", name, 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_reversed),
	                                   cmocka_unit_test(lists_answer_as_they_should)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
