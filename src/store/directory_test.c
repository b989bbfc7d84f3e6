/* SPDX-License-Identifier: Apache-2.0 */
#include "store/directory.h"

#include "store/store_test.h"

#define FIFTY "01234567890123456789012345678901234567890123456789"
#define LONG  FIFTY FIFTY FIFTY FIFTY FIFTY /* as long as a local part may be */

static struct tenant_domain domains[] = {{.name = "a.org"}, {.name = "b.org", .subdomains = true}};

static struct tenant tenant(uint32_t id)
{
	return (struct tenant){.id = id,
	                       .name = "acme",
	                       .domains = domains,
	                       .domain_count = 2,
	                       .plus = '+',
	                       .enabled = true};
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

/* ---- import from a string ----------------------------------------------------------------------------------------- */

struct lines {
	struct slice rest;
	uint64_t number;
	char bad[800]; /* "2:joe:why;" */
};

static int next_line(void *arg, struct slice *line, uint64_t *number)
{
	struct lines *l = arg;
	if (!l->rest.p || l->rest.n == 0) return 0;
	*line = slice_split(&l->rest, ' ');
	*number = ++l->number;
	if (slice_equal(*line, SLICE("ERROR"))) return -1;
	return 1;
}

static void note_bad(void *arg, uint64_t number, struct slice line, const char *why)
{
	struct lines *l = arg;
	size_t n = strlen(l->bad);
	snprintf(l->bad + n, sizeof l->bad - n, "%d:%.*s:%s;", (int)number, SLICE_ARG(line), why);
}

struct job {
	const char *text, *domain;
	bool dry_run, force;
};

static enum error import(struct db *db, const struct tenant *t, struct job job, struct directory_result *r,
                         struct lines *l)
{
	char why[256];
	struct lines own;
	if (!l) l = &own;
	*l = (struct lines){.rest = slice_str(job.text)};
	struct directory_import in = {.tenant = t,
	                              .domain = job.domain,
	                              .dry_run = job.dry_run,
	                              .force = job.force,
	                              .next = next_line,
	                              .bad = note_bad,
	                              .arg = l};
	return directory_import(db, &in, r, why);
}

static bool add_text(struct slice address, void *arg)
{
	char *out = arg;
	size_t n = strlen(out);
	snprintf(out + n, 1000 - n, "%s%.*s", n ? " " : "", SLICE_ARG(address));
	return true;
}

static void assert_export(struct db *db, const struct tenant *t, const char *domain, const char *expected)
{
	char out[1000] = "";
	assert_int_equal(directory_export(db, t, domain, add_text, out), ERR_OK);
	assert_string_equal(out, expected);
}

static void add_domain(const char *domain, uint64_t count, int64_t imported, void *arg)
{
	char *out = arg;
	size_t n = strlen(out);
	snprintf(out + n, 200 - n, "%s=%d%s ", domain, (int)count, imported ? "" : "?");
}

static void assert_domains(struct db *db, const struct tenant *t, const char *expected)
{
	char out[200] = "";
	assert_int_equal(directory_domains(db, t, add_domain, out), ERR_OK);
	assert_string_equal(out, expected);
}

static void imports_replace_the_lists_of_their_domains(void **state)
{
	struct store_test *s = *state;
	struct tenant t = tenant(1), other = tenant(2);
	struct directory_result r;
	static const struct {
		struct job job;
		enum error error;
		unsigned read, added, removed, kept, invalid;
		bool refused;
		const char *exported, *domains;
	} cases[] = {
		{{"joe@a.org Ann@A.org joe@b.org x@sub.b.org"},
	         ERR_OK,
	         4,
	         4,
	         0,
	         0,
	         0,
	         false,
	         "Ann@a.org joe@a.org joe@b.org x@sub.b.org",
	         "a.org=2 b.org=1 sub.b.org=1 "},
		{{"joe@a.org ann@a.org zoe@a.org JOE@a.org", .dry_run = true},
	         ERR_OK,
	         4,
	         1,
	         0,
	         2,
	         0,
	         false,
	         "Ann@a.org joe@a.org joe@b.org x@sub.b.org",
	         "a.org=2 b.org=1 sub.b.org=1 "},
		{{"joe@a.org ann@a.org zoe@a.org JOE@a.org"},
	         ERR_OK,
	         4,
	         1,
	         0,
	         2,
	         0,
	         false,
	         "Ann@a.org joe@a.org zoe@a.org joe@b.org x@sub.b.org",
	         "a.org=3 b.org=1 sub.b.org=1 "},
		{{"joe@a.org"},
	         ERR_LIMIT,
	         1,
	         0,
	         2,
	         1,
	         0,
	         true,
	         "Ann@a.org joe@a.org zoe@a.org joe@b.org x@sub.b.org",
	         "a.org=3 b.org=1 sub.b.org=1 "},
		{{"joe@a.org", .dry_run = true},
	         ERR_OK,
	         1,
	         0,
	         2,
	         1,
	         0,
	         true,
	         "Ann@a.org joe@a.org zoe@a.org joe@b.org x@sub.b.org",
	         "a.org=3 b.org=1 sub.b.org=1 "},
		{{"joe@a.org new@a.org", .force = true},
	         ERR_OK,
	         2,
	         1,
	         2,
	         1,
	         0,
	         false,
	         "joe@a.org new@a.org joe@b.org x@sub.b.org",
	         "a.org=2 b.org=1 sub.b.org=1 "},
		{{"p q r@b.org", .domain = "b.org", .force = true},
	         ERR_OK,
	         3,
	         3,
	         1,
	         0,
	         0,
	         false,
	         "joe@a.org new@a.org p@b.org q@b.org r@b.org x@sub.b.org",
	         "a.org=2 b.org=3 sub.b.org=1 "},
		{{"", .domain = "b.org"},
	         ERR_LIMIT,
	         0,
	         0,
	         3,
	         0,
	         0,
	         true,
	         "joe@a.org new@a.org p@b.org q@b.org r@b.org x@sub.b.org",
	         "a.org=2 b.org=3 sub.b.org=1 "},
		{{"", .domain = "b.org", .force = true},
	         ERR_OK,
	         0,
	         0,
	         3,
	         0,
	         0,
	         false,
	         "joe@a.org new@a.org x@sub.b.org",
	         "a.org=2 b.org=0 sub.b.org=1 "},
		{{""}, ERR_OK, 0, 0, 0, 0, 0, false, "joe@a.org new@a.org x@sub.b.org", "a.org=2 b.org=0 sub.b.org=1 "},
		{{"joe@a.org ERROR"},
	         ERR_IO,
	         1,
	         0,
	         0,
	         0,
	         0,
	         false,
	         "joe@a.org new@a.org x@sub.b.org",
	         "a.org=2 b.org=0 sub.b.org=1 "},
		{{"joe", .domain = "c.org"},
	         ERR_INVALID,
	         0,
	         0,
	         0,
	         0,
	         0,
	         false,
	         "joe@a.org new@a.org x@sub.b.org",
	         "a.org=2 b.org=0 sub.b.org=1 "},
	};
	assert_int_equal(import(s->db, &other, (struct job){"other@a.org"}, &r, NULL), ERR_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(import(s->db, &t, cases[i].job, &r, NULL), cases[i].error);
		assert_int_equal(r.read, cases[i].read);
		assert_int_equal(r.added, cases[i].added);
		assert_int_equal(r.removed, cases[i].removed);
		assert_int_equal(r.kept, cases[i].kept);
		assert_int_equal(r.refused, cases[i].refused);
		assert_export(s->db, &t, NULL, cases[i].exported);
		assert_domains(s->db, &t, cases[i].domains);
	}
	assert_export(s->db, &t, "a.org", "joe@a.org new@a.org");
	assert_export(s->db, &other, NULL, "other@a.org");
}

static void bad_addresses_are_told_and_counted(void **state)
{
	struct store_test *s = *state;
	struct tenant t = tenant(1);
	struct directory_result r;
	struct lines l;
	static const struct {
		const char *text, *domain, *why; /* why NULL: good */
	} cases[] = {
		{"joe@a.org", NULL, NULL},
		{"<joe@a.org>", NULL, NULL},
		{"joe@A.ORG.", NULL, NULL},
		{"@a.org", NULL, NULL},
		{"\"joe\\\"x@y\"@a.org", NULL, NULL},
		{"j\xc3\xb6@a.org", NULL, NULL},
		{"joe@deep.sub.b.org", NULL, NULL},
		{"joe", "a.org", NULL},
		{"joe", NULL, "there is no @"},
		{LONG "@a.org", NULL, NULL},
		{"joe@", NULL, "there is no domain"},
		{"joe@c.org", NULL, "its domain is not one of the tenant's"},
		{"joe@sub.a.org", NULL, "its domain is not one of the tenant's"},
		{"joe@b.org", "a.org", "it is of another domain than the one to import"},
		{"j(o)e@a.org", NULL, "the local part has a character that must be quoted"},
		{"j\toe@a.org", NULL, "the local part has a control character"},
		{"\"joe@a.org", NULL, "the quotes of the local part are not closed"},
		{"\"joe\\\"@a.org", NULL, "the local part ends with a backslash"},
		{LONG "x@a.org", NULL, "the local part is longer than 250 octets"},
		{"\"" LONG "x\"@a.org", NULL, "the local part is longer than 250 octets"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(import(s->db, &t, (struct job){cases[i].text, cases[i].domain, .force = true}, &r, &l),
		                 ERR_OK);
		if (r.invalid != (cases[i].why != NULL)) fail_msg("%s: %s", cases[i].text, l.bad);
		char expected[700] = "";
		if (cases[i].why) snprintf(expected, sizeof expected, "1:%s:%s;", cases[i].text, cases[i].why);
		assert_string_equal(l.bad, expected);
	}
}

/* ---- look-ups ----------------------------------------------------------------------------------------------------- */

static void look_ups_follow_the_tenants_choices(void **state)
{
	struct store_test *s = *state;
	struct directory_result r;
	enum { PLAIN, PARTIAL, SENSITIVE, NO_PLUS, CATCH_ALL, DASH };
	static const struct {
		int choice;
		const char *local, *domain;
		enum directory_answer answer;
	} cases[] = {
		{PLAIN, "joe", "a.org", DIRECTORY_KNOWN},
		{PLAIN, "JOE", "a.org", DIRECTORY_KNOWN},
		{PLAIN, "mixed", "a.org", DIRECTORY_KNOWN},
		{PLAIN, "joe+x", "a.org", DIRECTORY_KNOWN},
		{PLAIN, "joe+", "a.org", DIRECTORY_KNOWN},
		{PLAIN, "+joe", "a.org", DIRECTORY_UNKNOWN},
		{PLAIN, "real+plus", "a.org", DIRECTORY_KNOWN},
		{PLAIN, "real", "a.org", DIRECTORY_UNKNOWN},
		{PLAIN, "nobody", "a.org", DIRECTORY_UNKNOWN},
		{PLAIN, "", "a.org", DIRECTORY_UNKNOWN},
		{PLAIN, "PostMaster", "a.org", DIRECTORY_KNOWN},
		{PLAIN, "anybody", "b.org", DIRECTORY_UNKNOWN}, /* the entry @b.org counts for catch-all only */
		{PLAIN, "joe", "sub.b.org", DIRECTORY_ASK},
		{PLAIN, "postmaster", "sub.b.org", DIRECTORY_ASK},
		{PLAIN, "0123456789012345678901234567890123456789012345678901234567890123x", "a.org",
	         DIRECTORY_UNKNOWN},
		{PARTIAL, "joe", "a.org", DIRECTORY_KNOWN},
		{PARTIAL, "nobody", "a.org", DIRECTORY_ASK},
		{NO_PLUS, "joe+x", "a.org", DIRECTORY_UNKNOWN},
		{DASH, "joe-x", "a.org", DIRECTORY_KNOWN},
		{DASH, "joe+x", "a.org", DIRECTORY_UNKNOWN},
		{CATCH_ALL, "anybody", "b.org", DIRECTORY_KNOWN},
		{CATCH_ALL, "nobody", "a.org", DIRECTORY_UNKNOWN},
	};
	struct tenant base = tenant(1);
	assert_int_equal(import(s->db, &base, (struct job){"joe@a.org MiXed@a.org real+plus@a.org @b.org"}, &r, NULL),
	                 ERR_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tenant t = tenant(1);
		enum error err;
		if (cases[i].choice == PARTIAL) t.directory = DIRECTORY_PARTIAL;
		if (cases[i].choice == NO_PLUS) t.plus = 0;
		if (cases[i].choice == DASH) t.plus = '-';
		if (cases[i].choice == CATCH_ALL) t.catch_all = true;
		enum directory_answer answer =
			directory_lookup(s->db, &t, slice_str(cases[i].local), slice_str(cases[i].domain), &err);
		if (answer != cases[i].answer)
			fail_msg("%d %s@%s: %d", cases[i].choice, cases[i].local, cases[i].domain, answer);
		assert_int_equal(err, ERR_OK);
	}
	struct tenant other = tenant(2);
	assert_int_equal(directory_lookup(s->db, &other, SLICE("joe"), SLICE("a.org"), NULL), DIRECTORY_ASK);
}

static void case_may_be_changed_and_changed_back(void **state)
{
	struct store_test *s = *state;
	struct directory_result r;
	char why[256];
	struct tenant t = tenant(0);
	assert_int_equal(tenants_put(s->db, &t, &t.id, why), ERR_OK);
	assert_int_equal(import(s->db, &t, (struct job){"Joe@a.org ann@a.org"}, &r, NULL), ERR_OK);
	assert_int_equal(directory_lookup(s->db, &t, SLICE("joe"), SLICE("a.org"), NULL), DIRECTORY_KNOWN);
	t.case_sensitive = true;
	assert_int_equal(tenants_put(s->db, &t, NULL, why), ERR_OK);
	assert_int_equal(directory_lookup(s->db, &t, SLICE("joe"), SLICE("a.org"), NULL), DIRECTORY_UNKNOWN);
	assert_int_equal(directory_lookup(s->db, &t, SLICE("Joe"), SLICE("a.org"), NULL), DIRECTORY_KNOWN);
	assert_int_equal(directory_lookup(s->db, &t, SLICE("ann"), SLICE("a.org"), NULL), DIRECTORY_KNOWN);
	assert_int_equal(directory_add(s->db, &t, SLICE("joe@a.org"), why), ERR_OK);
	assert_domains(s->db, &t, "a.org=3 ");
	t.case_sensitive = false;
	assert_int_equal(tenants_put(s->db, &t, NULL, why), ERR_OK);
	assert_int_equal(directory_lookup(s->db, &t, SLICE("JOE"), SLICE("a.org"), NULL), DIRECTORY_KNOWN);
	assert_domains(s->db, &t, "a.org=2 "); /* Joe and joe are one again */
}

static void single_addresses_are_added_and_removed(void **state)
{
	struct store_test *s = *state;
	struct directory_result r;
	char why[256];
	struct tenant t = tenant(1);
	assert_int_equal(directory_add(s->db, &t, SLICE("joe@a.org"), why), ERR_NOT_FOUND);
	assert_non_null(strstr(why, "a.org has no list yet"));
	assert_int_equal(import(s->db, &t, (struct job){"joe@a.org"}, &r, NULL), ERR_OK);
	assert_int_equal(directory_add(s->db, &t, SLICE("Ann@a.org"), why), ERR_OK);
	assert_int_equal(directory_add(s->db, &t, SLICE("ANN@a.org"), why), ERR_EXISTS);
	assert_int_equal(directory_add(s->db, &t, SLICE("ann@c.org"), why), ERR_INVALID);
	assert_int_equal(directory_add(s->db, &t, SLICE("ann"), why), ERR_INVALID);
	assert_export(s->db, &t, NULL, "Ann@a.org joe@a.org");
	assert_int_equal(directory_remove(s->db, &t, SLICE("joe@a.org"), why), ERR_OK);
	assert_int_equal(directory_remove(s->db, &t, SLICE("joe@a.org"), why), ERR_NOT_FOUND);
	assert_domains(s->db, &t, "a.org=1 ");
	t.directory = DIRECTORY_PARTIAL;
	assert_int_equal(directory_add(s->db, &t, SLICE("p@b.org"), why), ERR_OK);
	assert_domains(s->db, &t, "a.org=1 b.org=1? ");
	assert_int_equal(directory_drop(s->db, &t, "a.org"), ERR_OK);
	assert_int_equal(directory_drop(s->db, &t, "a.org"), ERR_NOT_FOUND);
	assert_export(s->db, &t, NULL, "p@b.org");
	assert_domains(s->db, &t, "b.org=1? ");
}

static void quoted_local_parts_come_back_quoted(void **state)
{
	struct store_test *s = *state;
	struct directory_result r;
	struct tenant t = tenant(1);
	assert_int_equal(import(s->db, &t, (struct job){"\"a\\\"b@c\"@a.org \"plain\"@a.org \".x\"@a.org"}, &r, NULL),
	                 ERR_OK);
	assert_export(s->db, &t, NULL, "\".x\"@a.org \"a\\\"b@c\"@a.org plain@a.org");
	assert_int_equal(directory_lookup(s->db, &t, SLICE("a\"b@c"), SLICE("a.org"), NULL), DIRECTORY_KNOWN);
}

/* ---- many --------------------------------------------------------------------------------------------------------- */

struct many {
	unsigned n, step, at;
	char text[64];
};

static int next_of_many(void *arg, struct slice *line, uint64_t *number)
{
	struct many *m = arg;
	if (m->at == m->n) return 0;
	*number = ++m->at;
	/* In no order at all, on two domains. */
	unsigned i = (unsigned)((uint64_t)m->at * 7919 % m->n) * m->step;
	*line = slice_of(m->text, (size_t)snprintf(m->text, sizeof m->text, "u%u@%s", i, i % 2 ? "a.org" : "b.org"));
	return 1;
}

static bool count_one(struct slice address, void *n)
{
	return ++*(unsigned *)n > 0;
}

static void many_are_merged_with_many(void **state)
{
	struct store_test *s = *state;
	struct tenant t = tenant(1);
	struct directory_result r;
	char why[256];
	static const struct {
		unsigned n, step;
		bool force;
		unsigned added, removed, kept;
	} cases[] = {
		{20000, 1, false, 20000, 0, 0},    {20000, 1, false, 0, 0, 20000},  {20010, 1, false, 10, 0, 20000},
		{19000, 1, false, 0, 1010, 19000}, {5000, 3, true, 0, 14000, 5000}, /* 0, 3, .. 14997 */
		{30000, 1, false, 25000, 0, 5000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct many m = {.n = cases[i].n, .step = cases[i].step};
		struct directory_import in = {.tenant = &t, .force = cases[i].force, .next = next_of_many, .arg = &m};
		assert_int_equal(directory_import(s->db, &in, &r, why), ERR_OK);
		assert_int_equal(r.added, cases[i].added);
		assert_int_equal(r.removed, cases[i].removed);
		assert_int_equal(r.kept, cases[i].kept);
		unsigned n = 0;
		assert_int_equal(directory_export(s->db, &t, NULL, count_one, &n), ERR_OK);
		assert_int_equal(n, cases[i].n);
	}
	assert_int_equal(directory_lookup(s->db, &t, SLICE("u29999"), SLICE("a.org"), NULL), DIRECTORY_KNOWN);
	assert_int_equal(directory_lookup(s->db, &t, SLICE("u29998"), SLICE("a.org"), NULL), DIRECTORY_UNKNOWN);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(imports_replace_the_lists_of_their_domains),
		T(bad_addresses_are_told_and_counted),
		T(look_ups_follow_the_tenants_choices),
		T(case_may_be_changed_and_changed_back),
		T(single_addresses_are_added_and_removed),
		T(quoted_local_parts_come_back_quoted),
		T(many_are_merged_with_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
