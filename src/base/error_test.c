/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_error_has_its_own_name_and_text(void **state)
{
	for (int i = 0; i < ERROR_COUNT; i++) {
		assert_true(strlen(error_text(i)) > 0);
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(error_name(i), error_name(k));
			assert_string_not_equal(error_text(i), error_text(k));
		}
	}
	assert_string_equal(error_name(ERR_NO_SPACE), "NO_SPACE");
	assert_string_equal(error_text(ERROR_COUNT), "unknown error");
	assert_string_equal(error_name((enum error) - 1), "UNKNOWN");
}

static void errno_is_translated(void **state)
{
	static const struct {
		int number;
		enum error error;
	} rows[] = {
		{0, ERR_OK},
		{ENOSPC, ERR_NO_SPACE},
		{EROFS, ERR_READ_ONLY},
		{EMFILE, ERR_NO_FILES},
		{ENFILE, ERR_NO_FILES},
		{ENOMEM, ERR_NO_MEMORY},
		{ECONNRESET, ERR_RESET},
		{EPIPE, ERR_CLOSED},
		{ETIMEDOUT, ERR_TIMEOUT},
		{ECONNREFUSED, ERR_REFUSED},
		{ENETUNREACH, ERR_UNREACHABLE},
		{EEXIST, ERR_EXISTS},
		{-EPIPE, ERR_CLOSED},
		{ELIBBAD, ERR_SYSTEM},
		{123456, ERR_SYSTEM},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(error_from_errno(rows[i].number), rows[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_its_own_name_and_text),
		cmocka_unit_test(errno_is_translated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
