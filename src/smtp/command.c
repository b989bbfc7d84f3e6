/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/command.h"

#include <stddef.h>

#include "mail/utf8.h"

#define ENVID_MAX 100 /* RFC 3461 4.4 */
#define ORCPT_MAX 500 /* RFC 3461 4.2 */
#define HELO_MAX  255 /* RFC 5321 4.5.3.1.2 */

static const struct {
	const char *name, *help;
	int states;
} verbs[VERB_COUNT] = {
#define X(verb, states, help) [VERB_##verb] = {#verb, help, states},
	VERB_TABLE(X)
#undef X
};

const char *verb_name(enum verb v)
{
	return (unsigned)v < VERB_COUNT ? verbs[v].name : "unknown";
}

int verb_states(enum verb v)
{
	return (unsigned)v < VERB_COUNT ? verbs[v].states : 0;
}

const char *verb_help(enum verb v)
{
	return (unsigned)v < VERB_COUNT ? verbs[v].help : "";
}

struct parser {
	struct arena *arena;
	const struct command_extensions *offered;
	struct command *out;
	struct slice *detail;
	uint32_t seen; /* a bit for each row of the parameter table */
};

static enum reason refuse(const struct parser *p, enum reason reason, struct slice detail)
{
	*p->detail = detail;
	return reason;
}

#define SYNTAX(p, text) refuse(p, REASON_syntax, SLICE(text))

/* --- Parameters of MAIL and RCPT ---------------------------------------------------------------------------------- */

static enum reason parse_size(struct parser *p, struct slice value)
{
	/* RFC 1870 3: up to 20 digits, more than 64 bits hold; that is too much for anybody. */
	if (value.n == 0 || value.n > 20) return SYNTAX(p, "SIZE is a number of 1 to 20 digits");
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9') return SYNTAX(p, "SIZE is a number of 1 to 20 digits");
	if (!slice_to_u64(value, &p->out->size)) p->out->size = UINT64_MAX;
	p->out->has_size = true;
	return REASON_ok;
}

static enum reason parse_body(struct parser *p, struct slice value)
{
	p->out->body = slice_equal_nocase(value, SLICE("8BITMIME")) ? BODY_8BITMIME : BODY_7BIT;
	if (p->out->body == BODY_8BITMIME || slice_equal_nocase(value, SLICE("7BIT"))) return REASON_ok;
	/* RFC 3030 3: the extension BINARYMIME is not offered. */
	if (slice_equal_nocase(value, SLICE("BINARYMIME")))
		return refuse(p, REASON_unknown_parameter, SLICE("BODY=BINARYMIME"));
	return SYNTAX(p, "BODY is 7BIT or 8BITMIME");
}

static enum reason parse_smtputf8(struct parser *p, struct slice value)
{
	p->out->smtputf8 = true;
	return REASON_ok;
}

static enum reason parse_prdr(struct parser *p, struct slice value)
{
	p->out->prdr = true;
	return REASON_ok;
}

static enum reason parse_ret(struct parser *p, struct slice value)
{
	p->out->ret = slice_equal_nocase(value, SLICE("FULL"))   ? RET_FULL
	              : slice_equal_nocase(value, SLICE("HDRS")) ? RET_HDRS
	                                                         : RET_UNSET;
	return p->out->ret == RET_UNSET ? SYNTAX(p, "RET is FULL or HDRS") : REASON_ok;
}

static enum reason parse_envid(struct parser *p, struct slice value)
{
	if (value.n > ENVID_MAX) return SYNTAX(p, "ENVID is longer than 100 octets");
	if (!xtext_valid(value)) return SYNTAX(p, "ENVID is not xtext");
	p->out->envid = value;
	return REASON_ok;
}

static enum reason parse_auth(struct parser *p, struct slice value)
{
	if (slice_equal(value, SLICE("<>")) || xtext_valid(value)) return REASON_ok;
	return SYNTAX(p, "AUTH is <> or an address in xtext");
}

static int notify_bit(struct slice word)
{
	if (slice_equal_nocase(word, SLICE("SUCCESS"))) return NOTIFY_SUCCESS;
	if (slice_equal_nocase(word, SLICE("FAILURE"))) return NOTIFY_FAILURE;
	if (slice_equal_nocase(word, SLICE("DELAY"))) return NOTIFY_DELAY;
	return 0;
}

static enum reason parse_notify(struct parser *p, struct slice value)
{
	/* RFC 3461 4.1: NEVER stands alone. */
	if (slice_equal_nocase(value, SLICE("NEVER"))) {
		p->out->notify = NOTIFY_NEVER;
		return REASON_ok;
	}
	while (value.p) {
		int bit = notify_bit(slice_split(&value, ','));
		if (bit == 0) return SYNTAX(p, "NOTIFY is NEVER alone, or a list of SUCCESS, FAILURE and DELAY");
		p->out->notify |= (uint8_t)bit;
	}
	return REASON_ok;
}

