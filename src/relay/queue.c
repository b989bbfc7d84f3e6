/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/queue.h"

#include <assert.h>
#include <stdlib.h>

#define QUEUED_MAGIC     0x0e0e0edau
#define FIRST_BUCKETS    1024
#define COMPACT_ABOVE    (16 * 1024)
#define RECORD_ARENA     (1024 * 1024)
#define RECORD_RECIPIENT 2048

enum error queue_init(struct queue *q)
{
	memset(q, 0, sizeof(*q));
	q->buckets = calloc(FIRST_BUCKETS, sizeof(*q->buckets));
	if (!q->buckets) return ERR_NO_MEMORY;
	q->bucket_count = FIRST_BUCKETS;
	return ERR_OK;
}

static void free_queued(struct queued *m)
{
	assert(m->magic == QUEUED_MAGIC);
	m->magic = 0;
	message_unref(m->message);
	free(m);
}

void queue_free(struct queue *q)
{
	for (size_t i = 0; i < q->bucket_count; i++) {
		for (struct queued *m = q->buckets[i], *next; m; m = next) {
			next = m->next;
			free_queued(m);
		}
	}
	free(q->buckets);
	free(q->heap);
	memset(q, 0, sizeof(*q));
}

/* ---- by id ---- */

static struct queued **bucket(const struct queue *q, uint64_t id)
{
	return &q->buckets[(id * 0x9e3779b97f4a7c15u >> 20) & (q->bucket_count - 1)];
}

/* Without memory the table stays as it is and gets slower. */
static void grow_buckets(struct queue *q)
{
	struct queue bigger = *q;
	bigger.bucket_count *= 2;
	bigger.buckets = calloc(bigger.bucket_count, sizeof(*bigger.buckets));
	if (!bigger.buckets) return;
	for (size_t i = 0; i < q->bucket_count; i++) {
		for (struct queued *m = q->buckets[i], *next; m; m = next) {
			struct queued **b = bucket(&bigger, m->message->record.id);
			next = m->next;
			m->next = *b;
			*b = m;
		}
	}
	free(q->buckets);
	q->buckets = bigger.buckets;
	q->bucket_count = bigger.bucket_count;
}

static bool make_heap_room(struct queue *q)
{
	if (q->count < q->heap_room) return true;
	size_t room = q->heap_room ? q->heap_room * 2 : FIRST_BUCKETS;
	struct queued **heap = realloc(q->heap, room * sizeof(struct queued *));
	if (!heap) return false;
	q->heap = heap;
	q->heap_room = room;
	return true;
}

/* A body that is a file need not keep a descriptor while it waits, and bodies together are bounded. */
static void count_body(struct queue *q, struct queued *m)
{
	struct message *message = m->message;
	if (!message->body_loaded) return;
	if (message->body.fd >= 0 || q->bodies + message->body.size > QUEUE_BODIES) {
		blob_free(&message->body);
		message->body_loaded = false;
		return;
	}
	m->body_counted = true;
	q->bodies += message->body.size;
}

struct queued *queue_add(struct queue *q, struct message *message)
{
	struct queued *m = make_heap_room(q) ? calloc(1, sizeof(*m) + message->record.recipient_count) : NULL;
	if (!m) return NULL;
	if (q->count >= q->bucket_count) grow_buckets(q);
	m->magic = QUEUED_MAGIC;
	m->message = message;
	struct queued **b = bucket(q, message->record.id);
	m->next = *b;
	*b = m;
	q->count++;
	if (message->record.hold) q->held++;
	count_body(q, m);
	return m;
}

struct queued *queue_find(const struct queue *q, uint64_t id)
{
	struct queued *m = *bucket(q, id);
	while (m && m->message->record.id != id) m = m->next;
	return m;
}

void queue_remove(struct queue *q, struct queued *m)
{
	struct queued **at = bucket(q, m->message->record.id);
	assert(m->magic == QUEUED_MAGIC && m->parts == 0);
	while (*at != m) at = &(*at)->next;
	*at = m->next;
	queue_unschedule(q, m);
	queue_drop_body(q, m);
	if (m->message->record.hold) q->held--;
	q->count--;
	free_queued(m);
}

