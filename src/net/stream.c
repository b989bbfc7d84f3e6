/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every read and write tries the system call first and waits only when the kernel says so. A read after one that took all there was is
 * the exception, and the first of a connection that was accepted: the peer waits for our words before it says more, so the attempt would
 * fail. A peer that always has more, or always takes more, would keep its fiber running for ever; after TURN attempts in a row the fiber
 * lets the others run and looks at its deadline.
 */
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/stream_internal.h"

#define TURN       16
#define PRINTF_MAX (8 * 1024)

static struct stream *checked(struct stream *s)
{
	assert(s && s->magic == STREAM_MAGIC);
	return s;
}

static const struct stream *checked_const(const struct stream *s)
{
	assert(s && s->magic == STREAM_MAGIC);
	return s;
}

/* ---- opening and closing ---------------------------------------------------------------------------------------- */

/* Takes over fd. */
static enum error stream_new(int fd, struct stream **out)
{
	*out = NULL;
	struct stream *s = calloc(1, sizeof *s);
	struct watch *w = s ? watch_open(fd) : NULL;
	if (!w) {
		free(s);
		close(fd);
		return ERR_NO_MEMORY;
	}
	s->magic = STREAM_MAGIC;
	s->fd = fd;
	s->watch = w;
	*out = s;
	return ERR_OK;
}

static void read_local_address(struct stream *s)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof sa;
	if (getsockname(s->fd, (struct sockaddr *)&sa, &n) == 0)
		endpoint_from_sockaddr((struct sockaddr *)&sa, &s->local);
}

static void set_no_delay(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on what is not TCP, which does not matter */
}

enum error stream_accept(int fd, struct stream **out)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof sa;
	*out = NULL;
	if (getpeername(fd, (struct sockaddr *)&sa, &n) < 0) {
		enum error e = error_from_errno(errno);
		close(fd);
		return e;
	}
	enum error e =
		stream_new(fd, out); /* its watch makes the socket non-blocking; a listener's sockets have no delay */
	if (e) return e;
	endpoint_from_sockaddr((struct sockaddr *)&sa, &(*out)->peer);
	(*out)->drained = true;
	return ERR_OK;
}

/* The port is chosen at connect(), by the whole four-tuple, not here: many connections may leave from one address. */
static enum error bind_source(int fd, const struct ip *source)
{
	int on = 1;
	struct endpoint from = {.ip = *source};
	struct sockaddr_storage sa;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	socklen_t n = endpoint_to_sockaddr(&from, &sa);
	if (bind(fd, (struct sockaddr *)&sa, n) == 0) return ERR_OK;
	return errno == EADDRNOTAVAIL ? ERR_INVALID : error_from_errno(errno);
}

static enum error finish_connect(struct stream *s, const struct endpoint *to, int64_t deadline)
{
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(to, &sa);
	if (connect(s->fd, (struct sockaddr *)&sa, n) == 0) return ERR_OK;
	if (errno != EINPROGRESS && errno != EINTR) return error_from_errno(errno);
	for (;;) {
		enum error e = watch_wait(s->watch, WATCH_WRITE, deadline);
		if (e) return e;
		int failure = 0;
		n = sizeof failure;
		if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &failure, &n) < 0) failure = errno;
		if (failure) return error_from_errno(failure);
		n = sizeof sa;
		if (getpeername(s->fd, (struct sockaddr *)&sa, &n) == 0) return ERR_OK;
		if (errno != ENOTCONN) return error_from_errno(errno); /* else it was woken too early */
	}
}

