/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/explain_reply.h"

#include <stdio.h>

struct work {
	struct arena *arena;
	const struct reply_context *c;
	struct replyfacts facts;
	struct knowledge_match best[KNOWLEDGE_KIND_COUNT];
	struct reply_verdict *v;
};

/* ---- which entry decides ---------------------------------------------------------------------- */

static const unsigned sureness[KNOWLEDGE_KIND_COUNT] = {
	[KNOWLEDGE_blocklist] = 95,   [KNOWLEDGE_provider] = 95, [KNOWLEDGE_filter] = 90,
	[KNOWLEDGE_backscatter] = 85, [KNOWLEDGE_server] = 85,   [KNOWLEDGE_generic] = 70,
};

static unsigned entry_confidence(const struct knowledge_entry *e)
{
	return e->confidence ? e->confidence : sureness[e->kind];
}

/* Of the entries that yield, the surest. */
static const struct knowledge_entry *choose_vague(const struct knowledge_match best[KNOWLEDGE_KIND_COUNT])
{
	const struct knowledge_entry *vague = NULL;
	for (int i = 0; i < KNOWLEDGE_KIND_COUNT; i++) {
		const struct knowledge_entry *e = best[i].yielding;
		if (e && (!vague || e->confidence > vague->confidence)) vague = e;
	}
	return vague;
}

/* The provider or filter that speaks, when it is known to mean what the words say, or they say little: its advice is better. */
static const struct knowledge_entry *speaker(const struct knowledge_match best[KNOWLEDGE_KIND_COUNT],
                                             const struct knowledge_entry *words)
{
	for (int i = KNOWLEDGE_provider; i <= KNOWLEDGE_filter && words->kind == KNOWLEDGE_server; i++) {
		const struct knowledge_entry *e = best[i].yielding;
		if (!e || words->detail.n || words->list.n) continue;
		if (e->cause == words->cause || entry_confidence(words) < KNOWLEDGE_WEAK) return e;
	}
	return words;
}

/* Kinds are in the order of how much they say. */
static const struct knowledge_entry *choose(const struct knowledge_match best[KNOWLEDGE_KIND_COUNT])
{
	const struct knowledge_entry *words = best[KNOWLEDGE_server].entry;
	for (int i = 0; i < KNOWLEDGE_KIND_COUNT; i++) {
		/* A list of backscatterers that is named besides another reason. */
		if (i == KNOWLEDGE_backscatter && words && !words->list.n && entry_confidence(words) >= 75) continue;
		if (best[i].entry) return speaker(best, best[i].entry);
	}
	return choose_vague(best);
}

/* ---- without an entry: codes ---------------------------------------------------------------------- */

static bool is_given(struct slice s)
{
	return s.n > 0;
}

/* What three digits say, after which command (RFC 5321 4.2.2, 4.3.2). */
static enum cause cause_of_code(unsigned code, enum stage stage)
{
	switch (code) {
	case 552: return stage == STAGE_data ? CAUSE_size : CAUSE_mailbox_full;
	case 450:
	case 451: return stage == STAGE_rcpt ? CAUSE_greylisting : CAUSE_server;
	case 452: return stage == STAGE_rcpt ? CAUSE_rate : CAUSE_server;
	case 421: return CAUSE_server;
	case 500:
	case 501:
	case 502:
	case 503:
	case 504:
	case 555: return stage == STAGE_rcpt ? CAUSE_mailbox_unknown : CAUSE_protocol;
	case 530:
	case 534:
	case 535:
	case 538: return CAUSE_login;
	case 551: return CAUSE_mailbox_moved;
	case 553: return stage == STAGE_mail ? CAUSE_sender_address : CAUSE_mailbox_unknown;
	case 556: return CAUSE_dns;
	case 550:
	case 554:
		if (stage == STAGE_rcpt) return code == 550 ? CAUSE_mailbox_unknown : CAUSE_policy;
		if (stage == STAGE_data) return CAUSE_content;
		if (stage == STAGE_mail) return CAUSE_sender_address;
		if (stage == STAGE_connect || stage == STAGE_helo) return CAUSE_reputation;
		return CAUSE_unknown;
	default: return CAUSE_unknown;
	}
}

