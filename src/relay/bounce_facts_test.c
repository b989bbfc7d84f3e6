/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/bounce_facts.h"

#include "store/keys.h"
#include "store/store_test.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1800000000)
#define OLD (NOW - 40 * DAY) /* when all was turned on */

static const struct batv_key batv = {.secret = {"secret", 6}, .number = 3};
static const struct batv_key stranger = {.secret = {"another", 7}, .number = 3};

struct fixture {
	struct store_test *store;
	struct keyring *keys;
	struct arena arena;
};

static void put_key(struct fixture *f, struct key *k)
{
	k->tenant = 1;
	assert_int_equal(keys_put(f->store->db, k), ERR_OK);
}

static void put_dkim(struct fixture *f, const char *domain, const char *selector, int64_t from)
{
	struct signing_key *s;
	assert_int_equal(signing_key_generate(SIGNING_ED25519, 0, &s), ERR_OK);
	struct key k = {.kind = KEY_DKIM,
	                .domain = slice_str(domain),
	                .selector = slice_str(selector),
	                .created = from,
	                .active_from = from,
	                .secret = signing_key_pem(&f->arena, s),
	                .record = signing_key_record(&f->arena, s)};
	put_key(f, &k);
	signing_key_unref(s);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char why[256];
	uint32_t id;
	struct tenant_domain domains[] = {{.name = "acme.test"}, {.name = "new.test"}, {.name = "plain.test"}};
	struct tenant t = {.name = "acme", .domains = domains, .domain_count = 3, .enabled = true};
	f->store = store_test_begin(DB_STATE);
	arena_init(&f->arena, 1 << 20);
	assert_int_equal(tenants_put(f->store->db, &t, &id, why), ERR_OK);
	assert_int_equal(id, 1);
	struct key tag = {.kind = KEY_BATV,
	                  .number = batv.number,
	                  .created = OLD,
	                  .active_from = OLD,
	                  .secret = batv.secret};
	put_key(f, &tag);
	put_dkim(f, "acme.test", "s1", OLD);
	put_dkim(f, "new.test", "s1", NOW - 16 * DAY);
	assert_int_equal(keyring_load(f->store->db, &f->keys, why), ERR_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	keyring_unref(f->keys);
	arena_free(&f->arena);
	store_test_end(f->store);
	free(f);
	return 0;
}

static struct tenant tenant(void)
{
	return (struct tenant){.id = 1,
	                       .name = "acme",
	                       .plus = '+',
	                       .sign = true,
	                       .tags = TENANT_TAGS_PRVS,
	                       .tags_since = OLD};
}

static void get(struct fixture *f, const struct tenant *t, struct slice addressed, bool null_path,
                enum bounce_class class, struct provenance_facts *out)
{
	struct bounce_case c = {.tenant = t,
	                        .keys = f->keys,
	                        .addressed = addressed,
	                        .null_path = null_path,
	                        .class = class,
	                        .now = NOW};
	assert_true(bounce_facts(&f->arena, &c, out));
	assert_true(slice_equal(out->addressed, addressed));
	assert_int_equal(out->tenant, 1);
	assert_int_equal(out->key_count, 2);
}

static void tags(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		const struct batv_key *key; /* NULL: no tag */
		int64_t signed_at;
		bool off, null_path;
		enum batv_verdict tag;
		bool taken_off;
	} cases[] = {
		{"none", NULL, 0, false, true, BATV_UNTAGGED, false},
		{"a good one", &batv, NOW - DAY, false, true, BATV_VALID, true},
		{"a good one, from somebody", &batv, NOW - DAY, false, false, BATV_VALID, true},
		{"an old one", &batv, NOW - 20 * DAY, false, true, BATV_EXPIRED, true},
		{"a forged one", &stranger, NOW, false, true, BATV_FORGED, true},
		{"from somebody it may be his own", &stranger, NOW, false, false, BATV_UNTAGGED, false},
		{"a good one, after tags were turned off", &batv, NOW, true, true, BATV_VALID, true},
		{"a forged one where there are none: the server's own", &stranger, NOW, true, true, BATV_UNTAGGED,
	         false},
		{"an old one where there are none any more", &batv, NOW - 20 * DAY, true, true, BATV_UNTAGGED, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tenant t = tenant();
		struct provenance_facts facts;
		struct slice address = SLICE("joe@acme.test");
		if (cases[i].key)
			address = batv_sign(&f->arena, address, cases[i].key, BATV_PRVS, '+', cases[i].signed_at,
			                    BATV_DAYS);
		if (cases[i].off) t.tags = TENANT_TAGS_OFF;
		print_message("%s\n", cases[i].name);
		get(f, &t, address, cases[i].null_path, CLASS_NDR, &facts);
		assert_int_equal(facts.tag, cases[i].tag);
		assert_true(slice_equal(facts.addressee,
		                        cases[i].taken_off || !cases[i].key ? SLICE("joe@acme.test") : address));
	}
}

static void all_that_is_sent_has_a_tag(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name, *address;
		enum tenant_tags tags;
		int64_t days; /* since they were turned on */
		enum tenant_tag_check check;
		enum bounce_class class;
		bool expected;
	} cases[] = {
		{"for long", "joe@acme.test", TENANT_TAGS_PRVS, 24, TENANT_CHECK_LEARN, CLASS_NDR, true},
		{"not long enough", "joe@acme.test", TENANT_TAGS_PRVS, 23, TENANT_CHECK_LEARN, CLASS_NDR, false},
		{"not long enough, though refused", "joe@acme.test", TENANT_TAGS_PRVS, 23, TENANT_CHECK_REFUSE,
	         CLASS_NDR, false},
		{"the tenant says that not", "joe@acme.test", TENANT_TAGS_PRVS, 99, TENANT_CHECK_OFF, CLASS_NDR, false},
		{"no tags", "joe@acme.test", TENANT_TAGS_OFF, 99, TENANT_CHECK_LEARN, CLASS_NDR, false},
		{"an exception", "LIST@acme.test", TENANT_TAGS_PRVS, 99, TENANT_CHECK_LEARN, CLASS_NDR, false},
		{"an auto-reply", "joe@acme.test", TENANT_TAGS_PRVS, 99, TENANT_CHECK_LEARN, CLASS_AUTOREPLY, false},
		{"a challenge", "joe@acme.test", TENANT_TAGS_PRVS, 99, TENANT_CHECK_LEARN, CLASS_CHALLENGE, false},
		{"no address", "joe", TENANT_TAGS_PRVS, 99, TENANT_CHECK_LEARN, CLASS_NDR, false},
	};
	const char *exceptions[] = {"list@acme.test"};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tenant t = tenant();
		struct provenance_facts facts;
		t.tags = cases[i].tags;
		t.tags_since = NOW - cases[i].days * DAY;
		t.tag_check = cases[i].check;
		t.tag_exceptions = exceptions;
		t.tag_exception_count = 1;
		print_message("%s\n", cases[i].name);
		get(f, &t, slice_str(cases[i].address), true, cases[i].class, &facts);
		assert_int_equal(facts.tags_all, cases[i].expected);
		assert_int_equal(facts.elsewhere, strcmp(cases[i].name, "an exception") == 0);
	}
}

