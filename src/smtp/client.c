/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "smtp/client_internal.h"

/* Commands sent ahead of their answers: small enough that neither side can fill the other's window and stall. */
#define PIPELINE_BATCH 100
/* Content is read and encoded in pieces of this size; the encoded form may be twice as long. */
#define PIECE (16 * 1024)

/* ---- replies ---- */

enum error client_read_reply(struct client *c, struct arena *a, int64_t deadline, struct reply *out)
{
	struct reply_reader reader;
	enum reply_progress progress = REPLY_MORE;
	memset(out, 0, sizeof(*out));
	reply_reader_init(&reader, a, out);
	while (progress == REPLY_MORE) {
		struct slice in = stream_buffered(c->stream);
		size_t end;
		while ((end = slice_find(in, '\n')) == in.n) {
			enum error e = stream_fill(c->stream, deadline);
			if (e) return client_lose(c, e == ERR_LIMIT ? ERR_PROTOCOL : e);
			in = stream_buffered(c->stream);
		}
		size_t length = end > 0 && in.p[end - 1] == '\r' ? end - 1 : end;
		progress = reply_reader_line(&reader, slice_of(in.p, length));
		stream_consume(c->stream, end + 1);
	}
	if (progress == REPLY_BAD || out->code < 200 || out->code > 599) return client_lose(c, ERR_PROTOCOL);
	if (out->code == 421) c->lost = true; /* RFC 5321 3.8: the server closes after it */
	return ERR_OK;
}

/* positive: the class of success at this point, 2 or 3. */
static enum error read_answer(struct client *c, int64_t deadline, int positive, struct reply *out)
{
	enum error e = client_read_reply(c, c->arena, deadline, out);
	if (!e && reply_positive(out) && out->code / 100 != positive) e = client_lose(c, ERR_PROTOCOL);
	return e;
}

/* ---- facts ---- */

const struct client_extensions *client_extensions(const struct client *c)
{
	return &c->extensions;
}

struct stream *client_stream(struct client *c)
{
	return c->stream;
}

const char *client_stage(const struct client *c)
{
	return c->stage;
}

uint32_t client_transactions(const struct client *c)
{
	return c->transactions;
}

bool client_usable(struct client *c)
{
	return !c->lost && !c->in_data && !stream_output_pending(c->stream) && !stream_idle_dead(c->stream);
}

void client_set_prdr(struct client *c, bool wanted)
{
	c->want_prdr = wanted;
}

bool client_prdr(const struct client *c)
{
	return c->prdr;
}

/* ---- the envelope ---- */

/* Nothing that could end a command line early, whatever the queue holds. */
static bool sendable(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) return false;
	return true;
}

static enum error put(struct client *c, struct slice s, int64_t deadline)
{
	return stream_write(c->stream, s, deadline);
}

static enum error put_parameter(struct client *c, struct slice name, struct slice value, int64_t deadline)
{
	enum error e = put(c, name, deadline);
	return e ? e : put(c, value, deadline);
}

static enum error write_mail(struct client *c, const struct envelope *e, int64_t deadline)
{
	const struct client_extensions *x = &c->extensions;
	if (!sendable(e->return_path) || !sendable(e->envid)) return ERR_INVALID;
	c->stage = "MAIL";
	c->open = true;
	c->transactions++;
	c->accepted = 0;
	c->early.code = 0;
	c->prdr = c->want_prdr && x->prdr;
	enum error err = put_parameter(c, SLICE("MAIL FROM:<"), e->return_path, deadline);
	if (!err) err = put(c, SLICE(">"), deadline);
	if (!err && x->size && e->size) /* RFC 1870 6 */
		err = stream_printf(c->stream, deadline, " SIZE=%llu", (unsigned long long)e->size);
	if (!err && x->eightbitmime && e->body == BODY_8BITMIME) err = put(c, SLICE(" BODY=8BITMIME"), deadline);
	if (!err && x->smtputf8 && e->smtputf8) err = put(c, SLICE(" SMTPUTF8"), deadline);
	if (!err && x->dsn && e->ret != RET_UNSET)
		err = put(c, e->ret == RET_FULL ? SLICE(" RET=FULL") : SLICE(" RET=HDRS"), deadline);
	if (!err && x->dsn && e->envid.n) err = put_parameter(c, SLICE(" ENVID="), e->envid, deadline);
	if (!err && c->prdr) err = put(c, SLICE(" PRDR"), deadline);
	if (!err) err = put(c, SLICE("\r\n"), deadline);
	return client_lose(c, err);
}

