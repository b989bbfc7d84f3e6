/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/zonerows.h"

#include <stdlib.h>

#define FACTS   3 /* octets of a row besides its key: classes, grade, flags */
#define STRIDE4 (4 + FACTS)
#define STRIDE6 (8 + FACTS)
#define ALL     0 /* the clock at which no row is over */

/* ---- rows ------------------------------------------------------------------------------------------------------------- */

struct copying {
	struct zone_rows *rows;
	uint8_t *at, *end;
	bool full;
};

static bool copy_row(struct slice key, const struct published *p, void *arg)
{
	struct copying *c = arg;
	if ((size_t)(c->end - c->at) < key.n + FACTS) {
		c->full = true;
		return false;
	}
	memcpy(c->at, key.p, key.n);
	c->at += key.n;
	*c->at++ = p->classes;
	*c->at++ = p->grade;
	*c->at++ = p->flags;
	if (key.n == 4)
		c->rows->count4++;
	else
		c->rows->count6++;
	return true;
}

enum error zone_rows_read(struct db *state, struct zone_rows **out)
{
	struct db_txn *t;
	*out = NULL;
	enum error e = db_begin_read(state, &t);
	if (e != ERR_OK) return e;
	size_t room = published_count(t) * STRIDE6; /* what is not written to takes no memory */
	struct zone_rows *rows = malloc(sizeof *rows + room);
	if (rows) {
		memset(rows, 0, sizeof *rows);
		atomic_init(&rows->references, 1);
		rows->serial = published_serial(t);
		struct copying c = {rows, rows->octets, rows->octets + room, false};
		e = published_each(t, SLICE_EMPTY, ALL, copy_row, &c);
		if (e == ERR_OK && c.full) e = ERR_CORRUPT;
		struct zone_rows *smaller = realloc(rows, sizeof *rows + (size_t)(c.at - rows->octets));
		if (smaller) rows = smaller;
	} else {
		e = ERR_NO_MEMORY;
	}
	db_end_read(t);
	if (e != ERR_OK) {
		free(rows);
		return e;
	}
	*out = rows;
	return ERR_OK;
}

struct zone_rows *zone_rows_ref(struct zone_rows *rows)
{
	atomic_fetch_add(&rows->references, 1);
	return rows;
}

void zone_rows_unref(struct zone_rows *rows)
{
	if (rows && atomic_fetch_sub(&rows->references, 1) == 1) free(rows);
}

void zone_rows_get(const struct zone_rows *rows, size_t i, struct ip *unit, struct published *row)
{
	bool v4 = i < rows->count4;
	size_t n = v4 ? 4 : 8;
	const uint8_t *p = rows->octets + (v4 ? i * STRIDE4 : rows->count4 * STRIDE4 + (i - rows->count4) * STRIDE6);
	*unit = (struct ip){.family = v4 ? AF_INET : AF_INET6};
	memcpy(unit->octets, p, n);
	*row = (struct published){.classes = p[n], .grade = p[n + 1], .flags = p[n + 2]};
}

/* ---- differences -------------------------------------------------------------------------------------------------------- */

struct gathering {
	struct zone_diff *diff;
	size_t room;
	bool no_memory;
};

static bool gather(const struct published_change *from, void *arg)
{
	struct gathering *g = arg;
	struct zone_diff *d = g->diff;
	if (from->key.n != 4 && from->key.n != 8) return true; /* no row of ours */
	if (d->count == g->room) {
		size_t room = g->room ? g->room * 2 : 64;
		struct zone_change *larger = realloc(d->changes, room * sizeof *larger);
		if (!larger) {
			g->no_memory = true;
			return false;
		}
		d->changes = larger;
		g->room = room;
	}
	struct zone_change *c = &d->changes[d->count];
	memset(c, 0, sizeof *c);
	c->order = (uint32_t)d->count++;
	c->key_n = (uint8_t)from->key.n;
	memcpy(c->key, from->key.p, from->key.n);
	c->had = from->had;
	c->has = from->has;
	c->before = from->before;
	c->after = from->after;
	return true;
}

static int compare_keys(const struct zone_change *a, const struct zone_change *b)
{
	if (a->key_n != b->key_n) return a->key_n < b->key_n ? -1 : 1;
	return memcmp(a->key, b->key, a->key_n);
}

static int compare(const void *left, const void *right)
{
	const struct zone_change *a = left, *b = right;
	int keys = compare_keys(a, b);
	return keys ? keys : a->order < b->order ? -1 : a->order > b->order;
}

static bool same(const struct zone_change *c)
{
	if (!c->had || !c->has) return c->had == c->has;
	return c->before.classes == c->after.classes && c->before.grade == c->after.grade &&
	       c->before.flags == c->after.flags;
}

/* One change a unit: what was before the first, what is after the last. */
static void condense(struct zone_diff *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->count;) {
		struct zone_change one = d->changes[i];
		size_t last = i;
		while (last + 1 < d->count && compare_keys(&d->changes[last + 1], &one) == 0) last++;
		one.has = d->changes[last].has;
		one.after = d->changes[last].after;
		i = last + 1;
		if (!same(&one)) d->changes[kept++] = one;
	}
	d->count = kept;
}

enum error zone_diff_read(struct db *state, uint32_t since, struct zone_diff *out)
{
	struct db_txn *t;
	*out = (struct zone_diff){.since = since};
	enum error e = db_begin_read(state, &t);
	if (e != ERR_OK) return e;
	struct gathering g = {.diff = out};
	out->serial = published_serial(t);
	e = published_changes(t, since, gather, &g);
	uint64_t rows = published_count(t);
	db_end_read(t);
	if (e == ERR_OK && g.no_memory) e = ERR_NO_MEMORY;
	if (e == ERR_OK && out->count > 1) qsort(out->changes, out->count, sizeof *out->changes, compare);
	if (e == ERR_OK) condense(out);
	if (e == ERR_OK && out->count > 64 && out->count > rows) e = ERR_NOT_FOUND;
	if (e != ERR_OK) zone_diff_free(out);
	return e;
}

void zone_diff_free(struct zone_diff *d)
{
	free(d->changes);
	d->changes = NULL;
	d->count = 0;
}
