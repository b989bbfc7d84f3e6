/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tenants.h"

#include "base/arena.h"
#include "store/directory.h"
#include "store/store_test.h"
#include "store/tenants_json.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A tenant from the JSON that is stored: the shortest way to write one down. */
static struct tenant from_json(struct arena *a, uint32_t id, const char *json)
{
	struct tenant t;
	assert_int_equal(tenant_decode(a, id, slice_str(json), &t), ERR_OK);
	return t;
}

static enum error put(struct db *db, uint32_t id, const char *json, uint32_t *out, char why[256])
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct tenant t = from_json(&a, id, json);
	enum error err = tenants_put(db, &t, out, why);
	arena_free(&a);
	return err;
}

static void json_is_the_same_after_a_round(void **state)
{
	static const char *const cases[] = {
		"{\"name\":\"acme\",\"domains\":[\"example.org\",\".example.net\"],\"downstreams\":[{\"host\":\"192.0."
		"2.1\","
		"\"port\":25,\"preference\":10},{\"host\":\"mx.example.org\",\"port\":2525,\"preference\":20}],"
		"\"from\":[\"192.0.2.0/24\",\"2001:db8::/32\"],\"certificates\":[\"" HASH_A
		"\"],\"users\":[{\"name\":\"joe\","
		"\"password\":\"$y$j9T$abc$def\"}],\"ask\":\"data\",\"directory\":\"partial\",\"plus\":\"-\","
		"\"case_sensitive\":true,\"catch_all\":true,\"tls\":\"require\",\"dmarc\":\"enforce\","
		"\"backscatter\":\"tag\",\"tags\":\"prvs\",\"tags_since\":1795000000,\"tag_check\":\"refuse\",\"tag_"
		"exceptions\":"
		"[\"list@example.org\",\"@example.net\"],\"contain\":true,\"spool\":false,\"sign\":false,\"sign_"
		"since\":1795000001,\"unproven\":\"discard\",\"learn\":false,"
		"\"digest\":\"boss@example.org\",\"enabled\":false}",
		"{\"name\":\"a\",\"domains\":[],\"downstreams\":[],\"from\":[],\"certificates\":[],\"users\":[],"
		"\"ask\":\"rcpt\","
		"\"directory\":\"complete\",\"plus\":\"\",\"case_sensitive\":false,\"catch_all\":false,\"tls\":\"may\","
		"\"dmarc\":\"mark\",\"backscatter\":\"refuse\",\"tags\":\"off\",\"tags_since\":0,\"tag_check\":"
		"\"learn\",\"tag_exceptions\":[],"
		"\"contain\":false,\"spool\":true,\"sign\":true,\"sign_since\":0,\"unproven\":\"hold\",\"learn\":true,"
		"\"enabled\":true}",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		arena_init(&a, 1 << 20);
		struct tenant t = from_json(&a, 1, cases[i]);
		char *json = tenant_encode(&t), *shown = tenant_json(&t);
		assert_string_equal(json, cases[i]);
		assert_null(strstr(shown, "$y$"));
		assert_non_null(strstr(shown, "\"id\":1"));
		free(json);
		free(shown);
		arena_free(&a);
	}
}

static void absent_members_have_their_defaults(void **state)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct tenant t = from_json(&a, 3, "{\"name\":\"a\",\"later\":{\"x\":1}}");
	assert_int_equal(t.id, 3);
	assert_int_equal(t.plus, '+');
	assert_true(t.enabled);
	assert_false(t.case_sensitive);
	assert_int_equal(t.directory, DIRECTORY_COMPLETE);
	assert_int_equal(t.dmarc, TENANT_DMARC_MARK);
	assert_int_equal(t.backscatter, TENANT_BACKSCATTER_REFUSE);
	assert_int_equal(t.tags, TENANT_TAGS_OFF);
	assert_true(t.spool);
	assert_true(t.sign);
	assert_true(t.learn);
	assert_null(t.digest);
	arena_free(&a);
}

