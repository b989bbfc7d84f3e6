/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/message.h"

#include <string.h>

#define POINTER 0xc0

/* ---- names --------------------------------------------------------------------------------------------------------- */

bool wire_name_parse(const char *text, size_t n, struct wire_name *out)
{
	size_t start = 0, used = 0;
	out->n = 0;
	if (n == 0) return false;
	if (text[n - 1] == '.') n--;
	if (n > WIRE_NAME_MOST - 2) return false;
	for (size_t i = 0; i <= n && n > 0; i++) {
		if (i < n && text[i] != '.') {
			out->octets[i + 1] = wire_lower((uint8_t)text[i]);
			continue;
		}
		if (i == start || i - start > WIRE_LABEL_MOST) return false;
		out->octets[used] = (uint8_t)(i - start);
		used = i + 1;
		start = i + 1;
	}
	out->octets[used] = 0;
	out->n = (uint8_t)(used + 1);
	return true;
}

bool wire_name_equal(const struct wire_name *a, const struct wire_name *b)
{
	if (a->n != b->n) return false;
	for (size_t i = 0; i < a->n; i++) /* lengths of labels are below 'A' */
		if (wire_lower(a->octets[i]) != wire_lower(b->octets[i])) return false;
	return true;
}

bool wire_name_within(const struct wire_name *name, const struct wire_name *zone)
{
	if (zone->n == 0 || name->n < zone->n) return false;
	size_t skip = name->n - zone->n, at = 0;
	for (size_t i = 0; i < WIRE_LABELS_MOST && at < skip; i++) at += 1u + name->octets[at];
	if (at != skip) return false;
	for (size_t i = 0; i < zone->n; i++)
		if (wire_lower(name->octets[skip + i]) != wire_lower(zone->octets[i])) return false;
	return true;
}

bool wire_name_prepend(struct wire_name *name, const char *label, size_t n)
{
	if (n == 0 || n > WIRE_LABEL_MOST || name->n + n + 1 > WIRE_NAME_MOST) return false;
	for (size_t i = name->n; i-- > 0;) name->octets[i + n + 1] = name->octets[i];
	name->octets[0] = (uint8_t)n;
	memcpy(name->octets + 1, label, n);
	name->n = (uint8_t)(name->n + n + 1);
	return true;
}

void wire_name_lower(struct wire_name *name)
{
	for (size_t i = 0; i < name->n; i++) name->octets[i] = wire_lower(name->octets[i]);
}

/* RFC 1035 5.1: what is not plain is written as \DDD. */
static size_t put_text(uint8_t c, char *out)
{
	bool plain = c > ' ' && c < 0x7f && c != '.' && c != '\\' && c != '"' && c != ';' && c != '@' && c != '(' &&
	             c != ')' && c != '$';
	if (plain) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = (char)('0' + c / 100);
	out[2] = (char)('0' + c / 10 % 10);
	out[3] = (char)('0' + c % 10);
	return 4;
}

const char *wire_name_text(const struct wire_name *name, char out[WIRE_NAME_TEXT])
{
	size_t n = 0, at = 0;
	for (size_t label = 0; label < WIRE_LABELS_MOST && at < name->n && name->octets[at]; label++) {
		size_t length = name->octets[at++];
		for (size_t i = 0; i < length && at < name->n; i++) n += put_text(name->octets[at++], out + n);
		out[n++] = '.';
	}
	if (n == 0) out[n++] = '.';
	out[n] = '\0';
	return out;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

struct wire_reader wire_read(const void *message, size_t n)
{
	return (struct wire_reader){.p = message, .n = n};
}

const uint8_t *wire_take(struct wire_reader *r, size_t n)
{
	if (r->failed || n > r->n - r->at) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->p + r->at;
	r->at += n;
	return p;
}

uint8_t wire_take_u8(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 1);
	return p ? p[0] : 0;
}

uint16_t wire_take_u16(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 2);
	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t wire_take_u32(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 4);
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

bool wire_take_header(struct wire_reader *r, struct wire_header *out)
{
	*out = (struct wire_header){0};
	out->id = wire_take_u16(r);
	out->flags = wire_take_u16(r);
	out->questions = wire_take_u16(r);
	out->answers = wire_take_u16(r);
	out->authorities = wire_take_u16(r);
	out->additionals = wire_take_u16(r);
	return !r->failed;
}

/* One label, appended to out. False at the name's end, at a pointer, and when it is broken; length is its first octet. */
static bool take_label(struct wire_reader *r, struct wire_name *out, uint8_t *length)
{
	*length = wire_take_u8(r);
	if (r->failed || *length > WIRE_LABEL_MOST) return false;
	const uint8_t *label = wire_take(r, *length);
	if (!label || out->n + 1u + *length > WIRE_NAME_MOST) {
		r->failed = true;
		return false;
	}
	out->octets[out->n++] = *length;
	memcpy(out->octets + out->n, label, *length);
	out->n = (uint8_t)(out->n + *length);
	return *length > 0;
}

