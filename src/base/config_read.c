/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_read - see config_read.h
 *
 * Every option is text to libConfuse; the callback `check` parses each value where it stands, so that its error has the right line, and
 * throws the result away. When the whole file was read without an error, the values are parsed once more into struct config, now also
 * those that have defaults. Parsing twice costs microseconds and saves a second set of types.
 */
#include "base/config_read.h"

#include <assert.h>
#include <confuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/config_options.h"

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

#define NOWHERE  (-1)
#define C(field) ((ptrdiff_t)offsetof(struct config, field))
#define P(field) ((ptrdiff_t)offsetof(struct config_pool, field))
#define R(field) ((ptrdiff_t)offsetof(struct config_route, field))
#define B(field) ((ptrdiff_t)offsetof(struct config_blocklist, field))
#define T(field) ((ptrdiff_t)offsetof(struct config_tsig, field))

#define ROW(name, type, value, count, preset, least, most, help)                                                       \
	{name, CONFIG_##type, value, count, preset, least, most, help},
#define ROWS(section, parent, titled)                                                                                  \
	static const struct config_row section##_rows[] = {CONFIG_##section##_OPTIONS(ROW){.name = NULL}};
CONFIG_SECTIONS(ROWS)

static const struct {
	const char *name;
	const struct config_row *rows;
} sections[] = {
#define SECTION(section, parent, titled) {#section, section##_rows},
	CONFIG_SECTIONS(SECTION)};

const struct config_row *config_rows(const char *section)
{
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
		if (strcmp(sections[i].name, section) == 0) return sections[i].rows;
	return NULL;
}

static const struct config_row *row_find(const char *section, const char *name)
{
	const struct config_row *row = config_rows(section);
	while (row && row->name && strcmp(row->name, name) != 0) row++;
	return row && row->name ? row : NULL;
}

/* ---- one text at a time ---------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct config_complaints *complaints;
	struct arena scratch;
	int tls_line;
} reading; /* under the lock */

static void complain_v(struct config_complaints *c, int line, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void complain_v(struct config_complaints *c, int line, const char *format, va_list args)
{
	size_t used = strlen(c->why);
	if (used + 32 > CONFIG_WHY) return;
	char number[16] = "";
	if (line > 0) snprintf(number, sizeof number, "%d:", line);
	snprintf(c->why + used, CONFIG_WHY - used, "%s%s:%s ", used ? "\n" : "", c->path, number);
	used = strlen(c->why);
	vsnprintf(c->why + used, CONFIG_WHY - used, format, args);
	for (char *p = c->why + used; *p; p++)
		if (*p == '\n' || *p == '\r') *p = ' ';
}

void config_complain(struct config_complaints *c, int line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain_v(c, line, format, args);
	va_end(args);
}

/* libConfuse's own errors and ours by cfg_error(). */
__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	complain_v(reading.complaints, cfg ? cfg->line : 0, format, args);
}

/* ---- callbacks ------------------------------------------------------------------------------------------------------------- */

static int check(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct config_row *row = row_find(cfg->name, opt->name);
	union config_value ignored;
	char why[256] = "";
	assert(row);
	long most = (long)(row->type == CONFIG_DURATIONS ? 64 : row->most);
	if (config_type_is_list(row->type) && cfg_opt_size(opt) > most) {
		cfg_error(cfg, "%s: at most %ld values are allowed", opt->name, most);
		return -1;
	}
	if (config_value_parse(row, slice_str(value), &reading.scratch, &ignored, why) != ERR_OK) {
		cfg_error(cfg, "%s: %s", opt->name, why);
		return -1;
	}
	*(const char **)result = value;
	return 0;
}

static bool is_pool(const char *title)
{
	static const char *const pools[] = {"regular", "bounce", "ndr", "risk"};
	for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
		if (strcmp(pools[i], title) == 0) return true;
	return false;
}

/* "*", ".example.org" or "example.org". */
static bool is_route(const char *title)
{
	char name[254];
	if (strcmp(title, "*") == 0) return true;
	return config_name_parse(slice_str(title[0] == '.' ? title + 1 : title), name);
}

static cfg_t *last_section(cfg_opt_t *opt)
{
	return cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
}

static int titled_section(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = last_section(opt);
	const char *title = cfg_title(section);
	char name[254];
	if (strcmp(opt->name, "pool") == 0 && !is_pool(title)) {
		cfg_error(section, "pool \"%s\": a pool is regular, bounce, ndr or risk", title);
	} else if (strcmp(opt->name, "route") == 0 && !is_route(title)) {
		cfg_error(section, "route \"%s\": not a domain, \".domain\" or \"*\"", title);
	} else if (strcmp(opt->name, "route") == 0 && cfg_size(section, "to") == 0) {
		cfg_error(section, "route \"%s\": to: a next hop is needed", title);
	} else if (strcmp(opt->name, "blocklist") == 0 && !config_name_parse(slice_str(title), name)) {
		cfg_error(section, "blocklist \"%s\": not a domain name", title);
	} else if (strcmp(opt->name, "tsig") == 0 && !config_name_parse(slice_str(title), name)) {
		cfg_error(section, "tsig \"%s\": the name of a key is a domain name", title);
	} else if (strcmp(opt->name, "tsig") == 0 &&
	           !cfg_getstr(section, "secret") == !cfg_getstr(section, "secret-file")) {
		cfg_error(section, "tsig \"%s\": one of secret-file and secret is needed", title);
	} else {
		return 0;
	}
	return -1;
}

static int single_section(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = last_section(opt);
	if (strcmp(opt->name, "tls") == 0) reading.tls_line = section->line;
	if (cfg_opt_size(opt) <= 1) return 0;
	cfg_error(section, "section %s is given twice", opt->name);
	return -1;
}

/* ---- schema ---------------------------------------------------------------------------------------------------------------- */

#define SCALAR(name)                                                CFG_STR_CB(name, NULL, CFGF_NONE, check)
#define LIST(name)                                                  CFG_STR_LIST_CB(name, NULL, CFGF_NONE, check)
#define OPTION_NAME                                                 SCALAR
#define OPTION_PATH                                                 SCALAR
#define OPTION_WORD                                                 SCALAR
#define OPTION_URL                                                  SCALAR
#define OPTION_MAILBOX                                              SCALAR
#define OPTION_CHOICE                                               SCALAR
#define OPTION_BOOL                                                 SCALAR
#define OPTION_NUMBER                                               SCALAR
#define OPTION_DURATION                                             SCALAR
#define OPTION_SIZE                                                 SCALAR
#define OPTION_ENDPOINTS                                            LIST
#define OPTION_PREFIXES                                             LIST
#define OPTION_ADDRESSES                                            LIST
#define OPTION_HOPS                                                 LIST
#define OPTION_SERVERS                                              LIST
#define OPTION_DURATIONS                                            LIST
#define OPTION_NAMES                                                LIST
#define OPTION_SECRET                                               SCALAR
#define OPTION_ACCESS                                               LIST
#define OPTION_TARGETS                                              LIST
#define OPTION_MAILBOXES                                            LIST
#define OPTION(name, type, value, count, preset, least, most, help) OPTION_##type(name),

/* CFGF_MULTI even for those that may be there only once: libConfuse would otherwise make them up when they are not there. */
#define SINGLE_SECTION(name, options)                                                                                  \
	{                                                                                                              \
#name, 0, CFGT_SEC, 0, 0, CFGF_MULTI, options,                                                         \
			{0, 0, cfg_false, 0, 0 }, 0, {0 }, 0, single_section, 0, 0, 0                                  \
	}
#define TITLED_SECTION(name, options)                                                                                  \
	{                                                                                                              \
#name, 0, CFGT_SEC, 0, 0, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES, options,                      \
			{0, 0, cfg_false, 0, 0 }, 0, {0 }, 0, titled_section, 0, 0, 0                                  \
	}

#define LEAF(section) static cfg_opt_t section##_schema[] = {CONFIG_##section##_OPTIONS(OPTION) CFG_END()};
LEAF(log)
LEAF(resolver)
LEAF(tls)
LEAF(auth)
LEAF(pool)
LEAF(route)
LEAF(blocklist)
LEAF(bounce)
LEAF(storm)
LEAF(keeper)
LEAF(tsig)
LEAF(web)
static cfg_opt_t dns_schema[] = {CONFIG_dns_OPTIONS(OPTION) TITLED_SECTION(tsig, tsig_schema), CFG_END()};
static cfg_opt_t relay_schema[] = {CONFIG_relay_OPTIONS(OPTION) TITLED_SECTION(pool, pool_schema),
                                   TITLED_SECTION(route, route_schema), TITLED_SECTION(blocklist, blocklist_schema),
                                   CFG_END()};
/* clang-format off */
#define ROOT_SCHEMA \
	CONFIG_root_OPTIONS(OPTION) SINGLE_SECTION(log, log_schema), SINGLE_SECTION(resolver, resolver_schema), \
	SINGLE_SECTION(tls, tls_schema), SINGLE_SECTION(auth, auth_schema), SINGLE_SECTION(relay, relay_schema), \
	SINGLE_SECTION(bounce, bounce_schema), SINGLE_SECTION(storm, storm_schema), SINGLE_SECTION(keeper, keeper_schema), SINGLE_SECTION(dns, dns_schema), SINGLE_SECTION(web, web_schema)
/* clang-format on */
static cfg_opt_t root_schema[] = {ROOT_SCHEMA, CFG_END()};

/* libConfuse takes the end of the file for the end of every open section and comment: half a file would be a configuration. So a text
 * that was read is read once more with an option of ours behind it, which must arrive at the top level. */
#define LAST_OPTION "end-of-this-file"
static cfg_opt_t whole_schema[] = {ROOT_SCHEMA, CFG_STR(LAST_OPTION, NULL, CFGF_NONE), CFG_END()};

/* ---- into struct config ------------------------------------------------------------------------------------------------------ */

/* The texts of one option: what the file says, else the default. */
struct texts {
	cfg_opt_t *opt; /* NULL: the default */
	size_t index;
	struct slice preset;
};

static struct texts texts_of(const struct config_row *row, cfg_t *section)
{
	cfg_opt_t *opt = section ? cfg_getopt(section, row->name) : NULL;
	bool given = opt && cfg_opt_size(opt) > 0 && cfg_opt_getnstr(opt, 0);
	struct slice preset = row->preset && row->preset[0] ? slice_str(row->preset) : (struct slice){NULL, 0};
	return (struct texts){given ? opt : NULL, 0, preset};
}

static bool texts_next(struct texts *t, struct slice *out)
{
	if (!t->opt && !t->preset.p) return false;
	if (t->opt && t->index >= cfg_opt_size(t->opt)) return false;
	*out = t->opt ? slice_str(cfg_opt_getnstr(t->opt, (unsigned)t->index++)) : slice_split(&t->preset, ' ');
	return true;
}

static enum error fill_option(const struct config_row *row, cfg_t *section, struct arena *a, char *base)
{
	struct texts t = texts_of(row, section), counting = t;
	struct slice text;
	size_t n = 0, size = config_value_size(row->type);
	while (texts_next(&counting, &text)) n++;
	char *to = base + row->value;
	if (config_type_is_list(row->type)) {
		if (n > SIZE_MAX / size || !(to = arena_alloc(a, n ? n * size : 1))) return ERR_NO_MEMORY;
		*(char **)(base + row->value) = to;
		*(size_t *)(base + row->count) = n;
	}
	for (size_t i = 0; i < n; i++) {
		union config_value value;
		char why[256];
		texts_next(&t, &text);
		enum error e = config_value_parse(row, text, a, &value, why);
		if (e != ERR_OK) return e; /* memory; the text was checked before */
		memcpy(to + i * size, &value, size);
	}
	return ERR_OK;
}

static enum error fill(const char *name, cfg_t *section, struct arena *a, void *base)
{
	for (const struct config_row *row = config_rows(name); row->name; row++) {
		if (row->value < 0) continue;
		enum error e = fill_option(row, section, a, base);
		if (e != ERR_OK) return e;
	}
	return ERR_OK;
}

/* Lower-cased copy of a title. */
static const char *title_copy(cfg_t *section, struct arena *a)
{
	char *copy = arena_strdup(a, slice_str(cfg_title(section)));
	for (char *p = copy; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + ('a' - 'A'));
	return copy;
}

/* The titled sections of one kind as an array of structs of the given size, each of which begins with its title. */
static enum error fill_titled(const char *name, cfg_t *parent, struct arena *a, size_t size, void *array, size_t *count)
{
	size_t n = parent ? cfg_size(parent, name) : 0;
	char *elements = arena_zalloc(a, n ? n * size : 1);
	if (!elements) return ERR_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		cfg_t *section = cfg_getnsec(parent, name, (unsigned)i);
		const char *title = title_copy(section, a);
		memcpy(elements + i * size, &title, sizeof title);
		enum error e = title ? fill(name, section, a, elements + i * size) : ERR_NO_MEMORY;
		if (e != ERR_OK) return e;
	}
	memcpy(array, &elements, sizeof elements);
	*count = n;
	return ERR_OK;
}