static void tags_are_asked_for_after_a_time_of_learning_and_not_of_exceptions(void **state)
{
	enum { SINCE = 1795000000, LATER = SINCE + TENANT_LEARNING_S };
	static const struct {
		enum tenant_tags tags;
		enum tenant_tag_check check;
		int64_t now;
		const char *local, *domain;
		enum tenant_tag_check wanted;
	} cases[] = {
		{TENANT_TAGS_OFF, TENANT_CHECK_REFUSE, LATER, "joe", "example.org", TENANT_CHECK_OFF},
		{TENANT_TAGS_PRVS, TENANT_CHECK_OFF, LATER, "joe", "example.org", TENANT_CHECK_OFF},
		{TENANT_TAGS_PRVS, TENANT_CHECK_LEARN, LATER - 1, "joe", "example.org", TENANT_CHECK_LEARN},
		{TENANT_TAGS_PRVS, TENANT_CHECK_LEARN, LATER, "joe", "example.org", TENANT_CHECK_REFUSE},
		{TENANT_TAGS_SUBADDRESS, TENANT_CHECK_REFUSE, SINCE, "joe", "example.org", TENANT_CHECK_REFUSE},
		{TENANT_TAGS_PRVS, TENANT_CHECK_REFUSE, LATER, "LIST", "example.org", TENANT_CHECK_OFF},
		{TENANT_TAGS_PRVS, TENANT_CHECK_REFUSE, LATER, "list", "example.net", TENANT_CHECK_REFUSE},
		{TENANT_TAGS_PRVS, TENANT_CHECK_REFUSE, LATER, "anybody", "web.example.org", TENANT_CHECK_OFF},
	};
	const char *exceptions[] = {"list@example.org", "@web.example.org"};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tenant t = {.tags = cases[i].tags,
		                   .tag_check = cases[i].check,
		                   .tags_since = SINCE,
		                   .tag_exceptions = exceptions,
		                   .tag_exception_count = 2};
		assert_int_equal(tenant_tag_check(&t, slice_str(cases[i].local), slice_str(cases[i].domain),
		                                  cases[i].now),
		                 cases[i].wanted);
	}
}

static void damaged_json_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"[]",
		"null",
		"{",
		"{}",
		"{\"name\":1}",
		"{\"name\":\"UPPER\"}",
		"{\"name\":\"\"}",
		"{\"name\":\"a\",\"domains\":{}}",
		"{\"name\":\"a\",\"domains\":[1]}",
		"{\"name\":\"a\",\"domains\":[\"\"]}",
		"{\"name\":\"a\",\"domains\":[\"Upper.org\"]}",
		"{\"name\":\"a\",\"domains\":[\"a..b\"]}",
		"{\"name\":\"a\",\"domains\":[\"..a\"]}",
		"{\"name\":\"a\",\"from\":[\"192.0.2.1/24\"]}",
		"{\"name\":\"a\",\"downstreams\":[{\"host\":\"x\",\"port\":70000,\"preference\":1}]}",
		"{\"name\":\"a\",\"downstreams\":[{\"host\":\"x\",\"port\":0,\"preference\":1}]}",
		"{\"name\":\"a\",\"downstreams\":[{\"port\":25,\"preference\":1}]}",
		"{\"name\":\"a\",\"ask\":\"never\"}",
		"{\"name\":\"a\",\"ask\":1}",
		"{\"name\":\"a\",\"plus\":\"++\"}",
		"{\"name\":\"a\",\"plus\":\"a\"}",
		"{\"name\":\"a\",\"enabled\":1}",
		"{\"name\":\"a\",\"dmarc\":\"perhaps\"}",
		"{\"name\":\"a\",\"backscatter\":\"hold\"}",
		"{\"name\":\"a\",\"unproven\":\"send\"}",
		"{\"name\":\"a\",\"tags_since\":\"now\"}",
		"{\"name\":\"a\",\"sign_since\":true}",
		"{\"name\":\"a\",\"tag_exceptions\":[\"joe\"]}",
		"{\"name\":\"a\",\"digest\":\"@example.org\"}",
		"{\"name\":\"a\",\"tags\":\"sub-address\",\"plus\":\"\"}",
		"{\"name\":\"a\",\"certificates\":[\"AA\"]}",
		"{\"name\":\"a\",\"users\":[{\"name\":\"j\"}]}",
		"{\"name\":\"a\",\"name\":\"b\"}",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct tenant t;
		arena_init(&a, 1 << 20);
		if (tenant_decode(&a, 1, slice_str(cases[i]), &t) != ERR_CORRUPT) fail_msg("%s", cases[i]);
		arena_free(&a);
	}
}

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

static struct tenants *load(struct db *db)
{
	char why[256];
	struct tenants *s;
	assert_int_equal(tenants_load(db, &s, why), ERR_OK);
	return s;
}

