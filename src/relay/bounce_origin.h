/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounce_origin - did a server that the tenant lets send hand over the original of a bounce?
 *
 * The tenant's SPF record (RFC 7208) is asked about the address that the returned header names. A pass says that the
 * tenant sends by ways that we do not see (ORIGIN_OWN). A fail, and a softfail where the domain's DMARC policy has such mail
 * quarantined or rejected, say that it does not send from there (ORIGIN_FOREIGN): such bounces do not count as ordinary ones of
 * the tenant's. The header may be made up by whoever sent the bounce, so neither is a proof.
 *
 * Waits for DNS, as a fiber, until the deadline.
 *
 *     struct bounce_origin o = bounce_origin(arena, &source, SLICE("joe@example.net"), &ip, now);
 */
#ifndef BACKSTOP_RELAY_BOUNCE_ORIGIN_H
#define BACKSTOP_RELAY_BOUNCE_ORIGIN_H

#include "auth/orgdomain.h"
#include "bounce/provenance.h"

struct bounce_origin {
	enum provenance_origin origin;
	bool unsure; /* the records could not be had: it may be any */
};
struct bounce_origin bounce_origin(struct arena *a, const struct orgdomain_source *s, struct slice addressee,
                                   const struct ip *ip, int64_t now);

#endif
