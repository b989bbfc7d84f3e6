/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/bodyhash.h"

#define HOWS  2 /* enum canonical */
#define KINDS 2 /* enum hash_kind */

/* One length asked for of a stream. */
struct want {
	struct want *longer;
	const struct stream *of;
	uint64_t length;
	bool had, cut;
	unsigned char hash[DIGEST_MOST];
};

/* The hash of one algorithm over one canonical form. */
struct stream {
	const struct form *of;
	struct want *all, *next; /* by length; the shortest that is not had yet */
	struct digest digest;
};

/* The body in one canonical form. */
struct form {
	struct canonical_body body;
	uint64_t length; /* octets so far */
	struct stream streams[KINDS];
};

struct bodyhash {
	struct arena *arena;
	bool begun;
	struct form *forms[HOWS]; /* NULL: not asked for */
};

struct bodyhash *bodyhash_new(struct arena *a)
{
	struct bodyhash *b = ARENA_NEW(a, struct bodyhash);
	if (b) b->arena = a;
	return b;
}

/* Hashes octets that follow the form's first `at`; stops at each length that is asked for. */
static void hash(struct stream *s, uint64_t at, struct slice octets)
{
	for (; s->next && s->next->length - at <= octets.n; s->next = s->next->longer) {
		struct slice part = slice_sub(octets, 0, (size_t)(s->next->length - at));
		digest_put(&s->digest, part);
		s->next->had = digest_peek(&s->digest, s->next->hash);
		at += part.n;
		octets = slice_sub(octets, part.n, octets.n);
	}
	if (s->next) digest_put(&s->digest, octets);
}

static void take(void *arg, struct slice octets)
{
	struct form *form = arg;
	for (int i = 0; i < KINDS; i++) hash(&form->streams[i], form->length, octets);
	form->length += octets.n;
}

enum error bodyhash_want(struct bodyhash *b, enum canonical how, enum hash_kind kind, uint64_t length,
                         const void **wanted)
{
	struct form *form = b->forms[how];
	if (!form) {
		form = b->forms[how] = ARENA_NEW(b->arena, struct form);
		if (!form) return ERR_NO_MEMORY;
		canonical_body_begin(&form->body, how, take, form);
		for (int i = 0; i < KINDS; i++) form->streams[i].of = form;
	}
	struct stream *s = &form->streams[kind];
	struct want **at = &s->all;
	while (*at && (*at)->length < length) at = &(*at)->longer;
	if (!*at || (*at)->length != length) {
		struct want *new = ARENA_NEW(b->arena, struct want);
		if (!new) return ERR_NO_MEMORY;
		*new = (struct want){.longer = *at, .of = s, .length = length};
		*at = new;
	}
	*wanted = *at;
	return ERR_OK;
}

/* Lengths of 0 are had before anything comes. */
static void begin(struct bodyhash *b)
{
	b->begun = true;
	for (int i = 0; i < HOWS * KINDS; i++) {
		struct form *form = b->forms[i / KINDS];
		struct stream *s = form ? &form->streams[i % KINDS] : NULL;
		if (!s || !s->all) continue;
		digest_begin(&s->digest, (enum hash_kind)(i % KINDS));
		s->next = s->all;
		hash(s, 0, SLICE_EMPTY);
	}
}

void bodyhash_put(struct bodyhash *b, struct slice piece)
{
	if (!b->begun) begin(b);
	for (int i = 0; i < HOWS; i++)
		if (b->forms[i]) canonical_body_put(&b->forms[i]->body, piece);
}

void bodyhash_end(struct bodyhash *b)
{
	if (!b->begun) begin(b);
	for (int i = 0; i < HOWS; i++)
		if (b->forms[i]) canonical_body_end(&b->forms[i]->body);
	for (int i = 0; i < HOWS * KINDS; i++) {
		struct form *form = b->forms[i / KINDS];
		struct stream *s = form ? &form->streams[i % KINDS] : NULL;
		if (!s || !s->next) continue;
		unsigned char last[DIGEST_MOST];
		bool had = digest_end(&s->digest, last);
		for (struct want *w = s->next; w; w = w->longer) {
			w->had = had;
			w->cut = w->length != BODYHASH_ALL;
			memcpy(w->hash, last, sizeof last);
		}
	}
}

bool bodyhash_get(const struct bodyhash *b, const void *wanted, struct bodyhash_result *out)
{
	const struct want *w = wanted;
	out->length = w->of->of->length;
	out->cut = w->cut;
	memcpy(out->hash, w->hash, sizeof out->hash);
	return w->had;
}

void bodyhash_free(struct bodyhash *b)
{
	for (int i = 0; b && i < HOWS * KINDS; i++) {
		struct form *form = b->forms[i / KINDS];
		if (form) digest_end(&form->streams[i % KINDS].digest, NULL);
	}
}
