/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts played against a session over a real connection. C: a line sent, c: octets sent (with \r \n \0 escapes), S: how the
 * reply begins (all lines of it are read), E: the server has closed. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "smtp/server.h"

static int messages, acknowledged;
static char last_body[4096], last_reason[64];

static void policy_mail(struct session *s, struct transaction *t, const struct command *c, struct reply *out)
{
	(void)t;
	if (slice_starts(c->path.text, SLICE("listed@")))
		reply_set_reason(&s->command_arena, out, REASON_listed, SLICE_EMPTY);
}

static void policy_rcpt(struct session *s, struct transaction *t, const struct command *c, struct reply *out)
{
	(void)t;
	if (slice_starts(c->path.text, SLICE("bad@")))
		reply_set_reason(&s->command_arena, out, REASON_unknown_recipient, SLICE_EMPTY);
	if (slice_starts(c->path.text, SLICE("full@")))
		reply_set(&s->command_arena, out, 452, "4.2.2", SLICE("mailbox full"));
}

static void policy_message(struct session *s, struct transaction *t, struct reply *out)
{
	struct slice body = blob_in_memory(&t->body);
	messages++;
	snprintf(last_body, sizeof last_body, "%.*s", SLICE_ARG(body));
	for (size_t i = 0; t->rcpt_replies && i < t->envelope.recipient_count; i++) {
		bool spam = slice_starts(t->envelope.recipients[i].address, SLICE("picky@"));
		reply_set(&t->arena, &t->rcpt_replies[i], spam ? 550 : 250, spam ? "5.7.1" : "2.0.0",
		          SLICE("own answer"));
	}
	if (slice_search(body, SLICE("SPAM")) < body.n)
		reply_set(&s->command_arena, out, 554, "5.7.1", SLICE("no spam"));
}

static void policy_acknowledged(struct session *s)
{
	(void)s;
	acknowledged++;
}

static void policy_refused(struct session *s, const char *stage, const struct reply *r)
{
	(void)s;
	(void)stage;
	snprintf(last_reason, sizeof last_reason, "%s", reason_row(r->reason)->name);
}

static const struct server_policy policy = {.mail = policy_mail,
                                            .rcpt = policy_rcpt,
                                            .message = policy_message,
                                            .acknowledged = policy_acknowledged,
                                            .refused = policy_refused};

static struct server_settings settings = {.hostname = "mx.test",
                                          .temporary_dir = "/tmp",
                                          .message_size_limit = 100000,
                                          .memory_body_limit = 50000,
                                          .recipient_limit = 100,
                                          .session_message_limit = 3,
                                          .session_error_limit = 5,
                                          .command_timeout = 2000,
                                          .data_timeout = 2000,
                                          .data_time_limit = 5000,
                                          .session_time_limit = 20000};

struct server {
	pthread_t thread;
	struct loop *loop;
	int fd;
};

static void session_fiber(void *arg)
{
	struct server *s = arg;
	struct stream *stream;
	assert_int_equal(stream_accept(s->fd, &stream), ERR_OK);
	server_session(stream, &settings, &policy, NULL, NULL);
	loop_stop(s->loop);
}

static void *server_thread(void *arg)
{
	struct server *s = arg;
	scope_spawn(loop_scope(s->loop), "session", session_fiber, s);
	loop_run(s->loop);
	loop_free(s->loop);
	return NULL;
}

static int connected_pair(int *other)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(listening, 1), 0);
	getsockname(listening, (struct sockaddr *)&at, &n);
	assert_int_equal(connect(a, (struct sockaddr *)&at, n), 0);
	*other = accept(listening, NULL, NULL);
	close(listening);
	struct timeval patience = {.tv_sec = 5};
	setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return a;
}

static size_t unescape(const char *in, size_t n, char *out)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		char c = in[i];
		if (c == '\\' && i + 1 < n) {
			c = in[++i];
			c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c == 's' ? ' ' : c;
		}
		out[k++] = c;
	}
	return k;
}

