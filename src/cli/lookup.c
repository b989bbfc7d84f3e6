/* SPDX-License-Identifier: Apache-2.0 */
/* backstop lookup - is this address listed, where, why, and what does it mean? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/format.h"
#include "cli/lookup_state.h"
#include "cli/lookup_zones.h"
#include "cli/tool.h"

#define PATIENCE_MS 5000

static const char help[] =
	"Usage: backstop lookup [--zone ZONE]... [--json] [--resolver R] IP\n"
	"       backstop lookup --batch [--zone ZONE]...\n"
	"\n"
	"Is this address on a blocklist, and what does that mean? Looks into the list of this\n"
	"installation, when its state is at hand, and asks well-known public lists over DNS. To\n"
	"be on a list of backscatterers is a reason to refuse bounces only: it is rarely why\n"
	"ordinary mail was refused.\n"
	"\n"
	"      --zone ZONE        asks this list instead of the well-known ones; may be repeated\n"
	"      --local            asks nobody: this installation's list only\n"
	"      --resolver ADDRESS:PORT\n"
	"                         DNS server to be asked (default: the system's)\n"
	"      --now TIME         Unix time to look at this installation's list by\n"
	"      --json             one object: {\"ip\",\"listed\",\"classes\",\"first_seen\",\"last_seen\",\n"
	"                         \"expires\",\"events\",\"targets\",\"exposure\",\"grade\",\"safe_mode_only\",\n"
	"                         \"meaning\",\"reason\",\"source\",\"zones\":[{\"zone\",\"name\",\"listed\",\n"
	"                         \"answer\",\"text\",\"url\",\"problem\"}]}. \"source\" is what \"listed\" is of:\n"
	"                         \"local\", or \"zones\" where there is no state: listed by any of them\n"
	"      --batch            reads lines {\"id\",\"ip\"}, answers each with its id\n"
	"  -c, --config FILE      the configuration whose state-dir has the list\n"
	"                         (default " CONFIG_DEFAULT_PATH ", if it is there)\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 listed somewhere, 1 nowhere, 2 usage, 3 cannot run; 0 after a batch.\n";

enum { OPTION_ZONE = 1000, OPTION_LOCAL };

static const struct option options[] = {
	{"zone", required_argument, NULL, OPTION_ZONE},
	{"local", no_argument, NULL, OPTION_LOCAL},
	{NULL, 0, NULL, 0},
};

static struct own {
	const char *zones[LOOKUP_ZONES_MOST];
	size_t zone_count;
	bool local, ready;
	struct lookup_state *state; /* NULL: not at hand */
} own;

static int take(struct tool_run *run, int val, const char *argument)
{
	(void)run;
	if (val == OPTION_LOCAL) {
		own.local = true;
		return 0;
	}
	if (own.zone_count == LOOKUP_ZONES_MOST) return cli_usage("at most %d --zone", LOOKUP_ZONES_MOST);
	own.zones[own.zone_count++] = argument;
	return 0;
}

static int operand(struct tool_run *run, int count, char **operands)
{
	struct ip ip;
	if (count != 1) return cli_usage(count ? "one address at a time, or --batch" : "an address is missing");
	if (!ip_parse(slice_str(operands[0]), &ip)) return cli_usage("%s: not an address", operands[0]);
	json_object_set_new(run->question, "ip", cli_json_text(operands[0]));
	return 0;
}

/* ---- answer -------------------------------------------------------------------------------------------------------- */

static bool prepare(struct tool_run *run, char why[TOOL_WHY])
{
	if (own.ready) return true;
	if (!lookup_state_open(run->config_path, run->config_named, &own.state, why)) return false;
	return own.ready = true;
}

static size_t zones_of(struct tool_run *run, struct arena *a, struct lookup_zone zones[static LOOKUP_ZONES_MOST])
{
	if (own.local) return 0;
	if (!own.zone_count) return lookup_zones_public(a, zones);
	for (size_t i = 0; i < own.zone_count; i++)
		zones[i] =
			(struct lookup_zone){.zone = slice_str(own.zones[i]), .name = SLICE_EMPTY, .url = SLICE_EMPTY};
	(void)run;
	return own.zone_count;
}

static json_t *text_or_null(struct slice s)
{
	return s.n ? format_json(s) : json_null();
}

/* The link with the address in it. */
static json_t *url_json(struct arena *a, struct slice url, const char *ip)
{
	size_t at = slice_find(url, '%');
	if (at + 1 < url.n && url.p[at + 1] == 'a') {
		struct slice rest = slice_sub(url, at + 2, url.n);
		url = arena_printf(a, "%.*s%s%.*s", (int)at, url.p, ip, SLICE_ARG(rest));
	}
	return text_or_null(url);
}

static json_t *zones_json(struct arena *a, const struct lookup_zone *zones, size_t n, const char *ip)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct lookup_zone *z = &zones[i];
		json_t *o = json_object();
		json_object_set_new(o, "zone", format_json(z->zone));
		json_object_set_new(o, "name", text_or_null(z->name));
		json_object_set_new(o, "listed",
		                    z->listed == LISTED_UNKNOWN ? json_null() : json_boolean(z->listed == LISTED_YES));
		json_object_set_new(o, "answer", text_or_null(z->answer));
		json_object_set_new(o, "text", text_or_null(z->text));
		json_object_set_new(o, "url", url_json(a, z->url, ip));
		json_object_set_new(o, "problem", text_or_null(slice_str(z->problem)));
		json_array_append_new(list, o);
	}
	return list;
}