bool wire_take_name(struct wire_reader *r, struct wire_name *out)
{
	struct wire_reader there = *r; /* moves to where pointers point */
	size_t run = r->at;            /* where the present run of labels began: a pointer goes to before it */
	bool pointed = false;
	unsigned pointers = 0;
	uint8_t length = 0;
	out->n = 0;
	for (unsigned i = 0; i < WIRE_LABELS_MOST + WIRE_POINTERS + 1 && !there.failed; i++) {
		if (take_label(&there, out, &length)) continue;
		if (there.failed || length == 0) break;
		size_t to = (size_t)(length & 0x3f) << 8 | wire_take_u8(&there);
		if (!pointed) r->at = there.at;
		pointed = true;
		if (length < POINTER || to >= run || ++pointers > WIRE_POINTERS) there.failed = true;
		there.at = run = to;
	}
	if (!pointed) r->at = there.at;
	r->failed = there.failed || length != 0;
	if (r->failed) out->n = 0;
	return !r->failed;
}

bool wire_skip_name(struct wire_reader *r)
{
	size_t begin = r->at;
	for (unsigned i = 0; i <= WIRE_LABELS_MOST; i++) {
		uint8_t length = wire_take_u8(r);
		if (r->failed || length == 0) return !r->failed;
		if (length >= POINTER) return wire_take(r, 1) != NULL;
		if (length > WIRE_LABEL_MOST || !wire_take(r, length) || r->at - begin >= WIRE_NAME_MOST) break;
	}
	r->failed = true;
	return false;
}

bool wire_take_record(struct wire_reader *r, struct wire_name *owner, struct wire_record *out)
{
	*out = (struct wire_record){.at = r->at};
	if (owner)
		wire_take_name(r, owner);
	else
		wire_skip_name(r);
	out->owner_size = r->at - out->at;
	out->type = wire_take_u16(r);
	out->class = wire_take_u16(r);
	out->ttl = wire_take_u32(r);
	out->length = wire_take_u16(r);
	out->rdata_at = r->at;
	out->rdata = wire_take(r, out->length);
	return !r->failed;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

struct wire_writer wire_write(void *room, size_t n)
{
	return (struct wire_writer){.p = room, .room = n};
}

static uint8_t *make_room(struct wire_writer *w, size_t n)
{
	if (w->full || n > w->room - w->n) {
		w->full = true;
		return NULL;
	}
	uint8_t *p = w->p + w->n;
	w->n += n;
	return p;
}

void wire_put(struct wire_writer *w, const void *octets, size_t n)
{
	uint8_t *p = make_room(w, n);
	if (p && n) memcpy(p, octets, n);
}

void wire_put_u8(struct wire_writer *w, uint8_t v)
{
	uint8_t *p = make_room(w, 1);
	if (p) p[0] = v;
}

void wire_put_u16(struct wire_writer *w, uint16_t v)
{
	uint8_t *p = make_room(w, 2);
	if (!p) return;
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void wire_put_u32(struct wire_writer *w, uint32_t v)
{
	wire_put_u16(w, (uint16_t)(v >> 16));
	wire_put_u16(w, (uint16_t)v);
}

void wire_put_header(struct wire_writer *w, const struct wire_header *h)
{
	wire_put_u16(w, h->id);
	wire_put_u16(w, h->flags);
	wire_put_u16(w, h->questions);
	wire_put_u16(w, h->answers);
	wire_put_u16(w, h->authorities);
	wire_put_u16(w, h->additionals);
}

void wire_put_name_plain(struct wire_writer *w, const struct wire_name *name)
{
	wire_put(w, name->octets, name->n);
}

/* Whether the name at that offset, pointers and all, is just these octets. */
static bool is_there(const struct wire_writer *w, size_t at, const uint8_t *octets, size_t n)
{
	struct wire_reader r = {.p = w->p, .n = w->n, .at = at};
	struct wire_name name;
	return wire_take_name(&r, &name) && name.n == n && memcmp(name.octets, octets, n) == 0;
}

void wire_put_name(struct wire_writer *w, const struct wire_name *name)
{
	size_t at = 0;
	for (unsigned label = 0; label < WIRE_LABELS_MOST && at < name->n && name->octets[at]; label++) {
		for (unsigned i = 0; i < w->remembered; i++) {
			if (!is_there(w, w->names[i], name->octets + at, name->n - at)) continue;
			wire_put(w, name->octets, at);
			wire_put_pointer(w, w->names[i]);
			return;
		}
		at += 1u + name->octets[at];
	}
	wire_put_name_plain(w, name);
}

void wire_remember(struct wire_writer *w, size_t at)
{
	if (w->remembered < WIRE_REMEMBERED && at < 0x4000 && !w->full) w->names[w->remembered++] = (uint16_t)at;
}

void wire_put_pointer(struct wire_writer *w, size_t at)
{
	wire_put_u16(w, (uint16_t)(POINTER << 8 | (at & 0x3fff)));
}

size_t wire_begin_rdata(struct wire_writer *w, uint16_t type, uint16_t class, uint32_t ttl)
{
	wire_put_u16(w, type);
	wire_put_u16(w, class);
	wire_put_u32(w, ttl);
	wire_put_u16(w, 0);
	return w->n - 2;
}

void wire_end_rdata(struct wire_writer *w, size_t length_at)
{
	if (!w->full) wire_patch_u16(w, length_at, (uint16_t)(w->n - length_at - 2));
}

void wire_patch_u16(struct wire_writer *w, size_t at, uint16_t v)
{
	if (at + 2 > w->n) return;
	w->p[at] = (uint8_t)(v >> 8);
	w->p[at + 1] = (uint8_t)v;
}

void wire_rewind(struct wire_writer *w, size_t n)
{
	if (n <= w->n) w->n = n;
	w->full = false;
}
