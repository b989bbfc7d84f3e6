/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "store/store_test.h"
#include "store/tenants.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1800000000)

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

/* The table as text, a key a line: "tenant kind name state secret|", oldest name first. */
struct listing {
	char text[2000];
	int64_t now;
	unsigned stop_after;
};

static bool list_one(const struct key *k, void *arg)
{
	struct listing *l = arg;
	size_t n = strlen(l->text);
	snprintf(l->text + n, sizeof l->text - n, "%u %s %.*s%s%.*s", k->tenant, key_kind_text(k->kind),
	         SLICE_ARG(k->domain), k->domain.n ? "/" : "", SLICE_ARG(k->selector));
	n = strlen(l->text);
	if (k->kind != KEY_DKIM) snprintf(l->text + n, sizeof l->text - n, "%u", k->number);
	n = strlen(l->text);
	snprintf(l->text + n, sizeof l->text - n, " %s %.*s|", key_state_text(key_state(k, l->now)),
	         SLICE_ARG(k->secret));
	return --l->stop_after > 0;
}

#define assert_keys(db, tenant, at, expected)                                                                          \
	do {                                                                                                           \
		struct listing l_ = {.now = (at), .stop_after = 1000};                                                 \
		assert_int_equal(keys_each(db, tenant, list_one, &l_), ERR_OK);                                        \
		assert_string_equal(l_.text, expected);                                                                \
	} while (0)

static enum error rotate(struct db *db, enum key_kind kind, uint32_t tenant, const char *secret, int64_t now)
{
	struct key k = {.tenant = tenant,
	                .kind = kind,
	                .created = now,
	                .active_from = now,
	                .secret = slice_str(secret)};
	return keys_rotate(db, &k, KEYS_TAG_LIFETIME);
}

static enum error rotate_dkim(struct db *db, const char *domain, const char *selector, int64_t now, int64_t from)
{
	struct key k = {.tenant = 7,
	                .kind = KEY_DKIM,
	                .domain = slice_str(domain),
	                .selector = slice_str(selector),
	                .created = now,
	                .active_from = from,
	                .secret = SLICE("pem"),
	                .record = SLICE("v=DKIM1; p=x")};
	return keys_rotate(db, &k, KEYS_DKIM_LIFETIME);
}

static void tags_rotate_with_overlap(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	assert_int_equal(rotate(db, KEY_BATV, 7, "one", NOW), ERR_OK);
	assert_keys(db, 7, NOW, "7 batv 0 active one|");
	assert_int_equal(rotate(db, KEY_BATV, 7, "two", NOW + DAY), ERR_OK);
	assert_keys(db, 7, NOW + DAY, "7 batv 0 retired one|7 batv 1 active two|");
	assert_keys(db, 7, NOW + 15 * DAY - 1, "7 batv 0 retired one|7 batv 1 active two|");
	assert_keys(db, 7, NOW + 15 * DAY, "7 batv 0 expired one|7 batv 1 active two|");
	/* others are left alone */
	assert_int_equal(rotate(db, KEY_BATV, 8, "other", NOW), ERR_OK);
	assert_int_equal(rotate(db, KEY_SRS, KEYS_RELAY, "srs", NOW), ERR_OK);
	assert_keys(db, KEYS_ALL, NOW + DAY,
	            "0 srs 1 active srs|7 batv 0 retired one|7 batv 1 active two|8 batv 0 active other|");
	assert_int_equal(keys_purge(db, NOW + 15 * DAY), ERR_OK);
	assert_keys(db, 7, NOW + 15 * DAY, "7 batv 1 active two|");
}

