/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/treewalk.h"

static const char zone[] = "_dmarc.example.com TXT \"v=DMARC1; p=reject\"\n"
			   "_dmarc.mail.example.com TXT \"v=DMARC1; p=none\"\n"
			   "_dmarc.dept.example.com TXT \"v=DMARC1; p=none; psd=n\"\n"
			   "_dmarc.bank TXT \"v=DMARC1; p=reject; psd=y\"\n"
			   "_dmarc.sub.other.bank TXT \"v=DMARC1; p=none\"\n"
			   "_dmarc.reg.example TXT \"v=DMARC1; p=none; psd=y\"\n"
			   "_dmarc.two.example.com TXT \"v=DMARC1; p=none; psd=n\"\n"
			   "_dmarc.two.example.com TXT \"v=DMARC1; p=reject; psd=n\"\n"
			   "_dmarc.mixed.example.com TXT \"v=spf1 -all\"\n"
			   "_dmarc.mixed.example.com TXT \"v=DMARC1; p=none; psd=n\"\n"
			   "_dmarc.cut.example.com TXT \"v=DMA\" \"RC1; p=none; psd\" \"=n\"\n"
			   "_dmarc.example TXT \"not dmarc\"\n"
			   "_dmarc.down.test SERVFAIL\n"
			   "_dmarc.c.d.e.f.g.example.net TXT \"v=DMARC1; psd=n\"\n"
			   "_dmarc.b.c.d.e.f.g.example.net TXT \"v=DMARC1; psd=n\"\n"
			   "_dmarc.d.e.f.g.far.bank TXT \"v=DMARC1; psd=y\"\n";

static const struct {
	const char *name, *domain, *org; /* NULL: temporary error */
} walks[] = {
	{"its own record, and one above", "mail.example.com", "example.com"},
	{"RFC 9989 4.10.2, first example", "a.mail.example.com", "example.com"},
	{"RFC 9989 4.10.2, second example: psd=n", "a.dept.example.com", "dept.example.com"},
	{"psd=n itself", "dept.example.com", "dept.example.com"},
	{"RFC 9989 4.10.2, last example: psd=y above", "a.mail.some.bank", "some.bank"},
	{"psd=y above, another record below", "sub.other.bank", "other.bank"},
	{"psd=y itself", "bank", "bank"},
	{"psd=y of a registry of two labels", "www.shop.reg.example", "shop.reg.example"},
	{"psd=y where it starts, of two labels", "reg.example", "reg.example"},
	{"no record", "a.b.nothing.test", "a.b.nothing.test"},
	{"several records are none", "a.two.example.com", "example.com"},
	{"other texts beside it", "a.mixed.example.com", "mixed.example.com"},
	{"strings are joined", "a.cut.example.com", "cut.example.com"},
	{"DNS is down", "a.down.test", NULL},
	{"eight labels are all asked for", "a.c.d.e.f.g.example.net", "c.d.e.f.g.example.net"},
	{"the eighth label is jumped over", "mail.a.b.c.d.e.f.g.example.net", "c.d.e.f.g.example.net"},
	{"one below a psd=y that was jumped to", "z.y.x.c.d.e.f.g.far.bank", "c.d.e.f.g.far.bank"},
	{"one label", "localhost", "localhost"},
};

static struct resolver *table(const char *text)
{
	struct resolver *r;
	char why[256];
	if (resolver_new_table(slice_str(text), &r, why)) fail_msg("%s", why);
	return r;
}

static void test_walks(void **state)
{
	struct arena a;
	struct orgdomain_source s = {.resolver = table(zone)};
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
		struct slice org;
		enum error e = orgdomain_find(&a, &s, slice_str(walks[i].domain), &org);
		if (e != (walks[i].org ? ERR_OK : ERR_DNS_TEMPORARY) || !slice_equal(org, slice_str(walks[i].org)))
			fail_msg("%s: %s [%.*s]", walks[i].name, error_name(e), SLICE_ARG(org));
	}
	arena_free(&a);
	resolver_free(s.resolver);
}

/* The walk of RFC 9989 4.10 for a long domain: the eight names of its example, and no more. */
static void test_queries(void **state)
{
	static const char text[] = "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com TXT \"v=DMARC1\"\n"
				   "_dmarc.h.i.j.mail.example.com TXT \"v=DMARC1\"\n"
				   "_dmarc.b.c.d.e.f.g.h.i.j.mail.example.com SERVFAIL\n"
				   "_dmarc.f.g.h.i.j.mail.example.com SERVFAIL\n"
				   "_dmarc.g.h.i.j.mail.example.com TXT \"v=DMARC1\"\n"
				   "_dmarc.i.j.mail.example.com TXT \"v=DMARC1\"\n"
				   "_dmarc.j.mail.example.com TXT \"v=DMARC1\"\n"
				   "_dmarc.mail.example.com TXT \"v=DMARC1\"\n"
				   "_dmarc.example.com TXT \"v=DMARC1\"\n"
				   "_dmarc.com TXT \"v=DMARC1\"\n";
	static const char *const names[] = {"a.b.c.d.e.f.g.h.i.j.mail.example.com",
	                                    "g.h.i.j.mail.example.com",
	                                    "h.i.j.mail.example.com",
	                                    "i.j.mail.example.com",
	                                    "j.mail.example.com",
	                                    "mail.example.com",
	                                    "example.com",
	                                    "com"};
	struct arena a;
	struct tree_walk w;
	struct orgdomain_source s = {.resolver = table(text)};
	arena_init(&a, 1 << 20);
	assert_int_equal(tree_walk(&a, &s, slice_str(names[0]), &w), ERR_OK);
	assert_int_equal(w.count, 8);
	for (size_t i = 0; i < 8; i++) assert_true(slice_equal(w.found[i].domain, slice_str(names[i])));
	assert_true(slice_equal(w.org_domain, SLICE("com")));
	arena_free(&a);
	resolver_free(s.resolver);
}

