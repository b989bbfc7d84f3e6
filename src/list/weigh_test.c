/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three kinds of test: verdicts by table; properties that hold whatever the evidence is; and a year of traffic of every kind of
 * sender, day by day, with the days on which each is listed and taken off.
 */
#include "list/weigh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY   86400LL
#define WEEK  (7 * DAY)
#define START (20454 * DAY) /* 2026-01-01 */

/* ---- verdicts ----------------------------------------------------------------------------------------------------- */

/* Words: "DAY CLASS WITNESS TARGET REPORTER [COUNT]", parted by commas; reporter 0 is ourselves. */
static size_t parse_acts(const char *text, struct weigh_act *out)
{
	size_t n = 0;
	char class[16], witness[16];
	int day, used;
	unsigned target, reporter;
	for (; sscanf(text, " %d %15s %15s %u %u%n", &day, class, witness, &target, &reporter, &used) == 5; n++) {
		enum act_class c;
		enum witnessed w;
		assert_true(act_class_parse(slice_str(class), &c));
		assert_true(witnessed_parse(slice_str(witness), &w));
		int64_t time = START + day * DAY + 60 * (int64_t)n;
		out[n] = (struct weigh_act){.time = time,
		                            .last = time,
		                            .target = target,
		                            .reporter = reporter,
		                            .count = 1,
		                            .class = (uint8_t)c,
		                            .strength = (uint8_t)witnessed_strength(w)};
		text += used;
		unsigned count;
		if (sscanf(text, " x%u%n", &count, &used) == 1) {
			out[n].count = count;
			text += used;
		}
		text += strspn(text, " ,");
	}
	assert_string_equal(text, "");
	return n;
}

static struct weighed verdict(const char *text, int day, const struct weighed *history, unsigned exposure,
                              const struct weigh_policy *p)
{
	struct weigh_act acts[64];
	struct exposure e = {.first = START, .last = START + day * DAY};
	e.week[e.last / WEEK % EXPOSURE_WEEKS] = exposure;
	struct weighing w = {.acts = acts,
	                     .count = parse_acts(text, acts),
	                     .exposure = exposure ? &e : NULL,
	                     .history = history,
	                     .now = START + day * DAY + DAY / 2};
	return weigh(&w, p ? p : &weigh_policy_default);
}

