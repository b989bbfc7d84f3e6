/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit, passage - what the relay's policy knows of a session and of a transaction
 *
 * A visit is one client's session: who it is, what it has done so far. A passage is one mail transaction: its direction is decided
 * at MAIL by who sends it (a tenant's source with a return path of its own, or <>, sends out; all else comes
 * in), its fate at RCPT and at the end of data. Both belong to their worker's loop.
 */
#ifndef BACKSTOP_RELAY_VISIT_H
#define BACKSTOP_RELAY_VISIT_H

#include "relay/cutthrough.h"
#include "relay/trace.h"
#include "relay/worker.h"
#include "smtp/server.h"
#include "store/fingerprint.h"

struct visit {
	unsigned magic;
	struct worker *worker;
	struct setup *setup;
	struct blocklists *blocklists;
	struct session *session;
	struct visit *next, *previous;
	struct stream *stream; /* before the session has begun */
	struct ip client;
	bool counted;                    /* limits_leave() is due */
	uint32_t user_tenant;            /* tenant of the authenticated user; 0: none */
	int64_t unknown;                 /* unknown recipients so far */
	struct fingerprint *unconfirmed; /* of the last message answered 250; malloc'ed */
	size_t unconfirmed_count;
};

enum direction { INBOUND, OUTBOUND };

struct passage {
	struct visit *visit;
	struct session *session;
	struct transaction *transaction;
	struct tenants *tenants;     /* a reference, kept to the end */
	const struct tenant *source; /* tenant whose source the client is; NULL: a stranger */
	enum direction direction;
	struct address sender;      /* slices in the transaction's arena */
	struct slice sender_domain; /* canonical; empty for <> */
	bool verified;              /* the return path proved itself: a tenant's own, here */
	uint64_t id;
	const struct tenant *tenant; /* inbound: of the first recipient; outbound to a tenant: that tenant */
	bool external;               /* outbound: recipients are reached by MX or route, not a tenant's downstream */
	struct leg *legs;            /* inbound */
	int64_t began;               /* clock_now_ms() */
	const char *check;           /* which check of the policy refused last, for the log */
};

extern const struct server_policy relay_policy;

/* What a check says: REASON_ok to go on; a reason (with a detail) to refuse; or another server's reply to pass on. */
struct verdict {
	enum reason reason;
	struct slice detail;
	struct reply reply; /* code 0: made from the reason */
};

struct rcpt { /* one RCPT under judgement */
	const struct command *command;
	struct slice domain; /* canonical; a literal as it is */
	const struct tenant *tenant;
	bool ask_now; /* inbound: the downstream is asked before we answer */
};

/* inbound.c, outbound.c */
void inbound_rcpt_ask(struct passage *p, struct rcpt *r, struct verdict *v);
void inbound_message(struct passage *p, struct slice received, const struct trace_header *header, struct reply *out);
void inbound_end(struct passage *p);
void inbound_acknowledged(struct visit *v);
void outbound_message(struct passage *p, struct slice received, const struct trace_header *header, struct reply *out);
/* policy_log.c: the canonical lines */
void policy_log_refused(struct passage *p, struct visit *v, const char *stage, struct slice recipient,
                        const struct reply *reply);
void policy_log_message(struct passage *p, const char *result, const struct reply *reply, const char *server,
                        struct slice message_id);

#endif
