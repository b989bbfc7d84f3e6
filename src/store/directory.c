/* SPDX-License-Identifier: Apache-2.0 */
#include "store/directory.h"

#include <stdio.h>

#include "base/arena.h"
#include "store/directory_table.h"
#include "store/learned.h"

#define BATCH 512 /* addresses copied in one read transaction of directory_export */

/* ---- look-up ------------------------------------------------------------------------------------------------------ */

static bool has(struct db_txn *t, const struct tenant *tenant, struct slice domain, struct slice local, enum error *err)
{
	struct directory_key k;
	char folded[DIRECTORY_LOCAL_MOST];
	if (*err || local.n > DIRECTORY_LOCAL_MOST) return false;
	if (!tenant->case_sensitive) {
		directory_fold(local, folded);
		local = slice_of(folded, local.n);
	}
	directory_key(&k, tenant->id, domain, local);
	enum error e = db_get(t, DB_directory, directory_key_slice(&k), NULL);
	if (e && e != ERR_NOT_FOUND) *err = e;
	return !e;
}

static bool is_known(struct db_txn *t, const struct tenant *tenant, struct slice local, struct slice domain,
                     enum error *err)
{
	if (local.n > 0 && has(t, tenant, domain, local, err)) return true;
	size_t plus = tenant->plus ? slice_find(local, tenant->plus) : local.n;
	if (plus > 0 && plus < local.n && has(t, tenant, domain, slice_sub(local, 0, plus), err)) return true;
	return tenant->catch_all && has(t, tenant, domain, SLICE_EMPTY, err);
}

static enum directory_answer look(struct db_txn *t, const struct tenant *tenant, struct slice local,
                                  struct slice domain, enum error *err)
{
	struct directory_domain row;
	if (is_known(t, tenant, local, domain, err)) return DIRECTORY_KNOWN;
	enum error e = *err ? *err : directory_domain_get(t, tenant->id, domain, &row);
	if (e) { /* no list: the downstream knows; and a damaged one is no reason to refuse anybody */
		if (e != ERR_NOT_FOUND) *err = e;
		return DIRECTORY_ASK;
	}
	if (slice_equal_nocase(local, SLICE("postmaster"))) return DIRECTORY_KNOWN; /* RFC 5321 4.5.1 */
	return tenant->directory == DIRECTORY_PARTIAL ? DIRECTORY_ASK : DIRECTORY_UNKNOWN;
}

enum directory_answer directory_lookup(struct db *state, const struct tenant *t, struct slice local,
                                       struct slice domain, enum error *error)
{
	struct db_txn *txn;
	enum directory_answer answer = DIRECTORY_ASK;
	if (domain.n == 0 || domain.n > DIRECTORY_DOMAIN_MOST) {
		if (error) *error = ERR_INVALID;
		return DIRECTORY_ASK;
	}
	enum error err = db_begin_read(state, &txn);
	if (!err) {
		answer = look(txn, t, local, domain, &err);
		db_end_read(txn);
	}
	if (error) *error = err;
	return err ? DIRECTORY_ASK : answer;
}

/* ---- single addresses --------------------------------------------------------------------------------------------- */

struct single {
	const struct tenant *tenant;
	struct slice given, stored, domain;
	char *why;
};

static enum error add(struct db_txn *t, void *arg)
{
	struct single *s = arg;
	struct directory_key k;
	struct directory_domain row = {0};
	char room[DIRECTORY_VALUE_MOST];
	/* Who adds it says that it lives. */
	enum error err = learned_erase(t, &(struct learned_name){.tenant = s->tenant->id,
	                                                         .case_sensitive = s->tenant->case_sensitive,
	                                                         .domain = s->domain,
	                                                         .local = s->given});
	bool revived = !err;
	if (err && err != ERR_NOT_FOUND) return err;
	err = directory_domain_get(t, s->tenant->id, s->domain, &row);
	if (err == ERR_NOT_FOUND && s->tenant->directory == DIRECTORY_COMPLETE) {
		snprintf(s->why, 256,
		         "%.100s has no list yet, and with one address in it all others would be unknown: "
		         "import a list",
		         s->domain.p);
		return err;
	}
	if (err && err != ERR_NOT_FOUND) return err;
	directory_key(&k, s->tenant->id, s->domain, s->stored);
	err = db_get(t, DB_directory, directory_key_slice(&k), NULL);
	if (err != ERR_NOT_FOUND) return err || revived ? err : ERR_EXISTS;
	err = db_put(t, DB_directory, directory_key_slice(&k), directory_value(room, s->given, s->stored));
	row.count++;
	return err ? err : directory_domain_put(t, s->tenant->id, s->domain, &row);
}

