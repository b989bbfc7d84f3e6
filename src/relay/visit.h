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

#include "relay/authors.h"
#include "relay/cutthrough.h"
#include "relay/keyring.h"
#include "relay/proving.h"
#include "relay/trace.h"
#include "relay/worker.h"
#include "smtp/server.h"
#include "store/fingerprint.h"
#include "store/ledger.h"

struct classified;

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
	struct arena work;       /* for what is made of the header; freed at the end */
	struct tenants *tenants; /* references, kept to the end */
	struct keyring *keys;
	const struct tenant *source; /* tenant whose source the client is; NULL: a stranger */
	enum direction direction;
	struct address sender;      /* slices in the transaction's arena */
	struct slice sender_domain; /* canonical; empty for <> */
	enum proof proof;           /* how the return path proved itself; inbound: known when the message is here */
	bool proves;                /* `proving` has begun: inbound only */
	struct proving proving;
	uint64_t id;
	const struct tenant *tenant;         /* inbound: of the first recipient; outbound to a tenant: that tenant */
	const struct classified *classified; /* what it is, while it is here; NULL: it was not looked at */
	bool external;           /* outbound: recipients are reached by MX or route, not a tenant's downstream */
	struct leg *legs;        /* inbound */
	enum reason noted;       /* what would have been refused, were the tenant not learning; REASON_ok: nothing */
	bool remembered;         /* the ledger has it */
	bool stored;             /* a message with its id is in the spool */
	bool contained;          /* its one recipient is a return path that we gave out (contain.h) */
	struct reply listed;     /* safe mode's refusal, where it waits for RCPT; code 0: none */
	bool trap;               /* its recipients are traps (traps.h) */
	bool report;             /* it is a report of backscatter (reported.h) */
	bool answer;             /* inbound: a program's answer, by its marks or class */
	bool data_asked;         /* the client went on to DATA, whatever we said to its recipients */
	bool cut_off;            /* we ended the session */
	struct slice untagged;   /* a bounce's recipient that lacked its tag; empty: none */
	struct slice *addresses; /* by position: a recipient without its tag; {NULL,0}: as in the envelope */
	size_t address_room;
	int64_t began;     /* clock_now_ms() */
	const char *check; /* which check of the policy refused last, for the log */
	struct ending {
		uint8_t result; /* LEDGER_ */
		uint16_t code;
		enum reason reason; /* of a refusal, or p->noted */
		const char *server;
		struct slice message_id, handed_on;
		bool several_ids;       /* of Message-ID fields */
		struct authors authors; /* inbound */
		struct slice refused;   /* the recipient that was refused last */
	} ending;                       /* what became of it, for the ledger; in the transaction's arena */
};

extern const struct server_policy relay_policy;

/* What a check says: REASON_ok to go on; a reason (with a detail) to refuse; or another server's reply to pass on. */
struct verdict {
	enum reason reason;
	struct slice detail;
	struct reply reply; /* code 0: made from the reason */
	bool done;          /* accepted: the rows that follow are not for it */
};

struct rcpt { /* one RCPT under judgement */
	const struct command *command;
	struct slice domain;  /* canonical; a literal as it is */
	struct slice local;   /* unquoted, without a tag */
	struct slice address; /* as it is handed on: without a tag */
	const struct tenant *tenant;
	bool known;   /* it is in its tenant's list */
	bool ask_now; /* inbound: the downstream is asked before we answer */
};

/* The recipient at a position as it is handed on. */
struct slice passage_address(const struct passage *p, size_t position);

/* inbound.c, inbound_copies.c, outbound.c */
void inbound_rcpt_ask(struct passage *p, struct rcpt *r, struct verdict *v);
void inbound_message(struct passage *p, const struct trace_header *header, struct reply *out);
void inbound_end(struct passage *p);
void inbound_acknowledged(struct visit *v);
void outbound_message(struct passage *p, const struct trace_header *header, struct reply *out);
void contained_message(struct passage *p, const struct trace_header *header, struct reply *out);
/* recipient_tags.c: rows of the policy's tables */
void check_contained(struct passage *p, struct rcpt *r, struct verdict *v);
void check_tag(struct passage *p, struct rcpt *r, struct verdict *v);
void accuse_untagged(struct passage *p); /* at its end */
/* policy_log.c: the canonical lines */
void policy_log_refused(struct passage *p, struct visit *v, const char *stage, struct slice recipient,
                        const struct reply *reply);
/* And keeps what became of the message for passage_remember(). server: who answered; NULL: nobody. */
void policy_log_message(struct passage *p, enum ledger_result result, const struct reply *reply, const char *server,
                        struct slice message_id);
/* Writes the passage into the ledger. */
void passage_remember(struct passage *p);

#endif