static void all_that_is_sent_is_signed(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name, *address;
		bool sign;
		int64_t since; /* days since signing was turned on again; 0: it never was off */
		bool expected;
	} cases[] = {
		{"for long", "joe@acme.test", true, 0, true},
		{"a domain below", "joe@x.acme.test", true, 0, true},
		{"in any case", "joe@ACME.Test", true, 0, true},
		{"not long enough", "joe@new.test", true, 0, false},
		{"no key", "joe@plain.test", true, 0, false},
		{"the tenant does not want it", "joe@acme.test", false, 0, false},
		{"it did not until of late", "joe@acme.test", true, 16, false},
		{"it did not long ago", "joe@acme.test", true, 17, true},
		{"an address literal", "joe@[192.0.2.1]", true, 0, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tenant t = tenant();
		struct provenance_facts facts;
		t.sign = cases[i].sign;
		t.sign_since = cases[i].since ? NOW - cases[i].since * DAY : 0;
		print_message("%s\n", cases[i].name);
		get(f, &t, slice_str(cases[i].address), true, CLASS_AUTOREPLY, &facts);
		assert_int_equal(facts.signs_all, cases[i].expected);
	}
}

static void without_memory_it_says_so(void **state)
{
	struct fixture *f = *state;
	struct tenant t = tenant();
	bool was_good = false;
	struct slice tagged = batv_sign(&f->arena, SLICE("joe@acme.test"), &batv, BATV_PRVS, '+', NOW - DAY, BATV_DAYS);
	for (size_t limit = 1; limit < 2000; limit += 5) {
		struct arena a;
		struct provenance_facts facts;
		struct bounce_case c = {.tenant = &t,
		                        .keys = f->keys,
		                        .addressed = tagged,
		                        .class = CLASS_NDR,
		                        .now = NOW};
		arena_init(&a, limit);
		bool good = bounce_facts(&a, &c, &facts);
		assert_true(!good || (facts.tags_all && facts.signs_all && facts.tag == BATV_VALID));
		was_good = was_good || good;
		arena_free(&a);
	}
	assert_true(was_good);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(tags), T(all_that_is_sent_has_a_tag), T(all_that_is_sent_is_signed),
	                                   T(without_memory_it_says_so)};
	return cmocka_run_group_tests_name("relay/bounce_facts", tests, NULL, NULL);
}
