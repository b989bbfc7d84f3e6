/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/format.h"
#include "cli/unit.h"

#define STRETCH    256 /* rows copied in one read transaction */
#define LINE       512
#define SHOWN_MOST 4096 /* shown of one unit */

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

json_t *list_view_weighed_json(const struct weighed *w)
{
	char unit[UNIT_TEXT_SIZE];
	json_t *o = json_object();
	const struct {
		const char *name;
		json_t *value;
	} members[] = {
		{"unit", json_string(unit_text(&w->unit, unit))},
		{"by", json_string("keeper")},
		{"listed", json_boolean(w->listed)},
		{"why", json_string(weighed_as_name(w->as))},
		{"classes", format_json_classes(w->classes)},
		{"seen", format_json_classes(w->seen)},
		{"grade", json_string(grade_name(w->grade))},
		{"safe_mode_only", json_boolean(!w->any)},
		{"events", json_integer(w->events)},
		{"targets", json_integer(w->targets)},
		{"days", json_integer(w->days)},
		{"exposure", json_integer((json_int_t)w->exposure)},
		{"first_seen", format_json_time(w->first_seen)},
		{"last_seen", format_json_time(w->last_seen)},
		{"created", format_json_time(w->listed_at)},
		{"expires", format_json_time(w->listed ? w->expires : 0)},
		{"times", json_integer(w->times)},
		{"removals", json_integer(w->strikes)},
		{"removed", format_json_time(w->removed)},
		{"reason", format_json(w->reason)},
	};
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		json_object_set_new(o, members[i].name, members[i].value);
	return o;
}

static json_t *listing_json(const struct listing *l)
{
	char unit[UNIT_TEXT_SIZE];
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "unit", unit_text(&l->unit, unit), "by", "hand", "reason",
	                 format_json(l->reason), "created", format_json_time(l->created), "expires",
	                 format_json_time(l->expires));
}

static json_t *act_json(const struct act *a)
{
	char target[17];
	snprintf(target, sizeof target, "%016llx", (unsigned long long)a->target);
	return json_pack("{sI sI sI ss ss si ss so so}", "time", (json_int_t)a->time, "last", (json_int_t)a->last,
	                 "count", (json_int_t)a->count, "class", act_class_name(a->class), "witness",
	                 witnessed_name(a->witness), "strength", (int)a->strength, "target", target, "reporter",
	                 cli_json_slice(a->reporter), "specimen", cli_json_slice(a->specimen));
}

/* ---- the whole list ----------------------------------------------------------------------------------------------- */

static void print_row(const struct prefix *unit, int64_t created, int64_t expires, const char *by, struct slice reason)
{
	char text[UNIT_TEXT_SIZE], since[FORMAT_TIME_SIZE], until[FORMAT_TIME_SIZE], safe[LINE];
	printf("%-43s  %s  %-20s  %-6s  %s\n", unit_text(unit, text), format_time(created, since),
	       expires ? format_time(expires, until) : "never", by, format_safe(reason, safe, sizeof safe));
}

void list_view_head(const struct list_view *v)
{
	if (!v->options->json) printf("%-43s  %-20s  %-20s  %-6s  %s\n", "ADDRESS", "SINCE", "UNTIL", "BY", "REASON");
}

void list_view_listing(const struct list_view *v, const struct listing *l)
{
	if (v->options->json)
		cli_print_json(listing_json(l));
	else
		print_row(&l->unit, l->created, l->expires, "hand", l->reason);
}

/* What has expired may still be stored and is no longer on the list. */
static bool print_current(const struct listing *l, void *arg)
{
	const struct list_view *v = arg;
	if (l->expires == 0 || l->expires > v->now) list_view_listing(v, l);
	return !ferror(stdout);
}

/* Copies of a stretch: output may be slow, and no transaction is open then. */
struct stretch {
	struct weighed rows[STRETCH];
	char reasons[STRETCH][WEIGHED_REASON_MOST + 1];
	size_t n;
	struct prefix last;
};

