/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session: greeting, commands, and their order. A command is checked (VERB_TABLE: may it come now; command_parse: is it well
 * formed) and then proceeds in its function of the handler table below. DATA and BDAT are in server_data.c, AUTH in server_auth.c.
 */
#include "smtp/server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "smtp/server_internal.h"

#define SESSION_MAGIC               0x5e551040u
#define SESSION_ARENA_LIMIT         (16 * 1024)
#define COMMAND_ARENA_LIMIT         (64 * 1024)
#define TRANSACTION_ARENA_BASE      (64 * 1024)
#define TRANSACTION_ARENA_RECIPIENT 2048
#define SKIP_LIMIT                  (1024 * 1024) /* octets of a line that never ends before we hang up */
#define GOODBYE_TIME                2000          /* milliseconds a departing client has to take our last words */

int64_t server_deadline(const struct session *s, int64_t timeout_ms)
{
	int64_t deadline = clock_deadline(timeout_ms);
	return deadline < s->ends ? deadline : s->ends;
}

/* ---- replies --------------------------------------------------------------------------------------------------------- */

void server_reply(struct session *s, const struct reply *r)
{
	struct slice wire = reply_format(&s->command_arena, r, s->esmtp);
	if (!wire.p) wire = SLICE("452 4.3.1 not enough memory now; please try later\r\n");
	if (stream_write(s->stream, wire, server_deadline(s, s->settings->command_timeout)) != ERR_OK)
		s->closing = true;
}

void server_reply_code(struct session *s, int code, const char *enhanced, const char *text)
{
	struct reply r = {0};
	reply_set(&s->command_arena, &r, code, enhanced, slice_str(text));
	server_reply(s, &r);
}

void server_refuse(struct session *s, const char *stage, enum reason reason, struct slice detail)
{
	struct reply r = {0};
	reply_set_reason(&s->command_arena, &r, reason, detail);
	server_reply(s, &r);
	if (s->policy_table->refused) s->policy_table->refused(s, stage, &r);
	if (reply_permanent(&r) && ++s->errors >= s->settings->session_error_limit)
		server_end(s, REASON_too_many_errors);
}

void server_end(struct session *s, enum reason reason)
{
	struct reply r = {0};
	reply_set_reason(&s->command_arena, &r, reason, SLICE_EMPTY);
	server_reply(s, &r);
	if (s->policy_table->refused) s->policy_table->refused(s, "session", &r);
	s->closing = true;
}

void server_lost(struct session *s, enum error e)
{
	s->closing = true;
	if (e == ERR_TIMEOUT)
		server_end(s,
		           clock_now_ms() >= s->ends ? REASON_session_too_long : REASON_timeout); /* RFC 5321 4.5.3.2 */
	else if (e == ERR_CANCELLED)
		server_end(s, REASON_shutting_down); /* RFC 5321 3.8 */
}

/* ---- reading lines --------------------------------------------------------------------------------------------------- */

static enum error skip_line(struct session *s, int64_t deadline)
{
	for (size_t skipped = 0; skipped < SKIP_LIMIT;) {
		struct slice in = stream_buffered(s->stream);
		size_t end = slice_find(in, '\n');
		if (end < in.n) {
			stream_consume(s->stream, end + 1);
			return ERR_LIMIT;
		}
		skipped += in.n;
		stream_consume(s->stream, in.n);
		enum error e = stream_fill(s->stream, deadline);
		if (e) return e;
	}
	return ERR_CLOSED;
}

