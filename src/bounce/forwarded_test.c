/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounce/forwarded.h"

static bool trusted(struct slice host, void *arg)
{
	return slice_ends_nocase(host, SLICE(".tenant.test"));
}

static bool inside(const struct ip *address, void *arg)
{
	return address->family == AF_INET && address->octets[0] == 10;
}

static bool owns(struct slice domain, void *arg)
{
	return slice_equal(domain, SLICE("tenant.test"));
}

static const struct forwarded_eyes eyes = {.hostname = {"mx.relay.test", 13},
                                           .trusted = trusted,
                                           .inside = inside,
                                           .owns = owns};

#define ATTACHED(message)                                                                                              \
	"From: a@tenant.test\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nlook\n--b\nContent-Type: "           \
	"message/rfc822\n\n" message "\n--b--\n"

static const struct {
	const char *what, *message;
	enum forwarded_result want;
	const char *source, *target, *return_path; /* return_path NULL: there is none */
} cases[] = {
	{"our own field",
         ATTACHED("Return-Path: <>\nReceived: from bad ([192.0.2.7]) by mx.relay.test with ESMTP id 1; date\n"
                  "Received: from x ([192.0.2.8]) by bad.test; date\nTo: Anna <anna@Tenant.test>\n\nx\n"),
         FORWARDED_FOUND, "192.0.2.7", "anna@tenant.test", ""},
	{"below the tenant's own, whose source is not known as ours",
         ATTACHED("Received: from mx.relay.test ([192.0.2.99]) by mail.tenant.test; date\n"
                  "Received: from bad ([192.0.2.7]) by MX.relay.test; date\n\nx\n"),
         FORWARDED_FOUND, "192.0.2.7", "", NULL},
	{"by the tenant's own server alone",
         ATTACHED("Received: from in ([10.1.1.1]) by store.tenant.test; date\n"
                  "Received: from bad ([192.0.2.7]) by mail.tenant.test; date\n"
                  "Received: from x ([192.0.2.8]) by bad.test; date\n\nx\n"),
         FORWARDED_FOUND, "192.0.2.7", "", NULL},
	{"never what stands below a stranger's field",
         ATTACHED("Received: from x ([192.0.2.8]) by bad.test; date\n"
                  "Received: from victim ([192.0.2.7]) by mx.relay.test; date\n\nx\n"),
         FORWARDED_NO_SOURCE, "", "", NULL},
	{"from inside", ATTACHED("Received: from in ([10.1.1.1]) by mx.relay.test; date\n\nx\n"), FORWARDED_NO_SOURCE,
         "", "", NULL},
	{"no address in it", ATTACHED("Received: by mx.relay.test; date\n\nx\n"), FORWARDED_NO_SOURCE, "", "", NULL},
	{"no such field", ATTACHED("Subject: x\n\nx\n"), FORWARDED_NO_SOURCE, "", "", NULL},
	{"to somebody else",
         ATTACHED("Delivered-To: list@other.test\nReceived: from b ([192.0.2.7]) by mx.relay.test; d\nTo: x@y.test\n"
                  "Cc: b@y.test, \"B\" <bert@tenant.test>\nReturn-Path: <bounces@bad.test>\n\nx\n"),
         FORWARDED_FOUND, "192.0.2.7", "bert@tenant.test", "bounces@bad.test"},
	{"a feedback report",
         "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nThis is a report.\n--b\n"
         "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n--b\n"
         "Content-Type: message/rfc822\n\nReceived: from b ([IPv6:2001:db8::7]) by mx.relay.test; d\n\nx\n--b--\n",
         FORWARDED_FOUND, "2001:db8::7", "", NULL},
	{"its header in the text",
         "Subject: Fwd: Undelivered\n\nLook:\n\n---------- Forwarded message ----------\nReturn-Path: <>\n"
         "Received: from b ([192.0.2.7])\n\tby mx.relay.test; Wed, 25 Nov 2026 10:00:00 +0000\nFrom: "
         "MAILER-DAEMON@bad.test\nTo: anna@tenant.test\nSubject: Undelivered\nMessage-ID: <1@bad.test>\n\nI could not "
         "deliver it.\n",
         FORWARDED_FOUND, "192.0.2.7", "anna@tenant.test", ""},
	{"no message", "Subject: I got a bounce\n\nIt was from bad.test.\n", FORWARDED_NOTHING, "", "", NULL},
};

static void messages_that_are_sent_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct mime m;
		struct forwarded f;
		char source[IP_TEXT_SIZE] = "";
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(cases[i].message), &m));
		enum forwarded_result got = forwarded_find(&a, m.root, &eyes, &f);
		if (f.source.family) ip_text(&f.source, source);
		const char *path = cases[i].return_path;
		if (got != cases[i].want || !slice_equal(slice_str(source), slice_str(cases[i].source)) ||
		    !slice_equal(f.target, slice_str(cases[i].target)) || f.has_return_path != (path != NULL) ||
		    !slice_equal(f.return_path, slice_str(path)))
			fail_msg("%s: %d, from %s, to %.*s, return path %.*s", cases[i].what, got, source,
			         SLICE_ARG(f.target), SLICE_ARG(f.return_path));
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(messages_that_are_sent_on)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
