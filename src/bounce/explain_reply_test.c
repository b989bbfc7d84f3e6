/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bounce/explain_reply.h"
#include "bounce/test_knowledge.h"

static const struct {
	const char *name, *text, *status, *host;
	enum stage stage;
	enum cause cause;
	enum actor actor;
	const char *list, *zone, *address, *domain; /* NULL: none */
} replies[] = {
	{"a list of addresses, by its zone",
         "554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org", "5.7.1",
         "mx.example.net", STAGE_rcpt, CAUSE_blocklist, ACTOR_sender_admin, "Spamhaus ZEN", "zen.spamhaus.org",
         "198.51.100.7", NULL},
	{"IPv6, in the link", "550 blocked, https://www.spamhaus.org/query/ip/2001:db8::7", NULL, NULL, STAGE_connect,
         CAUSE_blocklist, ACTOR_sender_admin, "Spamhaus ZEN", "zen.spamhaus.org", "2001:db8::7", NULL},
	{"the address written backwards", "554 5.7.1 7.100.51.198.bl.spamcop.net is listed", NULL, NULL, STAGE_connect,
         CAUSE_blocklist, ACTOR_sender_admin, "SpamCop", "bl.spamcop.net", "198.51.100.7", NULL},
	{"a list that was closed", "550 5.7.1 198.51.100.7 found in spam.dnsbl.sorbs.net", NULL, NULL, STAGE_rcpt,
         CAUSE_blocklist, ACTOR_recipient_admin, "SORBS", "spam.dnsbl.sorbs.net", "198.51.100.7", NULL},
	{"a list of domains", "550 5.7.1 bad.example.dbl.spamhaus.org", NULL, NULL, STAGE_data, CAUSE_blocklist,
         ACTOR_sender_admin, "Spamhaus DBL", "dbl.spamhaus.org", NULL, "bad.example"},
	{"a list that nobody knows", "554 5.7.1 Client host [198.51.100.7] blocked using bl.strange.example; go away",
         NULL, NULL, STAGE_rcpt, CAUSE_blocklist, ACTOR_sender_admin, "bl.strange.example", "bl.strange.example",
         "198.51.100.7", NULL},
	{"a provider's own list", "550 5.7.1 Unfortunately, messages from [198.51.100.7] weren't sent. (S3150)", NULL,
         "x.olc.protection.outlook.com", STAGE_mail, CAUSE_blocklist, ACTOR_sender_admin,
         "Microsoft's block list (S3150)", NULL, "198.51.100.7", NULL},
	{"a recipient who bears a list's name", "550 5.1.1 <zen@spamcop.net>: User unknown", NULL, NULL, STAGE_rcpt,
         CAUSE_mailbox_unknown, ACTOR_sender, NULL, NULL, NULL, NULL},
	{"codes alone: mailbox full", "552 5.2.2", NULL, NULL, STAGE_rcpt, CAUSE_mailbox_full, ACTOR_recipient_admin,
         NULL, NULL, NULL, NULL},
	{"codes alone: the field", "failed", "5.1.1", NULL, STAGE_rcpt, CAUSE_mailbox_unknown, ACTOR_sender, NULL, NULL,
         NULL, NULL},
	{"three digits alone, at RCPT", "550 hm", NULL, NULL, STAGE_rcpt, CAUSE_mailbox_unknown, ACTOR_sender, NULL,
         NULL, NULL, NULL},
	{"three digits alone, at the end of data", "554 hm", NULL, NULL, STAGE_data, CAUSE_content, ACTOR_sender, NULL,
         NULL, NULL, NULL},
	{"nothing", "", NULL, NULL, STAGE_unknown, CAUSE_unknown, ACTOR_sender, NULL, NULL, NULL, NULL},
	{"the code that says more", "5.1.0 - Unknown error 550-'5.2.2 <x@y.example>... hm", "5.0.0", NULL, STAGE_rcpt,
         CAUSE_mailbox_full, ACTOR_recipient_admin, NULL, NULL, NULL, NULL},
	{"words against a vague code", "550 5.7.1 Greylisted, please come back", NULL, NULL, STAGE_rcpt,
         CAUSE_greylisting, ACTOR_sender_admin, NULL, NULL, NULL, NULL},
	{"greylisting that is normal", "451 4.7.1 Greylisted, please come back", NULL, NULL, STAGE_rcpt,
         CAUSE_greylisting, ACTOR_nobody, NULL, NULL, NULL, NULL},
	{"repeated codes between the words",
         "550-5.7.26 This mail has been blocked because the 550-5.7.26 sender is unauthenticated. 550 5.7.26 gsmtp",
         NULL, NULL, STAGE_data, CAUSE_authentication, ACTOR_sender_admin, NULL, NULL, NULL, NULL},
	{"codes of other lines than the first",
         "550-Verification failed for <a@b.example>\n550-No such person there\n550 Sender verify failed", NULL, NULL,
         STAGE_rcpt, CAUSE_sender_address, ACTOR_sender_admin, NULL, NULL, NULL, NULL},
	{"a backscatter list", "550 5.7.1 Client host [198.51.100.7] blocked using ips.backscatterer.org", NULL, NULL,
         STAGE_rcpt, CAUSE_blocklist, ACTOR_recipient_admin, "backscatterer.org", "ips.backscatterer.org",
         "198.51.100.7", NULL},
	{"two lists, one for backscatter", "550 198.51.100.7 is listed: ips.backscatterer.org, bl.spamcop.net", NULL,
         NULL, STAGE_rcpt, CAUSE_blocklist, ACTOR_sender_admin, "SpamCop", "bl.spamcop.net", "198.51.100.7", NULL},
	{"a provider that mostly means reputation, and words that say content",
         "554 Message rejected: your message looks like spam, please read http://bt.com/postmaster", NULL, NULL,
         STAGE_data, CAUSE_content, ACTOR_sender, NULL, NULL, NULL, NULL},
	{"a provider, and words that say little", "554 refused, please try again, see http://bt.com/postmaster", NULL,
         NULL, STAGE_connect, CAUSE_reputation, ACTOR_sender_admin, NULL, NULL, NULL, NULL},
	{"words that are said in passing are no reason", "421-Rate limit reached. Please try again later", NULL,
         "mx-ha02.web.de", STAGE_rcpt, CAUSE_rate, ACTOR_sender_admin, NULL, NULL, NULL, NULL},
	{"the sender's domain is listed, by its address",
         "554 5.7.1 Sender address [news@bad.example] blocked using dbl.spamhaus.org", NULL, NULL, STAGE_rcpt,
         CAUSE_blocklist, ACTOR_sender_admin, "Spamhaus DBL", "dbl.spamhaus.org", NULL, "bad.example"},
	{"a domain, by the link that asks for it", "550 5.7.1 see https://check.spamhaus.org/query/domain/bad.example",
         NULL, NULL, STAGE_data, CAUSE_blocklist, ACTOR_sender_admin, "Spamhaus DBL", "dbl.spamhaus.org", NULL,
         "bad.example"},
	{"a list by a provider's code", "554 cox 198.51.100.7 found on one or more DNSBLs, refer to IPBL0001", NULL,
         NULL, STAGE_connect, CAUSE_blocklist, ACTOR_sender_admin, "Spamhaus ZEN", "zen.spamhaus.org", "198.51.100.7",
         NULL},
	{"a list that nobody knows, after other words", "550 The sender is in a black list rbl.strange.example", NULL,
         NULL, STAGE_rcpt, CAUSE_blocklist, ACTOR_sender_admin, "rbl.strange.example", "rbl.strange.example", NULL,
         NULL},
	{"an address that is refused, and no word why", "550 198.51.100.7 denied, see our page", NULL, NULL,
         STAGE_unknown, CAUSE_reputation, ACTOR_sender_admin, NULL, NULL, NULL, NULL},
	{"no address, and no word why", "550 denied, see our page", NULL, NULL, STAGE_data, CAUSE_policy,
         ACTOR_recipient_admin, NULL, NULL, NULL, NULL},
	{"a list that the receiver asks in a wrong way",
         "554 Client host [198.51.100.7] blocked using zen.spamhaus.org; Error: open resolver", NULL, NULL, STAGE_rcpt,
         CAUSE_server, ACTOR_recipient_admin, "Spamhaus", "zen.spamhaus.org", "198.51.100.7", NULL},
	{"the host is a provider's", "550 mailbox unavailable", NULL, "hotmail-com.olc.protection.outlook.com",
         STAGE_rcpt, CAUSE_mailbox_unknown, ACTOR_sender, NULL, NULL, NULL, NULL},
};

