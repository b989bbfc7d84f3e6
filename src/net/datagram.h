/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datagram - UDP sockets of a server
 *
 * Bound like a listener (net/listener.h), usually as root in the supervisor. Several sockets of one address may be open at once: the kernel
 * spreads what comes over them by its sender (SO_REUSEPORT), so that each thread has its own. Of a wildcard address each datagram tells
 * which address it was sent to (IP_PKTINFO), so that the answer can come from there. Answers are never fragmented by what somebody
 * claims about the path to a third one (IP_PMTUDISC_OMIT).
 */
#ifndef BACKSTOP_NET_DATAGRAM_H
#define BACKSTOP_NET_DATAGRAM_H

#include "base/endpoint.h"

/* ERR_BUSY: taken by another program; ERR_PERMISSION, ERR_INVALID as listener_bind(). Non-blocking, close-on-exec. */
enum error datagram_bind(const struct endpoint *at, int *fd_out);
/* Whether it tells where each datagram was sent to. */
bool datagram_is_wildcard(const struct endpoint *at);

#endif
