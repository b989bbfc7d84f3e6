/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/client.h"

#include "net/test_tls.h"
#include "smtp/test_peer.h"

#define RECIPIENTS_MOST 300

#define GREET   "S 220 mx ESMTP", "C EHLO me.example", "= EHLO me.example"
#define PLAIN   GREET, "S 250 mx"
#define PIPED   GREET, "S 250-mx", "S 250 PIPELINING"
#define GOODBYE "C QUIT", "S 221 bye"

static struct envelope_recipient two[] = {{SLICE("a@x.example"), SLICE(""), 0}, {SLICE("b@x.example"), SLICE(""), 0}};
static const struct envelope to_two = {.return_path = SLICE("me@y.example"),
                                       .envid = SLICE(""),
                                       .recipients = two,
                                       .recipient_count = 2};

/* One connection against a script; what a test does with it stands between begin() and end(). */
struct session {
	struct test_peer peer;
	struct arena arena;
	struct client *client;
	struct client_options options;
	struct client_timeouts timeouts;
	struct reply failure, mail, rcpt[RECIPIENTS_MOST], data, final, prdr[RECIPIENTS_MOST];
};

static struct session *session_new(const char *const *script)
{
	struct session *s = calloc(1, sizeof(*s));
	arena_init(&s->arena, 8 << 20);
	s->timeouts = client_timeouts_rfc5321;
	s->options = (struct client_options){.helo_name = "me.example", .timeouts = &s->timeouts};
	test_peer_start(&s->peer, script);
	return s;
}

static enum error session_open(struct session *s)
{
	return client_open(&s->peer.at, &s->options, &s->arena, clock_deadline(5000), &s->client, &s->failure);
}

static struct session *begin(const char *const *script)
{
	struct session *s = session_new(script);
	CHECK_ERROR(session_open(s), ERR_OK);
	return s;
}

static enum error envelope(struct session *s, const struct envelope *e)
{
	return client_envelope(s->client, &s->arena, e, true, clock_deadline(5000), &s->mail, s->rcpt, &s->data);
}

static enum error content(struct session *s, const char *text)
{
	enum error e = client_send_slice(s->client, SLICE(""), slice_str(text), clock_deadline(5000));
	return e ? e : client_end_data(s->client, clock_deadline(5000), &s->final, s->prdr, 2);
}

static void end(struct session *s)
{
	if (s->client) client_close(s->client);
	test_peer_done(&s->peer);
	tls_unref(s->peer.tls);
	tls_unref(s->options.tls_context);
	arena_free(&s->arena);
	free(s);
}

#define TEST(name)                                                                                                     \
	static void name##_body(void *arg);                                                                            \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		run_in_fiber(name##_body, NULL);                                                                       \
	}                                                                                                              \
	static void name##_body(void *arg)

#define SCRIPT(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- opening ---- */

TEST(a_transaction_step_by_step)
{
	struct session *s =
		begin(SCRIPT(PLAIN, "C MAIL FROM:<me@y.example>", "= MAIL FROM:<me@y.example>", "S 250 2.1.0 ok",
	                     "C RCPT TO:<a@x.example>", "S 250 ok", "C RCPT TO:<b@x.example>", "S 550-5.1.1 no",
	                     "S 550 5.1.1 such user", "C DATA", "S 354 go", "D", "S 250 2.0.0 queued", GOODBYE));
	CHECK(!client_extensions(s->client)->pipelining);
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK(s->mail.code == 250 && s->rcpt[0].code == 250 && s->rcpt[1].code == 550 && s->data.code == 354);
	CHECK(!strcmp(s->rcpt[1].enhanced, "5.1.1") && slice_equal(s->rcpt[1].text, SLICE("no\nsuch user")));
	CHECK_ERROR(content(s, "Subject: x\r\n\r\n.dot\r\n..\r\nend"), ERR_OK);
	CHECK(s->final.code == 250 && s->prdr[0].code == 250 && s->prdr[1].code == 250);
	CHECK(client_usable(s->client) && client_transactions(s->client) == 1);
	CHECK_ERROR(client_reset(s->client, clock_deadline(1000)), ERR_OK); /* nothing to reset: nothing is sent */
	CHECK(s->peer.data && !strcmp(s->peer.data, "Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n"));
	end(s);
	(void)arg;
}

