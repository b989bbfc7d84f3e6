/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/cutthrough.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metrics.h"

struct leg *leg_new(struct arena *a, struct downstreams *pool, const struct setup *setup, const struct tenant *t,
                    const struct envelope *e, bool prdr)
{
	struct leg *l = ARENA_NEW(a, struct leg);
	if (!l) return NULL;
	l->tenant = t;
	l->pool = pool;
	l->setup = setup;
	l->arena = a;
	l->prdr = prdr;
	l->envelope = *e;
	l->envelope.recipients = NULL;
	l->envelope.recipient_count = 0;
	l->why = SLICE_EMPTY;
	l->all_known = true;
	return l;
}

static int64_t command_deadline(const struct leg *l)
{
	return clock_deadline(l->setup->config->relay.downstream_command_timeout);
}

static void lost(struct leg *l, enum error e)
{
	struct client *c = l->connection.client;
	if (!c) return;
	l->why = arena_printf(l->arena, "%s: %s", client_stage(c), error_text(e));
	downstream_put(l->pool, &l->connection, false);
	l->open = false;
}

/* An answer of the downstream becomes ours, with three exceptions: 421 is about its connection, not ours; an answer that no
 * command has is its fault; and a client that was promised enhanced codes gets one. */
static void pass_on(struct leg *l, const struct reply *from, struct reply *out)
{
	*out = *from;
	if (from->code == 421) {
		out->code = 451;
	} else if (from->code < 200 || from->code > 599 || (from->code >= 300 && from->code < 400)) {
		reply_set_reason(l->arena, out, REASON_downstream_protocol, SLICE_EMPTY);
		return;
	}
	if (out->enhanced[0] != '0' + out->code / 100) out->enhanced[0] = 0; /* a class that contradicts the code */
	reply_complete_enhanced(out);
}

static bool get_connection(struct leg *l, bool fresh, struct reply *out)
{
	/* Connecting may take a host's whole connect timeout for each of several; the client waits for RCPT at most 5 minutes
	 * (RFC 5321 4.5.3.2.3). */
	int64_t deadline = clock_deadline(4 * 60 * 1000);
	enum error e = downstream_get(l->pool, l->setup, l->tenant, fresh, deadline, l->arena, &l->connection, &l->why);
	if (e == ERR_OK) {
		snprintf(l->server, sizeof l->server, "%s", downstream_name(l->connection.server));
		return true;
	}
	l->connection.client = NULL;
	reply_set_reason(l->arena, out, REASON_downstream_unavailable, SLICE_EMPTY);
	return false;
}

/* What the server's extensions forbid is refused before it is asked. */
static enum reason extension_problem(const struct leg *l)
{
	const struct client_extensions *x = client_extensions(l->connection.client);
	const struct envelope *e = &l->envelope;
	if (e->smtputf8 && !x->smtputf8) return REASON_needs_smtputf8;                  /* RFC 6531 3.5 */
	if (e->body == BODY_8BITMIME && !x->eightbitmime) return REASON_needs_8bitmime; /* RFC 6152 3 */
	if (x->max_size && e->size > x->max_size) return REASON_message_too_big;        /* RFC 1870 */
	return REASON_ok;
}

/* Connects and says MAIL. False: *out says why not. */
static bool begin(struct leg *l, bool fresh, struct reply *out)
{
	for (;; fresh = true) {
		if (!l->connection.client && !get_connection(l, fresh, out)) return false;
		enum reason problem = extension_problem(l);
		if (problem) {
			downstream_put(l->pool, &l->connection, true);
			reply_set_reason(l->arena, out, problem, SLICE_EMPTY);
			return false;
		}
		struct reply r = {0};
		client_set_prdr(l->connection.client, l->prdr);
		enum error e = client_mail(l->connection.client, l->arena, &l->envelope, command_deadline(l), &r);
		if (e == ERR_OK && reply_positive(&r)) {
			l->open = true;
			return true;
		}
		if (e == ERR_OK && r.code != 421) {
			pass_on(l, &r, out);
			downstream_put(l->pool, &l->connection, true);
			return false;
		}
		bool again = l->connection.reused && e != ERR_CANCELLED;
		lost(l, e ? e : ERR_CLOSED);
		if (!again) {
			reply_set_reason(l->arena, out, REASON_downstream_unavailable, SLICE_EMPTY);
			return false;
		}
	}
}

