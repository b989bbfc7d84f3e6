/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mail/mailbox.h"

/* Values of fields, and what is read: "local|domain|display" for each mailbox, "!" for an error, in order. */
static const struct {
	const char *name, *in, *out;
} cases[] = {
	{"an address", "joe@example.net", "joe|example.net|;"},
	{"blanks around", " \t joe@example.net \r\n", "joe|example.net|;"},
	{"angle brackets", "<joe@example.net>", "joe|example.net|;"},
	{"a name", "Joe Q. Public <john.q.public@example.com>", "john.q.public|example.com|Joe Q. Public;"},
	{"two, of RFC 5322 A.1.2", "Mary Smith <mary@x.test>, jdoe@example.org",
         "mary|x.test|Mary Smith;jdoe|example.org|;"},
	{"quoted name with a bracket", "\"Giant; \\\"Big\\\" Box <x@y>\" <sysservices@example.net>",
         "sysservices|example.net|\"Giant; \\\"Big\\\" Box <x@y>\";"},
	{"a group, of RFC 5322 A.1.3", "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
         "c|a.test|Ed Jones;joe|where.test|;jdoe|one.test|John;"},
	{"an empty group", "Undisclosed recipients:;", ""},
	{"an empty group with comments, of RFC 5322 A.5",
         "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", ""},
	{"a group and more", "g:a@b;, c@d", "a|b|;c|d|;"},
	{"comments, of RFC 5322 A.5", "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
         "pete|silly.test|Pete;"},
	{"folds", "Chris Jones\r\n <c\r\n\t@\r\n (host) public\r\n .example>", "c|public.example|Chris Jones;"},
	{"obsolete blanks around dots, of RFC 5322 A.6.1", "\"Joe Q. Public\" <john . q . public@example . com>",
         "john.q.public|example.com|\"Joe Q. Public\";"},
	{"an obsolete route, of RFC 5322 A.6.1", "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
         "mary|example.net|Mary Smith;jdoe|test.example|;"},
	{"a route of several hops", "<@a.test,,@b.test:c@d.test>", "c|d.test|;"},
	{"quoted local part", "\"joe \\\"x\\\" @ home\"@example.net", "joe \"x\" @ home|example.net|;"},
	{"a quoted local part that is folded", "\"joe\r\n x\"@example.net", "joe x|example.net|;"},
	{"words of a local part", "joe.\"q r\".x@example.net", "joe.q r.x|example.net|;"},
	{"a literal", "<joe@[192.0.2.1]>", "joe|[192.0.2.1]|;"},
	{"encoded word", "=?utf-8?Q?J=C3=B8rn_=3Ca=40b=3E?= <jorn@example.net>",
         "jorn|example.net|=?utf-8?Q?J=C3=B8rn_=3Ca=40b=3E?=;"},
	{"UTF-8", "J\xC3\xB8rn <j\xC3\xB8rn@d\xC3\xB8me.example>", "j\xC3\xB8rn|d\xC3\xB8me.example|J\xC3\xB8rn;"},
	{"an address as name", "joe@example.net <joe@other.example>", "joe|other.example|joe@example.net;"},
	{"a comment with an address", "(evil@x.test) joe@example.net (y@z.test)", "joe|example.net|;"},
	{"empty places", ",, joe@example.net ,,", "joe|example.net|;"},
	{"nothing", "", ""},
	{"only a comment", "(nobody)", ""},
	{"two angle brackets", "<a@b.test> <c@d.test>", "!"},
	{"an angle bracket after an address that has a name", "a <a@b.test> c@d.test", "!"},
	{"a name alone", "joe", "!"},
	{"a name alone after an address", "a@b.test, joe", "a|b.test|;!"},
	{"no domain", "joe@", "!"},
	{"no local part", "@example.net", "!"},
	{"two at signs", "joe@a.test@b.test", "!"},
	{"two words before the at sign", "joe public@example.net", "!"},
	{"leading dot", ".joe@example.net", "!"},
	{"double dot", "joe..x@example.net", "!"},
	{"dot at the end of the domain", "joe@example.net.", "!"},
	{"null path", "<>", "!"},
	{"no end of the angle bracket", "<joe@example.net", "!"},
	{"no end of a comment", "joe@example.net (x", "!"},
	{"backslash at the end of a comment", "joe@example.net (x\\", "!"},
	{"no end of a quoted string", "\"joe@example.net", "!"},
	{"no end of a literal", "joe@[192.0.2.1", "!"},
	{"no end of a group", "g: a@b.test", "!"},
	{"a group in a group", "g: h: a@b.test;;", "!"},
	{"a group without a name", ": a@b.test;", "!"},
	{"semicolon outside a group", "a@b.test; c@d.test", "!"},
	{"a quoted domain", "joe@\"example.net\"", "!"},
	{"a literal among words", "joe@x.[192.0.2.1]", "!"},
	{"control character", "joe\x01@example.net", "!"},
	{"closing comment alone", "joe) <a@b.test>", "!"},
	{"backslash outside quotes", "joe\\@x <a@b.test>", "!"},
	{"a route without address", "<@a.test:>", "!"},
};