TEST(helo_when_ehlo_is_not_known)
{
	struct session *s = begin(SCRIPT(GREET, "S 502 what?", "C HELO me.example", "S 250 hi", GOODBYE));
	end(s);
	(void)arg;
}

static void expect_refusal(const char *const *script, enum error e, int code, const char *text)
{
	struct session *s = session_new(script);
	CHECK_ERROR(session_open(s), e);
	CHECK(!s->client);
	if (s->failure.code != code || slice_search(s->failure.text, slice_str(text)) == s->failure.text.n) {
		fprintf(stderr, "failure: %d \"%.*s\", expected %d \"%s\"\n", s->failure.code,
		        SLICE_ARG(s->failure.text), code, text);
		test_failures++;
	}
	end(s);
}

TEST(refusals_while_greeting)
{
	expect_refusal(SCRIPT("S 554 5.7.1 go away", "C QUIT"), ERR_PROTOCOL, 554, "go away");
	expect_refusal(SCRIPT("S 421 4.3.2 busy", "X"), ERR_PROTOCOL, 421, "busy");
	expect_refusal(SCRIPT("S 250 what a greeting", "C QUIT"), ERR_PROTOCOL, 0, "greeting: ");
	expect_refusal(SCRIPT("S HTTP/1.1 400 Bad Request", "X"), ERR_PROTOCOL, 0, "greeting: protocol");
	expect_refusal(SCRIPT("S 220-one", "S 250 other code", "X"), ERR_PROTOCOL, 0, "greeting: protocol");
	expect_refusal(SCRIPT("X"), ERR_CLOSED, 0, "greeting: connection closed");
	expect_refusal(SCRIPT("R 220 half", "X"), ERR_CLOSED, 0, "greeting: connection closed");
	expect_refusal(SCRIPT(GREET, "S 451 not now", "C QUIT"), ERR_PROTOCOL, 451, "not now");
	expect_refusal(SCRIPT(GREET, "S 502 no", "C HELO", "S 550 no again", "C QUIT"), ERR_PROTOCOL, 550, "no again");
	expect_refusal(SCRIPT(GREET, "S 421 gone", "X"), ERR_PROTOCOL, 421, "gone");
	(void)arg;
}

TEST(a_silent_server_times_out)
{
	struct session *s = session_new(SCRIPT("P", "P", "I"));
	s->timeouts.greeting = 30;
	CHECK_ERROR(session_open(s), ERR_TIMEOUT);
	CHECK(slice_equal(s->failure.text, SLICE("greeting: timed out")));
	end(s);
	(void)arg;
}

TEST(nobody_listens)
{
	struct session s = {.timeouts = client_timeouts_rfc5321};
	struct endpoint at;
	close(test_listen(&at));
	arena_init(&s.arena, 1 << 20);
	s.options = (struct client_options){.helo_name = "me.example"};
	CHECK_ERROR(client_open(&at, &s.options, &s.arena, clock_deadline(2000), &s.client, &s.failure), ERR_REFUSED);
	CHECK(slice_equal(s.failure.text, SLICE("connect: connection refused")));
	arena_free(&s.arena);
	(void)arg;
}

static void flood(void *arg)
{
	struct test_peer *p = arg;
	if (!test_peer_accept(p)) return;
	for (int i = 0; i < 100000 && !stream_printf(p->stream, clock_deadline(2000), "220-%d more\r\n", i); i++)
		continue;
	stream_free(p->stream);
	p->stream = NULL;
}

