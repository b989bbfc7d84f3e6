/* SPDX-License-Identifier: Apache-2.0 */
/*
 * octets - cursors that write and read records
 *
 * Numbers are big-endian, so that keys sort as numbers do. Both cursors have a sticky error: after one operation did not
 * fit, the rest do nothing (a reader yields zeros and empty slices), and the caller looks once at the end. Pure; any thread.
 *
 *     struct octet_reader r = octet_reader(record);
 *     uint32_t flags = octet_get_u32(&r);
 *     struct slice reason = octet_get_string(&r);
 *     if (r.failed) return ERR_CORRUPT;
 */
#ifndef BACKSTOP_BASE_OCTETS_H
#define BACKSTOP_BASE_OCTETS_H

#include <endian.h>

#include "base/slice.h"

struct octet_writer {
	char *p;
	size_t n, capacity;
	bool failed;
};
struct octet_reader {
	struct slice rest;
	bool failed;
};

static inline struct octet_writer octet_writer(void *p, size_t capacity)
{
	return (struct octet_writer){.p = p, .capacity = capacity};
}

static inline struct slice octet_written(const struct octet_writer *w)
{
	return slice_of(w->p, w->n);
}

static inline void octet_put(struct octet_writer *w, const void *p, size_t n)
{
	if (w->failed || n > w->capacity - w->n) {
		w->failed = true;
		return;
	}
	if (n) memcpy(w->p + w->n, p, n);
	w->n += n;
}

static inline void octet_put_u8(struct octet_writer *w, uint8_t v)
{
	octet_put(w, &v, 1);
}

static inline void octet_put_u16(struct octet_writer *w, uint16_t v)
{
	v = htobe16(v);
	octet_put(w, &v, sizeof v);
}

static inline void octet_put_u32(struct octet_writer *w, uint32_t v)
{
	v = htobe32(v);
	octet_put(w, &v, sizeof v);
}

static inline void octet_put_u64(struct octet_writer *w, uint64_t v)
{
	v = htobe64(v);
	octet_put(w, &v, sizeof v);
}

/* Two octets of length, then the text, of which no more than 65535 octets are written. */
static inline void octet_put_string(struct octet_writer *w, struct slice s)
{
	if (s.n > UINT16_MAX) s.n = UINT16_MAX;
	octet_put_u16(w, (uint16_t)s.n);
	octet_put(w, s.p, s.n);
}

static inline struct octet_reader octet_reader(struct slice s)
{
	return (struct octet_reader){.rest = s};
}

static inline struct slice octet_get(struct octet_reader *r, size_t n)
{
	if (r->failed || n > r->rest.n) {
		r->failed = true;
		return SLICE_EMPTY;
	}
	struct slice s = slice_of(r->rest.p, n);
	r->rest = slice_of(r->rest.p + n, r->rest.n - n);
	return s;
}

static inline uint8_t octet_get_u8(struct octet_reader *r)
{
	struct slice s = octet_get(r, 1);
	return s.n ? (uint8_t)s.p[0] : 0;
}

static inline uint16_t octet_get_u16(struct octet_reader *r)
{
	uint16_t v = 0;
	struct slice s = octet_get(r, sizeof v);
	if (s.n) memcpy(&v, s.p, sizeof v);
	return be16toh(v);
}

static inline uint32_t octet_get_u32(struct octet_reader *r)
{
	uint32_t v = 0;
	struct slice s = octet_get(r, sizeof v);
	if (s.n) memcpy(&v, s.p, sizeof v);
	return be32toh(v);
}

static inline uint64_t octet_get_u64(struct octet_reader *r)
{
	uint64_t v = 0;
	struct slice s = octet_get(r, sizeof v);
	if (s.n) memcpy(&v, s.p, sizeof v);
	return be64toh(v);
}

static inline struct slice octet_get_string(struct octet_reader *r)
{
	return octet_get(r, octet_get_u16(r));
}

#endif