/* Reads one reply, all lines; false at the end of the connection. */
static bool read_reply(FILE *f, char *out, size_t n)
{
	char line[2048];
	out[0] = 0;
	for (bool first = true; fgets(line, sizeof line, f); first = false) {
		if (first) snprintf(out, n, "%.*s", (int)strcspn(line, "\r\n"), line);
		if (strlen(line) > 3 && line[3] != '-') return true;
	}
	return false;
}

static void play_line(int fd, FILE *in, const char *line, size_t n, const char *title)
{
	char text[8192], got[2048];
	if (line[0] == 'C' || line[0] == 'c') {
		size_t length = unescape(line + 3, n - 3, text);
		if (line[0] == 'C') length += (size_t)snprintf(text + length, 3, "\r\n");
		assert_int_equal(send(fd, text, length, MSG_NOSIGNAL), (ssize_t)length);
	} else if (line[0] == 'S') {
		bool any = read_reply(in, got, sizeof got);
		if (!any || strncmp(got, line + 3, n - 3) != 0)
			fail_msg("%s: wanted \"%.*s\", got \"%s\"", title, (int)(n - 3), line + 3, got);
	} else if (line[0] == 'E') {
		if (read_reply(in, got, sizeof got)) fail_msg("%s: wanted the end, got \"%s\"", title, got);
	}
}

static void play(const char *title, const char *script)
{
	struct server s = {.loop = loop_new()};
	int fd = connected_pair(&s.fd);
	FILE *in = fdopen(dup(fd), "r");
	last_body[0] = last_reason[0] = 0;
	pthread_create(&s.thread, NULL, server_thread, &s);
	for (const char *at = script; *at;) {
		size_t n = strcspn(at, "\n");
		if (n) play_line(fd, in, at, n, title);
		at += n + (at[n] == '\n');
	}
	fclose(in);
	close(fd);
	pthread_join(s.thread, NULL);
}

#define EHLO     "S: 220 mx.test\nC: EHLO client.test\nS: 250-mx.test\n"
#define ENVELOPE EHLO "C: MAIL FROM:<a@b.test>\nS: 250 2.1.0\nC: RCPT TO:<x@y.test>\nS: 250 2.1.5\n"