static void verdicts(void **state)
{
	static const struct {
		const char *acts;
		int day;
		enum weighed_as as;
		int days_left; /* until it expires, of those listed */
	} cases[] = {
		{"", 0, WEIGHED_nothing, 0},
		{"0 bounce trap 1 0", 0, WEIGHED_one_target, 0},
		{"0 bounce trap 1 0 x10000", 0, WEIGHED_one_target, 0},
		{"0 bounce trap 1 0, 1 bounce trap 1 0, 2 bounce trap 1 0, 3 bounce trap 1 0", 3, WEIGHED_one_target,
	         0},
		{"0 bounce trap 1 0, 0 bounce trap 2 0", 0, WEIGHED_too_little, 0},
		{"0 bounce trap 1 0, 0 bounce trap 2 0, 0 bounce trap 3 0", 0, WEIGHED_enough, 7},
		{"0 bounce trap 1 0, 0 bounce trap 2 0, 1 bounce trap 1 0", 1, WEIGHED_enough, 7},
		{"0 bounce trap 1 0, 0 bounce trap 1 0, 0 bounce trap 2 0", 0, WEIGHED_too_little, 0}, /* once a day */
		{"0 bounce trap 1 0, 0 bounce trap 2 0, 0 bounce trap 3 0", 6, WEIGHED_enough, 1},
		{"0 bounce trap 1 0, 0 bounce trap 2 0, 0 bounce trap 3 0", 7, WEIGHED_expired, 0},
		{"0 bounce trap 1 0, 0 bounce trap 2 0, 0 bounce trap 3 0, 0 bounce trap 4 0, 0 bounce trap 5 0, "
	         "0 bounce trap 6 0",
	         0, WEIGHED_enough, 28},
		{"0 bounce trap 1 0, 20 bounce trap 2 0, 40 bounce trap 3 0", 40, WEIGHED_too_little,
	         0}, /* too long ago */
		{"0 bounce judge 1 0, 0 bounce judge 2 0, 0 bounce judge 3 0", 0, WEIGHED_too_little, 0},
		{"0 bounce judge 1 0, 0 bounce judge 2 0, 0 bounce judge 3 0, 0 bounce judge 4 0", 0, WEIGHED_enough,
	         7},
		{"0 autoreply trap 1 0, 0 autoreply trap 2 0, 0 autoreply trap 3 0, 0 autoreply trap 4 0", 0,
	         WEIGHED_too_little, 0},
		{"0 autoreply trap 1 0, 0 autoreply trap 2 0, 0 autoreply trap 3 0, 0 autoreply trap 4 0, "
	         "0 autoreply trap 5 0",
	         0, WEIGHED_enough, 7},
		{"0 callout trap 1 0, 0 callout trap 2 0, 0 callout trap 3 0, 0 callout trap 4 0, 0 callout trap 5 0, "
	         "0 callout trap 6 0",
	         0, WEIGHED_callouts, 0},
		/* Callouts do not make up what bounces lack. */
		{"0 callout trap 1 0, 0 callout trap 2 0, 0 callout trap 3 0, 0 callout trap 4 0, 0 bounce trap 5 0", 0,
	         WEIGHED_one_target, 0},
		{"0 bounce report 1 7, 0 bounce report 2 7, 0 bounce report 3 7, 0 bounce report 4 7, "
	         "0 bounce report 5 7, 0 bounce report 6 7",
	         0, WEIGHED_one_reporter, 0},
		{"0 bounce report 1 7, 0 bounce report 2 7, 0 bounce report 3 7, 0 bounce report 4 7, "
	         "0 bounce report 5 8",
	         0, WEIGHED_one_reporter, 0},
		{"0 bounce report 1 7, 0 bounce report 2 7, 0 bounce report 3 7, 0 bounce report 4 8, "
	         "0 bounce report 5 8",
	         0, WEIGHED_one_reporter, 0},
		{"0 bounce report 1 7, 0 bounce report 2 7, 0 bounce report 3 8, 0 bounce report 4 8, "
	         "0 bounce report 5 9",
	         0, WEIGHED_enough, 7},
		{"0 bounce report 1 7, 0 bounce report 2 7, 0 bounce report 3 7, 0 bounce report 4 7, "
	         "0 bounce trap 5 0",
	         0, WEIGHED_one_reporter, 0},
		{"0 bounce report 1 7, 0 bounce report 2 7, 0 bounce trap 4 0, 0 bounce trap 5 0", 0, WEIGHED_enough,
	         7},
		/* Two reporters of one target, and the reporter's word with ours about one target. */
		{"0 bounce report 1 7, 0 bounce report 1 8, 0 bounce trap 1 0", 0, WEIGHED_one_target, 0},
		{"0 bounce manual 1 0, 0 bounce manual 2 0, 0 bounce manual 3 0, 0 bounce manual 4 0, 0 bounce manual "
	         "5 0",
	         0, WEIGHED_enough, 7},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct weighed r = verdict(cases[i].acts, cases[i].day, NULL, 0, NULL);
		if (r.as != cases[i].as) fail_msg("case %zu: %s", i, weighed_as_name(r.as));
		assert_int_equal(r.listed, cases[i].days_left > 0);
		if (r.listed) assert_in_range(r.expires - r.last_seen, 7 * DAY, 28 * DAY);
		if (r.listed) assert_int_equal((r.expires - (START + cases[i].day * DAY)) / DAY, cases[i].days_left);
	}
}

