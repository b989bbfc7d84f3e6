/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/key_holder.h"

#include "net/test_loop.h"
#include "store/keys.h"
#include "store/store_test.h"

#define NOW INT64_C(1800000000)

struct asker {
	struct key_holder *holder;
	size_t secrets; /* that it got to see */
};

static void ask(void *arg)
{
	struct asker *a = arg;
	a->secrets = keyring_srs(key_holder_newest(a->holder), NOW).count;
}

/* Several ask right after a key was stored: one reads, the others wait, and all get the new key. */
static void who_asks_gets_what_is_stored_now(void *arg)
{
	struct store_test *t = arg;
	struct key_holder h;
	struct asker askers[8];
	struct scope scope;
	key_holder_init(&h, t->db);
	CHECK(keyring_srs(key_holder_newest(&h), NOW).count == 0);
	for (size_t round = 1; round <= 3; round++) {
		struct key k = {.tenant = KEYS_RELAY,
		                .kind = KEY_SRS,
		                .created = NOW - 10,
		                .active_from = NOW - 10 + (int64_t)round,
		                .secret = SLICE("a secret")};
		CHECK_ERROR(keys_rotate(t->db, &k, KEYS_SRS_LIFETIME), ERR_OK);
		scope_init(&scope);
		for (size_t i = 0; i < 8; i++) {
			askers[i] = (struct asker){.holder = &h};
			CHECK_ERROR(scope_spawn(&scope, "asker", ask, &askers[i]), ERR_OK);
		}
		CHECK_ERROR(scope_join(&scope, clock_deadline(10000)), ERR_OK);
		for (size_t i = 0; i < 8; i++) CHECK(askers[i].secrets == keyring_srs(h.ring, NOW).count);
		CHECK(keyring_srs(h.ring, NOW).count >= 1);
		CHECK(keyring_generation(t->db) == keyring_snapshot_generation(h.ring));
	}
	key_holder_free(&h);
}

static void newest_keys(void **state)
{
	struct store_test *t = store_test_begin(DB_STATE);
	run_in_fiber(who_asks_gets_what_is_stored_now, t);
	store_test_end(t);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(newest_keys)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