bool leg_add(struct leg *l, const struct envelope_recipient *r, size_t position)
{
	struct envelope *e = &l->envelope;
	if (e->recipient_count == l->room) {
		size_t room = l->room ? l->room * 4 : 4;
		struct envelope_recipient *more = arena_alloc(l->arena, room * sizeof *more);
		size_t *positions = arena_alloc(l->arena, room * sizeof *positions);
		if (!more || !positions) return false;
		if (l->room) {
			memcpy(more, e->recipients, l->room * sizeof *more);
			memcpy(positions, l->positions, l->room * sizeof *positions);
		}
		e->recipients = more;
		l->positions = positions;
		l->room = room;
	}
	struct envelope_recipient copy = {.address = arena_copy(l->arena, r->address),
	                                  .orcpt = arena_copy(l->arena, r->orcpt),
	                                  .notify = r->notify};
	if (!copy.address.p || !copy.orcpt.p) return false;
	e->recipients[e->recipient_count] = copy;
	l->positions[e->recipient_count++] = position;
	return true;
}

/* The transaction so far once more, on a new connection. All that was accepted must be accepted again. */
static bool replay(struct leg *l, struct reply *out)
{
	if (!begin(l, true, out)) return false;
	for (size_t i = 0; i < l->envelope.recipient_count; i++) {
		struct reply r = {0};
		enum error e = client_rcpt(l->connection.client, &l->envelope.recipients[i], command_deadline(l), &r);
		if (e == ERR_OK && reply_positive(&r)) continue;
		if (e)
			lost(l, e);
		else
			leg_close(l);
		reply_set_reason(l->arena, out, REASON_downstream_lost, SLICE_EMPTY);
		return false;
	}
	return true;
}

void leg_rcpt(struct leg *l, const struct envelope_recipient *r, size_t position, struct reply *out)
{
	struct reply answer = {0};
	bool was_open = l->open;
	if (!l->open && !(l->envelope.recipient_count ? replay(l, out) : begin(l, false, out))) return;
	enum error e = client_rcpt(l->connection.client, r, command_deadline(l), &answer);
	if ((e && e != ERR_CANCELLED && e != ERR_TIMEOUT) || (!e && answer.code == 421 && was_open)) {
		lost(l, e ? e : ERR_CLOSED);
		if (!replay(l, out)) return;
		e = client_rcpt(l->connection.client, r, command_deadline(l), &answer);
	}
	if (e) {
		lost(l, e);
		reply_set_reason(l->arena, out, REASON_downstream_lost, SLICE_EMPTY);
		return;
	}
	pass_on(l, &answer, out);
	if (!reply_positive(out)) return;
	if (leg_add(l, r, position))
		out->code = 0; /* the ordinary positive answer: the other server's wording of it says nothing */
	else
		reply_set_reason(l->arena, out, REASON_no_memory, SLICE_EMPTY);
}

bool leg_speaks_dsn(const struct leg *l)
{
	return l->connection.client && client_extensions(l->connection.client)->dsn;
}

void leg_drop(struct leg *l, size_t index)
{
	struct envelope *e = &l->envelope;
	leg_close(l);
	e->recipient_count--;
	for (size_t i = index; i < e->recipient_count; i++) {
		e->recipients[i] = e->recipients[i + 1];
		l->positions[i] = l->positions[i + 1];
	}
}

void leg_close(struct leg *l)
{
	if (!l->connection.client) return;
	bool healthy = true;
	if (l->open) healthy = client_reset(l->connection.client, command_deadline(l)) == ERR_OK;
	l->open = false;
	downstream_put(l->pool, &l->connection, healthy);
}

