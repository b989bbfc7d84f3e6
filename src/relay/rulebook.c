/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/rulebook.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/filewatch.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/notice.h"

#define LOOK_EVERY_MS 60

enum { RULES, KNOWLEDGE, KINDS };
static const char *const kind_names[KINDS] = {"rules", "knowledge"};

/* One of the two. */
struct chapter {
	int kind;
	/* under the lock */
	char *wanted; /* file name; NULL: built in */
	bool rewanted;
	void *current; /* struct bundle or struct lore */
	/* the thread's own */
	char *path; /* that is watched; NULL: none */
	struct filewatch watch;
	char *loaded_from; /* NULL: built in */
	int64_t loaded_at, refused_at;
	char refused[RULEFILE_WHY];
};

struct rulebook {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool stop, loaded;
	char *run_dir;
	struct chapter chapters[KINDS];
};

/* ---- loading --------------------------------------------------------------------------------------------------------- */

static enum error load(const struct rulebook *b, int kind, const char *path, void **out, char why[RULEFILE_WHY])
{
	char compiled[PATH_MAX];
	struct bundle *rules = NULL;
	struct lore *lore = NULL;
	bool keep = b->run_dir && (size_t)snprintf(compiled, PATH_MAX, "%s/relay.compiled", b->run_dir) < PATH_MAX;
	enum error e = kind == RULES ? rulefile_load_rules(path, keep ? compiled : NULL, &rules, why)
	                             : rulefile_load_lore(path, &lore, why);
	*out = kind == RULES ? (void *)rules : (void *)lore;
	return e;
}

static void let_go(int kind, void *loaded)
{
	if (kind == RULES)
		bundle_unref(loaded);
	else
		lore_unref(loaded);
}

static char *copy_of(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void log_loaded(const struct chapter *c, void *loaded, int64_t began)
{
	log_begin(LOG_INFO, "rules");
	log_str("what", kind_names[c->kind]);
	log_str("file", c->loaded_from ? c->loaded_from : "(built in)");
	if (c->kind == RULES) {
		log_slice("revision", bundle_revision(loaded));
		log_uint("phrases", bundle_phrases(loaded));
		log_uint("samples", bundle_samples(loaded));
	} else {
		log_uint("entries", ((struct lore *)loaded)->knowledge->count);
	}
	log_int("ms", clock_now_ms() - began);
	log_end();
}

static void refuse(struct chapter *c)
{
	c->refused_at = clock_unix();
	metric_add(METRIC_rules_refused, 1);
	log_begin(LOG_ERROR, "rules_refused");
	log_str("what", kind_names[c->kind]);
	log_str("why", c->refused);
	log_str("in_use", c->loaded_from ? c->loaded_from : "(built in)");
	log_end();
}

static void use(struct rulebook *b, struct chapter *c, void *loaded)
{
	pthread_mutex_lock(&b->lock);
	void *old = c->current;
	c->current = loaded;
	pthread_mutex_unlock(&b->lock);
	let_go(c->kind, old);
}

static void take(struct rulebook *b, struct chapter *c, const char *path)
{
	void *loaded;
	int64_t began = clock_now_ms();
	enum error e = load(b, c->kind, path, &loaded, c->refused);
	if (e) {
		refuse(c);
		return;
	}
	free(c->loaded_from);
	c->loaded_from = copy_of(path);
	c->loaded_at = clock_unix();
	c->refused[0] = '\0';
	log_loaded(c, loaded, began);
	use(b, c, loaded);
}

/* At the start there is no old one: what is built in serves until the file is good. */
static void take_first(struct rulebook *b, struct chapter *c)
{
	char refused[RULEFILE_WHY];
	take(b, c, c->path);
	if (!c->refused[0] || !c->path) return;
	int64_t at = c->refused_at;
	snprintf(refused, sizeof refused, "%s", c->refused);
	take(b, c, NULL);
	if (c->refused[0]) return;
	snprintf(c->refused, sizeof c->refused, "%s", refused);
	c->refused_at = at;
}

/* ---- the notice ------------------------------------------------------------------------------------------------------ */

static json_t *text_json(const char *text)
{
	json_t *t = text ? json_string(text) : json_null();
	return t ? t : json_string("?"); /* a file name that is not UTF-8 */
}

static json_t *chapter_json(const struct chapter *c)
{
	json_t *o = json_object();
	json_object_set_new(o, "file", text_json(c->loaded_from));
	json_object_set_new(o, "configured", text_json(c->path));
	json_object_set_new(o, "loaded", c->current ? json_integer(c->loaded_at) : json_null());
	if (c->kind == RULES && c->current) {
		struct slice revision = bundle_revision(c->current);
		json_t *text = json_stringn(revision.p, revision.n);
		json_object_set_new(o, "revision", text ? text : json_null());
		json_object_set_new(o, "phrases", json_integer((json_int_t)bundle_phrases(c->current)));
	}
	if (c->kind == KNOWLEDGE && c->current)
		json_object_set_new(o, "entries",
		                    json_integer((json_int_t)((struct lore *)c->current)->knowledge->count));
	json_object_set_new(o, "refused", text_json(c->refused[0] ? c->refused : NULL));
	json_object_set_new(o, "refused_at", c->refused[0] ? json_integer(c->refused_at) : json_null());
	return o;
}

static void tell(const struct rulebook *b)
{
	if (!b->run_dir) return;
	json_t *o = json_object();
	for (int i = 0; i < KINDS; i++) json_object_set_new(o, kind_names[i], chapter_json(&b->chapters[i]));
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	enum error e = text ? notice_write(b->run_dir, "relay", "rules", slice_str(text)) : ERR_NO_MEMORY;
	if (e) log_text(LOG_WARNING, "notice", "run-dir: rules: %s; status will not show them", error_text(e));
	free(text);
}

/* ---- the thread ------------------------------------------------------------------------------------------------------ */

/* Takes over what is wanted now. True: it is something else than before. Under the lock. */
static bool turn_to_wanted(struct chapter *c)
{
	if (!c->rewanted) return false;
	c->rewanted = false;
	bool same = c->path && c->wanted ? strcmp(c->path, c->wanted) == 0 : c->path == c->wanted;
	if (same) {
		free(c->wanted);
	} else {
		free(c->path);
		c->path = c->wanted;
	}
	c->wanted = NULL;
	return !same;
}

static bool look(struct rulebook *b, struct chapter *c)
{
	pthread_mutex_lock(&b->lock);
	bool other = turn_to_wanted(c);
	pthread_mutex_unlock(&b->lock);
	if (other && c->path) filewatch_start(&c->watch, c->path);
	bool due = other || (c->path && filewatch_changed(&c->watch));
	if (due) take(b, c, c->path);
	return due;
}

static bool wanted_differs(const struct rulebook *b)
{
	return b->chapters[RULES].rewanted || b->chapters[KNOWLEDGE].rewanted;
}

/* Until the next look; without files until something else is wanted. False: stop. */
static bool wait_for_next(struct rulebook *b)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_EVERY_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	bool watched = b->chapters[RULES].path || b->chapters[KNOWLEDGE].path;
	pthread_mutex_lock(&b->lock);
	int failed = 0;
	while (!b->stop && !wanted_differs(b) && failed != ETIMEDOUT)
		failed = watched ? pthread_cond_timedwait(&b->changed, &b->lock, &until)
		                 : pthread_cond_wait(&b->changed, &b->lock);
	bool go_on = !b->stop;
	pthread_mutex_unlock(&b->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct rulebook *b = arg;
	for (int i = 0; i < KINDS; i++) take_first(b, &b->chapters[i]);
	tell(b);
	pthread_mutex_lock(&b->lock);
	b->loaded = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	while (wait_for_next(b)) {
		bool any = false;
		for (int i = 0; i < KINDS; i++) any |= look(b, &b->chapters[i]);
		if (any) tell(b);
	}
	return NULL;
}

/* ---- from outside ---------------------------------------------------------------------------------------------------- */

static void destroy(struct rulebook *b)
{
	for (int i = 0; i < KINDS; i++) {
		struct chapter *c = &b->chapters[i];
		let_go(i, c->current);
		free(c->wanted);
		free(c->path);
		free(c->loaded_from);
	}
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	free(b->run_dir);
	free(b);
}

static void make_condition(pthread_cond_t *c)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attributes);
	pthread_condattr_destroy(&attributes);
}