static void policies_change_the_verdict(void **state)
{
	static const char three[] = "0 bounce trap 1 0, 0 bounce trap 2 0, 1 callout trap 3 0";
	struct weigh_policy p = weigh_policy_default;
	assert_false(verdict(three, 1, NULL, 0, &p).listed);
	p.callouts = true;
	p.score = 250;
	struct weighed r = verdict(three, 1, NULL, 0, &p);
	assert_true(r.listed);
	assert_int_equal(r.classes, 1 << ACT_bounce | 1 << ACT_callout);
	p.days = 3;
	assert_int_equal(verdict(three, 1, NULL, 0, &p).as, WEIGHED_few_days);
	p.days = 1;
	p.targets = 4;
	assert_int_equal(verdict(three, 1, NULL, 0, &p).as, WEIGHED_too_little);
	p.targets = 1; /* never one alone */
	p.score = 1;
	assert_int_equal(verdict("0 bounce trap 1 0", 1, NULL, 0, &p).as, WEIGHED_one_target);
}

static void grades(void **state)
{
	static const struct {
		const char *acts;
		unsigned exposure;
		enum grade grade;
		int64_t life;
	} cases[] = {
#define SIX(n)                                                                                                         \
	"0 bounce trap 1 0 x" n                                                                                        \
	", 0 bounce trap 2 0, 0 bounce trap 3 0, 0 bounce trap 4 0, 0 bounce trap 5 0, 0 bounce "                      \
	"trap 6 0"
		{SIX("5"), 0, GRADE_only, 28},     {SIX("5"), 1, GRADE_mostly, 28},    {SIX("5"), 10, GRADE_mostly, 28},
		{SIX("5"), 11, GRADE_some, 28},    {SIX("5"), 1000, GRADE_some, 28},   {SIX("5"), 1100, GRADE_rare, 7},
		{SIX("95"), 1100, GRADE_some, 28}, {SIX("5"), 9999999, GRADE_rare, 7},
#undef SIX
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct weighed r = verdict(cases[i].acts, 0, NULL, cases[i].exposure, NULL);
		assert_true(r.listed);
		assert_false(r.any);
		assert_int_equal(r.grade, cases[i].grade);
		assert_int_equal(r.exposure, cases[i].exposure);
		assert_int_equal(r.expires - r.last_seen, cases[i].life * DAY);
	}
}

static void the_reason_names_classes_targets_and_days(void **state)
{
	char text[WEIGHED_REASON_MOST + 1];
	struct weighed w = {.classes = 1 << ACT_bounce, .targets = 3, .days = 1};
	assert_string_equal(weigh_reason(&w, text), "bounces to 3 addresses on 1 day");
	w.classes = 0x1f;
	w.days = 20;
	assert_string_equal(weigh_reason(&w, text),
	                    "bounces, auto-replies, challenges, virus notices and callouts to 3 addresses on 20 days");
}

/* ---- properties --------------------------------------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;
static unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static int by_time(const void *a, const void *b)
{
	const struct weigh_act *x = a, *y = b;
	return (x->time > y->time) - (x->time < y->time);
}

static size_t random_acts(struct weigh_act *acts, size_t most, unsigned targets, unsigned reporters, bool own)
{
	size_t n = random_below((unsigned)most + 1);
	for (size_t i = 0; i < n; i++) {
		enum witnessed w = random_below(WITNESSED_COUNT);
		int64_t time = START + random_below(56 * 86400);
		acts[i] =
			(struct weigh_act){.time = time,
		                           .last = time + random_below(3600),
		                           .target = 1 + random_below(targets),
		                           .reporter = own ? random_below(reporters + 1) : 1 + random_below(reporters),
		                           .count = 1 + random_below(100),
		                           .class = (uint8_t)random_below(ACT_CLASS_COUNT),
		                           .strength = (uint8_t)witnessed_strength(w)};
	}
	qsort(acts, n, sizeof *acts, by_time);
	return n;
}

static struct weighed at(const struct weigh_act *acts, size_t n, int64_t now, const struct weighed *history)
{
	struct weighing w = {.acts = acts, .count = n, .history = history, .now = now};
	return weigh(&w, &weigh_policy_default);
}

static void one_target_or_one_reporter_never_list_anybody(void **state)
{
	struct weigh_act acts[400];
	for (int i = 0; i < 300; i++) {
		size_t n = random_acts(acts, 400, 1, 5, true);
		struct weighed one_target = at(acts, n, START + 56 * DAY, NULL);
		assert_false(one_target.listed);
		n = random_acts(acts, 400, 300, 1, false);
		struct weighed one_reporter = at(acts, n, START + 56 * DAY, NULL);
		assert_false(one_reporter.listed);
		acts[0].reporter = 0; /* nor with a single act that we saw */
		struct weighed and_one = at(acts, n, START + 56 * DAY, NULL);
		assert_false(and_one.listed);
	}
}

