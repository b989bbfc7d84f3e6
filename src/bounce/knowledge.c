/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/knowledge.h"

#include <stdio.h>

#include "bounce/knowledge_rule.h"

#define ENTRIES_FIRST 64
#define ENTRIES_MOST  4000
#define RULES_MOST    64 /* of one entry */
#define SAMPLES_MOST  64
#define VALUE_MOST    4000 /* octets of a value that goes over several lines */

static const struct {
	const char *name;
	unsigned weight;
} kinds[] = {
#define X(name, weight) {#name, weight},
	KNOWLEDGE_KIND_TABLE(X)
#undef X
};

const char *knowledge_kind_name(enum knowledge_kind k)
{
	return kinds[(unsigned)k < KNOWLEDGE_KIND_COUNT ? k : KNOWLEDGE_generic].name;
}

/* ---- reading ---------------------------------------------------------------------- */

struct reader {
	struct arena *arena;
	struct knowledge *k;
	size_t room;                  /* of k->entries */
	struct knowledge_entry entry; /* the one that is being read; id.p NULL: none yet */
	bool has_kind, has_cause, has_actor;
	struct knowledge_rule rules[RULES_MOST];
	struct knowledge_sample samples[SAMPLES_MOST];
	unsigned line;
	const char *problem;
	bool memory;
};

static void *keep(struct reader *r, const void *what, size_t n)
{
	void *copy = arena_alloc(r->arena, n ? n : 1);
	if (copy && n) memcpy(copy, what, n);
	if (!copy) r->memory = true;
	return copy;
}

static bool grow(struct reader *r)
{
	if (r->k->count < r->room) return true;
	size_t room = r->room ? r->room * 2 : ENTRIES_FIRST;
	struct knowledge_entry *entries = arena_alloc(r->arena, room * sizeof *entries);
	if (room > ENTRIES_MOST) r->problem = "too many entries";
	if (!entries) r->memory = true;
	if (!entries || r->problem) return false;
	if (r->k->count) memcpy(entries, r->k->entries, r->k->count * sizeof *entries);
	r->k->entries = entries;
	r->room = room;
	return true;
}

/* A zone's name alone is a rule. */
static void zone_rules(struct reader *r)
{
	struct knowledge_entry *e = &r->entry;
	for (size_t i = 0; i < e->zone_count && !r->problem; i++) {
		struct slice quoted = arena_printf(r->arena, "\"%.*s\"", SLICE_ARG(e->zones[i]));
		if (e->rule_count == RULES_MOST) r->problem = "too many rules";
		if (!quoted.p) r->memory = true;
		if (r->memory || r->problem) return;
		r->problem = rule_parse(r->arena, r->k->phrases, quoted, &r->rules[e->rule_count++], &r->memory);
	}
}

static const char *incomplete(const struct reader *r)
{
	const struct knowledge_entry *e = &r->entry;
	bool positive = false;
	for (size_t i = 0; i < e->sample_count; i++) positive |= !r->samples[i].counter;
	if (!r->has_kind) return "an entry has no kind";
	if (!r->has_cause) return "an entry has no cause";
	if (!e->name.n) return "an entry has no name";
	if (!e->means.n) return "an entry does not say what it means";
	if (!e->advice.n) return "an entry has no advice";
	if (!e->rule_count) return "an entry has neither a rule nor a zone";
	if (!positive) return "an entry has no sample";
	return NULL;
}

static bool end_entry(struct reader *r)
{
	struct knowledge_entry *e = &r->entry;
	if (!e->id.p) return true;
	zone_rules(r);
	if (!r->problem) r->problem = incomplete(r);
	if (!r->has_actor) e->actor = cause_actor(e->cause);
	bool is_list = e->kind == KNOWLEDGE_blocklist || e->kind == KNOWLEDGE_backscatter;
	if (!e->list.n && is_list && e->cause == CAUSE_blocklist) e->list = e->name;
	if (r->problem || r->memory || !grow(r)) return false;
	e->rules = keep(r, r->rules, e->rule_count * sizeof *r->rules);
	e->samples = keep(r, r->samples, e->sample_count * sizeof *r->samples);
	r->k->entries[r->k->count++] = *e;
	return !r->memory;
}

static void begin_entry(struct reader *r, struct slice id)
{
	if (!end_entry(r)) return;
	if (!id.n || id.n > 60) r->problem = "an entry needs a name of 1 to 60 characters";
	if (knowledge_find(r->k, id)) r->problem = "two entries have the same name";
	r->entry = (struct knowledge_entry){.id = id, .line = r->line};
	r->has_kind = r->has_cause = r->has_actor = false;
}

