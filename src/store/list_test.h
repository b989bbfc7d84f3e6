/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_test - what the unit tests of the list's tables share
 */
#ifndef BACKSTOP_STORE_LIST_TEST_H
#define BACKSTOP_STORE_LIST_TEST_H

#include "store/store_test.h"

#include "base/endpoint.h"

static inline struct prefix list_test_unit(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(slice_str(text), &ip));
	return ip_unit(&ip);
}

/* Runs change(txn, arg) and expects that it is done. */
static inline void list_test_update(struct db *db, enum error (*change)(struct db_txn *, void *), void *arg)
{
	assert_int_equal(db_update(db, change, arg), ERR_OK);
}

static inline struct db_txn *list_test_read(struct db *db)
{
	struct db_txn *t;
	assert_int_equal(db_begin_read(db, &t), ERR_OK);
	return t;
}

static int list_test_setup(void **state)
{
	*state = store_test_begin(DB_STATE);
	return 0;
}

static int list_test_teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

#define LIST_TEST(f) cmocka_unit_test_setup_teardown(f, list_test_setup, list_test_teardown)

#endif