/* More acts never take anybody off, and never make the time of a listing shorter. */
static void more_evidence_never_helps_who_is_listed(void **state)
{
	struct weigh_act acts[200];
	for (int i = 0; i < 100; i++) {
		size_t n = random_acts(acts, 200, 20, 3, true);
		struct weighed row = {0};
		for (size_t k = 1; k <= n; k++) {
			struct weighed before = row;
			int64_t now = acts[k - 1].last;
			row = at(acts, k, now, row.times ? &before : NULL);
			if (before.listed && now < before.expires) {
				assert_true(row.listed);
				assert_true(row.expires >= before.expires);
			}
			if (!row.listed) continue;
			assert_true(row.expires > now && row.due > now && row.due <= row.expires);
			assert_true(row.targets >= 2 && row.days >= 1 && row.events >= 2);
			assert_true(row.expires - row.last_seen <= weigh_policy_default.lifetime);
			assert_false(row.classes & 1 << ACT_callout);
		}
	}
}

static void who_stops_is_taken_off_within_four_weeks_and_stays_off(void **state)
{
	struct weigh_act acts[200];
	for (int i = 0; i < 100; i++) {
		size_t n = random_acts(acts, 200, 20, 3, true);
		struct weighed row = {0};
		if (n == 0) continue;
		int64_t end = 0;
		for (size_t k = 0; k < n; k++) end = acts[k].last > end ? acts[k].last : end;
		for (int day = 0; day < 60; day++) {
			struct weighed before = row;
			row = at(acts, n, end + day * DAY, row.times ? &before : NULL);
			if (day >= 28) assert_false(row.listed);
			if (!before.listed && before.times) assert_false(row.listed);
		}
	}
}

static void who_is_barred_is_never_listed(void **state)
{
	static const enum weighed_as barred[] = {WEIGHED_exempt, WEIGHED_own, WEIGHED_reserved};
	struct weigh_act acts[200];
	for (int i = 0; i < 300; i++) {
		struct weighed history = {.listed = true, .times = 1, .expires = START + 90 * DAY};
		struct weighing w = {.acts = acts,
		                     .count = random_acts(acts, 200, 20, 3, true),
		                     .history = i % 2 ? &history : NULL,
		                     .barred = barred[i % 3],
		                     .now = START + 56 * DAY};
		struct weighed r = weigh(&w, &weigh_policy_default);
		assert_false(r.listed || r.any);
		assert_int_equal(r.as, w.barred);
		if (w.history) assert_int_equal(r.off_at, w.now);
	}
}

static void more_acts_than_there_is_room_for_are_weighed_by_the_newest(void **state)
{
	size_t n = WEIGH_ACTS_MOST + 500;
	struct weigh_act *acts = calloc(n, sizeof *acts);
	assert_non_null(acts);
	for (size_t i = 0; i < n; i++)
		acts[i] = (struct weigh_act){.time = START + (int64_t)i,
		                             .last = START + (int64_t)i,
		                             .target = i,
		                             .count = 1,
		                             .strength = 100};
	struct weighed r = at(acts, n, START + DAY, NULL);
	assert_true(r.listed);
	assert_int_equal(r.targets, WEIGH_ACTS_MOST);
	assert_int_equal(r.last_seen, START + (int64_t)n - 1);
	free(acts);
}

