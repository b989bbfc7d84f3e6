/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarded - somebody sends on a message that came to him: which one, from which server, and to whom?
 *
 * The message is found as mail/original.h finds what a report returns: attached (message/rfc822), in a feedback report (RFC
 * 5965), as a file, or with its whole header in the text. Which server gave it to us, or to the reporter's own servers, is
 * read from its Received fields, from the top as long as those wrote them whose word is taken: the field of our own host
 * decides; without it, the first one that names an address from outside. A field below the first that a stranger wrote is
 * never looked at, since a backscatterer writes what he likes. Whether it is a bounce is for the classifier. Pure; any thread.
 *
 *     struct forwarded f;
 *     switch (forwarded_find(&arena, mime.root, &eyes, &f)) {
 *     case FORWARDED_FOUND: classify(..., f.root, f.has_return_path ? &f.return_path : NULL, ...);
 */
#ifndef BACKSTOP_BOUNCE_FORWARDED_H
#define BACKSTOP_BOUNCE_FORWARDED_H

#include "base/endpoint.h"
#include "mail/mime.h"

/* What is known of the reporter and of us. */
struct forwarded_eyes {
	struct slice hostname;                         /* ours */
	bool (*trusted)(struct slice host, void *arg); /* a host of the reporter's: its Received fields are true */
	bool (*inside)(const struct ip *address, void *arg); /* an address of the reporter's, or of ours */
	bool (*owns)(struct slice domain, void *arg);        /* a domain of the reporter's */
	void *arg;
};

enum forwarded_result {
	FORWARDED_FOUND,
	FORWARDED_NOTHING,   /* there is no message in it */
	FORWARDED_NO_SOURCE, /* there is one, but its Received fields do not tell whence it came */
	FORWARDED_NO_MEMORY,
};

struct forwarded { /* points into the message or the arena */
	const struct mime_part *root;
	struct ip source;
	struct slice target; /* the reporter's address that it came to; empty: not to be told */
	struct slice return_path;
	bool has_return_path; /* empty: <> */
};

enum forwarded_result forwarded_find(struct arena *a, const struct mime_part *root, const struct forwarded_eyes *eyes,
                                     struct forwarded *out);

#endif
