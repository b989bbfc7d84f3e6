/* SPDX-License-Identifier: Apache-2.0 */
#include "store/directory_table.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/octets.h"

#define ROW_VERSION    1
#define DOMAIN_VERSION 1

/* ---- keys --------------------------------------------------------------------------------------------------------- */

bool directory_fold(struct slice s, char *out)
{
	bool changed = false;
	for (size_t i = 0; i < s.n; i++) {
		bool upper = s.p[i] >= 'A' && s.p[i] <= 'Z';
		out[i] = upper ? (char)(s.p[i] + ('a' - 'A')) : s.p[i];
		changed |= upper;
	}
	return changed;
}

void directory_key(struct directory_key *k, uint32_t tenant, struct slice domain, struct slice local)
{
	assert(domain.n <= DIRECTORY_DOMAIN_MOST && local.n <= DIRECTORY_LOCAL_MOST);
	tenant = htobe32(tenant);
	memcpy(k->octets, &tenant, sizeof tenant);
	k->n = sizeof tenant;
	if (!domain.p) return;
	directory_fold(domain, k->octets + k->n);
	k->n += domain.n;
	k->octets[k->n++] = '\0';
	if (!local.p) return;
	memcpy(k->octets + k->n, local.p, local.n);
	k->n += local.n;
}

struct slice directory_key_slice(const struct directory_key *k)
{
	return slice_of(k->octets, k->n);
}

bool directory_key_parts(struct slice key, uint32_t tenant, struct slice *domain, struct slice *local)
{
	struct octet_reader r = octet_reader(key);
	if (octet_get_u32(&r) != tenant || r.failed || key.n > DIRECTORY_KEY_MOST) return false;
	size_t end = slice_find(r.rest, '\0');
	*domain = slice_sub(r.rest, 0, end);
	*local = slice_sub(r.rest, end + 1, r.rest.n);
	return end < r.rest.n && domain->n <= DIRECTORY_DOMAIN_MOST && local->n <= DIRECTORY_LOCAL_MOST;
}

struct slice directory_value(char room[DIRECTORY_VALUE_MOST], struct slice given, struct slice stored)
{
	room[0] = ROW_VERSION;
	if (slice_equal(given, stored)) return slice_of(room, 1);
	memcpy(room + 1, given.p, given.n);
	return slice_of(room, 1 + given.n);
}

struct slice directory_value_local(struct slice value, struct slice stored)
{
	return value.n > 1 && value.n <= DIRECTORY_VALUE_MOST ? slice_sub(value, 1, value.n) : stored;
}

/* ---- domains ------------------------------------------------------------------------------------------------------ */

/* The key of a domain's row is that of its entries without the NUL. */
static struct slice domain_key(struct directory_key *k, uint32_t tenant, struct slice domain)
{
	directory_key(k, tenant, domain, (struct slice){NULL, 0});
	return slice_of(k->octets, k->n - 1);
}

enum error directory_domain_get(struct db_txn *t, uint32_t tenant, struct slice domain, struct directory_domain *out)
{
	struct directory_key k;
	struct slice value;
	enum error err = db_get(t, DB_directory_domains, domain_key(&k, tenant, domain), &value);
	if (err) return err;
	struct octet_reader r = octet_reader(value);
	uint8_t version = octet_get_u8(&r);
	out->count = octet_get_u64(&r);
	out->imported = (int64_t)octet_get_u64(&r);
	return version > DOMAIN_VERSION ? ERR_VERSION : r.failed ? ERR_CORRUPT : ERR_OK;
}

enum error directory_domain_put(struct db_txn *t, uint32_t tenant, struct slice domain,
                                const struct directory_domain *row)
{
	struct directory_key k;
	char value[17];
	struct octet_writer w = octet_writer(value, sizeof value);
	octet_put_u8(&w, DOMAIN_VERSION);
	octet_put_u64(&w, row->count);
	octet_put_u64(&w, (uint64_t)row->imported);
	return db_put(t, DB_directory_domains, domain_key(&k, tenant, domain), octet_written(&w));
}

/* ---- addresses ---------------------------------------------------------------------------------------------------- */

static const char *unquote(struct slice *local, char room[DIRECTORY_LOCAL_MOST])
{
	size_t n = 0;
	if (local->n < 3 || local->p[local->n - 1] != '"') return "the quotes of the local part are not closed";
	for (size_t i = 1; i < local->n - 1; i++) {
		if (local->p[i] == '\\' && ++i == local->n - 1) return "the local part ends with a backslash";
		if (n == DIRECTORY_LOCAL_MOST) return "the local part is longer than 250 octets";
		room[n++] = local->p[i];
	}
	*local = slice_of(room, n);
	return NULL;
}

static const char *check_local(struct slice *local, char room[DIRECTORY_LOCAL_MOST])
{
	bool quoted = local->n > 0 && local->p[0] == '"';
	const char *why = quoted ? unquote(local, room) : NULL;
	if (why) return why;
	if (local->n > DIRECTORY_LOCAL_MOST) return "the local part is longer than 250 octets";
	for (size_t i = 0; i < local->n; i++) {
		unsigned char c = (unsigned char)local->p[i];
		if (c < ' ' || c == 0x7f) return "the local part has a control character";
		if (!quoted && strchr(" ,;:<>()[]\"\\", c)) return "the local part has a character that must be quoted";
	}
	return NULL;
}

