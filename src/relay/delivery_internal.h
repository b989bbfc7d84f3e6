/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery_internal - what the files of the delivery loop share; nobody else includes it
 *
 *     delivery.c     the thread: start, stop, what comes in, the clock
 *     edits.c        what `backstop queue` and `backstop held` changed
 *     dispatch.c     a message that is due → parts at destinations → carriers
 *     carrier.c      one connection: takes parts of its destination one after the other
 *     carrier_connect.c      finds the hosts of a destination and connects to the first that answers
 *     carrier_transaction.c  one message over one connection
 *     outcome.c      what became of each recipient, and of the message when all parts are done
 *     reports.c      the reports about it
 *     digester.c     what tenants are told of mail that is held
 *
 * All of it runs on the delivery thread; functions marked "fiber" may wait, the others do not.
 */
#ifndef BACKSTOP_RELAY_DELIVERY_INTERNAL_H
#define BACKSTOP_RELAY_DELIVERY_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>

#include "mail/report.h"
#include "net/tls.h"
#include "relay/delivery.h"
#include "relay/destination.h"
#include "relay/hosts.h"
#include "relay/key_holder.h"
#include "relay/keyring.h"
#include "relay/pools.h"
#include "smtp/client.h"
#include "store/tenants.h"

struct delivery {
	unsigned magic;
	struct loop *loop;
	pthread_t thread;
	struct config *config;
	struct resolver *resolver;
	struct db *spool, *state;
	struct writer *writer;
	struct tenants *tenants; /* never NULL */
	struct key_holder keys;
	struct tls_context *tls;
	struct hosts *hosts;
	struct pools pools;
	struct queue queue;
	struct destinations destinations;
	struct scope scope; /* carriers and reporters */
	uint32_t carriers, carriers_most;
	uint32_t reporters;
	struct queued *first_report, *last_report; /* messages that wait for a reporter */
	uint64_t random;
	sem_t loaded; /* the spool was read: from now on messages are submitted */
	bool stopping;
	struct event wake;    /* the clock fiber: something earlier is due, or stop */
	struct event settled; /* the stopping fiber: a carrier or reporter has ended */
};

uint32_t delivery_random(struct delivery *d);
struct tenants *delivery_tenants(struct delivery *d); /* the present snapshot, loaded anew when there is a newer one */
const struct keyring *
delivery_keys(struct delivery *d); /* the same of all keys; fiber: may wait. NULL: there are none */
void delivery_wake_clock(struct delivery *d);
void delivery_count(struct delivery *d); /* the gauges */
/* Takes m over and begins with it: delivers, holds, waits, as its record says. */
void delivery_accept(struct delivery *d, struct message *m);

/* A record as the spool has it, into the queue; arg is the delivery. False: no memory. */
bool delivery_load(const struct spool_message *record, void *arg);

/* ---- edits.c ---- */

void edits_watch(void *arg); /* a fiber, arg is the delivery: until it stops */
/* A record was changed from outside: takes that up. Fiber. */
void edits_apply(struct delivery *d, uint64_t id);
/* The stored record has other recipients now; nothing of this one is under way. Frees q. */
void edits_take_again(struct delivery *d, struct queued *q);

/* ---- dispatch.c ---- */

/* Gives the pending recipients to their destinations. now_please: also to those that rest. */
void dispatch_message(struct delivery *d, struct queued *q, bool now_please);
/* Sees to it that somebody takes what waits at a destination. */
void dispatch_kick(struct delivery *d, struct destination *to);
void dispatch_starving(struct delivery *d);
/* None of its hosts could be talked to: all that waits there gets this answer; 4xx lets the destination rest. */
void dispatch_failed(struct delivery *d, struct destination *to, const struct reply *failure);
/* The configuration is another: everything that waits is given out anew. */
void dispatch_again(struct delivery *d);
/* A part is finished: frees it, and settles the message when it was the last. */
void dispatch_part_done(struct delivery *d, struct part *p);

