/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay's policy at each stage of a session (smtp/server.h calls it). What is checked at RCPT is a table for each direction, run
 * from top to bottom until one row refuses; the order is the design's: cheap before dear, ours before the downstream's.
 */
#include <crypt.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mail/address.h"
#include "relay/accuse.h"
#include "relay/answers.h"
#include "relay/client_limits.h"
#include "relay/learning.h"
#include "relay/refusals.h"
#include "relay/reported.h"
#include "relay/traps.h"
#include "relay/visit.h"
#include "store/directory.h"
#include "store/spool.h"

#define WORK_MOST (1024 * 1024) /* and four headers */

/* ---- MAIL -------------------------------------------------------------------------------------------------------------- */

static const struct tenant *source_tenant(struct visit *v, const struct tenants *tenants)
{
	char certificate[65];
	const struct tenant *t = NULL;
	if (v->user_tenant) t = tenants_by_id(tenants, v->user_tenant);
	if (!t && stream_peer_fingerprint(v->session->stream, certificate))
		t = tenants_by_certificate(tenants, certificate);
	if (!t) t = tenants_by_source(tenants, &v->client);
	return t && t->enabled ? t : NULL;
}

static bool sends_as_itself(const struct passage *p)
{
	if (!p->source) return false;
	return p->sender.null || (p->sender_domain.n && tenant_owns(p->source, p->sender_domain));
}

static struct passage *passage_new(struct visit *v, struct transaction *t, const struct command *c)
{
	struct passage *p = ARENA_NEW(&t->arena, struct passage);
	if (!p) return NULL;
	p->visit = v;
	p->session = v->session;
	p->transaction = t;
	p->began = clock_now_ms();
	p->id = spool_new_id(clock_unix_ms());
	p->sender = c->path;
	p->sender.text = t->envelope.return_path;
	p->sender.local = arena_copy(&t->arena, c->path.local);
	p->sender.domain = arena_copy(&t->arena, c->path.domain);
	p->sender_domain = c->path.null || c->path.literal ? SLICE_EMPTY : domain_canonical(&t->arena, c->path.domain);
	if (arena_exhausted(&t->arena)) return NULL;
	arena_init(&p->work, WORK_MOST + 4 * (size_t)v->setup->config->relay.header_size_limit);
	p->tenants = worker_tenants(v->worker);
	p->keys = worker_keyring(v->worker);
	p->ending = (struct ending){.result = LEDGER_abandoned, .message_id = SLICE_EMPTY, .handed_on = SLICE_EMPTY};
	t->policy = p;
	return p;
}

/* A tag of ours in the return path of mail from outside: it was sent by a tenant, and somebody passed it on. */
static bool sender_is_tagged(struct passage *p)
{
	size_t count;
	struct slice untagged;
	const struct tenant *t = p->sender_domain.n ? tenants_by_domain(p->tenants, p->sender_domain) : NULL;
	if (!t) return false;
	int64_t now = clock_unix();
	const struct batv_key *keys = keyring_batv_keys(p->keys, t->id, now, &count);
	return count && batv_verify_within(&p->transaction->arena, p->sender.text, keys, count, t->plus, now,
	                                   BATV_DAYS + 1, &untagged) == BATV_VALID;
}

static void begin_proving(struct passage *p, struct visit *v)
{
	struct slice helo = arena_copy(&p->transaction->arena, v->session->helo);
	proving_begin(&p->proving, v->setup, v->worker->relay->resolver, &v->client,
	              p->transaction->envelope.return_path, p->sender_domain, helo.p ? helo : SLICE_EMPTY,
	              sender_is_tagged(p));
	p->proves = true;
}

static void refuse_mail(struct passage *p, struct visit *v, struct session *s, enum reason reason, struct slice detail,
                        struct reply *out)
{
	reply_set_reason(&s->command_arena, out, reason, detail);
	if (p) p->ending.code = (uint16_t)out->code;
	if (p) p->ending.reason = reason;
	policy_log_refused(p, v, "MAIL", SLICE_EMPTY, out);
}