/* RFC 3461 4.1: NEVER stands alone; the others are a list. */
static enum error write_notify(struct client *c, uint8_t notify, int64_t deadline)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = {{NOTIFY_SUCCESS, "SUCCESS"}, {NOTIFY_FAILURE, "FAILURE"}, {NOTIFY_DELAY, "DELAY"}};
	if (notify & NOTIFY_NEVER) return put(c, SLICE(" NOTIFY=NEVER"), deadline);
	enum error e = put(c, SLICE(" NOTIFY="), deadline);
	bool first = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !e; i++) {
		if (!(notify & names[i].bit)) continue;
		if (!first) e = put(c, SLICE(","), deadline);
		if (!e) e = put(c, slice_str(names[i].name), deadline);
		first = false;
	}
	return e;
}

static enum error write_rcpt(struct client *c, const struct envelope_recipient *r, int64_t deadline)
{
	if (!sendable(r->address) || !sendable(r->orcpt)) return ERR_INVALID;
	c->stage = "RCPT";
	enum error e = put_parameter(c, SLICE("RCPT TO:<"), r->address, deadline);
	if (!e) e = put(c, SLICE(">"), deadline);
	if (!e && c->extensions.dsn && r->notify) e = write_notify(c, r->notify, deadline);
	if (!e && c->extensions.dsn && r->orcpt.n) e = put_parameter(c, SLICE(" ORCPT="), r->orcpt, deadline);
	if (!e) e = put(c, SLICE("\r\n"), deadline);
	return client_lose(c, e);
}

static enum error mail_answer(struct client *c, int64_t deadline, struct reply *out)
{
	c->stage = "MAIL";
	enum error e = read_answer(c, deadline, 2, out);
	if (!e && !reply_positive(out)) c->open = false;
	return e;
}

enum error client_mail(struct client *c, struct arena *a, const struct envelope *e, int64_t deadline, struct reply *out)
{
	memset(out, 0, sizeof(*out));
	c->arena = a;
	int64_t d = client_sooner(deadline, c->timeouts.command);
	enum error err = write_mail(c, e, d);
	return err ? err : mail_answer(c, d, out);
}

enum error client_rcpt(struct client *c, const struct envelope_recipient *r, int64_t deadline, struct reply *out)
{
	memset(out, 0, sizeof(*out));
	int64_t d = client_sooner(deadline, c->timeouts.command);
	enum error e = write_rcpt(c, r, d);
	if (!e) e = read_answer(c, d, 2, out);
	if (!e && reply_positive(out)) c->accepted++;
	return e;
}

static enum error data_answer(struct client *c, int64_t deadline, struct reply *out)
{
	c->stage = "DATA";
	enum error e = read_answer(c, deadline, 3, out);
	if (e || !reply_positive(out)) return e;
	if (out->code != 354) return client_lose(c, ERR_PROTOCOL);
	c->in_data = true;
	data_encoder_init(&c->encoder);
	return ERR_OK;
}

enum error client_data(struct client *c, int64_t deadline, struct reply *out)
{
	memset(out, 0, sizeof(*out));
	int64_t d = client_sooner(deadline, c->timeouts.data_start);
	c->stage = "DATA";
	enum error e = client_lose(c, put(c, SLICE("DATA\r\n"), d));
	return e ? e : data_answer(c, d, out);
}

/* RFC 2920 3.1: DATA went out ahead and nobody is left to receive. The server said 354 all the same: it gets an end without
 * content, whose answer concerns nobody. */
static enum error end_for_nobody(struct client *c, int64_t deadline)
{
	struct reply ignored;
	c->stage = "end of data";
	enum error e = client_lose(c, put(c, SLICE(".\r\n"), deadline));
	if (!e) e = read_answer(c, deadline, 2, &ignored);
	if (!e) c->in_data = c->open = false;
	return e;
}

static enum error envelope_in_turn(struct client *c, const struct envelope *e, bool want_data, int64_t deadline,
                                   struct reply *mail, struct reply *rcpts, struct reply *data)
{
	enum error err = client_mail(c, c->arena, e, deadline, mail);
	if (err || !reply_positive(mail)) return err;
	for (size_t i = 0; i < e->recipient_count; i++) {
		if (c->lost) {
			rcpts[i] = rcpts[i - 1];
			continue;
		}
		if ((err = client_rcpt(c, &e->recipients[i], deadline, &rcpts[i]))) return err;
	}
	if (c->lost || !want_data || !c->accepted) return ERR_OK;
	return client_data(c, deadline, data);
}

/* Reads the next of the answers to a batch; after a 421 the rest are copies of it, because the server has gone. */
static enum error batch_answer(struct client *c, int64_t deadline, int positive, const struct reply *farewell,
                               struct reply *out)
{
	if (farewell->code == 421) {
		*out = *farewell;
		return ERR_OK;
	}
	return read_answer(c, deadline, positive, out);
}