enum error server_read_line(struct session *s, size_t limit, int64_t deadline, struct slice *line)
{
	size_t seen = 0;
	for (;;) {
		struct slice in = stream_buffered(s->stream);
		size_t end = seen + slice_find(slice_sub(in, seen, in.n), '\n');
		if (end < in.n) {
			if (end + 1 > limit) {
				stream_consume(s->stream, end + 1);
				return ERR_LIMIT;
			}
			/* RFC 5321 2.3.8: CR and LF come only together. What follows a bare one may have been smuggled in. */
			if (end == 0 || in.p[end - 1] != '\r' || memchr(in.p, '\r', end - 1)) {
				stream_discard_input(s->stream);
				return ERR_SYNTAX;
			}
			*line = arena_copy(&s->command_arena, slice_sub(in, 0, end - 1));
			stream_consume(s->stream, end + 1);
			return line->p ? ERR_OK : ERR_NO_MEMORY;
		}
		if (in.n >= limit) return skip_line(s, deadline);
		seen = in.n;
		enum error e = stream_fill(s->stream, deadline);
		if (e) return e;
		if (s->unacknowledged) {
			s->unacknowledged = false;
			if (s->policy_table->acknowledged) s->policy_table->acknowledged(s);
		}
	}
}

/* ---- transactions ---------------------------------------------------------------------------------------------------- */

static bool transaction_new(struct session *s, const struct command *c)
{
	struct transaction *t = calloc(1, sizeof *t);
	if (!t) return false;
	size_t recipients = (size_t)s->settings->recipient_limit;
	arena_init(&t->arena, TRANSACTION_ARENA_BASE + recipients * TRANSACTION_ARENA_RECIPIENT);
	blob_init(&t->body, s->settings->memory_body_limit, s->settings->temporary_dir);
	data_decoder_init(&t->facts);
	t->envelope.return_path = arena_copy(&t->arena, c->path.text);
	t->envelope.envid = arena_copy(&t->arena, c->envid);
	t->envelope.ret = c->ret;
	t->envelope.body = c->body;
	t->envelope.smtputf8 = c->smtputf8;
	t->envelope.size = c->size;
	t->prdr = c->prdr;
	s->transaction = t;
	return !arena_exhausted(&t->arena);
}

void server_transaction_free(struct session *s)
{
	struct transaction *t = s->transaction;
	s->chunks_failed = false;
	if (s->state != STATE_GREETED) s->state = STATE_READY;
	if (!t) return;
	if (s->policy_table->end) s->policy_table->end(s, t);
	s->transaction = NULL;
	blob_free(&t->body);
	arena_free(&t->arena);
	free(t);
}

static bool transaction_add(struct transaction *t, const struct command *c)
{
	struct envelope *e = &t->envelope;
	if (e->recipient_count == t->recipient_room) {
		size_t room = t->recipient_room ? t->recipient_room * 4 : 4;
		struct envelope_recipient *more = arena_alloc(&t->arena, room * sizeof *more);
		if (!more) return false;
		if (e->recipient_count) memcpy(more, e->recipients, e->recipient_count * sizeof *more);
		e->recipients = more;
		t->recipient_room = room;
	}
	struct envelope_recipient *r = &e->recipients[e->recipient_count];
	r->address = arena_copy(&t->arena, c->path.text);
	r->orcpt = arena_copy(&t->arena, c->orcpt);
	r->notify = c->notify;
	if (arena_exhausted(&t->arena)) return false;
	e->recipient_count++;
	return true;
}

/* ---- commands -------------------------------------------------------------------------------------------------------- */

struct command_extensions server_extensions(const struct session *s)
{
	bool on = s->esmtp;
	return (struct command_extensions){.size = on,
	                                   .eightbitmime = on,
	                                   .smtputf8 = on,
	                                   .dsn = on,
	                                   .prdr = on,
	                                   .chunking = on,
	                                   .auth = on && s->settings->auth && stream_is_tls(s->stream)};
}