/* ---- carrier.c, carrier_connect.c, carrier_transaction.c ---- */

struct carrier {
	unsigned magic;
	struct delivery *delivery;
	struct destination *to;
	struct config *config; /* of the connection */
	struct client *client; /* NULL: not connected */
	uint32_t sent;         /* messages on this connection */
	char remote[320];      /* "mx.example.net [192.0.2.1]"; empty: nobody was asked */
	char source[IP_TEXT_SIZE];
	const char *tls;    /* "TLSv1.3"; NULL: in the clear */
	struct arena arena; /* of the transaction, or of connecting */
};

/* Starts a carrier for this destination; false: no memory. */
bool carrier_start(struct delivery *d, struct destination *to);
void carrier_disconnect(struct carrier *c, bool politely); /* fiber */

/* Fiber. ERR_OK: c->client is ready. ERR_CANCELLED. Any other: *failure says why (4xx or 5xx), text in c->arena. */
enum error carrier_connect(struct carrier *c, struct reply *failure);

/* Fiber. One transaction for the next recipients of p, whose results are noted; or none, when the connection turned out to be
 * stale: then c->client is NULL and the caller connects anew. ERR_CANCELLED, else ERR_OK. */
enum error carrier_transaction(struct carrier *c, struct part *p);

/* ---- outcome.c ---- */

/* Who said it, for log and record; remote empty or NULL: we decided. */
struct outcome_by {
	const char *remote, *source, *tls;
	struct slice tagged; /* the return path that it saw, where that is not the record's */
};
/* The result for one recipient: ROUND_DELIVERED, _RELAYED, _FAILED or _DEFERRED, with the answer. One log line. */
void outcome_recipient(struct delivery *d, struct queued *q, uint32_t i, enum round_result result,
                       const struct reply *reply, const struct outcome_by *by);
/* By the code: 2xx delivered, 4xx deferred, 5xx failed, anything else deferred. */
void outcome_reply(struct delivery *d, struct queued *q, uint32_t i, const struct reply *reply,
                   const struct outcome_by *by);
/* No part is under way any more: expiry, reports, hold, next attempt, or the end. */
void outcome_settle(struct delivery *d, struct queued *q);
/* The same after its reports are stored. */
void outcome_finish(struct delivery *d, struct queued *q);
/* A hold has come to its end. */
void outcome_hold_over(struct delivery *d, struct queued *q);
/* Keeps it instead of trying it, from now until hold-lifetime is over; nothing of it may be under way. */
void outcome_hold(struct delivery *d, struct queued *q, struct slice reason);
void outcome_log_held(struct delivery *d, const struct spool_message *m);
void outcome_log_released(struct delivery *d, const struct spool_message *m);
/* `backstop queue drop` removed it from the spool: a last line in the log. */
void outcome_dropped(struct delivery *d, struct queued *q);
int64_t outcome_expires(const struct delivery *d, const struct spool_message *m);

/* ---- reports.c ---- */

/* A report on this message may go to its return path: it proved itself, is not null, and is no report's. Invariant 1. */
bool reports_allowed(const struct spool_message *m);
/* Mail to this address goes to a tenant's own servers. */
bool reports_stay_here(struct delivery *d, struct slice address);
/* Makes out the spooled message with this text: from <>, of which nothing is ever reported nor held. out->record.id is the caller's. False:
 * no memory. */
bool reports_fill(struct delivery *d, const struct report_message *text, struct slice to, uint32_t tenant, int64_t now,
                  struct message *out);
/* Something in this round is to be told. */
bool reports_due(const struct delivery *d, const struct queued *q, int64_t now);
/* Has a reporter write and store them, and then outcome_finish(). */
void reports_start(struct delivery *d, struct queued *q);
void reports_kick(struct delivery *d); /* starts a reporter if some wait and none runs */

/* ---- digester.c ---- */

/* A fiber, arg is the delivery: tells tenants of what is held for them, until the delivery stops. */
void digester_run(void *arg);

#endif
