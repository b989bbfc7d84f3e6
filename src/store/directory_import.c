/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_import - a whole list at once
 *
 * All addresses are read into chunks of memory, an entry of 16 octets each besides its text, gathered by domain and sorted as the table is. Then,
 * in one write transaction, each domain's list is compared with what is stored: what is only stored is noted for removal, what is only given is
 * marked, and when the removals are not too many both are carried out. The comparison is done within the transaction, so that an
 * address that somebody adds meanwhile is not overlooked.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/octets.h"
#include "store/directory_table.h"

#define CHUNK          (1024 * 1024)
#define PROGRESS_EVERY 65536

struct chunk {
	struct chunk *older;
	size_t used;
	char room[CHUNK - 32];
};

enum { TEXT_NEW = 1, TEXT_GIVEN = 2 };
/* A text is: flags, length, the local part as stored, and, with TEXT_GIVEN, as given (of the same length). */
struct entry {
	uint64_t start; /* its first octets as a number: most comparisons need no more */
	char *text;
};

struct domain {
	struct slice name; /* NUL-terminated */
	struct entry *entries;
	size_t count, room;
	struct domain *next; /* in order of names, once sorted */
};

struct import {
	const struct directory_import *in;
	struct directory_result *result;
	struct chunk *texts; /* of what was given */
	struct chunk *
		removals; /* local parts to remove, each with its length in front; emptied when the transaction is run again */
	struct domain **table; /* open addressing by name, at most half full */
	size_t domain_count, table_size;
	struct domain *sorted;
	uint64_t stored; /* in the domains concerned */
	bool appending;
	int64_t now;
};

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static char *chunk_alloc(struct chunk **list, size_t n)
{
	struct chunk *c = *list;
	if (!c || n > sizeof c->room - c->used) {
		c = malloc(sizeof *c);
		if (!c) return NULL;
		c->older = *list;
		c->used = 0;
		*list = c;
	}
	char *p = c->room + c->used;
	c->used += n;
	return p;
}

static void chunk_free(struct chunk **list)
{
	for (struct chunk *c = *list, *older; c; c = older) {
		older = c->older;
		free(c);
	}
	*list = NULL;
}

static void import_free(struct import *im)
{
	for (size_t i = 0; i < im->table_size; i++)
		if (im->table[i]) {
			free(im->table[i]->entries);
			free(im->table[i]);
		}
	free(im->table);
	chunk_free(&im->texts);
	chunk_free(&im->removals);
}

static struct domain **place_of(struct domain **table, size_t size, struct slice name)
{
	size_t i = slice_hash(name) & (size - 1);
	while (table[i] && !slice_equal(table[i]->name, name)) i = (i + 1) & (size - 1);
	return &table[i];
}

static bool grow_table(struct import *im)
{
	size_t size = im->table_size ? im->table_size * 2 : 16;
	struct domain **table = calloc(size, sizeof(struct domain *));
	if (!table) return false;
	for (size_t i = 0; i < im->table_size; i++)
		if (im->table[i]) *place_of(table, size, im->table[i]->name) = im->table[i];
	free(im->table);
	im->table = table;
	im->table_size = size;
	return true;
}

