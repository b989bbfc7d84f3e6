/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accuse - what a client just did becomes evidence
 *
 * Whoever sees an act of backscatter (a trap, the check of tags, the judge, a report) says so here: the source, its class,
 * how it is known, to whom it went, and its header, which is redacted (bounce/redact.h) before it is kept. It goes to the evidence
 * writer and to the log (event evidence). Never accused: tenants' sources, and the addresses of our own pools. Which networks
 * can be listed at all is for the keeper's policy.
 *
 * Worker loop, the session's fiber; does not wait.
 *
 *     enum act_class class;
 *     if (accuse_class(verdict.class, virus, &class))
 *             passage_accuse(p, class, WITNESSED_judge, passage_address(p, 0), header->text);
 */
#ifndef BACKSTOP_RELAY_ACCUSE_H
#define BACKSTOP_RELAY_ACCUSE_H

#include "bounce/class.h"
#include "relay/visit.h"
#include "store/acts.h"

/* The act that a message of that class is; virus: it is a virus notice (bounce/virus.h), which may have any class but a
 * complaint's. False: none, it is ordinary mail or a complaint. */
bool accuse_class(enum bounce_class c, bool virus, enum act_class *out);

/* A tenant's source, or an address of our pools. */
bool accuse_is_ours(const struct passage *p, const struct ip *source);

/* Its client sends other things than answers, or tried to: taken or not. Not asked of what has no sender, nor of tenants. */
void passage_expose(struct passage *p, bool taken);
/* The client did it, in this passage. target: the address that it went to. header: empty where there is none. */
void passage_accuse(struct passage *p, enum act_class class, enum witnessed witness, struct slice target,
                    struct slice header);
/* Somebody else did it, and the reporter says so; the caller has asked accuse_is_ours(). */
void passage_accuse_other(struct passage *p, const struct ip *source, enum act_class class, struct slice target,
                          struct slice header, struct slice reporter);

#endif
