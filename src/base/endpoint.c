/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 2.5.5.2: ::ffff:0:0/96 */

static struct ip ip_from_v4(const uint8_t octets[4])
{
	struct ip ip = {.family = AF_INET};
	memcpy(ip.octets, octets, 4);
	return ip;
}

/* *mapped says that the sixteen octets were an IPv4 address. */
static struct ip ip_from_v6(const uint8_t octets[16], bool *mapped)
{
	*mapped = memcmp(octets, mapped_prefix, sizeof mapped_prefix) == 0;
	if (*mapped) return ip_from_v4(octets + 12);
	struct ip ip = {.family = AF_INET6};
	memcpy(ip.octets, octets, 16);
	return ip;
}

static bool parse(struct slice text, struct ip *out, bool *mapped)
{
	char buf[IP_TEXT_SIZE];
	uint8_t octets[16];
	*mapped = false;
	if (text.n == 0 || text.n >= sizeof buf || slice_find(text, '\0') < text.n) return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = '\0';
	if (inet_pton(AF_INET, buf, octets) == 1)
		*out = ip_from_v4(octets);
	else if (inet_pton(AF_INET6, buf, octets) == 1)
		*out = ip_from_v6(octets, mapped);
	else
		return false;
	return true;
}

bool ip_parse(struct slice text, struct ip *out)
{
	bool mapped;
	return parse(text, out, &mapped);
}

static size_t octet_count(const struct ip *ip)
{
	return ip->family == AF_INET ? 4 : ip->family == AF_INET6 ? 16 : 0;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, octet_count(a)) == 0;
}

static char *put_number(char *to, unsigned n)
{
	if (n >= 100) *to++ = (char)('0' + n / 100);
	if (n >= 10) *to++ = (char)('0' + n / 10 % 10);
	*to++ = (char)('0' + n % 10);
	return to;
}

/* inet_ntop() uses sprintf(), and each message's client is written three times. */
static const char *v4_text(const uint8_t octets[4], char buf[IP_TEXT_SIZE])
{
	char *to = buf;
	for (size_t i = 0; i < 4; i++) {
		if (i > 0) *to++ = '.';
		to = put_number(to, octets[i]);
	}
	*to = '\0';
	return buf;
}

const char *ip_text(const struct ip *ip, char buf[IP_TEXT_SIZE])
{
	if (ip->family == AF_INET) return v4_text(ip->octets, buf);
	if (octet_count(ip) == 0 || !inet_ntop(ip->family, ip->octets, buf, IP_TEXT_SIZE))
		snprintf(buf, IP_TEXT_SIZE, "-");
	return buf;
}

bool ip_is_loopback(const struct ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};
	if (ip->family == AF_INET) return ip->octets[0] == 127;
	return ip->family == AF_INET6 && memcmp(ip->octets, one, sizeof one) == 0;
}

/* Takes "%2" off the end of *text. */
static bool take_scope(struct slice *text, uint32_t *scope)
{
	size_t at = slice_find(*text, '%');
	uint64_t value = 0;
	if (at < text->n) {
		if (!slice_to_u64(slice_sub(*text, at + 1, text->n), &value)) return false;
		if (value == 0 || value > UINT32_MAX) return false;
		*text = slice_sub(*text, 0, at);
	}
	*scope = (uint32_t)value;
	return true;
}

/* Parts "ADDRESS", "ADDRESS:PORT", "[ADDRESS]", "[ADDRESS]:PORT"; *port is {NULL, 0} when there is none. */
static bool take_apart(struct slice text, struct slice *address, struct slice *port, bool *bracketed)
{
	*port = (struct slice){NULL, 0};
	*bracketed = slice_starts(text, SLICE("["));
	if (*bracketed) {
		size_t end = slice_find(text, ']');
		if (end == text.n) return false;
		*address = slice_sub(text, 1, end);
		struct slice after = slice_sub(text, end + 1, text.n);
		if (after.n == 0) return true;
		*port = slice_sub(after, 1, after.n);
		return after.p[0] == ':';
	}
	*address = text;
	size_t colon = slice_find(text, ':');
	if (colon == text.n || slice_find_last(text, ':') != colon) return true; /* none, or a bare IPv6 address */
	*address = slice_sub(text, 0, colon);
	*port = slice_sub(text, colon + 1, text.n);
	return true;
}

