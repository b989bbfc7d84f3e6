/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/srs.h"

#include <openssl/evp.h>

#include "auth/tag.h"

#define HASH_LENGTH   4  /* of ours; a longer one is checked to its end */
#define HASH_MOST     27 /* base64 of SHA-1, without padding */
#define STAMPS_MODULO 1024
#define SEPARATOR     '='

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* ---- hash and timestamp ------------------------------------------------------------------------------------------- */

static bool hash(struct slice secret, const struct slice *parts, size_t count, char out[static HASH_MOST + 2])
{
	uint8_t digest[TAG_SHA1_SIZE];
	if (!tag_hash(secret, parts, count, true, digest)) return false;
	EVP_EncodeBlock((uint8_t *)out, digest, sizeof digest);
	out[HASH_MOST] = '\0';
	return true;
}

static bool hash_ours(struct slice given, const struct srs_secrets *secrets, const struct slice *parts, size_t count)
{
	char own[HASH_MOST + 2];
	if (given.n < HASH_LENGTH || given.n > HASH_MOST) return false;
	for (size_t i = 0; i < secrets->count; i++)
		if (hash(secrets->secret[i], parts, count, own) && slice_equal_nocase(given, slice_of(own, given.n)))
			return true;
	return false;
}

static void stamp_make(int64_t now, char out[static 2])
{
	unsigned day = (unsigned)(tag_day(now) % STAMPS_MODULO);
	out[0] = base32[day >> 5];
	out[1] = base32[day & 31];
}

static bool stamp_read(struct slice text, unsigned *day)
{
	*day = 0;
	if (text.n != 2) return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		unsigned value;
		if (c >= '2' && c <= '7')
			value = (unsigned)(c - '2' + 26);
		else if ((c | 32) >= 'a' && (c | 32) <= 'z')
			value = (unsigned)((c | 32) - 'a');
		else
			return false;
		*day = *day << 5 | value;
	}
	return true;
}

/* ---- the words SRS0 and SRS1 -------------------------------------------------------------------------------------- */

static bool is_srs(struct slice local, struct slice word)
{
	if (local.n <= word.n || !slice_starts_nocase(local, word)) return false;
	char separator = local.p[word.n];
	return separator == '=' || separator == '+' || separator == '-';
}

static bool is_srs0(struct slice local)
{
	return is_srs(local, SLICE("SRS0"));
}

struct srs1 {
	struct slice hash, host, user; /* user: the SRS0 local part without its word */
};

static bool read_srs1(struct slice local, struct srs1 *out)
{
	if (!is_srs(local, SLICE("SRS1"))) return false;
	struct slice rest = slice_sub(local, 5, local.n);
	out->hash = slice_split(&rest, SEPARATOR);
	out->host = rest.p ? slice_split(&rest, SEPARATOR) : SLICE_EMPTY;
	out->user = rest;
	return out->host.n > 0 && out->user.n > 0;
}

/* May it stand in a local part without quotes (RFC 5321 4.1.2, RFC 6531 3.3)? A domain literal may not. */
static bool is_plain(struct slice text)
{
	static const char others[] = "!#$%&'*+-/=?^_`{|}~.";
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
		if (!letter && !memchr(others, c, sizeof others - 1)) return false;
	}
	return true;
}

/* ---- forward ------------------------------------------------------------------------------------------------------ */

static struct slice forward_srs1(struct arena *a, struct slice host, struct slice user, bool quoted,
                                 struct slice our_domain, struct slice secret)
{
	char own[HASH_MOST + 2];
	struct slice hashed[] = {host, user};
	if (!hash(secret, hashed, 2, own)) return (struct slice){NULL, 0};
	struct slice parts[] = {SLICE("SRS1="), slice_of(own, HASH_LENGTH), SLICE("="), host, SLICE("="), user};
	return tag_join(a, parts, 6, quoted || !is_plain(host), our_domain);
}

static struct slice forward_srs0(struct arena *a, const struct tag_address *t, struct slice local_as_given,
                                 struct slice our_domain, struct slice secret, int64_t now)
{
	char own[HASH_MOST + 2], stamp[2];
	stamp_make(now, stamp);
	struct slice when = slice_of(stamp, sizeof stamp), hashed[] = {when, t->domain, local_as_given};
	if (!hash(secret, hashed, 3, own)) return (struct slice){NULL, 0};
	struct slice parts[] = {SLICE("SRS0="), slice_of(own, HASH_LENGTH),
	                        SLICE("="),     when,
	                        SLICE("="),     t->domain,
	                        SLICE("="),     t->local};
	return tag_join(a, parts, 8, t->quoted || !is_plain(t->domain), our_domain);
}

