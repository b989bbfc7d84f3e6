/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules - the text of a rule bundle, read
 *
 * docs/rules.md documents the format. Reading checks the form, the names and the limits; whether the bundle does what its samples
 * say is bundle.h's business. Everything lies in an arena of its own. Pure; a struct rules is immutable once read and may then
 * be used by all threads.
 */
#ifndef BACKSTOP_BOUNCE_RULES_H
#define BACKSTOP_BOUNCE_RULES_H

#include "base/arena.h"
#include "base/error.h"
#include "bounce/class.h"
#include "bounce/required.h"

#define RULES_TEXT_MOST       ((size_t)4 << 20)
#define RULES_SIGNALS         512 /* with those of the structure */
#define RULES_PHRASES         16384
#define RULES_SAMPLES         2048
#define RULES_PHRASE_LEAST    4 /* octets, folded: shorter ones are in every text */
#define RULES_PHRASE_MOST     200
#define RULES_EXPRESSION_MOST 1000 /* octets, as written */
#define RULES_SETS            512  /* of words that stand together */
#define RULES_GROUPS          4    /* of words in a set */
#define RULES_WITHIN          400  /* octets, at most, in which the words of a set stand */
#define RULES_GAP             60   /* octets that a "*" in a phrase stands for at most */
#define RULES_EXPRESSIONS     512
#define RULES_GATES           8192 /* of all of them; others go without */
#define RULES_PROBLEM         200

/* X(NAME, word): where phrases are looked for. */
#define PLACE_TABLE(X)                                                                                                 \
	X(SUBJECT, "subject")                                                                                          \
	X(FROM, "from")     /* the From field, display name and address */                                             \
	X(HEADER, "header") /* the header of the message, a paragraph for each field */                                \
	X(BODY, "body")     /* what the message itself says: no attachment, nothing of the message that it returns */  \
	X(FILENAME, "filename")

enum place {
#define X(name, word) PLACE_##name,
	PLACE_TABLE(X)
#undef X
		PLACE_COUNT
};

struct rule_phrase {
	uint16_t signal;
	struct slice text;    /* what bounce/literals.h looks for; empty: */
	struct slice pattern; /* a regular expression for libhs, over folded text */
	bool expression;      /* was written as one */
	uint16_t gate; /* not of the bundle's: a literal that the pattern of that number, from 1, needs (required.h) */
	uint16_t number;   /* of a pattern, from 1 */
	uint16_t set;      /* a word of that set, from 1; 0: of none */
	uint8_t group;     /* of words in the set */
	bool begins, ends; /* it must be at the beginning, at the end of a word */
	bool repeated;     /* a word that was in a set before: only the first is looked for */
	uint16_t word;     /* of a set: its number, from 0, the same for the same word */
	uint32_t line;
};

/* What it says that a phrase is there, in little room, since most that are found are looked at for nothing else. */
struct rule_tell {
	enum rule_kind { RULE_FIRES, RULE_WORD, RULE_GATE } kind : 16;
	uint16_t number; /* of its signal, of the word, of the expression, from 0 */
};

struct rule_reach { /* octets of a match that are before what is there */
	uint16_t least, most;
};

struct rule_octet { /* one that a match has; REQUIRED_DIGITS: a digit */
	char octet;
	struct rule_reach reach;
};

/* What a pattern needs (required.h), so that it is asked for only where that is. */
struct rule_expression {
	uint32_t phrase;
	uint16_t signal;
	uint16_t width; /* octets that it matches, at most; 0: not known, and then reaches say nothing */
	bool begins;    /* it matches at the beginning of the text only */
	bool gated;     /* it has gates */
	uint8_t octet_count;
	struct rule_octet octets[REQUIRED_OCTETS];
	struct rule_reach gates;
};

struct rule_set { /* fires its signal when a word of each group is found near the others, in one paragraph, in any order */
	uint16_t signal, within;
	uint8_t group_count;
};

struct rule_row { /* the word is of this group of this set, from 0 */
	uint16_t set, group;
};

struct rule_word {
	uint32_t row; /* its first one; its last one is before that of the next word */
	uint32_t n;   /* octets */
};

struct rule_term { /* of a condition: those with the same group are alternatives, all groups must hold */
	uint16_t signal, group;
	bool negated;
};

struct rule_signal {
	struct slice name;
	float weight[CLASS_COUNT]; /* log-odds that it adds; 0 for "other" */
	enum bounce_kind kind;     /* what it says of an NDR, or KIND_NONE */
	uint8_t places;            /* bits 1 << enum place */
	bool derived;              /* by a condition */
	const struct rule_term *terms;
	size_t term_count;
};

struct rule_sample {
	enum bounce_class class;
	enum bounce_kind kind; /* KIND_NONE: any */
	bool envelope_known;
	struct slice mail_from, message;
	uint32_t line;
};

struct rules {
	struct arena arena;
	struct slice revision;
	float bias[CLASS_COUNT];
	struct rule_signal signals[RULES_SIGNALS]; /* first those of the structure, in the order of enum structure */
	size_t signal_count;
	struct rule_phrase *phrases; /* and behind them the gates */
	size_t phrase_count, gate_count;
	struct rule_expression *expressions; /* by their numbers */
	size_t expression_count;
	const struct rule_tell *tells; /* of each phrase and gate */
	struct rule_set sets[RULES_SETS];
	uint8_t groups[RULES_SETS]; /* of each set: a bit for each group */
	size_t set_count;
	const struct rule_word *words; /* of sets, each once, and one behind them */
	const struct rule_row *rows;
	size_t word_count;
	struct rule_sample *samples;
	size_t sample_count;
};

/* ERR_OK; ERR_SYNTAX, ERR_LIMIT with "line N: what is wrong" in problem; ERR_NO_MEMORY. */
enum error rules_read(struct slice text, struct rules **out, char problem[RULES_PROBLEM]);
void rules_free(struct rules *r); /* NULL is allowed */

#endif