static bool copy(const struct weighed *w, void *arg)
{
	struct stretch *s = arg;
	struct weighed *row = &s->rows[s->n];
	*row = *w;
	snprintf(s->reasons[s->n], sizeof s->reasons[s->n], "%.*s", SLICE_ARG(w->reason));
	row->reason = slice_str(s->reasons[s->n]);
	s->last = w->unit;
	return ++s->n < STRETCH;
}

static enum error print_keepers(const struct list_view *v, struct db *state)
{
	static struct stretch s;
	struct db_txn *t;
	s.last = (struct prefix){0};
	do {
		enum error err = db_begin_read(state, &t);
		if (err) return err;
		s.n = 0;
		struct prefix after = s.last;
		err = weighed_each(t, &after, copy, &s);
		db_end_read(t);
		if (err) return err;
		for (size_t i = 0; i < s.n && !ferror(stdout); i++) {
			const struct weighed *w = &s.rows[i];
			if (!w->listed || w->expires <= v->now) continue;
			if (v->options->json)
				cli_print_json(list_view_weighed_json(w));
			else
				print_row(&w->unit, w->listed_at, w->expires, "keeper", w->reason);
		}
	} while (s.n == STRETCH && !ferror(stdout));
	return ERR_OK;
}

enum error list_view_all(const struct list_view *v, struct db *state)
{
	enum error err = listings_each(state, print_current, (void *)v);
	return err ? err : print_keepers(v, state);
}

/* ---- one unit ----------------------------------------------------------------------------------------------------- */

struct facts {
	struct prefix unit;
	struct listing manual;
	struct weighed stored, now; /* as it is on the list; as the evidence would weigh now */
	struct exemption exemption;
	bool by_hand, known, exempt;
};

static enum error gather(const struct list_view *v, struct db_txn *t, struct facts *f)
{
	struct assess_rules rules = assess_rules_of(v->config);
	bool known;
	enum error err = listings_get(t, &f->unit.ip, &f->manual);
	if (err && err != ERR_NOT_FOUND) return err;
	f->by_hand = !err && (f->manual.expires == 0 || f->manual.expires > v->now);
	err = weighed_get(t, &f->unit.ip, &f->stored);
	if (err && err != ERR_NOT_FOUND) return err;
	f->known = !err;
	if (f->known && f->stored.listed && f->stored.expires <= v->now) f->stored.listed = false;
	f->exempt = exemptions_has(t, &f->unit.ip, &f->exemption);
	return assess(t, &f->unit, &rules, false, v->now, 0, &f->now, &known);
}

static bool is_listed(const struct facts *f)
{
	return f->by_hand || f->stored.listed;
}

/* What the keeper says: of a listing as it is stored; of what is not listed as it would be weighed. */
static const struct weighed *keepers(const struct facts *f)
{
	return f->stored.listed ? &f->stored : &f->now;
}

struct printing {
	const struct list_view *view;
	json_t *array;
	size_t n;
};

static void print_act(const struct printing *p, const struct act *a)
{
	char time[FORMAT_TIME_SIZE], text[LINE];
	if (p->n == 1)
		printf("evidence:\n  %-20s  %-9s  %-7s  %4s  %6s  %-16s  %s\n", "TIME", "CLASS", "WITNESS", "SURE",
		       "COUNT", "TARGET", "REPORTER");
	printf("  %s  %-9s  %-7s  %3u%%  %6u  %016llx  %s\n", format_time(a->time, time), act_class_name(a->class),
	       witnessed_name(a->witness), a->strength, a->count, (unsigned long long)a->target,
	       format_safe(a->reporter, text, sizeof text));
	for (struct slice rest = p->view->evidence ? a->specimen : SLICE_EMPTY; rest.n;)
		printf("      %s\n", format_safe(slice_split(&rest, '\n'), text, sizeof text));
}

static bool take_act(const struct act *a, void *arg)
{
	struct printing *p = arg;
	p->n++;
	if (p->array)
		json_array_append_new(p->array, act_json(a));
	else
		print_act(p, a);
	return p->n < SHOWN_MOST && !ferror(stdout);
}

static json_t *exemption_json(const struct exemption *e)
{
	char ip[IP_TEXT_SIZE], prefix[IP_TEXT_SIZE + 4];
	snprintf(prefix, sizeof prefix, "%s/%u", ip_text(&e->prefix.ip, ip), e->prefix.length);
	return json_pack("{s:s, s:o, s:o}", "prefix", prefix, "created", format_json_time(e->created), "reason",
	                 format_json(e->reason));
}

