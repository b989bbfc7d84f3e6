/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lookup_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/format.h"
#include "store/exposure.h"
#include "store/listings.h"
#include "store/published_words.h"
#include "store/weighed.h"

struct lookup_state {
	struct config *config;
	struct db *db; /* NULL: nothing was stored yet, so nobody is listed */
};

bool lookup_state_open(const char *config_path, bool named, struct lookup_state **out, char why[256])
{
	*out = NULL;
	if (!named && access(config_path, R_OK) != 0) return true;
	struct lookup_state *s = calloc(1, sizeof *s);
	char text[CONFIG_WHY] = "";
	if (!s) return false;
	enum error e = config_load(config_path, &s->config, text);
	if (!e) e = db_open(s->config->state_dir, DB_STATE, DB_READ_ONLY, &s->db, text);
	if (e == ERR_NOT_FOUND && s->config) e = ERR_OK;
	if (e == ERR_OK) {
		*out = s;
		return true;
	}
	bool silent = !named; /* the state of an installation that this user may not read is not at hand */
	snprintf(why, 256, "%.250s", text[0] ? text : error_text(e));
	lookup_state_close(s);
	return silent;
}

void lookup_state_close(struct lookup_state *s)
{
	if (!s) return;
	db_close(s->db);
	config_unref(s->config);
	free(s);
}

bool lookup_state_owns(const struct lookup_state *s, struct slice zone)
{
	if (!s || !s->config->dns.zone) return false;
	struct slice own = slice_str(s->config->dns.zone);
	if (zone.n && zone.p[zone.n - 1] == '.') zone.n--;
	bool within = zone.n > own.n && zone.p[zone.n - own.n - 1] == '.';
	return slice_ends_nocase(zone, own) && (within || zone.n == own.n);
}

/* ---- what is known --------------------------------------------------------------------------------------------------- */

static void set(json_t *o, const char *name, json_t *value)
{
	json_object_set_new(o, name, value);
}

static void describe_weighed(json_t *o, const struct weighed *w)
{
	set(o, "classes", format_json_classes(w->classes));
	set(o, "first_seen", format_json_time(w->first_seen));
	set(o, "last_seen", format_json_time(w->last_seen));
	set(o, "events", json_integer(w->events));
	set(o, "targets", json_integer(w->targets));
	set(o, "days", json_integer(w->days));
	set(o, "exposure", json_integer((json_int_t)w->exposure));
	set(o, "grade", json_string(grade_name(w->grade)));
	if (w->reason.n) set(o, "reason", format_json(w->reason));
}

static enum error read_rows(struct lookup_state *s, struct db_txn *t, struct arena *a, const struct ip *ip, int64_t now,
                            struct lookup_row *out)
{
	char key[PUBLISHED_KEY_MOST], unit[IP_TEXT_SIZE], text[PUBLISHED_SENTENCE_MOST];
	struct published p;
	struct weighed w;
	struct listing manual;
	struct exposure seen;
	size_t n = published_key(ip, key);
	out->listed = published_get(t, slice_of(key, n), now, &p);
	out->any = out->listed && p.flags & PUBLISHED_ANY;
	if (weighed_get(t, ip, &w) == ERR_OK) describe_weighed(out->facts, &w);
	if (out->listed) {
		struct prefix whole = ip_unit(ip);
		set(out->facts, "classes", format_json_classes(p.classes));
		set(out->facts, "expires", format_json_time(p.expires));
		set(out->facts, "grade", json_string(grade_name(p.grade)));
		set(out->facts, "safe_mode_only", json_boolean(!out->any));
		n = published_sentence(&p, slice_str(ip_text(n == 4 ? ip : &whole.ip, unit)),
		                       slice_str(s->config->web_public_url), text);
		out->sentence = arena_copy(a, slice_of(text, n));
		if (p.flags & PUBLISHED_MANUAL && listings_get(t, ip, &manual) == ERR_OK) {
			set(out->facts, "listed_by_hand", format_json_time(manual.created));
			if (manual.reason.n) set(out->facts, "reason", format_json(manual.reason));
		}
	}
	struct prefix of = ip_unit(ip);
	enum error e = exposure_get(t, &of, &seen);
	if (!e && !json_object_get(out->facts, "exposure"))
		set(out->facts, "exposure", json_integer((json_int_t)exposure_recent(&seen, now)));
	return e;
}

bool lookup_state_find(struct lookup_state *s, struct arena *a, const struct ip *ip, int64_t now,
                       struct lookup_row *out, char why[256])
{
	struct db_txn *t;
	*out = (struct lookup_row){.sentence = SLICE_EMPTY, .facts = json_object()};
	if (!s->db) return true;
	enum error e = db_begin_read(s->db, &t);
	if (!e) {
		e = read_rows(s, t, a, ip, now, out);
		db_end_read(t);
	}
	if (e) {
		snprintf(why, 256, "the list cannot be read: %s", error_text(e));
		json_decref(out->facts);
	}
	return e == ERR_OK;
}

void lookup_state_describe(struct lookup_row *row, json_t *answer)
{
	static const char *const contract[] = {"first_seen", "last_seen", "expires",        "events", "targets",
	                                       "exposure",   "grade",     "safe_mode_only", "reason"};
	json_object_set_new(answer, "classes", json_array());
	for (size_t i = 0; i < sizeof contract / sizeof *contract; i++)
		json_object_set_new(answer, contract[i], json_null());
	if (!row) return;
	json_object_update(answer, row->facts);
	json_decref(row->facts);
	row->facts = NULL;
}

/* ---- for a person ------------------------------------------------------------------------------------------------------ */

static void line(const json_t *answer, const char *name, const char *title)
{
	char text[256], time[FORMAT_TIME_SIZE];
	const json_t *v = json_object_get(answer, name);
	bool is_time = strstr(name, "seen") || strcmp(name, "expires") == 0;
	if (json_is_string(v))
		printf("  %-11s %s\n", title, format_safe(slice_str(json_string_value(v)), text, sizeof text));
	else if (json_is_integer(v) && is_time)
		printf("  %-11s %s\n", title, format_time(json_integer_value(v), time));
	else if (json_is_integer(v))
		printf("  %-11s %lld\n", title, (long long)json_integer_value(v));
}

void lookup_state_print(const json_t *answer)
{
	size_t i;
	json_t *class;
	if (strcmp(json_string_value(json_object_get(answer, "source")), "local") != 0) return;
	bool listed = json_is_true(json_object_get(answer, "listed"));
	printf("  %-34s %-7s", "this list", listed ? "LISTED" : "no");
	json_array_foreach(json_object_get(answer, "classes"), i, class) printf(" %s", json_string_value(class));
	putchar('\n');
	line(answer, "reason", "why");
	line(answer, "events", "acts");
	line(answer, "targets", "targets");
	line(answer, "first_seen", "first seen");
	line(answer, "last_seen", "last seen");
	line(answer, "expires", "expires");
	line(answer, "exposure", "real mail");
	line(answer, "grade", "grade");
}
