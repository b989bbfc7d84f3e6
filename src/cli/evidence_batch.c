/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acts as JSON lines. Those that a read of standard input brought are stored in one commit, so that many are quick and
 * a peer that sends one and waits gets its answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/evidence.h"

#define INPUT_MOST (4 * 1024 * 1024) /* of a line, and of a read */
#define GROUP      256               /* acts of a commit */
#define ARENA_MOST ((size_t)64 << 20)

struct batch {
	struct db *state;
	struct arena arena;
	json_t *questions[GROUP]; /* of the acts that wait: texts point into them */
	struct act acts[GROUP];
	size_t n;
};

static void answer(const json_t *question, const char *error)
{
	json_t *o = json_object(), *id = json_object_get(question, "id");
	json_object_set_new(o, "id", id ? json_incref(id) : json_null());
	if (error)
		json_object_set_new(o, "error", cli_json_text(error));
	else
		json_object_set_new(o, "added", json_true());
	cli_print_json(o);
}

static void store(struct batch *b)
{
	enum error err = b->n ? acts_add(b->state, b->acts, b->n) : ERR_OK;
	for (size_t i = 0; i < b->n; i++) {
		answer(b->questions[i], err ? error_text(err) : NULL);
		json_decref(b->questions[i]);
	}
	b->n = 0;
	arena_reset(&b->arena);
	fflush(stdout);
}

/* False: the member is there and no text. */
static bool text_of(const json_t *question, const char *name, const char **out, char why[EVIDENCE_WHY])
{
	const json_t *value = json_object_get(question, name);
	*out = json_string_value(value);
	if (!value || json_is_null(value) || *out) return true;
	snprintf(why, EVIDENCE_WHY, "%s is not a text", name);
	return false;
}

static bool read_given(const json_t *q, struct evidence_given *g, char why[EVIDENCE_WHY])
{
	const char *specimen;
	const json_t *time = json_object_get(q, "time");
	if (!text_of(q, "ip", &g->ip, why) || !text_of(q, "class", &g->class, why) ||
	    !text_of(q, "target", &g->target, why) || !text_of(q, "witness", &g->witness, why) ||
	    !text_of(q, "reporter", &g->reporter, why) || !text_of(q, "specimen", &specimen, why))
		return false;
	g->specimen = slice_sub(slice_str(specimen), 0, EVIDENCE_MESSAGE);
	g->time = json_integer_value(time);
	if (!time || json_is_null(time) || (json_is_integer(time) && g->time)) return true;
	snprintf(why, EVIDENCE_WHY, "time is not a Unix time");
	return false;
}

static void take_line(struct batch *b, struct slice line)
{
	char why[EVIDENCE_WHY];
	json_error_t error;
	struct evidence_given given = {0};
	if (!slice_trim(line).n) return;
	json_t *question = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(question))
		answer(question, question ? "not a JSON object" : "not JSON");
	else if (!read_given(question, &given, why) || !evidence_make(&b->arena, b->state, &given, &b->acts[b->n], why))
		answer(question, why);
	else
		b->questions[b->n++] = json_incref(question);
	json_decref(question);
	if (b->n == GROUP) store(b);
}

/* Takes the whole lines out of the input; at its end also what has no line end. */
static void take_lines(struct batch *b, char *input, size_t *n, bool end)
{
	struct slice rest = slice_of(input, *n);
	for (size_t at; (at = slice_find(rest, '\n')) < rest.n; rest = slice_sub(rest, at + 1, rest.n))
		take_line(b, slice_sub(rest, 0, at));
	if (end) {
		take_line(b, rest);
		rest.n = 0;
	} else if (rest.n == INPUT_MOST) {
		answer(NULL, "the line is too long");
		rest.n = 0; /* what follows of it is no JSON */
	}
	memmove(input, rest.p, rest.n);
	*n = rest.n;
	store(b);
}

int evidence_batch(struct db *state)
{
	struct batch *b = calloc(1, sizeof *b);
	char *input = malloc(INPUT_MOST);
	size_t n = 0;
	ssize_t got = -1;
	errno = ENOMEM;
	if (b && input) {
		b->state = state;
		arena_init(&b->arena, ARENA_MOST);
		do {
			got = read(STDIN_FILENO, input + n, INPUT_MOST - n);
			if (got < 0 && errno == EINTR) continue;
			if (got > 0) n += (size_t)got;
			take_lines(b, input, &n, got == 0);
		} while (got > 0 || (got < 0 && errno == EINTR));
		arena_free(&b->arena);
	}
	if (got < 0) cli_complain("standard input: %s", strerror(errno));
	free(input);
	free(b);
	return got < 0 ? CLI_CANNOT : CLI_DONE;
}
