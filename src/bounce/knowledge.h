/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knowledge - what is known of blocklists, providers, filters and mail servers by the words in which they refuse
 *
 * Data, in the format of docs/knowledge.md: entries with rules (which words, codes, hosts, stages), what they mean, who
 * can act, links, and samples. One file is compiled in (knowledge_builtin); a newer one may take its place without a
 * new binary. knowledge_load() refuses a file that has an error or whose samples it does not explain as it says.
 *
 * A knowledge lives in the arena it was loaded into and keeps the text it was loaded from. Pure; a loaded knowledge may
 * be used by many threads.
 *
 *     struct knowledge *k;
 *     char why[KNOWLEDGE_WHY];
 *     if (knowledge_load(&arena, knowledge_builtin(), &k, why) != ERR_OK) complain(why);
 *     knowledge_match(k, &facts, &found);
 */
#ifndef BACKSTOP_BOUNCE_KNOWLEDGE_H
#define BACKSTOP_BOUNCE_KNOWLEDGE_H

#include "base/arena.h"
#include "base/error.h"
#include "bounce/cause.h"
#include "bounce/phrases.h"
#include "bounce/statuscode.h"

#define KNOWLEDGE_WHY    256
#define KNOWLEDGE_ARENA  (16 * 1024 * 1024) /* enough for a file of KNOWLEDGE_OCTETS */
#define KNOWLEDGE_OCTETS (1024 * 1024)
#define KNOWLEDGE_ZONES  12
#define KNOWLEDGE_LINKS  4

/* X(name, weight): an entry of a kind that says more goes before one that says less. */
#define KNOWLEDGE_KIND_TABLE(X)                                                                                        \
	X(blocklist, 600)   /* a list of addresses or domains, run by whoever */                                       \
	X(provider, 500)    /* a mail provider's own words */                                                          \
	X(filter, 400)      /* a filter product or service */                                                          \
	X(backscatter, 300) /* a list of those who send backscatter: for bounces only */                               \
	X(server, 200)      /* the words of mail server programs */                                                    \
	X(generic, 100)     /* words that many use */

enum knowledge_kind {
#define X(name, weight) KNOWLEDGE_##name,
	KNOWLEDGE_KIND_TABLE(X)
#undef X
		KNOWLEDGE_KIND_COUNT
};
const char *knowledge_kind_name(enum knowledge_kind k);

struct knowledge_rule;

struct knowledge_sample {
	struct slice text, host;
	enum stage stage;
	bool counter; /* must not be explained by this entry */
	unsigned line;
};

struct knowledge_entry {
	struct slice id, name;
	enum knowledge_kind kind;
	enum cause cause;
	enum actor actor;
	struct slice detail; /* one word that narrows the cause: "spf"; or empty */
	struct slice list;   /* name of the blocklist; empty: none is named or implied */
	struct slice means;  /* a sentence, in which %a stands for the address */
	struct slice advice; /* the same */
	struct slice closed; /* the list is closed since then, "2024-06"; empty: not closed */
	bool domains;        /* the list has domains, not addresses */
	unsigned confidence; /* percent; 0: as the kind says */
	struct slice zones[KNOWLEDGE_ZONES], links[KNOWLEDGE_LINKS];
	size_t zone_count, link_count, rule_count, sample_count;
	const struct knowledge_rule *rules;
	const struct knowledge_sample *samples;
	unsigned line;
};

struct knowledge {
	struct knowledge_entry *entries;
	size_t count;
	struct phrases *phrases;
};

/* What rules look at. */
struct knowledge_facts {
	struct slice text;        /* normalised, see phrases.h */
	struct slice host;        /* that refused, lower case; or empty */
	unsigned code;            /* 550; 0: none */
	struct statuscode status; /* class 0: none */
	enum stage stage;
	bool address; /* an IP address is in the text */
};

/* An entry less sure than this yields to any that is surer: it knows who speaks, not why. */
#define KNOWLEDGE_YIELDS 60
/* One less sure than this has words that many say in passing ("please try again"): of its kind, surer ones go first. */
#define KNOWLEDGE_WEAK 70

struct knowledge_match {
	const struct knowledge_entry *entry, *yielding; /* NULL: none */
	unsigned score, yielding_score;
};

/* The best entry of each kind, and the best of those that yield. False when the arena is exhausted. */
bool knowledge_match(const struct knowledge *k, struct arena *a, const struct knowledge_facts *f,
                     struct knowledge_match best[KNOWLEDGE_KIND_COUNT]);

/* text stays the caller's and has to live as long as the knowledge. ERR_SYNTAX with the line in why, ERR_INVALID when a
 * sample is not explained as it says, ERR_LIMIT, ERR_NO_MEMORY. */
enum error knowledge_load(struct arena *a, struct slice text, struct knowledge **out, char why[KNOWLEDGE_WHY]);
/* Without looking at the samples. */
enum error knowledge_parse(struct arena *a, struct slice text, struct knowledge **out, char why[KNOWLEDGE_WHY]);

struct slice knowledge_builtin(void); /* the text that is compiled in */

const struct knowledge_entry *knowledge_find(const struct knowledge *k, struct slice id); /* NULL: none */

#endif
