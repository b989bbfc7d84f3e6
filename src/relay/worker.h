/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - one thread that serves sessions
 *
 * A worker accepts from all listening sockets (the workers share them), runs a fiber for each session, and has its own connections to
 * downstreams. A session stays on its worker. The main loop tells it by posts: a new setup and listeners (reload), drain, stop.
 */
#ifndef BACKSTOP_RELAY_WORKER_H
#define BACKSTOP_RELAY_WORKER_H

#include "base/service.h"
#include "relay/blocklist.h"
#include "relay/downstream.h"
#include "relay/key_holder.h"
#include "relay/relay.h"
#include "relay/rulebook.h"
#include "relay/setup.h"
#include "store/tenants.h"

struct classifier;
struct visit;

struct worker {
	unsigned magic;
	struct relay *relay;
	struct loop *loop;
	struct setup *setup;           /* of new sessions */
	struct blocklists *blocklists; /* of new sessions */
	struct tenants *tenants;       /* the snapshots in use; see worker_tenants() and worker_keyring() */
	struct key_holder keys;
	struct classifier *classifier; /* for classified.h */
	struct downstreams *downstreams;
	struct listener **listeners;
	size_t listener_count;
	struct visit *visits; /* sessions open now */
	size_t visit_count;
	bool draining;
	void (*idle)(struct worker *, void *arg); /* called once when draining and the last session has gone */
	void *idle_arg;
};

/* Prepares a worker (before its thread runs). Takes over the references and the listeners' array, not the sockets. */
struct worker *worker_new(struct relay *relay, struct setup *setup, struct blocklists *blocklists);
void worker_free(struct worker *); /* after its loop has ended */
/* All on the worker's own thread: */
void worker_listen(struct worker *, const struct service_listener *l, size_t n);
void worker_change(struct worker *, struct setup *setup, struct blocklists *blocklists); /* takes the references over */
void worker_drain(struct worker *, void (*idle)(struct worker *, void *), void *arg);
/* The newest tenants, as a reference of the caller's; NULL when they cannot be read and never could. */
struct tenants *worker_tenants(struct worker *);
struct keyring *worker_keyring(struct worker *); /* the same of all keys */
/* The rules in use now, as a reference of the caller's. In a fiber: at the start it may wait until they are loaded. NULL: none
 * could be. The knowledge by which refusals are read: the same. */
struct bundle *worker_rules(struct worker *);
struct lore *worker_lore(struct worker *);
/* As a fiber of the worker's loop: closes idle downstream connections, until cancelled. */
void worker_housekeeping(void *worker);

#endif
