/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config_values.h"

#include <stdio.h>

#define PATH_LENGTH  1024
#define WORD_LENGTH  64
#define LOCAL_LENGTH 64

size_t config_value_size(enum config_type t)
{
	switch (t) {
	case CONFIG_NAME:
	case CONFIG_PATH:
	case CONFIG_WORD:
	case CONFIG_URL:
	case CONFIG_SECRET:
	case CONFIG_MAILBOX:
	case CONFIG_SERVERS:
	case CONFIG_NAMES:
	case CONFIG_MAILBOXES: return sizeof(const char *);
	case CONFIG_CHOICE: return sizeof(int);
	case CONFIG_BOOL: return sizeof(bool);
	case CONFIG_NUMBER:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
	case CONFIG_DURATIONS: return sizeof(int64_t);
	case CONFIG_ENDPOINTS: return sizeof(struct endpoint);
	case CONFIG_PREFIXES: return sizeof(struct prefix);
	case CONFIG_ADDRESSES: return sizeof(struct ip);
	case CONFIG_HOPS: return sizeof(struct config_hop);
	case CONFIG_ACCESS: return sizeof(struct config_access);
	case CONFIG_TARGETS: return sizeof(struct config_target);
	}
	return 0;
}

__attribute__((format(printf, 2, 3))) static enum error bad(char why[256], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(why, 256, format, args);
	va_end(args);
	return ERR_INVALID;
}

static enum error keep(struct arena *a, struct slice text, const char **out, char why[256])
{
	*out = arena_strdup(a, text);
	if (*out) return ERR_OK;
	bad(why, "%s", error_text(ERR_NO_MEMORY));
	return ERR_NO_MEMORY;
}

/* ---- names ------------------------------------------------------------------------------------------------------------ */

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool config_name_parse(struct slice text, char out[254])
{
	if (text.n == 0 || text.n > 253) return false;
	size_t label = 0;
	for (size_t i = 0; i <= text.n; i++) {
		char c = i < text.n ? text.p[i] : '.';
		if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
		if (c == '.') {
			if (label == 0 || label > 63 || out[i - 1] == '-') return false;
			label = 0;
		} else if (is_letter_or_digit(c) || c == '_' || (c == '-' && label > 0)) {
			label++;
		} else {
			return false;
		}
		if (i < text.n) out[i] = c;
	}
	out[text.n] = '\0';
	return true;
}

static enum error parse_name(struct slice text, struct arena *a, const char **out, char why[256])
{
	char name[254];
	struct ip ip;
	if (!config_name_parse(text, name) || ip_parse(text, &ip))
		return bad(why, "'%.*s' is not a domain name", text.n > 100 ? 100 : (int)text.n, text.p);
	return keep(a, slice_str(name), out, why);
}

static bool has_control(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f) return true;
	return false;
}

static enum error parse_path(struct slice text, struct arena *a, const char **out, char why[256])
{
	if (text.n == 0) return bad(why, "a file name is needed");
	if (text.n > PATH_LENGTH || has_control(text)) return bad(why, "not a usable file name");
	return keep(a, text, out, why);
}

