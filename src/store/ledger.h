/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger - what was known of each message that came or went
 *
 * One passage is one mail transaction, kept after it has ended: who sent it, by which proof, to whom, and what became of
 * it. A bounce that comes later is joined with it: by Message-ID, by return path, by recipient, by author. What is not in here is
 * *unknown*, which is an honest answer: entries are written a moment after the transaction (relay/ledger_writer.h), they end
 * with their lifetime, the oldest go when there are too many, and after a crash of the machine they come back little by
 * little (ledger_log.h).
 *
 * Strings longer than their bound are cut, and looked up by what was kept of them. Of many recipients the first
 * LEDGER_RECIPIENTS are kept; recipient_total says how many there were.
 *
 * Writes: the relay's ledger writer, one thread. Reads: any process and thread. A callback of ledger_each* runs
 * outside of any transaction, so it may take its time; what it is given ends with the call. A damaged record, or one
 * of a newer version, is passed over by ledger_each*; ledger_get() says ERR_CORRUPT or ERR_VERSION.
 *
 *     struct ledger_passage p = {.id = id, .time = now, .result = LEDGER_delivered, .spf = AUTH_pass};
 *     p.return_path = SLICE("a@example.org");
 *     ledger_passage_recipient(&p, SLICE("b@example.net"));
 *     ledger_writer_add(writer, &p);
 */
#ifndef BACKSTOP_STORE_LEDGER_H
#define BACKSTOP_STORE_LEDGER_H

#include "base/arena.h"
#include "base/endpoint.h"
#include "store/db.h"

#define LEDGER_RECIPIENTS      32
#define LEDGER_AUTHORS         8
#define LEDGER_DKIM_DOMAINS    4
#define LEDGER_DIGEST          32
#define LEDGER_ADDRESS         512 /* octets of an address */
#define LEDGER_MESSAGE_ID_SIZE 998
#define LEDGER_RECORD_MOST     (24 * 1024) /* octets; no record is larger */

/* X(name): what became of it. delivered: the next server has it; spooled: inbound, queued: outbound, in the spool;
 * held: in the spool on hold; abandoned: the client went away before the end; discarded: taken, and thrown away, as the tenant wants it. */
#define LEDGER_RESULT_TABLE(X)                                                                                         \
	X(delivered) X(refused) X(deferred) X(spooled) X(queued) X(held) X(abandoned) X(discarded)
enum ledger_result {
#define X(name) LEDGER_##name,
	LEDGER_RESULT_TABLE(X)
#undef X
		LEDGER_RESULT_COUNT
};
const char *ledger_result_text(uint8_t result); /* static; "unknown" for others */

struct ledger_passage {
	uint64_t id;        /* spool_new_id(): the one of our Received field */
	int64_t time;       /* Unix time of its end */
	bool outbound;      /* from a tenant to the world */
	bool authenticated; /* the client proved who it is: certificate or password */
	uint32_t tenant;    /* number; 0: none */
	struct ip client;
	struct slice helo;             /* at most 255 octets */
	struct slice return_path;      /* as the client gave it; empty: <>. At most 512 */
	struct slice handed_on;        /* the return path the next server was given; empty: the same. At most 512 */
	struct slice message_id;       /* of the header, as it is; empty: none. At most 998 */
	struct slice from_domain;      /* of the author; empty: none or several. At most 255 */
	uint8_t result;                /* enum ledger_result */
	uint16_t reply_code;           /* what the client was told at the end: 250, 550..; 0: nothing */
	struct slice reason;           /* name of smtp/reason.h's table; empty: none. At most 63 */
	uint8_t spf, dkim, dmarc, arc; /* AUTH_ values of auth/result.h */
	uint8_t proof;                 /* PROOF_ values of auth/proof.h */
	uint8_t class;                 /* 1 + CLASS_ value of bounce/class.h; 0: it was not classified. At most 7 */
	uint64_t size;                 /* octets of the message; 0: it did not come so far */
	bool has_digest;               /* of the body */
	uint8_t digest[LEDGER_DIGEST]; /* SHA-256 */
	struct slice server;           /* that took or refused it: "mx.example.net [192.0.2.1]". At most 255 */
	struct slice dkim_domains[LEDGER_DKIM_DOMAINS]; /* whose signatures passed; at most 255 each */
	uint8_t dkim_domain_count;
	struct slice recipients[LEDGER_RECIPIENTS]; /* as the client gave them. At most 512 each */
	uint8_t recipient_count;                    /* of those kept */
	uint32_t recipient_total;
	/* Inbound: whom its header asks to answer (From, Reply-To and others, relay/authors.h), as far as that is not the return path and did not prove
	 * itself. At most 512 each */
	struct slice authors[LEDGER_AUTHORS];
	uint8_t author_count;
};

