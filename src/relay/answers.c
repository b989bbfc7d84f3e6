/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/answers.h"

#include <stdlib.h>

#include "mail/feedback.h"
#include "mail/header.h"
#include "mail/mailbox.h"
#include "mail/original.h"
#include "relay/remembered.h"

#define ARENA_MOST  (16 * 1024 * 1024)
#define AUTHOR_MOST 4096 /* octets of a field that are looked at */

struct answer {
	struct arena arena;
	struct slice hostname;
	struct srs_secrets secrets;
	struct returned returned;
};

static bool value_begins(const struct header_field *f, const char *word)
{
	return slice_starts_nocase(slice_trim(f->value), slice_str(word));
}

/* A name that people do not have, and that programs use instead of the null return path. */
static bool is_daemon(const struct address *sender)
{
	return slice_equal_nocase(sender->local, SLICE("mailer-daemon"));
}

/* RFC 3834 5: what answers a message says auto-replied; reports of other kinds are auto-generated. */
static bool is_marked(const struct address *sender, struct slice header)
{
	struct header_field f;
	return sender->null || is_daemon(sender) ||
	       (header_find(header, "Auto-Submitted", &f) && value_begins(&f, "auto-replied"));
}

static bool is_report(struct slice header)
{
	struct header_field f;
	return header_find(header, "Content-Type", &f) && value_begins(&f, "multipart/report");
}

static bool fired(const struct classification *c, const char *signal)
{
	for (size_t i = 0; i < c->fired_count; i++)
		if (slice_equal(c->fired[i], slice_str(signal))) return true;
	return false;
}

/* Signals by which programs are known, also those that say by what mail program they were set up: fields and forms that people do
 * not write. Words of a subject alone are none, since people write of their absence, too; "Automatic reply: what was
 * written", with words of an answer under it and without a mark of a reply, is one. */
static bool is_of_program(const struct classification *c)
{
	if (fired(c, "type.disposition-notification") || fired(c, "header.autoreply")) return true;
	if (fired(c, "header.auto-generated") || fired(c, "answer.set-up")) return true;
	return fired(c, "subject.autoreply") && (fired(c, "header.precedence") || fired(c, "header.suppress"));
}

/* Signals by which people are known: their programs, subjects that answer or forward. */
static bool is_of_person(const struct classification *c)
{
	if (fired(c, "person.forwards") || fired(c, "person.answers-autoreply")) return true;
	return fired(c, "header.mail-program") && !is_of_program(c);
}

/* Reports that are written for people who asked for them answer nobody: complaints (RFC 5965), DMARC and TLS reports. */
static bool is_other_report(const struct classification *c)
{
	return fired(c, "type.feedback-report") || fired(c, "type.other-report");
}

static enum answer_ground by_class(const struct classification *c)
{
	if (c->class != CLASS_NDR && c->class != CLASS_AUTOREPLY && c->class != CLASS_CHALLENGE) return ANSWER_none;
	bool sure = c->probability >= ANSWER_SURE, person = is_of_person(c);
	if (sure && !person) return ANSWER_classed;
	return sure || !person ? ANSWER_likely : ANSWER_none;
}

enum answer_ground answers_ground(const struct address *sender, struct slice header, const struct classification *c)
{
	if (is_marked(sender, header)) return ANSWER_marked;
	if (address_is_postmaster(sender) && is_report(header) && !is_other_report(c)) return ANSWER_marked;
	return by_class(c);
}

/* ---- feedback reports ------------------------------------------------------------------------------------------------ */

/* Wherever it stands in the field: who is taken for an author too easily is judged. */
static bool mentions(struct slice text, struct slice address)
{
	for (size_t i = 0; address.n && i + address.n <= text.n; i++)
		if (slice_equal_nocase(slice_sub(text, i, i + address.n), address)) return true;
	return false;
}

