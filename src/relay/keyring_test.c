/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/keyring.h"

#include "store/keys.h"
#include "store/store_test.h"
#include "store/tenants.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1800000000)

struct fixture {
	struct store_test *store;
	struct db *db;
	uint32_t acme, other;
	struct arena arena;
};

static uint32_t add_tenant(struct db *db, uint32_t id, const char *name, const char *domain, bool subdomains)
{
	struct tenant_domain d = {.name = domain, .subdomains = subdomains};
	struct tenant t = {.id = id, .name = name, .domains = &d, .domain_count = 1, .enabled = true};
	char why[256];
	assert_int_equal(tenants_put(db, &t, &id, why), ERR_OK);
	return id;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->store = store_test_begin(DB_STATE);
	f->db = f->store->db;
	arena_init(&f->arena, 1 << 20);
	f->acme = add_tenant(f->db, 0, "acme", "acme.test", true);
	f->other = add_tenant(f->db, 0, "other", "other.test", false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	store_test_end(f->store);
	free(f);
	return 0;
}

static struct keyring *load(struct fixture *f)
{
	struct keyring *ring;
	char why[256];
	assert_int_equal(keyring_load(f->db, &ring, why), ERR_OK);
	assert_string_equal(why, "");
	return ring;
}

static void rotate(struct fixture *f, enum key_kind kind, uint32_t tenant, const char *secret, int64_t now)
{
	struct key k = {.tenant = tenant,
	                .kind = kind,
	                .created = now,
	                .active_from = now,
	                .secret = slice_str(secret)};
	assert_int_equal(keys_rotate(f->db, &k, kind == KEY_SRS ? KEYS_SRS_LIFETIME : KEYS_TAG_LIFETIME), ERR_OK);
}

static void rotate_dkim(struct fixture *f, uint32_t tenant, const char *domain, const char *selector, int64_t now,
                        int64_t from)
{
	struct signing_key *s;
	assert_int_equal(signing_key_generate(SIGNING_ED25519, 0, &s), ERR_OK);
	struct key k = {.tenant = tenant,
	                .kind = KEY_DKIM,
	                .domain = slice_str(domain),
	                .selector = slice_str(selector),
	                .created = now,
	                .active_from = from,
	                .secret = signing_key_pem(&f->arena, s),
	                .record = signing_key_record(&f->arena, s)};
	assert_int_equal(keys_rotate(f->db, &k, KEYS_DKIM_LIFETIME), ERR_OK);
	signing_key_unref(s);
}

/* The secrets of what a tenant's tags are verified with, the one that signs marked. */
static const char *tags(struct fixture *f, const struct keyring *ring, uint32_t tenant, int64_t now)
{
	size_t n;
	const struct batv_key *keys = keyring_batv_keys(ring, tenant, now, &n);
	const struct batv_key *signs = keyring_batv_sign_key(ring, tenant, now);
	struct slice text = SLICE_EMPTY;
	for (size_t i = 0; i < n; i++)
		text = arena_printf(&f->arena, "%.*s%s%.*s%u ", SLICE_ARG(text), signs == &keys[i] ? "*" : "",
		                    SLICE_ARG(keys[i].secret), keys[i].number);
	return arena_strdup(&f->arena, text);
}

static void tags_of_a_tenant(void **state)
{
	struct fixture *f = *state;
	rotate(f, KEY_BATV, f->acme, "one", NOW);
	rotate(f, KEY_BATV, f->acme, "two", NOW + DAY);
	rotate(f, KEY_BATV, f->acme, "three", NOW + 2 * DAY);
	rotate(f, KEY_BATV, f->other, "theirs", NOW);
	struct keyring *ring = load(f);
	assert_string_equal(tags(f, ring, f->acme, NOW + 2 * DAY), "*three2 two1 one0 ");
	assert_string_equal(tags(f, ring, f->acme, NOW + 15 * DAY), "*three2 two1 ");
	assert_string_equal(tags(f, ring, f->acme, NOW + 16 * DAY), "*three2 ");
	assert_string_equal(tags(f, ring, f->acme, NOW + 900 * DAY), "*three2 ");
	assert_string_equal(tags(f, ring, f->acme, NOW + DAY), "three2 *two1 one0 "); /* a clock that went back */
	assert_string_equal(tags(f, ring, f->other, NOW), "*theirs0 ");
	assert_string_equal(tags(f, ring, 99, NOW), "");
	assert_null(keyring_batv_sign_key(ring, 99, NOW));
	keyring_unref(ring);
}

static void a_ring_with_nothing_on_it(void **state)
{
	struct fixture *f = *state;
	struct keyring *ring = load(f);
	struct slice selector, domain;
	assert_string_equal(tags(f, ring, f->acme, NOW), "");
	assert_int_equal(keyring_srs(ring, NOW).count, 0);
	assert_null(keyring_dkim(ring, f->acme, SLICE("acme.test"), NOW, &selector, &domain));
	keyring_unref(keyring_ref(ring));
	keyring_unref(ring);
	keyring_unref(NULL);
	assert_int_equal(keyring_snapshot_generation(NULL), 0);
}

static void secrets_of_the_relay(void **state)
{
	struct fixture *f = *state;
	rotate(f, KEY_SRS, KEYS_RELAY, "old", NOW);
	rotate(f, KEY_SRS, KEYS_RELAY, "new", NOW + DAY);
	struct keyring *ring = load(f);
	struct srs_secrets s = keyring_srs(ring, NOW + DAY);
	assert_int_equal(s.count, 2);
	assert_true(slice_equal(s.secret[0], SLICE("new")));
	assert_true(slice_equal(s.secret[1], SLICE("old")));
	assert_int_equal(keyring_srs(ring, NOW + DAY + KEYS_SRS_LIFETIME).count, 1);
	/* and they do what they are for */
	struct slice original,
		tagged = srs_forward(&f->arena, SLICE("joe@example.net"), SLICE("us.example"), s.secret[1], NOW);
	assert_int_equal(srs_reverse(&f->arena, tagged, &s, NOW + DAY, SRS_DAYS, &original), ERR_OK);
	keyring_unref(ring);
}

static const char *signs(struct fixture *f, const struct keyring *ring, uint32_t tenant, const char *domain,
                         int64_t now)
{
	struct slice selector, signing_domain;
	if (!keyring_dkim(ring, tenant, slice_str(domain), now, &selector, &signing_domain)) return "";
	return arena_strdup(&f->arena,
	                    arena_printf(&f->arena, "%.*s/%.*s", SLICE_ARG(signing_domain), SLICE_ARG(selector)));
}

static void signing_keys(void **state)
{
	struct fixture *f = *state;
	rotate_dkim(f, f->acme, "acme.test", "s1", NOW, NOW);
	rotate_dkim(f, f->acme, "acme.test", "s2", NOW + 1, NOW + DAY);
	rotate_dkim(f, f->acme, "mail.acme.test", "m1", NOW, NOW + 2 * DAY);
	rotate_dkim(f, f->other, "other.test", "o1", NOW, NOW);
	struct keyring *ring = load(f);
	const struct {
		const char *name, *domain;
		uint32_t tenant;
		int64_t now;
		const char *expected;
	} cases[] = {
		{"the domain's own", "acme.test", f->acme, NOW + 1, "acme.test/s1"},
		{"until the next takes over", "acme.test", f->acme, NOW + DAY - 1, "acme.test/s1"},
		{"which it does", "acme.test", f->acme, NOW + DAY, "acme.test/s2"},
		{"and goes on", "acme.test", f->acme, NOW + 900 * DAY, "acme.test/s2"},
		{"before all", "acme.test", f->acme, NOW - 1, ""},
		{"of a domain above", "x.y.acme.test", f->acme, NOW, "acme.test/s1"},
		{"of the nearest above", "x.mail.acme.test", f->acme, NOW + 2 * DAY, "mail.acme.test/m1"},
		{"of the nearest that is in force", "x.mail.acme.test", f->acme, NOW + DAY, "acme.test/s2"},
		{"a name that only ends so", "notacme.test", f->acme, NOW, ""},
		{"another tenant's", "acme.test", f->other, NOW, ""},
		{"a tenant that is not there", "acme.test", 99, NOW, ""},
		{"no domain", "", f->acme, NOW, ""},
		{"dots", "..", f->acme, NOW, ""},
		{"an empty label above", ".acme.test", f->acme, NOW, "acme.test/s1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		print_message("%s\n", cases[i].name);
		assert_string_equal(signs(f, ring, cases[i].tenant, cases[i].domain, cases[i].now), cases[i].expected);
	}
	keyring_unref(ring);
}

static void a_domain_that_is_lost(void **state)
{
	struct fixture *f = *state;
	rotate_dkim(f, f->other, "other.test", "o1", NOW, NOW);
	struct keyring *before = load(f);
	add_tenant(f->db, f->other, "other", "else.test", false);
	assert_true(keyring_generation(f->db) > keyring_snapshot_generation(before));
	struct keyring *after = load(f);
	assert_string_equal(signs(f, before, f->other, "other.test", NOW), "other.test/o1");
	assert_string_equal(signs(f, after, f->other, "other.test", NOW), "");
	keyring_unref(before);
	keyring_unref(after);
}

static void a_key_that_cannot_be_used(void **state)
{
	struct fixture *f = *state;
	struct key bad = {.tenant = f->acme,
	                  .kind = KEY_DKIM,
	                  .domain = SLICE("acme.test"),
	                  .selector = SLICE("bad"),
	                  .active_from = NOW,
	                  .secret = SLICE("no PEM")};
	struct keyring *ring;
	char why[256];
	rotate_dkim(f, f->acme, "acme.test", "good", NOW - 1, NOW - 1);
	assert_int_equal(keys_put(f->db, &bad), ERR_OK);
	assert_int_equal(keyring_load(f->db, &ring, why), ERR_OK);
	assert_non_null(strstr(why, "bad of acme.test"));
	assert_string_equal(signs(f, ring, f->acme, "acme.test", NOW), "acme.test/good");
	keyring_unref(ring);
}

/* "selector/domain" of all, in order. */
static const char *records(struct fixture *f, const struct keyring *ring, uint32_t tenant)
{
	size_t n;
	const struct provenance_key *keys = keyring_dkim_records(ring, tenant, &n);
	struct slice text = SLICE_EMPTY;
	for (size_t i = 0; i < n; i++) {
		assert_true(slice_starts(keys[i].record, SLICE("v=DKIM1")));
		text = arena_printf(&f->arena, "%.*s%.*s/%.*s ", SLICE_ARG(text), SLICE_ARG(keys[i].selector),
		                    SLICE_ARG(keys[i].domain));
	}
	return arena_strdup(&f->arena, text);
}

static void public_halves_stay_whatever_becomes_of_the_key(void **state)
{
	struct fixture *f = *state;
	char selector[16];
	rotate_dkim(f, f->acme, "acme.test", "s1", NOW, NOW);
	rotate_dkim(f, f->acme, "acme.test", "s2", NOW + DAY, NOW + 2 * DAY);
	rotate_dkim(f, f->other, "other.test", "o1", NOW, NOW);
	assert_int_equal(keys_purge(f->db, NOW + 400 * DAY), ERR_OK); /* the private half of s1 is gone */
	rotate(f, KEY_BATV, f->acme, "tag", NOW);
	add_tenant(f->db, f->other, "other", "else.test", false); /* which lost its domain */
	struct keyring *ring = load(f);
	assert_string_equal(signs(f, ring, f->acme, "acme.test", NOW + DAY), "");
	assert_string_equal(records(f, ring, f->acme), "s1/acme.test s2/acme.test ");
	assert_string_equal(records(f, ring, f->other), "o1/other.test ");
	assert_string_equal(records(f, ring, 99), "");
	assert_string_equal(records(f, NULL, f->acme), "");
	keyring_unref(ring);
	for (int i = 0; i < 40; i++) {
		snprintf(selector, sizeof selector, "n%d", i);
		rotate_dkim(f, f->other, "else.test", selector, NOW + i, NOW + i);
	}
	ring = load(f);
	size_t n;
	assert_non_null(keyring_dkim_records(ring, f->other, &n));
	assert_int_equal(n, 41);
	keyring_unref(ring);
	assert_int_equal(tenants_remove(f->db, SLICE("other")), ERR_OK);
	ring = load(f);
	assert_string_equal(records(f, ring, f->other), "");
	keyring_unref(ring);
}

static void since_when_all_is_signed(void **state)
{
	struct fixture *f = *state;
	rotate_dkim(f, f->acme, "acme.test", "s1", NOW, NOW);
	rotate_dkim(f, f->acme, "acme.test", "s2", NOW + 5 * DAY, NOW + 6 * DAY);
	rotate_dkim(f, f->acme, "mail.acme.test", "m1", NOW + 9 * DAY, NOW + 9 * DAY);
	/* a gap: o1 had been retired for long when o3 came */
	rotate_dkim(f, f->other, "other.test", "o1", NOW - 50 * DAY, NOW - 50 * DAY);
	rotate_dkim(f, f->other, "other.test", "o2", NOW - 40 * DAY, NOW - 40 * DAY);
	assert_int_equal(keys_purge(f->db, NOW), ERR_OK);
	struct key o2 = {.tenant = f->other, .kind = KEY_DKIM, .domain = SLICE("other.test"), .selector = SLICE("o2")};
	assert_int_equal(keys_remove(f->db, &o2, NOW), ERR_OK);
	rotate_dkim(f, f->other, "other.test", "o3", NOW, NOW);
	struct keyring *ring = load(f);
	const struct {
		const char *name, *domain;
		uint32_t tenant;
		int64_t now, expected;
	} cases[] = {
		{"one key", "acme.test", f->acme, NOW + DAY, NOW},
		{"two, one after the other", "acme.test", f->acme, NOW + 7 * DAY, NOW},
		{"long after", "acme.test", f->acme, NOW + 900 * DAY, NOW},
		{"a domain below", "x.acme.test", f->acme, NOW + 7 * DAY, NOW},
		{"which has one of its own, and had that above before", "mail.acme.test", f->acme, NOW + 10 * DAY, NOW},
		{"a gap", "other.test", f->other, NOW + DAY, NOW},
		{"a name that only ends so", "notother.test", f->other, NOW + DAY, INT64_MAX},
		{"before the first", "acme.test", f->acme, NOW - 1, INT64_MAX},
		{"another's", "acme.test", f->other, NOW, INT64_MAX},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		print_message("%s\n", cases[i].name);
		assert_int_equal(keyring_dkim_since(ring, cases[i].tenant, slice_str(cases[i].domain), cases[i].now),
		                 cases[i].expected);
	}
	assert_int_equal(keyring_dkim_since(NULL, f->acme, SLICE("acme.test"), NOW), INT64_MAX);
	keyring_unref(ring);
}

static enum error put_raw(struct db_txn *t, void *arg)
{
	return db_put(t, DB_keys, slice_of("\0\0\0\1\2\3", 6), SLICE("\2whatever"));
}

static void a_row_of_a_newer_release(void **state)
{
	struct fixture *f = *state;
	struct keyring *ring;
	char why[256];
	assert_int_equal(db_update(f->db, put_raw, NULL), ERR_OK);
	assert_int_equal(keyring_load(f->db, &ring, why), ERR_VERSION);
	assert_null(ring);
	assert_string_not_equal(why, "");
}

static void changes_are_seen(void **state)
{
	struct fixture *f = *state;
	struct keyring *ring = load(f);
	assert_int_equal(keyring_generation(f->db), keyring_snapshot_generation(ring));
	assert_int_equal(keys_ensure_srs(f->db, NOW), ERR_OK);
	assert_int_not_equal(keyring_generation(f->db), keyring_snapshot_generation(ring));
	keyring_unref(ring);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(tags_of_a_tenant),
		T(a_ring_with_nothing_on_it),
		T(secrets_of_the_relay),
		T(signing_keys),
		T(a_domain_that_is_lost),
		T(a_key_that_cannot_be_used),
		T(a_row_of_a_newer_release),
		T(changes_are_seen),
		T(public_halves_stay_whatever_becomes_of_the_key),
		T(since_when_all_is_signed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