static enum error drop(struct db_txn *t, void *arg)
{
	struct single *s = arg;
	struct directory_key k;
	struct directory_domain row;
	directory_key(&k, s->tenant->id, s->domain, s->stored);
	enum error err = db_delete(t, DB_directory, directory_key_slice(&k));
	if (!err) err = directory_domain_get(t, s->tenant->id, s->domain, &row);
	if (err) return err;
	if (row.count > 0) row.count--;
	return directory_domain_put(t, s->tenant->id, s->domain, &row);
}

static enum error single(struct db *state, const struct tenant *tenant, struct slice address,
                         enum error (*change)(struct db_txn *, void *), char why[256])
{
	char room[DIRECTORY_LOCAL_MOST + DIRECTORY_DOMAIN_MOST], folded[DIRECTORY_LOCAL_MOST];
	char name[DIRECTORY_DOMAIN_MOST + 1];
	struct single s = {.tenant = tenant, .why = why};
	why[0] = '\0';
	const char *wrong = directory_split(tenant, address, SLICE_EMPTY, room, &s.given, &s.domain);
	if (wrong) {
		snprintf(why, 256, "%s", wrong);
		return ERR_INVALID;
	}
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(s.domain));
	s.domain = slice_of(name, s.domain.n);
	s.stored = s.given;
	if (!tenant->case_sensitive) {
		directory_fold(s.given, folded);
		s.stored = slice_of(folded, s.given.n);
	}
	enum error err = db_update(state, change, &s);
	if (err == ERR_EXISTS && !why[0]) snprintf(why, 256, "it is in the list already");
	if (err == ERR_NOT_FOUND && !why[0]) snprintf(why, 256, "it is not in the list");
	if (err && !why[0]) snprintf(why, 256, "%s", error_text(err));
	return err;
}

enum error directory_add(struct db *state, const struct tenant *t, struct slice address, char why[256])
{
	return single(state, t, address, add, why);
}

enum error directory_remove(struct db *state, const struct tenant *t, struct slice address, char why[256])
{
	return single(state, t, address, drop, why);
}

struct drop_list {
	uint32_t tenant;
	struct slice domain;
};

static enum error drop_list(struct db_txn *t, void *arg)
{
	const struct drop_list *d = arg;
	struct directory_domain row;
	enum error err = directory_domain_get(t, d->tenant, d->domain, &row);
	return err == ERR_NOT_FOUND ? err : directory_forget(t, d->tenant, d->domain);
}

enum error directory_drop(struct db *state, const struct tenant *t, const char *domain)
{
	struct drop_list d = {.tenant = t->id, .domain = slice_str(domain)};
	return d.domain.n >= 1 && d.domain.n <= DIRECTORY_DOMAIN_MOST ? db_update(state, drop_list, &d) : ERR_NOT_FOUND;
}

/* ---- export ------------------------------------------------------------------------------------------------------- */

struct batch {
	const struct tenant *tenant;
	struct slice prefix; /* keys that are wanted */
	struct arena arena;
	struct slice addresses[BATCH];
	size_t count;
	struct directory_key next;
	bool more;
};

/* RFC 5321 4.1.2: what is not a Dot-string is written as a Quoted-string. */
static bool needs_quotes(struct slice local)
{
	if (local.n > 0 && (local.p[0] == '.' || local.p[local.n - 1] == '.')) return true;
	for (size_t i = 0; i < local.n; i++) {
		if (strchr(" ,;:<>()[]\"\\@", local.p[i])) return true;
		if (local.p[i] == '.' && i > 0 && local.p[i - 1] == '.') return true;
	}
	return false;
}