/* ---- a year ------------------------------------------------------------------------------------------------------- */

/* A sender: what it does each day. */
struct sender {
	const char *name;
	enum act_class class;
	enum witnessed witness;
	int from, to, every; /* days on which it acts */
	unsigned acts;       /* a day, */
	unsigned targets;    /* against so many addresses in turn; 0: always another */
	unsigned repeat;     /* how often each */
	unsigned reporter;   /* 0: we see it */
	unsigned exposure;   /* ordinary messages a day, all year */
	int removed[4];      /* days on which its owner asks for removal, at noon; 0: none more */
	const char *story;   /* "+DAY" listed, "-DAY" taken off */
	int any_from;        /* first day in `any`; -1: never */
	enum grade grade;    /* when it was last listed */
	enum weighed_as end; /* at the end of the year */
};

static const struct sender senders[] = {
	{.name = "a server that bounces spam",
         .from = 10,
         .to = 364,
         .every = 1,
         .acts = 12,
         .story = "+10 ",
         .any_from = 12,
         .grade = GRADE_only,
         .end = WEIGHED_enough},
	{.name = "the same, that sends mail too",
         .from = 10,
         .to = 364,
         .every = 1,
         .acts = 12,
         .exposure = 10,
         .story = "+10 ",
         .any_from = -1,
         .grade = GRADE_mostly,
         .end = WEIGHED_enough},
	{.name = "a server that was fixed on the 11th of May",
         .from = 0,
         .to = 130,
         .every = 1,
         .acts = 20,
         .exposure = 200,
         .story = "+0 -158 ",
         .any_from = -1,
         .grade = GRADE_some,
         .end = WEIGHED_expired},
	{.name = "a big provider that leaks now and then",
         .from = 3,
         .to = 364,
         .every = 20,
         .acts = 1,
         .exposure = 1000000,
         .story = "",
         .any_from = -1,
         .end = WEIGHED_too_little},
	{.name = "a big provider that leaks every five days, until summer",
         .from = 0,
         .to = 180,
         .every = 5,
         .acts = 1,
         .exposure = 1000000,
         .story = "+10 -187 ",
         .any_from = -1,
         .grade = GRADE_rare,
         .end = WEIGHED_expired},
	{.name = "a vacation server, in July",
         .class = ACT_autoreply,
         .from = 181,
         .to = 211,
         .every = 1,
         .acts = 6,
         .exposure = 200,
         .story = "+181 -239 ",
         .any_from = -1,
         .grade = GRADE_some,
         .end = WEIGHED_expired},
	{.name = "who checks senders by callouts",
         .class = ACT_callout,
         .from = 0,
         .to = 364,
         .every = 1,
         .acts = 12,
         .exposure = 50,
         .story = "",
         .any_from = -1,
         .end = WEIGHED_callouts},
	{.name = "a flood of bounces at one forged address",
         .from = 40,
         .to = 44,
         .every = 1,
         .acts = 500,
         .targets = 1,
         .story = "",
         .any_from = -1,
         .end = WEIGHED_one_target},
	{.name = "who is accused by one reporter",
         .witness = WITNESSED_report,
         .from = 0,
         .to = 364,
         .every = 1,
         .acts = 20,
         .reporter = 7,
         .exposure = 500,
         .story = "",
         .any_from = -1,
         .end = WEIGHED_one_reporter},
	{.name = "one bad hour",
         .from = 50,
         .to = 50,
         .every = 1,
         .acts = 4,
         .story = "+50 -57 ",
         .any_from = -1,
         .grade = GRADE_only,
         .end = WEIGHED_expired},
	{.name = "a server whose owner asks for removal and has fixed it",
         .from = 30,
         .to = 60,
         .every = 1,
         .acts = 10,
         .removed = {61},
         .story = "+30 -61 ",
         .any_from = 32,
         .grade = GRADE_only,
         .end = WEIGHED_removed},
	{.name = "a server whose owner asks for removal and has not",
         .from = 30,
         .to = 100,
         .every = 1,
         .acts = 2,
         .removed = {61, 70},
         .story = "+31 -61 +62 -70 +71 -128 ",
         .any_from = 39,
         .grade = GRADE_only,
         .end = WEIGHED_expired},
	{.name = "one that slows down but goes on",
         .from = 0,
         .to = 364,
         .every = 6,
         .acts = 1,
         .story = "+12 ",
         .any_from = -1,
         .grade = GRADE_only,
         .end = WEIGHED_enough},
};

