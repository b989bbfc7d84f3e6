/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_record - ids, and the record of a spooled message as octets; the layout is in docs/storage.md
 */
#include <stdatomic.h>

#include "base/octets.h"
#include "store/spool.h"

#define RECORD_VERSION  2
#define FIXED_SIZE      66 /* up to the first string */
#define RECIPIENT_SIZE  11 /* of a recipient without its strings */
#define LEAST_RECIPIENT (RECIPIENT_SIZE + 4 * 2)

enum {
	FLAG_SMTPUTF8 = 1,
	FLAG_VERIFIED = 2,
	FLAG_HOLD = 4,
	FLAG_DOWNSTREAM = 8,
	FLAG_BODY_IN_FILE = 16,
	FLAG_ANSWER = 32,
	FLAG_REDIRECTED = 64
};
/* Of enum proof: what verified meant in version 1, which knew no other proof than the tenant's own source. */
#define PROOF_OF_VERSION_1 1

/* ---- ids ---------------------------------------------------------------------------------------------------------- */

#define ID_DIGITS (SPOOL_ID_TEXT - 1)

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
static _Atomic uint64_t last_id;

void spool_ids_above(uint64_t id)
{
	uint64_t seen = atomic_load_explicit(&last_id, memory_order_relaxed);
	while (seen < id && !atomic_compare_exchange_weak(&last_id, &seen, id)) {
	}
}

uint64_t spool_new_id(int64_t unix_ms)
{
	uint64_t floor = unix_ms > 0 ? (uint64_t)unix_ms << 20 : 0;
	uint64_t seen = atomic_load_explicit(&last_id, memory_order_relaxed), id;
	do id = seen < floor ? floor : seen + 1;
	while (!atomic_compare_exchange_weak(&last_id, &seen, id));
	return id;
}

const char *spool_id_text(uint64_t id, char out[SPOOL_ID_TEXT])
{
	for (int i = ID_DIGITS - 1; i >= 0; i--, id >>= 5) out[i] = digits[id & 31];
	out[ID_DIGITS] = '\0';
	return out;
}

bool spool_id_parse(struct slice text, uint64_t *id)
{
	uint64_t value = 0;
	if (text.n != ID_DIGITS) return false;
	for (size_t i = 0; i < ID_DIGITS; i++) {
		char c = text.p[i];
		if (c >= 'A' && c <= 'Z') c = (char)(c + 'a' - 'A');
		const char *digit = c ? strchr(digits, c) : NULL;
		if (!digit || value >> 59) return false;
		value = value << 5 | (uint64_t)(digit - digits);
	}
	*id = value;
	return true;
}

