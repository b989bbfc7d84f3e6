/* SPDX-License-Identifier: Apache-2.0 */
#include "list/weigh.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY 86400LL

const struct weigh_policy weigh_policy_default = {
	.score = 300,
	.targets = 2,
	.days = 1,
	.few = 6,
	.lifetime = 28 * DAY,
	.short_lifetime = 7 * DAY,
	.any_acts = 20,
	.any_targets = 5,
	.any_days = 3,
	.any_senders = 100,
};

static const uint8_t class_weights[ACT_CLASS_COUNT] = {
#define X(class, weight) [ACT_##class] = weight,
	WEIGH_CLASS_TABLE(X)
#undef X
};

struct weigh_act weigh_act_of(const struct act *a)
{
	struct weigh_act w = {.time = a->time,
	                      .last = a->last,
	                      .target = a->target,
	                      .count = a->count,
	                      .class = (uint8_t)a->class,
	                      .strength = a->strength > 100 ? 100 : a->strength};
	if (a->reporter.n) w.reporter = slice_hash(a->reporter) | 1;
	return w;
}

/* ---- which acts count --------------------------------------------------------------------------------------------- */

/* An act that counts: its points, and the day and target that it is one with others by. */
struct point {
	int64_t day;
	uint64_t target;
	uint64_t reporter; /* 0: ourselves */
	unsigned points;
};

/* What the acts come to. */
struct sum {
	struct point *points;
	size_t count; /* of points; after once_a_day() one for each target and day */
	unsigned score, targets, days;
	unsigned own_acts, own_targets, own_days;
	uint8_t classes, seen;
	uint32_t events;
	int64_t first, last;
	unsigned said; /* the score, had the loudest reporter all its weight */
	bool only_callouts, only_one_reporter;
};

struct window {
	int64_t from, removed;
	bool callouts, outside; /* what counts */
};

static bool is_in(const struct weigh_act *a, const struct window *in)
{
	return a->last > in->from && a->last > in->removed && (in->callouts || a->class != ACT_callout);
}

/* Two reporters, or one and ourselves. */
static bool outside_counts(const struct weighing *w, const struct window *in)
{
	uint64_t first = 0;
	bool own = false, two = false, outside = false;
	for (size_t i = 0; i < w->count; i++) {
		const struct weigh_act *a = &w->acts[i];
		if (!is_in(a, in)) continue;
		if (a->reporter == 0) {
			own = true;
		} else {
			two = two || (outside && a->reporter != first);
			first = a->reporter;
			outside = true;
		}
	}
	return outside && (own || two);
}

static int64_t newest(const struct weighing *w, const struct window *in)
{
	int64_t last = 0;
	for (size_t i = 0; i < w->count; i++)
		if (is_in(&w->acts[i], in) && w->acts[i].last > last) last = w->acts[i].last;
	return last;
}

static void take_act(struct sum *s, const struct weigh_act *a, const struct window *in)
{
	/* The first of its count may have been before the removal. */
	int64_t time = a->time > in->removed ? a->time : a->last;
	s->points[s->count++] = (struct point){.day = time / DAY,
	                                       .target = a->target,
	                                       .reporter = a->reporter,
	                                       .points = (unsigned)a->strength * class_weights[a->class] / 100};
	s->classes |= (uint8_t)(1u << a->class);
	s->events = a->count > UINT32_MAX - s->events ? UINT32_MAX : s->events + a->count;
	if (s->first == 0 || time < s->first) s->first = time;
	if (a->last > s->last) s->last = a->last;
}

/* ---- counting ----------------------------------------------------------------------------------------------------- */

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* By target, then day, what we saw first, the strongest first. */
static int by_target(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int order = ORDER(x->target, y->target);
	if (!order) order = ORDER(x->day, y->day);
	if (!order) order = ORDER(x->reporter != 0, y->reporter != 0);
	return order ? order : ORDER(y->points, x->points);
}

static int by_day(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int order = ORDER(x->day, y->day);
	return order ? order : ORDER(x->reporter != 0, y->reporter != 0);
}

static int by_reporter(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	return ORDER(x->reporter, y->reporter);
}