static void long_line(void *arg)
{
	struct test_peer *p = arg;
	if (!test_peer_accept(p)) return;
	for (int i = 0; i < 10000 && !stream_printf(p->stream, clock_deadline(2000), "220 more and more"); i++)
		continue;
	stream_free(p->stream);
	p->stream = NULL;
}

TEST(endless_replies_are_cut_off)
{
	static void (*const floods[])(void *) = {flood, long_line};
	for (int i = 0; i < 2; i++) {
		struct session *s = calloc(1, sizeof(*s));
		arena_init(&s->arena, 1 << 20);
		s->options = (struct client_options){.helo_name = "me.example"};
		s->peer.fd = test_listen(&s->peer.at);
		s->peer.watch = watch_open(s->peer.fd);
		scope_init(&s->peer.scope);
		CHECK_ERROR(scope_spawn(&s->peer.scope, "flood", floods[i], &s->peer), ERR_OK);
		CHECK_ERROR(session_open(s), ERR_PROTOCOL);
		end(s);
	}
	(void)arg;
}

/* ---- TLS ---- */

static void with_tls(struct session *s, enum client_tls mode)
{
	char why[256];
	struct test_certificate t = test_certificate_new("mx.example");
	CHECK_ERROR(tls_server_new(test_pem(t.certificate_pem), test_pem(t.key_pem), false, &s->peer.tls, why), ERR_OK);
	CHECK_ERROR(tls_client_new(&s->options.tls_context, why), ERR_OK);
	s->options.tls = mode;
	s->options.server_name = "mx.example";
	test_certificate_free(&t);
}

TEST(starttls_and_ehlo_again)
{
	struct session *s =
		session_new(SCRIPT(GREET, "S 250-mx", "S 250-DSN", "S 250 STARTTLS", "C STARTTLS", "S 220 go", "T",
	                           "C EHLO me.example", "S 250-mx", "S 250 PIPELINING", GOODBYE));
	with_tls(s, CLIENT_TLS_OPPORTUNISTIC);
	CHECK_ERROR(session_open(s), ERR_OK);
	CHECK(stream_is_tls(client_stream(s->client)));
	CHECK(client_extensions(s->client)->pipelining && !client_extensions(s->client)->dsn);
	end(s);
	(void)arg;
}

/* RFC 3207 6, CVE-2011-0411: the 250 in the clear must not be taken for the answer to the second EHLO. */
TEST(what_follows_the_220_in_the_clear_is_thrown_away)
{
	struct session *s = session_new(SCRIPT(GREET, "S 250-mx", "S 250 STARTTLS", "C STARTTLS",
	                                       "R 220 go\r\n250-injected\r\n250-PIPELINING\r\n250 DSN\r\n", "T",
	                                       "C EHLO me.example", "S 250 mx", GOODBYE));
	with_tls(s, CLIENT_TLS_REQUIRED);
	CHECK_ERROR(session_open(s), ERR_OK);
	CHECK(s->client && !client_extensions(s->client)->dsn && !client_extensions(s->client)->pipelining);
	end(s);
	(void)arg;
}