enum error stream_connect(const struct endpoint *to, const struct ip *source, int64_t deadline, struct stream **out)
{
	*out = NULL;
	if (!to->ip.family || (source && source->family != to->ip.family)) return ERR_INVALID;
	int fd = socket(to->ip.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return error_from_errno(errno);
	set_no_delay(fd);
	enum error e = source ? bind_source(fd, source) : ERR_OK;
	if (e) {
		close(fd);
		return e;
	}
	struct stream *s;
	if ((e = stream_new(fd, &s))) return e;
	if ((e = finish_connect(s, to, deadline))) {
		stream_free(s);
		return e;
	}
	s->peer = *to;
	*out = s;
	return ERR_OK;
}

void stream_free(struct stream *s)
{
	if (!s) return;
	checked(s);
	if (s->ssl) stream_tls_end(s);
	stream_buffer_return(s->in);
	stream_buffer_return(s->out);
	watch_close(s->watch);
	/* Closing with unread input makes the kernel send RST, which could overtake our last reply. */
	recv(s->fd, NULL, 1024 * 1024, MSG_TRUNC | MSG_DONTWAIT);
	close(s->fd);
	s->magic = 0;
	free(s);
}

/* ---- attempts and waits ------------------------------------------------------------------------------------------ */

static struct attempt would_block(int events)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK) return (struct attempt){.wait = events};
	return (struct attempt){.error = error_from_errno(errno)};
}

static struct attempt try_read(struct stream *s, char *buffer, size_t n)
{
	if (s->ssl) return stream_tls_try_read(s, buffer, n);
	ssize_t got;
	do got = recv(s->fd, buffer, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0) return (struct attempt){.n = (size_t)got};
	if (got == 0) return (struct attempt){.error = ERR_CLOSED};
	return would_block(WATCH_READ);
}

static struct attempt try_write(struct stream *s, const char *data, size_t n)
{
	if (s->ssl) return stream_tls_try_write(s, data, n);
	ssize_t sent;
	do sent = send(s->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0) return (struct attempt){.n = (size_t)sent};
	return would_block(WATCH_WRITE);
}

enum error stream_wait(struct stream *s, int events, int64_t deadline)
{
	s->streak = 0;
	return watch_wait(s->watch, events, deadline);
}

/* Called before every attempt. */
static enum error take_turn(struct stream *s, int64_t deadline)
{
	if (++s->streak <= TURN || !fiber_current()) return ERR_OK;
	s->streak = 0;
	fiber_yield();
	int64_t now = clock_now_ms();
	return now >= deadline ? ERR_TIMEOUT : fiber_sleep(now);
}

/* ---- input ------------------------------------------------------------------------------------------------------- */

struct slice stream_buffered(const struct stream *s)
{
	checked_const(s);
	return s->in ? slice_of(s->in + s->in_start, s->in_end - s->in_start) : SLICE_EMPTY;
}

static void return_input(struct stream *s)
{
	stream_buffer_return(s->in);
	s->in = NULL;
	s->in_start = s->in_end = 0;
}

void stream_consume(struct stream *s, size_t n)
{
	checked(s);
	assert(n <= s->in_end - s->in_start);
	s->in_start += (uint32_t)n;
	if (s->in_start == s->in_end) return_input(s);
}

void stream_discard_input(struct stream *s)
{
	return_input(checked(s));
}

/* Room behind what is buffered, at least one byte. */
static enum error make_room(struct stream *s)
{
	if (!s->in && !(s->in = stream_buffer_borrow())) return ERR_NO_MEMORY;
	if (s->in_start > 0 && s->in_end == STREAM_BUFFER) {
		s->in_end -= s->in_start;
		memmove(s->in, s->in + s->in_start, s->in_end);
		s->in_start = 0;
	}
	return ERR_OK;
}

static struct attempt read_more(struct stream *s)
{
	enum error e = make_room(s);
	if (e) return (struct attempt){.error = e};
	size_t room = STREAM_BUFFER - s->in_end;
	struct attempt a = try_read(s, s->in + s->in_end, room);
	s->in_end += (uint32_t)a.n;
	s->drained = !s->ssl && a.n > 0 && a.n < room;
	if (s->in_end == s->in_start) return_input(s);
	return a;
}

/* A server that closes in the middle of what we say has often said why: its words are still to be read. */
static enum error last_words(struct stream *s, enum error failure)
{
	if (s->ssl || (failure != ERR_CLOSED && failure != ERR_RESET)) return failure;
	return read_more(s).n ? ERR_OK : failure;
}