/* The same in another spelling. */
static bool is_mailbox_of(struct arena *a, struct slice text, struct slice address)
{
	struct mailbox_reader r;
	struct mailbox m;
	for (mailbox_begin(&r, a, text); mailbox_next(&r, &m);) {
		struct slice one = arena_printf(a, "%.*s@%.*s", SLICE_ARG(m.local), SLICE_ARG(m.domain));
		if (one.p && slice_equal_nocase(address_spelled(a, one), address)) return true;
	}
	return false;
}

static bool goes_to(struct arena *a, const struct envelope *e, struct slice text)
{
	text = slice_sub(text, 0, AUTHOR_MOST);
	for (size_t i = 0; i < e->recipient_count; i++) {
		struct slice address = e->recipients[i].address;
		if (mentions(text, address) || is_mailbox_of(a, text, address)) return true;
	}
	return false;
}

/* True also when that cannot be told. */
static bool goes_to_author(struct arena *a, const struct mime_part *root, const struct envelope *e)
{
	static const char *const fields[] = {"From", "Sender", "Return-Path", "Reply-To"};
	struct feedback feedback;
	struct original o;
	if (!feedback_find(a, root, &feedback) || goes_to(a, e, feedback.original_mail_from)) return true;
	if (!original_find(a, root, &o)) return arena_exhausted(a);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct header_field f;
		if (header_find(o.header, fields[i], &f) && goes_to(a, e, f.value)) return true;
	}
	return arena_exhausted(a);
}

bool answers_complains(const struct classification *c, const struct mime_part *root, const struct envelope *e)
{
	struct arena a;
	if (c->class != CLASS_ARF || !fired(c, "type.feedback-report") || !root) return false;
	arena_init(&a, ARENA_MOST);
	bool to_author = e->recipient_count > COMPLAINED_TO || goes_to_author(&a, root, e);
	arena_free(&a);
	return !to_author;
}

/* ---- what an answer is about ------------------------------------------------------------------------------------------ */

bool answers_is_marked(const struct address *sender, struct slice header)
{
	static const struct classification none = {.class = CLASS_OTHER};
	return answers_ground(sender, header, &none) == ANSWER_marked;
}

const char *answer_ground_text(enum answer_ground g)
{
	static const char *const texts[] = {
#define X(name) [ANSWER_##name] = #name,
		ANSWER_GROUND_TABLE(X)
#undef X
	};
	return texts[g];
}

struct answer *answer_read(const struct mime_part *root, bool cut, const char *hostname, struct srs_secrets secrets)
{
	struct answer *a = malloc(sizeof *a);
	if (!a) return NULL;
	arena_init(&a->arena, ARENA_MOST);
	a->hostname = slice_str(hostname);
	a->secrets = secrets;
	if (!root || !returned_read(&a->arena, root, &a->returned)) {
		arena_reset(&a->arena);
		returned_nothing(&a->returned);
	}
	a->returned.loose = a->returned.loose || cut; /* what says otherwise may come behind */
	return a;
}

void answer_free(struct answer *a)
{
	if (!a) return;
	arena_free(&a->arena);
	free(a);
}

void answer_judge(struct answer *a, struct db *ledger, uint32_t tenant, struct slice recipient, int64_t now,
                  struct answer_verdict *out)
{
	struct remembered remembered = {.ledger = ledger, .tenant = tenant};
	struct provenance p;
	struct provenance_facts facts = {.direction = PROVENANCE_OUTBOUND,
	                                 .tenant = tenant,
	                                 .addressee = recipient,
	                                 .addressed = recipient,
	                                 .now = now,
	                                 .ledger = remembered_ledger(&remembered),
	                                 .hostnames = &a->hostname,
	                                 .hostname_count = 1,
	                                 .secrets = a->secrets};
	provenance_find(&a->arena, &a->returned, &facts, &p);
	judge_outbound(&p, &out->judgement);
	out->evidence = judge_evidence(&a->arena, &p);
	out->about = out->judgement.verdict == JUDGE_unknown ? 0 : p.about; /* nothing decided */
	out->joined = p.joined;
	out->stamped = p.stamped;
}
