/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever changed, no row that a transaction sees is ever denied by the filter that it is given. */
#include "dns/rows.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "store/publish.h"
#include "store/store_test.h"

#define NOW clock_unix()

struct world {
	struct store_test *store;
	struct filters *filters;
	struct list_rows rows;
};

static void world_begin(struct world *w)
{
	*w = (struct world){.store = store_test_begin(DB_STATE)};
	w->filters = filters_start(w->store->db);
	assert_non_null(w->filters);
	filters_settle(w->filters);
}

static void world_end(struct world *w)
{
	filters_release(w->filters, w->rows.filter);
	filters_stop(w->filters);
	store_test_end(w->store);
}

/* Address number n, by turns IPv4 and IPv6. */
static struct ip address(uint32_t n)
{
	uint32_t spread = n * 2654435761u;
	struct ip ip = {.family = AF_INET};
	if (n % 2) ip = (struct ip){.family = AF_INET6, .octets = {0x20, 1, 0xd, 0xb8}};
	memcpy(ip.octets + (n % 2 ? 4 : 0), &spread, 4);
	return ip;
}

struct change {
	uint32_t first, count;
	bool listed;
	uint32_t expires;
};

static enum error apply(struct db_txn *t, void *arg)
{
	struct change *c = arg;
	struct published row = {.classes = 0x15, .grade = GRADE_only, .flags = PUBLISHED_ANY, .expires = c->expires};
	enum error e = ERR_OK;
	for (uint32_t i = 0; i < c->count && !e; i++) {
		struct ip ip = address(c->first + i);
		e = publish_row(t, &ip, c->listed ? &row : NULL);
	}
	return e;
}

static void change(struct world *w, uint32_t first, uint32_t count, bool listed)
{
	struct change c = {first, count, listed, 0};
	assert_int_equal(db_update(w->store->db, apply, &c), ERR_OK);
}

/* Those from first on are all listed, or none is. Returns how many of them had to be looked up. */
static unsigned check(struct world *w, uint32_t first, uint32_t count, bool listed)
{
	unsigned looked_up = 0;
	for (uint32_t i = 0; i < count; i++) {
		char key[PUBLISHED_KEY_MOST];
		struct published p;
		struct ip ip = address(first + i);
		size_t n = published_key(&ip, key);
		assert_int_equal(w->rows.rows.get(&w->rows, (uint8_t *)key, n, &p), listed);
		if (listed) assert_true(p.classes == 0x15 && p.grade == GRADE_only && p.flags == PUBLISHED_ANY);
		looked_up += !w->rows.filter || filter_find(w->rows.filter, (uint8_t *)key, n, &p) == FILTER_ASK;
	}
	return looked_up;
}

static void begin(struct world *w)
{
	assert_int_equal(list_rows_begin(&w->rows, w->store->db, w->filters, NOW), ERR_OK);
}

static void end(struct world *w)
{
	list_rows_end(&w->rows);
}

static void test_a_commit_is_in_the_next_batch(void **state)
{
	struct world w;
	world_begin(&w);
	for (uint32_t i = 0; i < 200; i++) {
		change(&w, i, 1, true);
		begin(&w);
		assert_non_null(w.rows.filter);
		check(&w, 0, i + 1, true);
		assert_true(check(&w, 100000, 100, false) < 5);
		end(&w);
	}
	change(&w, 0, 100, false);
	begin(&w);
	assert_non_null(w.rows.filter);
	check(&w, 0, 100, false); /* the filter does not know, the list does */
	check(&w, 100, 100, true);
	end(&w);
	world_end(&w);
}

static void test_it_grows(void **state)
{
	struct world w;
	uint32_t listed = 0;
	world_begin(&w);
	unsigned without = 0;
	for (unsigned round = 0; round < 16; round++, listed += 1500) {
		change(&w, listed, 1500, true);
		begin(&w);
		without += !w.rows.filter;
		check(&w, 0, listed + 1500, true);
		end(&w);
		filters_settle(w.filters);
	}
	assert_in_range(without, 1, 8);
	begin(&w);
	assert_non_null(w.rows.filter);
	assert_true(check(&w, 1000000, 10000, false) < 100);
	end(&w);
	world_end(&w);
}

static void test_more_than_can_be_followed(void **state)
{
	struct world w;
	world_begin(&w);
	change(&w, 0, 10, true);
	begin(&w);
	assert_non_null(w.rows.filter);
	end(&w);
	change(&w, 0, 12000, true);
	begin(&w);
	assert_null(w.rows.filter); /* everything is looked up until there is a new one */
	check(&w, 0, 12000, true);
	end(&w);
	filters_settle(w.filters);
	begin(&w);
	assert_non_null(w.rows.filter);
	check(&w, 0, 12000, true);
	assert_true(check(&w, 1000000, 10000, false) < 100);
	end(&w);
	world_end(&w);
}

