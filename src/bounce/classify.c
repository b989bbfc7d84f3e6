/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/classify.h"

#include <math.h>
#include <stdlib.h>

#include "bounce/bundle_internal.h"

#define SUREST 0.9999
#define WORTH  0.4 /* what a sum that speaks for a class is worth: docs/rules.md has the measurement */

struct classifier {
	struct signal_reader *reader;
};

struct classifier *classifier_new(void)
{
	struct classifier *c = calloc(1, sizeof *c);
	if (!c) return NULL;
	c->reader = signal_reader_new();
	if (c->reader) return c;
	free(c);
	return NULL;
}

void classifier_free(struct classifier *c)
{
	if (!c) return;
	signal_reader_free(c->reader);
	free(c);
}

/* Signals that speak for a class are not independent of each other, so their sum says more than it knows: it is worth WORTH of itself,
 * and nothing is surer than SUREST. That nothing speaks for it is what it says. */
static double probable(double sum)
{
	double p = 1 / (1 + exp(sum > 0 ? -sum * WORTH : -sum));
	return p > SUREST ? SUREST : p < 1 - SUREST ? 1 - SUREST : p;
}

/* The worst that a recipient met with: a report of one failure among deliveries is a failure. */
static enum bounce_kind kind_of_actions(const struct status_report *s)
{
	static const enum bounce_kind kinds[] = {
		[STATUS_FAILED] = KIND_FAILED,     [STATUS_DELAYED] = KIND_DELAYED,     [STATUS_RELAYED] = KIND_RELAYED,
		[STATUS_EXPANDED] = KIND_EXPANDED, [STATUS_DELIVERED] = KIND_DELIVERED,
	};
	enum bounce_kind worst = KIND_NONE;
	for (size_t i = 0; i < s->recipient_count; i++) {
		enum status_action action = s->recipients[i].action;
		enum bounce_kind kind = action == STATUS_ACTION_NONE ? KIND_NONE : kinds[action];
		if (kind != KIND_NONE && (worst == KIND_NONE || kind < worst)) worst = kind;
	}
	return worst;
}

/* RFC 3463 2: class 2 is success, 5 failure. Class 4 tells of both the delay and its end. */
static enum bounce_kind kind_of_codes(const struct status_report *s)
{
	bool success = false;
	for (size_t i = 0; i < s->recipient_count; i++) {
		struct slice code = status_code(s->recipients[i].status);
		if (code.n > 0 && code.p[0] == '5') return KIND_FAILED;
		if (code.n > 0 && code.p[0] == '2') success = true;
	}
	return success ? KIND_DELIVERED : KIND_NONE;
}

/* Of the signals that say a kind the first in the bundle speaks; who says nothing else means failure. */
static enum bounce_kind kind_of(const struct bundle *b, const struct signals *s)
{
	enum bounce_kind kind = KIND_NONE;
	if (signal_fired(&s->fired, STRUCTURE_STATUS_FIELDS)) {
		kind = kind_of_actions(&s->status);
		if (kind == KIND_NONE) kind = kind_of_codes(&s->status);
	}
	for (size_t i = 0; kind == KIND_NONE && signal_next(&s->fired, &i); i++) kind = b->rules->signals[i].kind;
	return kind == KIND_NONE ? KIND_FAILED : kind;
}

static void weigh(const struct rules *rules, const struct signal_set *fired, struct classification *out)
{
	double best = 0;
	for (size_t c = 0; c < CLASS_OTHER; c++) out->score[c] = rules->bias[c];
	for (size_t i = 0; signal_next(fired, &i); i++)
		for (size_t c = 0; c < CLASS_OTHER; c++) out->score[c] += rules->signals[i].weight[c];
	out->class = CLASS_OTHER;
	for (size_t c = 0; c < CLASS_OTHER; c++) {
		double p = probable(out->score[c]);
		if (p > best) best = p;
		if (out->score[c] > 0 && out->class == CLASS_OTHER) {
			out->class = (enum bounce_class)c;
			out->probability = p;
		}
	}
	if (out->class == CLASS_OTHER) out->probability = 1 - best;
}

static bool list_fired(struct arena *a, const struct rules *rules, const struct signal_set *fired,
                       struct classification *out)
{
	size_t n = 0;
	for (size_t i = 0; i < RULES_SIGNALS / 64; i++) n += (size_t)__builtin_popcountll(fired->bits[i]);
	struct slice *names = arena_alloc(a, (n + 1) * sizeof *names);
	if (!names) return false;
	out->fired = names;
	for (size_t i = 0; signal_next(fired, &i); i++) names[out->fired_count++] = rules->signals[i].name;
	return true;
}

enum error classify(struct classifier *c, const struct bundle *b, struct arena *a, const struct mime_part *root,
                    const struct slice *mail_from, struct classification *out)
{
	*out = (struct classification){.class = CLASS_OTHER};
	struct signals *s = ARENA_NEW(a, struct signals);
	if (!s) return ERR_NO_MEMORY;
	enum error e = signals_read(c->reader, b, a, root, mail_from, s);
	if (e) return e;
	weigh(b->rules, &s->fired, out);
	if (out->class == CLASS_NDR) out->kind = kind_of(b, s);
	if (signal_fired(&s->fired, STRUCTURE_STATUS_FIELDS)) out->status = &s->status;
	return list_fired(a, b->rules, &s->fired, out) ? ERR_OK : ERR_NO_MEMORY;
}
