/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/classified.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/metrics.h"

#define HEADER                                                                                                         \
	"From: MAILER-DAEMON@a.example\r\nTo: joe@b.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"          \
	"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nIt failed.\r\n"     \
	"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example\r\n\r\n"                    \
	"Final-Recipient: rfc822; x@a.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
#define BOUNCE HEADER "--b--\r\n"
#define LETTER "From: ann@a.example\r\nTo: joe@b.example\r\nSubject: lunch\r\n\r\nAt noon?\r\n"

static struct relay relay;
static struct worker worker = {.relay = &relay};

static int set_up(void **state)
{
	struct rulebook_files builtin = {0};
	worker.classifier = classifier_new();
	(void)state;
	return !worker.classifier || rulebook_open(&builtin, NULL, &relay.rulebook) != ERR_OK;
}

static int tear_down(void **state)
{
	classifier_free(worker.classifier);
	rulebook_close(relay.rulebook);
	(void)state;
	return 0;
}

/* The body in memory, or in a file beyond `memory` octets. */
static void read_it(struct classified *c, struct blob *body, const char *text, size_t padding, size_t memory)
{
	static char filler[4096];
	memset(filler, '\n', sizeof filler);
	blob_init(body, memory, "/tmp");
	assert_int_equal(blob_append(body, slice_str(text)), ERR_OK);
	for (; padding; padding -= sizeof filler)
		assert_int_equal(blob_append(body, slice_of(filler, sizeof filler)), ERR_OK);
	classified_read(c, &worker, body, SLICE(""));
}

static void a_message_is_read_once_and_classified(void **state)
{
	static const struct {
		const char *text;
		size_t padding, memory;
		enum bounce_class class;
		enum bounce_kind kind;
		bool cut;
		enum metric metric;
	} cases[] = {
		{BOUNCE, 0, 1 << 20, CLASS_NDR, KIND_FAILED, false, METRIC_class_ndr},
		{BOUNCE, 0, 16, CLASS_NDR, KIND_FAILED, false, METRIC_class_ndr}, /* in a file */
		{HEADER, 512 * 1024, 1 << 20, CLASS_NDR, KIND_FAILED, true, METRIC_class_ndr},
		{HEADER, 512 * 1024, 16, CLASS_NDR, KIND_FAILED, true, METRIC_class_ndr},
		{LETTER, 0, 1 << 20, CLASS_OTHER, KIND_NONE, false, METRIC_class_other},
		{"", 0, 1 << 20, CLASS_OTHER, KIND_NONE, false, METRIC_class_other},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct classified c;
		struct blob body;
		int64_t before = metric_get(cases[i].metric);
		read_it(&c, &body, cases[i].text, cases[i].padding, cases[i].memory);
		if (!c.known || !c.mime.root || c.class.class != cases[i].class || c.class.kind != cases[i].kind ||
		    c.cut != cases[i].cut || metric_get(cases[i].metric) != before + 1)
			fail_msg("%d: %s %.4f", (int)i, class_word(c.class.class), c.class.probability);
		classified_free(&c);
		classified_free(&c);
		blob_free(&body);
	}
	(void)state;
}

static void signals_fit_their_room(void **state)
{
	struct slice many[200];
	char out[CLASSIFIED_SIGNALS];
	struct classified c = {.class = {.fired = many}};
	assert_string_equal(classified_signals(&c, out), "");
	for (size_t i = 0; i < 200; i++) many[i] = SLICE("body.something");
	c.class.fired_count = 2;
	assert_string_equal(classified_signals(&c, out), "body.something body.something");
	c.class.fired_count = 200;
	assert_in_range(strlen(classified_signals(&c, out)), CLASSIFIED_SIGNALS - 20, CLASSIFIED_SIGNALS - 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_read_once_and_classified),
		cmocka_unit_test(signals_fit_their_room),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