static void ten_numbers_are_all_there_are(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	char secret[8];
	for (unsigned i = 0; i < 10; i++) {
		snprintf(secret, sizeof secret, "s%u", i);
		assert_int_equal(rotate(db, KEY_BATV, 7, secret, NOW + i), ERR_OK);
	}
	uint64_t generation = keys_generation(db);
	assert_int_equal(rotate(db, KEY_BATV, 7, "eleventh", NOW + DAY), ERR_BUSY);
	assert_int_equal(keys_generation(db), generation); /* and nothing has changed */
	assert_int_equal(rotate(db, KEY_BATV, 7, "later", NOW + 20 * DAY), ERR_OK);
	assert_keys(db, 7, NOW + 20 * DAY, "7 batv 0 active later|7 batv 9 retired s9|");
}

static void srs_counts_on(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	assert_int_equal(keys_ensure_srs(db, NOW), ERR_OK);
	uint64_t generation = keys_generation(db);
	assert_int_equal(keys_ensure_srs(db, NOW + 1), ERR_OK);
	assert_int_equal(keys_generation(db), generation); /* it was there */
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(rotate(db, KEY_SRS, KEYS_RELAY, "x", NOW + 20 + i * 5 * DAY), ERR_OK);
	assert_keys(db, KEYS_RELAY, NOW + 55 * DAY + 20,
	            "0 srs 10 retired x|0 srs 11 retired x|0 srs 12 retired x|0 srs 13 active x|");
}

/* A machine whose clock was set back keeps what it has: stamps and rewritten return paths are out there. */
static void a_clock_that_goes_back_makes_no_new_secret(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	assert_int_equal(keys_ensure_srs(db, NOW), ERR_OK);
	assert_int_equal(keys_ensure_tags(db, 7, NOW), ERR_OK);
	uint64_t generation = keys_generation(db);
	assert_int_equal(keys_ensure_srs(db, NOW - 1000 * DAY), ERR_OK);
	assert_int_equal(keys_ensure_tags(db, 7, NOW - DAY), ERR_OK);
	assert_int_equal(keys_generation(db), generation);
}

static void what_there_must_be_is_made_once(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	struct key k = {.tenant = 7, .kind = KEY_BATV}, srs = {.kind = KEY_SRS};
	assert_int_equal(keys_ensure_tags(db, 7, NOW), ERR_OK);
	assert_int_equal(keys_ensure_srs(db, NOW), ERR_OK);
	assert_int_equal(keys_ensure_tags(db, 8, NOW), ERR_OK);
	assert_int_equal(keys_generation(db), 3);
	assert_int_equal(keys_ensure_tags(db, 7, NOW + 900 * DAY), ERR_OK);
	assert_int_equal(keys_generation(db), 3);
	assert_int_equal(keys_remove(db, &k, NOW), ERR_OK);
	assert_int_equal(keys_remove(db, &srs, NOW), ERR_NOT_FOUND);
	srs.number = 1;
	assert_int_equal(keys_remove(db, &srs, NOW), ERR_OK);
	assert_int_equal(keys_ensure_tags(db, 7, NOW), ERR_OK);
	assert_int_equal(keys_generation(db), 6);
}

static void dkim_keys_are_published_before_they_sign(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	assert_int_equal(rotate_dkim(db, "a.test", "s1", NOW, NOW), ERR_OK);
	assert_int_equal(rotate_dkim(db, "a.test", "s1", NOW, NOW), ERR_EXISTS);
	assert_int_equal(rotate_dkim(db, "a.test", "s2", NOW + DAY, NOW + 2 * DAY), ERR_OK);
	assert_int_equal(rotate_dkim(db, "b.test", "s1", NOW, NOW), ERR_OK);
	assert_keys(db, 7, NOW + DAY,
	            "7 dkim a.test/s1 active pem|7 dkim a.test/s2 next pem|7 dkim b.test/s1 active pem|");
	assert_keys(db, 7, NOW + 2 * DAY,
	            "7 dkim a.test/s1 retired pem|7 dkim a.test/s2 active pem|7 dkim b.test/s1 active pem|");
	/* another that takes over at once: the one that waited is not needed */
	assert_int_equal(rotate_dkim(db, "a.test", "s3", NOW + DAY + 9, NOW + DAY + 9), ERR_OK);
	assert_keys(db, 7, NOW + 2 * DAY,
	            "7 dkim a.test/s1 retired pem|7 dkim a.test/s3 active pem|7 dkim b.test/s1 active pem|");
	/* thirty days after it was retired only the public part is left */
	assert_int_equal(keys_purge(db, NOW + 31 * DAY + 8), ERR_OK);
	assert_keys(db, 7, NOW + 31 * DAY + 8,
	            "7 dkim a.test/s1 retired pem|7 dkim a.test/s3 active pem|7 dkim b.test/s1 active pem|");
	assert_int_equal(keys_purge(db, NOW + 31 * DAY + 9), ERR_OK);
	assert_keys(db, 7, NOW + 31 * DAY + 9,
	            "7 dkim a.test/s1 expired |7 dkim a.test/s3 active pem|7 dkim b.test/s1 active pem|");
	uint64_t generation = keys_generation(db);
	assert_int_equal(keys_purge(db, NOW + 40 * DAY), ERR_OK);
	assert_int_equal(keys_generation(db), generation);
}

