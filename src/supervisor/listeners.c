/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/datagram.h"
#include "net/listener.h"

static bool same(const struct listener_want *a, const struct listener_want *b)
{
	return a->kind == b->kind && a->at.port == b->at.port && a->at.scope == b->at.scope &&
	       ip_equal(&a->at.ip, &b->at.ip);
}

static bool has_fd(const struct listeners *l, int fd)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->bound[i].fd == fd) return true;
	return false;
}

/* A socket of old for that address which is not in out yet (port 0 may be there several times); -1. */
static const struct service_listener *reusable(const struct listeners *old, const struct listener_want *at,
                                               const struct listeners *out)
{
	for (size_t i = 0; i < old->count; i++)
		if (same(&old->configured[i], at) && !has_fd(out, old->bound[i].fd)) return &old->bound[i];
	return NULL;
}

static bool is_ipv6_wildcard(const struct endpoint *at)
{
	static const uint8_t zeros[16];
	return at->ip.family == AF_INET6 && memcmp(at->ip.octets, zeros, sizeof zeros) == 0;
}

static bool system_lacks_ipv6(void)
{
	struct endpoint loopback = {.ip = {.family = AF_INET6, .octets = {[15] = 1}}};
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(&loopback, &sa);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool lacks = fd < 0 || bind(fd, (struct sockaddr *)&sa, n) < 0;
	if (fd >= 0) close(fd);
	return lacks;
}

static enum error open_one(const struct listener_want *want, const struct service_listener *before,
                           struct service_listener *out, char why[256])
{
	char text[ENDPOINT_TEXT_SIZE];
	struct endpoint own = want->at;
	const struct endpoint *at = &own;
	bool datagram = want->kind == LISTENER_DATAGRAM;
	if (datagram && own.port == 0 && before) own.port = before->at.port;
	enum error e = datagram ? datagram_bind(at, &out->fd) : listener_bind(at, &out->fd);
	if (e != ERR_OK) {
		const char *what = e == ERR_BUSY      ? "already in use by another program"
		                   : e == ERR_INVALID ? "not an address of this machine"
		                                      : error_text(e);
		snprintf(why, 256, "listen: %s: %s", endpoint_text(at, text), what);
		return e;
	}
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	out->at = *at;
	out->kind = want->kind;
	if (getsockname(out->fd, (struct sockaddr *)&sa, &n) == 0)
		endpoint_from_sockaddr((struct sockaddr *)&sa, &out->at);
	return ERR_OK;
}

enum error listeners_prepare(const struct listeners *old, const struct listener_want *wanted, size_t n,
                             struct listeners *out, char why[256])
{
	*out = (struct listeners){calloc(n + 1, sizeof *out->configured), calloc(n + 1, sizeof *out->bound), 0};
	enum error e = out->configured && out->bound ? ERR_OK : ERR_NO_MEMORY;
	if (e != ERR_OK) snprintf(why, 256, "%s", error_text(e));
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		struct service_listener *to = &out->bound[out->count];
		const struct service_listener *kept = reusable(old, &wanted[i], out);
		if (kept) *to = *kept;
		const struct service_listener *before = out->count ? to - 1 : NULL;
		if (!kept) e = open_one(&wanted[i], before, to, why);
		if (e != ERR_OK && e != ERR_BUSY && is_ipv6_wildcard(&wanted[i].at) && system_lacks_ipv6()) {
			log_text(LOG_WARNING, "supervisor", "%s: this system has no IPv6, going on without", why);
			e = ERR_OK;
			continue;
		}
		if (e == ERR_OK) out->configured[out->count++] = wanted[i];
	}
	if (e != ERR_OK) listeners_abandon(old, out);
	return e;
}

static void release(struct listeners *l)
{
	free(l->configured);
	free(l->bound);
	*l = (struct listeners){0};
}

void listeners_replace(struct listeners *old, struct listeners *new)
{
	for (size_t i = 0; i < old->count; i++)
		if (!has_fd(new, old->bound[i].fd)) close(old->bound[i].fd);
	release(old);
	*old = *new;
	*new = (struct listeners){0};
}

void listeners_abandon(const struct listeners *old, struct listeners *new)
{
	for (size_t i = 0; i < new->count; i++)
		if (!has_fd(old, new->bound[i].fd)) close(new->bound[i].fd);
	release(new);
}

void listeners_close(struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++) close(l->bound[i].fd);
	release(l);
}
