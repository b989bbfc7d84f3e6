/* SPDX-License-Identifier: Apache-2.0 */
/*
 * treewalk - DMARC's records from a domain up to the top, and the organisation that follows from them (RFC 9989 4.10)
 *
 * At most TREE_WALK_QUERIES questions, however many labels a domain has. The domains in the answer are ends of the domain asked
 * about and live as long as it.
 */
#ifndef BACKSTOP_AUTH_TREEWALK_H
#define BACKSTOP_AUTH_TREEWALK_H

#include "auth/dmarc_record.h"
#include "auth/orgdomain.h"

#define TREE_WALK_QUERIES 8

struct tree_walk {
	struct tree_walk_step {
		struct slice domain;
		struct dmarc_record record;
	} found[TREE_WALK_QUERIES]; /* longest domain first */
	size_t count;
	struct slice org_domain; /* empty when the walk failed */
};

/* The record at _dmarc.domain. several: more than one is published. ERR_OK; ERR_NOT_FOUND there is none, or there are several;
 * ERR_DNS_TEMPORARY; ERR_NO_MEMORY; ERR_CANCELLED. */
enum error dmarc_record_fetch(struct arena *a, const struct orgdomain_source *s, struct slice domain,
                              struct dmarc_record *out, bool *several);

/* domain: canonical. ERR_OK, or why DNS did not answer: what was found before is there then. */
enum error tree_walk(struct arena *a, const struct orgdomain_source *s, struct slice domain, struct tree_walk *out);

#endif
