/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery - the queue and everything that leaves from it
 *
 * One thread with one loop owns all queued messages: it loads the spool at start, takes new messages from sessions, groups their recipients
 * by destination (next hop and pool), keeps connections per destination up to destination-concurrency, reuses them, backs off,
 * and ends every recipient as delivered, failed (report to the tenant's own sender, RFC 3464), or expired. Each end is one log line.
 *
 *     delivery_start(config, resolver, spool, state, writer, &d);   // returns when the spool has been read
 *     delivery_submit(d, m);       // any thread, after writer_store() returned ERR_OK; takes m over
 *     delivery_reload(d, config);  // any thread
 *     delivery_stop(d);            // finishes transactions under way, at most until drain-time; frees
 */
#ifndef BACKSTOP_RELAY_DELIVERY_H
#define BACKSTOP_RELAY_DELIVERY_H

#include "base/config.h"
#include "net/resolver.h"
#include "relay/message.h"
#include "relay/writer.h"

struct delivery;

enum error delivery_start(struct config *c, struct resolver *r, struct db *spool, struct db *state, struct writer *w,
                          struct delivery **out);
void delivery_submit(struct delivery *, struct message *m);
void delivery_reload(struct delivery *, struct config *c); /* takes a reference of its own */
void delivery_stop(struct delivery *);

#endif