/* utf-8-addr-xtext and utf-8-addr-unitext of RFC 6533 3 */
static bool utf8_address_valid(struct slice address, bool smtputf8)
{
	for (size_t i = 0; i < address.n; i++) {
		unsigned char c = (unsigned char)address.p[i];
		if (c < 33 || c == 127 || c == '+' || c == '=') return false;
	}
	return smtputf8 ? utf8_valid(address) : utf8_is_ascii(address);
}

static enum reason parse_orcpt(struct parser *p, struct slice value)
{
	if (value.n > ORCPT_MAX) return SYNTAX(p, "ORCPT is longer than 500 octets");
	struct slice address = value, type = slice_split(&address, ';');
	bool valid = type.n > 0 && address.n > 0;
	for (size_t i = 0; i < type.n && valid; i++) {
		char c = type.p[i];
		valid = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
	}
	if (valid)
		valid = slice_equal_nocase(type, SLICE("utf-8")) ? utf8_address_valid(address, p->offered->smtputf8)
		                                                 : xtext_valid(address);
	if (!valid) return SYNTAX(p, "ORCPT is a type, a semicolon and an address in xtext");
	p->out->orcpt = value;
	return REASON_ok;
}

enum value { VALUE_NONE, VALUE_NEEDED };

static const struct parameter {
	const char *name;
	enum verb verb;
	enum value value;
	size_t offered; /* offset of the extension's flag in struct command_extensions */
	enum reason (*parse)(struct parser *p, struct slice value);
} parameters[] = {
	{"SIZE", VERB_MAIL, VALUE_NEEDED, offsetof(struct command_extensions, size), parse_size},
	{"BODY", VERB_MAIL, VALUE_NEEDED, offsetof(struct command_extensions, eightbitmime), parse_body},
	{"SMTPUTF8", VERB_MAIL, VALUE_NONE, offsetof(struct command_extensions, smtputf8), parse_smtputf8},
	{"PRDR", VERB_MAIL, VALUE_NONE, offsetof(struct command_extensions, prdr), parse_prdr},
	{"RET", VERB_MAIL, VALUE_NEEDED, offsetof(struct command_extensions, dsn), parse_ret},
	{"ENVID", VERB_MAIL, VALUE_NEEDED, offsetof(struct command_extensions, dsn), parse_envid},
	{"AUTH", VERB_MAIL, VALUE_NEEDED, offsetof(struct command_extensions, auth), parse_auth},
	{"NOTIFY", VERB_RCPT, VALUE_NEEDED, offsetof(struct command_extensions, dsn), parse_notify},
	{"ORCPT", VERB_RCPT, VALUE_NEEDED, offsetof(struct command_extensions, dsn), parse_orcpt},
};

static const struct parameter *find_parameter(const struct parser *p, struct slice keyword)
{
	for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
		const struct parameter *row = &parameters[i];
		if (row->verb != p->out->verb || !slice_equal_nocase(keyword, slice_str(row->name))) continue;
		return *((const bool *)p->offered + row->offered) ? row : NULL;
	}
	return NULL;
}

/* esmtp-keyword of RFC 5321 4.1.2 */
static bool keyword_valid(struct slice keyword)
{
	for (size_t i = 0; i < keyword.n; i++) {
		char c = keyword.p[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alnum && (c != '-' || i == 0)) return false;
	}
	return keyword.n > 0;
}

static enum reason parse_parameter(struct parser *p, struct slice text)
{
	struct slice value = text, keyword = slice_split(&value, '=');
	if (!keyword_valid(keyword)) return SYNTAX(p, "a parameter is a keyword, or keyword=value");
	const struct parameter *row = find_parameter(p, keyword);
	if (!row) return refuse(p, REASON_unknown_parameter, keyword);
	uint32_t bit = 1u << (row - parameters);
	if (p->seen & bit) return refuse(p, REASON_syntax, arena_printf(p->arena, "%s is given twice", row->name));
	p->seen |= bit;
	if (row->value == VALUE_NONE && value.p)
		return refuse(p, REASON_syntax, arena_printf(p->arena, "%s has no value", row->name));
	if (row->value == VALUE_NEEDED && value.n == 0)
		return refuse(p, REASON_syntax, arena_printf(p->arena, "%s needs a value", row->name));
	if (slice_find(value, '=') < value.n) return SYNTAX(p, "a value must not have an equals sign");
	return row->parse(p, value);
}

static enum reason parse_parameters(struct parser *p, struct slice rest)
{
	if (rest.n && rest.p[0] != ' ') return SYNTAX(p, "a blank must follow the address");
	while (rest.p) {
		struct slice word = slice_split(&rest, ' ');
		enum reason reason = word.n ? parse_parameter(p, word) : REASON_ok;
		if (reason != REASON_ok) return reason;
	}
	return REASON_ok;
}

/* --- Commands ----------------------------------------------------------------------------------------------------- */