const char *directory_split(const struct tenant *t, struct slice address, struct slice only_domain,
                            char room[DIRECTORY_LOCAL_MOST + DIRECTORY_DOMAIN_MOST], struct slice *local,
                            struct slice *domain)
{
	if (address.n >= 2 && address.p[0] == '<' && address.p[address.n - 1] == '>')
		address = slice_sub(address, 1, address.n - 1);
	size_t at = slice_find_last(address, '@');
	*local = slice_sub(address, 0, at);
	*domain = slice_sub(address, at + 1, address.n);
	if (at == address.n) {
		if (!only_domain.n) return "there is no @";
		if (address.n == 0) return "it is empty";
		*domain = only_domain;
	}
	if (domain->n > 0 && domain->p[domain->n - 1] == '.') domain->n--;
	if (domain->n == 0) return "there is no domain";
	if (domain->n > DIRECTORY_DOMAIN_MOST) return "the domain is longer than 255 octets";
	directory_fold(*domain, room + DIRECTORY_LOCAL_MOST);
	*domain = slice_of(room + DIRECTORY_LOCAL_MOST, domain->n);
	if (only_domain.n && !slice_equal(*domain, only_domain))
		return "it is of another domain than the one to import";
	if (!tenant_owns(t, *domain)) return "its domain is not one of the tenant's";
	return check_local(local, room);
}

/* ---- whole tenants ------------------------------------------------------------------------------------------------ */

static enum error delete_prefix(struct db_txn *t, enum db_table table, struct slice prefix, bool first_only)
{
	struct db_cursor *c;
	struct slice key;
	enum error err = db_cursor_open(t, table, &c);
	if (err) return err;
	err = db_cursor_seek(c, prefix, &key, NULL);
	while (!err && slice_starts(key, prefix) && (!first_only || key.n == prefix.n)) {
		err = db_cursor_delete(c);
		if (!err) err = db_cursor_next(c, &key, NULL);
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error directory_forget(struct db_txn *t, uint32_t tenant, struct slice domain)
{
	struct directory_key k;
	directory_key(&k, tenant, domain, (struct slice){NULL, 0});
	enum error err = delete_prefix(t, DB_directory, directory_key_slice(&k), false);
	if (err) return err;
	bool one = domain.p != NULL;
	return delete_prefix(t, DB_directory_domains, slice_of(k.octets, one ? k.n - 1 : k.n), one);
}

struct refold { /* one entry that gets another key */
	struct refold *next;
	struct slice domain, before, given;
};

/* Entries whose key must change; they are copied since the table is changed after. */
static enum error collect(struct db_txn *t, struct arena *a, uint32_t tenant, bool case_sensitive, struct refold **list)
{
	struct db_cursor *c;
	struct directory_key k;
	struct slice key, value, domain, local;
	char folded[DIRECTORY_LOCAL_MOST];
	directory_key(&k, tenant, (struct slice){NULL, 0}, (struct slice){NULL, 0});
	enum error err = db_cursor_open(t, DB_directory, &c);
	if (err) return err;
	err = db_cursor_seek(c, directory_key_slice(&k), &key, &value);
	for (; !err && directory_key_parts(key, tenant, &domain, &local); err = db_cursor_next(c, &key, &value)) {
		bool moves = case_sensitive ? value.n > 1 : directory_fold(local, folded);
		if (!moves) continue;
		struct refold *r = arena_alloc(a, sizeof *r);
		if (r) {
			*r = (struct refold){.next = *list,
			                     .domain = arena_copy(a, domain),
			                     .before = arena_copy(a, local),
			                     .given = arena_copy(a, directory_value_local(value, local))};
			*list = r;
		}
		if (arena_exhausted(a)) err = ERR_NO_MEMORY;
		if (err) break;
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error lose_one(struct db_txn *t, uint32_t tenant, struct slice domain)
{
	struct directory_domain row;
	enum error err = directory_domain_get(t, tenant, domain, &row);
	if (err) return err == ERR_NOT_FOUND ? ERR_OK : err;
	if (row.count > 0) row.count--;
	return directory_domain_put(t, tenant, domain, &row);
}

static enum error move_entry(struct db_txn *t, uint32_t tenant, bool case_sensitive, const struct refold *r)
{
	struct directory_key k;
	char folded[DIRECTORY_LOCAL_MOST], room[DIRECTORY_VALUE_MOST];
	struct slice stored = r->given;
	directory_key(&k, tenant, r->domain, r->before);
	enum error err = db_delete(t, DB_directory, directory_key_slice(&k));
	if (err) return err;
	if (!case_sensitive) {
		directory_fold(r->given, folded);
		stored = slice_of(folded, r->given.n);
	}
	directory_key(&k, tenant, r->domain, stored);
	err = db_get(t, DB_directory, directory_key_slice(&k), NULL);
	if (!err) return lose_one(t, tenant, r->domain); /* Joe and joe have become one */
	if (err != ERR_NOT_FOUND) return err;
	return db_put(t, DB_directory, directory_key_slice(&k), directory_value(room, r->given, stored));
}

enum error directory_refold(struct db_txn *t, uint32_t tenant, bool case_sensitive)
{
	struct arena a;
	struct refold *list = NULL;
	arena_init(&a, SIZE_MAX / 2);
	enum error err = collect(t, &a, tenant, case_sensitive, &list);
	for (; !err && list; list = list->next) err = move_entry(t, tenant, case_sensitive, list);
	arena_free(&a);
	return err;
}