/* "[host=mx.example.com stage=rcpt] text" */
static bool read_sample(struct reader *r, struct slice value, bool counter)
{
	struct knowledge_sample s = {.counter = counter, .line = r->line, .host = SLICE_EMPTY};
	if (slice_starts(value, SLICE("["))) {
		struct slice text = slice_sub(value, 1, value.n), rest = slice_split(&text, ']');
		bool known = true, any = false;
		while (rest.p) {
			struct slice v = slice_split(&rest, ' '), key = slice_split(&v, '=');
			if (!v.p)
				known = false;
			else if (slice_equal(key, SLICE("host")))
				s.host = v;
			else if (!slice_equal(key, SLICE("stage")) || !stage_parse(v, &s.stage))
				known = false;
			any |= known;
		}
		if (any && !known) return false;
		if (any) value = slice_trim(text);
	}
	s.text = value;
	if (r->entry.sample_count == SAMPLES_MOST || !value.n) return false;
	r->samples[r->entry.sample_count++] = s;
	return true;
}

static bool read_kind(struct reader *r, struct slice value)
{
	for (unsigned i = 0; i < KNOWLEDGE_KIND_COUNT; i++) {
		if (!slice_equal(value, slice_str(kinds[i].name))) continue;
		r->entry.kind = (enum knowledge_kind)i;
		return r->has_kind = true;
	}
	return false;
}

static bool read_rule(struct reader *r, struct slice value)
{
	if (r->entry.rule_count == RULES_MOST) return false;
	r->problem = rule_parse(r->arena, r->k->phrases, value, &r->rules[r->entry.rule_count++], &r->memory);
	return !r->problem;
}

static bool read_zone(struct reader *r, struct slice value)
{
	if (r->entry.zone_count == KNOWLEDGE_ZONES || value.n > 200 || slice_find(value, ' ') < value.n) return false;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] <= ' ' || (unsigned char)value.p[i] >= 127 || value.p[i] == '"')
			return false;
	r->entry.zones[r->entry.zone_count++] = value;
	return true;
}

static bool read_link(struct reader *r, struct slice value)
{
	if (r->entry.link_count == KNOWLEDGE_LINKS) return false;
	if (!slice_starts(value, SLICE("https://")) && !slice_starts(value, SLICE("http://"))) return false;
	r->entry.links[r->entry.link_count++] = value;
	return true;
}

static bool read_confidence(struct reader *r, struct slice value)
{
	uint64_t n;
	if (!slice_to_u64(value, &n) || n < 1 || n > 100) return false;
	r->entry.confidence = (unsigned)n;
	return true;
}

static bool read_field(struct reader *r, struct slice key, struct slice value)
{
	struct knowledge_entry *e = &r->entry;
	const struct {
		const char *name;
		struct slice *to;
	} texts[] = {{"name", &e->name},     {"means", &e->means}, {"advice", &e->advice},
	             {"detail", &e->detail}, {"list", &e->list},   {"closed", &e->closed}};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!slice_equal(key, slice_str(texts[i].name))) continue;
		if (texts[i].to->n) return false; /* twice */
		*texts[i].to = value;
		return value.n > 0;
	}
	if (slice_equal(key, SLICE("kind"))) return read_kind(r, value);
	if (slice_equal(key, SLICE("cause"))) return r->has_cause = cause_parse(value, &e->cause);
	if (slice_equal(key, SLICE("acts"))) return r->has_actor = actor_parse(value, &e->actor);
	if (slice_equal(key, SLICE("match"))) return read_rule(r, value);
	if (slice_equal(key, SLICE("zone"))) return read_zone(r, value);
	if (slice_equal(key, SLICE("link"))) return read_link(r, value);
	if (slice_equal(key, SLICE("sample"))) return read_sample(r, value, false);
	if (slice_equal(key, SLICE("counter"))) return read_sample(r, value, true);
	if (slice_equal(key, SLICE("confidence"))) return read_confidence(r, value);
	if (slice_equal(key, SLICE("lists"))) {
		e->domains = slice_equal(value, SLICE("domains"));
		return e->domains || slice_equal(value, SLICE("addresses"));
	}
	r->problem = "unknown field";
	return false;
}

static void read_line(struct reader *r, struct slice line)
{
	struct slice value = line, key = slice_trim(slice_split(&value, ':'));
	if (slice_starts(line, SLICE("entry "))) {
		begin_entry(r, slice_trim(slice_sub(line, 6, line.n)));
		return;
	}
	if (!value.p) {
		r->problem = "neither an entry nor a field";
	} else if (!r->entry.id.p) {
		r->problem = "a field before the first entry";
	} else if (!read_field(r, key, slice_trim(value)) && !r->problem && !r->memory) {
		r->problem = "a field cannot be read, or is there too often";
	}
}

/* ---- lines: "#" begins a comment; a line that begins with a blank goes on with the one before -------- */