static void judge_codes(struct work *w)
{
	struct reply_verdict *v = w->v;
	unsigned weight;
	enum cause cause = statuscode_cause(&v->status, &weight);
	if (weight >= 2) {
		v->cause = cause;
		v->confidence = weight == 3 ? 65 : 50;
		return;
	}
	enum cause by_code = cause_of_code(v->code, v->stage);
	/* X.7.x says that a rule refused it; the command may say more about which. */
	bool said = weight && (cause != CAUSE_policy || v->stage == STAGE_rcpt);
	if (by_code != CAUSE_unknown && !said) {
		v->cause = by_code;
		v->confidence = 30;
	} else if (weight) {
		v->cause = cause;
		v->confidence = 35;
	} else if (v->stage == STAGE_dns) {
		v->cause = CAUSE_dns;
		v->confidence = 50;
	} else if (v->stage == STAGE_expired) {
		v->cause = CAUSE_unreachable;
		v->confidence = 30;
	} else {
		v->cause = CAUSE_unknown;
		v->confidence = 10;
	}
	if (weight && v->cause == cause) v->confidence += 10;
}

/* ---- the verdict's texts ---------------------------------------------------------------------- */

/* With a capital letter, as a sentence. */
static struct slice sentence(struct work *w, struct slice text)
{
	if (!text.n || text.p[0] < 'a' || text.p[0] > 'z') return text;
	return arena_printf(w->arena, "%c%.*s", text.p[0] - 'a' + 'A', (int)(text.n - 1), text.p + 1);
}

/* %a becomes the address. */
static struct slice expand(struct work *w, struct slice text)
{
	char address[IP_TEXT_SIZE];
	const char *word = "the sending server's address";
	if (w->v->address.family) word = ip_text(&w->v->address, address);
	for (size_t mark; text.p && (mark = slice_search(text, SLICE("%a"))) < text.n;)
		text = arena_printf(w->arena, "%.*s%s%.*s", (int)mark, text.p, word, (int)(text.n - mark - 2),
		                    text.p + mark + 2);
	return text;
}

/* Of an address that is not known the page where one can be asked for: "https://bl.example/?ip=%a", "https://bl.example/%a". */
static struct slice expand_link(struct work *w, struct slice link)
{
	size_t mark = slice_search(link, SLICE("%a"));
	if (w->v->address.family || mark == link.n) return expand(w, link);
	size_t query = slice_find(link, '?');
	if (query < mark) return slice_sub(link, 0, query);
	while (mark > 0 && link.p[mark - 1] != '/') mark--;
	return slice_sub(link, 0, mark);
}

static struct slice without_slash(struct slice link)
{
	return slice_sub(link, 0, link.n && link.p[link.n - 1] == '/' ? link.n - 1 : link.n);
}

static void add_link(struct reply_verdict *v, struct slice link)
{
	if (!link.n || v->link_count == REPLY_LINKS) return;
	for (size_t i = 0; i < v->link_count; i++)
		if (slice_equal(without_slash(v->links[i]), without_slash(link))) return;
	v->links[v->link_count++] = link;
}

/* A page of a list of backscatterers that is not the cause would lead astray. */
static bool is_of_backscatter(const struct work *w, struct slice link)
{
	const struct knowledge_entry *e = w->best[KNOWLEDGE_backscatter].entry;
	for (size_t i = 0; e && e != w->v->entry && i < e->zone_count; i++) {
		struct slice site = slice_sub(e->zones[i], slice_find(e->zones[i], '.') + 1, e->zones[i].n);
		if (slice_search(link, site) < link.n) return true;
	}
	return false;
}

static void add_links(struct work *w)
{
	const struct knowledge_entry *e = w->v->entry;
	for (size_t i = 0; e && i < e->link_count; i++) add_link(w->v, expand_link(w, e->links[i]));
	/* What the refusing server itself points to. */
	for (size_t i = 0; i < w->facts.link_count; i++)
		if (!is_of_backscatter(w, w->facts.links[i])) add_link(w->v, w->facts.links[i]);
	/* Where the provider or filter is asked, whose words told who it is but not why. */
	for (int kind = KNOWLEDGE_provider; kind <= KNOWLEDGE_filter; kind++) {
		const struct knowledge_entry *who = w->best[kind].yielding;
		for (size_t i = 0; who && i < who->link_count; i++) add_link(w->v, expand_link(w, who->links[i]));
	}
}

static void add_words(struct work *w)
{
	struct reply_verdict *v = w->v;
	const char *by_code = statuscode_words(&v->status);
	unsigned weight;
	bool agrees = by_code && statuscode_cause(&v->status, &weight) == v->cause && weight;
	if (v->entry) {
		v->means = sentence(w, expand(w, v->entry->means));
		v->advice = sentence(w, expand(w, v->entry->advice));
		return;
	}
	v->means = sentence(w, slice_str(agrees ? by_code : cause_words(v->cause, SLICE_EMPTY)));
	v->advice = slice_str(cause_advice(v->cause));
}

/* ---- lists ---------------------------------------------------------------------- */

static bool is_own_name(const struct work *w, const struct knowledge_entry *e, struct slice domain)
{
	if (slice_equal_nocase(domain, w->c->host)) return true;
	for (size_t i = 0; i < e->zone_count; i++)
		if (slice_equal_nocase(domain, e->zones[i]) || slice_ends_nocase(e->zones[i], domain)) return true;
	return false;
}

