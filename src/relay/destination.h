/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination - where mail waits that goes the same way
 *
 * A destination is a next hop (an MX domain, a route of the configuration, a tenant's own servers) together with a pool. It has
 * the parts of messages that wait for it, first come first served, and the carriers (carrier.c) that take them, one connection each.
 * A part is the recipients of one message that go to one destination; they share transactions.
 *
 * A destination none of whose hosts could be reached rests until not_before (Unix seconds): its messages wait for that together
 * instead of trying one by one, and then a single carrier tries it. Destinations come and go with their mail. Delivery
 * thread only.
 */
#ifndef BACKSTOP_RELAY_DESTINATION_H
#define BACKSTOP_RELAY_DESTINATION_H

#include "base/config.h"
#include "relay/queue.h"

struct destination;

struct part {
	struct part *next;
	struct queued *queued;
	struct destination *destination;
	uint32_t count, room, done; /* recipients[done..count) are still to be asked for */
	uint32_t *recipients;       /* positions in the record */
};

enum destination_kind { DESTINATION_MX, DESTINATION_ROUTE, DESTINATION_DOWNSTREAM };

struct destination {
	unsigned magic;
	struct destination *next;          /* in its bucket */
	struct destination *next_starving; /* has mail and no carrier may be started */
	bool starving;
	enum destination_kind kind;
	uint8_t pool;       /* enum pool */
	uint32_t tenant;    /* DOWNSTREAM */
	const char *domain; /* MX: the domain or literal. ROUTE: the route's own, "*" for instance. DOWNSTREAM: empty */
	struct part *first, *last;
	size_t waiting;
	uint32_t carriers, connected;
	struct waitlist idle; /* carriers with a connection and nothing to send */
	int64_t not_before;
	uint32_t failures;     /* times in a row that nobody could be reached */
	int64_t crowded_until; /* monotonic ms: it takes no more connections than there are */
	char last_failure[200];
};

struct destinations {
	struct destination **buckets;
	size_t bucket_count, count;
	struct destination *first_starving, *last_starving;
};

enum error destinations_init(struct destinations *t);
void destinations_free(struct destinations *t); /* and the parts that wait */

/* The destination of an address of this message, made when it is not there; tenant: whose servers take it, when the message
 * goes to a tenant's downstream. ERR_INVALID: the address has no domain that could be one (a permanent failure);
 * ERR_NO_MEMORY. */
enum error destination_find(struct destinations *t, const struct config *c, const struct spool_message *m,
                            struct slice address, uint32_t tenant, struct destination **out);
void destination_add(struct destination *to, struct part *p);       /* at the end */
void destination_add_first(struct destination *to, struct part *p); /* put back */
struct part *destination_take(struct destination *to);              /* NULL: nothing waits */
struct part *destination_take_all(struct destination *to);          /* the list */

/* The queue of those that wait for a carrier to become free. */
void destination_starve(struct destinations *t, struct destination *to);
struct destination *destination_unstarve(struct destinations *t);

/* Frees it when nothing waits, nobody works, and its last failure (if any) is long past. */
void destination_release(struct destinations *t, struct destination *to, int64_t now);
void destinations_sweep(struct destinations *t, int64_t now); /* release for all: those whose rest is over */
/* Calls each for every destination; it may not add or release any. */
void destinations_each(struct destinations *t, void (*each)(struct destination *, void *arg), void *arg);

struct part *part_new(struct queued *m, struct destination *to); /* NULL: no memory */
bool part_add(struct part *p, uint32_t recipient);
void part_free(struct part *p);

#endif
