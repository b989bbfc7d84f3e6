/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/phrases.h"

#define BUCKETS 2048

struct phrase {
	struct slice text; /* without the "*" */
	size_t lead;       /* octets before the first letter or digit */
	bool open;         /* the last word may go on */
	uint32_t next;     /* in its bucket */
};

struct phrases {
	struct phrase *list;
	size_t count, most;
	uint32_t buckets[BUCKETS];
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* Letters and digits of languages that write without blanks have no boundaries that we could know. */
static bool is_bounded(char c)
{
	return is_word(c) && (unsigned char)c < 0x80;
}

struct phrases *phrases_new(struct arena *a, size_t most)
{
	struct phrases *p = ARENA_NEW(a, struct phrases);
	if (!p) return NULL;
	p->list = arena_alloc(a, (most + 1) * sizeof *p->list);
	p->most = most;
	memset(p->buckets, 0xff, sizeof p->buckets);
	return p->list ? p : NULL;
}

/* The first one to three octets of a word. */
static uint32_t bucket(const char *word, size_t n)
{
	uint32_t h = (uint32_t)n;
	for (size_t i = 0; i < n; i++) h = h * 131 + (unsigned char)word[i];
	return (h * 2654435761U) >> 21;
}

static size_t key_length(struct slice text, size_t at)
{
	size_t n = 0;
	while (n < 3 && at + n < text.n && is_word(text.p[at + n])) n++;
	return n;
}

uint32_t phrases_add(struct phrases *p, struct slice text)
{
	struct phrase new = {.text = text};
	if (text.n > 1 && text.p[text.n - 1] == '*') {
		new.open = true;
		new.text.n--;
	}
	while (new.lead < new.text.n && !is_word(new.text.p[new.lead])) new.lead++;
	size_t n = key_length(new.text, new.lead);
	if (n == 0 || new.text.n > PHRASE_LENGTH) return PHRASES_NONE;
	uint32_t *head = &p->buckets[bucket(new.text.p + new.lead, n)];
	for (uint32_t i = *head; i != PHRASES_NONE; i = p->list[i].next)
		if (p->list[i].open == new.open && slice_equal(p->list[i].text, new.text)) return i;
	if (p->count == p->most) return PHRASES_NONE;
	new.next = *head;
	p->list[p->count] = new;
	*head = (uint32_t)p->count;
	return (uint32_t)p->count++;
}

size_t phrases_count(const struct phrases *p)
{
	return p->count;
}

size_t phrases_length(const struct phrases *p, uint32_t id)
{
	return id < p->count ? p->list[id].text.n : 0;
}

/* The phrase's first word begins at `at`. */
static bool is_at(const struct phrase *f, struct slice text, size_t at)
{
	if (at < f->lead || text.n - (at - f->lead) < f->text.n) return false;
	size_t begin = at - f->lead, end = begin + f->text.n;
	if (memcmp(text.p + begin, f->text.p, f->text.n) != 0) return false;
	char before = begin ? text.p[begin - 1] : ' ', after = end < text.n ? text.p[end] : ' ';
	if (is_bounded(f->text.p[0]) && (is_bounded(before) || before == '@')) return false;
	if (f->open || !is_bounded(f->text.p[f->text.n - 1])) return true;
	return !is_bounded(after) && after != '@';
}

void phrases_search(const struct phrases *p, struct slice text, uint64_t *seen)
{
	for (size_t at = 0; at < text.n; at++) {
		if (!is_word(text.p[at]) || (at && is_bounded(text.p[at]) && is_bounded(text.p[at - 1]))) continue;
		for (size_t n = key_length(text, at); n > 0; n--) {
			uint32_t i = p->buckets[bucket(text.p + at, n)];
			for (; i != PHRASES_NONE; i = p->list[i].next)
				if (is_at(&p->list[i], text, at)) seen[i / 64] |= UINT64_C(1) << (i % 64);
		}
	}
}

/* Capitals of Latin-1 and Russian: two octets in UTF-8 that become two others. */
static void fold_letter(char *p)
{
	unsigned char a = (unsigned char)p[0], b = (unsigned char)p[1];
	if (a == 0xc3 && b >= 0x80 && b <= 0x9e && b != 0x97) {
		p[1] = (char)(b + 0x20);
	} else if (a == 0xd0 && b >= 0x90 && b <= 0x9f) {
		p[1] = (char)(b + 0x20);
	} else if (a == 0xd0 && b >= 0xa0 && b <= 0xaf) {
		p[0] = (char)0xd1;
		p[1] = (char)(b - 0x20);
	}
}

struct slice phrases_normalise(struct arena *a, struct slice text, size_t most)
{
	size_t n = 0;
	if (text.n > most) text.n = most;
	char *out = arena_alloc(a, text.n + 1);
	if (!out) return (struct slice){NULL, 0};
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if ((unsigned char)c <= ' ' || c == 0x7f) {
			if (n && out[n - 1] != ' ') out[n++] = ' ';
		} else {
			out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
			if (n > 1) fold_letter(out + n - 2);
		}
	}
	if (n && out[n - 1] == ' ') n--;
	return slice_of(out, n);
}
