/* SPDX-License-Identifier: Apache-2.0 */
/* The answer section of a DNS message, for the one case in which libunbound does not read it for us. */
#include "net/resolver_internal.h"

/* What is left of the message; sticky: after a short read everything is 0. */
struct reader {
	const unsigned char *p, *end;
	bool failed;
};

static struct slice take(struct reader *r, size_t n)
{
	if (r->failed || (size_t)(r->end - r->p) < n) {
		r->failed = true;
		return SLICE_EMPTY;
	}
	struct slice s = slice_of(r->p, n);
	r->p += n;
	return s;
}

static uint32_t take_number(struct reader *r, size_t octets)
{
	struct slice s = take(r, octets);
	uint32_t n = 0;
	for (size_t i = 0; i < s.n; i++) n = n << 8 | (unsigned char)s.p[i];
	return n;
}

/* RFC 1035 4.1.4: labels, and a pointer or the root at the end. */
static void skip_name(struct reader *r)
{
	for (;;) {
		uint32_t n = take_number(r, 1);
		if (r->failed || n == 0) return;
		if (n >= 0xc0) {
			take(r, 1);
			return;
		}
		if (n > 63) r->failed = true;
		take(r, n);
	}
}

bool dns_packet_answers(struct slice packet, enum dns_type type, struct slice *rr, size_t room, size_t *count,
                        uint32_t *ttl)
{
	struct reader r = {.p = (const unsigned char *)packet.p, .end = (const unsigned char *)packet.p + packet.n};
	*count = 0;
	*ttl = UINT32_MAX;
	take(&r, 2);
	uint32_t flags = take_number(&r, 2), questions = take_number(&r, 2), answers = take_number(&r, 2);
	take(&r, 4);
	if ((flags & 0xf) != 0) return false; /* the code is no success */
	for (; questions > 0 && !r.failed; questions--) {
		skip_name(&r);
		take(&r, 4);
	}
	for (; answers > 0 && !r.failed; answers--) {
		skip_name(&r);
		uint32_t its_type = take_number(&r, 2), its_class = take_number(&r, 2), its_ttl = take_number(&r, 4);
		struct slice rdata = take(&r, take_number(&r, 2));
		if (r.failed || its_type != (uint32_t)type || its_class != 1) continue;
		if (*count < room) rr[(*count)++] = rdata;
		if (its_ttl < *ttl) *ttl = its_ttl;
	}
	return !r.failed && *count > 0;
}
