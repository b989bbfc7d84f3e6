/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provenance - which original does a report speak of, and did its addressee send it?
 *
 * Four witnesses that do not know of each other are heard. Each speaks for, or against, or is silent:
 *
 *   tag       the address that the report was sent to bears our tag (auth/batv.h). Strong: only we can make it.
 *   dkim      the returned header bears a signature that verifies with one of the tenant's own keys, be it retired or
 *             expired, and was made within PROVENANCE_DAYS: each message that was ever signed can be shown again. Strong:
 *             needs no body, no DNS and nothing stored.
 *   ledger    we remember a message of that Message-ID from that return path, to that recipient, of late.
 *   received  the topmost of our own Received fields in the returned header has an id that we remember, and our stamp; or we do not,
 *             and its stamp (auth/stamp.h) says what we knew when we wrote it. The ledger goes before the stamp.
 *
 * The last two are weak: Message-IDs, and here and there Received fields, can be read in the archives of lists. They
 * do not outweigh a strong one that speaks against. No header is no evidence, for or against; a header that is cut
 * off, folded anew or has more fields on top still speaks as far as it can. What the witnesses amount to is for
 * judge.h.
 *
 * Outbound, where a tenant's server answers what came in, only the last two know something: did the return path prove
 * itself when the message came? A stamp binds the answer to the return path, so a header that was copied together with
 * it gets a report at most to who proved himself with it once. In running text, or in a part that its author may have put there, it only speaks against. DKIM stays silent there, since a header can be copied onto another body, and the
 * signature of the whole was looked at when it came.
 *
 * Pure: the ledger is a few functions that are passed in. Any thread.
 *
 *     struct provenance_facts f = {.direction = PROVENANCE_INBOUND, .tenant = id, .addressee = address, ...};
 *     provenance_find(arena, &returned, &f, &p);
 *     if (p.witnesses[WITNESS_dkim].says == SPEAKS_FOR) ...
 */
#ifndef BACKSTOP_BOUNCE_PROVENANCE_H
#define BACKSTOP_BOUNCE_PROVENANCE_H

#include "auth/batv.h"
#include "auth/stamp.h"
#include "bounce/returned.h"

#define PROVENANCE_DAYS                                                                                                \
	17 /* how long ago the original may have been sent: the longest that servers keep mail, and clocks that differ */
#define PROVENANCE_ROWS 1024 /* of the ledger that are weighed for one question */

/* X(name) in order of strength */
#define WITNESS_TABLE(X) X(tag) X(dkim) X(ledger) X(received)
enum witness_name {
#define X(name) WITNESS_##name,
	WITNESS_TABLE(X)
#undef X
		WITNESS_COUNT
};
const char *witness_text(enum witness_name w); /* "tag" */

enum testimony { SILENT, SPEAKS_FOR, SPEAKS_AGAINST };
const char *testimony_text(enum testimony t); /* "silent", "for", "against" */

struct witness {
	enum testimony says;
	const char *why;     /* static text, one clause; NULL: it was not asked */
	struct slice detail; /* what it saw: "selector._domainkey.example.net", a Message-ID; empty: nothing */
};

/* ---- what is passed in ---- */

enum provenance_direction {
	PROVENANCE_INBOUND,  /* to a tenant, about mail said to be from it */
	PROVENANCE_OUTBOUND, /* from a tenant's server, about mail that came in */
};

/* A message that is remembered; lives until the taker returns. */
struct provenance_row {
	uint64_t id;
	int64_t time; /* Unix time */
	uint32_t tenant;
	bool outbound;
	bool taken;               /* the next server, or our spool, took it, or may have */
	bool proven;              /* its return path proved itself */
	bool author_proven;       /* DMARC passed */
	struct slice author;      /* domain of From; empty: not known */
	struct slice return_path; /* as the client gave it */
	struct slice handed_on;   /* as the next server got it; empty: the same */
	struct slice message_id;
	const struct slice *recipients;
	size_t recipient_count;
	bool more_recipients; /* than are listed */
};
typedef bool provenance_take(const struct provenance_row *row, void *arg); /* false: enough */
/* Each hands over what it finds, newest first. False: there is more than that, or it cannot be read; then nobody is believed for
 * what was not seen. Any of them may be NULL: nothing is found. */
struct provenance_ledger {
	bool (*by_message_id)(void *ledger, struct slice message_id, provenance_take *take, void *arg);
	/* The one whose Received field has that id, as text. */
	bool (*by_trace)(void *ledger, struct slice id, provenance_take *take, void *arg);
	/* All that came from it (outbound), or was sent by it (inbound). */
	bool (*by_return_path)(void *ledger, struct slice address, provenance_take *take, void *arg);
	/* Outbound: all that asked to have it answered, without having proved to be from it: by From or Reply-To. */
	bool (*by_author)(void *ledger, struct slice address, provenance_take *take, void *arg);
	void *ledger;
};

struct provenance_key { /* a tenant's DKIM key, in any state (store/keys.h) */
	struct slice domain, selector, record;
};

/* Whence the original came to the reporter (returned.h, origin), by SPF of the tenant's domain. */
enum provenance_origin {
	ORIGIN_UNKNOWN,
	ORIGIN_OWN,     /* pass: from a server of the tenant's, or one that it lets send */
	ORIGIN_FOREIGN, /* fail */
};

struct provenance_facts {
	enum provenance_direction direction;
	uint32_t tenant;
	struct slice addressee; /* who gets the report: without a tag of ours */
	struct slice addressed; /* the same as it stands in the envelope */
	int64_t now;            /* Unix time */
	struct provenance_ledger ledger;
	const struct slice *hostnames; /* ours, as in Received fields; any case */
	size_t hostname_count;
	struct srs_secrets secrets; /* the relay's own; count 0: stamps are not read */
	/* Inbound only. */
	enum batv_verdict tag; /* of the address; BATV_UNTAGGED when the tenant has no tags */
	bool tags_all;         /* all that the addressee sends has a tag, and has had for long enough */
	const struct provenance_key *keys;
	size_t key_count;
	bool signs_all; /* all that the tenant sends is signed with one of them, and has been for long enough */
	enum provenance_origin origin;
	bool remembers; /* the ledger reaches back as far as an original may be old */
	bool elsewhere; /* the tenant says that the addressee also sends by other ways */
};

/* ---- what comes out ---- */

struct provenance { /* texts are static, in the arena, or those of what was passed in */
	enum provenance_direction direction;
	bool header;     /* there was one to look at */
	bool hop_gone;   /* it is whole, and has no Received field of ours, as all that passed us has */
	bool signs_all;  /* as in the facts, inbound */
	bool would_know; /* inbound: the report names a message, and the ledger would remember it, had it been sent */
	struct slice message_id;
	struct witness witnesses[WITNESS_COUNT];
	const char *doubt; /* static text: why silence is not to be held against it; NULL: nothing */
	uint64_t about;    /* id of the remembered message that it is about; 0: none */
	bool stamped;      /* its stamp is good and of the addressee, and the ledger does not know it */
	bool joined; /* by an id that only the reporter can have set: nothing that is remembered later decides better */
	enum provenance_origin origin;
};

/* False: no memory; then nobody speaks for. */
bool provenance_find(struct arena *a, const struct returned *r, const struct provenance_facts *f,
                     struct provenance *out);

#endif