static struct slice address_text(struct arena *a, struct slice local, struct slice domain)
{
	char quoted[2 * DIRECTORY_LOCAL_MOST + 2];
	size_t n = 0;
	if (!needs_quotes(local)) return arena_printf(a, "%.*s@%.*s", SLICE_ARG(local), SLICE_ARG(domain));
	quoted[n++] = '"';
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\') quoted[n++] = '\\';
		quoted[n++] = local.p[i];
	}
	quoted[n++] = '"';
	return arena_printf(a, "%.*s@%.*s", (int)n, quoted, SLICE_ARG(domain));
}

static enum error fill_from(struct batch *b, struct db_cursor *c)
{
	struct slice key, value, domain, local;
	enum error err = db_cursor_seek(c, directory_key_slice(&b->next), &key, &value);
	for (; !err && slice_starts(key, b->prefix); err = db_cursor_next(c, &key, &value)) {
		if (!directory_key_parts(key, b->tenant->id, &domain, &local)) continue;
		if (b->count == BATCH) {
			directory_key(&b->next, b->tenant->id, domain, local);
			b->more = true;
			return ERR_OK;
		}
		struct slice text = address_text(&b->arena, directory_value_local(value, local), domain);
		if (!text.p) return ERR_NO_MEMORY;
		b->addresses[b->count++] = text;
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error fill(struct batch *b, struct db *state)
{
	struct db_txn *t;
	struct db_cursor *c;
	arena_reset(&b->arena);
	b->count = 0;
	b->more = false;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = db_cursor_open(t, DB_directory, &c);
	if (!err) err = fill_from(b, c);
	db_cursor_close(c);
	db_end_read(t);
	return err;
}

enum error directory_export(struct db *state, const struct tenant *t, const char *domain,
                            bool (*each)(struct slice, void *), void *arg)
{
	struct directory_key prefix;
	struct batch b = {.tenant = t, .more = true};
	struct slice only = domain ? slice_str(domain) : (struct slice){NULL, 0};
	enum error err = ERR_OK;
	bool go_on = true;
	if (only.n > DIRECTORY_DOMAIN_MOST) return ERR_NOT_FOUND;
	directory_key(&prefix, t->id, only, (struct slice){NULL, 0});
	b.prefix = directory_key_slice(&prefix);
	b.next = prefix;
	arena_init(&b.arena, BATCH * 1024);
	while (go_on && b.more && !(err = fill(&b, state)))
		for (size_t i = 0; go_on && i < b.count; i++) go_on = each(b.addresses[i], arg);
	arena_free(&b.arena);
	return err;
}

/* ---- domains ------------------------------------------------------------------------------------------------------ */

struct domain_row {
	struct domain_row *next;
	const char *name;
	struct directory_domain row;
};

static enum error read_domains(struct db_txn *t, uint32_t tenant, struct arena *a, struct domain_row **tail)
{
	struct db_cursor *c;
	struct directory_key k;
	struct slice key, value;
	directory_key(&k, tenant, (struct slice){NULL, 0}, (struct slice){NULL, 0});
	struct slice prefix = directory_key_slice(&k);
	enum error err = db_cursor_open(t, DB_directory_domains, &c);
	if (err) return err;
	err = db_cursor_seek(c, prefix, &key, &value);
	for (; !err && slice_starts(key, prefix); err = db_cursor_next(c, &key, &value)) {
		struct domain_row *r = ARENA_NEW(a, struct domain_row);
		struct slice name = slice_sub(key, prefix.n, key.n);
		err = name.n > DIRECTORY_DOMAIN_MOST ? ERR_CORRUPT
		      : r                            ? directory_domain_get(t, tenant, name, &r->row)
		                                     : ERR_NO_MEMORY;
		if (!err && !(r->name = arena_strdup(a, name))) err = ERR_NO_MEMORY;
		if (err) break;
		*tail = r;
		tail = &r->next;
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error directory_domains(struct db *state, const struct tenant *t,
                             void (*each)(const char *domain, uint64_t count, int64_t imported, void *), void *arg)
{
	struct arena a;
	struct domain_row *list = NULL;
	struct db_txn *txn;
	arena_init(&a, SIZE_MAX / 2);
	enum error err = db_begin_read(state, &txn);
	if (!err) {
		err = read_domains(txn, t->id, &a, &list);
		db_end_read(txn);
	}
	for (struct domain_row *r = list; !err && r; r = r->next) each(r->name, r->row.count, r->row.imported, arg);
	arena_free(&a);
	return err;
}