/* Append, as far as there is room; recipient_total counts all. The text is borrowed. */
void ledger_passage_recipient(struct ledger_passage *p, struct slice address);
void ledger_passage_author(struct ledger_passage *p, struct slice address);
void ledger_passage_dkim_domain(struct ledger_passage *p, struct slice domain);

/* Record ↔ octets (docs/storage.md). The id is the key, not in the record: decoding gives 0. encode fills the
 * ledger_record_size() octets of out. decode: slices point into record. ERR_CORRUPT, ERR_VERSION. */
size_t ledger_record_size(const struct ledger_passage *p);
struct slice ledger_encode(const struct ledger_passage *p, char *out);
enum error ledger_decode(struct slice record, struct ledger_passage *out);

/* ---- writing: the ledger writer ---- */

struct ledger_bounds {
	int64_t lifetime; /* seconds */
	uint64_t size;    /* octets that passages and their index may take */
};
struct ledger_row {
	uint64_t id;
	struct slice record; /* encoded */
};
/* Writes n passages and their index rows in one transaction: keep n to some dozens, other writers of the environment
 * wait. An id that is there is replaced. A record that cannot be read is left out. */
enum error ledger_put(struct db *ledger, const struct ledger_bounds *b, const struct ledger_row *rows, size_t n,
                      int64_t now);
/* Removes what is older than the lifetime, and the oldest while passages and index take more than the size; at most `most`
 * entries (a passage or an index row) in one transaction. No write when there is nothing to do. removed counts
 * entries: call
 * again while it is not 0; passages counts those that were messages. */
enum error ledger_expire(struct db *ledger, const struct ledger_bounds *b, int64_t now, size_t most, size_t *removed,
                         size_t *passages);

/* After a crash of the machine the environment was emptied: it is to be filled from the log (ledger_log.h). True also when that was
 * begun and not finished. */
enum error ledger_rebuild_needed(struct db *ledger, bool *needed);
enum error ledger_rebuild_mark(struct db *ledger, bool under_way);

/* ---- reading ---- */

/* Copied into the arena. ERR_NOT_FOUND, ERR_CORRUPT, ERR_VERSION, ERR_NO_MEMORY. */
enum error ledger_get(struct db *ledger, uint64_t id, struct arena *a, struct ledger_passage *out);

#define LEDGER_LOOKED 4096
/* False ends the search. */
typedef bool ledger_each_fn(const struct ledger_passage *p, void *arg);

/* Newest first, of the newest LEDGER_LOOKED that have the same key (of any tenant): ERR_LIMIT where there may be more that were not
 * handed over. Message-ID: exact, without regard to white space and one pair of <>
 * around it. */
enum error ledger_each_by_message_id(struct db *ledger, struct slice message_id, ledger_each_fn *each, void *arg);
/* The address as given by the client or as handed on; case does not matter. tenant 0: any. Empty finds nothing. */
enum error ledger_each_by_return_path(struct db *ledger, uint32_t tenant, struct slice address, ledger_each_fn *each,
                                      void *arg);
enum error ledger_each_by_recipient(struct db *ledger, uint32_t tenant, struct slice address, ledger_each_fn *each,
                                    void *arg);
/* One of authors. */
enum error ledger_each_by_author(struct db *ledger, uint32_t tenant, struct slice address, ledger_each_fn *each,
                                 void *arg);
/* All, newest first. */
enum error ledger_each(struct db *ledger, ledger_each_fn *each, void *arg);

struct ledger_summary {
	uint64_t passages, size; /* size: octets that they and their index take */
	int64_t oldest;          /* Unix time; 0: none */
	uint64_t oldest_id;      /* UINT64_MAX: none */
};
enum error ledger_summarize(struct db *ledger, struct ledger_summary *out);
/* Is what ended at that time, and since, in here? False while a crash is being made good, and when it cannot be told. */
bool ledger_reaches_back(struct db *ledger, int64_t time);

#endif
