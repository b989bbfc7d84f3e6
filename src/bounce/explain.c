/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/explain.h"

#include "mail/encodedword.h"

#define REPLY_MOST 2000
#define WORDS_MOST 3000
#define VAGUE      46 /* percent: a verdict that is worth looking further */

static struct slice one_line(struct arena *a, struct slice text)
{
	char *out = arena_alloc(a, (text.n < REPLY_MOST ? text.n : REPLY_MOST) + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < text.n && n < REPLY_MOST; i++) {
		bool blank = (unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f;
		if (!blank)
			out[n++] = text.p[i];
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	if (n && out[n - 1] == ' ') n--;
	return out ? slice_of(out, n) : (struct slice){NULL, 0};
}

/* A message of a daemon or without a return path is a bounce or an automatic reply itself. */
static int about(const struct original *o)
{
	struct slice path = slice_trim(o->return_path);
	if (!o->form) return REPLY_ABOUT_UNKNOWN;
	if (slice_equal(path, SLICE("<>"))) return REPLY_ABOUT_BOUNCE;
	if (path.n) return REPLY_ABOUT_ORDINARY;
	for (size_t i = 0; i < o->from.n; i++) {
		struct slice rest = slice_sub(o->from, i, o->from.n);
		if (slice_starts_nocase(rest, SLICE("mailer-daemon@")) ||
		    slice_starts_nocase(rest, SLICE("postmaster@")))
			return REPLY_ABOUT_BOUNCE;
	}
	return o->from.n ? REPLY_ABOUT_ORDINARY : REPLY_ABOUT_UNKNOWN;
}

static bool try_reply(struct arena *a, const struct knowledge *k, struct reply_context *c, struct slice text,
                      struct explanation *out, bool *first)
{
	struct reply_verdict v;
	c->text = text;
	if (!explain_reply(a, k, c, &v)) return false;
	/* The words for a person are the same reply, or the reporter's own opinion: they have to say clearly more. */
	if (*first || v.confidence > out->verdict.confidence + 10 || (!out->reply.n && text.n)) {
		out->verdict = v;
		out->reply = text;
	}
	*first = false;
	return true;
}

static bool explain_failure(struct arena *a, const struct knowledge *k, const struct original *o,
                            struct explanation *out)
{
	struct failure *f = &out->failure;
	struct reply_context c = {.status = f->status,
	                          .host = f->host,
	                          .recipient = f->recipient,
	                          .stage = f->stage,
	                          .delayed = f->delayed,
	                          .given_up = !f->delayed,
	                          .about = about(o)};
	bool first = true;
	if (f->reply.n && !try_reply(a, k, &c, f->reply, out, &first)) return false;
	if (f->words.n && !try_reply(a, k, &c, f->words, out, &first)) return false;
	if (first && !try_reply(a, k, &c, SLICE_EMPTY, out, &first)) return false;
	/* No refusal was found, or one that says nothing: all the words there are, which may speak of many things. */
	if (out->verdict.confidence >= VAGUE || !f->text.n) return true;
	struct reply_verdict v;
	c.text = slice_sub(f->text, 0, WORDS_MOST);
	if (!explain_reply(a, k, &c, &v)) return false;
	v.confidence = v.confidence * 3 / 4;
	/* In passing, a reporter says "service unavailable" of anything. */
	bool passing = v.entry && v.entry->confidence >= KNOWLEDGE_YIELDS && v.entry->confidence < KNOWLEDGE_WEAK;
	if (!v.entry || passing || v.confidence <= out->verdict.confidence) return true;
	v.code = out->verdict.code;
	out->verdict = v;
	return true;
}

/* The recipient did not get it because somebody sends it on: that one can act, and the sender knows only the first address. */
static void weigh_forwarding(struct arena *a, struct explanation *e)
{
	struct reply_verdict *v = &e->verdict;
	struct slice from = e->failure.written_to, to = e->failure.recipient;
	bool by_path = v->cause == CAUSE_authentication && !slice_equal(v->detail, SLICE("rdns")) &&
	               !slice_equal(v->detail, SLICE("helo"));
	bool dead = v->cause == CAUSE_mailbox_unknown || v->cause == CAUSE_mailbox_disabled || v->cause == CAUSE_dns;
	if (!from.n) return;
	if (e->failure.delayed) by_path = dead = false; /* it may still arrive */
	if (by_path)
		v->advice = arena_printf(a,
		                         "Forwarding breaks SPF: who forwards %.*s has to rewrite the return path "
		                         "(SRS) and leave the message unchanged, so that the sender's DKIM signature "
		                         "stays valid. The sender's administrator can help by signing with DKIM.",
		                         SLICE_ARG(from));
	else if (dead)
		v->advice = arena_printf(a,
		                         "Tell the recipient by other means that %.*s is forwarded to an address "
		                         "that does not work: %.*s.",
		                         SLICE_ARG(from), SLICE_ARG(to));
	if (by_path || dead) v->actor = ACTOR_recipient_admin;
	if (!v->note.n)
		v->note = arena_printf(a, "The message was written to %.*s; from there it was sent on to %.*s.",
		                       SLICE_ARG(from), SLICE_ARG(to));
}

bool explain(struct arena *a, const struct knowledge *k, const struct mime *m, struct explanation *out)
{
	struct original o;
	*out = (struct explanation){.reply = SLICE_EMPTY};
	original_find(a, m->root, &o);
	if (arena_exhausted(a) || !failure_read(a, m, &o, &out->failure)) return false;
	if (!explain_failure(a, k, &o, out)) return false;
	weigh_forwarding(a, out);
	out->reply = one_line(a, out->reply);
	if (out->verdict.status.class) statuscode_text(&out->verdict.status, out->status);
	out->message_id = one_line(a, o.message_id.n ? o.message_id : SLICE_EMPTY);
	out->subject = o.subject.n ? encodedword_decode(a, o.subject) : SLICE_EMPTY;
	out->date = one_line(a, o.date.n ? o.date : SLICE_EMPTY);
	return !arena_exhausted(a);
}
