/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tenants.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/octets.h"
#include "store/coverages.h"
#include "store/directory_table.h"
#include "store/keys.h"
#include "store/learned.h"
#include "store/meta.h"
#include "store/tenants_json.h"
#include "store/tenants_snapshot.h"

#define ROW_VERSION     1
#define META_GENERATION SLICE("tenants_generation")
#define META_NEXT_ID    SLICE("tenants_next_id")

struct id_key {
	char octets[4];
};

static struct slice id_key(struct id_key *k, uint32_t id)
{
	id = htobe32(id);
	memcpy(k->octets, &id, sizeof k->octets);
	return slice_of(k->octets, sizeof k->octets);
}

static bool key_id(struct slice key, uint32_t *id)
{
	if (key.n != sizeof *id) return false;
	memcpy(id, key.p, sizeof *id);
	*id = be32toh(*id);
	return *id > 0;
}

static enum error row_json(struct slice value, struct slice *json)
{
	if (value.n == 0) return ERR_CORRUPT;
	if ((uint8_t)value.p[0] > ROW_VERSION) return ERR_VERSION;
	*json = slice_sub(value, 1, value.n);
	return ERR_OK;
}

uint64_t tenants_generation(struct db *state)
{
	return meta_read(state, META_GENERATION);
}

/* ---- loading ------------------------------------------------------------------------------------------------------ */