/* Asks for everything at once: nothing was asked before, or the connection is a new one. */
static bool ask_all(struct leg *l, struct reply *out, size_t *refused)
{
	size_t n = l->envelope.recipient_count;
	struct reply mail = {0}, *rcpt = arena_zalloc(l->arena, n * sizeof *rcpt);
	if (!rcpt) {
		reply_set_reason(l->arena, out, REASON_no_memory, SLICE_EMPTY);
		return false;
	}
	for (bool fresh = false;; fresh = true) {
		if (!l->connection.client && !get_connection(l, fresh, out)) return false;
		enum reason problem = extension_problem(l);
		if (problem) {
			leg_close(l);
			reply_set_reason(l->arena, out, problem, SLICE_EMPTY);
			return false;
		}
		client_set_prdr(l->connection.client, l->prdr);
		struct reply none = {0};
		enum error e = client_envelope(l->connection.client, l->arena, &l->envelope, false, command_deadline(l),
		                               &mail, rcpt, &none);
		bool again = l->connection.reused && e != ERR_CANCELLED && !fresh;
		if (e == ERR_OK && mail.code != 421) break;
		lost(l, e ? e : ERR_CLOSED);
		if (!again) {
			reply_set_reason(l->arena, out, REASON_downstream_unavailable, SLICE_EMPTY);
			return false;
		}
	}
	l->open = true;
	if (!reply_positive(&mail)) {
		pass_on(l, &mail, out);
		leg_close(l);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (reply_positive(&rcpt[i])) continue;
		*refused = i;
		pass_on(l, &rcpt[i], out);
		leg_close(l);
		return false;
	}
	return true;
}

/* DATA → 354. A connection that was lost before is replaced once. */
static bool start_data(struct leg *l, struct reply *out, size_t *refused)
{
	for (int attempt = 0;; attempt++) {
		struct reply go = {0};
		if (!l->open && !ask_all(l, out, refused)) return false;
		enum error e = client_data(l->connection.client, command_deadline(l), &go);
		if (e == ERR_OK && go.code == 354) return true;
		if (e == ERR_OK && go.code != 421) {
			pass_on(l, &go, out);
			leg_close(l);
			return false;
		}
		lost(l, e ? e : ERR_CLOSED);
		if (e == ERR_CANCELLED || attempt) break;
	}
	reply_set_reason(l->arena, out, REASON_downstream_lost, SLICE_EMPTY);
	return false;
}

bool leg_message(struct leg *l, struct slice head, const struct blob *body, uint64_t offset, struct reply *out,
                 struct reply *replies, size_t *refused)
{
	size_t n = l->envelope.recipient_count;
	struct reply final = {0};
	*refused = n;
	if (l->open && extension_problem(l)) {
		enum reason problem =
			extension_problem(l); /* the content turned out to be 8 bit, or larger than declared */
		leg_close(l);
		reply_set_reason(l->arena, out, problem, SLICE_EMPTY);
		return false;
	}
	if (!start_data(l, out, refused)) return false;
	struct client *c = l->connection.client;
	bool each = client_prdr(c);
	int64_t deadline = clock_deadline(l->setup->config->relay.data_time_limit);
	enum error e = client_send(c, head, body, offset, deadline);
	if (!e)
		e = client_end_data(c, clock_deadline(l->setup->config->relay.downstream_data_timeout), &final,
		                    each ? replies : NULL, n);
	if (e) {
		lost(l, e);
		reply_set_reason(l->arena, out, REASON_downstream_lost, SLICE_EMPTY);
		return false;
	}
	l->open = false;
	pass_on(l, &final, out);
	bool some = false;
	for (size_t i = 0; i < n; i++) {
		struct reply own = each && replies[i].code ? replies[i] : final;
		pass_on(l, &own, &replies[i]);
		some = some || reply_positive(&replies[i]);
	}
	if (some) metric_add(METRIC_cutthrough_messages, 1);
	downstream_put(l->pool, &l->connection, true);
	return true;
}
