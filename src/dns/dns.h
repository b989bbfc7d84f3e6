/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns - the service that answers the list
 *
 * Threads answer what comes by UDP (dns/udp.h); the main loop holds TCP connections (dns/tcp.h), and the control socket: a reload
 * puts a new setup in place while requests go on being answered. The state is opened for reading only, and nothing is
 * loaded: what a commit of another process published is in the next answer.
 *
 * Rights: the sockets that the supervisor opened; the state environment to read (LMDB's lock file to write, where readers are
 * entered); run-dir for the counters. No connect(2), no other file.
 */
#ifndef BACKSTOP_DNS_DNS_H
#define BACKSTOP_DNS_DNS_H

#include "base/service.h"

int dns_run(struct service_start *start);
/* For each address to listen on one socket of TCP, then one of UDP for each worker. */
size_t dns_listeners(const struct config *c, struct listener_want out[SERVICE_LISTENERS]);

#endif