static void read_all(struct arena *a, struct slice value, char *out, size_t size)
{
	struct mailbox_reader r;
	struct mailbox m;
	size_t n = 0;
	*out = '\0';
	mailbox_begin(&r, a, value);
	while (mailbox_next(&r, &m)) {
		n += (size_t)snprintf(out + n, size - n, "%.*s|%.*s|%.*s;", SLICE_ARG(m.local), SLICE_ARG(m.domain),
		                      SLICE_ARG(m.display));
		assert_true(n < size);
		assert_int_equal(m.literal, m.domain.n > 0 && m.domain.p[0] == '[');
	}
	if (r.error) snprintf(out + n, size - n, "!");
}

static void test_cases(void **state)
{
	struct arena a;
	char out[512];
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		read_all(&a, slice_str(cases[i].in), out, sizeof out);
		if (strcmp(out, cases[i].out) != 0) fail_msg("%s: %s", cases[i].name, out);
	}
	arena_free(&a);
}

static void test_nul(void **state)
{
	struct arena a;
	char out[64];
	arena_init(&a, 4096);
	read_all(&a, SLICE("joe\0x@example.net"), out, sizeof out);
	assert_string_equal(out, "!");
	read_all(&a, SLICE("\"joe\0x\"@example.net"), out, sizeof out);
	assert_string_equal(out, "!");
	arena_free(&a);
}

/* Memory and time are linear: a megabyte of each of these is read at once. */
static void test_long(void **state)
{
	static const char *const pieces[] = {"(", "a@b,", "<", "a.", "\"", "g:;", ",", "a ", "@a,", "(\\"};
	size_t size = 1 << 20;
	char *text = malloc(size);
	assert_non_null(text);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct arena a;
		struct mailbox_reader r;
		struct mailbox m;
		size_t piece = strlen(pieces[i]), n = 0;
		while (n + piece <= size) {
			memcpy(text + n, pieces[i], piece);
			n += piece;
		}
		arena_init(&a, 64 << 20);
		mailbox_begin(&r, &a, slice_of(text, n));
		while (mailbox_next(&r, &m)) assert_int_equal(m.local.n, 1);
		assert_true(r.error != MAILBOX_NO_MEMORY);
		arena_free(&a);
	}
	free(text);
}

static void test_no_memory(void **state)
{
	struct arena a;
	struct mailbox_reader r;
	struct mailbox m;
	arena_init(&a, 32);
	mailbox_begin(&r, &a, SLICE("a-rather-long-local-part@a-rather-long-domain.example"));
	assert_false(mailbox_next(&r, &m));
	assert_int_equal(r.error, MAILBOX_NO_MEMORY);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