void queue_each(const struct queue *q, void (*each)(const struct queued *, void *arg), void *arg)
{
	for (size_t i = 0; i < q->bucket_count; i++)
		for (const struct queued *m = q->buckets[i]; m; m = m->next) each(m, arg);
}

/* ---- by time ---- */

static void place(struct queue *q, struct queued *m, size_t i)
{
	q->heap[i] = m;
	m->heap = i + 1;
}

static void sift_up(struct queue *q, struct queued *m, size_t i)
{
	for (; i > 0 && q->heap[(i - 1) / 2]->due > m->due; i = (i - 1) / 2) place(q, q->heap[(i - 1) / 2], i);
	place(q, m, i);
}

static void sift_down(struct queue *q, struct queued *m, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < q->heap_count; i = child) {
		if (child + 1 < q->heap_count && q->heap[child + 1]->due < q->heap[child]->due) child++;
		if (q->heap[child]->due >= m->due) break;
		place(q, q->heap[child], i);
	}
	place(q, m, i);
}

void queue_schedule(struct queue *q, struct queued *m, int64_t due)
{
	queue_unschedule(q, m);
	m->due = due;
	assert(q->heap_count < q->heap_room);
	sift_up(q, m, q->heap_count++);
}

void queue_unschedule(struct queue *q, struct queued *m)
{
	if (!m->heap) return;
	size_t i = m->heap - 1;
	struct queued *last = q->heap[--q->heap_count];
	m->heap = 0;
	if (last == m) return;
	if (i > 0 && q->heap[(i - 1) / 2]->due > last->due)
		sift_up(q, last, i);
	else
		sift_down(q, last, i);
}

int64_t queue_next_due(const struct queue *q)
{
	return q->heap_count ? q->heap[0]->due : INT64_MAX;
}

struct queued *queue_take_due(struct queue *q, int64_t now)
{
	if (queue_next_due(q) > now) return NULL;
	struct queued *m = q->heap[0];
	queue_unschedule(q, m);
	return m;
}

/* ---- bodies and records ---- */

enum error queue_load_body(struct queue *q, struct queued *m, struct db *spool)
{
	struct message *message = m->message;
	if (message->body_loaded) return ERR_OK;
	enum error e = spool_body(spool, &message->record, &message->body);
	if (e) return e;
	message->body_loaded = true;
	m->body_counted = message->body.fd < 0;
	if (m->body_counted) q->bodies += message->body.size;
	return ERR_OK;
}

void queue_drop_body(struct queue *q, struct queued *m)
{
	struct message *message = m->message;
	if (m->body_counted) q->bodies -= message->body.size;
	m->body_counted = false;
	if (message->body_loaded) blob_free(&message->body);
	message->body_loaded = false;
}

static bool copy(struct arena *a, struct slice *s)
{
	*s = s->p ? arena_copy(a, *s) : SLICE_EMPTY;
	return s->p != NULL;
}

bool queue_copy_record(struct arena *a, const struct spool_message *from, struct spool_message *to)
{
	*to = *from;
	bool ok = copy(a, &to->return_path) && copy(a, &to->envid) && copy(a, &to->source) &&
	          copy(a, &to->hold_reason) && copy(a, &to->message_id);
	to->recipients = arena_alloc(a, (from->recipient_count + 1) * sizeof(*to->recipients));
	if (!ok || !to->recipients) return false;
	for (size_t i = 0; i < from->recipient_count; i++) {
		struct spool_recipient *r = &to->recipients[i];
		*r = from->recipients[i];
		if (!copy(a, &r->address) || !copy(a, &r->orcpt) || !copy(a, &r->last_reply) ||
		    !copy(a, &r->last_remote))
			return false;
	}
	return true;
}

void queue_compact(struct queue *q, struct queued *m)
{
	(void)q;
	struct message *message = m->message;
	size_t n = message->record.recipient_count;
	if (message->arena.used < COMPACT_ABOVE + n * RECORD_RECIPIENT) return;
	struct arena fresh;
	struct spool_message record;
	arena_init(&fresh, RECORD_ARENA + 4 * n * RECORD_RECIPIENT);
	if (!queue_copy_record(&fresh, &message->record, &record)) {
		arena_free(&fresh);
		return;
	}
	arena_free(&message->arena);
	message->arena = fresh;
	message->record = record;
}