static const struct {
	const char *title, *script;
	int messages;
	const char *body; /* of the last message; NULL: not looked at */
} cases[] = {
	{"a message is taken",
         ENVELOPE "C: DATA\nS: 354\nC: Subject: x\nC: \nC: ..dot\nC: .\nS: 250 2.0.0\nC: QUIT\nS: 221\nE\n", 1,
         "Subject: x\r\n\r\n.dot\r\n"},
	{"commands out of order are refused",
         "S: 220\nC: MAIL FROM:<a@b.test>\nS: 503\nC: EHLO c\nS: 250\nC: RCPT TO:<x@y.test>\nS: 503\nC: DATA\nS: "
         "503\nC: BDAT 2 LAST\nc: ab\nS: 503\n",
         0, NULL},
	{"HELO clients get no enhanced codes", "S: 220\nC: HELO c\nS: 250 mx.test\nC: NOOP\nS: 250 ok\n", 0, NULL},
	{"a second MAIL is refused, RSET ends the first",
         ENVELOPE "C: MAIL FROM:<c@d.test>\nS: 503\nC: RSET\nS: 250\nC: MAIL FROM:<c@d.test>\nS: 250\n", 0, NULL},
	{"DATA without a recipient is 554",
         EHLO "C: MAIL FROM:<a@b.test>\nS: 250\nC: RCPT TO:<bad@y.test>\nS: 550 5.1.1\nC: DATA\nS: 554 5.5.1\n", 0,
         NULL},
	{"refused sender leaves no transaction",
         EHLO "C: MAIL FROM:<listed@b.test>\nS: 550\nC: RCPT TO:<x@y.test>\nS: 503\n", 0, NULL},
	{"other servers' words are passed on",
         EHLO "C: MAIL FROM:<a@b.test>\nS: 250\nC: RCPT TO:<full@y.test>\nS: 452 4.2.2 mailbox full\n", 0, NULL},
	{"pipelined commands are answered in order",
         EHLO "c: MAIL FROM:<a@b.test>\\r\\nRCPT TO:<bad@y.test>\\r\\nRCPT TO:<x@y.test>\\r\\nDATA\\r\\n\nS: 250 "
              "2.1.0\nS: 550\nS: 250 2.1.5\nS: 354\nc: hi\\r\\n.\\r\\nQUIT\\r\\n\nS: 250\nS: 221\nE\n",
         1, "hi\r\n"},
	{"chunks make one message",
         ENVELOPE "C: BDAT 5\nc: hel\\r\\n\nS: 250\nC: BDAT 4 LAST\nc: .x\\r\\n\nS: 250 2.0.0\n", 1, "hel\r\n.x\r\n"},
	{"DATA after a chunk is refused", ENVELOPE "C: BDAT 4\nc: he\\r\\n\nS: 250\nC: DATA\nS: 503\nC: RSET\nS: 250\n",
         0, NULL},
	{"a chunk without a recipient is read and refused",
         EHLO "C: MAIL FROM:<a@b.test>\nS: 250\nC: BDAT 6 LAST\nc: QUIT\\r\\n\nS: 554\nC: NOOP\nS: 250\n", 0, NULL},
	{"bare LF in content is refused at its end",
         ENVELOPE "C: DATA\nS: 354\nc: a\\n.\\nMAIL FROM:<evil@x.test>\\r\\n.\\r\\n\nS: 550 5.6.0\nC: NOOP\nS: 250\n",
         0, NULL},
	{"LF.CRLF does not end a message",
         ENVELOPE "C: DATA\nS: 354\nc: a\\n.\\r\\nMAIL FROM:<evil@x.test>\\r\\n\nC: .\nS: 550 5.6.0\n", 0, NULL},
	{"CRLF.LF does not end a message", ENVELOPE "C: DATA\nS: 354\nc: a\\r\\n.\\nb\\r\\n.\\r\\n\nS: 550 5.6.0\n", 0,
         NULL},
	{"bare CR in chunks is refused", ENVELOPE "C: BDAT 4 LAST\nc: a\\rb\\n\nS: 550 5.6.0\n", 0, NULL},
	{"a command that ends in a bare LF is refused and what follows dropped",
         "S: 220\nc: EHLO c\\nMAIL FROM:<a@b.test>\\r\\n\nS: 550 lines\n", 0, NULL},
	{"an endless command line is refused",
         "S: 220\nC: EHLO c\nS: 250\nC: NOOP "
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nS: "
         "250\n",
         0, NULL},
	{"a declared size over the limit is refused at MAIL",
         EHLO "C: MAIL FROM:<a@b.test> SIZE=100001\nS: 552 5.3.4\n", 0, NULL},
	{"STARTTLS is refused where there is no certificate", EHLO "C: STARTTLS\nS: 502\n", 0, NULL},
	{"AUTH is refused where it is not offered", EHLO "C: AUTH PLAIN\nS: 502\n", 0, NULL},
	{"too many errors end the session",
         EHLO "C: X\nS: 500\nC: X\nS: 500\nC: X\nS: 500\nC: X\nS: 500\nC: X\nS: 500\nS: 421\nE\n", 0, NULL},
	{"too many messages end the session",
         ENVELOPE "C: DATA\nS: 354\nC: .\nS: 250\n"
                  "C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<x@y.test>\nS: 250\nC: DATA\nS: 354\nC: .\nS: 250\n"
                  "C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<x@y.test>\nS: 250\nC: DATA\nS: 354\nC: .\nS: 250\nC: MAIL "
                  "FROM:<>\nS: 421 4.7.0\nE\n",
         3, ""},
	{"PRDR gives each recipient its answer",
         EHLO "C: MAIL FROM:<a@b.test> PRDR\nS: 250\nC: RCPT TO:<x@y.test>\nS: 250\nC: RCPT TO:<picky@y.test>\nS: "
              "250\nC: DATA\nS: 354\nC: .\nS: 353\nS: 250 2.0.0 own\nS: 550 5.7.1 own\nS: 250\n",
         1, NULL},
	{"a silent client is told the time is up", "S: 220\nS: 421 timeout\nE\n", 0, NULL},
	{"the policy's refusal of the content is the answer",
         ENVELOPE "C: DATA\nS: 354\nC: SPAM\nC: .\nS: 554 5.7.1 no spam\n", 1, NULL},
	{"VRFY, HELP and EXPN", EHLO "C: VRFY x\nS: 252\nC: HELP\nS: 214\nC: EXPN x\nS: 502\n", 0, NULL},
};

