/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#define LISTENER_MAGIC 0x4c69736eU
#define BACKLOG        1024
#define ACCEPT_MAX     16 /* a wake, so that sessions are served while connections pour in */
#define PAUSE_MS       50
#define LOG_EVERY_MS   60000

struct listener {
	uint32_t magic;
	int fd;
	int reserve; /* given up for a moment when descriptors run out; -1: gone for now */
	const char *busy_text;
	void (*accepted)(int fd, void *arg);
	void *arg;
	uv_poll_t poll;
	uv_timer_t pause;
	int handles; /* to be closed before the memory goes */
	bool stopped;
	int64_t log_again; /* not before this time */
};

static struct listener *checked(void *p)
{
	struct listener *l = p;
	assert(l && l->magic == LISTENER_MAGIC);
	return l;
}

/* ---- binding ----------------------------------------------------------------------------------------------------- */

static enum error bind_and_listen(int fd, const struct endpoint *at)
{
	int on = 1;
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(at, &sa);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return error_from_errno(errno);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* inherited by what is accepted */
	if (at->ip.family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		return error_from_errno(errno);
	if (bind(fd, (struct sockaddr *)&sa, n) < 0)
		return errno == EADDRNOTAVAIL ? ERR_INVALID : error_from_errno(errno);
	return listen(fd, BACKLOG) < 0 ? error_from_errno(errno) : ERR_OK;
}

enum error listener_bind(const struct endpoint *at, int *fd_out)
{
	*fd_out = -1;
	if (!at->ip.family) return ERR_INVALID;
	int fd = socket(at->ip.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return error_from_errno(errno);
	enum error e = bind_and_listen(fd, at);
	if (e) {
		close(fd);
		return e;
	}
	*fd_out = fd;
	return ERR_OK;
}

/* ---- running out of descriptors ---------------------------------------------------------------------------------- */

static void fill_reserve(struct listener *l)
{
	if (l->reserve < 0) l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Tells one client that it cannot be served. False when there is none, or no descriptor even for this. */
static bool refuse_one(struct listener *l)
{
	if (l->reserve < 0) return false;
	close(l->reserve);
	l->reserve = -1;
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		send(fd, l->busy_text, strlen(l->busy_text), MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		metric_add(METRIC_out_of_resources, 1);
	}
	fill_reserve(l);
	return fd >= 0;
}

static void start(struct listener *);

static void pause_over(uv_timer_t *timer)
{
	struct listener *l = checked(timer->data);
	fill_reserve(l);
	if (!l->stopped) start(l);
}

static void refuse_and_pause(struct listener *l, int cause)
{
	for (int i = 0; i < ACCEPT_MAX && refuse_one(l); i++)
		;
	uv_poll_stop(&l->poll);
	uv_timer_start(&l->pause, pause_over, PAUSE_MS, 0);
	int64_t now = clock_now_ms();
	if (now < l->log_again) return;
	l->log_again = now + LOG_EVERY_MS;
	log_text(LOG_WARNING, "accept", "connections are turned away: %s", error_text(error_from_errno(cause)));
}

/* ---- accepting --------------------------------------------------------------------------------------------------- */

/* accept(2): errors of the new connection, already pending on it, are to be taken like "try again". */
static bool is_of_connection(int e)
{
	switch (e) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH: return true;
	default: return false;
	}
}

static void accept_some(uv_poll_t *poll, int status, int events)
{
	struct listener *l = checked(poll->data);
	for (int i = 0; i < ACCEPT_MAX && !l->stopped; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			l->accepted(fd, l->arg); /* may stop the listener */
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (!is_of_connection(errno)) {
			refuse_and_pause(l, errno);
			return;
		}
	}
}

static void start(struct listener *l)
{
	uv_poll_start(&l->poll, UV_READABLE, accept_some);
}

static void handle_closed(uv_handle_t *handle)
{
	struct listener *l = checked(handle->data);
	if (--l->handles > 0) return;
	if (l->reserve >= 0) close(l->reserve);
	l->magic = 0;
	free(l);
}

struct listener *listener_start(struct loop *loop, int fd, const char *busy_text, void (*accepted)(int fd, void *arg),
                                void *arg)
{
	struct listener *l = calloc(1, sizeof *l);
	if (!l) return NULL;
	*l = (struct listener){.magic = LISTENER_MAGIC,
	                       .fd = fd,
	                       .reserve = -1,
	                       .busy_text = busy_text,
	                       .accepted = accepted,
	                       .arg = arg};
	if (uv_poll_init(loop_uv(loop), &l->poll, fd) < 0) {
		free(l);
		return NULL;
	}
	uv_timer_init(loop_uv(loop), &l->pause);
	l->poll.data = l->pause.data = l;
	l->handles = 2;
	fill_reserve(l);
	start(l);
	return l;
}

void listener_stop(struct listener *l)
{
	checked(l)->stopped = true;
	uv_close((uv_handle_t *)&l->poll, handle_closed);
	uv_close((uv_handle_t *)&l->pause, handle_closed);
}