const char *pool_name(enum pool p)
{
	static const char *const names[] = {
#define X(name) [POOL_##name] = #name,
		POOL_TABLE(X)
#undef X
	};
	return (unsigned)p < POOL_COUNT ? names[p] : "unknown";
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static size_t string_size(struct slice s)
{
	return 2 + (s.n > UINT16_MAX ? UINT16_MAX : s.n);
}

static size_t record_size(const struct spool_message *m)
{
	size_t n = FIXED_SIZE + string_size(m->return_path) + string_size(m->envid) + string_size(m->source) +
	           string_size(m->hold_reason) + string_size(m->message_id) + 4;
	for (size_t i = 0; i < m->recipient_count; i++) {
		const struct spool_recipient *r = &m->recipients[i];
		n += RECIPIENT_SIZE + string_size(r->address) + string_size(r->orcpt) + string_size(r->last_reply) +
		     string_size(r->last_remote);
	}
	return n;
}

static void put_recipient(struct octet_writer *w, const struct spool_recipient *r)
{
	octet_put_u8(w, r->notify);
	octet_put_u8(w, r->state);
	octet_put_u8(w, r->delay_told);
	octet_put_u64(w, (uint64_t)r->last_attempt);
	octet_put_string(w, r->address);
	octet_put_string(w, r->orcpt);
	octet_put_string(w, r->last_reply);
	octet_put_string(w, r->last_remote);
}

static void put_fixed(struct octet_writer *w, const struct spool_message *m)
{
	octet_put_u8(w, RECORD_VERSION);
	octet_put_u8(w, m->kind);
	octet_put_u8(w, m->pool);
	octet_put_u8(w, m->ret);
	octet_put_u8(w, m->body_type);
	octet_put_u8(w, (uint8_t)((m->smtputf8 ? FLAG_SMTPUTF8 : 0) | (m->verified ? FLAG_VERIFIED : 0) |
	                          (m->hold ? FLAG_HOLD : 0) | (m->downstream ? FLAG_DOWNSTREAM : 0) |
	                          (m->body_in_file ? FLAG_BODY_IN_FILE : 0) | (m->answer ? FLAG_ANSWER : 0) |
	                          (m->redirected ? FLAG_REDIRECTED : 0)));
	octet_put_u32(w, m->tenant);
	octet_put_u32(w, m->attempts);
	octet_put_u64(w, (uint64_t)m->arrived);
	octet_put_u64(w, (uint64_t)m->next_attempt);
	octet_put_u64(w, (uint64_t)m->expires);
	octet_put_u64(w, m->size);
	octet_put_u64(w, m->header_size);
	octet_put_u8(w, m->proof);
	octet_put_u8(w, 0); /* kept free */
	octet_put_u16(w, 0);
	octet_put_u64(w, (uint64_t)m->held_since);
}

/* An address that was cut short would be another address: the record is refused instead. */
static bool addresses_fit(const struct spool_message *m)
{
	if (m->return_path.n > UINT16_MAX || m->envid.n > UINT16_MAX || m->recipient_count > UINT32_MAX) return false;
	for (size_t i = 0; i < m->recipient_count; i++)
		if (m->recipients[i].address.n > UINT16_MAX || m->recipients[i].orcpt.n > UINT16_MAX) return false;
	return true;
}

struct slice spool_encode(struct arena *a, const struct spool_message *m)
{
	if (!addresses_fit(m)) return (struct slice){NULL, 0};
	size_t n = record_size(m);
	char *p = arena_alloc(a, n);
	if (!p) return (struct slice){NULL, 0};
	struct octet_writer w = octet_writer(p, n);
	put_fixed(&w, m);
	octet_put_string(&w, m->return_path);
	octet_put_string(&w, m->envid);
	octet_put_string(&w, m->source);
	octet_put_string(&w, m->hold_reason);
	octet_put_string(&w, m->message_id);
	octet_put_u32(&w, (uint32_t)m->recipient_count);
	for (size_t i = 0; i < m->recipient_count; i++) put_recipient(&w, &m->recipients[i]);
	return w.failed ? (struct slice){NULL, 0} : octet_written(&w);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static void get_fixed(struct octet_reader *r, uint8_t version, struct spool_message *m)
{
	m->kind = octet_get_u8(r);
	m->pool = octet_get_u8(r);
	m->ret = octet_get_u8(r);
	m->body_type = octet_get_u8(r);
	uint8_t flags = octet_get_u8(r);
	m->smtputf8 = flags & FLAG_SMTPUTF8;
	m->verified = flags & FLAG_VERIFIED;
	m->hold = flags & FLAG_HOLD;
	m->downstream = flags & FLAG_DOWNSTREAM;
	m->body_in_file = flags & FLAG_BODY_IN_FILE;
	m->answer = flags & FLAG_ANSWER;
	m->redirected = flags & FLAG_REDIRECTED;
	m->tenant = octet_get_u32(r);
	m->attempts = octet_get_u32(r);
	m->arrived = (int64_t)octet_get_u64(r);
	m->next_attempt = (int64_t)octet_get_u64(r);
	m->expires = (int64_t)octet_get_u64(r);
	m->size = octet_get_u64(r);
	m->header_size = octet_get_u64(r);
	m->proof = octet_get_u8(r);
	octet_get_u8(r);
	octet_get_u16(r);
	if (version == 1) {
		m->proof = m->verified ? PROOF_OF_VERSION_1 : 0;
		m->answer = m->redirected = false;
	} else {
		m->held_since = (int64_t)octet_get_u64(r);
	}
	if (m->hold && !m->held_since) m->held_since = m->arrived;
}

/* All strings point into the record, which decode has copied to the arena as a whole. */
static void get_recipient(struct octet_reader *r, struct spool_recipient *out)
{
	out->notify = octet_get_u8(r);
	out->state = octet_get_u8(r);
	out->delay_told = octet_get_u8(r) != 0;
	out->last_attempt = (int64_t)octet_get_u64(r);
	out->address = octet_get_string(r);
	out->orcpt = octet_get_string(r);
	out->last_reply = octet_get_string(r);
	out->last_remote = octet_get_string(r);
	if (out->state > RECIPIENT_EXPIRED) r->failed = true;
}

static bool values_known(const struct spool_message *m)
{
	return m->kind <= SPOOL_REPORT && m->pool < POOL_COUNT && m->ret <= 2 && m->body_type <= 1 &&
	       m->header_size <= m->size;
}

enum error spool_decode(struct arena *a, struct slice record, struct spool_message *out)
{
	*out = (struct spool_message){0};
	if (record.n == 0) return ERR_CORRUPT;
	if ((uint8_t)record.p[0] > RECORD_VERSION) return ERR_VERSION;
	struct slice copy = arena_copy(a, record);
	if (!copy.p) return ERR_NO_MEMORY;
	struct octet_reader r = octet_reader(copy);
	uint8_t version = octet_get_u8(&r);
	if (version == 0) return ERR_CORRUPT;
	get_fixed(&r, version, out);
	out->return_path = octet_get_string(&r);
	out->envid = octet_get_string(&r);
	out->source = octet_get_string(&r);
	out->hold_reason = octet_get_string(&r);
	out->message_id = octet_get_string(&r);
	size_t n = octet_get_u32(&r);
	if (r.failed || !values_known(out) || n > r.rest.n / LEAST_RECIPIENT) return ERR_CORRUPT;
	if (n) out->recipients = arena_alloc(a, n * sizeof *out->recipients);
	if (n && !out->recipients) return ERR_NO_MEMORY;
	for (size_t i = 0; i < n; i++) get_recipient(&r, &out->recipients[i]);
	out->recipient_count = n;
	return r.failed || r.rest.n ? ERR_CORRUPT : ERR_OK;
}