enum error stream_fill(struct stream *s, int64_t deadline)
{
	checked(s);
	if (s->in && s->in_end - s->in_start == STREAM_BUFFER) return ERR_LIMIT;
	enum error e = stream_flush(s, deadline);
	if (e) return last_words(s, e);
	if (s->drained && !s->ssl && fiber_current()) {
		s->drained = false;
		if ((e = stream_wait(s, WATCH_READ, deadline))) return e;
	}
	for (;;) {
		if ((e = take_turn(s, deadline))) return e;
		struct attempt a = read_more(s);
		if (a.n) return ERR_OK;
		if (a.error) return a.error;
		if ((e = stream_wait(s, a.wait, deadline))) return e;
	}
}

bool stream_idle_dead(struct stream *s)
{
	checked(s);
	if (s->in || s->write_error || s->tls_error) return true;
	if (s->ssl) return stream_tls_idle_dead(s);
	char byte;
	ssize_t got = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

static void return_output(struct stream *s)
{
	stream_buffer_return(s->out);
	s->out = NULL;
	s->out_start = s->out_end = 0;
}

/* What could not be sent in full leaves the connection in the middle of something: no later write can make sense. */
static enum error fail_write(struct stream *s, enum error e)
{
	return_output(s);
	return s->write_error = e;
}

static enum error send_all(struct stream *s, const char *data, size_t n, int64_t deadline)
{
	while (n > 0) {
		enum error e = take_turn(s, deadline);
		if (e) return e;
		struct attempt a = try_write(s, data, n);
		data += a.n;
		n -= a.n;
		if (a.error) return a.error;
		if (a.wait && (e = stream_wait(s, a.wait, deadline))) return e;
	}
	return ERR_OK;
}

enum error stream_flush(struct stream *s, int64_t deadline)
{
	checked(s);
	if (s->write_error) return s->write_error;
	if (!s->out) return ERR_OK;
	enum error e = send_all(s, s->out + s->out_start, s->out_end - s->out_start, deadline);
	if (e) return fail_write(s, e);
	return_output(s);
	return ERR_OK;
}

bool stream_output_pending(const struct stream *s)
{
	return checked_const(s)->out != NULL;
}

/* Room for n more bytes of output (n <= STREAM_BUFFER). */
static enum error reserve_output(struct stream *s, size_t n, int64_t deadline)
{
	if (s->write_error) return s->write_error;
	if (s->out && STREAM_BUFFER - s->out_end < n) {
		enum error e = stream_flush(s, deadline);
		if (e) return e;
	}
	if (!s->out && !(s->out = stream_buffer_borrow())) return fail_write(s, ERR_NO_MEMORY);
	return ERR_OK;
}

enum error stream_write(struct stream *s, struct slice data, int64_t deadline)
{
	checked(s);
	while (data.n > 0) {
		enum error e;
		if (!s->write_error && !s->out && data.n >= STREAM_BUFFER) { /* nothing is won by copying it */
			e = send_all(s, data.p, data.n, deadline);
			return e ? fail_write(s, e) : ERR_OK;
		}
		if ((e = reserve_output(s, 1, deadline))) return e;
		size_t n = STREAM_BUFFER - s->out_end;
		if (n > data.n) n = data.n;
		memcpy(s->out + s->out_end, data.p, n);
		s->out_end += (uint32_t)n;
		data = slice_sub(data, n, data.n);
	}
	return s->write_error;
}

enum error stream_printf(struct stream *s, int64_t deadline, const char *format, ...)
{
	checked(s);
	enum error e = reserve_output(s, PRINTF_MAX + 1, deadline);
	if (e) return e;
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(s->out + s->out_end, PRINTF_MAX + 1, format, ap);
	va_end(ap);
	if (n >= 0 && n <= PRINTF_MAX) s->out_end += (uint32_t)n;
	if (s->out_start == s->out_end) return_output(s);
	return n < 0 ? ERR_INVALID : n > PRINTF_MAX ? ERR_LIMIT : ERR_OK;
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

const struct endpoint *stream_peer(const struct stream *s)
{
	return &checked_const(s)->peer;
}

const struct endpoint *stream_local(const struct stream *s)
{
	/* Asked for when it is first wanted: most sessions never do. */
	if (!checked_const(s)->local.ip.family) read_local_address((struct stream *)s);
	return &s->local;
}

void stream_set_peer(struct stream *s, const struct endpoint *peer, const struct endpoint *local)
{
	checked(s)->peer = *peer;
	s->local = *local;
}
