/* SPDX-License-Identifier: Apache-2.0 */
#include "store/learned.h"

#include "store/directory_table.h"
#include "store/store_test.h"

#define NOW  INT64_C(1700000000)
#define DAY  LEARNED_DAY
#define HOUR INT64_C(3600)

static int setup(void **state)
{
	*state = store_test_begin(DB_STATE);
	return 0;
}

static int teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

static struct learned_name name(const char *local)
{
	return (struct learned_name){.tenant = 7, .domain = SLICE("list.test"), .local = slice_str(local)};
}

struct saying {
	struct learned_name name;
	int64_t now;
	struct slice words;
	struct learned out;
	bool fresh;
};

static enum error say_in(struct db_txn *t, void *arg)
{
	struct saying *s = arg;
	return learned_say(t, &s->name, s->words, s->now, &s->out, &s->fresh);
}

static struct saying say(struct db *db, struct learned_name n, int64_t now)
{
	struct saying s = {.name = n, .now = now, .words = SLICE("5.1.1 user unknown")};
	assert_int_equal(db_update(db, say_in, &s), ERR_OK);
	return s;
}

static bool dead(struct db *db, struct learned_name n, int64_t now)
{
	return learned_dead(db, &n, false, now, NULL);
}

/* What is said at these times, and until when it is refused after each. */
static void each_time_is_longer(void **state)
{
	struct store_test *t = *state;
	static const struct {
		int64_t at, until;
		uint32_t times;
		bool fresh;
	} times[] = {
		{0, DAY, 1, true},
		{60, DAY, 1, false}, /* the same time */
		{HOUR - 1, DAY, 1, false},
		{2 * DAY, 9 * DAY, 2, true},
		{3 * DAY, 31 * DAY, 3, false},
		{40 * DAY, 68 * DAY, 4, true},
		{68 * DAY + LEARNED_MEMORY, 69 * DAY + LEARNED_MEMORY, 1, true}, /* forgotten by then */
	};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct saying s = say(t->db, name("gone"), NOW + times[i].at);
		if (s.out.expires != NOW + times[i].until || s.out.times != times[i].times || s.fresh != times[i].fresh)
			fail_msg("%zu: %ld, %u times, fresh %d", i, (long)(s.out.expires - NOW), s.out.times, s.fresh);
		assert_true(dead(t->db, name("gone"), NOW + times[i].until - 1));
		assert_false(dead(t->db, name("gone"), NOW + times[i].until));
	}
}

static void one_address_is_meant(void **state)
{
	struct store_test *t = *state;
	struct learned l;
	say(t->db, name("Gone"), NOW);
	struct learned_name other = name("gone");
	assert_true(dead(t->db, name("gone"), NOW));
	assert_true(dead(t->db, name("GONE"), NOW));
	assert_false(dead(t->db, name("gone+x"), NOW));
	assert_false(dead(t->db, name("gon"), NOW));
	other.tenant = 8;
	assert_false(dead(t->db, other, NOW));
	other = name("gone");
	other.domain = SLICE("sub.list.test");
	assert_false(dead(t->db, other, NOW));
	other = name("Gone");
	other.case_sensitive = true;
	assert_false(dead(t->db, other, NOW));
	say(t->db, other, NOW);
	assert_true(dead(t->db, other, NOW));
	assert_int_equal(learned_get(t->db, &other, &l), ERR_OK);
	assert_true(slice_equal(learned_words(&l), SLICE("5.1.1 user unknown")));
}

static enum error import_at(struct db_txn *t, void *arg)
{
	struct directory_domain row = {.count = 1, .imported = *(int64_t *)arg};
	return directory_domain_put(t, 7, SLICE("list.test"), &row);
}

