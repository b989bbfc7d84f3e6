/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list_import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "cli/list_line.h"
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

static bool take_line(struct import *im, struct slice line)
{
	im->line++;
	if (list_line_is_empty(line)) return true;
	struct listing *l = new_row(im);
	if (!l) return false;
	const char *why = list_line_parse(&im->texts, line, l);
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
