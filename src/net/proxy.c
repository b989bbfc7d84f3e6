/* SPDX-License-Identifier: Apache-2.0 */
#include "net/proxy.h"

/* Section numbers are those of the specification named in the header. */

#define V2_FIXED 16

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";
static const char v1_signature[6] = "PROXY ";

/* True when data begins like signature, as far as it goes. */
static bool may_begin(struct slice data, const char *signature, size_t n)
{
	return memcmp(data.p, signature, data.n < n ? data.n : n) == 0;
}

/* ---- version 1: 2.1 ---------------------------------------------------------------------------------------------- */

/* Decimal without leading zeros, 0 to 65535. */
static bool parse_port(struct slice text, uint16_t *out)
{
	uint64_t value;
	if (text.n > 5 || (text.n > 1 && text.p[0] == '0') || !slice_to_u64(text, &value) || value > UINT16_MAX)
		return false;
	*out = (uint16_t)value;
	return true;
}

static bool parse_address(struct slice text, bool v6, struct ip *out)
{
	bool has_colon = slice_find(text, ':') < text.n;
	return has_colon == v6 && ip_parse(text, out);
}

/* "TCP4 192.0.2.1 198.51.100.1 56324 25" or "UNKNOWN ..." */
static bool parse_v1_line(struct slice line, struct proxy_header *h)
{
	struct slice family = slice_split(&line, ' ');
	if (slice_equal(family, SLICE("UNKNOWN"))) return true; /* the rest of the line must be ignored */
	bool v6 = slice_equal(family, SLICE("TCP6"));
	if (!v6 && !slice_equal(family, SLICE("TCP4"))) return false;
	struct slice field[4];
	for (int i = 0; i < 4; i++) {
		if (!line.p) return false;
		field[i] = slice_split(&line, ' ');
	}
	h->addressed = true;
	return !line.p && parse_address(field[0], v6, &h->source.ip) &&
	       parse_address(field[1], v6, &h->destination.ip) && parse_port(field[2], &h->source.port) &&
	       parse_port(field[3], &h->destination.port);
}

static enum proxy_result parse_v1(struct slice data, struct proxy_header *h)
{
	struct slice within = slice_sub(data, 0, PROXY_V1_MAX);
	size_t end = slice_search(within, SLICE("\r\n"));
	if (end == within.n) return within.n == PROXY_V1_MAX ? PROXY_BAD : PROXY_MORE;
	h->size = end + 2;
	return parse_v1_line(slice_sub(data, sizeof v1_signature, end), h) ? PROXY_DONE : PROXY_BAD;
}

/* ---- version 2: 2.2 ---------------------------------------------------------------------------------------------- */

static uint16_t get_u16(const char *p)
{
	return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

static struct endpoint get_endpoint(int family, const char *address, const char *port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct endpoint e = {0};
	memcpy(&v4.sin_addr, address, 4);
	if (family == AF_INET6) memcpy(&v6.sin6_addr, address, 16);
	endpoint_from_sockaddr(family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, &e);
	e.port = get_u16(port);
	return e;
}

/* 2.2.7: type, length, value; none is used here, but they must fill the header exactly. */
static bool extensions_valid(struct slice rest)
{
	while (rest.n > 0) {
		if (rest.n < 3) return false;
		size_t n = get_u16(rest.p + 1);
		if (n > rest.n - 3) return false;
		rest = slice_sub(rest, 3 + n, rest.n);
	}
	return true;
}

/* data is the whole header. */
static bool parse_v2_body(struct slice data, struct proxy_header *h)
{
	unsigned char command = (unsigned char)data.p[12] & 0x0f, protocol = (unsigned char)data.p[13];
	struct slice body = slice_sub(data, V2_FIXED, data.n);
	if (command == 0) return true; /* LOCAL: the front end speaks for itself, a health check */
	if (command != 1) return false;
	if (protocol != 0x11 && protocol != 0x21) {
		/* Other known families are accepted and the addresses ignored; unknown values are not. */
		return (protocol >> 4) <= 3 && (protocol & 0x0f) <= 2;
	}
	int family = protocol == 0x11 ? AF_INET : AF_INET6;
	size_t n = family == AF_INET ? 4 : 16;
	if (body.n < 2 * n + 4) return false;
	h->addressed = true;
	h->source = get_endpoint(family, body.p, body.p + 2 * n);
	h->destination = get_endpoint(family, body.p + n, body.p + 2 * n + 2);
	return extensions_valid(slice_sub(body, 2 * n + 4, body.n));
}

static enum proxy_result parse_v2(struct slice data, struct proxy_header *h)
{
	if (data.n > 12 && ((unsigned char)data.p[12] & 0xf0) != 0x20) return PROXY_BAD;
	if (data.n < V2_FIXED) return PROXY_MORE;
	h->size = (size_t)V2_FIXED + get_u16(data.p + 14);
	if (h->size > PROXY_V2_MAX) return PROXY_BAD;
	if (data.n < h->size) return PROXY_MORE;
	return parse_v2_body(slice_sub(data, 0, h->size), h) ? PROXY_DONE : PROXY_BAD;
}

enum proxy_result proxy_parse(struct slice data, struct proxy_header *out)
{
	struct proxy_header h = {0};
	enum proxy_result result;
	if (data.n == 0) return PROXY_MORE;
	if (may_begin(data, v1_signature, sizeof v1_signature))
		result = data.n < sizeof v1_signature ? PROXY_MORE : parse_v1(data, &h);
	else if (may_begin(data, v2_signature, sizeof v2_signature))
		result = data.n < sizeof v2_signature ? PROXY_MORE : parse_v2(data, &h);
	else
		result = PROXY_BAD;
	if (result == PROXY_DONE) *out = h;
	return result;
}

enum error proxy_read(struct stream *s, int64_t deadline)
{
	struct proxy_header h;
	enum proxy_result result;
	while ((result = proxy_parse(stream_buffered(s), &h)) == PROXY_MORE) {
		enum error e = stream_fill(s, deadline);
		if (e) return e;
	}
	if (result == PROXY_BAD) return ERR_PROTOCOL;
	stream_consume(s, h.size);
	if (h.addressed) stream_set_peer(s, &h.source, &h.destination);
	return ERR_OK;
}