struct count {
	size_t asked, listed, backscatter, silent; /* of lists other than our own */
};

static struct count count_of(const struct lookup_zone *zones, size_t n)
{
	struct count c = {0};
	for (size_t i = 0; i < n; i++) {
		if (lookup_state_owns(own.state, zones[i].zone)) continue;
		c.asked++;
		c.listed += zones[i].listed == LISTED_YES;
		c.backscatter += zones[i].listed == LISTED_YES && zones[i].backscatter;
		c.silent += zones[i].listed == LISTED_UNKNOWN;
	}
	return c;
}

/* What it means for who looks it up, in a few sentences. */
static struct slice meaning(struct arena *a, const char *ip, const struct lookup_row *row, struct count c)
{
	const char *local = "", *others = "";
	if (row && row->listed)
		local = row->any ? " It sends nothing else that was seen, so it may be refused altogether."
		                 : " Ordinary mail from it that was refused was refused for another reason.";
	else if (row)
		local = "It is not on this installation's list.";
	if (c.asked && c.listed == 0)
		others = c.silent == c.asked ? " None of the other lists could be asked."
		                             : " No other list that was asked has it.";
	else if (c.listed && c.listed == c.backscatter)
		others = " Other lists that have it list backscatter: they too are for use against bounces only.";
	else if (c.listed)
		others = " Other lists have it for reasons of their own: see what they say.";
	struct slice said = row && row->listed ? row->sentence : SLICE_EMPTY; /* ends in a link */
	struct slice text = arena_printf(a, "%s%s%s%.*s", local, others, said.n ? " " : "", SLICE_ARG(said));
	if (!text.n) return arena_printf(a, "%s: nobody was asked.", ip);
	return text.p[0] == ' ' ? slice_sub(text, 1, text.n) : text;
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct lookup_zone zones[LOOKUP_ZONES_MOST];
	struct lookup_row row;
	struct ip ip;
	char text[IP_TEXT_SIZE];
	const char *given = tool_string(question, "ip", NULL, why);
	if (!given || !prepare(run, why)) return NULL;
	if (!ip_parse(slice_str(given), &ip)) {
		snprintf(why, TOOL_WHY, "ip is not an address: %.100s", given);
		return NULL;
	}
	if (own.state && !lookup_state_find(own.state, a, &ip, tool_now(run), &row, why)) return NULL;
	size_t n = zones_of(run, a, zones);
	lookup_zones_ask(run->resolver, a, &ip, zones, n, clock_deadline(PATIENCE_MS));
	struct count c = count_of(zones, n);
	json_t *o = json_object();
	json_object_set_new(o, "ip", json_string(ip_text(&ip, text)));
	json_object_set_new(o, "listed", json_boolean(own.state ? row.listed : c.listed > 0));
	lookup_state_describe(own.state ? &row : NULL, o);
	json_object_set_new(o, "meaning", format_json(meaning(a, text, own.state ? &row : NULL, c)));
	json_object_set_new(o, "source", json_string(own.state ? "local" : "zones"));
	json_object_set_new(o, "zones", zones_json(a, zones, n, text));
	return o;
}

/* ---- for a person -------------------------------------------------------------------------------------------------- */

static const char *safe(const json_t *o, const char *name, char out[512])
{
	const char *s = json_string_value(json_object_get(o, name));
	return s ? format_safe(slice_str(s), out, 512) : NULL;
}

static void print_zone(const json_t *z)
{
	char name[512], says[512], text[512], url[512];
	const json_t *listed = json_object_get(z, "listed");
	const char *problem = safe(z, "problem", says);
	const char *state = json_is_true(listed) ? "LISTED" : json_is_false(listed) ? "no" : "?";
	const char *zone = safe(z, "zone", name);
	printf("  %-34s %-7s %s\n", zone ? zone : "", state,
	       problem                ? problem
	       : json_is_true(listed) ? safe(z, "answer", says)
	                              : "");
	if (!json_is_true(listed)) return;
	if (safe(z, "text", text)) printf("      %s\n", text);
	if (safe(z, "url", url)) printf("      %s\n", url);
}

static void print(struct tool_run *run, const json_t *answer)
{
	char text[512];
	size_t i;
	json_t *zone;
	(void)run;
	printf("%s\n", safe(answer, "ip", text));
	lookup_state_print(answer);
	json_array_foreach(json_object_get(answer, "zones"), i, zone) print_zone(zone);
	printf("%s\n", json_string_value(json_object_get(answer, "meaning")));
}

static int status(const json_t *answer)
{
	size_t i;
	json_t *zone;
	if (json_is_true(json_object_get(answer, "listed"))) return CLI_DONE;
	json_array_foreach(json_object_get(answer, "zones"), i,
	                   zone) if (json_is_true(json_object_get(zone, "listed"))) return CLI_DONE;
	return CLI_NO;
}

int cli_lookup(int argc, char **argv)
{
	static const struct tool lookup = {.name = "lookup",
	                                   .help = help,
	                                   .options = options,
	                                   .asks_dns = true,
	                                   .option = take,
	                                   .operands = operand,
	                                   .answer = answer,
	                                   .print = print,
	                                   .status = status};
	int code = tool_main(&lookup, argc, argv);
	lookup_state_close(own.state);
	return code;
}