/* "bad.example.dbl.spamhaus.org" is about bad.example. */
static struct slice before_zone(const struct knowledge_entry *e, struct slice domain)
{
	for (size_t i = 0; i < e->zone_count; i++) {
		size_t n = e->zones[i].n;
		if (domain.n > n + 1 && slice_ends_nocase(domain, e->zones[i]) && domain.p[domain.n - n - 1] == '.')
			return slice_sub(domain, 0, domain.n - n - 1);
	}
	return domain;
}

/* "blocked using bl.example.net", "in a black list bl.example.net": a list that we do not know, by its own name. */
static struct slice unknown_zone(const struct work *w)
{
	static const struct slice before[] = {{"blocked using ", 14}, {"list at ", 8},       {"blocked by ", 11},
	                                      {"listed in ", 10},     {"listed at ", 10},    {"listed on ", 10},
	                                      {"listed by ", 10},     {"found in ", 9},      {"list ", 5},
	                                      {"dnsbl ", 6},          {"dnsbl: ", 7},        {"rbl ", 4},
	                                      {"rbl: ", 5},           {"according to ", 13}, {"blacklist: ", 11},
	                                      {"liste ", 6},          {"lista negra ", 12},  {"liste noire ", 12},
	                                      {"lista nera ", 11}};
	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		size_t mark = slice_search(w->facts.text, before[i]);
		if (mark == w->facts.text.n) continue;
		struct slice rest = slice_sub(w->facts.text, mark + before[i].n, w->facts.text.n);
		for (size_t j = 0; j < w->facts.domain_count; j++)
			if (slice_starts_nocase(rest, w->facts.domains[j]))
				return slice_sub(rest, 0, w->facts.domains[j].n);
	}
	return SLICE_EMPTY;
}

static void name_list(struct work *w)
{
	struct reply_verdict *v = w->v;
	const struct knowledge_entry *e = v->entry;
	v->list = e->list;
	if (!v->list.n) return;
	for (size_t i = 0; i < e->zone_count; i++)
		if (e->zones[i].n > v->zone.n && slice_search(w->facts.text, e->zones[i]) < w->facts.text.n)
			v->zone = e->zones[i];
	if (!v->zone.n && e->zone_count) v->zone = e->zones[0];
	if (!e->zone_count && e->kind == KNOWLEDGE_server && (v->zone = unknown_zone(w)).n) v->list = v->zone;
	for (size_t i = 0; e->domains && i < w->facts.domain_count && !v->domain.n; i++) {
		struct slice domain = before_zone(e, w->facts.domains[i]);
		if (!is_own_name(w, e, domain)) v->domain = domain;
	}
	for (size_t i = 0; e->domains && i < w->facts.asked_count && !v->domain.n; i++) v->domain = w->facts.asked[i];
}

/* A list of backscatterers, named in the refusal. */
static void weigh_backscatter(struct work *w)
{
	struct reply_verdict *v = w->v;
	const struct knowledge_entry *e = w->best[KNOWLEDGE_backscatter].entry;
	if (!e || !e->list.n) return; /* words about backscatter are no list */
	if (v->entry != e) {
		v->backscatter = e;
		v->note = arena_printf(w->arena,
		                       "%.*s is named too, but is not the cause: it lists servers that send bounces to "
		                       "strangers and "
		                       "is to be used against bounces only.",
		                       SLICE_ARG(e->list));
	} else if (w->c->about == REPLY_ABOUT_ORDINARY || (w->c->about == REPLY_ABOUT_UNKNOWN && e->zone_count)) {
		/* Not told: of a bounce that bounces nobody is told, so it was an ordinary message, or an auto-reply. A list
		 * that is not asked by its zone (a Backstop's own) refuses bounces only. */
		v->actor = ACTOR_recipient_admin;
		v->advice = arena_printf(w->arena,
		                         "The receiving administrator should use %.*s only for mail from <> and "
		                         "postmaster@, as the "
		                         "list itself asks; tell the recipient by other means.",
		                         SLICE_ARG(e->list));
		v->note = arena_printf(w->arena,
		                       "Being on %.*s is no sound reason to refuse an ordinary message: the list is "
		                       "for use "
		                       "against bounces only, so the fault is in the receiver's settings.",
		                       SLICE_ARG(e->list));
		v->confidence = w->c->about == REPLY_ABOUT_ORDINARY ? 80 : 70;
	}
}

/* ---- all of it ---------------------------------------------------------------------- */

