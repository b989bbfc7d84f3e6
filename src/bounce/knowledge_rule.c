/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/knowledge_rule.h"

/* What a term without words is worth, in octets of a phrase. */
static const unsigned worth[] =
	{[RULE_STATUS] = 12, [RULE_CODE] = 3, [RULE_HOST] = 15, [RULE_STAGE] = 4, [RULE_HAS] = 2};

struct parser {
	struct arena *arena;
	struct phrases *phrases;
	struct slice rest;
	const char *problem;
	bool memory;
};

static void skip_blanks(struct parser *p)
{
	while (p->rest.n && (*p->rest.p == ' ' || *p->rest.p == '\t')) p->rest = slice_sub(p->rest, 1, p->rest.n);
}

static bool take(struct parser *p, struct slice word)
{
	if (!slice_starts(p->rest, word)) return false;
	p->rest = slice_sub(p->rest, word.n, p->rest.n);
	return true;
}

/* ---- phrases ---------------------------------------------------------------------- */

static bool parse_phrase(struct parser *p, struct rule_alternative *out)
{
	if (!take(p, SLICE("\""))) {
		p->problem = "a phrase in quotes is missing";
		return false;
	}
	size_t end = slice_find(p->rest, '"');
	if (end == p->rest.n) {
		p->problem = "a quote is not closed";
		return false;
	}
	struct slice text = phrases_normalise(p->arena, slice_sub(p->rest, 0, end), PHRASE_LENGTH + 1);
	p->rest = slice_sub(p->rest, end + 1, p->rest.n);
	p->memory = !text.p;
	out->from = text.p ? phrases_add(p->phrases, text) : PHRASES_NONE;
	if (text.p && out->from == PHRASES_NONE) p->problem = "a phrase is too long or has no words";
	return out->from != PHRASES_NONE;
}

/* ---- codes, hosts, stages ---------------------------------------------------------------------- */

static bool parse_status(struct slice item, struct rule_alternative *out)
{
	struct slice last = item, first = slice_split(&last, '-');
	struct statuscode c;
	uint64_t to;
	char text[STATUSCODE_TEXT_SIZE];
	bool any = slice_starts(first, SLICE("x.")) && first.n < sizeof text;
	if (any) {
		memcpy(text, first.p, first.n);
		text[0] = '5';
		first.p = text;
	}
	if (statuscode_length(first) != first.n || !statuscode_parse(first, &c)) return false;
	out->from = (any ? 0 : (uint32_t)c.class << 20) | (uint32_t)c.subject << 10 | c.detail;
	out->to = out->from;
	if (!last.p) return true;
	if (!slice_to_u64(last, &to) || to > 999 || to < c.detail) return false;
	out->to = (out->from & ~UINT32_C(1023)) | (uint32_t)to;
	return true;
}

static bool parse_code(struct slice item, struct rule_alternative *out)
{
	uint64_t code;
	if (!slice_to_u64(item, &code) || code < 200 || code > 599) return false;
	out->from = (uint32_t)code;
	return true;
}

static bool parse_item(struct slice item, struct rule_alternative *out)
{
	enum stage stage;
	switch (out->kind) {
	case RULE_STATUS: return parse_status(item, out);
	case RULE_CODE: return parse_code(item, out);
	case RULE_HOST: out->host = item; return item.n > 0;
	case RULE_STAGE:
		if (!stage_parse(item, &stage)) return false;
		out->from = (uint32_t)stage;
		return true;
	case RULE_HAS: return slice_equal(item, SLICE("address"));
	default: return false;
	}
}