static void hello(struct session *s, const struct command *c, bool esmtp)
{
	if (!c->argument.n) {
		server_refuse(s, verb_name(c->verb), REASON_syntax, SLICE("your host name is missing"));
		return;
	}
	server_transaction_free(s); /* RFC 5321 4.1.4: EHLO is also RSET */
	if (c->argument.n > s->helo.n || !s->helo.p) {
		s->helo = arena_copy(&s->arena, c->argument);
		if (!s->helo.p) {
			s->helo = SLICE_EMPTY;
			server_end(s, REASON_no_memory);
			return;
		}
	} else {
		memcpy((char *)s->helo.p, c->argument.p, c->argument.n);
		s->helo.n = c->argument.n;
	}
	s->esmtp = esmtp;
	s->state = STATE_READY;
}

static void command_HELO(struct session *s, const struct command *c)
{
	hello(s, c, false);
	if (s->state == STATE_READY && !s->closing && c->argument.n)
		server_reply_code(s, 250, "", s->settings->hostname);
}

static void command_EHLO(struct session *s, const struct command *c)
{
	hello(s, c, true);
	if (s->state != STATE_READY || s->closing || !c->argument.n) return;
	const struct server_settings *set = s->settings;
	bool tls = stream_is_tls(s->stream);
	struct slice text =
		arena_printf(&s->command_arena,
	                     "%s\nPIPELINING\nSIZE %llu\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nDSN\nCHUNKING\nPRDR\n"
	                     "LIMITS RCPTMAX=%lld MAILMAX=%lld%s%s",
	                     set->hostname, (unsigned long long)set->message_size_limit,
	                     (long long)set->recipient_limit, (long long)set->session_message_limit,
	                     set->tls && !tls ? "\nSTARTTLS" : "", set->auth && tls ? "\nAUTH PLAIN LOGIN" : "");
	struct reply r = {.code = 250, .text = text};
	server_reply(s, &r);
}

static void command_MAIL(struct session *s, const struct command *c)
{
	struct reply out = {0};
	if (s->messages >= s->settings->session_message_limit) {
		server_end(s, REASON_too_many_messages);
		return;
	}
	if (c->has_size && c->size > s->settings->message_size_limit) {
		server_refuse(s, "MAIL", REASON_message_too_big, SLICE_EMPTY); /* RFC 1870 6.1 */
		return;
	}
	if (!transaction_new(s, c)) {
		server_transaction_free(s);
		server_refuse(s, "MAIL", REASON_no_memory, SLICE_EMPTY);
		return;
	}
	s->policy_table->mail(s, s->transaction, c, &out);
	if (!out.code) reply_set(&s->command_arena, &out, 250, "2.1.0", SLICE("sender ok"));
	if (reply_positive(&out))
		s->state = STATE_MAIL;
	else
		server_transaction_free(s);
	server_reply(s, &out);
}

static void command_RCPT(struct session *s, const struct command *c)
{
	struct transaction *t = s->transaction;
	struct reply out = {0};
	if (t->envelope.recipient_count >= (size_t)s->settings->recipient_limit) { /* RFC 5321 4.5.3.1.10 */
		server_refuse(s, "RCPT", REASON_too_many_recipients, SLICE_EMPTY);
		return;
	}
	if (c->path.utf8 && !t->envelope.smtputf8) { /* RFC 6531 3.4 */
		server_refuse(s, "RCPT", REASON_utf8_not_declared, SLICE_EMPTY);
		return;
	}
	s->policy_table->rcpt(s, t, c, &out);
	if (!out.code) reply_set(&s->command_arena, &out, 250, "2.1.5", SLICE("recipient ok"));
	if (reply_positive(&out)) {
		if (transaction_add(t, c))
			s->state = STATE_RCPT;
		else
			reply_set_reason(&s->command_arena, &out, REASON_no_memory, SLICE_EMPTY);
	}
	server_reply(s, &out);
}

static void command_DATA(struct session *s, const struct command *c)
{
	(void)c;
	server_command_data(s);
}

static void command_BDAT(struct session *s, const struct command *c)
{
	server_command_bdat(s, c);
}

static void command_RSET(struct session *s, const struct command *c)
{
	(void)c;
	server_transaction_free(s);
	server_reply_code(s, 250, "2.0.0", "ok");
}

