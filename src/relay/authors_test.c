/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/authors.h"

/* The return path is path@path.example; p: it proved itself; a: author.example did, by DMARC. */
static const struct {
	const char *name, *header, *proof, *found;
} cases[] = {
	{"another author", "From: Joe <joe@far.example>\r\n", "p", "joe@far.example "},
	{"the return path itself", "From: PATH@path.example\r\n", "", ""},
	{"of the proven return path's domain", "From: news@PATH.example\r\n", "p", ""},
	{"the same, not proven", "From: news@PATH.example\r\n", "", "news@path.example "},
	{"a proven author", "From: a@author.example\r\n", "a", ""},
	{"and where he wants it", "From: a@author.example\r\nReply-To: b@far.example\r\n", "pa", "b@far.example "},
	{"an answer that stays with the author", "From: a@author.example\r\nReply-To: b@author.example\r\n", "pa", ""},
	{"author without proof", "From: a@author.example\r\n", "p", "a@author.example "},
	{"several, one of them twice",
         "From: a@x.example, \"B, C\" <b@x.example>\r\nReply-To: A@x.example, g: c@x.example;\r\n", "p",
         "a@x.example b@x.example c@x.example "},
	{"several fields", "From: a@x.example\r\nFrom: b@x.example\r\n", "p", "a@x.example b@x.example "},
	{"one spelling", "From: \"joe\"@FAR.example\r\n", "p", "joe@far.example "},
	{"an international domain",
         "From: joe@B\xc3\xbc"
         "cher.example\r\n",
         "p", "joe@xn--bcher-kva.example "},
	{"folded, with a comment", "From:\r\n Joe (of (far)) <joe\r\n @far.example>\r\n", "p", "joe@far.example "},
	{"what cannot be read", "From: Joe <joe@far.example\r\nReply-To: (ann@far.example\r\n", "p",
         "joe@far.example ann@far.example "},
	{"an at in a name", "From: \"boss@bank.example\" <joe@far.example>\r\n", "p", "joe@far.example "},
	{"no address", "From: undisclosed\r\nReply-To: @\r\n", "p", ""},
	{"other fields", "To: a@x.example\r\nX-From: c@x.example\r\n", "p", ""},
	{"who wants a receipt", "From: PATH@path.example\r\nDisposition-Notification-To: Joe <joe@far.example>\r\n",
         "p", "joe@far.example "},
	{"in older words", "Return-Receipt-To: joe@far.example\r\nErrors-To: <ann@far.example>\r\n", "p",
         "joe@far.example ann@far.example "},
	{"none hides another",
         "From: 1@x.example, 2@x.example, 3@x.example\r\nFrom: 4@x.example\r\nSender: 5@x.example, "
         "6@x.example\r\nReply-To: 7@x.example\r\n"
         "Disposition-Notification-To: 8@x.example\r\n",
         "p", "1@x.example 2@x.example 5@x.example 7@x.example 8@x.example "},
	{"nothing", "", "p", ""},
};

static void whom_a_header_asks_to_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct authors found;
		char text[600] = "";
		struct authors_proof proof = {.return_path = SLICE("path@path.example"),
		                              .return_path_proven = strchr(cases[i].proof, 'p'),
		                              .author = SLICE("author.example"),
		                              .author_proven = strchr(cases[i].proof, 'a')};
		arena_init(&a, 1 << 20);
		authors_find(&a, slice_str(cases[i].header), &proof, &found);
		for (size_t k = 0; k < found.count; k++)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s ", SLICE_ARG(found.address[k]));
		if (strcmp(text, cases[i].found) != 0) fail_msg("%s: %s", cases[i].name, text);
		arena_free(&a);
	}
}

/* No input takes long, and nothing is needed that is not there. */
static void bounded(void **state)
{
	static char text[200000];
	struct arena a;
	struct authors found;
	struct authors_proof proof = {.return_path = SLICE_EMPTY, .author = SLICE_EMPTY};
	(void)state;
	strcpy(text, "From: ");
	memset(text + 6, '@', sizeof text - 6);
	arena_init(&a, 1 << 20);
	authors_find(&a, slice_of(text, sizeof text), &proof, &found);
	assert_int_equal(found.count, 0);
	arena_free(&a);
	arena_init(&a, 64);
	authors_find(&a, SLICE("From: joe@far.example\r\n"), &proof, &found);
	assert_true(found.count <= 1);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whom_a_header_asks_to_answer),
		cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests_name("relay/authors", tests, NULL, NULL);
}