static void a_newer_list_that_has_it_wins(void **state)
{
	struct store_test *t = *state;
	struct learned_name gone = name("gone");
	static const struct {
		int64_t imported;
		bool listed, dead;
	} cases[] = {{NOW - 1, true, true}, {NOW, true, false}, {NOW + 1, true, false}, {NOW + 1, false, true}};
	say(t->db, gone, NOW);
	assert_true(learned_dead(t->db, &gone, true, NOW, NULL));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t imported = cases[i].imported;
		assert_int_equal(db_update(t->db, import_at, &imported), ERR_OK);
		assert_int_equal(learned_dead(t->db, &gone, cases[i].listed, NOW + 2, NULL), cases[i].dead);
	}
}

static void what_cannot_be_learned(void **state)
{
	struct store_test *t = *state;
	static char long_local[DIRECTORY_LOCAL_MOST + 2];
	memset(long_local, 'x', DIRECTORY_LOCAL_MOST + 1);
	const char *const locals[] = {"", "postmaster", "Postmaster", long_local};
	for (size_t i = 0; i < sizeof locals / sizeof *locals; i++) {
		struct saying s = {.name = name(locals[i]), .now = NOW, .words = SLICE_EMPTY};
		assert_int_equal(db_update(t->db, say_in, &s), ERR_INVALID);
		assert_false(dead(t->db, name(locals[i]), NOW));
	}
	static char words[500];
	memset(words, 'w', sizeof words);
	struct saying s = {.name = name("a"), .now = NOW, .words = slice_of(words, sizeof words)};
	assert_int_equal(db_update(t->db, say_in, &s), ERR_OK);
	assert_int_equal(s.out.words_size, LEARNED_WORDS);
}

static bool add_text(struct slice domain, struct slice local, const struct learned *l, void *arg)
{
	char *text = arg;
	snprintf(text + strlen(text), 100, "%.*s@%.*s ", SLICE_ARG(local), SLICE_ARG(domain));
	return true;
}

static void rows_are_listed_and_forgotten(void **state)
{
	struct store_test *t = *state;
	char text[1000] = "";
	uint64_t n;
	struct learned_name other = name("b");
	other.tenant = 8;
	say(t->db, name("B"), NOW);
	say(t->db, name("a"), NOW);
	say(t->db, name("c"), NOW);
	say(t->db, other, NOW);
	struct learned_name c = name("c");
	assert_int_equal(learned_forget(t->db, &c), ERR_OK);
	assert_int_equal(learned_forget(t->db, &c), ERR_NOT_FOUND);
	assert_int_equal(learned_each(t->db, 7, add_text, text), ERR_OK);
	assert_string_equal(text, "a@list.test b@list.test ");
	assert_int_equal(learned_forget_all(t->db, 7, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_false(dead(t->db, name("a"), NOW));
	assert_true(dead(t->db, other, NOW));
}

static void what_is_past_remembering_is_removed(void **state)
{
	struct store_test *t = *state;
	char local[16];
	size_t removed, all = 0;
	for (int i = 0; i < 600; i++) {
		snprintf(local, sizeof local, "u%d", i);
		say(t->db, name(local), i % 2 ? NOW : NOW + 10 * DAY);
	}
	do {
		assert_int_equal(learned_expire(t->db, NOW + DAY + LEARNED_MEMORY, 100, &removed), ERR_OK);
		assert_true(removed <= 100);
		all += removed;
	} while (removed);
	assert_int_equal(all, 300);
	struct learned l;
	struct learned_name old = name("u1"), young = name("u2");
	assert_int_equal(learned_get(t->db, &old, &l), ERR_NOT_FOUND);
	assert_int_equal(learned_get(t->db, &young, &l), ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_time_is_longer),           TEST(one_address_is_meant),
		TEST(a_newer_list_that_has_it_wins), TEST(what_cannot_be_learned),
		TEST(rows_are_listed_and_forgotten), TEST(what_is_past_remembering_is_removed),
	};
	return cmocka_run_group_tests_name("store/learned", tests, NULL, NULL);
}
