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
 * What is the same on the same day (UTC) is one row with a count: same unit, class, witness, reporter and target. A unit has
 * at most ACTS_OF_DAY rows a day: what comes after is counted in the last of its kind, so a flood costs neither room nor time
 * when it is weighed. Each kind (callouts, what one reporter says, all else) has rows of its own: else a server that asks before it
 * bounces would hide its bounces behind its callouts, and a reporter what we see behind what he says.
 *
 * Nor do many units fill the disk: beyond ACTS_WITH_SPECIMEN rows new ones have none, beyond ACTS_MOST there are no new ones
 * (ERR_NO_SPACE) until old ones have gone.
 *
 * Written by the relay (relay/evidence_writer.h) and the command line; read by anybody. Any thread.
 *
 *     struct act a = {.unit = ip_unit(&client), .class = ACT_bounce, .witness = WITNESSED_trap, .time = now,
 *                     .specimen = header};
 *     if (!act_target(state, address, &a.target)) acts_add(state, &a, 1);
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
unsigned act_class_code(enum act_class c);    /* of 127.0.0.CODE */
bool act_class_parse(struct slice name, enum act_class *out);
const char *witnessed_name(enum witnessed w);
const char *witnessed_sentence(enum witnessed w);
unsigned witnessed_strength(enum witnessed w);
bool witnessed_parse(struct slice name, enum witnessed *out);

#define ACT_SPECIMEN_MOST    2048
#define ACT_REPORTER_MOST    63
#define ACTS_OF_DAY          64 /* rows of a unit: */
#define ACTS_OF_DAY_REPORTER 4  /* what one of them says */
#define ACTS_OF_DAY_EACH     16 /* callouts, and reported ones */
#define ACTS_OF_DAY_REST     32
#define ACTS_WITH_SPECIMEN   1000000
#define ACTS_MOST            10000000 /* a GB and the specimens */

struct act {
	uint64_t id; /* of the row: ms of the time << 20 and a counter; unique within a unit. acts_add() sets it */
	struct prefix unit;
	enum act_class class;
	enum witnessed witness;
	uint8_t strength;      /* 1 to 100; 0: witnessed_strength() */
	int64_t time;          /* Unix time, of the first of its count */
	int64_t last;          /* of the last; acts_add() takes it from time */
	uint32_t count;        /* acts that it stands for; acts_add(): 0 is 1 */
	uint64_t target;       /* act_target() */
	struct slice reporter; /* empty: this installation saw it itself; else who says so */
	struct slice specimen; /* redacted header, LF line ends; may be empty */
};

/* The keyed hash of an address in lower case (the caller takes its tag off first): the same target, never its name. The key
 * is made at the first call and stays (table meta). A read, but for the first call. Errors are those of the db. */
enum error act_target(struct db *state, struct slice address, uint64_t *out);

/* All or none, one commit, and their rows in the queue. Longer texts are cut. ERR_INVALID: no address, or a time before
 * 1970. */
enum error acts_add(struct db *state, struct act *acts, size_t n);

typedef bool acts_take(const struct act *a, void *arg); /* false: enough. Texts live until it returns */
enum error acts_each_of(struct db_txn *t, const struct prefix *unit, acts_take *take, void *arg); /* oldest first */
/* The same from a time on. */
enum error acts_each_since(struct db_txn *t, const struct prefix *unit, int64_t since, acts_take *take, void *arg);
enum error acts_each(struct db_txn *t, acts_take *take, void *arg); /* by unit: IPv4 first, in order of addresses */
/* By unit, beginning after `after` (family 0: with the first): for callers that read in stretches. */
enum error acts_each_after(struct db_txn *t, const struct prefix *after, acts_take *take, void *arg);

/* The keeper's. Takes up to n different units that have new acts out of the queue, the longest waiting first; 0: the queue
 * is empty. */
enum error acts_take_new(struct db_txn *t, struct prefix *units, size_t n, size_t *taken);
/* Puts a unit in the queue although it has no new act: something else changed that it must be weighed by. */
enum error acts_queue(struct db_txn *t, const struct prefix *unit);
/* The same for all units within a prefix that have acts; family 0: all. */
enum error acts_queue_within(struct db_txn *t, const struct prefix *within);
/* Drops the rows of days that were over before, at most about `most` rows a call; *dropped says how many. */
enum error acts_drop_older(struct db_txn *t, int64_t than, size_t most, size_t *dropped);
enum error acts_drop_of(struct db_txn *t, const struct prefix *unit); /* all of one */

#endif
