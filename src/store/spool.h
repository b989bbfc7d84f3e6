/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool - messages accepted and not finished yet
 *
 * Table messages: id (8 octets, big-endian, grows with time) → the record below, encoded (docs/storage.md). Table bodies: id →
 * content, for bodies up to SPOOL_BODY_INLINE; larger ones are files STATE_DIR/spool/bodies/ID, synced before the record is
 * committed; a file without a record is removed at start. Table changed: id → nothing: records that `backstop queue` and `held` edited
 * while the relay runs; the relay takes them from there.
 *
 * The relay is the only writer besides `backstop queue`, which edits records in transactions of its own. The relay's updates are therefore
 * read-modify-write on the stored record and leave alone what the CLI sets (hold, next_attempt of a retry, removal).
 */
#ifndef BACKSTOP_STORE_SPOOL_H
#define BACKSTOP_STORE_SPOOL_H

#include "base/arena.h"
#include "base/blob.h"
#include "store/db.h"

#define SPOOL_BODY_INLINE (256 * 1024)
#define SPOOL_ID_TEXT     14 /* 13 characters of base 32 (lower case, no i l o u) and NUL */

/* X(name): also the pools of the configuration */
#define POOL_TABLE(X) X(regular) X(bounce) X(ndr) X(risk)
enum pool {
#define X(name) POOL_##name,
	POOL_TABLE(X)
#undef X
		POOL_COUNT
};
const char *pool_name(enum pool p);

enum spool_kind { SPOOL_OUTBOUND, SPOOL_INBOUND, SPOOL_REPORT }; /* report: an NDR that we made */
enum spool_recipient_state { RECIPIENT_PENDING, RECIPIENT_DELIVERED, RECIPIENT_FAILED, RECIPIENT_EXPIRED };

struct spool_recipient {
	struct slice address, orcpt;
	uint8_t notify;           /* NOTIFY_ bits of mail/envelope.h */
	uint8_t state;            /* enum spool_recipient_state */
	bool delay_told;          /* a delay notice was sent */
	int64_t last_attempt;     /* Unix time, 0: none yet */
	struct slice last_reply;  /* "550 5.1.1 no such user", or our words for a connection failure */
	struct slice last_remote; /* "mx.example.net [192.0.2.1]" */
};

struct spool_message {
	uint64_t id;
	uint8_t kind;           /* enum spool_kind */
	uint8_t pool;           /* enum pool */
	uint8_t ret, body_type; /* enums of mail/envelope.h */
	bool smtputf8;
	bool verified;   /* the return path proved itself: an NDR may go there */
	bool hold;       /* kept, not tried, until released */
	bool downstream; /* recipients belong to the tenant: deliver to its downstreams, not by MX */
	/* An NDR or auto-reply whose addressee did not prove that it sent what is answered: it never goes there, only to an
	 * address of the tenant that its owner names when releasing it. */
	bool answer;
	bool redirected; /* released to another address than it was sent to: its sender is told nothing of that */
	uint8_t proof;   /* enum proof of auth/proof.h: how the return path proved itself; 0: it did not */
	uint32_t tenant; /* number; 0: none (cannot happen for outbound) */
	uint32_t attempts;
	int64_t arrived, next_attempt, expires; /* Unix time */
	struct slice return_path;               /* empty: <> */
	struct slice envid;
	struct slice source;      /* "192.0.2.1", "192.0.2.1 user=joe": who gave it to us */
	int64_t held_since;       /* Unix time of the last hold; 0: never held */
	struct slice hold_reason; /* stays after a release, for the delivered copy */
	struct slice message_id;  /* of the header, for logs */
	uint64_t size;            /* octets of the body, our Received field included */
	uint64_t header_size;     /* octets of the header block in it */
	bool body_in_file;
	struct spool_recipient *recipients;
	size_t recipient_count;
};

/* Was held and let go: what is delivered says so. */
static inline bool spool_released(const struct spool_message *m)
{
	return !m->hold && m->held_since;
}

uint64_t spool_new_id(int64_t unix_ms); /* unique in this process, grows; any thread */
/* New ids will be above id. spool_each() and spool_remove_orphans() call it for what they see, so that after a restart ids are new
 * even when the clock went back. */
void spool_ids_above(uint64_t id);
const char *spool_id_text(uint64_t id, char out[SPOOL_ID_TEXT]);
bool spool_id_parse(struct slice text, uint64_t *id);
static inline int64_t spool_id_time(uint64_t id) /* Unix time at which it was new */
{
	return (int64_t)(id >> 20) / 1000;
}

/* Record ↔ octets. Decoded slices point into the arena (copied). ERR_CORRUPT, ERR_VERSION, ERR_NO_MEMORY. The id is not in
 * the record, it is its key: decoding gives 0. Reasons and replies longer than 65535 octets are cut. */
struct slice spool_encode(struct arena *a,
                          const struct spool_message *m); /* {NULL,0}: no memory, or an address over 65535 octets */
enum error spool_decode(struct arena *a, struct slice record, struct spool_message *out);

/* Inside db_update(): */
enum error spool_put(struct db_txn *, const struct spool_message *m, struct slice body_inline);
/* The same with the record encoded before, off the writer's thread. body_inline {NULL,0}: it is in its file. */
enum error spool_put_encoded(struct db_txn *, uint64_t id, struct slice record, struct slice body_inline);
enum error spool_replace(struct db_txn *, const struct spool_message *m); /* ERR_NOT_FOUND when it is gone */
/* What is stored now, to be changed and put back with spool_replace(). */
enum error spool_read(struct db_txn *, uint64_t id, struct arena *a, struct spool_message *out);
enum error spool_remove(struct db_txn *, uint64_t id); /* record and inline body; ERR_NOT_FOUND is not an error here */
/* Whether `backstop queue` edited the record and the relay has not taken that up yet (table changed). */
enum error spool_is_changed(struct db_txn *, uint64_t id, bool *changed);

enum error spool_get(struct db *spool, uint64_t id, struct arena *a, struct spool_message *out);
enum error spool_each(struct db *spool, bool (*each)(const struct spool_message *, void *arg), void *arg);
/* The content as a blob (memory for inline bodies: copied). */
enum error spool_body(struct db *spool, const struct spool_message *m, struct blob *out);
void spool_body_path(const struct db *spool, uint64_t id, char *out, size_t n);
void spool_body_remove(const struct db *spool, uint64_t id);        /* the file, after the record is gone */
enum error spool_remove_orphans(struct db *spool, size_t *removed); /* at start, relay only */

/* What `backstop queue` and `backstop held` do; each commits and notes the id in table changed. A release gives it a fresh life;
 * with an address it goes there instead, to the servers of the tenant whose address it is (the caller has seen to that).
 * ERR_NOT_FOUND; ERR_PERMISSION: an unproven answer is released to an address of the tenant or not at all. */
enum spool_edit { SPOOL_RETRY, SPOOL_HOLD, SPOOL_RELEASE, SPOOL_DROP };
struct spool_change {
	enum spool_edit what;
	int64_t now;
	int64_t expires;     /* HOLD, RELEASE: the end of its new life; 0: as it is */
	struct slice reason; /* HOLD */
	struct slice to;     /* RELEASE: empty: to its recipients */
};
enum error spool_edit(struct db *spool, uint64_t id, const struct spool_change *c);
/* Takes up to most ids out of table changed (relay). No write when there is none. */
enum error spool_take_changed(struct db *spool, uint64_t *ids, size_t most, size_t *n);

#endif
