/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void what_was_said_last_is_read(void **state)
{
	char folder[] = "/tmp/backstop-notice-XXXXXX", file[64], *text;
	struct stat st;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(notice_read(folder, "relay", "rules", &text), ERR_NOT_FOUND);
	assert_null(text);
	assert_int_equal(notice_write(folder, "relay", "rules", SLICE("{\"a\": 1}")), ERR_OK);
	assert_int_equal(notice_write(folder, "relay", "storms", SLICE("")), ERR_OK);
	assert_int_equal(notice_write(folder, "relay", "rules", SLICE("{}")), ERR_OK);
	assert_int_equal(notice_read(folder, "relay", "rules", &text), ERR_OK);
	assert_string_equal(text, "{}");
	free(text);
	assert_int_equal(notice_read(folder, "relay", "storms", &text), ERR_OK);
	assert_string_equal(text, "");
	free(text);
	snprintf(file, sizeof file, "%s/relay.rules", folder);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	unlink(file);
	snprintf(file, sizeof file, "%s/relay.storms", folder);
	unlink(file);
	assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
	(void)state;
}

static void what_cannot_be_said_leaves_the_old_text(void **state)
{
	char folder[] = "/tmp/backstop-notice-XXXXXX", file[64], *text;
	assert_non_null(mkdtemp(folder));
	char *long_text = calloc(1, NOTICE_MOST + 1);
	assert_non_null(long_text);
	assert_int_equal(notice_write(folder, "relay", "rules", SLICE("old")), ERR_OK);
	assert_int_equal(notice_write(folder, "relay", "rules", slice_of(long_text, NOTICE_MOST + 1)), ERR_LIMIT);
	assert_int_equal(notice_read(folder, "relay", "rules", &text), ERR_OK);
	assert_string_equal(text, "old");
	free(text);
	assert_int_equal(notice_write("/nonexistent", "relay", "rules", SLICE("new")), ERR_NOT_FOUND);
	snprintf(file, sizeof file, "%s/relay.rules", folder);
	unlink(file);
	assert_int_equal(rmdir(folder), 0);
	free(long_text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_said_last_is_read),
		cmocka_unit_test(what_cannot_be_said_leaves_the_old_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