static void command_NOOP(struct session *s, const struct command *c)
{
	(void)c;
	server_reply_code(s, 250, "2.0.0", "ok");
}

static void command_QUIT(struct session *s, const struct command *c)
{
	(void)c;
	server_reply_code(s, 221, "2.0.0", "goodbye");
	s->closing = true;
}

static void command_VRFY(struct session *s, const struct command *c)
{
	(void)c; /* RFC 5321 7.3: a server may decline to tell; 252 is the honest answer */
	server_reply_code(s, 252, "2.5.2", "cannot verify here; send mail and the recipient's server will say");
}

static void command_EXPN(struct session *s, const struct command *c)
{
	(void)c;
	server_refuse(s, "EXPN", REASON_not_implemented, SLICE_EMPTY);
}

static void command_HELP(struct session *s, const struct command *c)
{
	(void)c;
	struct slice text = SLICE("commands:");
	for (int v = 0; v < VERB_COUNT; v++)
		text = arena_printf(&s->command_arena, "%.*s\n%s", SLICE_ARG(text), verb_help(v));
	struct reply r = {.code = 214, .enhanced = "2.0.0", .text = text};
	server_reply(s, &r);
}

static void command_STARTTLS(struct session *s, const struct command *c)
{
	(void)c;
	if (stream_is_tls(s->stream)) {
		server_refuse(s, "STARTTLS", REASON_bad_sequence, SLICE("TLS is on already"));
		return;
	}
	if (!s->settings->tls) {
		server_refuse(s, "STARTTLS", REASON_not_implemented, SLICE_EMPTY);
		return;
	}
	if (stream_buffered(s->stream).n) { /* RFC 3207 4.2, CVE-2011-0411: commands injected before the handshake */
		stream_discard_input(s->stream);
		server_refuse(s, "STARTTLS", REASON_pipelined_tls, SLICE_EMPTY);
		s->closing = true;
		return;
	}
	server_transaction_free(s);
	server_reply_code(s, 220, "2.0.0", "ready for TLS");
	int64_t deadline = server_deadline(s, s->settings->command_timeout);
	enum error e = stream_flush(s->stream, deadline);
	if (!e) e = stream_tls_server(s->stream, s->settings->tls, deadline);
	if (e) {
		s->closing = true; /* the handshake failed: nothing can be said in plain text any more */
		return;
	}
	metric_add(METRIC_smtp_tls_sessions, 1);
	s->helo.n = 0; /* RFC 3207 4.2: forget what was learnt before */
	s->user = SLICE_EMPTY;
	s->esmtp = false;
	s->state = STATE_GREETED;
}

static void command_AUTH(struct session *s, const struct command *c)
{
	server_command_auth(s, c);
}

static void (*const handlers[VERB_COUNT])(struct session *, const struct command *) = {
#define X(verb, states, help) [VERB_##verb] = command_##verb,
	VERB_TABLE(X)
#undef X
};

static void out_of_order(struct session *s, const struct command *c)
{
	if (s->state == STATE_GREETED)
		server_refuse(s, verb_name(c->verb), REASON_bad_sequence, SLICE("say EHLO first"));
	else if (c->verb == VERB_MAIL)
		server_refuse(s, "MAIL", REASON_bad_sequence, SLICE("a transaction is open; RSET ends it"));
	else if (s->state == STATE_BDAT)
		server_refuse(s, verb_name(c->verb), REASON_bad_sequence, SLICE("BDAT LAST or RSET must come first"));
	else
		server_refuse(s, verb_name(c->verb), REASON_bad_sequence,
		              SLICE("MAIL and an accepted RCPT must come first"));
}