struct year {
	const struct sender *sender;
	struct weigh_act acts[20000];
	size_t count, first; /* of the window */
	struct exposure exposure;
	struct weighed row;
	bool known;
	char story[256];
	int any_from;
	enum grade grade;
	enum weighed_as as;
	unsigned next_target;
};

static int day_of(int64_t time)
{
	return (int)((time - START) / DAY);
}

static void weigh_now(struct year *y, int64_t now)
{
	while (y->first < y->count && y->acts[y->first].last <= now - WEIGH_WINDOW) y->first++;
	struct weighed before = y->row;
	struct weighing w = {.acts = y->acts + y->first,
	                     .count = y->count - y->first,
	                     .exposure = &y->exposure,
	                     .history = y->known ? &before : NULL,
	                     .now = now};
	y->row = weigh(&w, &weigh_policy_default);
	y->as = y->row.as;
	y->known = y->known || y->row.listed;
	if (y->row.listed != before.listed)
		snprintf(y->story + strlen(y->story), sizeof y->story - strlen(y->story), "%s%d ",
		         y->row.listed ? "+" : "-", day_of(now));
	if (y->row.listed) y->grade = y->row.grade;
	if (y->row.any && y->any_from < 0) y->any_from = day_of(now);
	if (!y->known) y->row = (struct weighed){0};
}

static void ask_for_removal(struct year *y, int64_t now)
{
	if (!y->row.listed) return;
	y->row.listed = y->row.any = false;
	y->row.strikes++;
	y->row.removed = y->row.off_at = now;
	y->row.as = WEIGHED_removed;
	snprintf(y->story + strlen(y->story), sizeof y->story - strlen(y->story), "-%d ", day_of(now));
}

static void expose(struct year *y, int64_t now)
{
	uint32_t *week = &y->exposure.week[now / WEEK % EXPOSURE_WEEKS];
	if (y->exposure.last / WEEK != now / WEEK) *week = 0;
	*week += y->sender->exposure;
	if (!y->exposure.first) y->exposure.first = now;
	y->exposure.last = now;
}

/* As store/acts.c keeps them: the same on a day is one row, and a day has a bounded number of rows. */
static void act(struct year *y, int64_t now)
{
	const struct sender *s = y->sender;
	uint64_t target = s->targets ? y->next_target++ % s->targets : y->next_target++;
	for (size_t i = y->count; i-- > 0 && day_of(y->acts[i].time) == day_of(now);)
		if (y->acts[i].target == target) {
			y->acts[i].count++;
			y->acts[i].last = now;
			return;
		}
	assert_true(y->count < sizeof y->acts / sizeof *y->acts);
	y->acts[y->count++] = (struct weigh_act){.time = now,
	                                         .last = now,
	                                         .target = target,
	                                         .reporter = s->reporter,
	                                         .count = 1,
	                                         .class = (uint8_t)s->class,
	                                         .strength = (uint8_t)witnessed_strength(s->witness)};
}

