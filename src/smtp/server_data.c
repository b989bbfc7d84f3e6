/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030). Content goes through the decoder into the transaction's blob. What makes a message
 * unacceptable (too big, bare CR or LF, a full disk) is remembered while the rest is read and thrown away, and answered once
 * at its end; a sender that goes on long beyond the limit is cut off.
 */
#include "base/metrics.h"
#include "smtp/server_internal.h"

/* One a thread: nothing waits between decoding and appending. */
static _Thread_local char decoded[STREAM_BUFFER + 8];

enum reason server_storage_reason(enum error e)
{
	if (e == ERR_NO_SPACE || e == ERR_READ_ONLY) return REASON_no_space;
	if (e == ERR_NO_MEMORY || e == ERR_NO_FILES) return REASON_no_memory;
	return REASON_storage_failed;
}

static enum reason content_problem(const struct session *s)
{
	const struct transaction *t = s->transaction;
	if (t->body.error == ERR_LIMIT) return REASON_message_too_big;
	if (t->body.error) return server_storage_reason(t->body.error);
	if (t->facts.bare_cr || t->facts.bare_lf) return REASON_bare_line_ending;
	return REASON_ok;
}

/* How many octets of a message that is too big anyway are read, so that its sender hears why. */
static uint64_t patience(const struct session *s)
{
	return 2 * s->settings->message_size_limit + 64 * STREAM_BUFFER;
}

static void append(struct session *s, struct slice content)
{
	struct transaction *t = s->transaction;
	if (t->body.error || !content.n) return;
	if (content.n > s->settings->message_size_limit - t->body.size) {
		t->body.error = ERR_LIMIT; /* RFC 1870 6.3: refuse when the end has come */
		return;
	}
	blob_append(&t->body, content);
}

/* The answers to a complete message: with PRDR one for each recipient first. */
static void answer(struct session *s, struct reply *out)
{
	struct transaction *t = s->transaction;
	bool positive = reply_positive(out);
	if (t->prdr && t->rcpt_replies) {
		server_reply_code(s, 353, "", "answers for each recipient follow");
		positive = false;
		for (size_t i = 0; i < t->envelope.recipient_count; i++) {
			server_reply(s, &t->rcpt_replies[i]);
			positive = positive || reply_positive(&t->rcpt_replies[i]);
		}
	}
	server_reply(s, out);
	s->unacknowledged = positive;
	server_transaction_free(s);
}

static void message_complete(struct session *s)
{
	struct transaction *t = s->transaction;
	struct reply out = {0};
	s->messages++;
	metric_add(METRIC_smtp_bytes, (int64_t)t->body.size);
	t->envelope.size = t->body.size;
	if (t->facts.eight_bit) t->envelope.body = BODY_8BITMIME;
	if (t->prdr) {
		size_t n = t->envelope.recipient_count;
		t->rcpt_replies = arena_zalloc(&t->arena, n * sizeof *t->rcpt_replies);
	}
	enum reason problem = content_problem(s);
	if (t->prdr && !t->rcpt_replies) problem = REASON_no_memory;
	if (problem) {
		reply_set_reason(&s->command_arena, &out, problem, SLICE_EMPTY);
		if (s->policy_table->refused) s->policy_table->refused(s, "end of data", &out);
		t->rcpt_replies = NULL; /* one answer for all */
	} else {
		s->policy_table->message(s, t, &out);
		if (!out.code) reply_set(&s->command_arena, &out, 250, "2.0.0", SLICE("ok"));
	}
	answer(s, &out);
}

static bool may_begin(struct session *s, const char *stage)
{
	struct transaction *t = s->transaction;
	struct reply out = {0};
	if (!t || t->envelope.recipient_count == 0) {
		server_refuse(s, stage, REASON_no_recipients, SLICE_EMPTY); /* RFC 5321 3.3, RFC 2920 3.1 */
		return false;
	}
	if (s->policy_table->data) s->policy_table->data(s, t, &out);
	if (!out.code || reply_positive(&out)) return true;
	server_reply(s, &out);
	return false;
}

/* Takes what is buffered; true when the final dot was found. */
static bool take_data(struct session *s)
{
	struct transaction *t = s->transaction;
	struct slice in = stream_buffered(s->stream);
	size_t n = 0, used = data_decode(&t->facts, in, decoded, &n);
	append(s, slice_of(decoded, n));
	stream_consume(s->stream, used);
	return t->facts.done;
}

void server_command_data(struct session *s)
{
	if (!may_begin(s, "DATA")) return;
	server_reply_code(s, 354, "", "end with <CRLF>.<CRLF>");
	int64_t total = server_deadline(s, s->settings->data_time_limit);
	uint64_t thrown_away = 0;
	while (!take_data(s)) {
		if (s->transaction->body.error == ERR_LIMIT) thrown_away += STREAM_BUFFER;
		if (thrown_away > patience(s)) {
			server_refuse(s, "DATA", REASON_message_too_big, SLICE_EMPTY);
			s->closing = true;
			return;
		}
		int64_t deadline = server_deadline(s, s->settings->data_timeout);
		enum error e = stream_fill(s->stream, deadline < total ? deadline : total);
		if (e) {
			server_lost(s, e); /* half-sent: RFC 5321 4.1.1.4, nothing was accepted */
			return;
		}
	}
	message_complete(s);
}

static enum error take_chunk(struct session *s, uint64_t size, bool keep)
{
	int64_t total = server_deadline(s, s->settings->data_time_limit);
	while (size) {
		struct slice in = stream_buffered(s->stream);
		if (!in.n) {
			int64_t deadline = server_deadline(s, s->settings->data_timeout);
			enum error e = stream_fill(s->stream, deadline < total ? deadline : total);
			if (e) return e;
			continue;
		}
		if (in.n > size) in.n = size;
		if (keep) {
			data_scan(&s->transaction->facts, in);
			append(s, in);
		}
		size -= in.n;
		stream_consume(s->stream, in.n);
	}
	return ERR_OK;
}

void server_command_bdat(struct session *s, const struct command *c)
{
	struct transaction *t = s->transaction;
	bool allowed = (verb_states(VERB_BDAT) & s->state) && !s->chunks_failed;
	if (c->chunk_size > patience(s)) {
		server_refuse(s, "BDAT", REASON_message_too_big, SLICE_EMPTY); /* not worth reading to its end */
		s->closing = true;
		return;
	}
	bool keep = allowed && t && t->envelope.recipient_count > 0;
	enum error e = take_chunk(s, c->chunk_size, keep); /* RFC 3030 2: the octets come whatever we answer */
	if (e) {
		server_lost(s, e);
		return;
	}
	if (!allowed) {
		server_refuse(s, "BDAT", REASON_bad_sequence, SLICE("MAIL and an accepted RCPT must come first"));
		return;
	}
	if (s->state != STATE_BDAT) {
		if (!may_begin(s, "BDAT")) {
			s->chunks_failed = true;
			return;
		}
		s->state = STATE_BDAT;
		t->chunked = true;
	}
	if (c->chunk_last) {
		data_scan_end(&t->facts);
		message_complete(s);
	} else if (t->body.error) {
		struct reply out = {0};
		reply_set_reason(&s->command_arena, &out, content_problem(s), SLICE_EMPTY);
		server_reply(s, &out);
		s->chunks_failed = true;
	} else {
		server_reply_code(s, 250, "2.0.0", "chunk taken");
	}
}
