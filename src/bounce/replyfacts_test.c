/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bounce/replyfacts.h"

static const struct {
	const char *name, *reply;
	unsigned code;
	const char *status, *address, *domain, *link; /* the first of each; NULL: none */
	const char *text;                             /* NULL: not compared */
} replies[] = {
	{"plain", "550 5.1.1 No such user", 550, "5.1.1", NULL, NULL, NULL, "550 5.1.1 no such user"},
	{"several lines", "550-5.7.1 One\r\n550-5.7.1 two\r\n550 5.7.1 three", 550, "5.7.1", NULL, NULL, NULL,
         "550-5.7.1 one two three"},
	{"several lines without codes", "550-one\n550-two\n550 three", 550, NULL, NULL, NULL, NULL,
         "550-one two 550 three"},
	{"words before the code", "host mx.example[192.0.2.1] said: 554 no", 554, NULL, "192.0.2.1", "mx.example", NULL,
         NULL},
	{"a number that is no code", "error 5501 and 1550 and 55", 0, NULL, NULL, NULL, NULL, NULL},
	{"a domain, no code", "mail550 from a-550-b.example", 0, NULL, NULL, "a-550-b.example", NULL, NULL},
	{"an address in brackets", "550 [198.51.100.7] no", 550, NULL, "198.51.100.7", NULL, NULL, NULL},
	{"an address at the end", "550 refused 198.51.100.7.", 550, NULL, "198.51.100.7", NULL, NULL, NULL},
	{"an address with a port", "550 refused 198.51.100.7:25", 550, NULL, "198.51.100.7", NULL, NULL, NULL},
	{"an address in a link", "550 https://bl.example/?ip=198.51.100.7.", 550, NULL, "198.51.100.7", NULL,
         "https://bl.example/?ip=198.51.100.7", NULL},
	{"backwards", "550 7.100.51.198.zen.example", 550, NULL, "198.51.100.7", "7.100.51.198.zen.example", NULL,
         NULL},
	{"backwards, a zone that looks like hex", "550 7.100.51.198.bl.example", 550, NULL, "198.51.100.7", NULL, NULL,
         NULL},
	{"the answer of a list is no address", "550 returned 127.0.0.4", 550, NULL, NULL, NULL, NULL, NULL},
	{"a version is no address", "550 sendmail 8.14.4", 550, NULL, NULL, NULL, NULL, NULL},
	{"four numbers and more", "550 1.2.3.4.5 no", 550, NULL, NULL, NULL, NULL, NULL},
	{"IPv6", "550 [2001:db8::7] no", 550, NULL, "2001:db8::7", NULL, NULL, NULL},
	{"a time is no address", "550 at 10:11:12 no", 550, NULL, NULL, NULL, NULL, NULL},
	{"a mail address is no domain", "550 <joe@mail.example> at bad.example", 550, NULL, NULL, "bad.example", NULL,
         NULL},
	{"a link in brackets", "550 see <http://a.example/b>, or not", 550, NULL, NULL, NULL, "http://a.example/b",
         NULL},
	{"no link without a host", "550 see http://", 550, NULL, NULL, NULL, NULL, NULL},
	{"controls", "550\t5.1.1\001 x \r\n\r\n y", 550, "5.1.1", NULL, NULL, NULL, "550 5.1.1 x y"},
	{"empty", "", 0, NULL, NULL, NULL, NULL, ""},
};

static void assert_text(const char *name, const char *what, struct slice got, const char *wanted)
{
	if (!slice_equal(got, slice_str(wanted)))
		fail_msg("%s: %s is \"%.*s\", not \"%s\"", name, what, SLICE_ARG(got), wanted ? wanted : "");
}

static void test_replies(void **state)
{
	for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
		struct arena a;
		struct replyfacts f;
		char text[IP_TEXT_SIZE], status[STATUSCODE_TEXT_SIZE];
		const char *name = replies[i].name;
		arena_init(&a, 1 << 20);
		assert_true(replyfacts_read(&a, slice_str(replies[i].reply), &f));
		if (f.code != replies[i].code) fail_msg("%s: code %u", name, f.code);
		assert_text(name, "status", slice_str(f.status.class ? statuscode_text(&f.status, status) : NULL),
		            replies[i].status);
		assert_text(name, "address", slice_str(f.address_count ? ip_text(&f.addresses[0], text) : NULL),
		            replies[i].address);
		if (replies[i].domain)
			assert_text(name, "domain", f.domain_count ? f.domains[0] : SLICE_EMPTY, replies[i].domain);
		assert_text(name, "link", f.link_count ? f.links[0] : SLICE_EMPTY, replies[i].link);
		if (replies[i].text) assert_text(name, "text", f.text, replies[i].text);
		arena_free(&a);
	}
}

static const struct {
	const char *name, *reply, *host, *left; /* left: the addresses that are not the server's */
} servers[] = {
	{"Postfix", "host mx.example.net[192.0.2.5] said: 550 no", "mx.example.net", ""},
	{"Exim, an unknown host", "host mx.example.net [192.0.2.5] 550 no", "", ""},
	{"a connection", "connect to mx.example.net[192.0.2.5]:25: Connection timed out", "", ""},
	{"a sentence ends before it", "554 Connection refused. 198.51.100.7 has a poor reputation", "mx.example.net",
         "198.51.100.7 "},
	{"a client in the server's words", "550 5.7.1 host mail.example.org [198.51.100.7] black listed",
         "mx.example.net", "198.51.100.7 "},
	{"Gmail", "did not accept our requests to connect. [mx.example.net. 192.0.2.5: timed out]", "", ""},
	{"Gmail, without a dot", "did not accept our requests to connect. [mx.example.net 192.0.2.5: timed out]", "",
         ""},
	{"a host that is an address", "192.0.2.5 does not like recipient. 550 198.51.100.7 is listed", "192.0.2.5",
         "198.51.100.7 "},
	{"the refused one beside it", "host mx.example.net[192.0.2.5] said: 550 [198.51.100.7] is listed",
         "mx.example.net", "198.51.100.7 "},
	{"the client", "550 Client host mail.example.org[198.51.100.7] blocked", "mx.example.net", "198.51.100.7 "},
	{"a client without a name", "550 Client host [198.51.100.7] blocked", "mx.example.net", "198.51.100.7 "},
	{"mail from an address", "550 mail.example.org (198.51.100.7) is listed", "mx.example.net", "198.51.100.7 "},
};

static void test_servers(void **state)
{
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		struct arena a;
		struct replyfacts f;
		char left[200] = "", text[IP_TEXT_SIZE];
		arena_init(&a, 1 << 20);
		assert_true(replyfacts_read(&a, slice_str(servers[i].reply), &f));
		replyfacts_forget_server(&f, slice_str(servers[i].host));
		for (size_t j = 0; j < f.address_count; j++) {
			strcat(left, ip_text(&f.addresses[j], text));
			strcat(left, " ");
		}
		if (strcmp(left, servers[i].left) != 0) fail_msg("%s: %s", servers[i].name, left);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_servers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