static struct domain *domain_of(struct import *im, struct slice name)
{
	if (im->domain_count * 2 >= im->table_size && !grow_table(im)) return NULL;
	struct domain **place = place_of(im->table, im->table_size, name);
	if (*place) return *place;
	struct domain *d = calloc(1, sizeof *d);
	char *copy = chunk_alloc(&im->texts, name.n + 1);
	if (!d || !copy) {
		free(d);
		return NULL;
	}
	memcpy(copy, name.p, name.n);
	copy[name.n] = '\0';
	d->name = slice_of(copy, name.n);
	im->domain_count++;
	return *place = d;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static struct slice entry_local(const struct entry *e)
{
	return slice_of(e->text + 2, (uint8_t)e->text[1]);
}

static uint64_t start_of(struct slice local)
{
	char octets[8] = {0};
	uint64_t n;
	memcpy(octets, local.p, local.n < 8 ? local.n : 8);
	memcpy(&n, octets, sizeof n);
	return be64toh(n);
}

static bool add_entry(struct import *im, struct domain *d, struct slice given)
{
	char folded[DIRECTORY_LOCAL_MOST];
	bool keep = !im->in->tenant->case_sensitive && directory_fold(given, folded);
	struct slice stored = keep ? slice_of(folded, given.n) : given;
	if (d->count == d->room) {
		size_t room = d->room ? d->room * 2 : 16;
		struct entry *entries = reallocarray(d->entries, room, sizeof *entries);
		if (!entries) return false;
		d->entries = entries;
		d->room = room;
	}
	char *text = chunk_alloc(&im->texts, 2 + given.n * (keep ? 2 : 1));
	if (!text) return false;
	text[0] = keep ? TEXT_GIVEN : 0;
	text[1] = (char)given.n;
	memcpy(text + 2, stored.p, stored.n);
	if (keep) memcpy(text + 2 + given.n, given.p, given.n);
	d->entries[d->count++] = (struct entry){.start = start_of(stored), .text = text};
	return true;
}

static void progress(const struct import *im, const char *phase, uint64_t done, uint64_t total)
{
	if (im->in->progress) im->in->progress(im->in->arg, phase, done, total);
}

static enum error read_line(struct import *im, struct slice line, uint64_t number)
{
	char room[DIRECTORY_LOCAL_MOST + DIRECTORY_DOMAIN_MOST];
	struct slice local, name;
	const char *why = directory_split(im->in->tenant, line, slice_str(im->in->domain), room, &local, &name);
	if (why) {
		im->result->invalid++;
		if (im->in->bad) im->in->bad(im->in->arg, number, line, why);
		return ERR_OK;
	}
	struct domain *d = domain_of(im, name);
	if (!d || !add_entry(im, d, local)) return ERR_NO_MEMORY;
	im->result->read++;
	return ERR_OK;
}

static enum error read_all(struct import *im)
{
	struct slice line;
	uint64_t number = 0, lines = 0;
	int more;
	if (im->in->domain && !domain_of(im, slice_str(im->in->domain))) return ERR_NO_MEMORY;
	while ((more = im->in->next(im->in->arg, &line, &number)) > 0) {
		enum error err = read_line(im, line, number);
		if (err) return err;
		if (++lines % PROGRESS_EVERY == 0) progress(im, "reading", lines, 0);
	}
	progress(im, "reading", lines, lines);
	return more < 0 ? ERR_IO : ERR_OK;
}

/* ---- sorting ------------------------------------------------------------------------------------------------------ */

static int by_local(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->start != y->start) return x->start < y->start ? -1 : 1;
	return slice_compare(entry_local(x), entry_local(y));
}

static int by_name(const void *a, const void *b)
{
	return slice_compare((*(const struct domain *const *)a)->name, (*(const struct domain *const *)b)->name);
}

static void sort_entries(struct domain *d)
{
	size_t n = 0;
	if (d->count < 2) return;
	qsort(d->entries, d->count, sizeof *d->entries, by_local);
	for (size_t i = 0; i < d->count; i++)
		if (n == 0 || by_local(&d->entries[n - 1], &d->entries[i]) != 0) d->entries[n++] = d->entries[i];
	d->count = n;
}

/* The domains as a list in order, and the entries of each in order and once only. */
static enum error sort_all(struct import *im)
{
	struct domain **list = calloc(im->domain_count + 1, sizeof(struct domain *));
	size_t n = 0;
	uint64_t done = 0;
	if (!list) return ERR_NO_MEMORY;
	for (size_t i = 0; i < im->table_size; i++)
		if (im->table[i]) list[n++] = im->table[i];
	if (n > 1) qsort(list, n, sizeof *list, by_name);
	for (size_t i = n; i > 0; i--) {
		list[i - 1]->next = im->sorted;
		im->sorted = list[i - 1];
		done += list[i - 1]->count;
		sort_entries(list[i - 1]);
		progress(im, "sorting", done, im->result->read);
	}
	free(list);
	return ERR_OK;
}

/* ---- comparing with what is stored -------------------------------------------------------------------------------- */

static enum error note_removal(struct import *im, const struct domain *d, struct slice local)
{
	char *p = chunk_alloc(&im->removals, sizeof d + 1 + local.n);
	if (!p) return ERR_NO_MEMORY;
	memcpy(p, &d, sizeof d);
	p[sizeof d] = (char)local.n;
	memcpy(p + sizeof d + 1, local.p, local.n);
	im->result->removed++;
	return ERR_OK;
}

static void note_new(struct import *im, struct entry *e)
{
	e->text[0] |= TEXT_NEW;
	im->result->added++;
}

