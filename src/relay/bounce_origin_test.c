/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/bounce_origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/clock.h"

static const char zone[] = "hard.test TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n"
			   "soft.test TXT \"v=spf1 ip4:192.0.2.0/24 ~all\"\n"
			   "heeded.test TXT \"v=spf1 ip4:192.0.2.0/24 ~all\"\n"
			   "_dmarc.heeded.test TXT \"v=DMARC1; p=quarantine\"\n"
			   "tried.test TXT \"v=spf1 ip4:192.0.2.0/24 ~all\"\n"
			   "_dmarc.tried.test TXT \"v=DMARC1; p=reject; t=y\"\n"
			   "watched.test TXT \"v=spf1 ip4:192.0.2.0/24 ~all\"\n"
			   "_dmarc.watched.test TXT \"v=DMARC1; p=none\"\n"
			   "lost.test TXT \"v=spf1 ip4:192.0.2.0/24 ~all\"\n"
			   "_dmarc.lost.test SERVFAIL\n"
			   "open.test TXT \"v=spf1 ?all\"\n"
			   "bad.test TXT \"v=spf1 inlcude:x.test -all\"\n"
			   "_dmarc.none.test TXT \"v=DMARC1; p=reject\"\n"
			   "down.test SERVFAIL\n";

static void what_the_records_say(void **state)
{
	static const struct {
		const char *name, *addressee, *ip;
		enum provenance_origin origin;
		bool unsure;
	} cases[] = {
		{"its own server", "joe@hard.test", "192.0.2.7", ORIGIN_OWN, false},
		{"another", "joe@hard.test", "198.51.100.7", ORIGIN_FOREIGN, false},
		{"another, over IPv6", "joe@hard.test", "2001:db8::7", ORIGIN_FOREIGN, false},
		{"softly, and no policy", "joe@soft.test", "198.51.100.7", ORIGIN_UNKNOWN, false},
		{"softly, and its own", "joe@soft.test", "192.0.2.7", ORIGIN_OWN, false},
		{"softly, with a policy", "joe@heeded.test", "198.51.100.7", ORIGIN_FOREIGN, false},
		{"softly, with a policy under test", "joe@tried.test", "198.51.100.7", ORIGIN_UNKNOWN, false},
		{"softly, with a policy that only watches", "joe@watched.test", "198.51.100.7", ORIGIN_UNKNOWN, false},
		{"softly, and the policy cannot be had", "joe@lost.test", "198.51.100.7", ORIGIN_UNKNOWN, true},
		{"neutral", "joe@open.test", "198.51.100.7", ORIGIN_UNKNOWN, false},
		{"a record that is none", "joe@bad.test", "198.51.100.7", ORIGIN_UNKNOWN, false},
		{"no record", "joe@none.test", "198.51.100.7", ORIGIN_UNKNOWN, false},
		{"it cannot be had", "joe@down.test", "192.0.2.7", ORIGIN_UNKNOWN, true},
		{"no address", "", "192.0.2.7", ORIGIN_UNKNOWN, false},
	};
	struct resolver *r;
	char why[256];
	assert_int_equal(resolver_new_table(slice_str(zone), &r, why), ERR_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct ip ip;
		struct orgdomain_source s = {.resolver = r, .deadline = clock_deadline(10000)};
		arena_init(&a, 1 << 20);
		assert_true(ip_parse(slice_str(cases[i].ip), &ip));
		struct bounce_origin o = bounce_origin(&a, &s, slice_str(cases[i].addressee), &ip, 1800000000);
		if (o.origin != cases[i].origin || o.unsure != cases[i].unsure)
			fail_msg("%s: %d %d", cases[i].name, o.origin, o.unsure);
		arena_free(&a);
	}
	resolver_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_the_records_say)};
	return cmocka_run_group_tests_name("relay/bounce_origin", tests, NULL, NULL);
}
