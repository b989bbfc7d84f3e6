/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_reply - what a refusal means: cause, who can act, what to do
 *
 * A pure function from the words of a reply and what is known around it. The words decide, by knowledge
 * (bounce/knowledge.h); the enhanced code (bounce/statuscode.h) where they say nothing or agree; else the stage and the
 * three digits. A blocklist that is named goes before all else; but a list of those who send backscatter is for bounces
 * only, so it is the cause only when nothing else is named, and for an ordinary message it is the receiver's mistake.
 *
 *     struct reply_context c = {.text = SLICE("550 5.2.2 mailbox full"), .stage = STAGE_rcpt};
 *     struct reply_verdict v;
 *     if (explain_reply(&arena, knowledge, &c, &v)) puts(cause_name(v.cause));
 */
#ifndef BACKSTOP_BOUNCE_EXPLAIN_REPLY_H
#define BACKSTOP_BOUNCE_EXPLAIN_REPLY_H

#include "bounce/knowledge.h"
#include "bounce/replyfacts.h"

#define REPLY_LINKS 8

struct reply_context {          /* unset slices are {NULL, 0} or empty */
	struct slice text;      /* the reply, or the reporting program's own words */
	struct slice status;    /* Status field, used when the text has no better code */
	struct slice host;      /* the server that refused */
	struct slice recipient; /* its address in the text is no part of the words */
	enum stage stage;
	bool delayed;  /* still being tried */
	bool given_up; /* it will not be tried again; neither: it is not known */
	enum {
		REPLY_ABOUT_UNKNOWN,
		REPLY_ABOUT_ORDINARY, /* the refused message has a sender */
		REPLY_ABOUT_BOUNCE,   /* it was itself a bounce or an auto-reply */
	} about;
};

struct reply_verdict {
	enum cause cause;
	enum actor actor;
	enum stage stage;    /* the context's, or what the cause implies */
	struct slice detail; /* "spf"; or empty */
	unsigned code;       /* 550; 0: none */
	struct statuscode status;
	const struct knowledge_entry *entry; /* that decided; NULL: none */
	const struct knowledge_entry
		*backscatter;       /* a backscatter list that is named and is not the cause; NULL: none */
	struct slice list;          /* blocklist named or implied; empty: none */
	struct slice zone;          /* where to ask for it; empty: it cannot be asked */
	struct ip address;          /* that was refused; family 0: not told */
	struct slice domain;        /* that is listed, where the list has domains; empty: not told */
	struct slice means, advice; /* sentences */
	struct slice note;          /* about backscatter lists, about a forwarding; or empty */
	struct slice links[REPLY_LINKS];
	size_t link_count;
	unsigned confidence; /* percent */
};

/* False when the arena is exhausted. Texts are in the arena, in the context, or in the knowledge. */
bool explain_reply(struct arena *a, const struct knowledge *k, const struct reply_context *c,
                   struct reply_verdict *out);

#endif
