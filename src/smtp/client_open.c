/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "smtp/client_ehlo.h"
#include "smtp/client_internal.h"

const struct client_timeouts client_timeouts_rfc5321 = {
	.connect = 30 * 1000,
	.greeting = 5 * 60 * 1000,   /* RFC 5321 4.5.3.2.1 */
	.command = 5 * 60 * 1000,    /* RFC 5321 4.5.3.2.2, 4.5.3.2.3 */
	.data_start = 2 * 60 * 1000, /* RFC 5321 4.5.3.2.4 */
	.data_block = 3 * 60 * 1000, /* RFC 5321 4.5.3.2.5 */
	.data_end = 10 * 60 * 1000,  /* RFC 5321 4.5.3.2.6 */
};

static void set_failure(struct arena *a, struct reply *failure, const char *stage, const char *what)
{
	struct slice text = arena_printf(a, "%s: %s", stage, what);
	failure->text = text.p ? text : slice_str(what);
}

/* A refusal while greeting: the reply is copied out of the handshake's own arena. */
static enum error refused(struct client *c, struct arena *a, const struct reply *r, struct reply *failure)
{
	if (reply_positive(r)) {
		set_failure(a, failure, c->stage, "an answer that makes no sense");
	} else {
		*failure = *r;
		failure->text = arena_copy(a, r->text);
		if (!failure->text.p) failure->text = SLICE_EMPTY;
	}
	if (r->code != 421) {
		/* RFC 5321 3.1: after 554 at greeting a server waits for QUIT */
		if (!stream_write(c->stream, SLICE("QUIT\r\n"), clock_deadline(CLIENT_LAST_WORDS_MS)))
			stream_flush(c->stream, clock_deadline(CLIENT_LAST_WORDS_MS));
	}
	c->lost = true;
	return ERR_PROTOCOL;
}

static enum error say(struct client *c, const char *verb, const char *argument, struct arena *a, int64_t deadline,
                      struct reply *out)
{
	c->stage = verb;
	enum error e =
		stream_printf(c->stream, deadline, "%s%s%s\r\n", verb, argument ? " " : "", argument ? argument : "");
	return e ? client_lose(c, e) : client_read_reply(c, a, deadline, out);
}

static enum error greet(struct client *c, const char *name, struct arena *scratch, int64_t deadline, struct reply *r)
{
	memset(&c->extensions, 0, sizeof(c->extensions)); /* RFC 3207 4.2: forget what was said without TLS */
	enum error e = say(c, "EHLO", name, scratch, client_sooner(deadline, c->timeouts.command), r);
	if (e || c->lost) return e;
	if (r->code == 250) client_parse_ehlo(r->text, &c->extensions);
	/* RFC 5321 3.2: a server that does not know EHLO */
	if (reply_permanent(r)) e = say(c, "HELO", name, scratch, client_sooner(deadline, c->timeouts.command), r);
	return e;
}

static enum error start_tls(struct client *c, const struct client_options *o, struct arena *scratch, int64_t deadline,
                            struct reply *r)
{
	enum error e = say(c, "STARTTLS", NULL, scratch, client_sooner(deadline, c->timeouts.command), r);
	if (e) return e;
	if (r->code != 220) return o->tls == CLIENT_TLS_REQUIRED || c->lost ? ERR_TLS : ERR_OK;
	/* What came behind the 220 was not protected: it must not be taken for an answer given under TLS. */
	stream_discard_input(c->stream);
	c->stage = "TLS handshake";
	e = stream_tls_client(c->stream, o->tls_context, o->server_name, client_sooner(deadline, c->timeouts.command));
	if (e) return client_lose(c, e == ERR_CANCELLED || e == ERR_NO_MEMORY ? e : ERR_TLS);
	return greet(c, o->helo_name, scratch, deadline, r);
}

static enum error handshake(struct client *c, const struct client_options *o, struct arena *a, struct arena *scratch,
                            int64_t deadline, struct reply *failure)
{
	struct reply r;
	c->stage = "greeting";
	enum error e = client_read_reply(c, scratch, client_sooner(deadline, c->timeouts.greeting), &r);
	if (e) return e;
	if (r.code != 220) return refused(c, a, &r, failure);
	e = greet(c, o->helo_name, scratch, deadline, &r);
	if (e) return e;
	if (r.code / 100 != 2) return refused(c, a, &r, failure);
	if (o->tls == CLIENT_TLS_NEVER || !o->tls_context) return ERR_OK;
	if (!c->extensions.starttls) {
		if (o->tls != CLIENT_TLS_REQUIRED) return ERR_OK;
		c->stage = "STARTTLS";
		set_failure(a, failure, c->stage, "TLS is required and not offered");
		return ERR_TLS;
	}
	e = start_tls(c, o, scratch, deadline, &r);
	if (e == ERR_TLS && r.code >= 400) return refused(c, a, &r, failure);
	if (e) return e;
	if (stream_is_tls(c->stream) && r.code / 100 != 2) return refused(c, a, &r, failure);
	return ERR_OK;
}

enum error client_open(const struct endpoint *to, const struct client_options *options, struct arena *a,
                       int64_t deadline, struct client **out, struct reply *failure)
{
	struct arena scratch;
	*out = NULL;
	memset(failure, 0, sizeof(*failure));
	struct client *c = calloc(1, sizeof(*c));
	if (!c) return ERR_NO_MEMORY;
	c->magic = CLIENT_MAGIC;
	c->timeouts = options->timeouts ? *options->timeouts : client_timeouts_rfc5321;
	c->stage = "connect";
	enum error e = stream_connect(to, options->source, client_sooner(deadline, c->timeouts.connect), &c->stream);
	if (!e) {
		arena_init(&scratch, CLIENT_SCRATCH);
		e = handshake(c, options, a, &scratch, deadline, failure);
		arena_free(&scratch);
	}
	if (e) {
		if (!failure->code && !failure->text.n) {
			const char *why = e == ERR_TLS && c->stream ? stream_tls_reason(c->stream) : NULL;
			set_failure(a, failure, c->stage, why ? why : error_text(e));
		}
		client_free(c);
		return e;
	}
	c->stage = "ready";
	*out = c;
	return ERR_OK;
}