static bool is_word_octet(char c)
{
	return is_letter_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

static enum error parse_word(struct slice text, struct arena *a, const char **out, char why[256])
{
	bool good = text.n > 0 && text.n <= WORD_LENGTH && text.p[0] != '-';
	for (size_t i = 0; i < text.n && good; i++) good = is_word_octet(text.p[i]);
	if (!good) return bad(why, "letters, digits, '-', '_' and '.' are allowed, at most %d", WORD_LENGTH);
	return keep(a, text, out, why);
}

static enum error parse_url(struct slice text, struct arena *a, const char **out, char why[256])
{
	struct slice rest = text;
	if (slice_starts(text, SLICE("https://")))
		rest = slice_sub(text, 8, text.n);
	else if (slice_starts(text, SLICE("http://")))
		rest = slice_sub(text, 7, text.n);
	else
		return bad(why, "a URL that begins with https:// or http:// is needed");
	if (rest.n == 0 || rest.n > 200 || rest.p[0] == '/') return bad(why, "the URL needs a host");
	for (size_t i = 0; i < rest.n; i++)
		if ((unsigned char)rest.p[i] <= ' ' || (unsigned char)rest.p[i] >= 0x7f || strchr("\"<>\\", rest.p[i]))
			return bad(why, "the URL has a character that may not be in one");
	return keep(a, text, out, why);
}

/* local@domain in lower case, the local part an RFC 5321 dot-string. */
static enum error parse_mailbox(struct slice text, struct arena *a, const char **out, char why[256])
{
	char name[254], whole[LOCAL_LENGTH + 1 + sizeof name];
	size_t at = slice_find(text, '@');
	bool good = at > 0 && at <= LOCAL_LENGTH && config_name_parse(slice_sub(text, at + 1, text.n), name);
	for (size_t i = 0; i < at && good; i++) {
		char c = text.p[i];
		good = c > ' ' && c < 0x7f && !strchr("\"(),:;<>[\\]", c);
		whole[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	if (!good) return bad(why, "'%.*s' is not a mail address", SLICE_ARG(slice_sub(text, 0, 100)));
	snprintf(whole + at, sizeof whole - at, "@%s", name);
	return keep(a, slice_str(whole), out, why);
}

/* ---- words and numbers ------------------------------------------------------------------------------------------------- */

static enum error parse_choice(const struct config_row *row, struct slice text, int *out, char why[256])
{
	struct slice words = slice_str(row->help);
	words = slice_sub(words, 0, slice_find(words, ':'));
	struct slice rest = words;
	for (int i = 0; rest.p; i++)
		if (slice_equal(slice_split(&rest, ' '), text)) {
			*out = i;
			return ERR_OK;
		}
	return bad(why, "one of these is needed: %.*s", SLICE_ARG(words));
}

static enum error parse_bool(struct slice text, bool *out, char why[256])
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
	for (size_t i = 0; i < 3; i++) {
		if (slice_equal_nocase(text, slice_str(yes[i]))) return *out = true, ERR_OK;
		if (slice_equal_nocase(text, slice_str(no[i]))) return *out = false, ERR_OK;
	}
	return bad(why, "true or false is needed");
}

struct unit {
	const char *name;
	int64_t factor;
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000},
                                             {"ms", 1},       {"", 1000},     {NULL, 0}};
static const struct unit size_units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {NULL, 0}};

static const struct unit *units_of(enum config_type t)
{
	if (t == CONFIG_SIZE) return size_units;
	return t == CONFIG_NUMBER ? no_units : duration_units;
}

/* "5m": with the largest unit that needs no fraction. */
static const char *quantity_text(const struct unit *units, int64_t value, char out[32])
{
	const struct unit *u = units;
	while (u[1].name && (value == 0 || value % u->factor != 0)) u++;
	int64_t factor = value == 0 ? 1 : u->factor;
	snprintf(out, 32, "%lld%s", (long long)(value / factor), value == 0 ? "" : u->name);
	return out;
}

static enum error parse_quantity(const struct config_row *row, struct slice text, int64_t *out, char why[256])
{
	const struct unit *units = units_of(row->type);
	size_t digits = 0;
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9') digits++;
	struct slice suffix = slice_sub(text, digits, text.n);
	const struct unit *u = units;
	while (u->name && !slice_equal(suffix, slice_str(u->name))) u++;
	uint64_t number;
	if (!slice_to_u64(slice_sub(text, 0, digits), &number) || !u->name) {
		if (units == no_units) return bad(why, "a number is needed");
		return bad(why, "%s",
		           units == size_units ? "a size is needed, such as 64K, 50M or 1G"
		                               : "a duration is needed, such as 30s, 5m, 2h or 5d");
	}
	/* For a list of durations most is the number of elements; each is at most a year. */
	int64_t most = row->type == CONFIG_DURATIONS ? 366 * duration_units[0].factor : row->most;
	int64_t value;
	if (number > INT64_MAX || __builtin_mul_overflow((int64_t)number, u->factor, &value) || value < row->least ||
	    value > most) {
		char least_text[32], most_text[32];
		return bad(why, "%.*s is out of range, %s to %s", text.n > 40 ? 40 : (int)text.n, text.p,
		           quantity_text(units, row->least, least_text), quantity_text(units, most, most_text));
	}
	*out = value;
	return ERR_OK;
}

