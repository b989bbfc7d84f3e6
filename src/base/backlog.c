/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backlog.h"

#include <signal.h>
#include <time.h>

#include "base/clock.h"

#define NEVER INT64_MAX

void backlog_init(struct backlog *b, size_t most)
{
	pthread_condattr_t attr;
	*b = (struct backlog){.most = most, .due = NEVER, .busy = true};
	b->end = &b->first;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->work, &attr);
	pthread_cond_init(&b->idle, &attr);
	pthread_condattr_destroy(&attr);
}

void backlog_destroy(struct backlog *b)
{
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->work);
	pthread_cond_destroy(&b->idle);
}

enum error backlog_start(struct backlog *b, void *(*run)(void *), void *arg)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	int rc = pthread_create(&b->thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc ? error_from_errno(rc) : ERR_OK;
}

void backlog_stop(struct backlog *b)
{
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

bool backlog_add(struct backlog *b, struct backlog_item *item)
{
	pthread_mutex_lock(&b->lock);
	bool room = b->octets + item->octets <= b->most, first = room && !b->first;
	if (room) {
		item->next = NULL;
		*b->end = item;
		b->end = &item->next;
		b->octets += item->octets;
		b->added++;
	}
	pthread_mutex_unlock(&b->lock);
	if (first) pthread_cond_signal(&b->work);
	return room;
}

void backlog_owe(struct backlog *b, int64_t due)
{
	b->owed = true;
	if (due >= b->due) return;
	b->due = due;
	pthread_cond_signal(&b->work);
}

void backlog_hurry(struct backlog *b)
{
	b->hurry = true;
	pthread_cond_signal(&b->work);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void wait_until(struct backlog *b, int64_t deadline)
{
	struct timespec ts = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
	if (deadline == NEVER)
		pthread_cond_wait(&b->work, &b->lock);
	else
		pthread_cond_timedwait(&b->work, &b->lock, &ts);
}

static struct backlog_item *take_all(struct backlog *b)
{
	struct backlog_item *list = b->first;
	b->first = NULL;
	b->end = &b->first;
	b->hurry = false;
	return list;
}

bool backlog_take(struct backlog *b, int64_t due, int64_t gather_ms, struct backlog_item **list)
{
	pthread_mutex_lock(&b->lock);
	b->busy = false;
	if (!b->owed || due < b->due) b->due = due;
	if (!b->first && !b->owed) b->hurry = false; /* there is nothing to hurry for */
	pthread_cond_broadcast(&b->idle);
	while (!b->stop && !b->hurry && !b->first && clock_now_ms() < b->due) wait_until(b, b->due);
	int64_t until = clock_now_ms() + gather_ms;
	while (!b->stop && !b->hurry && b->first && clock_now_ms() < until) wait_until(b, until);
	bool go_on = !b->stop || b->first || b->owed;
	b->pay = b->owed && (b->stop || b->hurry || clock_now_ms() >= b->due);
	if (!b->owed || b->pay) b->due = NEVER;
	*list = take_all(b);
	b->busy = go_on;
	if (!go_on) pthread_cond_broadcast(&b->idle);
	pthread_mutex_unlock(&b->lock);
	return go_on;
}

bool backlog_hurries(struct backlog *b)
{
	pthread_mutex_lock(&b->lock);
	bool hurries = b->hurry || b->stop;
	pthread_mutex_unlock(&b->lock);
	return hurries;
}

struct backlog_item *backlog_take_now(struct backlog *b, bool *stop)
{
	pthread_mutex_lock(&b->lock);
	struct backlog_item *list = take_all(b);
	*stop = b->stop;
	pthread_mutex_unlock(&b->lock);
	return list;
}

void backlog_done(struct backlog *b, size_t octets, size_t items)
{
	pthread_mutex_lock(&b->lock);
	b->octets -= octets;
	b->done += items;
	pthread_cond_broadcast(&b->idle);
	pthread_mutex_unlock(&b->lock);
}

/* ---- waiting for it ---------------------------------------------------------------------------------------------- */

bool backlog_catch_up(struct backlog *b, int64_t deadline)
{
	struct timespec ts = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
	pthread_mutex_lock(&b->lock);
	uint64_t target = b->added;
	while (b->done < target && clock_now_ms() < deadline) { /* by the clock: a wait may end early */
		backlog_hurry(b);
		pthread_cond_timedwait(&b->idle, &b->lock, &ts);
	}
	bool caught_up = b->done >= target;
	pthread_mutex_unlock(&b->lock);
	return caught_up;
}

void backlog_flush(struct backlog *b)
{
	pthread_mutex_lock(&b->lock);
	while (b->first || b->owed || b->busy) {
		backlog_hurry(b);
		pthread_cond_wait(&b->idle, &b->lock);
	}
	pthread_mutex_unlock(&b->lock);
}
