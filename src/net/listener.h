/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener - listening sockets and the fibers that accept from them
 *
 * listener_bind() makes a listening socket (SO_REUSEADDR; IPv6 only for IPv6), on any thread, usually as root in the
 * supervisor. listener_start() accepts on a loop; several loops may accept from one socket. When descriptors run out
 * (EMFILE, ENFILE, ENOBUFS) it closes a descriptor kept in reserve, accepts, answers with the text given, closes, and
 * pauses a little, so that clients get an answer and the loop does not spin.
 */
#ifndef BACKSTOP_NET_LISTENER_H
#define BACKSTOP_NET_LISTENER_H

#include "base/fiber.h"
#include "base/endpoint.h"

struct listener;

enum error listener_bind(const struct endpoint *at, int *fd_out);

/* accepted(fd, arg) is called on the loop outside any fiber, must not wait, and owns fd. busy_text is sent to clients that
 * cannot be served ("421 4.3.2 ...\r\n"). fd stays the caller's and must stay open until listener_stop(). */
struct listener *listener_start(struct loop *, int fd, const char *busy_text, void (*accepted)(int fd, void *arg),
                                void *arg);
void listener_stop(struct listener *); /* loop thread; accepts no more; frees */

#endif
