/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers are fibers; each takes a line, answers it and takes the next. Whoever finds no whole line reads, in a thread of the
 * pool, and the others queue behind it. A line is parsed where it lies in the buffer, before its worker waits for anything,
 * so lines are not copied; the reader moves the buffer only when no whole line is in it.
 *
 *     stdin ── read ──> in ── line ── worker ── answer ──> out ──(turn of the loop)── writer ── write ──> stdout
 */
#include "cli/tool_batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fiber.h"

#define IN_FIRST (256 * 1024)
#define OUT_MOST (256 * 1024) /* answers that wait to be written, before the workers do */

struct text {
	char *p;
	size_t n, room;
};

struct batch {
	struct tool_run *run;
	/* what was read: [start, n) is not yet taken, [start, scanned) has no newline */
	struct text in;
	size_t start, scanned;
	ssize_t got; /* of the read on its way */
	bool reading, end, too_long;
	int read_failure;
	struct waitlist hungry; /* workers without a line */
	/* what is to be written */
	struct text out, writing;
	struct event answered;
	struct waitlist full; /* workers that may not answer more */
	bool finished;
	int write_failure; /* errno: nobody takes the answers, so no more are made */
	bool no_memory;
};

static bool text_room(struct text *t, size_t n)
{
	if (n <= t->room - t->n) return true;
	size_t room = t->room ? t->room : 4096;
	while (room - t->n < n) room *= 2;
	char *p = realloc(t->p, room);
	if (!p) return false;
	t->p = p;
	t->room = room;
	return true;
}

static void text_add(struct text *t, const char *p, size_t n)
{
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------------- */

static void read_some(void *arg)
{
	struct batch *b = arg;
	do b->got = read(STDIN_FILENO, b->in.p + b->in.n, b->in.room - b->in.n);
	while (b->got < 0 && errno == EINTR);
	b->read_failure = b->got < 0 ? errno : 0;
}

/* There is no whole line: what there is moves to the front. */
static bool make_room(struct batch *b)
{
	if (b->start > 0) {
		memmove(b->in.p, b->in.p + b->start, b->in.n - b->start);
		b->in.n -= b->start;
		b->scanned -= b->start;
		b->start = 0;
	}
	if (b->in.n > TOOL_LINE) { /* its rest is read and forgotten */
		b->too_long = true;
		b->in.n = b->scanned = 0;
	}
	if (b->in.n < b->in.room) return true;
	return text_room(&b->in, b->in.room ? b->in.room : IN_FIRST);
}

static void read_more(struct batch *b)
{
	b->reading = true;
	b->no_memory |= !make_room(b);
	if (!b->no_memory) fiber_offload(read_some, b);
	b->reading = false;
	if (b->no_memory || b->got <= 0)
		b->end = true;
	else
		b->in.n += (size_t)b->got;
	waitlist_wake_one(&b->hungry);
}

/* Takes a whole line without its newline, at the end of file also a part of one. */
static bool take_line(struct batch *b, struct slice *line)
{
	const char *from = b->in.p ? b->in.p + b->scanned : "";
	const char *newline = memchr(from, '\n', b->in.n - b->scanned);
	if (!newline) {
		b->scanned = b->in.n;
		if (!b->end || (b->start == b->in.n && !b->too_long)) return false;
	}
	size_t end = newline ? (size_t)(newline - b->in.p) : b->in.n;
	*line = b->in.p ? slice_of(b->in.p + b->start, end - b->start) : SLICE_EMPTY;
	b->start = b->scanned = newline ? end + 1 : end;
	return true;
}

/* False at the end of the work. *too_long: the line was; it is not here. */
static bool next_line(struct batch *b, struct slice *line, bool *too_long)
{
	while (!b->write_failure && !b->no_memory) {
		if (!b->reading && take_line(b, line)) {
			*too_long = b->too_long || line->n > TOOL_LINE;
			b->too_long = false;
			waitlist_wake_one(&b->hungry); /* there may be more */
			return true;
		}
		if (b->end) break;
		if (b->reading)
			waitlist_wait(&b->hungry, DEADLINE_NEVER);
		else
			read_more(b);
	}
	waitlist_wake_one(&b->hungry);
	return false;
}

/* ---- writing -------------------------------------------------------------------------------------------------------------------- */

static void write_all(void *arg)
{
	struct batch *b = arg;
	for (size_t at = 0; at < b->writing.n && !b->write_failure;) {
		ssize_t n = write(STDOUT_FILENO, b->writing.p + at, b->writing.n - at);
		if (n > 0) at += (size_t)n;
		if (n < 0 && errno != EINTR) b->write_failure = errno;
	}
	b->writing.n = 0;
}

static void writer(void *arg)
{
	struct batch *b = arg;
	while (b->out.n > 0 || !b->finished) {
		if (b->out.n == 0) event_wait(&b->answered, DEADLINE_NEVER);
		struct text t = b->writing;
		b->writing = b->out;
		b->out = t;
		waitlist_wake_all(&b->full);
		if (b->writing.n > 0) fiber_offload(write_all, b);
		if (b->write_failure) b->out.n = 0;
	}
}

/* Appends JSON of a value; false without memory. */
static bool add_json(struct text *t, const json_t *value)
{
	for (;;) {
		size_t room = t->room - t->n;
		size_t n =
			json_dumpb(value, t->p + t->n, room, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
		if (n == 0) return false;
		if (n <= room) {
			t->n += n;
			return true;
		}
		if (!text_room(t, n)) return false;
	}
}

/* One line: the id, then the answer's own members, without building a new object for it. */
static bool add_answer(struct text *t, const json_t *id, const json_t *answer)
{
	static const char head[] = "{\"id\":";
	if (!text_room(t, 512)) return false;
	text_add(t, head, sizeof head - 1);
	bool ok = true;
	if (id)
		ok = add_json(t, id);
	else
		text_add(t, "null", 4);
	size_t at = t->n;
	if (!ok || !add_json(t, answer) || !text_room(t, 1)) return false;
	if (json_object_size(answer) > 0)
		t->p[at] = ',';
	else
		t->p[at] = '}', t->n = at + 1;
	t->p[t->n++] = '\n';
	return true;
}

static void put_answer(struct batch *b, const json_t *id, const json_t *answer)
{
	size_t before = b->out.n;
	if (!answer || !add_answer(&b->out, id, answer)) {
		b->out.n = before;
		b->no_memory = true;
		return;
	}
	event_signal(&b->answered);
	while (b->out.n > OUT_MOST && !b->write_failure) waitlist_wait(&b->full, DEADLINE_NEVER);
}

static void put_error(struct batch *b, const json_t *id, const char *why)
{
	json_t *object = json_object();
	json_object_set_new(object, "error", cli_json_text(why[0] ? why : error_text(ERR_NO_MEMORY)));
	put_answer(b, id, object);
	json_decref(object);
}

/* ---- the workers ---------------------------------------------------------------------------------------------------------------- */

/* The parser, the printer and the release of JSON recurse, and a fiber's stack is small. */
static bool too_deep(struct slice line)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && quoted)
			i++;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
		if (depth > TOOL_DEPTH) return true;
	}
	return false;
}

