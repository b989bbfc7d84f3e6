/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_loss.h"

#include <openssl/rand.h>

#include "base/octets.h"
#include "store/meta.h"

#define MARK         SLICE("mark") /* in ledger_meta */
#define MARK_VERSION 1
#define MARK_SIZE    9

#define STATE_MARK SLICE("ledger_mark")
#define STATE_LOST SLICE("ledger_lost")

/* ---- the ledger's ------------------------------------------------------------------------------------------------- */

/* 0: there is none. */
static enum error read_mark(struct db *ledger, uint64_t *out)
{
	struct db_txn *t;
	struct slice value;
	*out = 0;
	enum error err = db_begin_read(ledger, &t);
	if (err) return err;
	err = db_get(t, DB_ledger_meta, MARK, &value);
	if (!err) {
		struct octet_reader r = octet_reader(value);
		uint8_t version = octet_get_u8(&r);
		*out = octet_get_u64(&r);
		err = version > MARK_VERSION ? ERR_VERSION : r.failed ? ERR_CORRUPT : ERR_OK;
	}
	db_end_read(t);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error write_mark(struct db_txn *t, void *mark)
{
	char row[MARK_SIZE];
	struct octet_writer w = octet_writer(row, sizeof row);
	octet_put_u8(&w, MARK_VERSION);
	octet_put_u64(&w, *(uint64_t *)mark);
	return db_put(t, DB_ledger_meta, MARK, octet_written(&w));
}

/* ---- both --------------------------------------------------------------------------------------------------------- */

struct renewal {
	uint64_t mark;
	int64_t lost; /* 0: it was not */
};

static enum error renew(struct db_txn *t, void *arg)
{
	const struct renewal *r = arg;
	enum error err = meta_put(t, STATE_MARK, r->mark);
	return err || !r->lost ? err : meta_put(t, STATE_LOST, (uint64_t)r->lost);
}

/* The ledger first: if the state cannot be written they differ, and it is found lost the next time, which is the safe side. */
static enum error begin(struct db *state, struct db *ledger, int64_t lost)
{
	struct renewal r = {.lost = lost};
	if (RAND_bytes((unsigned char *)&r.mark, sizeof r.mark) != 1) return ERR_SYSTEM;
	r.mark |= 1; /* not 0 */
	enum error err = db_update(ledger, write_mark, &r.mark);
	return err ? err : db_update(state, renew, &r);
}

enum error ledger_loss_check(struct db *state, struct db *ledger, int64_t now, int64_t *lost)
{
	uint64_t there, known = meta_read(state, STATE_MARK);
	*lost = 0;
	enum error err = read_mark(ledger, &there);
	if (!err && (known == 0 || known != there)) err = begin(state, ledger, known ? now : 0);
	if (!err) *lost = ledger_loss_time(state);
	return err;
}

int64_t ledger_loss_time(struct db *state)
{
	return (int64_t)meta_read(state, STATE_LOST);
}
