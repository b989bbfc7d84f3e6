/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/storm.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WAYS       4
#define SLOTS      (STORM_TARGETS / WAYS)
#define BITS       256
#define CALMER     20 /* percent points of the share */
#define NOT_ACTIVE (-1)

/* Distinct things seen, each a bit of its hash. */
struct set {
	uint64_t bits[BITS / 64];
};

/* Two halves of the window: what was seen in the present one and the one before. */
struct target {
	uint64_t key; /* hash of the name; 0: free */
	int64_t half; /* number of the present half, now / (window / 2) */
	struct set suspects[2], proven[2];
	int16_t active; /* index of its storm, or NOT_ACTIVE */
	bool domain;
};

struct active {
	struct target *target; /* NULL: free */
	struct storm_event event;
	int64_t hot; /* when it was last more than half of a storm */
};

struct storms {
	pthread_mutex_t lock;
	struct storm_limits limits;
	uint64_t key[2], changes;
	size_t active_count;
	struct active active[STORM_MOST];
	struct target targets[SLOTS][WAYS];
};

/* ---- sets ------------------------------------------------------------------------------------------------------------ */

static void set_add(struct set *s, uint64_t hash)
{
	s->bits[hash / 64 % (BITS / 64)] |= UINT64_C(1) << (hash % 64);
}

/* How many distinct things set so many bits, by linear counting. */
static uint64_t estimate(const struct set halves[2])
{
	int empty = 0;
	for (size_t i = 0; i < BITS / 64; i++) empty += __builtin_popcountll(~(halves[0].bits[i] | halves[1].bits[i]));
	double zeros = empty ? empty : 0.5;
	return (uint64_t)(BITS * log(BITS / zeros) + 0.5);
}

/* ---- targets --------------------------------------------------------------------------------------------------------- */

static void clear(struct set *s)
{
	*s = (struct set){{0}};
}

/* Lets go what lies before the window. */
static void turn(const struct storms *s, struct target *t, int64_t now)
{
	int64_t half = now / (s->limits.window / 2 > 0 ? s->limits.window / 2 : 1);
	if (half == t->half) return;
	bool next = half == t->half + 1;
	for (int i = 0; i < 2; i++) {
		struct set *sets = i ? t->proven : t->suspects;
		sets[1] = sets[0];
		if (!next) clear(&sets[1]);
		clear(&sets[0]);
	}
	t->half = half;
}

static uint64_t key_of(const struct storms *s, struct slice name, bool domain)
{
	uint64_t key = slice_hash_keyed(name, s->key, true) ^ (domain ? 0x9e3779b97f4a7c15u : 0);
	return key ? key : 1;
}

static struct target *find(struct storms *s, uint64_t key)
{
	struct target *slot = s->targets[key % SLOTS];
	for (int i = 0; i < WAYS; i++)
		if (slot[i].key == key) return &slot[i];
	return NULL;
}

/* A free one, else the one of the slot that is the least on its way to a storm. NULL: all are under one. */
static struct target *make(struct storms *s, uint64_t key, bool domain, int64_t now)
{
	struct target *slot = s->targets[key % SLOTS], *least = NULL;
	uint64_t least_suspects = 0;
	for (int i = 0; i < WAYS; i++) {
		struct target *t = &slot[i];
		if (t->key && t->active != NOT_ACTIVE) continue;
		if (t->key) turn(s, t, now);
		uint64_t n = t->key ? estimate(t->suspects) + 1 : 0;
		if (least && n >= least_suspects) continue;
		least = t;
		least_suspects = n;
	}
	if (least) *least = (struct target){.key = key, .domain = domain, .active = NOT_ACTIVE};
	return least;
}

/* ---- storms ---------------------------------------------------------------------------------------------------------- */

static int64_t threshold(const struct storms *s, const struct target *t)
{
	return t->domain ? s->limits.domain : s->limits.address;
}

static bool is_storm(const struct storms *s, const struct target *t, int64_t percent_of_threshold, int64_t share)
{
	int64_t least = threshold(s, t);
	int64_t suspects = (int64_t)estimate(t->suspects), proven = (int64_t)estimate(t->proven);
	if (least <= 0) return false;
	return suspects * 100 >= least * percent_of_threshold && suspects * 100 >= share * (suspects + proven);
}

static void lower_copy(char to[STORM_NAME], struct slice name)
{
	snprintf(to, STORM_NAME, "%.*s", SLICE_ARG(slice_sub(name, 0, STORM_NAME - 1)));
	for (char *p = to; *p; p++)
		if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + ('a' - 'A'));
}

static void refresh(struct active *a)
{
	a->event.suspects = estimate(a->target->suspects);
	a->event.proven = estimate(a->target->proven);
}

