/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knowledge_rule - one line "match:" of a knowledge file: terms that all have to hold
 *
 *     "blocked using"|"listed at" "example.org" not "whitelist" status=5.7.1,5.7.600-649 code=550,554
 *     host=example.com stage=mail,rcpt has=address
 *
 * A term is a phrase, or a list of codes, hosts (with everything below them), stages or things, or several of these with "|"
 * between them.
 * A rule needs a term without "not".
 */
#ifndef BACKSTOP_BOUNCE_KNOWLEDGE_RULE_H
#define BACKSTOP_BOUNCE_KNOWLEDGE_RULE_H

#include "bounce/knowledge.h"

#define RULE_TERMS        12
#define RULE_ALTERNATIVES 80 /* of one term */

struct rule_alternative {
	enum rule_kind { RULE_PHRASE, RULE_STATUS, RULE_CODE, RULE_HOST, RULE_STAGE, RULE_HAS } kind;
	uint32_t from, to; /* a phrase's number; a code; class << 20 | subject << 10 | detail, class 0: any; a stage */
	struct slice host;
};

struct rule_term {
	bool negative;
	size_t count;
	const struct rule_alternative *alternatives;
};

struct knowledge_rule {
	size_t count;
	const struct rule_term *terms;
};

/* NULL or the reason why not. *memory is set instead when the arena is exhausted. */
const char *rule_parse(struct arena *a, struct phrases *p, struct slice text, struct knowledge_rule *out, bool *memory);
/* How much speaks for the rule, at least 1; 0: it does not hold. seen: of phrases_search(). */
unsigned rule_score(const struct knowledge_rule *r, const struct phrases *p, const struct knowledge_facts *f,
                    const uint64_t *seen);

#endif
