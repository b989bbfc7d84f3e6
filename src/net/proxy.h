/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy - the PROXY protocol, versions 1 and 2
 *
 * A front end (HAProxy, a cloud load balancer) tells in a header before the first byte of the client who the client is.
 * Only connections from named front ends may be read with this; the caller sees to that. The client's bytes behind the
 * header stay buffered in the stream.
 *
 * proxy_parse() is pure, any thread; proxy_read() belongs to the stream's fiber.
 *
 *     if ((e = proxy_read(s, clock_deadline(5000)))) return e;   // then stream_peer(s) is the client
 *
 * Specification: https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
 */
#ifndef BACKSTOP_NET_PROXY_H
#define BACKSTOP_NET_PROXY_H

#include "base/endpoint.h"
#include "base/slice.h"
#include "net/stream.h"

#define PROXY_V1_MAX 107        /* octets with CRLF */
#define PROXY_V2_MAX (16 + 536) /* fixed part, addresses and extensions */

enum proxy_result {
	PROXY_MORE, /* a header may come of this, more octets are needed */
	PROXY_DONE,
	PROXY_BAD
};

struct proxy_header {
	size_t size;    /* octets of the header */
	bool addressed; /* false (LOCAL, UNKNOWN, not TCP over IP): the connection's own addresses hold */
	struct endpoint source, destination;
};

enum proxy_result proxy_parse(struct slice data, struct proxy_header *out); /* out is set on PROXY_DONE only */

/* Reads the header, consumes it and sets the stream's peer and local address. ERR_PROTOCOL when the bytes are no valid
 * header within the limits; otherwise what stream_fill() gives. */
enum error proxy_read(struct stream *, int64_t deadline);

#endif