static enum error add_rows(struct tenants *s, struct db_cursor *c, char why[256])
{
	struct slice key, value, json;
	enum error err = db_cursor_seek(c, SLICE_EMPTY, &key, &value);
	for (; !err; err = db_cursor_next(c, &key, &value)) {
		uint32_t id = 0;
		err = key_id(key, &id) ? row_json(value, &json) : ERR_CORRUPT;
		if (!err) err = tenants_snapshot_add(s, id, json);
		if (err) {
			snprintf(why, 256, "tenant number %u: %s", id, error_text(err));
			return err;
		}
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error load(struct db_txn *t, struct tenants **out, char why[256])
{
	uint64_t generation;
	struct db_cursor *c;
	*out = NULL;
	enum error err = meta_get(t, META_GENERATION, &generation);
	if (err) return err;
	struct tenants *s = tenants_snapshot_new(generation, (size_t)db_count(t, DB_tenants));
	if (!s) return ERR_NO_MEMORY;
	err = db_cursor_open(t, DB_tenants, &c);
	if (!err) err = add_rows(s, c, why);
	db_cursor_close(c);
	if (!err) err = tenants_snapshot_finish(s);
	if (err)
		tenants_unref(s);
	else
		*out = s;
	return err;
}

enum error tenants_load(struct db *state, struct tenants **out, char why[256])
{
	struct db_txn *t;
	why[0] = '\0';
	*out = NULL;
	enum error err = db_begin_read(state, &t);
	if (!err) {
		err = load(t, out, why);
		db_end_read(t);
	}
	if (err && !why[0]) snprintf(why, 256, "%s", error_text(err));
	return err;
}

/* ---- whose is it already? ----------------------------------------------------------------------------------------- */

static enum error taken(char why[256], const struct tenant *own, const struct tenant *by, const char *what,
                        const char *value)
{
	if (by->id == own->id)
		snprintf(why, 256, "%s %.150s is given twice", what, value);
	else
		snprintf(why, 256, "%s %.120s belongs to tenant %.63s", what, value, by->name);
	return ERR_EXISTS;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && ip_equal(&a->ip, &b->ip);
}

/* own[first..] against what `by` has up to (not with) its own place when both are the same tenant. */
static enum error check_texts(const struct tenant *own, const struct tenant *by, char why[256])
{
	bool self = own == by;
	for (size_t i = 0; i < own->domain_count; i++)
		for (size_t k = 0; k < (self ? i : by->domain_count); k++)
			if (strcmp(own->domains[i].name, by->domains[k].name) == 0)
				return taken(why, own, by, "domain", own->domains[i].name);
	for (size_t i = 0; i < own->certificate_count; i++)
		for (size_t k = 0; k < (self ? i : by->certificate_count); k++)
			if (strcmp(own->certificates[i], by->certificates[k]) == 0)
				return taken(why, own, by, "certificate", own->certificates[i]);
	for (size_t i = 0; i < own->user_count; i++)
		for (size_t k = 0; k < (self ? i : by->user_count); k++)
			if (slice_equal_nocase(slice_str(own->users[i].name), slice_str(by->users[k].name)))
				return taken(why, own, by, "user", own->users[i].name);
	return ERR_OK;
}

static enum error check_against(const struct tenant *own, const struct tenant *by, char why[256])
{
	for (size_t i = 0; i < own->from_count; i++)
		for (size_t k = 0; k < (own == by ? i : by->from_count); k++)
			if (same_prefix(&own->from[i], &by->from[k])) {
				char ip[IP_TEXT_SIZE], text[IP_TEXT_SIZE + 8];
				snprintf(text, sizeof text, "%s/%u", ip_text(&own->from[i].ip, ip),
				         own->from[i].length);
				return taken(why, own, by, "source", text);
			}
	if (own != by && strcmp(own->name, by->name) == 0) {
		snprintf(why, 256, "there is a tenant %.63s already", own->name);
		return ERR_EXISTS;
	}
	return check_texts(own, by, why);
}

/* ---- storing ------------------------------------------------------------------------------------------------------ */

struct put {
	const struct tenant *tenant;
	const char *json;
	uint32_t id;
	char *why;
};

static enum error check_all(const struct put *p, const struct tenants *s)
{
	struct tenant own = *p->tenant;
	own.id = p->id;
	enum error err = check_against(&own, &own, p->why);
	for (size_t i = 0; !err && i < tenants_count(s); i++)
		if (tenants_at(s, i)->id != p->id) err = check_against(&own, tenants_at(s, i), p->why);
	return err;
}

static enum error next_id(struct db_txn *t, uint32_t *id)
{
	uint64_t next;
	enum error err = meta_get(t, META_NEXT_ID, &next);
	if (err) return err;
	if (next == 0) next = 1;
	if (next > UINT32_MAX) return ERR_LIMIT;
	*id = (uint32_t)next;
	return meta_put(t, META_NEXT_ID, next + 1);
}

static enum error write_row(struct db_txn *t, const struct put *p)
{
	struct id_key k;
	void *room;
	size_t n = strlen(p->json);
	enum error err = db_reserve(t, DB_tenants, id_key(&k, p->id), n + 1, &room);
	if (err) return err;
	*(char *)room = ROW_VERSION;
	memcpy((char *)room + 1, p->json, n);
	char name_row[5];
	struct octet_writer w = octet_writer(name_row, sizeof name_row);
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u32(&w, p->id);
	err = db_put(t, DB_tenant_names, slice_str(p->tenant->name), octet_written(&w));
	return err ? err : meta_bump(t, META_GENERATION);
}

static enum error put_checked(struct db_txn *t, struct put *p, const struct tenants *s)
{
	const struct tenant *before = p->id ? tenants_by_id(s, p->id) : NULL;
	if (p->id && !before) return ERR_NOT_FOUND;
	enum error err = check_all(p, s);
	if (!err && !before) err = next_id(t, &p->id);
	if (!err && before && strcmp(before->name, p->tenant->name) != 0)
		err = db_delete(t, DB_tenant_names, slice_str(before->name));
	if (!err && before && before->case_sensitive != p->tenant->case_sensitive)
		err = directory_refold(t, p->id, p->tenant->case_sensitive);
	return err ? err : write_row(t, p);
}

static enum error put(struct db_txn *t, void *arg)
{
	struct put *p = arg;
	struct tenants *s;
	p->id = p->tenant->id;
	enum error err = load(t, &s, p->why);
	if (err) return err;
	err = put_checked(t, p, s);
	tenants_unref(s);
	return err;
}

enum error tenants_put(struct db *state, const struct tenant *t, uint32_t *id_out, char why[256])
{
	why[0] = '\0';
	enum error err = tenant_validate(t, why);
	if (err) return err;
	char *json = tenant_encode(t);
	struct put p = {.tenant = t, .json = json, .why = why};
	err = json ? db_update(state, put, &p) : ERR_INVALID;
	free(json);
	if (err && !why[0]) snprintf(why, 256, "%s", error_text(err));
	if (!err && id_out) *id_out = p.id;
	return err;
}

static enum error drop(struct db_txn *t, void *arg)
{
	const struct slice *name = arg;
	struct slice value;
	enum error err = db_get(t, DB_tenant_names, *name, &value);
	if (err) return err;
	struct octet_reader r = octet_reader(value);
	octet_get_u8(&r);
	uint32_t id = octet_get_u32(&r);
	struct id_key k;
	if (r.failed) return ERR_CORRUPT;
	err = db_delete(t, DB_tenants, id_key(&k, id));
	if (!err) err = db_delete(t, DB_tenant_names, *name);
	if (!err) err = directory_forget(t, id, (struct slice){NULL, 0});
	if (!err) err = learned_forget_tenant(t, id);
	if (!err) err = keys_forget(t, id);
	if (!err) err = coverages_forget(t, id);
	return err ? err : meta_bump(t, META_GENERATION);
}

enum error tenants_remove(struct db *state, struct slice name)
{
	return name.n >= 1 && name.n <= 63 ? db_update(state, drop, &name) : ERR_NOT_FOUND;
}