static json_t *parse(struct batch *b, struct slice line, char why[TOOL_WHY])
{
	json_error_t failure;
	if (too_deep(line)) {
		snprintf(why, TOOL_WHY, "nested too deep");
		return NULL;
	}
	json_t *question = json_loadb(line.p, line.n, JSON_ALLOW_NUL, &failure);
	if (!question) {
		snprintf(why, TOOL_WHY, "not JSON: %.200s", failure.text);
	} else if (!json_is_object(question)) {
		snprintf(why, TOOL_WHY, "not a JSON object");
		json_decref(question);
		question = NULL;
	} else if (json_object_size(b->run->question) > 0) {
		json_object_update_missing(question, b->run->question);
	}
	return question;
}

static void answer_line(struct batch *b, struct arena *a, struct slice line)
{
	char why[TOOL_WHY] = "";
	json_t *question = parse(b, line, why);
	if (!question) {
		put_error(b, NULL, why);
		return;
	}
	const json_t *id = json_object_get(question, "id");
	json_t *answer = b->run->tool->answer(b->run, a, question, why);
	if (answer)
		put_answer(b, id, answer);
	else
		put_error(b, id, why);
	json_decref(answer);
	json_decref(question);
}

static void worker(void *arg)
{
	struct batch *b = arg;
	struct arena a;
	struct slice line;
	bool too_long;
	arena_init(&a, TOOL_MEMORY);
	while (next_line(b, &line, &too_long)) {
		if (too_long)
			put_error(b, NULL, "line too long");
		else
			answer_line(b, &a, line);
		arena_reset(&a);
	}
	arena_free(&a);
}

int tool_batch(struct tool_run *run)
{
	struct batch b = {.run = run};
	struct scope workers, writers;
	scope_init(&workers);
	scope_init(&writers);
	fflush(stdout);
	bool ready = scope_spawn(&writers, "tool-writer", writer, &b) == ERR_OK;
	size_t n = 0;
	while (ready && n < TOOL_FIBERS && scope_spawn(&workers, "tool-worker", worker, &b) == ERR_OK) n++;
	b.no_memory = n == 0;
	scope_join(&workers, DEADLINE_NEVER);
	b.finished = true;
	event_signal(&b.answered);
	scope_join(&writers, DEADLINE_NEVER);
	if (b.no_memory) cli_complain("%s", error_text(ERR_NO_MEMORY));
	if (b.read_failure) cli_complain("standard input: %s", strerror(b.read_failure));
	if (b.write_failure) cli_complain("standard output: %s", strerror(b.write_failure));
	free(b.in.p);
	free(b.out.p);
	free(b.writing.p);
	return b.no_memory || b.read_failure || b.write_failure ? CLI_CANNOT : CLI_DONE;
}