/* ---- addresses --------------------------------------------------------------------------------------------------------- */

/* Port 0 lets the system choose, which endpoint_parse() does not know: it is for tests. */
static enum error parse_endpoint(struct slice text, struct endpoint *out, char why[256])
{
	bool any_port = slice_ends_nocase(text, SLICE(":0"));
	if (any_port && slice_starts(text, SLICE("[")))
		any_port = slice_ends_nocase(text, SLICE("]:0"));
	else if (any_port)
		any_port = slice_find(text, ':') == text.n - 2;
	struct slice address = any_port ? slice_sub(text, 0, text.n - 2) : text;
	if (!endpoint_parse(address, any_port ? 1 : 0, out))
		return bad(why, "'%.*s' is not ADDRESS:PORT, such as 0.0.0.0:25 or [::]:25",
		           text.n > 60 ? 60 : (int)text.n, text.p);
	if (any_port) out->port = 0;
	return ERR_OK;
}

static enum error parse_prefix(struct slice text, struct prefix *out, char why[256])
{
	enum error e = prefix_parse(text, out);
	if (e == ERR_INVALID)
		return bad(why, "'%.*s' has bits set beyond its length", SLICE_ARG(slice_sub(text, 0, 60)));
	if (e != ERR_OK) return bad(why, "'%.*s' is not ADDRESS/LENGTH", SLICE_ARG(slice_sub(text, 0, 60)));
	return ERR_OK;
}

static enum error parse_address(struct slice text, struct ip *out, char why[256])
{
	if (ip_parse(text, out)) return ERR_OK;
	return bad(why, "'%.*s' is not an IP address without a port", SLICE_ARG(slice_sub(text, 0, 60)));
}

static enum error parse_server(struct slice text, struct arena *a, const char **out, char why[256])
{
	struct endpoint e;
	char buf[ENDPOINT_TEXT_SIZE];
	if (!endpoint_parse(text, 53, &e))
		return bad(why, "'%.*s' is not ADDRESS or ADDRESS:PORT", SLICE_ARG(slice_sub(text, 0, 60)));
	return keep(a, slice_str(endpoint_text(&e, buf)), out, why);
}

static enum error parse_hop(struct slice text, struct arena *a, struct config_hop *out, char why[256])
{
	struct endpoint e;
	char buf[IP_TEXT_SIZE], name[254];
	*out = (struct config_hop){.port = 25};
	if (endpoint_parse(text, 25, &e) && e.scope == 0) {
		out->is_ip = true;
		out->ip = e.ip;
		out->port = e.port;
		return keep(a, slice_str(ip_text(&e.ip, buf)), &out->host, why);
	}
	size_t colon = slice_find_last(text, ':');
	uint64_t port = 25;
	bool good = config_name_parse(slice_sub(text, 0, colon), name);
	if (colon < text.n)
		good = good && slice_to_u64(slice_sub(text, colon + 1, text.n), &port) && port > 0 &&
		       port <= UINT16_MAX;
	struct slice last = slice_str(good ? name : "");
	size_t dot = slice_find_last(last, '.');
	uint64_t number;
	if (good && slice_to_u64(slice_sub(last, dot == last.n ? 0 : dot + 1, last.n), &number))
		good = false; /* "1.2.3" */
	if (!good) return bad(why, "'%.*s' is not HOST:PORT", SLICE_ARG(slice_sub(text, 0, 100)));
	out->port = (uint16_t)port;
	return keep(a, slice_str(name), &out->host, why);
}

/* ---- secondaries and their keys ----------------------------------------------------------------------------------------- */

