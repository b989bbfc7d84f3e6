/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint - addresses of the network: IP and port, prefixes
 *
 * IPv4-mapped IPv6 addresses are turned into IPv4 wherever one enters, so that 192.0.2.1 and ::ffff:192.0.2.1 are one
 * address to every table. Pure; any thread.
 */
#ifndef BACKSTOP_BASE_ENDPOINT_H
#define BACKSTOP_BASE_ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/slice.h"

struct ip {
	uint8_t family;     /* AF_INET, AF_INET6; 0: none */
	uint8_t octets[16]; /* network order; IPv4 uses the first four, the rest are 0 */
};

struct endpoint {
	struct ip ip;
	uint16_t port;  /* host order */
	uint32_t scope; /* IPv6 zone index, 0 normally */
};

struct prefix {
	struct ip ip; /* bits beyond length are 0 */
	uint8_t length;
};

#define IP_TEXT_SIZE       46
#define ENDPOINT_TEXT_SIZE 66

bool ip_parse(struct slice text, struct ip *out); /* no brackets, no port */
bool ip_equal(const struct ip *a, const struct ip *b);
const char *ip_text(const struct ip *ip, char buf[IP_TEXT_SIZE]);
bool ip_is_loopback(const struct ip *ip);

/* "192.0.2.1:25", "[2001:db8::1]:25", "[fe80::1%2]:25" (the zone as a number); default_port 0: the port is required.
 * Without a port the brackets may be left out. */
bool endpoint_parse(struct slice text, uint16_t default_port, struct endpoint *out);
const char *endpoint_text(const struct endpoint *e, char buf[ENDPOINT_TEXT_SIZE]);
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out);
bool endpoint_from_sockaddr(const struct sockaddr *sa, struct endpoint *out);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. Host bits that are set are an error: ERR_INVALID; anything
 * else that is wrong is ERR_SYNTAX. */
enum error prefix_parse(struct slice text, struct prefix *out);
bool prefix_contains(const struct prefix *p, const struct ip *ip);
/* The unit that limits and listings count by: the IPv4 address, or the IPv6 /64. */
struct prefix ip_unit(const struct ip *ip);

#endif