static enum error compare_domain(struct import *im, struct db_cursor *c, struct domain *d)
{
	struct directory_key k;
	struct slice key, name, local;
	size_t i = 0;
	directory_key(&k, im->in->tenant->id, d->name, (struct slice){NULL, 0});
	for (size_t n = 0; n < d->count; n++) d->entries[n].text[0] &= ~TEXT_NEW;
	enum error err = db_cursor_seek(c, directory_key_slice(&k), &key, NULL);
	for (; !err && slice_starts(key, directory_key_slice(&k)); err = db_cursor_next(c, &key, NULL)) {
		if (!directory_key_parts(key, im->in->tenant->id, &name, &local)) return ERR_CORRUPT;
		im->stored++;
		while (i < d->count && slice_compare(entry_local(&d->entries[i]), local) < 0)
			note_new(im, &d->entries[i++]);
		if (i < d->count && slice_equal(entry_local(&d->entries[i]), local)) {
			im->result->kept++;
			i++;
		} else if ((err = note_removal(im, d, local))) {
			return err;
		}
	}
	while (i < d->count) note_new(im, &d->entries[i++]);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error compare(struct import *im, struct db_txn *t)
{
	struct db_cursor *c;
	im->result->added = im->result->removed = im->result->kept = 0;
	im->stored = 0;
	chunk_free(&im->removals);
	enum error err = db_cursor_open(t, DB_directory, &c);
	if (err) return err;
	for (struct domain *d = im->sorted; !err && d; d = d->next) err = compare_domain(im, c, d);
	db_cursor_close(c);
	if (err) return err;
	im->result->refused = im->result->removed > im->stored / 10 && !im->in->force;
	return ERR_OK;
}

/* ---- carrying out ------------------------------------------------------------------------------------------------- */

static enum error remove_noted(struct import *im, struct db_txn *t)
{
	enum error err = ERR_OK;
	for (struct chunk *chunk = im->removals; chunk; chunk = chunk->older)
		for (size_t at = 0; !err && at < chunk->used;) {
			const struct domain *d;
			struct directory_key k;
			memcpy(&d, chunk->room + at, sizeof d);
			at += sizeof d;
			size_t n = (uint8_t)chunk->room[at++];
			directory_key(&k, im->in->tenant->id, d->name, slice_of(chunk->room + at, n));
			at += n;
			err = db_delete(t, DB_directory, directory_key_slice(&k));
		}
	return err;
}

static enum error store_entry(struct import *im, struct db_txn *t, struct directory_key *k, size_t prefix,
                              const struct entry *e)
{
	char room[DIRECTORY_VALUE_MOST];
	struct slice local = entry_local(e);
	struct slice given = e->text[0] & TEXT_GIVEN ? slice_of(local.p + local.n, local.n) : local;
	struct slice value = directory_value(room, given, local);
	memcpy(k->octets + prefix, local.p, local.n);
	k->n = prefix + local.n;
	if (im->appending) {
		/* Behind the last key of the table pages are filled up; elsewhere they are split in halves. */
		enum error err = db_append(t, DB_directory, directory_key_slice(k), value);
		if (err != ERR_EXISTS) return err;
		im->appending = false;
	}
	return db_put(t, DB_directory, directory_key_slice(k), value);
}

static enum error store_domain(struct import *im, struct db_txn *t, const struct domain *d, uint64_t *done)
{
	struct directory_key k;
	enum error err = ERR_OK;
	directory_key(&k, im->in->tenant->id, d->name, (struct slice){NULL, 0});
	size_t prefix = k.n;
	im->appending = true;
	for (size_t i = 0; !err && i < d->count; i++) {
		if (!(d->entries[i].text[0] & TEXT_NEW)) continue;
		err = store_entry(im, t, &k, prefix, &d->entries[i]);
		if (++*done % PROGRESS_EVERY == 0) progress(im, "storing", *done, im->result->added);
	}
	struct directory_domain row = {.count = d->count, .imported = im->now};
	return err ? err : directory_domain_put(t, im->in->tenant->id, d->name, &row);
}

static enum error merge(struct db_txn *t, void *arg)
{
	struct import *im = arg;
	uint64_t done = 0;
	enum error err = compare(im, t);
	if (err) return err;
	if (im->result->refused) return ERR_LIMIT;
	err = remove_noted(im, t);
	for (struct domain *d = im->sorted; !err && d; d = d->next) err = store_domain(im, t, d, &done);
	if (!err) progress(im, "storing", im->result->added, im->result->added);
	return err;
}

static enum error rehearse(struct import *im, struct db *state)
{
	struct db_txn *t;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = compare(im, t);
	db_end_read(t);
	return err;
}

static enum error run(struct import *im, struct db *state)
{
	enum error err = read_all(im);
	if (!err) err = sort_all(im);
	if (!err) err = im->in->dry_run ? rehearse(im, state) : db_update(state, merge, im);
	return err;
}

enum error directory_import(struct db *state, const struct directory_import *in, struct directory_result *result,
                            char why[256])
{
	struct import im = {.in = in, .result = result, .now = clock_unix()};
	*result = (struct directory_result){0};
	why[0] = '\0';
	if (in->domain && !tenant_owns(in->tenant, slice_str(in->domain))) {
		snprintf(why, 256, "%.100s is not a domain of tenant %.63s", in->domain, in->tenant->name);
		return ERR_INVALID;
	}
	enum error err = run(&im, state);
	import_free(&im);
	if (err && result->refused)
		snprintf(why, 256, "%llu of %llu stored addresses would be removed, more than a tenth",
		         (unsigned long long)result->removed, (unsigned long long)im.stored);
	else if (err)
		snprintf(why, 256, "%s", error_text(err));
	return err;
}