#define SECRET_LEAST 16 /* octets: what a shorter one signs can be forged */
#define SECRET_MOST  512

bool config_secret_good(struct slice text)
{
	size_t padding = 0;
	while (padding < 2 && padding < text.n && text.p[text.n - 1 - padding] == '=') padding++;
	size_t octets = text.n / 4 * 3 - padding;
	if (text.n == 0 || text.n % 4 != 0 || octets < SECRET_LEAST || octets > SECRET_MOST) return false;
	for (size_t i = 0; i < text.n - padding; i++) {
		char c = text.p[i];
		if (!is_letter_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '+' && c != '/') return false;
	}
	return true;
}

static enum error parse_secret(struct slice text, struct arena *a, const char **out, char why[256])
{
	if (!config_secret_good(text))
		return bad(why, "a secret is base64 of %d to %d octets, such as openssl rand -base64 32 prints",
		           SECRET_LEAST, SECRET_MOST);
	return keep(a, text, out, why);
}

/* Takes "key NAME" off the end of *text, or all of it. */
static enum error take_key(struct slice *text, struct arena *a, const char **out, char why[256])
{
	struct slice rest = *text;
	*out = NULL;
	size_t at = slice_starts(rest, SLICE("key ")) ? 0 : slice_search(rest, SLICE(" key "));
	if (at == rest.n) return ERR_OK;
	*text = slice_trim(slice_sub(rest, 0, at));
	return parse_name(slice_trim(slice_sub(rest, at + (at ? 5 : 4), rest.n)), a, out, why);
}

static enum error parse_access(struct slice text, struct arena *a, struct config_access *out, char why[256])
{
	*out = (struct config_access){0};
	enum error e = take_key(&text, a, &out->key, why);
	if (e != ERR_OK) return e;
	out->any_address = text.n == 0 && out->key;
	return out->any_address ? ERR_OK : parse_prefix(text, &out->from, why);
}

static enum error parse_target(struct slice text, struct arena *a, struct config_target *out, char why[256])
{
	*out = (struct config_target){0};
	enum error e = take_key(&text, a, &out->key, why);
	if (e != ERR_OK) return e;
	if (endpoint_parse(text, 53, &out->to)) return ERR_OK;
	return bad(why, "'%.*s' is not ADDRESS, ADDRESS:PORT or ADDRESS:PORT key NAME",
	           SLICE_ARG(slice_sub(text, 0, 60)));
}

enum error config_value_parse(const struct config_row *row, struct slice text, struct arena *a, union config_value *out,
                              char why[256])
{
	switch (row->type) {
	case CONFIG_NAME:
	case CONFIG_NAMES: return parse_name(text, a, &out->text, why);
	case CONFIG_PATH: return parse_path(text, a, &out->text, why);
	case CONFIG_WORD: return parse_word(text, a, &out->text, why);
	case CONFIG_URL: return parse_url(text, a, &out->text, why);
	case CONFIG_MAILBOX:
	case CONFIG_MAILBOXES: return parse_mailbox(text, a, &out->text, why);
	case CONFIG_CHOICE: return parse_choice(row, text, &out->choice, why);
	case CONFIG_BOOL: return parse_bool(text, &out->truth, why);
	case CONFIG_NUMBER:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
	case CONFIG_DURATIONS: return parse_quantity(row, text, &out->number, why);
	case CONFIG_ENDPOINTS: return parse_endpoint(text, &out->endpoint, why);
	case CONFIG_PREFIXES: return parse_prefix(text, &out->prefix, why);
	case CONFIG_ADDRESSES: return parse_address(text, &out->ip, why);
	case CONFIG_HOPS: return parse_hop(text, a, &out->hop, why);
	case CONFIG_SERVERS: return parse_server(text, a, &out->text, why);
	case CONFIG_SECRET: return parse_secret(text, a, &out->text, why);
	case CONFIG_ACCESS: return parse_access(text, a, &out->access, why);
	case CONFIG_TARGETS: return parse_target(text, a, &out->target, why);
	}
	return bad(why, "unknown type");
}