static const char list_text[] =
	"// a comment\n===BEGIN ICANN DOMAINS===\ncom\nuk\nco.uk\n*.ck\n!www.ck\njp\n*.kobe.jp\n"
	"!city.kobe.jp\n\xE4\xB8\xAD\xE5\x9B\xBD\n// ===BEGIN PRIVATE DOMAINS===\nblogs.example\n";

static const struct {
	const char *name, *domain, *registrable, *org;
} listed[] = {
	{"registered", "example.com", "example.com", "example.com"},
	{"below", "a.b.example.com", "example.com", "example.com"},
	{"suffix", "com", "", "com"},
	{"suffix of two labels", "co.uk", "", "co.uk"},
	{"below that", "www.example.co.uk", "example.co.uk", "example.co.uk"},
	{"wildcard", "a.b.test.ck", "b.test.ck", "b.test.ck"},
	{"under the wildcard", "test.ck", "", "test.ck"},
	{"exception", "www.www.ck", "www.ck", "www.ck"},
	{"exception, two labels", "www.city.kobe.jp", "city.kobe.jp", "city.kobe.jp"},
	{"not in the list", "a.example.test", "example.test", "example.test"},
	{"not in the list, one label", "test", "", "test"},
	{"A-labels", "www.xn--85x722f.xn--fiqs8s", "xn--85x722f.xn--fiqs8s", "xn--85x722f.xn--fiqs8s"},
	{"suffix in A-labels", "xn--fiqs8s", "", "xn--fiqs8s"},
	{"private part", "joe.blogs.example", "joe.blogs.example", "joe.blogs.example"},
};

static void test_list(void **state)
{
	struct arena a;
	struct suffix_list *list;
	arena_init(&a, 1 << 20);
	assert_int_equal(suffix_list_load(slice_str(list_text), &list), ERR_OK);
	struct orgdomain_source s = {.suffixes = list};
	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
		struct slice org, domain = slice_str(listed[i].domain);
		struct slice registrable = suffix_list_registrable(&a, list, domain);
		assert_int_equal(orgdomain_find(&a, &s, domain, &org), ERR_OK);
		if (!slice_equal(registrable, slice_str(listed[i].registrable)) ||
		    !slice_equal(org, slice_str(listed[i].org)))
			fail_msg("%s: [%.*s] [%.*s]", listed[i].name, SLICE_ARG(registrable), SLICE_ARG(org));
	}
	suffix_list_free(list);
	assert_int_equal(suffix_list_load(SLICE("// nothing\n"), &list), ERR_SYNTAX);
	assert_null(list);
	arena_free(&a);
}

/* x and y of one organisation? -1: cannot be told. */
static const struct {
	const char *name, *x, *y;
	int same;
} pairs[] = {
	{"equal, and DNS is down", "a.down.test", "a.down.test", 1},
	{"siblings", "mail.example.com", "www.example.com", 1},
	{"parent", "example.com", "a.b.example.com", 1},
	{"an organisation within", "a.dept.example.com", "example.com", 0},
	{"the other way round", "example.com", "a.dept.example.com", 0},
	{"two of a registry", "x.bank", "y.bank", 0},
	{"one of a registry", "a.x.bank", "b.x.bank", 1},
	{"without records only equals are the same", "a.nothing.test", "nothing.test", 0},
	{"other tops, and DNS is down", "a.down.test", "example.com", 0},
	{"DNS is down", "a.down.test", "b.down.test", -1},
};

static void test_same(void **state)
{
	struct arena a;
	struct orgdomain_source s = {.resolver = table(zone)};
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		bool same;
		enum error e = orgdomain_same(&a, &s, slice_str(pairs[i].x), slice_str(pairs[i].y), &same);
		if (e ? pairs[i].same != -1 || same : pairs[i].same != (int)same)
			fail_msg("%s: %s %d", pairs[i].name, error_name(e), same);
	}
	arena_free(&a);
	resolver_free(s.resolver);
}

static void test_no_memory(void **state)
{
	struct arena a;
	struct slice org;
	struct orgdomain_source s = {.resolver = table(zone)};
	arena_init(&a, 8);
	assert_int_equal(orgdomain_find(&a, &s, SLICE("mail.example.com"), &org), ERR_NO_MEMORY);
	arena_free(&a);
	resolver_free(s.resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks), cmocka_unit_test(test_queries),   cmocka_unit_test(test_list),
		cmocka_unit_test(test_same),  cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