static void tenants_are_stored_changed_and_removed(void **state)
{
	struct store_test *t = *state;
	char why[256];
	uint32_t a = 0, b = 0, c = 0;
	struct tenants *s = load(t->db);
	assert_int_equal(tenants_count(s), 0);
	assert_null(tenants_by_id(s, 1));
	assert_null(tenants_by_domain(s, SLICE("example.org")));
	tenants_unref(s);
	assert_int_equal(tenants_generation(t->db), 0);

	assert_int_equal(put(t->db, 0, "{\"name\":\"zeta\",\"domains\":[\"z.org\"]}", &a, why), ERR_OK);
	assert_int_equal(put(t->db, 0, "{\"name\":\"beta\",\"domains\":[\"b.org\"]}", &b, why), ERR_OK);
	assert_int_equal(a, 1);
	assert_int_equal(b, 2);
	assert_int_equal(tenants_generation(t->db), 2);
	s = load(t->db);
	assert_int_equal(tenants_snapshot_generation(s), 2);
	assert_string_equal(tenants_at(s, 0)->name, "beta");
	assert_string_equal(tenants_at(s, 1)->name, "zeta");
	assert_null(tenants_at(s, 2));
	assert_int_equal(tenants_by_name(s, SLICE("zeta"))->id, 1);
	assert_string_equal(tenants_by_id(s, 2)->name, "beta");

	assert_int_equal(put(t->db, 1, "{\"name\":\"alpha\",\"domains\":[\"y.org\"]}", &c, why), ERR_OK); /* renamed */
	assert_int_equal(c, 1);
	assert_string_equal(tenants_by_id(s, 1)->name, "zeta"); /* the snapshot stays as it was */
	tenants_unref(s);
	assert_int_equal(tenants_remove(t->db, SLICE("zeta")), ERR_NOT_FOUND);
	assert_int_equal(tenants_remove(t->db, SLICE("alpha")), ERR_OK);
	assert_int_equal(put(t->db, 1, "{\"name\":\"alpha\"}", &c, why), ERR_NOT_FOUND);
	assert_int_equal(put(t->db, 0, "{\"name\":\"alpha\"}", &c, why), ERR_OK);
	assert_int_equal(c, 3); /* numbers are never used again */
}

static void nothing_belongs_to_two(void **state)
{
	struct store_test *t = *state;
	char why[256];
	static const struct {
		const char *json;
		enum error error;
		const char *why;
	} cases[] = {
		{"{\"name\":\"one\"}", ERR_EXISTS, "there is a tenant one already"},
		{"{\"name\":\"two\",\"domains\":[\"a.org\"]}", ERR_EXISTS, "domain a.org belongs to tenant one"},
		{"{\"name\":\"two\",\"domains\":[\".a.org\"]}", ERR_EXISTS, "domain a.org belongs to tenant one"},
		{"{\"name\":\"two\",\"domains\":[\"b.org\",\"b.org\"]}", ERR_EXISTS, "domain b.org is given twice"},
		{"{\"name\":\"two\",\"from\":[\"192.0.2.0/24\"]}", ERR_EXISTS,
	         "source 192.0.2.0/24 belongs to tenant one"},
		{"{\"name\":\"two\",\"certificates\":[\"" HASH_A "\"]}", ERR_EXISTS,
	         "certificate " HASH_A " belongs to"},
		{"{\"name\":\"two\",\"users\":[{\"name\":\"JOE\",\"password\":\"x\"}]}", ERR_EXISTS,
	         "user JOE belongs to tenant one"},
		{"{\"name\":\"two\",\"domains\":[\"sub.a.org\"],\"from\":[\"192.0.2.0/25\"]}", ERR_OK, ""},
	};
	assert_int_equal(put(t->db, 0,
	                     "{\"name\":\"one\",\"domains\":[\"a.org\"],\"from\":[\"192.0.2.0/"
	                     "24\"],\"certificates\":[\"" HASH_A
	                     "\"],\"users\":[{\"name\":\"joe\",\"password\":\"x\"}]}",
	                     NULL, why),
	                 ERR_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(put(t->db, 0, cases[i].json, NULL, why), cases[i].error);
		if (!strstr(why, cases[i].why)) fail_msg("%s: %s", cases[i].json, why);
	}
	/* Itself is no obstacle. */
	assert_int_equal(put(t->db, 1, "{\"name\":\"one\",\"domains\":[\"a.org\"]}", NULL, why), ERR_OK);
}