static void scripts_play_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		messages = 0;
		play(cases[i].title, cases[i].script);
		if (messages != cases[i].messages) fail_msg("%s: %d messages", cases[i].title, messages);
		if (cases[i].body && strcmp(cases[i].body, last_body) != 0)
			fail_msg("%s: body \"%s\"", cases[i].title, last_body);
	}
}

static void the_early_talker_is_refused(void **state)
{
	(void)state;
	char got[256];
	struct server s = {.loop = loop_new()};
	int fd = connected_pair(&s.fd);
	FILE *in = fdopen(dup(fd), "r");
	assert_int_equal(send(fd, "EHLO c\r\n", 8, 0),
	                 8); /* before the session begins, so it is there at its first look */
	pthread_create(&s.thread, NULL, server_thread, &s);
	assert_true(read_reply(in, got, sizeof got));
	assert_int_equal(strncmp(got, "554", 3), 0);
	assert_false(read_reply(in, got, sizeof got));
	fclose(in);
	close(fd);
	pthread_join(s.thread, NULL);
}

static void a_250_is_acknowledged_by_the_next_command_only(void **state)
{
	(void)state;
	acknowledged = 0;
	play("next command", ENVELOPE "C: DATA\nS: 354\nC: .\nS: 250\nC: QUIT\nS: 221\nE\n");
	assert_int_equal(acknowledged, 1);
	play("gone", ENVELOPE "C: DATA\nS: 354\nC: .\nS: 250\n");
	assert_int_equal(acknowledged, 1);
}

static void a_message_over_the_limit_is_refused_at_its_end(void **state)
{
	(void)state;
	char got[256], line[1000];
	struct server s = {.loop = loop_new()};
	int fd = connected_pair(&s.fd);
	FILE *in = fdopen(dup(fd), "r");
	static const char start[] = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<x@y.test>\r\nDATA\r\n";
	pthread_create(&s.thread, NULL, server_thread, &s);
	assert_true(read_reply(in, got, sizeof got));
	assert_true(send(fd, start, sizeof start - 1, 0) > 0);
	for (int i = 0; i < 4; i++) assert_true(read_reply(in, got, sizeof got));
	memset(line, 'x', sizeof line);
	memcpy(line + sizeof line - 2, "\r\n", 2);
	for (int i = 0; i < 120; i++) assert_int_equal(send(fd, line, sizeof line, MSG_NOSIGNAL), sizeof line);
	assert_true(send(fd, ".\r\n", 3, 0) > 0);
	assert_true(read_reply(in, got, sizeof got));
	assert_int_equal(strncmp(got, "552 5.3.4", 9), 0);
	assert_true(send(fd, "QUIT\r\n", 6, 0) > 0);
	assert_true(read_reply(in, got, sizeof got));
	fclose(in);
	close(fd);
	pthread_join(s.thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_play_as_written),
		cmocka_unit_test(the_early_talker_is_refused),
		cmocka_unit_test(a_250_is_acknowledged_by_the_next_command_only),
		cmocka_unit_test(a_message_over_the_limit_is_refused_at_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