static enum reason address_refused(const struct parser *p, enum address_error e)
{
	if (e == ADDRESS_NO_MEMORY) return refuse(p, REASON_no_memory, SLICE_EMPTY);
	if (e == ADDRESS_NEEDS_SMTPUTF8) return refuse(p, REASON_utf8_not_declared, SLICE_EMPTY);
	enum reason reason = p->out->verb == VERB_MAIL ? REASON_bad_sender_address : REASON_bad_address;
	return refuse(p, reason, slice_str(address_error_text(e)));
}

static enum reason parse_path_command(struct parser *p)
{
	bool mail = p->out->verb == VERB_MAIL;
	struct slice prefix = mail ? SLICE("FROM:") : SLICE("TO:"), rest = p->out->argument;
	if (!slice_starts_nocase(rest, prefix)) return refuse(p, REASON_syntax, slice_str(verbs[p->out->verb].help));
	rest = slice_sub(rest, prefix.n, rest.n);
	if (rest.n && rest.p[0] == ' ') rest = slice_sub(rest, 1, rest.n);
	enum address_error e =
		address_parse_path(p->arena, rest, mail, !mail, p->offered->smtputf8, &p->out->path, &rest);
	if (e != ADDRESS_OK) return address_refused(p, e);
	enum reason reason = parse_parameters(p, rest);
	if (reason != REASON_ok) return reason;
	/* RFC 6531 3.3 */
	if (mail && p->out->path.utf8 && !p->out->smtputf8) return refuse(p, REASON_utf8_not_declared, SLICE_EMPTY);
	return REASON_ok;
}

static enum reason parse_helo(struct parser *p)
{
	struct slice name = p->out->argument;
	if (name.n == 0) return SYNTAX(p, "say your host name");
	if (name.n > HELO_MAX) return SYNTAX(p, "the host name is longer than 255 octets");
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] < 33 || name.p[i] > 126) return SYNTAX(p, "a host name is one word of printable ASCII");
	return REASON_ok;
}

static enum reason parse_bdat(struct parser *p)
{
	struct slice rest = p->out->argument, size = slice_split(&rest, ' ');
	if (!p->offered->chunking) return refuse(p, REASON_not_implemented, SLICE_EMPTY);
	p->out->chunk_last = rest.p && slice_equal_nocase(slice_trim(rest), SLICE("LAST"));
	if (!slice_to_u64(size, &p->out->chunk_size) || (rest.p && !p->out->chunk_last))
		return SYNTAX(p, "BDAT size [LAST]");
	return REASON_ok;
}

/* What follows verbs that are neither MAIL, RCPT, HELO, EHLO nor BDAT. */
static enum reason check_argument(struct parser *p)
{
	bool given = p->out->argument.n > 0;
	switch (p->out->verb) {
	case VERB_DATA:
	case VERB_RSET:
	case VERB_QUIT:
	case VERB_STARTTLS:
		return given ? SYNTAX(p, "nothing may follow this command") : REASON_ok; /* RFC 5321 4.1.1 */
	case VERB_VRFY:
	case VERB_EXPN: return given ? REASON_ok : SYNTAX(p, "say whom");
	case VERB_AUTH: return given ? REASON_ok : SYNTAX(p, "say which mechanism");
	default: return REASON_ok;
	}
}

static enum verb find_verb(struct slice word)
{
	for (int v = 0; v < VERB_COUNT; v++)
		if (slice_equal_nocase(word, slice_str(verbs[v].name))) return (enum verb)v;
	return VERB_UNKNOWN;
}

/* HTAB is let through as a blank where text is free; no command's syntax has it elsewhere. */
static bool has_control(struct slice line)
{
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if ((c < 32 && c != '\t') || c == 127) return true;
	}
	return false;
}

enum reason command_parse(struct arena *a, struct slice line, const struct command_extensions *offered,
                          struct command *out, struct slice *detail)
{
	struct parser p = {.arena = a, .offered = offered, .out = out, .detail = detail};
	while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t')) line.n--;
	struct slice rest = line, word = slice_split(&rest, ' ');
	*detail = SLICE_EMPTY;
	*out = (struct command){.verb = find_verb(word), .envid = SLICE_EMPTY, .orcpt = SLICE_EMPTY};
	out->path = (struct address){.text = SLICE_EMPTY, .local = SLICE_EMPTY, .domain = SLICE_EMPTY};
	out->argument = rest.p ? slice_trim(rest) : SLICE_EMPTY;
	if (out->verb == VERB_UNKNOWN) return REASON_unknown_command;
	if (has_control(line)) return SYNTAX(&p, "a command has no control characters");
	switch (out->verb) {
	case VERB_MAIL:
	case VERB_RCPT: return parse_path_command(&p);
	case VERB_HELO:
	case VERB_EHLO: return parse_helo(&p);
	case VERB_BDAT: return parse_bdat(&p);
	default: return check_argument(&p);
	}
}