static const char *owner(const struct tenant *t)
{
	return t ? t->name : "";
}

static void look_ups_find_the_longest_match(void **state)
{
	struct store_test *t = *state;
	char why[256];
	assert_int_equal(put(t->db, 0,
	                     "{\"name\":\"one\",\"domains\":[\".a.org\",\"exact.net\"],\"from\":[\"10.0.0.0/"
	                     "8\",\"2001:db8::/32\","
	                     "\"0.0.0.0/1\"],\"certificates\":[\"" HASH_A
	                     "\"],\"users\":[{\"name\":\"joe\",\"password\":\"x\"}]}",
	                     NULL, why),
	                 ERR_OK);
	assert_int_equal(put(t->db, 0,
	                     "{\"name\":\"two\",\"domains\":[\"b.a.org\",\".c.a.org\"],\"from\":[\"10.1.0.0/"
	                     "16\",\"10.1.2.3/32\","
	                     "\"2001:db8:1::/48\",\"255.255.255.255/32\"],\"certificates\":[\"" HASH_B "\"]}",
	                     NULL, why),
	                 ERR_OK);
	assert_int_equal(put(t->db, 0, "{\"name\":\"three\",\"from\":[\"10.1.2.0/24\",\"ffff::/16\"]}", NULL, why),
	                 ERR_OK);
	struct tenants *s = load(t->db);
	static const struct {
		const char *domain, *owner;
	} domains[] = {
		{"a.org", "one"},
		{"x.a.org", "one"},
		{"y.x.a.org", "one"},
		{"b.a.org", "two"},
		{"x.b.a.org", "one"},
		{"c.a.org", "two"},
		{"x.c.a.org", "two"},
		{"exact.net", "one"},
		{"x.exact.net", ""},
		{"org", ""},
		{"", ""},
		{"ba.org", ""},
		{"a.org.", ""},
		{".", ""},
		{"A.ORG", "one"},
	};
	for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
		assert_string_equal(owner(tenants_by_domain(s, slice_str(domains[i].domain))), domains[i].owner);
	static const struct {
		const char *ip, *owner;
	} sources[] = {
		{"10.0.0.0", "one"},
		{"10.255.255.255", "one"},
		{"11.0.0.0", "one"},
		{"128.0.0.0", ""},
		{"10.1.0.0", "two"},
		{"10.1.255.255", "two"},
		{"10.2.0.0", "one"},
		{"10.1.2.2", "three"},
		{"10.1.2.3", "two"},
		{"10.1.2.4", "three"},
		{"10.1.3.0", "two"},
		{"0.0.0.0", "one"},
		{"255.255.255.255", "two"},
		{"255.255.255.254", ""},
		{"127.255.255.255", "one"},
		{"::ffff:10.1.2.3", "two"},
		{"2001:db8::1", "one"},
		{"2001:db8:1::1", "two"},
		{"2001:db8:2::", "one"},
		{"2001:db7::", ""},
		{"2001:db9::", ""},
		{"::", ""},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "three"},
	};
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		struct ip ip;
		assert_true(ip_parse(slice_str(sources[i].ip), &ip));
		const char *found = owner(tenants_by_source(s, &ip));
		if (strcmp(found, sources[i].owner)) fail_msg("%s: %s", sources[i].ip, found);
	}
	const struct tenant_user *user;
	assert_string_equal(owner(tenants_by_certificate(s, HASH_A)), "one");
	assert_string_equal(owner(tenants_by_certificate(s, HASH_B)), "two");
	assert_string_equal(owner(tenants_by_certificate(s, "")), "");
	assert_string_equal(owner(tenants_by_user(s, SLICE("Joe"), &user)), "one");
	assert_string_equal(user->password_hash, "x");
	assert_null(tenants_by_user(s, SLICE("ann"), &user));
	assert_null(user);
	const struct tenant *one = tenants_by_name(s, SLICE("one"));
	assert_true(tenant_owns(one, SLICE("a.org")));
	assert_true(tenant_owns(one, SLICE("x.a.org")));
	assert_true(tenant_owns(one, SLICE("exact.net")));
	assert_false(tenant_owns(one, SLICE("x.exact.net")));
	assert_false(tenant_owns(one, SLICE("ba.org")));
	assert_false(tenant_owns(one, SLICE("")));
	tenants_unref(s);
}

