/* SPDX-License-Identifier: Apache-2.0 */
/* Names and RDATA between wire and text. */
#include <stdio.h>

#include "net/resolver_internal.h"

#define LABEL_MAX 63

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int dns_unescape(struct slice *text, bool *escaped)
{
	char c = text->p[0];
	*escaped = c == '\\';
	size_t taken = 1;
	int octet = (unsigned char)c;
	if (*escaped) {
		if (text->n < 2) return -1;
		octet = (unsigned char)text->p[1];
		taken = 2;
		if (is_digit(text->p[1])) {
			if (text->n < 4 || !is_digit(text->p[2]) || !is_digit(text->p[3])) return -1;
			octet = (text->p[1] - '0') * 100 + (text->p[2] - '0') * 10 + (text->p[3] - '0');
			taken = 4;
		}
	}
	*text = slice_sub(*text, taken, text->n);
	return octet > 255 ? -1 : octet;
}

static unsigned char lower(int octet)
{
	return (unsigned char)(octet >= 'A' && octet <= 'Z' ? octet + 32 : octet);
}

/* Takes a label and the dot behind it off *text. */
static bool parse_label(struct slice *text, struct dns_name *out)
{
	size_t at = out->n, n = 0;
	while (text->n > 0) {
		bool escaped;
		int octet = dns_unescape(text, &escaped);
		if (octet < 0) return false;
		if (octet == '.' && !escaped) break;
		if (n == LABEL_MAX || at + 1 + n >= DNS_NAME_MAX - 1) return false; /* one octet is kept for the root */
		out->wire[at + 1 + n++] = lower(octet);
	}
	if (n == 0) return false;
	out->wire[at] = (unsigned char)n;
	out->n = (uint8_t)(at + 1 + n);
	return true;
}

bool dns_name_parse(struct slice text, struct dns_name *out)
{
	out->n = 0;
	if (text.n == 0) return false;
	if (!slice_equal(text, SLICE("."))) {
		while (text.n > 0)
			if (!parse_label(&text, out)) return false;
	}
	out->wire[out->n++] = 0;
	return true;
}

/* Returns the number of characters written. */
static size_t escape(unsigned char octet, char *out)
{
	if (octet == '.' || octet == '\\') {
		out[0] = '\\';
		out[1] = (char)octet;
		return 2;
	}
	if (octet > 0x20 && octet < 0x7f) {
		out[0] = (char)octet;
		return 1;
	}
	out[0] = '\\';
	out[1] = (char)('0' + octet / 100);
	out[2] = (char)('0' + octet / 10 % 10);
	out[3] = (char)('0' + octet % 10);
	return 4;
}

/* At most 255 octets on the wire give at most 4 x 250 characters and four dots: out never overflows. */
bool dns_name_text(struct slice *wire, char out[DNS_TEXT_MAX])
{
	size_t at = 0, o = 0;
	for (;;) {
		if (at >= wire->n || at >= DNS_NAME_MAX) return false;
		size_t n = (unsigned char)wire->p[at++];
		if (n == 0) break;
		if (n > LABEL_MAX || n > wire->n - at || at + n >= DNS_NAME_MAX) return false;
		if (o > 0) out[o++] = '.';
		for (size_t i = 0; i < n; i++) o += escape((unsigned char)wire->p[at + i], out + o);
		at += n;
	}
	if (o == 0) out[o++] = '.';
	out[o] = '\0';
	*wire = slice_sub(*wire, at, wire->n);
	return true;
}

bool dns_rdata_ip(enum dns_type type, struct slice rdata, struct ip *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct endpoint e;
	bool ok = false;
	if (type == DNS_A && rdata.n == 4) {
		memcpy(&v4.sin_addr, rdata.p, 4);
		ok = endpoint_from_sockaddr((struct sockaddr *)&v4, &e);
	} else if (type == DNS_AAAA && rdata.n == 16) {
		memcpy(&v6.sin6_addr, rdata.p, 16);
		ok = endpoint_from_sockaddr((struct sockaddr *)&v6, &e);
	}
	if (ok) *out = e.ip;
	return ok;
}

bool dns_rdata_name(struct slice rdata, char name[1024])
{
	return dns_name_text(&rdata, name) && rdata.n == 0;
}

bool dns_rdata_mx(struct slice rdata, uint16_t *preference, char name[1024])
{
	if (rdata.n < 3) return false;
	*preference = (uint16_t)((unsigned char)rdata.p[0] << 8 | (unsigned char)rdata.p[1]);
	return dns_rdata_name(slice_sub(rdata, 2, rdata.n), name);
}
