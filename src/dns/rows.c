/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/rows.h"

#define LOOKED_AT_MOST 256 /* rows of a range; beyond it we say that one will be there */

static bool get(void *arg, const uint8_t *key, size_t n, struct published *out)
{
	struct list_rows *r = arg;
	enum filter_says says = r->filter ? filter_find(r->filter, key, n, out) : FILTER_ASK;
	if (says != FILTER_ASK) return says == FILTER_LISTED;
	return published_get(r->txn, slice_of(key, n), r->now, out);
}

struct range {
	const uint8_t *high;
	size_t n;
	bool only_any, found;
	unsigned looked_at;
};

static bool look(struct slice key, const struct published *p, void *arg)
{
	struct range *range = arg;
	if (key.n != range->n || memcmp(key.p, range->high, key.n) > 0) return false;
	range->found = !range->only_any || p->flags & PUBLISHED_ANY || ++range->looked_at == LOOKED_AT_MOST;
	return !range->found;
}

/* The key before low, from which published_each() goes on; n 0: there is none of that length. */
static struct slice before(const uint8_t *low, size_t n, uint8_t room[PUBLISHED_KEY_MOST])
{
	size_t i = n;
	memcpy(room, low, n);
	while (i > 0 && room[i - 1]-- == 0) i--;
	if (i > 0) return slice_of(room, n);
	/* IPv6 comes after all of IPv4. */
	memset(room, 0xff, 4);
	return n == 4 ? SLICE_EMPTY : slice_of(room, 4);
}

static bool within(void *arg, const uint8_t *low, const uint8_t *high, size_t n, bool only_any)
{
	struct list_rows *r = arg;
	struct range range = {.high = high, .n = n, .only_any = only_any};
	uint8_t room[PUBLISHED_KEY_MOST];
	published_each(r->txn, before(low, n, room), r->now, look, &range);
	return range.found;
}

static uint32_t serial(void *arg)
{
	struct list_rows *r = arg;
	return r->serial;
}

enum error list_rows_begin(struct list_rows *r, struct db *state, struct filters *filters, int64_t now)
{
	r->rows = (struct answer_rows){get, within, serial, r};
	r->now = now;
	enum error e = db_begin_read(state, &r->txn);
	if (e) return e;
	r->serial = published_serial(r->txn);
	if (filters) r->filter = filters_follow(filters, r->filter, r->txn, r->serial, now);
	return ERR_OK;
}

void list_rows_end(struct list_rows *r)
{
	db_end_read(r->txn);
	r->txn = NULL;
}