enum error rulebook_open(const struct rulebook_files *files, const char *run_dir, struct rulebook **out)
{
	*out = NULL;
	struct rulebook *b = calloc(1, sizeof *b);
	if (!b) return ERR_NO_MEMORY;
	const char *const names[KINDS] = {files->rules, files->knowledge};
	pthread_mutex_init(&b->lock, NULL);
	make_condition(&b->changed);
	b->run_dir = copy_of(run_dir);
	bool made = !run_dir || b->run_dir;
	for (int i = 0; i < KINDS; i++) {
		b->chapters[i].kind = i;
		b->chapters[i].path = copy_of(names[i]);
		made = made && (!names[i] || b->chapters[i].path);
		if (b->chapters[i].path) filewatch_start(&b->chapters[i].watch, b->chapters[i].path);
	}
	if (made && pthread_create(&b->thread, NULL, run, b) == 0) {
		*out = b;
		return ERR_OK;
	}
	destroy(b);
	return ERR_NO_MEMORY;
}

void rulebook_close(struct rulebook *b)
{
	if (!b) return;
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	destroy(b);
}

void rulebook_change(struct rulebook *b, const struct rulebook_files *files)
{
	const char *const names[KINDS] = {files->rules, files->knowledge};
	pthread_mutex_lock(&b->lock);
	for (int i = 0; i < KINDS; i++) {
		struct chapter *c = &b->chapters[i];
		char *name = copy_of(names[i]);
		if (names[i] && !name) continue; /* no memory: the old one stays */
		free(c->wanted);
		c->wanted = name;
		c->rewanted = true;
	}
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

void rulebook_wait(struct rulebook *b)
{
	pthread_mutex_lock(&b->lock);
	while (!b->loaded) pthread_cond_wait(&b->changed, &b->lock);
	pthread_mutex_unlock(&b->lock);
}

bool rulebook_is_loaded(struct rulebook *b)
{
	pthread_mutex_lock(&b->lock);
	bool loaded = b->loaded;
	pthread_mutex_unlock(&b->lock);
	return loaded;
}

struct bundle *rulebook_rules(struct rulebook *b)
{
	pthread_mutex_lock(&b->lock);
	struct bundle *rules = b->chapters[RULES].current;
	if (rules) bundle_ref(rules);
	pthread_mutex_unlock(&b->lock);
	return rules;
}

struct lore *rulebook_lore(struct rulebook *b)
{
	pthread_mutex_lock(&b->lock);
	struct lore *lore = b->chapters[KNOWLEDGE].current;
	if (lore) lore_ref(lore);
	pthread_mutex_unlock(&b->lock);
	return lore;
}