static enum error batch_data_answer(struct client *c, int64_t deadline, struct reply *farewell, struct reply *out)
{
	struct reply r;
	if (farewell->code == 421) {
		if (c->accepted) *out = *farewell;
		return ERR_OK;
	}
	enum error e = data_answer(c, client_sooner(deadline, c->timeouts.data_start), &r);
	if (e) return e;
	if (c->accepted) {
		*out = r;
		return ERR_OK;
	}
	return c->in_data ? end_for_nobody(c, client_sooner(deadline, c->timeouts.data_end)) : ERR_OK;
}

static enum error envelope_pipelined(struct client *c, const struct envelope *e, bool want_data, int64_t deadline,
                                     struct reply *mail, struct reply *rcpts, struct reply *data)
{
	struct reply farewell = {0};
	size_t sent = 0, n = e->recipient_count;
	enum error err = write_mail(c, e, client_sooner(deadline, c->timeouts.command));
	do {
		size_t from = sent, to = n - sent > PIPELINE_BATCH ? sent + PIPELINE_BATCH : n;
		int64_t d = client_sooner(deadline, c->timeouts.command);
		for (; sent < to && !err; sent++) err = write_rcpt(c, &e->recipients[sent], d);
		if (!err && sent == n && want_data) err = client_lose(c, put(c, SLICE("DATA\r\n"), d));
		if (!err && from == 0) {
			if (!(err = mail_answer(c, d, mail)) && mail->code == 421) farewell = *mail;
		}
		c->stage = "RCPT";
		for (size_t i = from; i < to && !err; i++) {
			d = client_sooner(deadline, c->timeouts.command);
			err = batch_answer(c, d, 2, &farewell, &rcpts[i]);
			if (!err && reply_positive(mail) && reply_positive(&rcpts[i])) c->accepted++;
			if (!err && rcpts[i].code == 421) farewell = rcpts[i];
		}
	} while (!err && sent < n && !c->lost && reply_positive(mail));
	for (size_t i = sent; i < n && !err && c->lost; i++) rcpts[i] = farewell;
	if (err || !want_data || sent < n) return err;
	return batch_data_answer(c, deadline, &farewell, data);
}

enum error client_envelope(struct client *c, struct arena *a, const struct envelope *e, bool want_data,
                           int64_t deadline, struct reply *mail_reply, struct reply *rcpt_replies,
                           struct reply *data_reply)
{
	memset(mail_reply, 0, sizeof(*mail_reply));
	memset(rcpt_replies, 0, e->recipient_count * sizeof(*rcpt_replies));
	memset(data_reply, 0, sizeof(*data_reply));
	c->arena = a;
	/* Checked before anything is sent: a command left out in the middle would shift the answers. */
	for (size_t i = 0; i < e->recipient_count; i++)
		if (!sendable(e->recipients[i].address) || !sendable(e->recipients[i].orcpt)) return ERR_INVALID;
	return c->extensions.pipelining
	               ? envelope_pipelined(c, e, want_data, deadline, mail_reply, rcpt_replies, data_reply)
	               : envelope_in_turn(c, e, want_data, deadline, mail_reply, rcpt_replies, data_reply);
}

/* ---- the content ---- */

/* The connection broke while we were sending. A server that refuses in the middle answers and closes; the answer may
 * already be here, and it says more than our error. */
static enum error last_words(struct client *c, enum error e)
{
	c->lost = true;
	if (e == ERR_CANCELLED || e == ERR_TIMEOUT || e == ERR_NO_MEMORY) return e;
	if (client_read_reply(c, c->arena, clock_deadline(CLIENT_LAST_WORDS_MS), &c->early) ||
	    reply_positive(&c->early)) {
		c->early.code = 0;
		return e;
	}
	return ERR_OK;
}

static enum error send_encoded(struct client *c, struct slice in, char *out, int64_t deadline)
{
	while (in.n && !c->lost) {
		struct slice piece = slice_sub(in, 0, PIECE);
		size_t n = data_encode(&c->encoder, piece, out);
		enum error e = put(c, slice_of(out, n), client_sooner(deadline, c->timeouts.data_block));
		if (e) return last_words(c, e);
		in = slice_sub(in, piece.n, in.n);
	}
	return ERR_OK;
}

static enum error send_file(struct client *c, const struct blob *body, uint64_t offset, char *buffer, char *encoded,
                            int64_t deadline)
{
	size_t got;
	enum error e;
	while (!(e = blob_read(body, offset, buffer, PIECE, &got)) && got) {
		if ((e = send_encoded(c, slice_of(buffer, got), encoded, deadline)) || c->lost) return e;
		offset += got;
	}
	/* A body that cannot be read must not end as a complete message: the connection has to go. */
	return client_lose(c, e);
}

