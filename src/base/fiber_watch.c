/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber_watch - readiness of descriptors
 *
 * The registration stays with the kernel between waits. It is level-triggered: a readiness that nobody waits for
 * would be reported at every turn, so the first such report takes that direction out of the registration, and the
 * next wait puts it back. The usual rhythm of a session (wait, read, answer, wait) never comes to that.
 */
#include "base/fiber_internal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

_Static_assert(WATCH_READ == (int)UV_READABLE && WATCH_WRITE == (int)UV_WRITABLE, "events are passed through");

struct watch {
	uint32_t magic;
	int fd;
	int armed;                     /* events registered with the kernel */
	struct fiber *reader, *writer; /* stay until the fiber runs, though it may have been woken */
	uv_poll_t poll;
};

static struct watch *watch_cast(void *p)
{
	struct watch *w = p;
	if (!w || w->magic != WATCH_MAGIC) fiber_die("not an open watch: %p", p);
	return w;
}

struct watch *watch_open(int fd)
{
	struct loop *loop = loop_current();
	if (!loop) fiber_die("watch_open outside a running loop");
	struct watch *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	if (uv_poll_init(&loop->uv, &w->poll, fd) != 0) {
		free(w);
		return NULL;
	}
	w->magic = WATCH_MAGIC;
	w->fd = fd;
	w->poll.data = w;
	return w;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void register_events(struct watch *w, int events)
{
	int e = events ? uv_poll_start(&w->poll, events, on_poll) : uv_poll_stop(&w->poll);
	if (e != 0) fiber_die("watch of descriptor %d, which was closed and used again: %s", w->fd, uv_strerror(e));
	w->armed = events;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *w = watch_cast(poll->data);
	if (status <
	    0) { /* an error of the socket, which the next read or write will name; libuv has unregistered it */
		events = WATCH_READ | WATCH_WRITE;
		w->armed = 0;
	}
	int wanted = 0;
	if (w->reader && w->reader->waiting) wanted |= WATCH_READ;
	if (w->writer && w->writer->waiting) wanted |= WATCH_WRITE;
	if (events & wanted & WATCH_READ) fiber_wake(w->reader, ERR_OK);
	if (events & wanted & WATCH_WRITE) fiber_wake(w->writer, ERR_OK);
	int nobodys = events & w->armed & ~wanted;
	if (nobodys) register_events(w, w->armed & ~nobodys);
}

/* For a deadline that is past: is it ready now? */
static enum error poll_once(const struct watch *w, int events)
{
	struct pollfd p = {.fd = w->fd};
	if (events & WATCH_READ) p.events |= POLLIN;
	if (events & WATCH_WRITE) p.events |= POLLOUT;
	return poll(&p, 1, 0) > 0 ? ERR_OK : ERR_TIMEOUT;
}

enum error watch_wait(struct watch *w, int events, int64_t deadline)
{
	struct fiber *f = fiber_enter_wait("watch_wait");
	watch_cast(w);
	assert(events && !(events & ~(WATCH_READ | WATCH_WRITE)));
	if (fiber_interrupted(f)) return ERR_CANCELLED;
	if (loop_is_past(f->loop, deadline)) return poll_once(w, events);
	if (((events & WATCH_READ) && w->reader) || ((events & WATCH_WRITE) && w->writer))
		fiber_die("two fibers wait for one direction of descriptor %d", w->fd);
	if (events & ~w->armed) register_events(w, w->armed | events);
	if (events & WATCH_READ) w->reader = f;
	if (events & WATCH_WRITE) w->writer = f;
	enum error result = fiber_suspend(f, deadline, true);
	if (result == ERR_CLOSED) return result; /* w is gone */
	if (events & WATCH_READ) w->reader = NULL;
	if (events & WATCH_WRITE) w->writer = NULL;
	return result;
}

/* Also a fiber that was woken but has not run yet must not look at the watch again. */
static void turn_away(struct fiber *f)
{
	if (!f) return;
	fiber_wake(f, ERR_CLOSED);
	f->result = ERR_CLOSED;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void watch_close(struct watch *w)
{
	watch_cast(w);
	w->magic = 0;
	turn_away(w->reader);
	turn_away(w->writer);
	w->reader = w->writer = NULL;
	uv_close((uv_handle_t *)&w->poll,
	         on_closed); /* takes the descriptor out of the kernel's registration at once */
}
