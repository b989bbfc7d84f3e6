/* SPDX-License-Identifier: Apache-2.0 */
#include "net/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#define RECEIVE_BUFFER (4 << 20) /* what comes while the service is started again, or is busy */

bool datagram_is_wildcard(const struct endpoint *at)
{
	static const uint8_t zeros[16];
	return memcmp(at->ip.octets, zeros, sizeof zeros) == 0;
}

static enum error set_up_and_bind(int fd, const struct endpoint *at)
{
	bool v6 = at->ip.family == AF_INET6;
	int on = 1, room = RECEIVE_BUFFER, omit = v6 ? IPV6_PMTUDISC_OMIT : IP_PMTUDISC_OMIT;
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(at, &sa);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) return error_from_errno(errno);
	if (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) return error_from_errno(errno);
	if (datagram_is_wildcard(at) &&
	    setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on) < 0)
		return error_from_errno(errno);
	/* These are wishes. */
	setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &omit, sizeof omit);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (bind(fd, (struct sockaddr *)&sa, n) == 0) return ERR_OK;
	return errno == EADDRNOTAVAIL ? ERR_INVALID : error_from_errno(errno);
}

enum error datagram_bind(const struct endpoint *at, int *fd_out)
{
	*fd_out = -1;
	if (!at->ip.family) return ERR_INVALID;
	int fd = socket(at->ip.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return error_from_errno(errno);
	enum error e = set_up_and_bind(fd, at);
	if (e == ERR_OK)
		*fd_out = fd;
	else
		close(fd);
	return e;
}
