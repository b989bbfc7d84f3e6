/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/explain_recipients.h"

#include "bounce/phrases.h"
#include "mail/status.h"

#define REPLY_MOST 500

struct work {
	struct arena *arena;
	const struct knowledge *knowledge;
	struct explained_recipient *list;
	size_t count;
};

/* A code (of SMTP) begins the reply; what a reporter says before it ("host mx [192.0.2.1]: ") is none of it. */
static struct slice from_code(struct slice text)
{
	for (size_t i = 0; i + 4 <= text.n; i++) {
		const char *p = text.p + i;
		bool begins = i == 0 || text.p[i - 1] == ' ';
		if (begins && (p[0] == '4' || p[0] == '5') && p[1] >= '0' && p[1] <= '5' && p[2] >= '0' &&
		    p[2] <= '9' && (p[3] == ' ' || p[3] == '-'))
			return slice_sub(text, i, text.n);
	}
	return text;
}

static bool add(struct work *w, struct slice address, struct reply_context *c, bool delivered)
{
	struct explained_recipient *r = &w->list[w->count];
	struct reply_verdict v;
	c->recipient = address;
	if (w->count == EXPLAIN_RECIPIENTS) return true;
	if (!explain_reply(w->arena, w->knowledge, c, &v)) return false;
	*r = (struct explained_recipient){.address = address,
	                                  .reply = slice_sub(c->text, 0, REPLY_MOST),
	                                  .cause = v.cause,
	                                  .actor = delivered ? ACTOR_nobody : v.actor,
	                                  .stage = delivered ? STAGE_unknown : v.stage,
	                                  .delayed = c->delayed,
	                                  .delivered = delivered};
	if (v.status.class) statuscode_text(&v.status, r->status);
	w->count++;
	return true;
}

static struct slice one_line(struct arena *a, struct slice text)
{
	char *out = arena_alloc(a, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < text.n; i++) {
		bool blank = (unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f;
		if (!blank)
			out[n++] = text.p[i];
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	if (n && out[n - 1] == ' ') n--;
	return out ? slice_of(out, n) : (struct slice){NULL, 0};
}

static bool stage_of(struct arena *a, struct slice text, enum stage *out)
{
	struct slice lower = phrases_normalise(a, text, text.n);
	*out = lower.p ? failuretext_stage(lower) : STAGE_unknown;
	return lower.p != NULL;
}

static bool add_status(struct work *w, const struct status_recipient *s)
{
	struct reply_context c = {.text = one_line(w->arena, s->diagnostic.value),
	                          .status = status_code(s->status),
	                          .host = s->remote_mta.value,
	                          .recipient = SLICE_EMPTY,
	                          .delayed = s->action == STATUS_DELAYED,
	                          .given_up = s->action == STATUS_FAILED};
	bool delivered = s->action == STATUS_DELIVERED || s->action == STATUS_RELAYED || s->action == STATUS_EXPANDED;
	if (!c.text.p || !stage_of(w->arena, c.text, &c.stage)) return false;
	return add(w, s->final.n ? s->final : s->original, &c, delivered);
}

/* The paragraph of one recipient. */
static bool add_words(struct work *w, struct slice address, struct slice words, bool delayed)
{
	struct slice line = one_line(w->arena, words);
	struct reply_context c = {.text = line,
	                          .status = SLICE_EMPTY,
	                          .host = SLICE_EMPTY,
	                          .recipient = SLICE_EMPTY,
	                          .delayed = delayed,
	                          .given_up = !delayed};
	if (!line.p || !stage_of(w->arena, line, &c.stage)) return false;
	c.text = from_code(line);
	return add(w, address, &c, false);
}

/* Exim puts what was said below the address, indented; qmail and Postfix behind "<address>:" after an empty line. */
static bool begins(struct slice text, size_t line, size_t n, bool after_blank, struct slice *address, size_t *words)
{
	struct slice rest, here = slice_sub(text, line, line + n), below = slice_sub(text, line + n + 1, text.n);
	below = slice_sub(below, 0, slice_find(below, '\n'));
	*address = failuretext_named(here, &rest);
	*words = rest.n ? (size_t)(rest.p - text.p) : line + n;
	if (!address->n) return false;
	if (slice_starts(slice_trim(here), SLICE("<"))) return after_blank && slice_starts(here, SLICE("<"));
	return slice_starts(below, SLICE("    ")) && !slice_starts(here, SLICE("    "));
}

static bool read_text(struct work *w, struct slice text, bool delayed)
{
	struct slice address = SLICE_EMPTY, next;
	size_t begin = 0, words;
	bool blank = true;
	for (size_t i = 0; i <= text.n;) {
		size_t n = i < text.n ? slice_find(slice_sub(text, i, text.n), '\n') : 0;
		bool empty = slice_trim(slice_sub(text, i, i + n)).n == 0;
		bool found = !empty && begins(text, i, n, blank, &next, &words);
		if (address.n && (found || empty)) {
			if (!add_words(w, address, slice_sub(text, begin, i), delayed)) return false;
			address = SLICE_EMPTY;
		}
		if (found) {
			address = next;
			begin = words;
		}
		blank = empty;
		i += n + 1;
	}
	return true;
}

bool explain_recipients(struct arena *a, const struct knowledge *k, const struct mime *m, const struct explanation *e,
                        struct explained_recipient **out, size_t *count)
{
	struct work w = {.arena = a, .knowledge = k};
	struct status_report r;
	*count = 0;
	w.list = *out = arena_alloc(a, EXPLAIN_RECIPIENTS * sizeof *w.list);
	if (!w.list) return false;
	bool parts = status_find(a, m->root, &r) && r.recipient_count > 0;
	for (size_t i = 0; parts && r.recipient_count > 1 && i < r.recipient_count; i++)
		if (!add_status(&w, &r.recipients[i])) return false;
	if (!parts && !read_text(&w, e->failure.text, e->failure.delayed)) return false;
	if (w.count > 1) *count = w.count;
	return !arena_exhausted(a);
}