TEST(tls_that_cannot_be_had)
{
	static const struct {
		enum client_tls mode;
		enum error error;
		const char *script[16];
	} cases[] = {
		{CLIENT_TLS_OPPORTUNISTIC, ERR_OK, {PLAIN, GOODBYE}},
		{CLIENT_TLS_REQUIRED, ERR_TLS, {PLAIN, "I"}},
		{CLIENT_TLS_OPPORTUNISTIC,
	         ERR_OK,
	         {GREET, "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "S 454 no", GOODBYE}},
		{CLIENT_TLS_REQUIRED,
	         ERR_PROTOCOL,
	         {GREET, "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "S 454 no", "C QUIT"}},
		{CLIENT_TLS_OPPORTUNISTIC,
	         ERR_PROTOCOL,
	         {GREET, "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "S 421 no", "X"}},
		{CLIENT_TLS_OPPORTUNISTIC,
	         ERR_TLS,
	         {GREET, "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "S 220 ok", "X"}},
		{CLIENT_TLS_NEVER, ERR_OK, {GREET, "S 250-mx", "S 250 STARTTLS", GOODBYE}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session *s = session_new(cases[i].script);
		with_tls(s, cases[i].mode);
		enum error e = session_open(s);
		if (e != cases[i].error) {
			fprintf(stderr, "case %zu: %s\n", i, error_name(e));
			test_failures++;
		}
		end(s);
	}
	(void)arg;
}

/* ---- the envelope ---- */

TEST(everything_in_one_batch)
{
	/* the server answers only when it has DATA: a client that waited in between would hang */
	struct session *s = begin(SCRIPT(PIPED, "C MAIL FROM:<me@y.example>", "C RCPT TO:<a", "C RCPT TO:<b", "C DATA",
	                                 "R 250 ok\r\n250 ok\r\n451 later\r\n354 go\r\n", "D", "S 250 done", GOODBYE));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK(s->rcpt[0].code == 250 && s->rcpt[1].code == 451 && s->data.code == 354);
	CHECK_ERROR(content(s, "x\r\n"), ERR_OK);
	CHECK(s->final.code == 250);
	end(s);
	(void)arg;
}

TEST(a_354_for_nobody_gets_no_content)
{
	struct session *s = begin(SCRIPT(PIPED, "C MAIL", "C RCPT", "C RCPT", "C DATA",
	                                 "R 250 ok\r\n550 no\r\n451 no\r\n354 go\r\n", "C .", "= .",
	                                 "S 554 no recipients", "C MAIL", "C RCPT", "C RCPT", "C DATA",
	                                 "R 550 a\r\n503 b\r\n503 c\r\n503 d\r\n", GOODBYE));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK(s->rcpt[0].code == 550 && s->rcpt[1].code == 451 && s->data.code == 0);
	CHECK(client_usable(s->client));
	CHECK_ERROR(client_reset(s->client, clock_deadline(1000)), ERR_OK);
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK(s->mail.code == 550 && s->data.code == 0);
	CHECK_ERROR(client_reset(s->client, clock_deadline(1000)), ERR_OK); /* a refused MAIL opened nothing */
	end(s);
	(void)arg;
}

TEST(many_recipients_come_in_batches)
{
	struct envelope_recipient *r = calloc(RECIPIENTS_MOST, sizeof(*r));
	const char **script = calloc(4 * RECIPIENTS_MOST, sizeof(*script));
	static const char *const greet[] = {PIPED, "C MAIL"};
	size_t n = 0;
	for (size_t i = 0; i < sizeof(greet) / sizeof(greet[0]); i++) script[n++] = greet[i];
	for (size_t i = 0; i < RECIPIENTS_MOST; i++) {
		r[i] = (struct envelope_recipient){.address = SLICE("r@x.example"), .orcpt = SLICE("")};
		script[n++] = "C RCPT";
		if (i % 100 != 99) continue;
		if (i + 1 == RECIPIENTS_MOST) script[n++] = "C DATA";
		if (i == 99) script[n++] = "S 250 sender ok";
		for (size_t k = 0; k < 100; k++) script[n++] = k == 7 ? "S 550 no" : "S 250 ok";
	}
	script[n++] = "S 354 go";
	script[n++] = "D";
	script[n++] = "S 250 done";
	struct session *s = begin(script);
	struct envelope e = {.return_path = SLICE(""),
	                     .envid = SLICE(""),
	                     .recipients = r,
	                     .recipient_count = RECIPIENTS_MOST};
	CHECK_ERROR(envelope(s, &e), ERR_OK);
	for (size_t i = 0; i < RECIPIENTS_MOST; i++) CHECK(s->rcpt[i].code == (i % 100 == 7 ? 550 : 250));
	CHECK_ERROR(content(s, "x\r\n"), ERR_OK);
	client_free(s->client);
	s->client = NULL;
	end(s);
	free(r);
	free(script);
	(void)arg;
}

TEST(a_421_ends_it_for_the_rest)
{
	struct session *s =
		begin(SCRIPT(PIPED, "C MAIL", "C RCPT", "C RCPT", "C DATA", "R 250 ok\r\n250 ok\r\n421 bye\r\n", "X"));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK(s->rcpt[0].code == 250 && s->rcpt[1].code == 421 && s->data.code == 421 && !client_usable(s->client));
	end(s);
	s = begin(SCRIPT(PIPED, "C MAIL", "C RCPT", "C RCPT", "C DATA", "S 421 bye", "X"));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK(s->mail.code == 421 && s->rcpt[0].code == 421 && s->data.code == 0 && !client_usable(s->client));
	end(s);
	s = begin(SCRIPT(PLAIN, "C MAIL", "S 250 ok", "C RCPT", "S 421 bye", "X"));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK(s->rcpt[0].code == 421 && s->rcpt[1].code == 421 && !client_usable(s->client));
	end(s);
	(void)arg;
}

TEST(answers_that_make_no_sense)
{
	static const struct {
		const char *stage, *script[16];
	} cases[] = {
		{"MAIL", {PLAIN, "C MAIL", "S 354 what", "I"}},
		{"MAIL", {PLAIN, "C MAIL", "S 99 what", "I"}},
		{"MAIL", {PLAIN, "C MAIL", "S hello", "I"}},
		{"RCPT", {PLAIN, "C MAIL", "S 250 ok", "C RCPT", "S 354 what", "I"}},
		{"DATA",
	         {PLAIN, "C MAIL", "S 250 a", "C RCPT", "S 250 b", "C RCPT", "S 250 c", "C DATA", "S 250 ok", "I"}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session *s = begin(cases[i].script);
		CHECK_ERROR(envelope(s, &to_two), ERR_PROTOCOL);
		CHECK(!strcmp(client_stage(s->client), cases[i].stage));
		CHECK(!client_usable(s->client));
		end(s);
	}
	(void)arg;
}

TEST(parameters_only_where_offered)
{
	struct envelope_recipient r[] = {
		{SLICE("a@x.example"), SLICE("rfc822;A@x.example"), NOTIFY_SUCCESS | NOTIFY_DELAY},
		{SLICE("b@x.example"), SLICE(""), NOTIFY_NEVER},
	};
	struct envelope e = {.return_path = SLICE("me@y.example"),
	                     .envid = SLICE("QQ+2B1"),
	                     .ret = RET_HDRS,
	                     .body = BODY_8BITMIME,
	                     .smtputf8 = true,
	                     .size = 1234,
	                     .recipients = r,
	                     .recipient_count = 2};
	struct session *s = begin(
		SCRIPT(GREET, "S 250-mx", "S 250-SIZE", "S 250-8BITMIME", "S 250-SMTPUTF8", "S 250-PRDR", "S 250 DSN",
	               "C MAIL",
	               "= MAIL FROM:<me@y.example> SIZE=1234 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1 PRDR",
	               "S 250 ok", "C RCPT", "= RCPT TO:<a@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A@x.example",
	               "S 250 ok", "C RCPT", "= RCPT TO:<b@x.example> NOTIFY=NEVER", "S 550 no", "C DATA", "S 550 no",
	               "C RSET", "S 250 ok", GOODBYE));
	client_set_prdr(s->client, true);
	CHECK_ERROR(envelope(s, &e), ERR_OK);
	CHECK(client_prdr(s->client) && s->data.code == 550);
	CHECK_ERROR(client_reset(s->client, clock_deadline(2000)), ERR_OK);
	end(s);
	s = begin(SCRIPT(PLAIN, "C MAIL", "= MAIL FROM:<me@y.example>", "S 250 ok", "C RCPT", "= RCPT TO:<a@x.example>",
	                 "S 550 no", "C RCPT", "S 550 no", "C RSET", "S 250 ok", GOODBYE));
	client_set_prdr(s->client, true);
	CHECK_ERROR(envelope(s, &e), ERR_OK);
	CHECK(!client_prdr(s->client));
	CHECK_ERROR(client_reset(s->client, clock_deadline(2000)), ERR_OK);
	end(s);
	(void)arg;
}

TEST(no_address_can_smuggle_a_command)
{
	struct envelope_recipient r[] = {{SLICE("a@x.example>\r\nRCPT TO:<z@z.example"), SLICE(""), 0}};
	struct envelope e = {.return_path = SLICE("me@y.example"),
	                     .envid = SLICE(""),
	                     .recipients = r,
	                     .recipient_count = 1};
	struct session *s = begin(SCRIPT(PIPED, GOODBYE));
	CHECK_ERROR(envelope(s, &e), ERR_INVALID);
	e.return_path = SLICE("x\ny");
	e.recipient_count = 0;
	CHECK_ERROR(envelope(s, &e), ERR_INVALID);
	CHECK(client_usable(s->client));
	end(s);
	(void)arg;
}

/* ---- the content ---- */

#define ENVELOPE "C MAIL", "S 250 ok", "C RCPT", "S 250 ok", "C RCPT", "S 250 ok", "C DATA", "S 354 go"

TEST(a_large_body_from_a_file)
{
	struct blob b;
	char line[128];
	size_t n = 0;
	struct session *s = begin(SCRIPT(PLAIN, ENVELOPE, "D", "S 250 ok", GOODBYE));
	blob_init(&b, 4096, "/tmp");
	for (int i = 0; i < 20000; i++) {
		int k = snprintf(line, sizeof(line), "%sline %d\r\n", i % 3 ? "" : ".", i);
		CHECK_ERROR(blob_append(&b, slice_of(line, (size_t)k)), ERR_OK);
		n += (size_t)k;
	}
	CHECK(b.fd >= 0);
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(client_send(s->client, SLICE("Received: x\r\n"), &b, 9, clock_deadline(5000)), ERR_OK);
	CHECK_ERROR(client_end_data(s->client, clock_deadline(5000), &s->final, NULL, 0), ERR_OK);
	CHECK(s->final.code == 250);
	CHECK(s->peer.data_n == n - 9 + 13 &&
	      !strncmp(s->peer.data, "Received: x\r\nline 1\r\nline 2\r\n.line 3\r\n", 38));
	blob_free(&b);
	end(s);
	(void)arg;
}

TEST(a_refusal_at_the_end)
{
	struct session *s = begin(SCRIPT(PLAIN, ENVELOPE, "D", "S 554 5.6.0 spam", ENVELOPE, "D", "S 421 bye", "X"));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(content(s, "x\r\n"), ERR_OK);
	CHECK(s->final.code == 554 && client_usable(s->client));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(content(s, "x\r\n"), ERR_OK);
	CHECK(s->final.code == 421 && !client_usable(s->client));
	end(s);
	(void)arg;
}

TEST(closed_before_the_answer)
{
	struct session *s = begin(SCRIPT(PLAIN, ENVELOPE, "D", "X"));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(content(s, "x\r\n"), ERR_CLOSED);
	CHECK(!strcmp(client_stage(s->client), "end of data") && !client_usable(s->client));
	end(s);
	(void)arg;
}

TEST(an_answer_in_the_middle_is_not_lost)
{
	char *big = malloc(8 << 20);
	memset(big, 'x', 8 << 20);
	struct session *s = begin(SCRIPT(PLAIN, ENVELOPE, "C x", "S 552 5.3.4 too big", "X"));
	/* a line that the peer can read, and then so much that writing must fail */
	memcpy(big, "x\r\n", 3);
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(client_send_slice(s->client, SLICE(""), slice_of(big, 8 << 20), clock_deadline(5000)), ERR_OK);
	CHECK_ERROR(client_end_data(s->client, clock_deadline(5000), &s->final, NULL, 0), ERR_OK);
	CHECK(s->final.code == 552 && !client_usable(s->client));
	end(s);
	free(big);
	(void)arg;
}

TEST(a_peer_that_stops_reading_times_out)
{
	char *big = calloc(1, 16 << 20);
	struct session *s = session_new(SCRIPT(PLAIN, ENVELOPE, "P", "P", "P", "P"));
	s->timeouts.data_block = 60;
	CHECK_ERROR(session_open(s), ERR_OK);
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(client_send_slice(s->client, SLICE(""), slice_of(big, 16 << 20), clock_deadline(5000)),
	            ERR_TIMEOUT);
	end(s);
	free(big);
	(void)arg;
}

TEST(prdr_answers_one_by_one)
{
	struct session *s = begin(SCRIPT(GREET, "S 250-mx", "S 250 PRDR", ENVELOPE, "D",
	                                 "R 353 wait\r\n250 ok\r\n550 5.7.1 not for b\r\n250 done\r\n", ENVELOPE, "D",
	                                 "S 451 nobody now", ENVELOPE, "D", "R 353 wait\r\n421 bye\r\n", "X"));
	client_set_prdr(s->client, true);
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(content(s, "x\r\n"), ERR_OK);
	CHECK(s->prdr[0].code == 250 && s->prdr[1].code == 550 && s->final.code == 250);
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(content(s, "x\r\n"), ERR_OK);
	CHECK(s->prdr[0].code == 451 && s->prdr[1].code == 451 && s->final.code == 451);
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(content(s, "x\r\n"), ERR_OK);
	CHECK(s->prdr[0].code == 421 && s->prdr[1].code == 421 && s->final.code == 421 && !client_usable(s->client));
	end(s);
	(void)arg;
}

TEST(a_353_nobody_asked_for)
{
	struct session *s = begin(SCRIPT(PLAIN, ENVELOPE, "D", "S 353 wait", "I"));
	CHECK_ERROR(envelope(s, &to_two), ERR_OK);
	CHECK_ERROR(content(s, "x\r\n"), ERR_PROTOCOL);
	end(s);
	(void)arg;
}

TEST(an_idle_connection_that_speaks_or_ends_is_not_used_again)
{
	struct session *s = begin(SCRIPT(PLAIN, "P", "S 421 idle too long", "X"));
	CHECK(client_usable(s->client));
	fiber_sleep(clock_deadline(150));
	CHECK(!client_usable(s->client));
	client_free(s->client);
	s->client = NULL;
	end(s);
	(void)arg;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transaction_step_by_step),
		cmocka_unit_test(helo_when_ehlo_is_not_known),
		cmocka_unit_test(refusals_while_greeting),
		cmocka_unit_test(a_silent_server_times_out),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(endless_replies_are_cut_off),
		cmocka_unit_test(starttls_and_ehlo_again),
		cmocka_unit_test(what_follows_the_220_in_the_clear_is_thrown_away),
		cmocka_unit_test(tls_that_cannot_be_had),
		cmocka_unit_test(everything_in_one_batch),
		cmocka_unit_test(a_354_for_nobody_gets_no_content),
		cmocka_unit_test(many_recipients_come_in_batches),
		cmocka_unit_test(a_421_ends_it_for_the_rest),
		cmocka_unit_test(answers_that_make_no_sense),
		cmocka_unit_test(parameters_only_where_offered),
		cmocka_unit_test(no_address_can_smuggle_a_command),
		cmocka_unit_test(a_large_body_from_a_file),
		cmocka_unit_test(a_refusal_at_the_end),
		cmocka_unit_test(closed_before_the_answer),
		cmocka_unit_test(an_answer_in_the_middle_is_not_lost),
		cmocka_unit_test(a_peer_that_stops_reading_times_out),
		cmocka_unit_test(prdr_answers_one_by_one),
		cmocka_unit_test(a_353_nobody_asked_for),
		cmocka_unit_test(an_idle_connection_that_speaks_or_ends_is_not_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