static enum error fill_all(cfg_t *cfg, struct arena *a, struct config *out)
{
	static const char *const singles[] = {"log",    "resolver", "tls",    "auth", "relay",
	                                      "bounce", "storm",    "keeper", "dns",  "web"};
	enum error e = fill("root", cfg, a, out);
	for (size_t i = 0; i < sizeof singles / sizeof *singles && e == ERR_OK; i++)
		e = fill(singles[i], cfg_size(cfg, singles[i]) ? cfg_getsec(cfg, singles[i]) : NULL, a, out);
	cfg_t *relay = cfg_size(cfg, "relay") ? cfg_getsec(cfg, "relay") : NULL;
	out->relay.enabled = relay != NULL;
	out->keeper_enabled = cfg_size(cfg, "keeper") > 0;
	out->dns_enabled = cfg_size(cfg, "dns") > 0;
	out->web_enabled = cfg_size(cfg, "web") > 0;
	if (e == ERR_OK)
		e = fill_titled("pool", relay, a, sizeof *out->relay.pools, &out->relay.pools, &out->relay.pool_count);
	if (e == ERR_OK)
		e = fill_titled("route", relay, a, sizeof *out->relay.routes, &out->relay.routes,
		                &out->relay.route_count);
	if (e == ERR_OK)
		e = fill_titled("blocklist", relay, a, sizeof *out->relay.blocklists, &out->relay.blocklists,
		                &out->relay.blocklist_count);
	if (e == ERR_OK)
		e = fill_titled("tsig", cfg_size(cfg, "dns") ? cfg_getsec(cfg, "dns") : NULL, a, sizeof *out->dns.tsig,
		                &out->dns.tsig, &out->dns.tsig_count);
	return e;
}

