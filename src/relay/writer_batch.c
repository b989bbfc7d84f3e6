/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/writer_batch.h"

#include <stdlib.h>

#include "base/log.h"

#define RECORD_MOST (64u * 1024 * 1024)

/* ---- changes ------------------------------------------------------------------------------------------------------ */

struct writer_change *writer_change_new(uint64_t id, const struct spool_message *m)
{
	struct writer_change *c = calloc(1, sizeof *c);
	if (!c) return NULL;
	c->id = id;
	arena_init(&c->arena, RECORD_MOST);
	if (!m) return c;
	c->record = spool_encode(&c->arena, m);
	if (c->record.p) return c;
	writer_change_free(c);
	return NULL;
}

void writer_change_free(struct writer_change *c)
{
	arena_free(&c->arena);
	free(c);
}

/* Same message together; its removal last, else in the order of coming. */
static int by_message(const void *a, const void *b)
{
	const struct writer_change *x = *(struct writer_change *const *)a, *y = *(struct writer_change *const *)b;
	if (x->id != y->id) return x->id < y->id ? -1 : 1;
	if (!x->record.p != !y->record.p) return !x->record.p ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

size_t writer_changes_merge(struct writer_change **list)
{
	size_t n = 0, left = 0;
	for (struct writer_change *c = *list; c; c = c->next) c->order = n++;
	struct writer_change **all = n > 1 ? malloc(n * sizeof(struct writer_change *)) : NULL;
	if (!all) return n;
	n = 0;
	for (struct writer_change *c = *list; c; c = c->next) all[n++] = c;
	qsort(all, n, sizeof *all, by_message);
	struct writer_change **end = list;
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && all[i]->id == all[i + 1]->id) {
			writer_change_free(all[i]);
			continue;
		}
		*end = all[i];
		end = &all[i]->next;
		left++;
	}
	*end = NULL;
	free(all);
	return left;
}

static void merge_recipients(struct spool_message *stored, const struct spool_message *update)
{
	if (stored->recipient_count != update->recipient_count) return;
	for (size_t i = 0; i < stored->recipient_count; i++) {
		struct spool_recipient *to = &stored->recipients[i];
		const struct spool_recipient *from = &update->recipients[i];
		if (!slice_equal(to->address, from->address))
			return; /* `backstop held release --to` put another there */
		to->state = from->state;
		to->delay_told = from->delay_told;
		to->last_attempt = from->last_attempt;
		to->last_reply = from->last_reply;
		to->last_remote = from->last_remote;
	}
}

/* edited: `backstop queue` changed the record and the relay has not taken that up yet, so its word on time and hold stands. */
static void merge(struct spool_message *stored, const struct spool_message *update, bool edited)
{
	stored->attempts = update->attempts;
	merge_recipients(stored, update);
	if (edited) return;
	stored->next_attempt = update->next_attempt;
	stored->expires = update->expires;
	if (!stored->hold && update->hold) {
		stored->hold = true;
		stored->hold_reason = update->hold_reason;
		stored->held_since = update->held_since;
	}
}

static enum error apply_update(struct db_txn *t, const struct writer_change *c, struct arena *a)
{
	struct spool_message stored, update;
	bool edited;
	enum error err = spool_read(t, c->id, a, &stored);
	if (err) return err;
	err = spool_is_changed(t, c->id, &edited);
	if (!err) err = spool_decode(a, c->record, &update);
	if (err) return err;
	merge(&stored, &update, edited);
	return spool_replace(t, &stored);
}

static enum error apply_change(struct db_txn *t, const struct writer_change *c, struct arena *a)
{
	char text[SPOOL_ID_TEXT];
	if (!c->record.p) return spool_remove(t, c->id);
	enum error err = apply_update(t, c, a);
	if (err == ERR_NOT_FOUND) return ERR_OK; /* dropped meanwhile */
	if (err != ERR_CORRUPT && err != ERR_VERSION) return err;
	/* One bad record must not keep all others from the disk. */
	log_begin(LOG_ERROR, "spool_record");
	log_str("id", spool_id_text(c->id, text));
	log_error("error", err);
	log_end();
	return ERR_OK;
}

enum error writer_change_apply(struct db_txn *t, void *arg)
{
	struct arena a;
	arena_init(&a, RECORD_MOST);
	enum error err = apply_change(t, arg, &a);
	arena_free(&a);
	return err;
}

enum error writer_batch_commit(struct db_txn *t, void *arg)
{
	struct writer_batch *b = arg;
	struct arena a;
	enum error err = ERR_OK;
	b->stored = b->removed = 0;
	arena_init(&a, RECORD_MOST);
	for (const struct writer_change *c = b->changes; !err && c; c = c->next) {
		err = apply_change(t, c, &a);
		b->removed += !c->record.p;
		arena_reset(&a);
	}
	for (const struct writer_job *s = b->stores; !err && s; s = s->next) {
		if (s->record.n == 0) continue;
		err = spool_put_encoded(t, s->id, s->record, s->body);
		if (!err && s->also) err = s->also(t, s->also_arg);
		b->stored++;
	}
	arena_free(&a);
	return err;
}