static void once_a_day(struct sum *s)
{
	size_t kept = 0;
	qsort(s->points, s->count, sizeof *s->points, by_target);
	for (size_t i = 0; i < s->count; i++) {
		struct point *p = &s->points[i], *last = kept ? &s->points[kept - 1] : NULL;
		if (last && last->target == p->target && last->day == p->day) {
			if (p->points > last->points) last->points = p->points;
			continue;
		}
		if (!last || last->target != p->target) s->targets++;
		s->points[kept++] = *p;
	}
	s->count = kept;
}

static void count_own(struct sum *s)
{
	uint64_t target = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct point *p = &s->points[i];
		if (p->reporter) continue;
		if (s->own_acts++ == 0 || p->target != target) s->own_targets++;
		target = p->target;
	}
}

static void count_days(struct sum *s)
{
	qsort(s->points, s->count, sizeof *s->points, by_day);
	for (size_t i = 0; i < s->count; i++) {
		bool new_day = i == 0 || s->points[i - 1].day != s->points[i].day;
		s->score += s->points[i].points;
		s->days += new_day;
		s->own_days += new_day && s->points[i].reporter == 0;
	}
}

/* No reporter's word weighs more than that of all others and ourselves together: else who saw one act, or had somebody make it, could
 * say the rest. */
static void bound_reporters(struct sum *s)
{
	unsigned loudest = 0, of = 0;
	qsort(s->points, s->count, sizeof *s->points, by_reporter);
	for (size_t i = 0; i < s->count; i++) {
		if (i == 0 || s->points[i].reporter != s->points[i - 1].reporter) of = 0;
		of += s->points[i].points;
		if (s->points[i].reporter && of > loudest) loudest = of;
	}
	s->said = s->score;
	if (loudest > s->score - loudest) s->score = 2 * (s->score - loudest);
}

static void add_up(const struct weighing *w, const struct weigh_policy *p, int64_t removed, struct sum *s)
{
	struct window in = {.removed = removed, .callouts = p->callouts};
	for (size_t i = 0; i < w->count; i++) s->seen |= (uint8_t)(1u << w->acts[i].class);
	in.from = newest(w, &in) - p->lifetime;
	in.outside = outside_counts(w, &in);
	bool any = false, callouts = false;
	for (size_t i = 0; i < w->count; i++) {
		const struct weigh_act *a = &w->acts[i];
		bool is = is_in(a, &in);
		any = any || is;
		callouts = callouts || (a->class == ACT_callout && a->last > removed);
		if (is && (in.outside || a->reporter == 0)) take_act(s, a, &in);
	}
	s->only_callouts = callouts && !any;
	s->only_one_reporter = any && s->count == 0;
	once_a_day(s);
	count_own(s);
	count_days(s);
	bound_reporters(s);
}

/* ---- the verdict -------------------------------------------------------------------------------------------------- */

/* Acts of the last weeks against the ordinary messages of the same. */
static enum grade grade_of(const struct weighing *w, uint64_t exposure)
{
	uint64_t events = 0;
	for (size_t i = 0; i < w->count; i++)
		if (w->acts[i].last > w->now - WEIGH_WINDOW) events += w->acts[i].count;
	if (!w->exposure || w->exposure->first == 0) return GRADE_only;
	if (events >= exposure) return GRADE_mostly;
	return events >= exposure / 100 ? GRADE_some : GRADE_rare;
}

static enum weighed_as compare(const struct sum *s, const struct weigh_policy *p, unsigned strikes)
{
	unsigned targets = p->targets > 2 ? p->targets : 2, score = strikes ? p->score / 2 : p->score;
	if (s->only_callouts) return WEIGHED_callouts;
	if (s->only_one_reporter) return WEIGHED_one_reporter;
	if (s->count == 0) return WEIGHED_nothing;
	if (s->targets < 2) return WEIGHED_one_target;
	if (s->targets < targets || s->said < score) return WEIGHED_too_little;
	if (s->score < score) return WEIGHED_one_reporter;
	if (s->days < p->days) return WEIGHED_few_days;
	return strikes ? WEIGHED_again : WEIGHED_enough;
}