struct slice srs_forward(struct arena *a, struct slice address, struct slice our_domain, struct slice secret,
                         int64_t now)
{
	struct tag_address t;
	struct srs1 first;
	if (!tag_split(address, &t) || our_domain.n == 0) return (struct slice){NULL, 0};
	if (!t.quoted && slice_find(t.local, '@') < t.local.n) return (struct slice){NULL, 0};
	if (slice_find(t.domain, SEPARATOR) < t.domain.n) return (struct slice){NULL, 0}; /* could not be taken apart */
	if (slice_equal_nocase(t.domain, our_domain)) return address;
	/* The first forwarder alone can check its hash: it is kept, and whoever is between us and it is left out. */
	if (read_srs1(t.local, &first)) return forward_srs1(a, first.host, first.user, t.quoted, our_domain, secret);
	if (is_srs0(t.local))
		return forward_srs1(a, t.domain, slice_sub(t.local, 4, t.local.n), t.quoted, our_domain, secret);
	struct slice as_given = slice_sub(address, 0, address.n - t.domain.n - 1);
	return forward_srs0(a, &t, as_given, our_domain, secret, now);
}

/* ---- reverse ------------------------------------------------------------------------------------------------------ */

static enum error copied(struct slice made, struct slice *original)
{
	*original = made;
	return made.p ? ERR_OK : ERR_NO_MEMORY;
}

static enum error reverse_srs1(struct arena *a, const struct tag_address *t, const struct srs_secrets *secrets,
                               struct slice *original)
{
	struct srs1 first;
	if (!read_srs1(t->local, &first)) return ERR_SYNTAX;
	struct slice hashed[] = {first.host, first.user};
	if (!hash_ours(first.hash, secrets, hashed, 2)) return ERR_PERMISSION;
	struct slice parts[] = {SLICE("SRS0"), first.user};
	bool quoted =
		t->quoted && (is_plain(first.host) || !is_plain(first.user)); /* else only the host wanted quotes */
	return copied(tag_join(a, parts, 2, quoted, first.host), original);
}

/* In quotes: the user's own, or those that its domain literal needed. The hash, over what was given to us, tells. */
static bool user_ours(const struct tag_address *t, struct slice given, struct slice parts[3],
                      const struct srs_secrets *secrets, bool *quoted)
{
	char text[TAG_ADDRESS_MOST + 2];
	struct slice user = parts[2];
	*quoted = false;
	if (hash_ours(given, secrets, parts, 3)) return true;
	if (!t->quoted) return false;
	text[0] = text[user.n + 1] = '"';
	if (user.n) memcpy(text + 1, user.p, user.n);
	parts[2] = slice_of(text, user.n + 2);
	*quoted = hash_ours(given, secrets, parts, 3);
	parts[2] = user;
	return *quoted;
}

static enum error reverse_srs0(struct arena *a, const struct tag_address *t, const struct srs_secrets *secrets,
                               int64_t now, unsigned max_days, struct slice *original)
{
	struct slice rest = slice_sub(t->local, 5, t->local.n), parts[3];
	struct slice given = slice_split(&rest, SEPARATOR);
	unsigned day, today = (unsigned)(tag_day(now) % STAMPS_MODULO);
	bool quoted;
	for (size_t i = 0; i < 2; i++) {
		if (!rest.p) return ERR_SYNTAX;
		parts[i] = slice_split(&rest, SEPARATOR);
	}
	if (!rest.p || parts[1].n == 0 || !stamp_read(parts[0], &day)) return ERR_SYNTAX;
	parts[2] = rest;
	if (rest.n == 0 && !t->quoted) return ERR_SYNTAX;
	if (!user_ours(t, given, parts, secrets, &quoted)) return ERR_PERMISSION;
	if ((today + STAMPS_MODULO - day) % STAMPS_MODULO > max_days) return ERR_TIMEOUT;
	return copied(tag_join(a, &parts[2], 1, quoted, parts[1]), original);
}

enum error srs_reverse(struct arena *a, struct slice address, const struct srs_secrets *secrets, int64_t now,
                       unsigned max_days, struct slice *original)
{
	struct tag_address t;
	if (!tag_split(address, &t)) return ERR_NOT_FOUND;
	if (is_srs(t.local, SLICE("SRS1"))) return reverse_srs1(a, &t, secrets, original);
	if (is_srs0(t.local)) return reverse_srs0(a, &t, secrets, now, max_days, original);
	return ERR_NOT_FOUND;
}