/* Without a word about it: where such a refusal is usual. */
static enum stage usual_stage(const struct work *w)
{
	if (!w->facts.code) return STAGE_unknown;
	switch (w->v->cause) {
	case CAUSE_mailbox_unknown:
	case CAUSE_mailbox_full:
	case CAUSE_mailbox_disabled:
	case CAUSE_mailbox_moved:
	case CAUSE_greylisting:
	case CAUSE_relay_denied: return STAGE_rcpt;
	case CAUSE_content:
	case CAUSE_authentication: return STAGE_data;
	case CAUSE_sender_address: return STAGE_mail;
	default: return STAGE_unknown;
	}
}

/* Replaces the recipient's address, so that its words are no words of the reply. */
static struct slice without_recipient(struct arena *a, struct slice text, struct slice recipient)
{
	size_t mark = recipient.n > 2 ? slice_search(text, recipient) : text.n;
	if (mark == text.n) return text;
	return arena_printf(a, "%.*s@%.*s", (int)mark, text.p, (int)(text.n - mark - recipient.n),
	                    text.p + mark + recipient.n);
}

static void judge_time(struct work *w)
{
	struct reply_verdict *v = w->v;
	bool passing = v->cause == CAUSE_greylisting || v->cause == CAUSE_unreachable || v->cause == CAUSE_server;
	/* "4.4.7" alone says that it is late, which is known. */
	bool late = !v->entry && v->status.subject == 4 && v->status.detail == 7;
	if (w->c->delayed && (v->cause == CAUSE_unknown || late)) {
		v->cause = CAUSE_delay;
		v->means = sentence(w, slice_str(cause_words(v->cause, SLICE_EMPTY)));
		v->advice = slice_str(cause_advice(v->cause));
		v->actor = ACTOR_nobody;
		v->confidence = 60;
	} else if (w->c->delayed && passing) {
		v->actor = ACTOR_nobody;
		v->advice = slice_str(cause_advice(CAUSE_delay));
	} else if (v->cause == CAUSE_greylisting && (w->c->given_up || v->stage == STAGE_expired || v->code >= 500)) {
		v->actor = ACTOR_sender_admin;
		v->advice = SLICE("The sending server has to try again for hours, always from the same address; "
		                  "correct its queue's "
		                  "settings.");
	}
}

static void judge(struct work *w)
{
	struct reply_verdict *v = w->v;
	const struct knowledge_entry *e = choose(w->best);
	judge_codes(w);
	unsigned by_code = v->confidence;
	enum cause coded = v->cause;
	const struct knowledge_entry *words = w->best[KNOWLEDGE_server].entry;
	unsigned sure = e ? entry_confidence(e) : 0;
	if (e && sure < KNOWLEDGE_YIELDS && words && words->cause == e->cause) sure = entry_confidence(words);
	if (e && sure >= by_code) {
		v->entry = e;
		v->cause = e->cause;
		v->detail = e->detail;
		v->confidence = sure;
		if (by_code >= 50 && e->kind >= KNOWLEDGE_server) {
			bool agree = coded == e->cause;
			v->confidence =
				agree ? (v->confidence < 90 ? v->confidence + 9 : v->confidence) : v->confidence - 10;
		}
	}
	v->actor = v->entry ? v->entry->actor : cause_actor(v->cause);
	if (v->stage == STAGE_unknown) v->stage = usual_stage(w);
}

bool explain_reply(struct arena *a, const struct knowledge *k, const struct reply_context *c, struct reply_verdict *out)
{
	struct work w = {.arena = a, .c = c, .v = out};
	struct knowledge_facts facts;
	struct slice text = without_recipient(a, slice_sub(c->text, 0, REPLYFACTS_OCTETS), c->recipient);
	*out = (struct reply_verdict){.stage = c->stage};
	if (c->text.n && !text.p) return false;
	if (!replyfacts_read(a, text, &w.facts)) return false;
	out->code = w.facts.code;
	out->status = w.facts.status;
	struct statuscode given;
	unsigned said = 0, field = 0;
	statuscode_cause(&out->status, &said);
	if (is_given(c->status) && statuscode_parse(c->status, &given)) {
		statuscode_cause(&given, &field);
		if (!out->status.class || field > said) out->status = given;
	}
	struct slice host = phrases_normalise(a, c->host, 255);
	replyfacts_forget_server(&w.facts, c->host);
	facts = (struct knowledge_facts){w.facts.text, host,     out->code,
	                                 out->status,  c->stage, w.facts.address_count > 0};
	if (!host.p || !knowledge_match(k, a, &facts, w.best)) return false;
	judge(&w);
	if (w.facts.address_count) out->address = w.facts.addresses[0];
	if (out->entry) name_list(&w);
	add_words(&w);
	add_links(&w);
	weigh_backscatter(&w);
	judge_time(&w);
	return !arena_exhausted(a);
}