static void random_prefixes_agree_with_a_plain_search(void **state)
{
	struct store_test *t = *state;
	char why[256];
	unsigned seed = 7;
	struct prefix prefixes[300];
	struct tenant own[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
	size_t n = 0;
	for (int k = 0; k < 3; k++) {
		own[k].from = &prefixes[n];
		for (int i = 0; i < 100; i++) {
			struct prefix p = {.ip.family = AF_INET, .length = (uint8_t)(rand_r(&seed) % 33)};
			uint32_t bits = (uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed);
			bits &= 0x0303ffffu; /* few high bits, so that many nest */
			bits = p.length ? bits & ~0u << (32 - p.length) : 0;
			for (int o = 0; o < 4; o++) p.ip.octets[o] = (uint8_t)(bits >> (24 - 8 * o));
			bool twice = false;
			for (size_t j = 0; j < n; j++)
				twice |= prefixes[j].length == p.length && ip_equal(&prefixes[j].ip, &p.ip);
			if (!twice) prefixes[n++] = p;
		}
		own[k].from_count = (size_t)(&prefixes[n] - own[k].from);
		assert_int_equal(tenants_put(t->db, &own[k], &own[k].id, why), ERR_OK);
	}
	struct tenants *s = load(t->db);
	for (int i = 0; i < 20000; i++) {
		struct ip ip = {.family = AF_INET};
		for (int o = 0; o < 4; o++) ip.octets[o] = (uint8_t)(rand_r(&seed) & (o < 2 ? 3 : 255));
		int best = -1;
		const char *expected = "";
		for (int k = 0; k < 3; k++)
			for (size_t j = 0; j < own[k].from_count; j++)
				if (prefix_contains(&own[k].from[j], &ip) && own[k].from[j].length > best) {
					best = own[k].from[j].length;
					expected = own[k].name;
				}
		assert_string_equal(owner(tenants_by_source(s, &ip)), expected);
	}
	tenants_unref(s);
}

static enum error corrupt(struct db_txn *t, void *arg)
{
	return db_put(t, DB_tenants, slice_of("\0\0\0\1", 4), *(struct slice *)arg);
}

static void a_record_of_a_newer_version_is_refused(void **state)
{
	struct store_test *t = *state;
	char why[256];
	struct tenants *s;
	struct slice newer = SLICE("\2{\"name\":\"a\"}"), bad = SLICE("\1{");
	assert_int_equal(db_update(t->db, corrupt, &newer), ERR_OK);
	assert_int_equal(tenants_load(t->db, &s, why), ERR_VERSION);
	assert_null(s);
	assert_non_null(strstr(why, "tenant number 1"));
	assert_int_equal(db_update(t->db, corrupt, &bad), ERR_OK);
	assert_int_equal(tenants_load(t->db, &s, why), ERR_CORRUPT);
}

static void a_removed_tenant_takes_its_directory_along(void **state)
{
	struct store_test *t = *state;
	char why[256];
	assert_int_equal(put(t->db, 0, "{\"name\":\"a\",\"domains\":[\"a.org\"],\"directory\":\"partial\"}", NULL, why),
	                 ERR_OK);
	struct tenants *s = load(t->db);
	const struct tenant *a = tenants_by_name(s, SLICE("a"));
	assert_int_equal(directory_add(t->db, a, SLICE("joe@a.org"), why), ERR_OK);
	assert_int_equal(directory_lookup(t->db, a, SLICE("joe"), SLICE("a.org"), NULL), DIRECTORY_KNOWN);
	assert_int_equal(tenants_remove(t->db, SLICE("a")), ERR_OK);
	assert_int_equal(directory_lookup(t->db, a, SLICE("joe"), SLICE("a.org"), NULL), DIRECTORY_ASK);
	tenants_unref(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_the_same_after_a_round),
		cmocka_unit_test(absent_members_have_their_defaults),
		cmocka_unit_test(tags_are_asked_for_after_a_time_of_learning_and_not_of_exceptions),
		cmocka_unit_test(damaged_json_is_refused),
		T(tenants_are_stored_changed_and_removed),
		T(nothing_belongs_to_two),
		T(look_ups_find_the_longest_match),
		T(random_prefixes_agree_with_a_plain_search),
		T(a_record_of_a_newer_version_is_refused),
		T(a_removed_tenant_takes_its_directory_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