static struct key dkim_name(const char *domain, const char *selector)
{
	return (struct key){.tenant = 7,
	                    .kind = KEY_DKIM,
	                    .domain = slice_str(domain),
	                    .selector = slice_str(selector)};
}

static void the_key_before_a_removed_one_signs_again(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	assert_int_equal(rotate_dkim(db, "a.test", "s1", NOW, NOW), ERR_OK);
	assert_int_equal(rotate_dkim(db, "a.test", "s2", NOW + 1, NOW + DAY), ERR_OK);
	struct key s2 = dkim_name("a.test", "s2"), s1 = dkim_name("a.test", "s1"), none = dkim_name("a.test", "s9");
	assert_int_equal(keys_remove(db, &none, NOW), ERR_NOT_FOUND);
	assert_int_equal(keys_remove(db, &s2, NOW + 2), ERR_OK);
	assert_keys(db, 7, NOW + 400 * DAY, "7 dkim a.test/s1 active pem|");
	/* an older one that goes changes nothing for the newer */
	assert_int_equal(rotate_dkim(db, "a.test", "s3", NOW + DAY, NOW + DAY), ERR_OK);
	assert_int_equal(keys_remove(db, &s1, NOW + 2 * DAY), ERR_OK);
	assert_keys(db, 7, NOW + 2 * DAY, "7 dkim a.test/s3 active pem|");
	/* what has expired does not come back */
	assert_int_equal(rotate_dkim(db, "a.test", "s4", NOW + 3 * DAY, NOW + 3 * DAY), ERR_OK);
	struct key s4 = dkim_name("a.test", "s4");
	assert_int_equal(keys_remove(db, &s4, NOW + 90 * DAY), ERR_OK);
	assert_keys(db, 7, NOW + 90 * DAY, "7 dkim a.test/s3 expired pem|");
}

static void all_of_a_key_is_kept(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	struct key k = dkim_name("a.test", "s1");
	k.created = 1;
	k.active_from = 2;
	k.retired = 3;
	k.expires = INT64_MAX;
	k.secret = slice_of("a\0b", 3);
	k.record = SLICE("v=DKIM1; p=x");
	assert_int_equal(keys_put(db, &k), ERR_OK);
	struct db_txn *t;
	struct slice value;
	static const char expected[] =
		"\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\x7f\xff\xff\xff\xff\xff\xff\xff"
		"\0\3a\0b\0\14v=DKIM1; p=x";
	assert_int_equal(db_begin_read(db, &t), ERR_OK);
	assert_int_equal(db_get(t, DB_keys, slice_of("\0\0\0\7\1a.test\0s1", 14), &value), ERR_OK);
	assert_int_equal(value.n, sizeof expected - 1); /* as docs/storage.md says */
	assert_memory_equal(value.p, expected, value.n);
	db_end_read(t);
}

static enum error put_raw(struct db_txn *t, void *arg)
{
	struct slice *row = arg;
	return db_put(t, DB_keys, row[0], row[1]);
}