static bool begin(struct storms *s, struct target *t, struct slice name, int64_t now, struct storm_event *event)
{
	for (int i = 0; i < STORM_MOST; i++) {
		struct active *a = &s->active[i];
		if (a->target) continue;
		*a = (struct active){.target = t, .hot = now, .event = {.domain = t->domain, .since = now}};
		lower_copy(a->event.against, name);
		refresh(a);
		t->active = (int16_t)i;
		s->active_count++;
		s->changes++;
		*event = a->event;
		return true;
	}
	return false;
}

/* Keeps its storm going as long as it is hot. */
static void feel(struct storms *s, struct target *t, int64_t now)
{
	turn(s, t, now);
	if (t->active != NOT_ACTIVE && is_storm(s, t, 50, s->limits.share - CALMER)) s->active[t->active].hot = now;
}

/* One more of what is distinguished by hash. True: it began a storm. */
static bool count(struct storms *s, struct slice name, bool domain, bool suspect, uint64_t hash, int64_t now,
                  struct storm_event *event)
{
	uint64_t key = key_of(s, name, domain);
	struct target *t = find(s, key);
	if (!t) t = make(s, key, domain, now);
	if (!t) return false;
	turn(s, t, now);
	set_add(suspect ? &t->suspects[0] : &t->proven[0], hash);
	feel(s, t, now);
	return t->active == NOT_ACTIVE && is_storm(s, t, 100, s->limits.share) && begin(s, t, name, now, event);
}

static struct slice domain_of(struct slice address)
{
	size_t at = address.n;
	while (at > 0 && address.p[at - 1] != '@') at--;
	return at ? slice_sub(address, at, address.n) : SLICE_EMPTY;
}

/* ---- from outside ---------------------------------------------------------------------------------------------------- */

struct storms *storms_new(const struct storm_limits *limits, const uint64_t key[2])
{
	struct storms *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->limits = *limits;
	memcpy(s->key, key, sizeof s->key);
	return s;
}

void storms_free(struct storms *s)
{
	if (!s) return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void storms_change(struct storms *s, const struct storm_limits *limits)
{
	pthread_mutex_lock(&s->lock);
	s->limits = *limits;
	s->changes++;
	pthread_mutex_unlock(&s->lock);
}

size_t storm_count(struct storms *s, const struct storm_answer *a, int64_t now, struct storm_event begun[2])
{
	struct slice domain = domain_of(a->address);
	size_t n = 0;
	pthread_mutex_lock(&s->lock);
	if (count(s, a->address, false, a->suspect, slice_hash_keyed(a->identity, s->key, false), now, &begun[n])) n++;
	if (domain.n && count(s, domain, true, a->suspect, slice_hash_keyed(a->address, s->key, true), now, &begun[n]))
		n++;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static bool holds(struct storms *s, struct slice name, bool domain, int64_t now, char against[STORM_NAME])
{
	struct target *t = name.n ? find(s, key_of(s, name, domain)) : NULL;
	if (!t || t->active == NOT_ACTIVE) return false;
	struct active *a = &s->active[t->active];
	if (now - a->hot >= s->limits.lull) return false; /* over, and about to be told so */
	a->event.held++;
	s->changes++;
	snprintf(against, STORM_NAME, "%s", a->event.against);
	return true;
}

bool storm_holds(struct storms *s, struct slice address, int64_t now, char against[STORM_NAME])
{
	pthread_mutex_lock(&s->lock);
	bool held = s->active_count > 0 &&
	            (holds(s, address, false, now, against) || holds(s, domain_of(address), true, now, against));
	pthread_mutex_unlock(&s->lock);
	return held;
}

bool storm_end_next(struct storms *s, int64_t now, struct storm_event *ended)
{
	bool found = false;
	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < STORM_MOST && s->active_count && !found; i++) {
		struct active *a = &s->active[i];
		if (!a->target) continue;
		feel(s, a->target, now);
		if (now - a->hot < s->limits.lull) continue;
		refresh(a);
		*ended = a->event;
		a->target->active = NOT_ACTIVE;
		a->target = NULL;
		s->active_count--;
		s->changes++;
		found = true;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static int by_age(const void *a, const void *b)
{
	const struct storm_event *x = a, *y = b;
	return x->since < y->since ? -1 : x->since > y->since;
}

size_t storm_list(struct storms *s, int64_t now, struct storm_event *out, size_t room)
{
	size_t n = 0;
	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < STORM_MOST && n < room; i++) {
		if (!s->active[i].target) continue;
		turn(s, s->active[i].target, now);
		refresh(&s->active[i]);
		out[n++] = s->active[i].event;
	}
	size_t all = s->active_count;
	pthread_mutex_unlock(&s->lock);
	qsort(out, n, sizeof *out, by_age);
	return all;
}

uint64_t storm_changes(struct storms *s)
{
	pthread_mutex_lock(&s->lock);
	uint64_t changes = s->changes;
	pthread_mutex_unlock(&s->lock);
	return changes;
}