static int64_t life(const struct sum *s, const struct weigh_policy *p, enum grade grade, unsigned strikes)
{
	bool is_short = grade == GRADE_rare || (s->count < p->few && strikes == 0);
	return is_short && p->short_lifetime < p->lifetime ? p->short_lifetime : p->lifetime;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void take_facts(struct weighed *r, const struct sum *s)
{
	r->classes = s->classes;
	r->events = s->events;
	r->targets = s->targets;
	r->days = s->days;
	r->first_seen = s->first;
	r->last_seen = s->last;
}

/* Not listed: why. */
static enum weighed_as why_not(const struct weighed *before, bool was, enum weighed_as as)
{
	if (was || as == WEIGHED_enough || as == WEIGHED_again) return WEIGHED_expired;
	bool over = before->as == WEIGHED_removed || before->as == WEIGHED_expired;
	return as == WEIGHED_nothing && over ? before->as : as;
}

static void decide(struct weighed *r, const struct weighing *w, const struct weigh_policy *p, const struct sum *s)
{
	const struct weighed before = *r;
	bool stays = before.listed && !w->afresh && w->now < before.expires;
	int64_t until = s->last + life(s, p, r->grade, r->strikes);
	enum weighed_as as = compare(s, p, r->strikes);
	bool enough = (as == WEIGHED_enough || as == WEIGHED_again) && w->now < until;
	r->listed = !w->barred && (enough || stays);
	if (enough || !before.listed) take_facts(r, s);
	if (!r->listed) {
		r->as = w->barred ? w->barred : why_not(&before, before.listed && !w->afresh, as);
	} else if (enough) {
		r->as = as;
		r->expires = stays ? later(before.expires, until) : until;
	} else {
		r->as = WEIGHED_still;
		r->last_seen = later(r->last_seen, s->last);
		r->expires = later(before.expires, s->last + p->short_lifetime);
	}
	r->any = !w->blind && r->listed && enough && r->grade == GRADE_only && s->own_acts >= p->any_acts &&
	         s->own_targets >= p->any_targets && s->own_days >= p->any_days;
}

static void keep_history(struct weighed *r, bool was, bool known, int64_t now)
{
	if (r->listed && !was) {
		r->listed_at = now;
		if (r->times < UINT16_MAX) r->times++;
	}
	if (was && !r->listed) r->off_at = now;
	if (r->listed)
		r->due = earlier(r->expires, now + 7 * DAY); /* the grade may have changed */
	else
		r->due = known ? later(r->off_at, r->removed) + WEIGHED_MEMORY : 0;
}

struct weighed weigh(const struct weighing *w, const struct weigh_policy *p)
{
	struct weighed r = {0};
	struct point points[WEIGH_ACTS_MOST];
	struct weighing bounded = *w; /* as many acts as there is room for */
	if (bounded.count > WEIGH_ACTS_MOST) {
		bounded.acts += bounded.count - WEIGH_ACTS_MOST;
		bounded.count = WEIGH_ACTS_MOST;
	}
	struct sum s = {.points = points};
	if (w->history) r = *w->history;
	r.unit = w->unit;
	r.reason = SLICE_EMPTY;
	if (r.removed && w->now - r.removed > WEIGHED_MEMORY) r.strikes = 0;
	add_up(&bounded, p, r.removed, &s);
	bool was = r.listed, known = w->history && (was || r.times || r.removed);
	r.exposure = w->exposure ? exposure_recent(w->exposure, w->now) : 0;
	r.grade = grade_of(&bounded, r.exposure);
	r.seen = s.seen;
	decide(&r, &bounded, p, &s);
	keep_history(&r, was, known, w->now);
	return r;
}

/* ---- words -------------------------------------------------------------------------------------------------------- */

static size_t say_classes(unsigned classes, char *out, size_t room)
{
	size_t n = 0;
	for (enum act_class c = 0; c < ACT_CLASS_COUNT; c++) {
		if (!(classes & 1u << c)) continue;
		const char *between = n == 0 ? "" : classes >> (c + 1) ? ", " : " and ";
		n += (size_t)snprintf(out + n, room - n, "%s%s", between, act_class_word(c));
	}
	return n;
}

const char *weigh_reason(const struct weighed *w, char out[WEIGHED_REASON_MOST + 1])
{
	size_t room = WEIGHED_REASON_MOST + 1, n = say_classes(w->classes, out, room);
	if (n == 0) n = (size_t)snprintf(out, room, "backscatter");
	snprintf(out + n, room - n, " to %u address%s on %u day%s", w->targets, w->targets == 1 ? "" : "es", w->days,
	         w->days == 1 ? "" : "s");
	return out;
}
