/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reserved - addresses that are nobody's on the public Internet
 *
 * Private, loopback, link-local, documentation, multicast and other special ranges (RFC 6890 and the IANA registries that it
 * founded). The keeper never lists them. Pure; any thread.
 */
#ifndef BACKSTOP_LIST_RESERVED_H
#define BACKSTOP_LIST_RESERVED_H

#include "base/endpoint.h"

/* What the range is for ("private use"); NULL: a public address. */
const char *reserved_for(const struct ip *ip);

#endif
