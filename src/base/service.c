/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - see service.h
 *
 * The control socket is a pair of SOCK_SEQPACKET sockets: each message is whole or not there. A message is a struct packet and, for a
 * reload, the endpoints of the listeners; the descriptors that travel with it are a memory file with the configuration, then the
 * listening sockets in the same order. Both ends are the same program, so integers are in the host's order; sizes are checked all the
 * same, because a service may be in the hands of somebody else by now, and the supervisor is root.
 */
#include "base/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define PACKET_MAGIC   0x42535631u /* "BSV1" */
#define LISTENER_LIMIT SERVICE_LISTENERS

enum packet_kind { PACKET_STOP = 1, PACKET_RELOAD, PACKET_READY };

struct packet {
	uint32_t magic, kind, listener_count, zero;
	uint64_t path, text, certificate, key, secrets; /* lengths of the parts of the memory file, in this order */
};

struct message {
	struct packet packet;
	struct listener_want at[LISTENER_LIMIT];
};

union control_room { /* aligned for struct cmsghdr */
	char octets[CMSG_SPACE(sizeof(int) * (LISTENER_LIMIT + 1))];
	struct cmsghdr header;
};

enum error service_channel(int *supervisor_end, int *service_end)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return error_from_errno(errno);
	*supervisor_end = ends[0];
	*service_end = ends[1];
	return ERR_OK;
}

/* ---- sending ----------------------------------------------------------------------------------------------------------------- */

static enum error send_message(int control, const struct message *m, const int *fds, size_t fd_count)
{
	struct iovec io = {(void *)(uintptr_t)m, sizeof m->packet + m->packet.listener_count * sizeof m->at[0]};
	union control_room room = {0};
	struct msghdr header = {.msg_iov = &io, .msg_iovlen = 1};
	if (fd_count) {
		header.msg_control = room.octets;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	ssize_t n;
	do n = sendmsg(control, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? error_from_errno(errno) : ERR_OK;
}

static enum error send_plain(int control, enum packet_kind kind)
{
	struct message m = {.packet = {.magic = PACKET_MAGIC, .kind = kind}};
	return send_message(control, &m, NULL, 0);
}

void service_ready(int control)
{
	if (control >= 0) send_plain(control, PACKET_READY); /* a supervisor that is gone need not know */
}

enum error service_send_stop(int control)
{
	return send_plain(control, PACKET_STOP);
}

static enum error write_part(int fd, struct slice part)
{
	while (part.n) {
		ssize_t n = write(fd, part.p, part.n);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return n < 0 ? error_from_errno(errno) : ERR_IO;
		part = slice_sub(part, (size_t)n, part.n);
	}
	return ERR_OK;
}

enum error service_send_reload(int control, const struct config *c, const struct service_listener *l, size_t n)
{
	if (n > LISTENER_LIMIT) return ERR_LIMIT;
	struct slice parts[] = {slice_str(c->path), config_text(c), c->tls_certificate_pem, c->tls_key_pem,
	                        config_secrets(c)};
	struct message m = {.packet = {PACKET_MAGIC, PACKET_RELOAD, (uint32_t)n, 0, parts[0].n, parts[1].n, parts[2].n,
	                               parts[3].n, parts[4].n}};
	int fds[LISTENER_LIMIT + 1];
	fds[0] = memfd_create("configuration", MFD_CLOEXEC);
	if (fds[0] < 0) return error_from_errno(errno);
	enum error e = ERR_OK;
	for (size_t i = 0; i < sizeof parts / sizeof *parts && e == ERR_OK; i++) e = write_part(fds[0], parts[i]);
	for (size_t i = 0; i < n; i++) {
		m.at[i] = (struct listener_want){l[i].at, l[i].kind};
		fds[i + 1] = l[i].fd;
	}
	if (e == ERR_OK) e = send_message(control, &m, fds, n + 1);
	close(fds[0]);
	return e;
}

/* ---- receiving --------------------------------------------------------------------------------------------------------------- */

struct received {
	struct message message;
	size_t size;
	int fds[LISTENER_LIMIT + 1];
	size_t fd_count;
};

static void close_fds(struct received *r)
{
	while (r->fd_count) close(r->fds[--r->fd_count]);
}

/* Takes every descriptor that came, wanted or not, so that none is left open unseen. */
static void take_fds(struct msghdr *header, struct received *r)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (r->fd_count < LISTENER_LIMIT + 1)
				r->fds[r->fd_count++] = fd;
			else
				close(fd);
		}
	}
}

