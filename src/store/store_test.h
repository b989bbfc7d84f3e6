/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_test - a folder of its own for each test, and the environments in it
 *
 * For the unit tests of store and relay only. setup/teardown are cmocka's; the state is a struct store_test.
 */
#ifndef BACKSTOP_STORE_STORE_TEST_H
#define BACKSTOP_STORE_STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/db.h"

struct store_test {
	char dir[64];
	struct db *db;
};

static inline struct db *store_test_open(const char *dir, enum db_environment which, int flags)
{
	char why[256];
	struct db *db;
	enum error err = db_open(dir, which, flags, &db, why);
	if (err) print_error("%s\n", why);
	assert_int_equal(err, ERR_OK);
	return db;
}

static inline struct store_test *store_test_begin(enum db_environment which)
{
	struct store_test *t = calloc(1, sizeof *t);
	assert_non_null(t);
	snprintf(t->dir, sizeof t->dir, "/tmp/backstop-test-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->db = store_test_open(t->dir, which, DB_CREATE);
	return t;
}

static inline int store_test_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void store_test_end(struct store_test *t)
{
	db_close(t->db);
	nftw(t->dir, store_test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
}

#endif
