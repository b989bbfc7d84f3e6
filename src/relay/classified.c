/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/classified.h"

#include "base/metrics.h"

#define ARENA_MOST  (16 * 1024 * 1024)
#define ARENA_FIRST (64 * 1024) /* more than most messages take; what they do not touch costs nothing */

/* The beginning of the message: its memory, or a copy. p NULL: no memory, or it cannot be read. */
static struct slice beginning(struct arena *a, const struct blob *message)
{
	struct slice all = blob_in_memory(message);
	size_t got = 0;
	if (all.p) return slice_sub(all, 0, CLASSIFIED_LOOKED);
	char *copy = arena_alloc(a, CLASSIFIED_LOOKED);
	if (!copy || blob_read(message, 0, copy, CLASSIFIED_LOOKED, &got)) return (struct slice){NULL, 0};
	return slice_of(copy, got);
}

static void count(const struct classified *c)
{
	static const enum metric metrics[CLASS_COUNT] = {[CLASS_ARF] = METRIC_class_arf,
	                                                 [CLASS_CHALLENGE] = METRIC_class_challenge,
	                                                 [CLASS_NDR] = METRIC_class_ndr,
	                                                 [CLASS_AUTOREPLY] = METRIC_class_autoreply,
	                                                 [CLASS_OTHER] = METRIC_class_other};
	metric_add(c->known ? metrics[c->class.class] : METRIC_class_unknown, 1);
}

void classified_read(struct classified *c, struct worker *w, const struct blob *message, struct slice return_path)
{
	*c = (struct classified){.class = {.class = CLASS_OTHER}};
	arena_init_sized(&c->arena, ARENA_MOST, ARENA_FIRST);
	c->cut = message->size > CLASSIFIED_LOOKED;
	c->rules = worker_rules(w);
	struct slice text = beginning(&c->arena, message);
	if (!text.p || !mime_parse(&c->arena, text, &c->mime)) c->mime.root = NULL;
	if (c->mime.root && c->rules)
		c->known =
			classify(w->classifier, c->rules, &c->arena, c->mime.root, &return_path, &c->class) == ERR_OK;
	if (!c->known) c->class = (struct classification){.class = CLASS_OTHER};
	count(c);
}

void classified_free(struct classified *c)
{
	arena_free(&c->arena);
	bundle_unref(c->rules);
	c->rules = NULL;
	c->mime.root = NULL;
}

const char *classified_signals(const struct classified *c, char out[CLASSIFIED_SIGNALS])
{
	size_t n = 0;
	for (size_t i = 0; i < c->class.fired_count; i++) {
		struct slice name = c->class.fired[i];
		if (n + name.n + 2 > CLASSIFIED_SIGNALS) break;
		if (n) out[n++] = ' ';
		memcpy(out + n, name.p, name.n);
		n += name.n;
	}
	out[n] = '\0';
	return out;
}
