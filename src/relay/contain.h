/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contain - unverified mail handed on under a return path of ours
 *
 * A tenant's server that answers a message writes to its return path. Where that did not prove itself, and the tenant wants
 * containment, the server gets one that leads back to us (SRS, auth/srs.h, in the domain `return-path-domain`), so whatever it
 * answers, by whichever way, comes here: it is held for the tenant and goes to nobody. No state is needed to recognise it.
 *
 * Worker loop.
 */
#ifndef BACKSTOP_RELAY_CONTAIN_H
#define BACKSTOP_RELAY_CONTAIN_H

#include "auth/srs.h"
#include "relay/setup.h"

#define CONTAIN_LOCAL_MOST 64 /* RFC 5321 4.5.3.1.1: other servers may refuse more */

/* The return path to hand on instead of `return_path` (not empty). One that would become too long is named by id, and can
 * then not be read back. {NULL,0}: no memory, or no secret is there yet. */
struct slice contain_return_path(struct arena *a, const struct config *c, const struct srs_secrets *secrets,
                                 struct slice return_path, const char *id, int64_t now);

enum contain_verdict { CONTAIN_NOT_OURS, CONTAIN_GOOD, CONTAIN_FORGED, CONTAIN_EXPIRED };
/* Is this recipient a return path that we gave out? *original is the one it stands for. */
enum contain_verdict contain_read(struct arena *a, const struct config *c, const struct srs_secrets *secrets,
                                  struct slice address, struct slice domain, int64_t now, struct slice *original);

#endif
