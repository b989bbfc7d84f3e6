/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice - a borrowed run of bytes
 *
 * A slice points into memory that somebody else owns; it is not terminated by NUL and may hold any octet. A function that
 * takes a slice does not keep it after it returns unless its header says so. Pure; any thread.
 *
 *     struct slice s = slice_str("RCPT TO:<a@b>");
 *     if (slice_starts_nocase(s, SLICE("rcpt to:"))) ...
 */
#ifndef BACKSTOP_BASE_SLICE_H
#define BACKSTOP_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

/* For printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).n, (s).p
/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){("" literal), sizeof(literal) - 1})
#define SLICE_EMPTY    ((struct slice){"", 0})

static inline struct slice slice_of(const void *p, size_t n)
{
	return (struct slice){p, n};
}

/* s may be NULL: the empty slice. */
static inline struct slice slice_str(const char *s)
{
	return s ? (struct slice){s, strlen(s)} : SLICE_EMPTY;
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Bytes [from, to), both clamped to the slice. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t to)
{
	if (to > s.n) to = s.n;
	if (from > to) from = to;
	return (struct slice){s.p ? s.p + from : NULL, to - from}; /* NULL + 0 is undefined */
}

/* n octets of each: what the functions below are made of. */
bool slice_same_nocase(const char *a, const char *b, size_t n);

/* Most words differ in this already. */
static inline bool slice_may_begin_nocase(struct slice a, struct slice b)
{
	return b.n == 0 || ((a.p[0] ^ b.p[0]) & ~0x20) == 0;
}

/* The case of ASCII letters only is folded, as SMTP and DNS do. */
static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
	return a.n == b.n && slice_may_begin_nocase(a, b) && slice_same_nocase(a.p, b.p, a.n);
}

static inline bool slice_starts_nocase(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_may_begin_nocase(s, prefix) && slice_same_nocase(s.p, prefix.p, prefix.n);
}

int slice_compare(struct slice a, struct slice b); /* bytewise, shorter first */
static inline bool slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}
bool slice_ends_nocase(struct slice s, struct slice suffix);
/* Position of the first (last) c, or s.n when there is none. */
static inline size_t slice_find(struct slice s, char c)
{
	const char *at = s.n ? (const char *)memchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : s.n;
}
size_t slice_find_last(struct slice s, char c);
/* Position of the first occurrence of needle, or haystack.n. */
size_t slice_search(struct slice haystack, struct slice needle);
/* Without leading and trailing SP, HTAB, CR, LF. */
struct slice slice_trim(struct slice s);
/* Takes the text before the first sep off *rest and returns it; *rest becomes what follows sep. When there is no sep the
 * whole of *rest is returned and *rest becomes {NULL, 0}; loop with while (rest.p). */
struct slice slice_split(struct slice *rest, char sep);
/* Decimal digits only, 1 to 20 of them, no sign; false on anything else or overflow. */
bool slice_to_u64(struct slice s, uint64_t *out);
/* 64-bit hash for hash tables, keyed per process against chosen collisions; the _nocase form folds ASCII case. */
uint64_t slice_hash(struct slice s);
uint64_t slice_hash_nocase(struct slice s);
/* The same with a key of the caller's (SipHash-1-3): the value may be stored, it is the same on every machine. */
uint64_t slice_hash_keyed(struct slice s, const uint64_t key[2], bool nocase);

#endif
