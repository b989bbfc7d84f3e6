/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole client session against a server that says whatever the input is and closes. The first octet chooses how the client
 * goes about it: everything at once or step by step, with PRDR or without, one message or two.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/listener.h"
#include "smtp/client.h"

struct round {
	struct slice says;
	int listening;
	struct endpoint at;
	struct loop *loop;
	unsigned choice;
};

static void speak(void *arg)
{
	struct round *r = arg;
	struct stream *s = NULL;
	int64_t deadline = clock_deadline(1000);
	int fd = accept4(r->listening, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || stream_accept(fd, &s)) abort();
	if (!stream_write(s, r->says, deadline)) stream_flush(s, deadline);
	/* what the client says is read, so that no reset destroys what is on its way to it */
	if (!stream_write(s, SLICE(""), deadline)) shutdown(fd, SHUT_WR);
	while (!stream_fill(s, deadline)) stream_consume(s, stream_buffered(s).n);
	stream_free(s);
}

static void transaction(struct client *c, struct arena *a, unsigned choice)
{
	struct envelope_recipient to[] = {{SLICE("a@x.example"), SLICE(""), 0},
	                                  {SLICE("b@x.example"), SLICE("rfc822;b"), NOTIFY_SUCCESS}};
	struct envelope e = {.return_path = SLICE("me@y.example"),
	                     .envid = SLICE("id"),
	                     .recipients = to,
	                     .recipient_count = 2};
	struct reply mail, rcpt[2], data = {0}, final, prdr[2];
	int64_t d = clock_deadline(1000);
	client_set_prdr(c, choice & 2);
	if (choice & 1) {
		if (client_envelope(c, a, &e, true, d, &mail, rcpt, &data)) return;
	} else if (client_mail(c, a, &e, d, &mail) || client_rcpt(c, &to[0], d, &rcpt[0]) || client_data(c, d, &data)) {
		return;
	}
	if (data.code == 354 && !client_send_slice(c, SLICE("X: y\r\n"), SLICE("\r\n.body"), d))
		client_end_data(c, d, &final, prdr, 2);
	client_reset(c, d);
}

static void talk(void *arg)
{
	struct round *r = arg;
	struct arena a;
	struct client *c;
	struct reply failure;
	struct client_options o = {.helo_name = "me.example"};
	arena_init(&a, 1 << 20);
	if (client_open(&r->at, &o, &a, clock_deadline(1000), &c, &failure) == ERR_OK) {
		transaction(c, &a, r->choice);
		if ((r->choice & 4) && client_usable(c)) transaction(c, &a, r->choice >> 3);
		client_close(c);
	}
	arena_free(&a);
	loop_stop(r->loop);
}

static int listen_somewhere(struct endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	struct endpoint any = {.ip = {.family = AF_INET, .octets = {127, 0, 0, 1}}};
	int fd;
	if (listener_bind(&any, &fd) || getsockname(fd, (struct sockaddr *)&sa, &n) < 0) abort();
	endpoint_from_sockaddr((struct sockaddr *)&sa, at);
	return fd;
}

static void accept_when_connected(void *arg)
{
	struct round *r = arg;
	struct watch *w = watch_open(r->listening);
	if (w && watch_wait(w, WATCH_READ, clock_deadline(1000)) == ERR_OK) speak(r);
	watch_close(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int listening = -1;
	static struct endpoint at;
	if (size < 1) return 0;
	if (listening < 0) listening = listen_somewhere(&at);
	struct round r = {.says = slice_of(data + 1, size - 1), .listening = listening, .at = at, .choice = data[0]};
	r.loop = loop_new();
	if (!r.loop || scope_spawn(loop_scope(r.loop), "server", accept_when_connected, &r) ||
	    scope_spawn(loop_scope(r.loop), "client", talk, &r))
		abort();
	loop_run(r.loop);
	loop_free(r.loop);
	return 0;
}