static void live_a_day(struct year *y, int day)
{
	const struct sender *s = y->sender;
	int64_t begin = START + day * DAY;
	if (s->exposure) expose(y, begin);
	for (int hour = 0; hour < 24; hour += 6) {
		int64_t now = begin + hour * 3600;
		if (y->known && y->row.due && now >= y->row.due) weigh_now(y, now);
		for (int i = 0; i < 4 && hour == 12; i++)
			if (s->removed[i] == day && day) ask_for_removal(y, now);
		if (hour != 6 || day < s->from || day > s->to || (day - s->from) % s->every) continue;
		for (unsigned i = 0; i < s->acts; i++) {
			act(y, now + i);
			if (i < 10 || i + 1 == s->acts) weigh_now(y, now + i);
		}
	}
}

static void a_year_of_every_kind_of_sender(void **state)
{
	int failures = 0;
	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
		struct year *y = calloc(1, sizeof *y);
		assert_non_null(y);
		y->sender = &senders[i];
		y->any_from = -1;
		for (int day = 0; day < 365; day++) live_a_day(y, day);
		bool good = strcmp(y->story, y->sender->story) == 0 && y->any_from == y->sender->any_from &&
		            y->grade == y->sender->grade && y->as == y->sender->end;
		if (!good)
			print_error("%s: %s, any from %d, grade %s, at the end %s\n", y->sender->name, y->story,
			            y->any_from, grade_name(y->grade), weighed_as_name(y->as));
		failures += !good;
		free(y);
	}
	assert_int_equal(failures, 0);
}

/* Ordinary mail that is seen later ends the stay in `any`, not in the list. */
static void ordinary_mail_takes_a_sender_out_of_any(void **state)
{
	struct weigh_act acts[30];
	struct exposure e = {0};
	for (int i = 0; i < 30; i++) {
		int64_t time = START + i / 10 * DAY + i;
		acts[i] = (struct weigh_act){.time = time,
		                             .last = time,
		                             .target = (uint64_t)i,
		                             .count = 1,
		                             .strength = 100};
	}
	struct weighing w = {.acts = acts, .count = 30, .exposure = &e, .now = START + 3 * DAY};
	struct weighed r = weigh(&w, &weigh_policy_default);
	assert_true(r.listed && r.any && r.grade == GRADE_only);
	e.first = e.last = w.now;
	e.week[w.now / WEEK % EXPOSURE_WEEKS] = 1;
	w.history = &r;
	struct weighed after = weigh(&w, &weigh_policy_default);
	assert_true(after.listed && !after.any && after.grade == GRADE_mostly);
	/* Nor does what only others say count for it. */
	e = (struct exposure){0};
	for (int i = 0; i < 30; i++) acts[i].reporter = 1 + (uint64_t)i % 3;
	w.history = NULL;
	r = weigh(&w, &weigh_policy_default);
	assert_true(r.listed && !r.any);
}

static void a_changed_policy_takes_off_who_would_not_be_listed_now(void **state)
{
	struct weigh_act acts[8];
	size_t n = parse_acts("0 bounce trap 1 0, 0 bounce trap 2 0, 0 bounce trap 3 0", acts);
	struct weighed r = at(acts, n, START + DAY, NULL);
	struct weigh_policy strict = weigh_policy_default;
	strict.score = 1000;
	struct weighing w = {.acts = acts, .count = n, .history = &r, .now = START + DAY};
	assert_true(weigh(&w, &strict).listed);
	w.afresh = true;
	assert_false(weigh(&w, &strict).listed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(policies_change_the_verdict),
		cmocka_unit_test(grades),
		cmocka_unit_test(the_reason_names_classes_targets_and_days),
		cmocka_unit_test(one_target_or_one_reporter_never_list_anybody),
		cmocka_unit_test(more_evidence_never_helps_who_is_listed),
		cmocka_unit_test(who_stops_is_taken_off_within_four_weeks_and_stays_off),
		cmocka_unit_test(who_is_barred_is_never_listed),
		cmocka_unit_test(more_acts_than_there_is_room_for_are_weighed_by_the_newest),
		cmocka_unit_test(a_year_of_every_kind_of_sender),
		cmocka_unit_test(ordinary_mail_takes_a_sender_out_of_any),
		cmocka_unit_test(a_changed_policy_takes_off_who_would_not_be_listed_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