static struct slice text(const char *s)
{
	return slice_str(s);
}

static void assert_slice(const char *name, const char *what, struct slice got, const char *wanted)
{
	if (!slice_equal(got, text(wanted)))
		fail_msg("%s: %s is \"%.*s\", not \"%s\"", name, what, SLICE_ARG(got), wanted ? wanted : "");
}

static void test_replies(void **state)
{
	for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
		struct arena a;
		struct reply_verdict v;
		char address[IP_TEXT_SIZE];
		const char *name = replies[i].name;
		struct reply_context c = {.text = text(replies[i].text),
		                          .status = text(replies[i].status),
		                          .host = text(replies[i].host),
		                          .stage = replies[i].stage};
		arena_init(&a, 1 << 20);
		assert_true(explain_reply(&a, knowledge, &c, &v));
		assert_slice(name, "the cause", slice_str(cause_name(v.cause)), cause_name(replies[i].cause));
		assert_slice(name, "who acts", slice_str(actor_name(v.actor)), actor_name(replies[i].actor));
		assert_slice(name, "the list", v.list, replies[i].list);
		assert_slice(name, "the zone", v.zone, replies[i].zone);
		assert_slice(name, "the domain", v.domain, replies[i].domain);
		assert_slice(name, "the address",
		             slice_str(v.address.family && v.list.n ? ip_text(&v.address, address) : ""),
		             replies[i].address);
		assert_true(v.means.n > 0 && v.advice.n > 0);
		assert_true(v.confidence <= 100);
		assert_int_equal(slice_search(v.means, SLICE("%a")), v.means.n);
		assert_int_equal(slice_search(v.advice, SLICE("%a")), v.advice.n);
		arena_free(&a);
	}
}

