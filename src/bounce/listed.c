/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5782: an address is asked for backwards, in octets or nibbles; 127.0.0.0/8 says that it is listed. */
#include <stdio.h>
#include <string.h>

#include "bounce/explain.h"

#define NAME_SIZE 512

/* Answers about the question: too many, or through a public resolver. 127.255.255.x of Spamhaus and others, 127.0.0.1 of
 * URIBL and SURBL, 127.0.1.255 of Spamhaus DBL when it is asked about an address. */
static bool is_refusal(const struct ip *ip)
{
	static const uint8_t octets[][4] = {{127, 0, 0, 1}, {127, 0, 1, 255}};
	for (size_t i = 0; i < sizeof octets / sizeof *octets; i++)
		if (memcmp(ip->octets, octets[i], sizeof *octets) == 0) return true;
	return ip->octets[1] == 255 && ip->octets[2] == 255;
}

static enum listed ask(struct resolver *r, const char *name, int64_t deadline)
{
	struct dns_answer *answer = NULL;
	enum error e = resolver_query(r, name, DNS_A, deadline, &answer);
	enum listed listed = e == ERR_DNS_NXDOMAIN || e == ERR_DNS_NODATA ? LISTED_NO : LISTED_UNKNOWN;
	for (size_t i = 0; e == ERR_OK && i < answer->count; i++) {
		struct ip ip;
		if (dns_rdata_ip(DNS_A, answer->rr[i], &ip) && ip.octets[0] == 127 && !is_refusal(&ip))
			listed = LISTED_YES;
	}
	dns_answer_free(answer);
	return listed;
}

enum listed listed_address(struct resolver *r, struct slice zone, const struct ip *ip, int64_t deadline)
{
	char name[NAME_SIZE], nibbles[65];
	const uint8_t *o = ip->octets;
	int n;
	if (!zone.n || !ip->family) return LISTED_UNKNOWN;
	for (int i = 0; i < 16; i++) snprintf(nibbles + 4 * i, 5, "%x.%x.", o[15 - i] & 15, o[15 - i] >> 4);
	if (ip->family == AF_INET)
		n = snprintf(name, sizeof name, "%u.%u.%u.%u.%.*s", o[3], o[2], o[1], o[0], SLICE_ARG(zone));
	else
		n = snprintf(name, sizeof name, "%s%.*s", nibbles, SLICE_ARG(zone));
	return n > 0 && (size_t)n < sizeof name ? ask(r, name, deadline) : LISTED_UNKNOWN;
}

enum listed listed_now(struct resolver *r, const struct reply_verdict *v, int64_t deadline)
{
	char name[NAME_SIZE];
	if (!r || !v->list.n || !v->zone.n || (v->entry && v->entry->closed.n)) return LISTED_UNKNOWN;
	if (!v->entry || !v->entry->domains) return listed_address(r, v->zone, &v->address, deadline);
	if (!v->domain.n || slice_find(v->domain, '\0') < v->domain.n) return LISTED_UNKNOWN;
	int n = snprintf(name, sizeof name, "%.*s.%.*s", SLICE_ARG(v->domain), SLICE_ARG(v->zone));
	return n > 0 && (size_t)n < sizeof name ? ask(r, name, deadline) : LISTED_UNKNOWN;
}
