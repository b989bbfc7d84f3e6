/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields - see fields.h
 *
 * A hash table by name holds the lowest field of each; `above` links the fields of one name upward. What was taken of
 * a name stands at its lowest field.
 */
#include "auth/fields.h"

struct entry {
	const char *raw;
	uint32_t n, name_n; /* octets of the field, of its name; a malformed one has no name and is in no chain */
	uint32_t above;
	uint32_t next, round; /* at the lowest of a name: the next to be taken, valid in that round only */
};

struct fields {
	struct entry *all;
	uint32_t count, round;
	uint32_t *table, mask; /* of lowest fields */
};

static struct slice name_of(const struct entry *e)
{
	return slice_of(e->raw, e->name_n);
}

/* The place of name in the table: of its lowest field, or free. */
static uint32_t *place(const struct fields *f, struct slice name)
{
	uint32_t i = (uint32_t)slice_hash_nocase(name) & f->mask;
	while (f->table[i] != FIELDS_NONE && !slice_equal_nocase(name_of(&f->all[f->table[i]]), name))
		i = (i + 1) & f->mask;
	return &f->table[i];
}

static void add(struct fields *f, const struct header_field *field)
{
	uint32_t i = f->count++;
	struct entry *e = &f->all[i];
	*e = (struct entry){.raw = field->raw.p,
	                    .n = (uint32_t)field->raw.n,
	                    .name_n = (uint32_t)field->name.n,
	                    .above = FIELDS_NONE};
	if (field->malformed) return;
	uint32_t *lowest = place(f, field->name);
	e->above = *lowest;
	*lowest = i;
}

static size_t count_fields(struct slice header)
{
	struct header_iterator it;
	struct header_field field;
	size_t count = 0;
	for (header_begin(&it, header); header_next(&it, &field);) count++;
	return count;
}

enum error fields_read(struct arena *a, struct slice header, struct fields **out)
{
	struct header_iterator it;
	struct header_field field;
	size_t size = 16, count = header.n < UINT32_MAX ? count_fields(header) : 0;
	*out = NULL;
	if (header.n >= UINT32_MAX) return ERR_LIMIT;
	while (size < count + count / 2) size *= 2;
	struct fields *f = ARENA_NEW(a, struct fields);
	struct entry *all = arena_alloc(a, count * sizeof *all);
	uint32_t *table = arena_alloc(a, size * sizeof *table);
	if (!f || !all || !table) return ERR_NO_MEMORY;
	memset(table, 0xFF, size * sizeof *table);
	*f = (struct fields){.all = all, .table = table, .mask = (uint32_t)size - 1, .round = 1};
	for (header_begin(&it, header); header_next(&it, &field);) add(f, &field);
	*out = f;
	return ERR_OK;
}

uint32_t fields_count(const struct fields *f)
{
	return f->count;
}

struct header_field fields_at(const struct fields *f, uint32_t i)
{
	struct header_iterator it;
	struct header_field field;
	header_begin(&it, slice_of(f->all[i].raw, f->all[i].n));
	header_next(&it, &field);
	return field;
}

uint32_t fields_lowest(const struct fields *f, struct slice name)
{
	return *place(f, name);
}

uint32_t fields_above(const struct fields *f, uint32_t i)
{
	return f->all[i].above;
}

uint32_t fields_named(const struct fields *f, struct slice name)
{
	uint32_t count = 0;
	for (uint32_t i = fields_lowest(f, name); i != FIELDS_NONE; i = fields_above(f, i)) count++;
	return count;
}

void fields_restart(struct fields *f)
{
	f->round++;
}

bool fields_take(struct fields *f, struct slice name, uint32_t except, struct header_field *out)
{
	uint32_t lowest = fields_lowest(f, name);
	if (lowest == FIELDS_NONE) return false;
	struct entry *e = &f->all[lowest];
	uint32_t i = e->round == f->round ? e->next : lowest;
	if (i != FIELDS_NONE && i == except) i = fields_above(f, i);
	e->round = f->round;
	e->next = i == FIELDS_NONE ? i : fields_above(f, i);
	if (i != FIELDS_NONE) *out = fields_at(f, i);
	return i != FIELDS_NONE;
}
