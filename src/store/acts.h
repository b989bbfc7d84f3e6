/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acts - evidence: the acts of backscatter that were observed, one row each
 *
 * An act says which address did it (as its unit: an IPv4 address, the /64 of an IPv6 address), what it did (class), how we
 * know (witness, with its strength), to whom (a keyed hash), when, and who says so. Its specimen is the header of what was
 * sent, redacted: enough to show the act, nothing that names a person (evidence in docs/storage.md). Rows are kept until
 * they are older than the keeper's evidence-lifetime. The keeper reads what is new from a queue (table acts_new) that is
 * written in the same transaction.
 *
 * Written by the relay (relay/evidence_writer.h) and the command line; read by anybody. Any thread.
 *
 *     struct act a = {.unit = ip_unit(&client), .class = ACT_bounce, .witness = WITNESSED_trap, .time = now,
 *                     .target = act_target(secret, address), .specimen = header};
 *     acts_add(state, &a, 1);
 */
#ifndef BACKSTOP_STORE_ACTS_H
#define BACKSTOP_STORE_ACTS_H

#include "base/endpoint.h"
#include "store/db.h"

/* X(name, code, word): what was done. 127.0.0.CODE is its A record; the numbers are stored: never change them. */
#define ACT_CLASS_TABLE(X)                                                                                             \
	X(bounce, 2, "bounces")                                                                                        \
	X(autoreply, 3, "auto-replies")                                                                                \
	X(challenge, 4, "challenges")                                                                                  \
	X(virus, 5, "virus notices")                                                                                   \
	X(callout, 6, "callouts")
enum act_class {
#define X(name, code, word) ACT_##name,
	ACT_CLASS_TABLE(X)
#undef X
		ACT_CLASS_COUNT
};

/* X(name, strength, sentence): how it is known; strength in percent: how sure it is that the act was backscatter. */
#define WITNESSED_TABLE(X)                                                                                             \
	X(trap, 100, "sent to an address that never sends mail")                                                       \
	X(tag, 95, "sent to an address that tags all its mail, without the tag")                                       \
	X(judge, 90, "returned mail that its addressee never sent")                                                    \
	X(report, 60, "reported by a customer")                                                                        \
	X(manual, 60, "added by hand")
enum witnessed {
#define X(name, strength, sentence) WITNESSED_##name,
	WITNESSED_TABLE(X)
#undef X
		WITNESSED_COUNT
};

const char *act_class_name(enum act_class c); /* "bounce" */
const char *act_class_word(enum act_class c); /* "bounces" */
bool act_class_parse(struct slice name, enum act_class *out);
const char *witnessed_name(enum witnessed w);
const char *witnessed_sentence(enum witnessed w);
unsigned witnessed_strength(enum witnessed w);

#define ACT_SPECIMEN_MOST 2048
#define ACT_REPORTER_MOST 63

struct act {
	uint64_t id; /* set by acts_add(): ms of the time << 20 and a counter; grows within a unit */
	struct prefix unit;
	enum act_class class;
	enum witnessed witness;
	uint8_t strength;      /* 1 to 100; 0: witnessed_strength() */
	int64_t time;          /* Unix time */
	uint64_t target;       /* act_target() */
	struct slice reporter; /* empty: this installation saw it itself; else who says so */
	struct slice specimen; /* redacted header, LF line ends; may be empty */
};

/* The keyed hash of an address (lower-cased, without its tag): the same target, never its name. The key is made at the
 * first call and stays (table meta). ERR_NO_MEMORY and those of the db. */
enum error act_target(struct db *state, struct slice address, uint64_t *out);

/* All or none, one commit, and their rows in the queue. Longer texts are cut. */
enum error acts_add(struct db *state, const struct act *acts, size_t n);

typedef bool acts_take(const struct act *a, void *arg); /* false: enough. Texts live until it returns */
enum error acts_each_of(struct db_txn *t, const struct prefix *unit, acts_take *take, void *arg); /* oldest first */
enum error acts_each(struct db_txn *t, acts_take *take, void *arg);                               /* by unit */

/* The keeper's. Takes up to n units that have new acts out of the queue. */
enum error acts_take_new(struct db_txn *t, struct prefix *units, size_t n, size_t *taken);
/* Drops what is older, at most `most` rows a call; *dropped says how many. */
enum error acts_drop_older(struct db_txn *t, int64_t than, size_t most, size_t *dropped);
enum error acts_drop_of(struct db_txn *t, const struct prefix *unit); /* all of one */

#endif