/* ERR_BUSY: nothing there. ERR_PROTOCOL: not one of our messages. */
static enum error receive_message(int control, struct received *r)
{
	union control_room room;
	struct iovec io = {&r->message, sizeof r->message};
	struct msghdr header = {.msg_iov = &io,
	                        .msg_iovlen = 1,
	                        .msg_control = room.octets,
	                        .msg_controllen = sizeof room.octets};
	memset(r, 0, sizeof *r);
	ssize_t n;
	do n = recvmsg(control, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_BUSY : ERR_CLOSED;
	if (n == 0) return ERR_CLOSED;
	take_fds(&header, r);
	r->size = (size_t)n;
	const struct packet *p = &r->message.packet;
	bool good = !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && r->size >= sizeof *p &&
	            p->magic == PACKET_MAGIC && p->listener_count <= LISTENER_LIMIT &&
	            r->size == sizeof *p + p->listener_count * sizeof r->message.at[0] &&
	            r->fd_count == (p->kind == PACKET_RELOAD ? p->listener_count + 1 : 0);
	if (good) return ERR_OK;
	close_fds(r);
	return ERR_PROTOCOL;
}

enum error service_receive_ready(int control)
{
	struct received r;
	enum error e = receive_message(control, &r);
	if (e != ERR_OK) return e;
	close_fds(&r);
	return r.message.packet.kind == PACKET_READY ? ERR_OK : ERR_PROTOCOL;
}

/* The parts of the memory file; they must fill it. */
static enum error parse_parts(const struct packet *p, struct slice all, struct config **out, char why[CONFIG_WHY])
{
	const uint64_t lengths[] = {p->path, p->text, p->certificate, p->key, p->secrets};
	struct slice parts[5];
	for (size_t i = 0; i < 5; i++) {
		if (lengths[i] > all.n) return ERR_PROTOCOL;
		parts[i] = slice_sub(all, 0, lengths[i]);
		all = slice_sub(all, lengths[i], all.n);
	}
	char path[1024];
	snprintf(path, sizeof path, "%.*s", parts[0].n > 1000 ? 1000 : (int)parts[0].n, parts[0].p);
	return config_parse_secrets(path, parts[1], parts[2], parts[3], parts[4], out, why);
}

static enum error read_config(const struct received *r, struct config **out, char why[CONFIG_WHY])
{
	struct stat st;
	snprintf(why, CONFIG_WHY, "%s", error_text(ERR_PROTOCOL));
	if (fstat(r->fds[0], &st) < 0 || st.st_size <= 0 || st.st_size > (8 << 20)) return ERR_PROTOCOL;
	size_t n = (size_t)st.st_size;
	char *text = malloc(n);
	if (!text) return ERR_NO_MEMORY;
	enum error e = ERR_IO;
	if (pread(r->fds[0], text, n, 0) == (ssize_t)n)
		e = parse_parts(&r->message.packet, slice_of(text, n), out, why);
	explicit_bzero(text, n);
	free(text);
	return e;
}

/* Fills out and keeps the descriptors, or keeps nothing. */
static enum error take_reload(struct received *r, struct service_start *out)
{
	char why[CONFIG_WHY];
	struct config *c = NULL;
	size_t n = r->message.packet.listener_count;
	enum error e = read_config(r, &c, why);
	if (e != ERR_OK) {
		log_text(LOG_ERROR, "reload_failed", "%s", why);
		close_fds(r);
		return e;
	}
	struct service_listener *l = calloc(n ? n : 1, sizeof *l);
	if (!l) {
		config_unref(c);
		close_fds(r);
		return ERR_NO_MEMORY;
	}
	close(r->fds[0]);
	for (size_t i = 0; i < n; i++)
		l[i] = (struct service_listener){r->message.at[i].at, r->message.at[i].kind, r->fds[i + 1]};
	r->fd_count = 0;
	out->config = c;
	out->listeners = l;
	out->listener_count = n;
	log_setup(c->log_format, c->log_level, NULL);
	return ERR_OK;
}

enum service_event service_next(int control, struct service_start *out)
{
	if (control < 0) { /* nobody speaks: until the fiber is cancelled */
		struct event never = {0};
		event_wait(&never, DEADLINE_NEVER);
		return SERVICE_STOP;
	}
	struct watch *w = watch_open(control);
	enum service_event event = SERVICE_STOP;
	struct received *r = malloc(sizeof *r); /* too large for a fiber's stack */
	while (w && r) {
		enum error e = receive_message(control, r);
		if (e == ERR_BUSY) {
			if (watch_wait(w, WATCH_READ, DEADLINE_NEVER) != ERR_OK) break;
		} else if (e == ERR_CLOSED || (e == ERR_OK && r->message.packet.kind == PACKET_STOP)) {
			break;
		} else if (e == ERR_OK && r->message.packet.kind == PACKET_RELOAD && take_reload(r, out) == ERR_OK) {
			event = SERVICE_RELOAD;
			break;
		}
	}
	free(r);
	if (w) watch_close(w);
	return event;
}
