/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/answers.h"

#include <stdlib.h>

#include "mail/header.h"

#define LOOKED_THROUGH (128 * 1024) /* octets of the body */
#define IDS_MOST       16           /* Message-IDs that are looked up */
#define PASSAGES_MOST  256          /* of one return path */

static bool value_begins(const struct header_field *f, const char *word)
{
	return slice_starts_nocase(slice_trim(f->value), slice_str(word));
}

bool answers_is_answer(const struct address *sender, struct slice header)
{
	struct header_field f;
	if (sender->null) return true;
	if (header_find(header, "Auto-Submitted", &f) && value_begins(&f, "auto-replied")) return true;
	return address_is_postmaster(sender) && header_find(header, "Content-Type", &f) &&
	       value_begins(&f, "multipart/report");
}

struct join {
	uint32_t tenant;
	struct slice recipient;
	int64_t since;
	unsigned proven, unproven, seen;
	uint64_t about;
	bool named; /* the answer tells a Message-ID */
	bool by_id; /* and it is known */
	bool cut;   /* not all of the answer was looked through */
};

/* Only what the tenant's server was given can be what it answers: from the world, or from another tenant, which proved itself by
 * its source. To whom such mail went is not looked at, so that it takes its Message-ID to know it. */
static bool concerns(const struct join *j, const struct ledger_passage *p)
{
	if (p->time < j->since) return false;
	if (!slice_equal_nocase(p->return_path, j->recipient) && !slice_equal_nocase(p->handed_on, j->recipient))
		return false;
	if (p->outbound) return j->by_id && p->result == LEDGER_queued;
	return p->tenant == j->tenant && (p->result == LEDGER_delivered || p->result == LEDGER_spooled);
}

static bool count(const struct ledger_passage *p, void *arg)
{
	struct join *j = arg;
	if (p->time < j->since || ++j->seen > PASSAGES_MOST) return false;
	if (!concerns(j, p)) return true;
	if (!j->about || (!p->proof && !j->unproven)) j->about = p->id;
	if (p->proof)
		j->proven++;
	else
		j->unproven++;
	return !(j->proven && j->unproven);
}

/* The answer names a proven message. But a forger may have put that name where it is found, and left his own out. */
static bool doubt(const struct ledger_passage *p, void *arg)
{
	struct join *j = arg;
	if (p->time < j->since || ++j->seen > PASSAGES_MOST) return false;
	if (p->outbound || p->proof || !concerns(j, p) || (p->message_id.n && !j->cut)) return true;
	j->about = p->id;
	j->unproven++;
	return false;
}

static enum answer_verdict verdict_of(const struct join *j)
{
	if (j->unproven)
		return ANSWER_UNPROVEN; /* also when there was both: nothing says that this is about the proven one */
	/* It names a message that we do not know: that others of that return path were proven says nothing about this one. */
	if (j->named && !j->by_id) return ANSWER_UNKNOWN;
	return j->proven ? ANSWER_PROVEN : ANSWER_UNKNOWN;
}

/* One Message-ID: what came with it from that return path. */
static void join_id(struct db *ledger, struct join *j, struct slice id)
{
	struct join one = *j;
	one.seen = 0;
	one.by_id = true;
	j->named = true;
	if (ledger_each_by_message_id(ledger, id, count, &one)) return;
	if (one.proven + one.unproven == j->proven + j->unproven) return;
	one.named = true;
	*j = one;
}

static struct slice without_blanks(struct slice line, const char *blanks)
{
	while (line.n && strchr(blanks, line.p[0])) line = slice_sub(line, 1, line.n);
	return line;
}

/* The text after "Message-ID:" of a line, any case; {NULL,0}: another line. Quoted ("> ") and indented ones count. */
static struct slice id_in_line(struct slice line)
{
	static const char name[] = "message-id";
	line = without_blanks(line, " \t>|");
	if (!slice_starts_nocase(line, slice_str(name))) return (struct slice){NULL, 0};
	line = without_blanks(slice_sub(line, sizeof name - 1, line.n), " \t"); /* RFC 5322 4.5 */
	if (!line.n || line.p[0] != ':') return (struct slice){NULL, 0};
	return slice_trim(slice_sub(line, 1, line.n));
}

/* All that are named: the worst counts, since the first may be in a place that whoever wrote the message chose. */
static void join_body(struct db *ledger, struct join *j, struct slice text)
{
	unsigned looked = 0;
	while (text.p && !j->unproven) {
		struct slice id = id_in_line(slice_split(&text, '\n'));
		if (!id.p) continue;
		while (!id.n && text.n && strchr(" \t>|", text.p[0]))
			id = slice_trim(slice_split(&text, '\n')); /* folded */
		if (!id.n) continue;
		if (++looked > IDS_MOST) {
			j->cut = true;
			return;
		}
		join_id(ledger, j, id);
	}
}

static void join_header(struct db *ledger, struct join *j, struct slice header)
{
	struct header_field f;
	if (header_find(header, "In-Reply-To", &f)) join_id(ledger, j, slice_trim(f.value)); /* RFC 3834 3.1.5 */
}

static void join_blob(struct db *ledger, struct join *j, const struct blob *body, size_t from)
{
	struct slice all = blob_in_memory(body);
	j->cut = body->size - from > LOOKED_THROUGH;
	if (all.p) {
		join_body(ledger, j, slice_sub(all, from, from + LOOKED_THROUGH));
		return;
	}
	char *text = malloc(LOOKED_THROUGH);
	size_t got = 0;
	if (text && blob_read(body, from, text, LOOKED_THROUGH, &got) == ERR_OK)
		join_body(ledger, j, slice_of(text, got));
	else
		j->cut = true;
	free(text);
}

enum answer_verdict answers_judge(struct db *ledger, uint32_t tenant, struct slice recipient, struct slice header,
                                  const struct blob *body, int64_t now, struct answer_witness *witness)
{
	struct join j = {.tenant = tenant, .recipient = recipient, .since = now - ANSWERS_DAYS * 86400};
	join_blob(ledger, &j, body, header.n);
	if (!j.by_id) join_header(ledger, &j, header);
	j.seen = 0;
	if (!j.unproven) ledger_each_by_return_path(ledger, tenant, recipient, j.by_id ? doubt : count, &j);
	enum answer_verdict v = verdict_of(&j);
	*witness = (struct answer_witness){.about = v == ANSWER_UNKNOWN ? 0 : j.about, .by_id = j.by_id};
	return v;
}
