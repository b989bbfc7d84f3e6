/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/dmarc_record.h"

static const struct slice policies[] = {
	[DMARC_POLICY_NONE] = {"none", 4},
	[DMARC_POLICY_QUARANTINE] = {"quarantine", 10},
	[DMARC_POLICY_REJECT] = {"reject", 6},
};

const char *dmarc_policy_text(enum dmarc_policy p)
{
	return p != DMARC_POLICY_ABSENT && p <= DMARC_POLICY_REJECT ? policies[p].p : NULL;
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct slice without_blanks(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) s = slice_sub(s, 1, s.n);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
	return s;
}

static enum dmarc_policy policy_of(struct slice value)
{
	for (enum dmarc_policy p = DMARC_POLICY_NONE; p <= DMARC_POLICY_REJECT; p++)
		if (slice_equal_nocase(value, policies[p])) return p;
	return DMARC_POLICY_ABSENT;
}

/* RFC 3986 3: a scheme, a colon, and characters that a URI may have; for mailto an address (RFC 6068 2). What schemes are of use
 * is for who sends reports. */
static bool uri_valid(struct slice uri)
{
	size_t colon = slice_find(uri, ':');
	if (colon == uri.n || colon == 0 || colon + 1 == uri.n || !is_alpha(uri.p[0])) return false;
	for (size_t i = 0; i < colon; i++) {
		char c = uri.p[i];
		if (!is_alpha(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return false;
	}
	for (size_t i = colon + 1; i < uri.n; i++)
		if (uri.p[i] <= ' ' || uri.p[i] > '~' || uri.p[i] == '<' || uri.p[i] == '>' || uri.p[i] == '"')
			return false;
	if (!slice_equal_nocase(slice_sub(uri, 0, colon), SLICE("mailto"))) return true;
	struct slice address = slice_sub(uri, colon + 1, uri.n);
	size_t at = slice_find(address, '@');
	return at > 0 && at + 1 < address.n;
}

static bool has_uri(struct slice list)
{
	while (list.p) {
		struct slice uri = without_blanks(slice_split(&list, ','));
		uri.n = slice_find(uri, '!'); /* RFC 7489 6.2: a size limit may follow */
		if (uri_valid(uri)) return true;
	}
	return false;
}

static unsigned percent_of(struct slice value)
{
	uint64_t n;
	return slice_to_u64(value, &n) && n <= 100 ? (unsigned)n : 100;
}

static void take_policy(struct slice value, enum dmarc_policy *p, bool *bad)
{
	*p = policy_of(value);
	*bad = *p == DMARC_POLICY_ABSENT;
}

static bool is_word(struct slice value, char word)
{
	return value.n == 1 && (value.p[0] | 0x20) == word;
}

enum tag { TAG_P, TAG_SP, TAG_NP, TAG_ADKIM, TAG_ASPF, TAG_T, TAG_RUA, TAG_PSD, TAG_PCT, TAG_COUNT };

static const struct slice names[TAG_COUNT] = {
	[TAG_P] = {"p", 1},         [TAG_SP] = {"sp", 2},     [TAG_NP] = {"np", 2},
	[TAG_ADKIM] = {"adkim", 5}, [TAG_ASPF] = {"aspf", 4}, [TAG_T] = {"t", 1},
	[TAG_RUA] = {"rua", 3},     [TAG_PSD] = {"psd", 3},   [TAG_PCT] = {"pct", 3},
};

static void take_tag(enum tag tag, struct slice value, struct dmarc_record *r)
{
	switch (tag) {
	case TAG_P: take_policy(value, &r->p, &r->bad_p); break;
	case TAG_SP: take_policy(value, &r->sp, &r->bad_sp); break;
	case TAG_NP: take_policy(value, &r->np, &r->bad_np); break;
	case TAG_ADKIM: r->strict_dkim = is_word(value, 's'); break;
	case TAG_ASPF: r->strict_spf = is_word(value, 's'); break;
	case TAG_T: r->testing = is_word(value, 'y'); break;
	case TAG_RUA: r->reports = has_uri(value); break;
	case TAG_PSD:
		r->psd = is_word(value, 'y') ? DMARC_PSD_YES : is_word(value, 'n') ? DMARC_PSD_NO : DMARC_PSD_UNKNOWN;
		break;
	case TAG_PCT: r->pct = percent_of(value); break;
	case TAG_COUNT: break;
	}
}

/* Takes "name = value" apart; false when there is no "=". */
static bool split_tag(struct slice spec, struct slice *name, struct slice *value)
{
	size_t equals = slice_find(spec, '=');
	if (equals == spec.n) return false;
	*name = without_blanks(slice_sub(spec, 0, equals));
	*value = without_blanks(slice_sub(spec, equals + 1, spec.n));
	return true;
}

bool dmarc_record_parse(struct slice text, struct dmarc_record *out)
{
	struct slice name, value, rest = text;
	bool seen[TAG_COUNT] = {false};
	*out = (struct dmarc_record){.pct = 100};
	/* RFC 9989 4.8: the version is the first tag, without blanks before it, and its value is case-sensitive; the names of tags
	 * are not, being plain strings of ABNF. */
	if (text.n == 0 || (text.p[0] | 0x20) != 'v') return false;
	if (!split_tag(slice_split(&rest, ';'), &name, &value)) return false;
	if (name.n != 1 || !slice_equal(value, SLICE("DMARC1"))) return false;
	while (rest.p) {
		if (!split_tag(slice_split(&rest, ';'), &name, &value)) continue;
		for (enum tag t = 0; t < TAG_COUNT; t++) {
			if (seen[t] || !slice_equal_nocase(name, names[t])) continue;
			seen[t] = true;
			take_tag(t, value, out);
			break;
		}
	}
	return true;
}

enum dmarc_policy dmarc_record_policy(const struct dmarc_record *r, enum dmarc_edition edition,
                                      enum dmarc_relation relation)
{
	bool bad = r->bad_p || r->bad_sp;
	/* RFC 9989 4.7: without p= a record is as if p=none; with a bad one the rule of 4.10.1 counts. RFC 7489 6.6.3 has the one
	 * rule for both, and knows no np=. */
	bad = bad || (edition == DMARC_EDITION_9989 ? r->bad_np : r->p == DMARC_POLICY_ABSENT);
	if (bad) return r->reports ? DMARC_POLICY_NONE : DMARC_POLICY_ABSENT;
	enum dmarc_policy p = r->p == DMARC_POLICY_ABSENT ? DMARC_POLICY_NONE : r->p;
	if (relation == DMARC_ITSELF) return p;
	if (relation == DMARC_NO_SUCH_DOMAIN && edition == DMARC_EDITION_9989 && r->np != DMARC_POLICY_ABSENT)
		return r->np;
	return r->sp != DMARC_POLICY_ABSENT ? r->sp : p;
}

bool dmarc_record_milder(const struct dmarc_record *r, enum dmarc_edition edition)
{
	/* RFC 9989 4.7: t=y asks for the policy one level below. RFC 7489 6.6.4: pct=n asks the same for all but n in a hundred messages.
	 * A judge that throws dice cannot be explained to anybody, so that only pct=0, which domains use to say "testing", is
	 * different from pct=100. */
	return edition == DMARC_EDITION_9989 ? r->testing : r->pct == 0;
}