static void policy_mail(struct session *s, struct transaction *t, const struct command *c, struct reply *out)
{
	struct visit *v = s->policy;
	struct blocklist_hit hit;
	struct passage *p = passage_new(v, t, c);
	if (!p || !p->tenants) {
		refuse_mail(p, v, s, p ? REASON_storage_failed : REASON_no_memory, SLICE_EMPTY, out);
		return;
	}
	p->source = source_tenant(v, p->tenants);
	enum reason r =
		p->source ? REASON_ok
			  : limits_message(v->worker->relay->limits, v->setup->config, &v->client, clock_now_ms());
	if (r) {
		refuse_mail(p, v, s, r, SLICE_EMPTY, out);
		s->closing = true;
		return;
	}
	if (sends_as_itself(p)) {
		p->direction = OUTBOUND;
		p->proof = PROOF_source; /* the tenant proved itself by its source, certificate or password */
		return;
	}
	bool suspicious = c->path.null || address_is_postmaster(&c->path);
	r = p->source ? REASON_ok : blocklists_ask(v->blocklists, &v->client, suspicious, &s->command_arena, &hit);
	if (!r) {
		begin_proving(p, v);
		return;
	}
	struct slice detail =
		arena_printf(&t->arena, "%s%s%.*s", hit.list, hit.text.n ? ": " : "", SLICE_ARG(hit.text));
	if (r == REASON_listed) passage_expose(p, false);
	if (r == REASON_listed_safe_mode) metric_add(METRIC_safe_mode_refused, 1);
	if (r == REASON_listed_safe_mode && traps_any(v->setup->config))
		reply_set_reason(&t->arena, &p->listed, r, detail);
	else
		refuse_mail(p, v, s, r, detail, out);
}

/* ---- RCPT -------------------------------------------------------------------------------------------------------------- */

static void check_domain(struct passage *p, struct rcpt *r, struct verdict *v)
{
	const struct address *a = &r->command->path;
	struct arena *arena = &p->session->command_arena;
	if (a->domain.n == 0) { /* RFC 5321 4.5.1: <postmaster> alone is ours; it goes to whoever has our host name */
		struct slice host = slice_str(p->session->settings->hostname);
		r->domain = domain_canonical(arena, host);
	} else {
		r->domain = a->literal ? arena_copy(arena, a->domain) : domain_canonical(arena, a->domain);
	}
	if (!r->domain.p) {
		v->reason = arena_exhausted(arena) ? REASON_no_memory : REASON_bad_address;
		return;
	}
	r->local = a->local;
	r->address = a->domain.n ? a->text : arena_printf(arena, "postmaster@%.*s", SLICE_ARG(r->domain));
	if (!r->address.p) v->reason = REASON_no_memory;
	r->tenant = a->literal ? NULL : tenants_by_domain(p->tenants, r->domain);
	if (r->tenant && !r->tenant->enabled) v->reason = REASON_tenant_disabled;
}

/* Not an open relay: a stranger reaches tenants' domains only, a tenant sends only as itself. */
static void check_may_relay(struct passage *p, struct rcpt *r, struct verdict *v)
{
	if (p->direction == OUTBOUND || r->tenant) return;
	metric_add(METRIC_relay_denied, 1);
	if (p->source)
		v->reason = REASON_not_your_domain;
	else if (r->command->path.domain.n == 0)
		v->reason = REASON_unknown_domain;
	else
		v->reason = REASON_relay_denied;
}

/* user%other@ours and the like: we would not follow it, but the server behind us might. */
static void check_trick(struct passage *p, struct rcpt *r, struct verdict *v)
{
	(void)p;
	if (r->tenant && address_is_relay_trick(&r->command->path)) v->reason = REASON_relay_trick;
}

/* Who is listed is heard out as far as to a trap: a listing that kept its own evidence away would end while its cause goes on. */
static void check_listed(struct passage *p, struct rcpt *r, struct verdict *v)
{
	(void)r;
	v->reply = p->listed;
}

static void check_null_sender(struct passage *p, struct rcpt *r, struct verdict *v)
{
	(void)r;
	if (p->sender.null && p->transaction->envelope.recipient_count > 0) v->reason = REASON_null_many_recipients;
}

static void check_directory(struct passage *p, struct rcpt *r, struct verdict *v)
{
	if (!r->tenant) return;
	struct visit *visit = p->visit;
	enum directory_answer d = directory_lookup(visit->worker->relay->state, r->tenant, r->local, r->domain, NULL);
	r->known = d == DIRECTORY_KNOWN;
	if (d == DIRECTORY_KNOWN || d == DIRECTORY_ASK) {
		r->ask_now = d == DIRECTORY_ASK || r->tenant->ask == ASK_AT_RCPT;
		return;
	}
	metric_add(METRIC_directory_unknown, 1);
	int64_t limit = visit->setup->config->relay.session_unknown_limit;
	v->reason = REASON_unknown_recipient;
	if (p->source || limit <= 0 || ++visit->unknown <= limit) return;
	v->reason = REASON_too_many_unknown; /* somebody harvests addresses */
	p->session->closing = true;
}

static void check_refused_before(struct passage *p, struct rcpt *r, struct verdict *v)
{
	if (r->tenant && !r->ask_now)
		refusals_find(r->tenant->id, r->address, clock_now_ms(), &p->session->command_arena, &v->reply);
}

