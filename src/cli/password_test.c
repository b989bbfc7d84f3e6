/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/password.h"

#include <crypt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_hash_verifies_and_is_told_from_a_password(void **state)
{
	char *hash = password_hash("secret"), *other = password_hash("secret");
	assert_non_null(hash);
	assert_string_not_equal(hash, other); /* salted */
	assert_true(password_is_hash(hash));
	struct crypt_data *data = calloc(1, sizeof *data);
	assert_string_equal(crypt_r("secret", hash, data), hash);
	assert_string_not_equal(crypt_r("Secret", hash, data), hash);
	free(data);
	free(hash);
	free(other);
	static const char *const passwords[] = {"secret",        "",           "$",
	                                        "$y$",           "$y$j9T$abc", "$unknown$abcdefghijklmnopqrstuvw",
	                                        "rl.3StKT.4T8M", "p$ssword"};
	for (size_t i = 0; i < sizeof passwords / sizeof *passwords; i++)
		if (password_is_hash(passwords[i])) fail_msg("%s", passwords[i]);
	static const char *const hashes[] = {
		"$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
		"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1",
	};
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
		if (!password_is_hash(hashes[i])) fail_msg("%s", hashes[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_hash_verifies_and_is_told_from_a_password)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