__attribute__((format(printf, 2, 0))) static void no_error(cfg_t *cfg, const char *format, va_list args) {}

static int count_lines(const char *text)
{
	int lines = 1;
	for (; *text; text++) lines += *text == '\n' && text[1];
	return lines;
}

static enum error check_whole(const char *text, struct config_complaints *complaints)
{
	char *longer;
	if (asprintf(&longer, "%s\n%s = \"x\"\n", text, LAST_OPTION) < 0) return ERR_NO_MEMORY;
	cfg_t *cfg = cfg_init(whole_schema, CFGF_NONE);
	bool whole = false;
	if (cfg) {
		cfg_set_error_function(cfg, no_error);
		whole = cfg_parse_buf(cfg, longer) == CFG_SUCCESS && cfg_getstr(cfg, LAST_OPTION) != NULL;
		cfg_free(cfg);
	}
	free(longer);
	if (!cfg) return ERR_NO_MEMORY;
	if (!whole) config_complain(complaints, count_lines(text), "the file ends inside a section or comment");
	return whole ? ERR_OK : ERR_SYNTAX;
}

enum error config_read(const char *text, struct arena *a, struct config *out, int *tls_line,
                       struct config_complaints *complaints)
{
	pthread_mutex_lock(&lock);
	reading.complaints = complaints;
	reading.tls_line = 0;
	arena_init(&reading.scratch, 4 << 20);
	enum error e = ERR_NO_MEMORY;
	cfg_t *cfg = cfg_init(root_schema, CFGF_NONE);
	if (cfg) {
		cfg_set_error_function(cfg, on_error);
		e = cfg_parse_buf(cfg, text) == CFG_SUCCESS ? fill_all(cfg, a, out) : ERR_SYNTAX;
		int line = reading.tls_line;
		if (e == ERR_OK) e = check_whole(text, complaints);
		reading.tls_line = line;
		cfg_free(cfg);
	}
	if (e != ERR_OK && complaints->why[0] == '\0') config_complain(complaints, 0, "%s", error_text(e));
	*tls_line = reading.tls_line;
	arena_free(&reading.scratch);
	reading.complaints = NULL;
	pthread_mutex_unlock(&lock);
	return e;
}
