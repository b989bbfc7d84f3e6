/* SPDX-License-Identifier: Apache-2.0 */
/* A whole session on arbitrary input, begun in every state: the first octet picks the commands that precede the input. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/server.h"

static void policy_mail(struct session *s, struct transaction *t, const struct command *c, struct reply *out)
{
	(void)s, (void)t, (void)c, (void)out;
}

static void policy_rcpt(struct session *s, struct transaction *t, const struct command *c, struct reply *out)
{
	(void)t;
	if (c->path.text.n % 5 == 0) reply_set_reason(&s->command_arena, out, REASON_unknown_recipient, c->path.text);
}

static void policy_message(struct session *s, struct transaction *t, struct reply *out)
{
	(void)s;
	for (size_t i = 0; t->rcpt_replies && i < t->envelope.recipient_count; i++)
		reply_set(&t->arena, &t->rcpt_replies[i], 250, "2.0.0", SLICE("ok"));
	(void)out;
}

static const struct server_policy policy = {.mail = policy_mail, .rcpt = policy_rcpt, .message = policy_message};
static const struct server_settings settings = {.hostname = "mx.test",
                                                .auth = true,
                                                .temporary_dir = "/tmp",
                                                .message_size_limit = 30000,
                                                .memory_body_limit = 8000,
                                                .recipient_limit = 10,
                                                .session_message_limit = 5,
                                                .session_error_limit = 50,
                                                .command_timeout = 1000,
                                                .data_timeout = 1000,
                                                .data_time_limit = 1000,
                                                .session_time_limit = 2000};

struct run {
	struct loop *loop;
	int ours, theirs;
	const char *prelude;
	const uint8_t *data;
	size_t size;
};

static void session_fiber(void *arg)
{
	struct run *r = arg;
	struct stream *stream;
	if (stream_accept(r->theirs, &stream) == ERR_OK) server_session(stream, &settings, &policy, NULL, NULL);
	loop_stop(r->loop);
}

/* Waits for the greeting, sends everything, then reads and forgets what the session says, so that it never waits for us. */
static void client_fiber(void *arg)
{
	struct run *r = arg;
	char sink[4096];
	struct watch *w = watch_open(r->ours);
	if (watch_wait(w, WATCH_READ, DEADLINE_NEVER) == ERR_OK) {
		ssize_t sent = send(r->ours, r->prelude, strlen(r->prelude), MSG_DONTWAIT | MSG_NOSIGNAL);
		sent = send(r->ours, r->data, r->size, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)sent;
		shutdown(r->ours, SHUT_WR);
	}
	while (watch_wait(w, WATCH_READ, DEADLINE_NEVER) == ERR_OK)
		if (recv(r->ours, sink, sizeof sink, MSG_DONTWAIT) == 0) break;
	watch_close(w);
}

static const char *const preludes[] = {
	"",
	"EHLO c\r\n",
	"HELO c\r\n",
	"EHLO c\r\nMAIL FROM:<a@b.test>\r\n",
	"EHLO c\r\nMAIL FROM:<a@b.test> PRDR\r\nRCPT TO:<xyz@y.test>\r\nRCPT TO:<zzz@y.test>\r\n",
	"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<xyz@y.test>\r\nDATA\r\n",
	"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<xyz@y.test>\r\nBDAT 3\r\nabc",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];
	if (size == 0 || size > 60000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return 0;
	int room = 256 * 1024;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	struct run r = {.loop = loop_new(), .ours = pair[0], .theirs = pair[1], .data = data + 1, .size = size - 1};
	r.prelude = preludes[data[0] % (sizeof preludes / sizeof *preludes)];
	scope_spawn(loop_scope(r.loop), "session", session_fiber, &r);
	scope_spawn(loop_scope(r.loop), "client", client_fiber, &r);
	loop_run(r.loop);
	loop_free(r.loop);
	close(r.ours);
	return 0;
}
