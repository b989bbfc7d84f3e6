/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list_import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "cli/unit.h"
#include "store/listings.h"
#include "store/unit_key.h"

#define CHUNK     250000 /* listings in one commit */
#define TOLD_MOST 20     /* bad lines that are told one by one */

struct import {
	const struct list_import *how;
	struct arena texts;
	struct listing *rows;
	size_t n, room;
	uint64_t line, bad;
};

static void complain(struct import *im, const char *what)
{
	if (++im->bad <= TOLD_MOST) cli_complain("line %llu: %s", (unsigned long long)im->line, what);
	if (im->bad == TOLD_MOST) cli_complain("more bad lines are only counted");
}

static struct listing *new_row(struct import *im)
{
	if (im->n == im->room) {
		size_t room = im->room ? im->room * 2 : 4096;
		struct listing *rows = realloc(im->rows, room * sizeof *rows);
		if (!rows) return NULL;
		im->rows = rows;
		im->room = room;
	}
	struct listing *l = &im->rows[im->n];
	*l = (struct listing){.flags = LISTING_MANUAL,
	                      .created = im->how->now,
	                      .expires = im->how->expires,
	                      .reason = slice_str(im->how->reason)};
	return l;
}

/* One line, without control characters, as everywhere. */
static bool take_reason(struct import *im, struct slice text, struct listing *l)
{
	text = slice_sub(slice_trim(text), 0, 255);
	if (text.n == 0) return true;
	char *copy = arena_alloc(&im->texts, text.n);
	if (!copy) return false;
	for (size_t i = 0; i < text.n; i++)
		copy[i] = (unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f ? ' ' : text.p[i];
	l->reason = slice_of(copy, text.n);
	return true;
}

static const char *take_object(struct import *im, struct slice line, struct listing *l)
{
	json_error_t error;
	json_t *o = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	const char *unit = json_string_value(json_object_get(o, "unit")), *why = NULL;
	const json_t *reason = json_object_get(o, "reason"), *expires = json_object_get(o, "expires");
	if (!json_is_object(o))
		why = "not JSON";
	else if (!unit || !unit_parse(slice_str(unit), &l->unit))
		why = "unit is not an IPv4 address, IPv6 address or IPv6 /64";
	else if (expires && !json_is_null(expires) && (!json_is_integer(expires) || json_integer_value(expires) < 0))
		why = "expires is not a Unix time";
	else if (!take_reason(im, slice_str(json_is_string(reason) ? json_string_value(reason) : ""), l))
		why = "out of memory";
	if (json_is_integer(expires)) l->expires = json_integer_value(expires);
	json_decref(o);
	return why;
}

static const char *take_words(struct import *im, struct slice line, struct listing *l)
{
	size_t end = 0;
	while (end < line.n && line.p[end] != ' ' && line.p[end] != '\t' && line.p[end] != '#') end++;
	if (!unit_parse(slice_sub(line, 0, end), &l->unit)) return "not an IPv4 address, IPv6 address or IPv6 /64";
	struct slice reason = slice_sub(line, end, line.n);
	return take_reason(im, slice_sub(reason, 0, slice_find(reason, '#')), l) ? NULL : "out of memory";
}

static bool take_line(struct import *im, struct slice line)
{
	im->line++;
	line = slice_trim(line);
	if (line.n == 0 || line.p[0] == '#') return true;
	struct listing *l = new_row(im);
	if (!l) return false;
	const char *why = line.p[0] == '{' ? take_object(im, line, l) : take_words(im, line, l);
	if (why)
		complain(im, why);
	else
		im->n++;
	return true;
}

static enum error read_all(struct import *im, FILE *f)
{
	char *text = NULL;
	size_t room = 0;
	bool fits = true;
	for (ssize_t n; fits && (n = getline(&text, &room, f)) >= 0;) fits = take_line(im, slice_of(text, (size_t)n));
	free(text);
	return !fits ? ERR_NO_MEMORY : ferror(f) ? ERR_IO : ERR_OK;
}

static int by_unit(const void *a, const void *b)
{
	const struct listing *x = a, *y = b;
	struct unit_key k = unit_key(&x->unit.ip), l = unit_key(&y->unit.ip);
	return memcmp(k.octets, l.octets, k.n < l.n ? k.n : l.n);
}

static enum error write_all(const struct import *im, struct db *state)
{
	enum error err = ERR_OK;
	for (size_t at = 0; at < im->n && !err; at += CHUNK)
		err = listings_add_many(state, im->rows + at, im->n - at < CHUNK ? im->n - at : CHUNK);
	return err;
}

static int store(struct import *im, const struct config *c)
{
	struct db *state;
	if (cli_open_db(c, DB_STATE, DB_CREATE, &state)) return CLI_CANNOT;
	qsort(im->rows, im->n, sizeof *im->rows, by_unit);
	enum error err = write_all(im, state);
	db_close(state);
	if (err) {
		cli_complain("%s", error_text(err));
		return CLI_CANNOT;
	}
	if (im->how->json)
		cli_print_json(json_pack("{sI sI}", "listed", (json_int_t)im->n, "bad", (json_int_t)im->bad));
	else
		printf("%zu listed, %llu lines were bad\n", im->n, (unsigned long long)im->bad);
	return im->bad ? CLI_NO : CLI_DONE;
}

int list_import(const struct list_import *how, const struct config *c, const char *path)
{
	struct import im = {.how = how};
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!f) {
		cli_complain("%s: %s", path, strerror(errno));
		return CLI_CANNOT;
	}
	arena_init(&im.texts, SIZE_MAX / 2);
	enum error err = read_all(&im, f);
	if (f != stdin) fclose(f);
	if (err) cli_complain("%s: %s", path, error_text(err));
	int status = err ? CLI_CANNOT : store(&im, c);
	arena_free(&im.texts);
	free(im.rows);
	return status;
}
