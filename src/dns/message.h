/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - reading and writing DNS messages, octet by octet
 *
 * Two cursors with a sticky error: what is read after a failure is 0 and what is written is nothing, so code reads straight and
 * checks once. Nothing is allocated, every loop has a bound, and of the C library only memcpy and memcmp are used: the same code can be
 * compiled for the kernel (eBPF). Names are in wire form, without compression, their case as it came (RFC 1035 3.1, 4.1.4).
 *
 * Compression is read as far as it points backwards, at most WIRE_POINTERS times a name, and written only against names that
 * the caller remembers; TSIG's and RDATA of newer types must not have it (RFC 3597 4, RFC 8945 4.2): wire_put_name_plain().
 *
 *     struct wire_reader r = wire_read(octets, n);
 *     struct wire_header h;
 *     struct wire_name name;
 *     if (wire_take_header(&r, &h) && h.questions == 1 && wire_take_name(&r, &name)) ...
 *
 *     struct wire_writer w = wire_write(room, sizeof room);
 *     wire_put_header(&w, &answer);
 *     wire_put_name(&w, &zone);
 *     size_t length = wire_begin_rdata(&w, RR_A, RR_CLASS_IN, 300);
 *     wire_put_u32(&w, 0x7f000002);
 *     wire_end_rdata(&w, length);
 *     if (w.full) ...
 *
 * Pure; any thread.
 */
#ifndef BACKSTOP_DNS_MESSAGE_H
#define BACKSTOP_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADER_SIZE  12
#define WIRE_NAME_MOST    255 /* octets, the root's included */
#define WIRE_LABEL_MOST   63
#define WIRE_LABELS_MOST  127 /* without the root */
#define WIRE_POINTERS     16  /* followed for one name */
#define WIRE_REMEMBERED   16
#define WIRE_MESSAGE_MOST 65535

enum rr_type {
	RR_A = 1,
	RR_NS = 2,
	RR_CNAME = 5,
	RR_SOA = 6,
	RR_PTR = 12,
	RR_HINFO = 13,
	RR_MX = 15,
	RR_TXT = 16,
	RR_AAAA = 28,
	RR_OPT = 41,
	RR_TSIG = 250,
	RR_IXFR = 251,
	RR_AXFR = 252,
	RR_ANY = 255,
};

enum rr_class {
	RR_CLASS_IN = 1,
	RR_CLASS_CHAOS = 3,
	RR_CLASS_NONE = 254,
	RR_CLASS_ANY = 255,
};

enum opcode {
	OPCODE_QUERY = 0,
	OPCODE_IQUERY = 1,
	OPCODE_STATUS = 2,
	OPCODE_NOTIFY = 4,
	OPCODE_UPDATE = 5,
	OPCODE_COUNT = 16,
};

/* RFC 6895 2.3. Codes over 15 have their upper bits in OPT, or stand in TSIG only. */
enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_NOTAUTH = 9,
	RCODE_BADVERS = 16,
	RCODE_BADSIG = 16,
	RCODE_BADKEY = 17,
	RCODE_BADTIME = 18,
	RCODE_BADTRUNC = 22,
	RCODE_BADCOOKIE = 23,
};

/* The header's flags, as in its second word; opcode and rcode by the functions below. */
enum {
	FLAG_QR = 0x8000,
	FLAG_AA = 0x0400,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_RA = 0x0080,
	FLAG_AD = 0x0020,
	FLAG_CD = 0x0010,
};

struct wire_header {
	uint16_t id, flags;
	uint16_t questions, answers, authorities, additionals;
};

static inline unsigned wire_opcode(uint16_t flags)
{
	return flags >> 11 & 15;
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

struct wire_name {
	uint8_t n; /* octets, with the root's; 0: none */
	uint8_t octets[WIRE_NAME_MOST];
};

/* "bl.example.net", with or without the last dot, no escapes; "." is the root. Made lower case. False: not a name. */
bool wire_name_parse(const char *text, size_t n, struct wire_name *out);
bool wire_name_equal(const struct wire_name *a, const struct wire_name *b); /* in any case */
/* Whether name is within zone (or zone itself). */
bool wire_name_within(const struct wire_name *name, const struct wire_name *zone);
/* One more label in front; false when it does not fit. */
bool wire_name_prepend(struct wire_name *name, const char *label, size_t n);
void wire_name_lower(struct wire_name *name);
/* With a dot after each label, odd octets as \DDD, terminated by NUL. Returns out. */
#define WIRE_NAME_TEXT (4 * WIRE_NAME_MOST + 2)
const char *wire_name_text(const struct wire_name *name, char out[WIRE_NAME_TEXT]);

static inline uint8_t wire_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

struct wire_reader {
	const uint8_t *p;
	size_t n, at;
	bool failed;
};

struct wire_reader wire_read(const void *message, size_t n);
uint8_t wire_take_u8(struct wire_reader *r);
uint16_t wire_take_u16(struct wire_reader *r);
uint32_t wire_take_u32(struct wire_reader *r);
const uint8_t *wire_take(struct wire_reader *r, size_t n); /* NULL: not so many */
bool wire_take_header(struct wire_reader *r, struct wire_header *out);
bool wire_take_name(struct wire_reader *r, struct wire_name *out);
bool wire_skip_name(struct wire_reader *r); /* where it points is not looked at */

struct wire_record {
	size_t at;         /* where it begins in the message */
	size_t owner_size; /* octets of its owner's name there; 1: the root */
	uint16_t type, class;
	uint32_t ttl;
	uint16_t length;
	size_t rdata_at; /* in the message, for names in it */
	const uint8_t *rdata;
};
/* owner: NULL, or where to put the name; without it the name is skipped. */
bool wire_take_record(struct wire_reader *r, struct wire_name *owner, struct wire_record *out);

/* ---- writing --------------------------------------------------------------------------------------------------------- */

struct wire_writer {
	uint8_t *p;
	size_t room, n;
	bool full; /* something did not fit; what is there is not to be used beyond the place where it began */
	uint8_t remembered;
	uint16_t names[WIRE_REMEMBERED]; /* offsets of names that compression may point to */
};

struct wire_writer wire_write(void *room, size_t n);
void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u16(struct wire_writer *w, uint16_t v);
void wire_put_u32(struct wire_writer *w, uint32_t v);
void wire_put(struct wire_writer *w, const void *octets, size_t n);
void wire_put_header(struct wire_writer *w, const struct wire_header *h);
void wire_put_name_plain(struct wire_writer *w, const struct wire_name *name);
/* With a pointer to the longest end of the name that a remembered one has too, in the same case. */
void wire_put_name(struct wire_writer *w, const struct wire_name *name);
/* The name that begins at that offset may be pointed to; ignored beyond WIRE_REMEMBERED names or 16383 octets. */
void wire_remember(struct wire_writer *w, size_t at);
void wire_put_pointer(struct wire_writer *w, size_t at);
/* After the owner's name: type, class, ttl and room for the length. Returns where that is, for wire_end_rdata(). */
size_t wire_begin_rdata(struct wire_writer *w, uint16_t type, uint16_t class, uint32_t ttl);
void wire_end_rdata(struct wire_writer *w, size_t length_at);
void wire_patch_u16(struct wire_writer *w, size_t at, uint16_t v); /* over something written */
/* Back to where it was; what did not fit is forgotten. */
void wire_rewind(struct wire_writer *w, size_t n);

#endif