static void what_cannot_be_read_or_stored_is_told(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	static char lengthy[600];
	memset(lengthy, 'x', sizeof lengthy - 1);
	struct key bad = dkim_name(lengthy, "s1"), empty = dkim_name("", "s1"),
		   nul = {.kind = KEY_DKIM, .domain = {"a\0b", 3}, .selector = {"s", 1}},
		   eleven = {.tenant = 7, .kind = KEY_BATV, .number = 11};
	assert_int_equal(keys_put(db, &bad), ERR_INVALID);
	assert_int_equal(keys_put(db, &empty), ERR_INVALID);
	assert_int_equal(keys_put(db, &nul), ERR_INVALID);
	assert_int_equal(keys_put(db, &eleven), ERR_INVALID);
	assert_int_equal(rotate(db, KEY_BATV, 7, "", NOW), ERR_INVALID);
	assert_int_equal(keys_generation(db), 0);
	static const struct {
		struct slice row[2];
		enum error error;
	} rows[] = {
		{{{"\0\0\0\1\2\3", 6}, {"\2whatever", 9}}, ERR_VERSION},
		{{{"\0\0\0\1\2\3", 6}, {"\1short", 6}}, ERR_CORRUPT},
		{{{"\0\0\0\1\2", 5}, {"\1", 1}}, ERR_CORRUPT},
		{{{"\0\0\0\1\2\3\4", 7}, {"\1", 1}}, ERR_CORRUPT},
		{{{"\0\0\0\1\1", 5}, {"\1", 1}}, ERR_CORRUPT},
		{{{"\0\0\0\1\x09\1", 6}, {"\1", 1}}, ERR_CORRUPT},
		{{{"\0\0", 2}, {"\1", 1}}, ERR_CORRUPT},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct store_test *own = store_test_begin(DB_STATE);
		struct listing l = {.stop_after = 1000};
		assert_int_equal(db_update(own->db, put_raw, (void *)rows[i].row), ERR_OK);
		assert_int_equal(keys_each(own->db, KEYS_ALL, list_one, &l), rows[i].error);
		assert_string_equal(l.text, "");
		store_test_end(own);
	}
}

static void a_tenant_takes_its_keys_along(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	struct tenant_domain domain = {.name = "a.test"};
	struct tenant t = {.name = "acme", .domains = &domain, .domain_count = 1, .enabled = true};
	uint32_t id;
	char why[256];
	assert_int_equal(tenants_put(db, &t, &id, why), ERR_OK);
	assert_int_equal(rotate(db, KEY_BATV, id, "one", NOW), ERR_OK);
	assert_int_equal(rotate(db, KEY_BATV, id + 1, "other", NOW), ERR_OK);
	uint64_t generation = keys_generation(db);
	assert_int_equal(tenants_remove(db, SLICE("acme")), ERR_OK);
	assert_keys(db, KEYS_ALL, NOW, "2 batv 0 active other|");
	assert_int_equal(keys_generation(db), generation + 1);
}

static void a_look_can_end_early(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	rotate(db, KEY_BATV, 7, "one", NOW);
	rotate(db, KEY_BATV, 7, "two", NOW);
	struct listing l = {.now = NOW, .stop_after = 1};
	assert_int_equal(keys_each(db, 7, list_one, &l), ERR_OK);
	assert_string_equal(l.text, "7 batv 0 retired one|");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(tags_rotate_with_overlap),
		T(ten_numbers_are_all_there_are),
		T(srs_counts_on),
		T(what_there_must_be_is_made_once),
		T(a_clock_that_goes_back_makes_no_new_secret),
		T(dkim_keys_are_published_before_they_sign),
		T(the_key_before_a_removed_one_signs_again),
		T(all_of_a_key_is_kept),
		T(what_cannot_be_read_or_stored_is_told),
		T(a_tenant_takes_its_keys_along),
		T(a_look_can_end_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