static void dispatch(struct session *s, struct slice line)
{
	struct command c = {0};
	struct slice detail = SLICE_EMPTY;
	struct command_extensions offered = server_extensions(s);
	metric_add(METRIC_smtp_commands, 1);
	enum reason reason = command_parse(&s->command_arena, line, &offered, &c, &detail);
	if (reason) {
		server_refuse(s, c.verb < VERB_COUNT ? verb_name(c.verb) : "command", reason, detail);
		return;
	}
	if (!(verb_states(c.verb) & s->state)) {
		if (c.verb == VERB_BDAT) /* its octets are on their way all the same */
			server_command_bdat(s, &c);
		else
			out_of_order(s, &c);
		return;
	}
	handlers[c.verb](s, &c);
}

/* ---- the session ------------------------------------------------------------------------------------------------------- */

static void session_loop(struct session *s)
{
	while (!s->closing) {
		struct slice line;
		arena_reset(&s->command_arena);
		if (s->draining && s->state <= STATE_READY) {
			server_end(s, REASON_shutting_down);
			break;
		}
		s->waiting_for_command = s->state <= STATE_READY;
		enum error e =
			server_read_line(s, SERVER_LINE_LIMIT, server_deadline(s, s->settings->command_timeout), &line);
		s->waiting_for_command = false;
		if (e == ERR_OK)
			dispatch(s, line);
		else if (e == ERR_LIMIT)
			server_refuse(s, "command", REASON_line_too_long, SLICE_EMPTY);
		else if (e == ERR_SYNTAX)
			server_refuse(s, "command", REASON_bare_line_ending, SLICE_EMPTY);
		else if (e == ERR_NO_MEMORY)
			server_end(s, REASON_no_memory);
		else
			server_lost(s, e);
	}
}

static void greet(struct session *s)
{
	/* RFC 5321 4.3.1: the client waits for the greeting. A spammer's engine often does not. */
	if (stream_fill(s->stream, clock_now_ms()) == ERR_OK) {
		s->esmtp = true;
		server_refuse(s, "connect", REASON_early_talker, SLICE_EMPTY);
		s->closing = true;
		return;
	}
	struct slice text = arena_printf(&s->command_arena, "%s ESMTP Backstop", s->settings->hostname);
	struct reply r = {.code = 220, .text = text};
	server_reply(s, &r);
}

void server_session(struct stream *stream, const struct server_settings *settings, const struct server_policy *policy,
                    void *policy_arg, void (*started)(struct session *, void *policy_arg))
{
	struct session session = {.magic = SESSION_MAGIC,
	                          .stream = stream,
	                          .settings = settings,
	                          .policy_table = policy,
	                          .policy = policy_arg,
	                          .state = STATE_GREETED,
	                          .helo = SLICE_EMPTY,
	                          .user = SLICE_EMPTY,
	                          .fiber = fiber_current(),
	                          .ends = clock_deadline(settings->session_time_limit)};
	struct session *s = &session;
	arena_init(&s->arena, SESSION_ARENA_LIMIT);
	arena_init(&s->command_arena, COMMAND_ARENA_LIMIT);
	if (started) started(s, policy_arg);
	greet(s);
	session_loop(s);
	fiber_shield(); /* a cancelled session still says goodbye */
	stream_flush(s->stream, clock_deadline(GOODBYE_TIME));
	server_transaction_free(s);
	fiber_unshield();
	stream_free(s->stream);
	arena_free(&s->command_arena);
	arena_free(&s->arena);
	s->magic = 0;
}

void server_session_drain(struct session *s)
{
	assert(s->magic == SESSION_MAGIC);
	s->draining = true;
	if (s->waiting_for_command) fiber_cancel(s->fiber);
}

const char *server_protocol(const struct session *s, const struct transaction *t)
{
	bool tls = stream_is_tls(s->stream), user = s->user.n > 0;
	if (t && t->envelope.smtputf8) return user ? "UTF8SMTPSA" : tls ? "UTF8SMTPS" : "UTF8SMTP";
	if (!s->esmtp) return "SMTP";
	if (user) return tls ? "ESMTPSA" : "ESMTPA";
	return tls ? "ESMTPS" : "ESMTP";
}