/* What the prefixes of terms without words say. */
static enum rule_kind take_kind(struct parser *p)
{
	static const struct {
		struct slice prefix;
		enum rule_kind kind;
	} kinds[] = {{{"status=", 7}, RULE_STATUS},
	             {{"code=", 5}, RULE_CODE},
	             {{"host=", 5}, RULE_HOST},
	             {{"stage=", 6}, RULE_STAGE},
	             {{"has=", 4}, RULE_HAS}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (take(p, kinds[i].prefix)) return kinds[i].kind;
	return RULE_PHRASE;
}

/* "550,554" up to a blank or "|". */
static void parse_items(struct parser *p, enum rule_kind kind, struct rule_alternative out[RULE_ALTERNATIVES],
                        size_t *n)
{
	size_t end = 0;
	while (end < p->rest.n && p->rest.p[end] != ' ' && p->rest.p[end] != '|') end++;
	struct slice list = slice_sub(p->rest, 0, end);
	p->rest = slice_sub(p->rest, end, p->rest.n);
	while (list.p && !p->problem) {
		struct slice item = slice_split(&list, ',');
		if (*n == RULE_ALTERNATIVES) {
			p->problem = "too many alternatives";
			return;
		}
		out[*n].kind = kind;
		if (!parse_item(item, &out[(*n)++])) p->problem = "a value cannot be read";
	}
}

static bool parse_term(struct parser *p, struct rule_term *out)
{
	struct rule_alternative found[RULE_ALTERNATIVES] = {0};
	*out = (struct rule_term){.negative = take(p, SLICE("not "))};
	skip_blanks(p);
	do {
		enum rule_kind kind = take_kind(p);
		if (kind != RULE_PHRASE)
			parse_items(p, kind, found, &out->count);
		else if (out->count == RULE_ALTERNATIVES)
			p->problem = "too many alternatives";
		else
			parse_phrase(p, &found[out->count++]);
	} while (!p->problem && !p->memory && take(p, SLICE("|")));
	if (p->problem || p->memory) return false;
	struct rule_alternative *kept = arena_alloc(p->arena, out->count * sizeof *kept);
	p->memory = !kept;
	if (kept) memcpy(kept, found, out->count * sizeof *kept);
	out->alternatives = kept;
	return kept != NULL;
}

const char *rule_parse(struct arena *a, struct phrases *phrases, struct slice text, struct knowledge_rule *out,
                       bool *memory)
{
	struct parser p = {.arena = a, .phrases = phrases, .rest = slice_trim(text)};
	struct rule_term terms[RULE_TERMS];
	bool positive = false;
	*memory = false;
	*out = (struct knowledge_rule){0};
	while (p.rest.n) {
		if (out->count == RULE_TERMS) return "too many terms";
		if (!parse_term(&p, &terms[out->count])) break;
		positive |= !terms[out->count++].negative;
		if (p.rest.n && *p.rest.p != ' ') return "terms are not separated";
		skip_blanks(&p);
	}
	*memory = p.memory;
	if (p.problem || p.memory) return p.problem;
	if (!positive) return "a rule needs a term without \"not\"";
	struct rule_term *kept = arena_alloc(a, out->count * sizeof *kept);
	*memory = !kept;
	if (kept) memcpy(kept, terms, out->count * sizeof *kept);
	out->terms = kept;
	return NULL;
}

/* ---- does it hold? ---------------------------------------------------------------------- */

static bool is_below(struct slice host, struct slice domain)
{
	if (!slice_ends_nocase(host, domain)) return false;
	return host.n == domain.n || host.p[host.n - domain.n - 1] == '.';
}

static bool status_within(const struct statuscode *c, const struct rule_alternative *a)
{
	uint32_t code = (uint32_t)c->subject << 10 | c->detail;
	if (!c->class) return false;
	if (a->from >> 20) code |= (uint32_t)c->class << 20;
	return code >= a->from && code <= a->to;
}

static unsigned alternative_score(const struct rule_alternative *a, const struct phrases *p,
                                  const struct knowledge_facts *f, const uint64_t *seen)
{
	switch (a->kind) {
	case RULE_PHRASE:
		if (!(seen[a->from / 64] >> (a->from % 64) & 1)) return 0;
		return (unsigned)phrases_length(p, a->from);
	case RULE_STATUS: return status_within(&f->status, a) ? worth[RULE_STATUS] : 0;
	case RULE_CODE: return f->code == a->from ? worth[RULE_CODE] : 0;
	case RULE_HOST: return is_below(f->host, a->host) ? worth[RULE_HOST] : 0;
	case RULE_STAGE: return (uint32_t)f->stage == a->from ? worth[RULE_STAGE] : 0;
	case RULE_HAS: return f->address ? worth[RULE_HAS] : 0;
	}
	return 0;
}

unsigned rule_score(const struct knowledge_rule *r, const struct phrases *p, const struct knowledge_facts *f,
                    const uint64_t *seen)
{
	unsigned sum = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct rule_term *t = &r->terms[i];
		unsigned best = 0;
		for (size_t j = 0; j < t->count; j++) {
			unsigned score = alternative_score(&t->alternatives[j], p, f, seen);
			if (score > best) best = score;
		}
		if (t->negative ? best > 0 : best == 0) return 0;
		sum += best;
	}
	return sum ? sum : 1;
}