/* The facts of whoever lists it at the top, so that reason and expires are where they always were. */
static json_t *unit_json(const struct facts *f)
{
	const struct weighed *w = keepers(f);
	json_t *keeper = list_view_weighed_json(w), *hand = f->by_hand ? listing_json(&f->manual) : NULL;
	json_t *o = json_deep_copy(hand ? hand : keeper), *by = json_array();
	if (f->by_hand) json_array_append_new(by, json_string("hand"));
	if (f->stored.listed) json_array_append_new(by, json_string("keeper"));
	json_object_set_new(o, "by", by);
	json_object_set_new(o, "listed", json_boolean(is_listed(f)));
	json_object_set_new(o, "hand", hand ? hand : json_null());
	json_object_set_new(o, "keeper", keeper);
	json_object_set_new(o, "exempt", f->exempt ? exemption_json(&f->exemption) : json_null());
	return o;
}

static void print_keeper(const struct facts *f)
{
	const struct weighed *w = keepers(f);
	char a[FORMAT_TIME_SIZE], b[FORMAT_TIME_SIZE], text[LINE];
	if (f->stored.listed)
		printf("  by the keeper since %s, until %s: %s\n", format_time(w->listed_at, a),
		       format_time(w->expires, b), format_safe(w->reason, text, sizeof text));
	printf("  why:       %s\n", weighed_as_sentence(w->as));
	if (w->events) {
		printf("  grade:     %s; ordinary messages seen in eight weeks: %llu\n", grade_sentence(w->grade),
		       (unsigned long long)w->exposure);
		printf("  stands on: %u act%s to %u address%s on %u day%s, %s to %s\n", w->events,
		       w->events == 1 ? "" : "s", w->targets, w->targets == 1 ? "" : "es", w->days,
		       w->days == 1 ? "" : "s", format_time(w->first_seen, a), format_time(w->last_seen, b));
	}
	if (f->stored.listed) printf("  zones:     %s\n", w->any ? "safe and any" : "safe");
	if (w->removed)
		printf("  removed:   %u time%s on request, last on %s\n", w->strikes, w->strikes == 1 ? "" : "s",
		       format_time(w->removed, a));
}

static void print_unit(const struct facts *f)
{
	char unit[UNIT_TEXT_SIZE], a[FORMAT_TIME_SIZE], b[FORMAT_TIME_SIZE], text[LINE];
	printf("%s is %slisted\n", unit_text(&f->unit, unit), is_listed(f) ? "" : "not ");
	if (f->by_hand)
		printf("  by hand since %s, until %s: %s\n", format_time(f->manual.created, a),
		       f->manual.expires ? format_time(f->manual.expires, b) : "somebody removes it",
		       format_safe(f->manual.reason, text, sizeof text));
	if (f->known || f->now.seen || f->now.as != WEIGHED_nothing) print_keeper(f);
	if (f->exempt)
		printf("  exempt:    %s/%u since %s: %s\n", ip_text(&f->exemption.prefix.ip, unit),
		       f->exemption.prefix.length, format_time(f->exemption.created, a),
		       format_safe(f->exemption.reason, text, sizeof text));
}

void list_view_nothing(const struct prefix *unit)
{
	struct facts f = {.unit = *unit, .now = {.unit = *unit}};
	cli_print_json(unit_json(&f));
}

enum error list_view_unit(const struct list_view *v, struct db *state, const struct prefix *unit, bool *listed)
{
	struct facts f = {.unit = *unit};
	struct db_txn *t;
	*listed = false;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = gather(v, t, &f);
	if (!err) {
		struct printing p = {.view = v};
		json_t *o = v->options->json ? unit_json(&f) : NULL;
		if (!o) print_unit(&f);
		if (o && v->evidence) json_object_set_new(o, "evidence", p.array = json_array());
		if (!o || v->evidence) err = acts_each_of(t, unit, take_act, &p);
		if (o) cli_print_json(o);
		*listed = is_listed(&f);
	}
	db_end_read(t);
	return err;
}