/* A thread's transaction may be older than the filter that another thread has brought forward or made. */
static void test_an_older_transaction(void **state)
{
	struct world w;
	world_begin(&w);
	change(&w, 0, 100, true);
	begin(&w);
	const struct filter *held = w.rows.filter;
	assert_non_null(held);
	uint32_t before = w.rows.serial;
	end(&w);
	change(&w, 100, 100, true);
	struct list_rows other = {0};
	assert_int_equal(list_rows_begin(&other, w.store->db, w.filters, NOW), ERR_OK);
	assert_ptr_equal(other.filter, held); /* brought forward */
	assert_ptr_equal(filters_follow(w.filters, held, other.txn, before, NOW), held);
	list_rows_end(&other);
	/* A new one, in which what is gone is not. */
	change(&w, 0, 100, false);
	change(&w, 200, 12000, true);
	assert_int_equal(list_rows_begin(&other, w.store->db, w.filters, NOW), ERR_OK);
	filters_settle(w.filters);
	list_rows_end(&other);
	assert_int_equal(list_rows_begin(&other, w.store->db, w.filters, NOW), ERR_OK);
	assert_non_null(other.filter);
	assert_ptr_not_equal(other.filter, held);
	assert_ptr_equal(filters_follow(w.filters, held, other.txn, before, NOW),
	                 held); /* still good for the old serial */
	struct list_rows third = {0};
	assert_null(filters_follow(w.filters, third.filter, other.txn, before, NOW)); /* the new one is not */
	list_rows_end(&other);
	filters_release(w.filters, other.filter);
	world_end(&w);
}

/* One address more a commit, while threads ask: each sees just those of its transaction. */
struct asker {
	struct world *w;
	uint32_t first; /* serial at which none was listed */
	_Atomic bool *over;
	unsigned rounds, with_filter;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	struct list_rows rows = {0};
	while (!atomic_load(a->over)) {
		assert_int_equal(list_rows_begin(&rows, a->w->store->db, a->w->filters, NOW), ERR_OK);
		uint32_t listed = rows.serial - a->first;
		for (uint32_t i = listed > 20 ? listed - 20 : 0; i < listed + 5; i++) {
			char key[PUBLISHED_KEY_MOST];
			struct published p;
			struct ip ip = address(i);
			size_t n = published_key(&ip, key);
			assert_int_equal(rows.rows.get(&rows, (uint8_t *)key, n, &p), i < listed);
		}
		a->rounds++;
		a->with_filter += rows.filter != NULL;
		list_rows_end(&rows);
	}
	filters_release(a->w->filters, rows.filter);
	return NULL;
}

static void test_threads(void **state)
{
	struct world w;
	pthread_t threads[2];
	struct asker askers[2];
	_Atomic bool over = false;
	world_begin(&w);
	begin(&w);
	uint32_t first = w.rows.serial;
	end(&w);
	for (size_t i = 0; i < 2; i++) {
		askers[i] = (struct asker){&w, first, &over, 0, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	for (uint32_t i = 0; i < 300; i++) change(&w, i, 1, true);
	atomic_store(&over, true);
	for (size_t i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_true(askers[i].with_filter > 0 && askers[i].with_filter == askers[i].rounds);
	}
	world_end(&w);
}

static void test_rows_that_expire(void **state)
{
	struct world w;
	world_begin(&w);
	struct change soon = {0, 100, true, (uint32_t)NOW + 2}, late = {100, 100, true, (uint32_t)NOW + 90000};
	assert_int_equal(db_update(w.store->db, apply, &soon), ERR_OK);
	assert_int_equal(db_update(w.store->db, apply, &late), ERR_OK);
	change(&w, 200, 12000, true); /* a new filter */
	begin(&w);
	end(&w);
	filters_settle(w.filters);
	begin(&w);
	assert_non_null(w.rows.filter);
	assert_int_equal(check(&w, 0, 100, true), 100);
	assert_true(check(&w, 100, 100, true) < 70); /* all of IPv6, few of IPv4 */
	w.rows.now += 3;
	check(&w, 0, 100, false);
	end(&w);
	/* An hour later it is not used any more, and a new one is made. */
	assert_int_equal(list_rows_begin(&w.rows, w.store->db, w.filters, NOW + 3700), ERR_OK);
	assert_null(w.rows.filter);
	end(&w);
	world_end(&w);
}

static void test_without_filters(void **state)
{
	struct world w;
	world_begin(&w);
	change(&w, 0, 10, true);
	struct list_rows rows = {0};
	struct published p;
	assert_int_equal(list_rows_begin(&rows, w.store->db, NULL, NOW), ERR_OK);
	struct ip ip = address(4);
	assert_null(rows.filter);
	assert_true(rows.rows.get(&rows, ip.octets, 4, &p));
	list_rows_end(&rows);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_commit_is_in_the_next_batch),
		cmocka_unit_test(test_it_grows),
		cmocka_unit_test(test_more_than_can_be_followed),
		cmocka_unit_test(test_an_older_transaction),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_rows_that_expire),
		cmocka_unit_test(test_without_filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