static void test_backscatter(void **state)
{
	struct arena a;
	struct reply_verdict v;
	struct reply_context c = {.text = SLICE(
					  "550 5.7.1 Client host [198.51.100.7] blocked using ips.backscatterer.org"),
	                          .stage = STAGE_rcpt,
	                          .about = REPLY_ABOUT_ORDINARY};
	arena_init(&a, 1 << 20);
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_int_equal(v.actor, ACTOR_recipient_admin);
	assert_true(slice_search(v.note, SLICE("no sound reason to refuse an ordinary message")) < v.note.n);
	c.about = REPLY_ABOUT_UNKNOWN; /* most likely the same */
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_int_equal(v.actor, ACTOR_recipient_admin);
	assert_true(v.confidence < 80 && v.note.n > 0);
	c.about = REPLY_ABOUT_BOUNCE;
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_int_equal(v.actor, ACTOR_sender_admin);
	assert_int_equal(v.note.n, 0);
	c.text = SLICE("550 5.1.1 no such user; by the way you are on backscatterer.org");
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_non_null(v.backscatter);
	assert_int_equal(v.cause, CAUSE_mailbox_unknown);
	assert_true(slice_search(v.note, SLICE("is not the cause")) < v.note.n);
	arena_free(&a);
}

static void test_links(void **state)
{
	struct arena a;
	struct reply_verdict v;
	struct reply_context c = {
		.text = SLICE("550 blocked using zen.spamhaus.org; see <https://mx.example.net/why?ip=198.51.100.7>.")};
	arena_init(&a, 1 << 20);
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_int_equal(v.link_count, 2);
	assert_slice("link", "of the list", v.links[0], "https://check.spamhaus.org/listed/?searchterm=198.51.100.7");
	assert_slice("link", "of the reply", v.links[1], "https://mx.example.net/why?ip=198.51.100.7");
	c.text = SLICE("550 blocked using zen.spamhaus.org");
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_int_equal(v.link_count, 1); /* without an address the page where one can be asked for */
	assert_slice("link", "of no address", v.links[0], "https://check.spamhaus.org/listed/");
	c.text = SLICE("550 5.1.1 no such user; you are on ips.backscatterer.org, see "
	               "http://www.backscatterer.org/?ip=198.51.100.7");
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_int_equal(v.link_count, 0); /* what is not the cause is not pointed to */
	arena_free(&a);
}

static void test_delay(void **state)
{
	struct arena a;
	struct reply_verdict v;
	struct reply_context c = {.text = SLICE("451 please wait"), .status = SLICE("4.0.0"), .delayed = true};
	arena_init(&a, 1 << 20);
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_int_equal(v.actor, ACTOR_nobody);
	c.text = SLICE("452 4.2.2 mailbox full");
	assert_true(explain_reply(&a, knowledge, &c, &v));
	assert_int_equal(v.cause, CAUSE_mailbox_full);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_backscatter),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_delay),
	};
	return cmocka_run_group_tests(tests, load_knowledge, unload_knowledge);
}