/* What comes to a contained return path is kept by itself. */
static void check_alone(struct passage *p, struct rcpt *r, struct verdict *v)
{
	(void)r;
	if (p->contained) v->reason = REASON_other_downstream;
}

/* Outbound, a transaction is stored as one message with one way to go: out, or to one tenant's own servers. */
static void check_one_way(struct passage *p, struct rcpt *r, struct verdict *v)
{
	bool external = r->tenant == NULL;
	if (r->command->path.domain.n == 0 && external) {
		v->reason = REASON_unknown_domain;
	} else if (p->transaction->envelope.recipient_count == 0) {
		p->external = external;
		p->tenant = r->tenant;
	} else if (p->external != external || p->tenant != r->tenant) {
		v->reason = REASON_other_downstream;
	}
}

struct check {
	const char *name;
	void (*run)(struct passage *, struct rcpt *, struct verdict *);
};

/* clang-format off */
static const struct check inbound_checks[] = {
	{"domain", check_domain},
	{"trap", check_trap},
	{"listed", check_listed},
	{"report", check_report},
	{"contained", check_contained},
	{"alone", check_alone},
	{"may relay", check_may_relay},
	{"trick", check_trick},
	{"null sender", check_null_sender},
	{"tag", check_tag},
	{"directory", check_directory},
	{"learned", check_learned},
	{"refused before", check_refused_before},
	{"downstream", inbound_rcpt_ask},
};
static const struct check outbound_checks[] = {
	{"domain", check_domain},
	{"report", check_report},
	{"contained", check_contained},
	{"alone", check_alone},
	{"trick", check_trick},
	{"tag", check_tag},
	{"directory", check_directory},
	{"learned", check_learned},
	{"one way", check_one_way},
};
/* clang-format on */

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void count_refusal(const struct reply *out)
{
	metric_add(reply_permanent(out) ? METRIC_smtp_rejected_recipients : METRIC_smtp_deferred_recipients, 1);
}

struct slice passage_address(const struct passage *p, size_t position)
{
	if (position < p->address_room && p->addresses[position].p) return p->addresses[position];
	return p->transaction->envelope.recipients[position].address;
}

/* Keeps what an accepted recipient is called without its tag. False: no memory. */
static bool keep_address(struct passage *p, const struct rcpt *r)
{
	struct arena *a = &p->transaction->arena;
	size_t position = p->transaction->envelope.recipient_count;
	bool same = slice_equal(r->address, r->command->path.text);
	if (position >= p->address_room) {
		if (same) return true;
		size_t room = 2 * position + 4;
		struct slice *more = arena_zalloc(a, room * sizeof *more);
		if (!more) return false;
		if (p->address_room) memcpy(more, p->addresses, p->address_room * sizeof *more);
		p->addresses = more;
		p->address_room = room;
	}
	p->addresses[position] = same ? (struct slice){NULL, 0} : arena_copy(a, r->address);
	return same || p->addresses[position].p;
}

static void policy_rcpt(struct session *s, struct transaction *t, const struct command *c, struct reply *out)
{
	struct passage *p = t->policy;
	bool in = p->direction == INBOUND;
	const struct check *checks = in ? inbound_checks : outbound_checks;
	size_t n = in ? COUNT_OF(inbound_checks) : COUNT_OF(outbound_checks);
	struct rcpt r = {.command = c};
	struct verdict v = {.reason = REASON_ok, .detail = SLICE_EMPTY};
	for (size_t i = 0; i < n && !v.reason && !v.reply.code && !v.done; i++) {
		p->check = checks[i].name;
		checks[i].run(p, &r, &v);
	}
	if (!v.reason && !v.reply.code && !keep_address(p, &r)) v.reason = REASON_no_memory;
	if (!v.reason && !v.reply.code) return;
	if (v.reason)
		reply_set_reason(&s->command_arena, out, v.reason, v.detail);
	else
		*out = v.reply;
	if (reply_positive(out)) return;
	count_refusal(out);
	p->ending.code = (uint16_t)out->code; /* should no recipient be left */
	p->ending.reason = out->reason;
	p->ending.refused = arena_copy(&t->arena, r.address.p ? r.address : c->path.text);
	if (t->envelope.recipient_count == 0) p->tenant = r.tenant;
	policy_log_refused(p, s->policy, "RCPT", c->path.text, out);
}

/* ---- the message --------------------------------------------------------------------------------------------------------- */

static void policy_data(struct session *s, struct transaction *t, struct reply *out)
{
	struct passage *p = t->policy;
	(void)s;
	(void)out;
	p->data_asked = true;
}

