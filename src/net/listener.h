/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener - listening sockets and the fibers that accept from them
 *
 * listener_bind() makes a listening socket (SO_REUSEADDR; IPv6 only for IPv6), on any thread, usually as root in the
 * supervisor. listener_start() accepts on a loop; several loops may accept from one socket. When descriptors run out
 * (EMFILE, ENFILE, ENOBUFS) it closes a descriptor kept in reserve, accepts, answers with the text given, closes, and
 * pauses a little, so that clients get an answer and the loop does not spin. Each such client counts in
 * out_of_resources; the log event is "accept", at most once a minute.
 */
#ifndef BACKSTOP_NET_LISTENER_H
#define BACKSTOP_NET_LISTENER_H

#include "base/endpoint.h"
#include "base/fiber.h"

struct listener;

/* ERR_BUSY: taken by another program; ERR_PERMISSION: a port below 1024; ERR_INVALID: not an address of this host. */
enum error listener_bind(const struct endpoint *at, int *fd_out);

/* NULL without memory. accepted(fd, arg) is called on the loop outside any fiber, must not wait, and owns fd
 * (non-blocking, close-on-exec); it may call listener_stop(). busy_text (static) is sent to clients that cannot be
 * served ("421 4.3.2 ...\r\n"). fd stays the caller's and must stay open until listener_stop(). */
struct listener *listener_start(struct loop *, int fd, const char *busy_text, void (*accepted)(int fd, void *arg),
                                void *arg);
void listener_stop(struct listener *); /* loop thread, before loop_free(); accepts no more; frees */

#endif