static bool is_blank_line(struct slice line)
{
	return slice_trim(line).n == 0 || line.p[0] == '#';
}

/* Joins the lines that belong together, in the arena when they are several. */
static struct slice logical_line(struct reader *r, struct slice *rest, unsigned *lines)
{
	struct slice line = slice_split(rest, '\n');
	*lines = 1;
	while (rest->p && rest->n && (*rest->p == ' ' || *rest->p == '\t') && !is_blank_line(line)) {
		struct slice more = slice_trim(slice_split(rest, '\n')), first = slice_trim(line);
		(*lines)++;
		if (!more.n) break;
		if (first.n + more.n > VALUE_MOST) {
			r->problem = "a value is too long";
			return SLICE_EMPTY;
		}
		line = arena_printf(r->arena, "%.*s %.*s", SLICE_ARG(first), SLICE_ARG(more));
		if (!line.p) {
			r->memory = true;
			return SLICE_EMPTY;
		}
	}
	return slice_trim(line).n && line.p[0] != '#' ? slice_trim(line) : SLICE_EMPTY;
}

static size_t count_phrases(struct slice text)
{
	size_t quotes = 0, colons = 0;
	for (size_t i = 0; i < text.n; i++) {
		quotes += text.p[i] == '"';
		colons += text.p[i] == '\n';
	}
	return quotes / 2 + colons + 2;
}

static void read_text(struct reader *r, struct slice text)
{
	bool format = false;
	unsigned lines = 1;
	r->line = 1;
	for (; text.p && !r->problem && !r->memory; r->line += lines) {
		struct slice line = logical_line(r, &text, &lines);
		if (!line.n || r->memory) continue;
		if (format)
			read_line(r, line);
		else if (!slice_equal(line, SLICE("format: 1")))
			r->problem = "the file does not begin with \"format: 1\"";
		format = true;
		if (r->problem || r->memory) break;
	}
	if (!r->problem && !r->memory) end_entry(r);
	if (!r->problem && !r->memory && r->k->count == 0) r->problem = "there is no entry";
}

enum error knowledge_parse(struct arena *a, struct slice text, struct knowledge **out, char why[KNOWLEDGE_WHY])
{
	*out = NULL;
	why[0] = '\0';
	if (text.n > KNOWLEDGE_OCTETS) {
		snprintf(why, KNOWLEDGE_WHY, "more than %d octets", KNOWLEDGE_OCTETS);
		return ERR_LIMIT;
	}
	struct reader *r = ARENA_NEW(a, struct reader);
	struct knowledge *k = ARENA_NEW(a, struct knowledge);
	if (!r || !k || !(k->phrases = phrases_new(a, count_phrases(text)))) return ERR_NO_MEMORY;
	r->arena = a;
	r->k = k;
	read_text(r, text);
	if (r->memory) return ERR_NO_MEMORY;
	if (r->problem) {
		snprintf(why, KNOWLEDGE_WHY, "line %u: %s", r->line, r->problem);
		return ERR_SYNTAX;
	}
	*out = k;
	return ERR_OK;
}

/* ---- asking ---------------------------------------------------------------------- */

const struct knowledge_entry *knowledge_find(const struct knowledge *k, struct slice id)
{
	for (size_t i = 0; i < k->count; i++)
		if (slice_equal(k->entries[i].id, id)) return &k->entries[i];
	return NULL;
}

#define FIRST 100000 /* more than the words of any rule are worth */

bool knowledge_match(const struct knowledge *k, struct arena *a, const struct knowledge_facts *f,
                     struct knowledge_match best[KNOWLEDGE_KIND_COUNT])
{
	uint64_t *seen = arena_zalloc(a, (PHRASES_WORDS(phrases_count(k->phrases)) + 1) * sizeof *seen);
	memset(best, 0, KNOWLEDGE_KIND_COUNT * sizeof *best);
	if (!seen) return false;
	phrases_search(k->phrases, f->text, seen);
	for (size_t i = 0; i < k->count; i++) {
		const struct knowledge_entry *e = &k->entries[i];
		struct knowledge_match *b = &best[e->kind];
		for (size_t j = 0; j < e->rule_count; j++) {
			unsigned score = rule_score(&e->rules[j], k->phrases, f, seen);
			if (!score) continue;
			bool yields = e->confidence && e->confidence < KNOWLEDGE_YIELDS;
			/* The surest first of those that yield; of the others, those that are not weak. */
			if (yields)
				score += FIRST * e->confidence;
			else if (!e->confidence || e->confidence >= KNOWLEDGE_WEAK)
				score += FIRST;
			unsigned *most = yields ? &b->yielding_score : &b->score;
			if (score <= *most) continue;
			*most = score;
			*(yields ? &b->yielding : &b->entry) = e;
		}
	}
	return true;
}
