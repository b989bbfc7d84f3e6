/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init() and its kin: EVP_Digest() takes as long again for its context */
#include "auth/stamp.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "auth/tag.h"

#define LABEL       "backstop stamp 1"
#define SHA256_SIZE 32
#define BLOCK_SIZE  64 /* of SHA-256 */
#define PATH_SIZE   8
#define DOMAIN_SIZE 4
#define MAC_SIZE    12
#define DAYS_MODULO 1024
#define PATH_AT     3 /* offsets behind the "-" */
#define DOMAIN_AT   (PATH_AT + PATH_SIZE)
#define AUTHOR_AT   (DOMAIN_AT + DOMAIN_SIZE)
#define MAC_AT      (AUTHOR_AT + DOMAIN_SIZE)
#define HASHED_MOST (sizeof LABEL + 8 + STAMP_ID_MOST + 1 + STAMP_SIZE + TAG_ADDRESS_MOST)

_Static_assert(MAC_AT + MAC_SIZE == STAMP_SIZE, "the parts make the whole");

static const char base32[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* as spool ids */
static const char kinds[] = {[STAMP_UNPROVEN] = 'u', [STAMP_PROVEN] = 'p', [STAMP_SENT] = 's'};

/* ---- hashes ------------------------------------------------------------------------------------------------------ */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool sha256(const uint8_t *octets, size_t n, uint8_t out[static SHA256_SIZE])
{
	SHA256_CTX c;
	bool good = SHA256_Init(&c) && SHA256_Update(&c, octets, n) && SHA256_Final(out, &c);
	OPENSSL_cleanse(&c, sizeof c);
	return good;
}

/* HMAC (FIPS 198-1) by hand: OpenSSL's looks its algorithms up each time, which takes five times as long. text has BLOCK_SIZE octets of room
 * before it. */
static bool hmac(struct slice secret, uint8_t *text, size_t n, uint8_t out[static SHA256_SIZE])
{
	uint8_t key[BLOCK_SIZE] = {0}, outer[BLOCK_SIZE + SHA256_SIZE], *inner = text - BLOCK_SIZE;
	if (secret.n > BLOCK_SIZE && !sha256((const uint8_t *)secret.p, secret.n, key)) return false;
	if (secret.n && secret.n <= BLOCK_SIZE) memcpy(key, secret.p, secret.n);
	for (size_t i = 0; i < BLOCK_SIZE; i++) {
		inner[i] = key[i] ^ 0x36;
		outer[i] = key[i] ^ 0x5c;
	}
	bool good = sha256(inner, BLOCK_SIZE + n, outer + BLOCK_SIZE) && sha256(outer, sizeof outer, out);
	OPENSSL_cleanse(key, sizeof key);
	OPENSSL_cleanse(inner, BLOCK_SIZE);
	OPENSSL_cleanse(outer, BLOCK_SIZE);
	return good;
}

/* Label, what it is a hash of, id and text, each ended by a zero; the first characters of it in base 32. */
static bool keyed_hash(struct slice secret, char what, struct slice id, struct slice text, char *out, size_t size)
{
	uint8_t room[BLOCK_SIZE + HASHED_MOST], *hashed = room + BLOCK_SIZE, *to = hashed, mac[SHA256_SIZE];
	if (id.n > STAMP_ID_MOST || text.n > TAG_ADDRESS_MOST) return false;
	memcpy(to, LABEL, sizeof LABEL);
	to += sizeof LABEL;
	*to++ = (uint8_t)what;
	for (size_t i = 0; i < id.n; i++) *to++ = (uint8_t)lower(id.p[i]);
	*to++ = '\0';
	for (size_t i = 0; i < text.n; i++) *to++ = (uint8_t)lower(text.p[i]);
	if (!hmac(secret, hashed, (size_t)(to - hashed), mac)) return false;
	for (size_t i = 0, bit = 0; i < size; i++, bit += 5) {
		unsigned two = (unsigned)mac[bit / 8] << 8 | mac[bit / 8 + 1];
		out[i] = base32[two >> (11 - bit % 8) & 31];
	}
	return true;
}

/* Of none it is "0000". */
static bool domain_hash(struct slice secret, struct slice id, struct slice domain, char *out)
{
	if (domain.n) return keyed_hash(secret, 'd', id, domain, out, DOMAIN_SIZE);
	memset(out, base32[0], DOMAIN_SIZE);
	return true;
}

static bool same(const char *given, const char *own, size_t size)
{
	return CRYPTO_memcmp(given, own, size) == 0;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static bool is_id(struct slice id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = lower(id.p[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) return false;
	}
	return id.n > 0 && id.n <= STAMP_ID_MOST;
}

struct slice stamp_write(struct arena *a, const struct stamp_facts *f, struct slice secret)
{
	char *text = is_id(f->id) ? arena_alloc(a, f->id.n + 1 + STAMP_SIZE) : NULL;
	if (!text) return (struct slice){NULL, 0};
	char *stamp = text + f->id.n + 1;
	unsigned day = (unsigned)(tag_day(f->time) % DAYS_MODULO);
	for (size_t i = 0; i < f->id.n; i++) text[i] = lower(f->id.p[i]);
	stamp[-1] = '-';
	stamp[0] = kinds[f->kind];
	stamp[1] = base32[day >> 5];
	stamp[2] = base32[day & 31];
	bool good = keyed_hash(secret, 'r', f->id, f->return_path, stamp + PATH_AT, PATH_SIZE) &&
	            domain_hash(secret, f->id, f->domain, stamp + DOMAIN_AT);
	if (slice_equal_nocase(f->author, f->domain))
		memcpy(stamp + AUTHOR_AT, stamp + DOMAIN_AT, DOMAIN_SIZE);
	else
		good = good && domain_hash(secret, f->id, f->author, stamp + AUTHOR_AT);
	good = good && keyed_hash(secret, 'm', f->id, slice_of(stamp, MAC_AT), stamp + MAC_AT, MAC_SIZE);
	return good ? slice_of(text, f->id.n + 1 + STAMP_SIZE) : (struct slice){NULL, 0};
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

struct slice stamp_id(struct slice trace)
{
	return slice_sub(trace, 0, slice_find(trace, '-'));
}

static int value_of(char c)
{
	const char *at = c ? strchr(base32, c) : NULL;
	return at ? (int)(at - base32) : -1;
}

static bool read_kind(char c, enum stamp_kind *out)
{
	for (unsigned i = 0; i < sizeof kinds; i++) {
		if (kinds[i] != c) continue;
		*out = (enum stamp_kind)i;
		return true;
	}
	return false;
}

static struct slice id_of(const struct stamp *s)
{
	return slice_of(s->text, s->id_size);
}

static const char *stamp_of(const struct stamp *s)
{
	return s->text + s->id_size + 1;
}

/* Puts the text into out, in lower case. False: it has not the form. */
static bool take_apart(struct slice trace, struct stamp *out)
{
	struct slice id = stamp_id(trace);
	if (!is_id(id) || trace.n != id.n + 1 + STAMP_SIZE) return false;
	for (size_t i = 0; i < trace.n; i++) out->text[i] = lower(trace.p[i]);
	out->id_size = id.n;
	const char *stamp = stamp_of(out);
	for (size_t i = 1; i < STAMP_SIZE; i++)
		if (value_of(stamp[i]) < 0) return false;
	return read_kind(stamp[0], &out->kind);
}

static bool is_ours(struct stamp *s, const struct srs_secrets *secrets)
{
	char own[MAC_SIZE];
	const char *stamp = stamp_of(s);
	for (size_t i = 0; i < secrets->count; i++) {
		s->secret = secrets->secret[i];
		if (keyed_hash(s->secret, 'm', id_of(s), slice_of(stamp, MAC_AT), own, sizeof own) &&
		    same(stamp + MAC_AT, own, sizeof own))
			return true;
	}
	return false;
}

enum stamp_verdict stamp_read(struct slice trace, const struct srs_secrets *secrets, int64_t now, int days,
                              struct stamp *out)
{
	*out = (struct stamp){.secret = SLICE_EMPTY};
	if (!take_apart(trace, out)) return STAMP_NONE;
	if (!is_ours(out, secrets)) return STAMP_FORGED;
	const char *stamp = stamp_of(out);
	int day = value_of(stamp[1]) << 5 | value_of(stamp[2]);
	int age = ((int)(tag_day(now) % DAYS_MODULO) - day + STAMP_LATE + DAYS_MODULO) % DAYS_MODULO;
	return age <= days + 2 * STAMP_LATE ? STAMP_GOOD : STAMP_EXPIRED;
}

bool stamp_is_from(const struct stamp *s, struct slice address)
{
	char own[PATH_SIZE];
	return keyed_hash(s->secret, 'r', id_of(s), address, own, sizeof own) &&
	       same(stamp_of(s) + PATH_AT, own, sizeof own);
}

bool stamp_is_of_domain(const struct stamp *s, struct slice domain)
{
	char own[DOMAIN_SIZE];
	if (domain.n == 0 || !domain_hash(s->secret, id_of(s), domain, own)) return false;
	return same(stamp_of(s) + DOMAIN_AT, own, sizeof own) || same(stamp_of(s) + AUTHOR_AT, own, sizeof own);
}