enum error client_send(struct client *c, struct slice head, const struct blob *body, uint64_t offset, int64_t deadline)
{
	assert(c->magic == CLIENT_MAGIC && c->in_data);
	struct slice memory = body ? blob_in_memory(body) : SLICE_EMPTY;
	char *buffer = malloc(PIECE + 2 * PIECE + 8);
	if (!buffer) return client_lose(c, ERR_NO_MEMORY);
	c->stage = "DATA";
	enum error e = send_encoded(c, head, buffer + PIECE, deadline);
	if (!e && !c->lost && memory.p)
		e = send_encoded(c, slice_sub(memory, offset, memory.n), buffer + PIECE, deadline);
	else if (!e && !c->lost && body)
		e = send_file(c, body, offset, buffer, buffer + PIECE, deadline);
	free(buffer);
	return e;
}

enum error client_send_slice(struct client *c, struct slice head, struct slice body, int64_t deadline)
{
	assert(c->magic == CLIENT_MAGIC && c->in_data);
	char *buffer = malloc(2 * PIECE + 8);
	if (!buffer) return client_lose(c, ERR_NO_MEMORY);
	c->stage = "DATA";
	enum error e = send_encoded(c, head, buffer, deadline);
	if (!e && !c->lost) e = send_encoded(c, body, buffer, deadline);
	free(buffer);
	return e;
}

/* PRDR: 353, then one answer per accepted recipient in their order, then the one for all; a server to which all are alike may
 * give just that. */
static enum error prdr_answers(struct client *c, int64_t deadline, struct reply *out, struct reply *replies, size_t n)
{
	struct reply spare;
	enum error e = ERR_OK;
	for (size_t i = 0; i < c->accepted && !e; i++) {
		e = read_answer(c, client_sooner(deadline, c->timeouts.data_end), 2, i < n ? &replies[i] : &spare);
		if (!e && c->lost) { /* 421: this and the rest */
			if (i < n)
				*out = replies[i];
			else
				*out = spare;
			for (size_t k = i + 1; k < n; k++) replies[k] = *out;
			return ERR_OK;
		}
	}
	return e ? e : read_answer(c, client_sooner(deadline, c->timeouts.data_end), 2, out);
}

enum error client_end_data(struct client *c, int64_t deadline, struct reply *out, struct reply *prdr_replies,
                           size_t prdr_count)
{
	assert(c->magic == CLIENT_MAGIC && c->in_data);
	char end[8];
	memset(out, 0, sizeof(*out));
	c->stage = "end of data";
	if (c->early.code) {
		*out = c->early;
	} else {
		int64_t d = client_sooner(deadline, c->timeouts.data_end);
		enum error e = put(c, slice_of(end, data_encode_end(&c->encoder, end)), d);
		if (!e) e = stream_flush(c->stream, client_sooner(deadline, c->timeouts.data_block));
		if (e) e = last_words(c, e);
		if (e) return e;
		if (c->early.code)
			*out = c->early;
		else
			e = client_read_reply(c, c->arena, d, out);
		if (e) return e;
	}
	if (c->prdr && out->code == 353) {
		enum error e = prdr_answers(c, deadline, out, prdr_replies, prdr_replies ? prdr_count : 0);
		if (e) return e;
	} else {
		if (out->code / 100 == 3) return client_lose(c, ERR_PROTOCOL);
		for (size_t i = 0; prdr_replies && i < prdr_count; i++) prdr_replies[i] = *out;
	}
	c->in_data = c->open = false;
	return ERR_OK;
}

/* ---- the end ---- */

enum error client_reset(struct client *c, int64_t deadline)
{
	struct reply r;
	if (c->lost) return ERR_CLOSED;
	if (c->in_data) return client_lose(c, ERR_PROTOCOL);
	if (!c->open) return ERR_OK;
	c->stage = "RSET";
	int64_t d = client_sooner(deadline, c->timeouts.command);
	enum error e = client_lose(c, put(c, SLICE("RSET\r\n"), d));
	if (!e) e = read_answer(c, d, 2, &r);
	if (!e && !reply_positive(&r)) e = client_lose(c, ERR_PROTOCOL);
	if (!e) c->open = false;
	return e;
}

void client_close(struct client *c)
{
	struct reply ignored;
	struct arena scratch;
	if (!c->lost && !c->in_data) {
		int64_t deadline = clock_deadline(CLIENT_LAST_WORDS_MS);
		c->stage = "QUIT";
		arena_init(&scratch, CLIENT_SCRATCH);
		if (!put(c, SLICE("QUIT\r\n"), deadline)) client_read_reply(c, &scratch, deadline, &ignored);
		arena_free(&scratch);
	}
	client_free(c);
}

void client_free(struct client *c)
{
	if (!c) return;
	assert(c->magic == CLIENT_MAGIC);
	c->magic = 0;
	stream_free(c->stream);
	free(c);
}
