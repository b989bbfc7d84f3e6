/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/client_limits.h"

#include <pthread.h>
#include <stdlib.h>

#define BUCKETS         4096
#define FORGET_AFTER_MS 120000
#define UNITS_MOST      200000 /* beyond it strangers are told "too busy": memory stays bounded */

struct bucket { /* a token bucket: `tokens` thousandths of an event, refilled by rate per minute */
	int64_t tokens, at;
	bool begun;
};

struct unit {
	struct unit *next;
	struct ip ip;
	int64_t open, seen;
	struct bucket sessions, messages;
};

struct limits {
	pthread_mutex_t lock;
	struct unit *buckets[BUCKETS];
	size_t units, open, sweep;
};

struct limits *limits_new(void)
{
	struct limits *l = calloc(1, sizeof *l);
	if (l) pthread_mutex_init(&l->lock, NULL);
	return l;
}

void limits_free(struct limits *l)
{
	if (!l) return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct unit *u = l->buckets[i], *next; u; u = next) {
			next = u->next;
			free(u);
		}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static bool bucket_take(struct bucket *b, int64_t per_minute, int64_t now)
{
	int64_t most = per_minute * 1000;
	if (per_minute <= 0) return true;
	if (!b->begun) *b = (struct bucket){.tokens = most, .at = now, .begun = true};
	int64_t elapsed = now - b->at;
	if (elapsed > 60000) elapsed = 60000;
	b->tokens += elapsed * per_minute / 60;
	if (b->tokens > most) b->tokens = most;
	b->at = now;
	if (b->tokens < 1000) return false;
	b->tokens -= 1000;
	return true;
}

static size_t bucket_of(const struct ip *ip)
{
	return slice_hash(slice_of(ip->octets, sizeof ip->octets)) % BUCKETS;
}

/* Forgets units of one bucket a call, in turn, that nobody has used for a while. */
static void sweep(struct limits *l, int64_t now)
{
	struct unit **at = &l->buckets[l->sweep++ % BUCKETS];
	while (*at) {
		struct unit *u = *at;
		if (u->open == 0 && now - u->seen > FORGET_AFTER_MS) {
			*at = u->next;
			free(u);
			l->units--;
		} else {
			at = &u->next;
		}
	}
}

static struct unit *find(struct limits *l, const struct ip *client, int64_t now, bool make)
{
	struct ip key = ip_unit(client).ip;
	struct unit **head = &l->buckets[bucket_of(&key)];
	for (struct unit *u = *head; u; u = u->next)
		if (ip_equal(&u->ip, &key)) return u;
	if (!make || l->units >= UNITS_MOST) return NULL;
	struct unit *u = calloc(1, sizeof *u);
	if (!u) return NULL;
	u->ip = key;
	u->seen = now;
	u->next = *head;
	*head = u;
	l->units++;
	return u;
}

static enum reason enter(struct limits *l, const struct config *c, const struct ip *client, bool customer, int64_t now)
{
	if ((int64_t)l->open >= c->relay.session_limit) return REASON_too_busy;
	sweep(l, now);
	struct unit *u = find(l, client, now, true);
	if (!u) return REASON_too_busy;
	u->seen = now;
	if (c->relay.client_session_limit > 0 && u->open >= c->relay.client_session_limit)
		return REASON_too_many_connections;
	if (!customer && !bucket_take(&u->sessions, c->relay.client_session_rate, now)) return REASON_too_fast;
	u->open++;
	l->open++;
	return REASON_ok;
}

enum reason limits_enter(struct limits *l, const struct config *c, const struct ip *client, bool customer, int64_t now)
{
	pthread_mutex_lock(&l->lock);
	enum reason r = enter(l, c, client, customer, now);
	pthread_mutex_unlock(&l->lock);
	return r;
}

void limits_leave(struct limits *l, const struct ip *client)
{
	pthread_mutex_lock(&l->lock);
	struct unit *u = find(l, client, 0, false);
	if (u && u->open > 0) u->open--;
	if (l->open > 0) l->open--;
	pthread_mutex_unlock(&l->lock);
}

enum reason limits_message(struct limits *l, const struct config *c, const struct ip *client, int64_t now)
{
	if (c->relay.client_message_rate <= 0) return REASON_ok;
	pthread_mutex_lock(&l->lock);
	struct unit *u = find(l, client, now, true);
	bool good = !u || bucket_take(&u->messages, c->relay.client_message_rate, now);
	pthread_mutex_unlock(&l->lock);
	return good ? REASON_ok : REASON_too_fast;
}

size_t limits_sessions(struct limits *l)
{
	pthread_mutex_lock(&l->lock);
	size_t n = l->open;
	pthread_mutex_unlock(&l->lock);
	return n;
}