bool endpoint_parse(struct slice text, uint16_t default_port, struct endpoint *out)
{
	struct slice address, port;
	struct endpoint e = {.port = default_port};
	bool bracketed, mapped;
	if (!take_apart(text, &address, &port, &bracketed)) return false;
	if (port.p) {
		uint64_t value;
		if (port.n > 5 || !slice_to_u64(port, &value) || value == 0 || value > UINT16_MAX) return false;
		e.port = (uint16_t)value;
	}
	if (e.port == 0 || !take_scope(&address, &e.scope) || !parse(address, &e.ip, &mapped)) return false;
	bool v6_text = e.ip.family == AF_INET6 || mapped;
	if (bracketed && !v6_text) return false;
	if (e.scope && e.ip.family != AF_INET6) return false;
	*out = e;
	return true;
}

const char *endpoint_text(const struct endpoint *e, char buf[ENDPOINT_TEXT_SIZE])
{
	char ip[IP_TEXT_SIZE];
	ip_text(&e->ip, ip);
	if (e->ip.family != AF_INET6)
		snprintf(buf, ENDPOINT_TEXT_SIZE, "%s:%u", ip, e->port);
	else if (e->scope == 0)
		snprintf(buf, ENDPOINT_TEXT_SIZE, "[%s]:%u", ip, e->port);
	else
		snprintf(buf, ENDPOINT_TEXT_SIZE, "[%s%%%u]:%u", ip, e->scope, e->port);
	return buf;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (e->ip.family == AF_INET) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)out;
		v4->sin_family = AF_INET;
		v4->sin_port = htons(e->port);
		memcpy(&v4->sin_addr, e->ip.octets, 4);
		return sizeof *v4;
	}
	if (e->ip.family == AF_INET6) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(e->port);
		v6->sin6_scope_id = e->scope;
		memcpy(&v6->sin6_addr, e->ip.octets, 16);
		return sizeof *v6;
	}
	return 0;
}

bool endpoint_from_sockaddr(const struct sockaddr *sa, struct endpoint *out)
{
	memset(out, 0, sizeof *out);
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
		out->ip = ip_from_v4((const uint8_t *)&v4->sin_addr);
		out->port = ntohs(v4->sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
		bool mapped;
		out->ip = ip_from_v6(v6->sin6_addr.s6_addr, &mapped);
		out->port = ntohs(v6->sin6_port);
		out->scope = mapped ? 0 : v6->sin6_scope_id;
		return true;
	}
	return false;
}

/* ---- prefixes ---------------------------------------------------------------------------------------------------- */

static void clear_beyond(uint8_t octets[16], unsigned length)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = length > i * 8 ? length - i * 8 : 0;
		if (kept < 8) octets[i] &= (uint8_t)(0xff00u >> kept);
	}
}

enum error prefix_parse(struct slice text, struct prefix *out)
{
	size_t slash = slice_find(text, '/');
	struct ip ip;
	bool mapped;
	if (!parse(slice_sub(text, 0, slash), &ip, &mapped)) return ERR_SYNTAX;
	uint64_t most = ip.family == AF_INET && !mapped ? 32 : 128;
	uint64_t length = most;
	if (slash < text.n) {
		struct slice digits = slice_sub(text, slash + 1, text.n);
		if (digits.n > 3 || !slice_to_u64(digits, &length) || length > most) return ERR_SYNTAX;
		if (digits.n > 1 && digits.p[0] == '0') return ERR_SYNTAX;
	}
	if (mapped) {
		if (length < 96) return ERR_INVALID; /* the 1 bits of ::ffff: would be host bits */
		length -= 96;
	}
	struct prefix p = {ip, (uint8_t)length};
	clear_beyond(p.ip.octets, p.length);
	if (!ip_equal(&p.ip, &ip)) return ERR_INVALID;
	*out = p;
	return ERR_OK;
}

bool prefix_contains(const struct prefix *p, const struct ip *ip)
{
	if (p->ip.family != ip->family || octet_count(ip) == 0) return false;
	unsigned whole = p->length / 8, rest = p->length % 8;
	if (memcmp(p->ip.octets, ip->octets, whole) != 0) return false;
	return rest == 0 || ((p->ip.octets[whole] ^ ip->octets[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

struct prefix ip_unit(const struct ip *ip)
{
	struct prefix unit = {*ip, ip->family == AF_INET6 ? 64 : (uint8_t)(octet_count(ip) * 8)};
	clear_beyond(unit.ip.octets, unit.length);
	return unit;
}