/* What a source sends besides backscatter is weighed against it; that it only tried keeps it out of zone any., too. */
static void count_exposure(struct passage *p, const struct trace_header *header, bool taken)
{
	if (!p->answer && !answers_is_marked(&p->sender, header->text)) passage_expose(p, taken);
}

static void policy_message(struct session *s, struct transaction *t, struct reply *out)
{
	struct passage *p = t->policy;
	const struct config *c = p->visit->setup->config;
	struct trace_header header;
	enum reason r = trace_read_header(&p->work, &t->body, c->relay.header_size_limit, c->relay.hop_limit, &header);
	p->ending.several_ids = header.several_ids;
	if (r) {
		reply_set_reason(&s->command_arena, out, r, SLICE_EMPTY);
		if (t->rcpt_replies)
			for (size_t i = 0; i < t->envelope.recipient_count; i++) t->rcpt_replies[i] = *out;
		policy_log_message(p, reply_permanent(out) ? LEDGER_refused : LEDGER_deferred, out, NULL,
		                   header.message_id);
	} else if (p->report) {
		report_message(p, &header, out);
	} else if (p->trap) {
		trap_message(p, &header, out);
	} else if (p->contained) {
		contained_message(p, &header, out);
	} else if (p->direction == OUTBOUND) {
		outbound_message(p, &header, out);
	} else {
		inbound_message(p, &header, out);
		if (out->code) count_exposure(p, &header, reply_positive(out));
	}
	if (out->code && !reply_positive(out))
		metric_add(reply_permanent(out) ? METRIC_smtp_rejected_messages : METRIC_smtp_deferred_messages, 1);
}

static void policy_end(struct session *s, struct transaction *t)
{
	(void)s;
	struct passage *p = t->policy;
	if (!p) return;
	inbound_end(p);
	if (!t->envelope.recipient_count && p->ending.refused.n && p->direction == INBOUND) passage_expose(p, false);
	accuse_untagged(p);
	trap_end(p);
	if (!p->remembered) passage_remember(p);
	if (p->proves) proving_end(&p->proving);
	arena_free(&p->work);
	keyring_unref(p->keys);
	tenants_unref(p->tenants);
	t->policy = NULL;
}

static void policy_acknowledged(struct session *s)
{
	inbound_acknowledged(s->policy);
}

static void policy_refused(struct session *s, const char *stage, const struct reply *reply)
{
	struct passage *p = s->transaction ? s->transaction->policy : NULL;
	if (reply->code == 452 || reply->reason == REASON_too_busy) metric_add(METRIC_out_of_resources, 1);
	if (p && reply->reason == REASON_no_recipients) p->data_asked = true;
	if (p && reply->code == 421) p->cut_off = true;
	policy_log_refused(p, s->policy, stage, SLICE_EMPTY, reply);
}

/* ---- AUTH ---------------------------------------------------------------------------------------------------------------- */

struct password_check {
	const char *password, *hash;
	bool good;
};

static void check_password(void *arg)
{
	struct password_check *c = arg;
	struct crypt_data *data = calloc(1, sizeof *data);
	const char *got = data ? crypt_r(c->password, c->hash, data) : NULL;
	size_t n = strlen(c->hash);
	if (got && strlen(got) == n) {
		unsigned char different = 0;
		for (size_t i = 0; i < n; i++) different |= (unsigned char)(got[i] ^ c->hash[i]);
		c->good = different == 0 && got[0] != '*';
	}
	free(data);
}

static bool policy_authenticate(struct session *s, struct slice user, struct slice password)
{
	struct visit *v = s->policy;
	/* A user that does not exist costs the same time as one that does. */
	static const char nobody[] = "$y$j9T$GDY.OpvbMzvfL3d5D5nbz0$HPmWrY.geqoUWVTqloq23skaKaE2xP.goTslNaHzTm3";
	const struct tenant_user *account = NULL;
	struct tenants *tenants = worker_tenants(v->worker);
	const struct tenant *t = tenants ? tenants_by_user(tenants, user, &account) : NULL;
	struct password_check check = {.password = arena_strdup(&s->command_arena, password),
	                               .hash = t ? account->password_hash : nobody};
	if (check.password) fiber_offload(check_password, &check);
	bool good = t && t->enabled && check.good && !memchr(password.p, '\0', password.n);
	if (good) v->user_tenant = t->id;
	tenants_unref(tenants);
	return good;
}

const struct server_policy relay_policy = {
	.mail = policy_mail,
	.rcpt = policy_rcpt,
	.data = policy_data,
	.message = policy_message,
	.end = policy_end,
	.acknowledged = policy_acknowledged,
	.authenticate = policy_authenticate,
	.refused = policy_refused,
};
