/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authres - the Authentication-Results field (RFC 8601): written, and known again when forged
 */
#ifndef BACKSTOP_AUTH_AUTHRES_H
#define BACKSTOP_AUTH_AUTHRES_H

#include "auth/arc.h"
#include "auth/dkim.h"
#include "auth/dmarc.h"
#include "auth/spf.h"
#include "mail/header.h"

struct authres { /* NULL: the method was not run and is not mentioned */
	const struct spf_verdict *spf;
	struct slice mail_from, helo; /* as given, cleaned here */
	const struct dkim_verdict *dkim;
	const struct dmarc_verdict *dmarc;
	struct slice from_domain;
	const struct arc_verdict *arc;
	bool utf8; /* the message is an internationalized one: addresses keep their UTF-8 (RFC 6532); else it becomes "?" */
};

/* What follows the authserv-id and its semicolon, folded with CR LF HT: " spf=pass smtp.mailfrom=...;\r\n\tdkim=...", without final
 * line end; " none" when nothing was run. Also used in ARC-Authentication-Results. {NULL,0}: no memory. */
struct slice authres_results(struct arena *a, const struct authres *r);
/* "ID;" and the results, as both fields have it. */
struct slice authres_value(struct arena *a, struct slice authserv_id, struct slice results);
/* "Authentication-Results: ID; ...\r\n" */
struct slice authres_field(struct arena *a, struct slice authserv_id, const struct authres *r);
/* An Authentication-Results field that bears this authserv-id (any case, with or without version, comments and quotes seen
 * through), or that cannot be parsed and so might be taken for one: to be removed at our border (RFC 8601 5). */
bool authres_claims(const struct header_field *f, struct slice authserv_id);
/* Reads the value of an (ARC-)Authentication-Results field: each gets method ("dkim", without version), result, and the rest of that
 * result as it stands, reason and properties ("header.d=example.net (comment) header.s=s1"), in order; it stops when each returns
 * false. "none" is no result. False when the value cannot be parsed, or only up to there. */
bool authres_each(struct slice value,
                  bool (*each)(void *arg, struct slice method, struct slice result, struct slice properties),
                  void *arg);
/* The results of all Authentication-Results fields of this authserv-id in a header, each once, in the form of authres_results(): what
 * a sealer says in ARC-Authentication-Results (RFC 8617 4.1.1). Empty when there are none; {NULL,0}: no memory. */
struct slice authres_merge(struct arena *a, struct slice header, struct slice authserv_id);
/* The number in "i=1; authserv-id; ..." of an ARC-Authentication-Results value (RFC 8617 4.1.1); false when it has none. */
bool authres_instance(struct slice value, unsigned *out);

#endif
