/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/export_format.h"

#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/format.h"

#define STRING_MOST 255 /* of a TXT record's string, and of rbldnsd's text */

/* ---- names of the zone --------------------------------------------------------------------------------------------- */

static const char *server_name(const struct export_job *j)
{
	return j->config->dns.nameserver_count ? j->config->dns.nameservers[0] : j->config->dns.zone;
}

/* "hostmaster.example.net", with a dot in the local part escaped (RFC 1035 8). */
static void put_contact(const struct export_job *j)
{
	const char *mailbox = j->config->dns.contact;
	if (!mailbox) {
		fprintf(j->out, "hostmaster.%s", j->config->dns.zone);
		return;
	}
	const char *at = strrchr(mailbox, '@');
	for (const char *c = mailbox; *c; c++) {
		if (c == at)
			fputc('.', j->out);
		else if (c < at && (*c == '.' || *c == '\\'))
			fprintf(j->out, "\\%c", *c);
		else
			fputc(*c, j->out);
	}
}

static void put_times(const struct export_job *j)
{
	const struct list_zone *z = j->zone;
	fprintf(j->out, " %u %u %u %u %u\n", j->rows->serial, z->refresh, z->retry, z->expire, z->negative_ttl);
}

/* ---- rbldnsd ------------------------------------------------------------------------------------------------------- */

/* Lines without a value of their own have that of the last line that begins with a colon. */
struct section {
	const struct export_job *job;
	bool any;
	int family;
	char value[PUBLISHED_SENTENCE_MOST + 8];
	int value_size;
};

/* $ stands for the address that was asked for: so most IPv4 rows share one value. */
static size_t row_text(const struct section *s, const struct zone_node *node, char out[PUBLISHED_SENTENCE_MOST])
{
	if (node->test || node->unit.family != AF_INET) return zone_node_text(node, s->job->zone, out);
	return published_sentence(&node->row, SLICE("$"), slice_str(s->job->zone->site), out);
}

static void rbldnsd_node(struct section *s, const struct zone_node *node)
{
	char text[PUBLISHED_SENTENCE_MOST], value[sizeof s->value], ip[IP_TEXT_SIZE];
	bool ipv4 = node->unit.family == AF_INET;
	size_t n = row_text(s, node, text), count = ipv4 ? node->code_count : 1;
	for (size_t i = 0; i < count; i++) {
		int size = snprintf(value, sizeof value, ":%u:%.*s", node->codes[i],
		                    (int)(n < STRING_MOST ? n : STRING_MOST), text);
		if (size != s->value_size || memcmp(value, s->value, (size_t)size) != 0) {
			memcpy(s->value, value, (size_t)size);
			s->value_size = size;
			fprintf(s->job->out, "%.*s\n", size, value);
		}
		if (ipv4)
			fprintf(s->job->out, "%s\n", ip_text(&node->unit, ip));
		else if (node->test)
			fputs("::ffff:7f00:2/128\n", s->job->out);
		else
			fprintf(s->job->out, "%s/64\n", ip_text(&node->unit, ip));
	}
}

static void rbldnsd_section(const struct export_job *j, bool any, int family)
{
	struct section s = {.job = j, .any = any, .family = family};
	struct zone_walk walk = zone_walk_rows(j->rows);
	struct zone_node node;
	const char *tree = any ? "any" : "safe";
	bool ipv4 = family == AF_INET;
	fprintf(j->out, "$DATASET %s:%s%c %s\n", ipv4 ? "ip4set" : "ip6trie", tree, ipv4 ? '4' : '6', tree);
	while (zone_walk_next(&walk, &node) && !ferror(j->out))
		if (node.unit.family == family && node.any == any) rbldnsd_node(&s, &node);
}

static void write_rbldnsd(const struct export_job *j)
{
	const struct list_zone *z = j->zone;
	fprintf(j->out,
	        "# Backstop's list for rbldnsd: rbldnsd ... %s:combined:FILE\n"
	        "# safe.: against bounces only. any.: addresses that send nothing else.\n"
	        "$SOA %u %s ",
	        j->config->dns.zone, z->ttl, server_name(j));
	put_contact(j);
	put_times(j);
	fprintf(j->out, "$NS %u", z->ttl);
	for (size_t i = 0; i < j->config->dns.nameserver_count; i++)
		fprintf(j->out, " %s", j->config->dns.nameservers[i]);
	fprintf(j->out, "%s%s\n$TTL %u\n", j->config->dns.nameserver_count ? "" : " ",
	        j->config->dns.nameserver_count ? "" : server_name(j), z->ttl);
	for (int any = 0; any < 2; any++) {
		rbldnsd_section(j, any, AF_INET);
		rbldnsd_section(j, any, AF_INET6);
	}
}

/* ---- zone file ----------------------------------------------------------------------------------------------------- */

static void put_apex(const struct export_job *j)
{
	const struct list_zone *z = j->zone;
	fprintf(j->out, "$TTL %u\n@ SOA %s. ", z->ttl, server_name(j));
	put_contact(j);
	fputc('.', j->out);
	put_times(j);
	for (size_t i = 0; i < j->config->dns.nameserver_count; i++)
		fprintf(j->out, "@ NS %s.\n", j->config->dns.nameservers[i]);
	if (!j->config->dns.nameserver_count) fprintf(j->out, "@ NS %s.\n", server_name(j));
}

/* RFC 1035 5.1: strings in quotes, at most 255 octets each. */
static void put_strings(FILE *out, const char *text, size_t n)
{
	for (size_t from = 0; from < n || from == 0; from += STRING_MOST) {
		fputs(" \"", out);
		for (size_t i = from; i < n && i < from + STRING_MOST; i++) {
			if (text[i] == '"' || text[i] == '\\') fputc('\\', out);
			fputc(text[i], out);
		}
		fputc('"', out);
	}
	fputc('\n', out);
}

static void zone_node(const struct export_job *j, const struct zone_node *node)
{
	char name[ZONE_NODE_NAME_MOST], text[PUBLISHED_SENTENCE_MOST];
	size_t n = zone_node_name(node, name);
	fwrite(name, 1, n, j->out);
	for (size_t i = 0; i < node->code_count; i++) fprintf(j->out, " A 127.0.0.%u\n", node->codes[i]);
	if (!node->txt) return;
	fputs(" TXT", j->out);
	n = zone_node_text(node, j->zone, text);
	put_strings(j->out, text, n);
}

static void write_zone(const struct export_job *j)
{
	struct zone_walk walk = zone_walk_rows(j->rows);
	struct zone_node node;
	fprintf(j->out, "$ORIGIN %s.\n", j->config->dns.zone);
	put_apex(j);
	while (zone_walk_next(&walk, &node) && !ferror(j->out)) zone_node(j, &node);
}

/* ---- response policy zone ------------------------------------------------------------------------------------------ */

/* "32.1.2.0.192.rpz-ip", "64.zz.2.1.db8.2001.rpz-ip": the length, then the address backwards. */
static void rpz_owner(FILE *out, const struct ip *ip)
{
	const uint8_t *o = ip->octets;
	if (ip->family == AF_INET) {
		fprintf(out, "32.%u.%u.%u.%u", o[3], o[2], o[1], o[0]);
	} else {
		int last = 3; /* zz is ::, which takes all groups of zeros that it can */
		while (last >= 0 && !(o[2 * last] | o[2 * last + 1])) last--;
		fputs("64.zz", out);
		for (int i = last; i >= 0; i--) fprintf(out, ".%x", o[2 * i] << 8 | o[2 * i + 1]);
	}
	fputs(".rpz-ip", out);
}

static void write_rpz(const struct export_job *j)
{
	struct ip unit;
	struct published row;
	fprintf(j->out,
	        "; Backstop's list as a response policy zone: answers that name a listed address become NXDOMAIN.\n"
	        "; It holds %s.\n",
	        j->all ? "all that is listed, also what sends real mail" : "what sends nothing but backscatter");
	put_apex(j);
	for (size_t i = 0; i < j->rows->count4 + j->rows->count6 && !ferror(j->out); i++) {
		zone_rows_get(j->rows, i, &unit, &row);
		if (!j->all && !(row.flags & PUBLISHED_ANY)) continue;
		rpz_owner(j->out, &unit);
		fputs(" CNAME .\n", j->out);
	}
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static json_t *codes_json(const struct published *p)
{
	uint8_t codes[PUBLISHED_CODES_MOST];
	json_t *a = json_array();
	size_t n = published_codes(p, codes);
	for (size_t i = 0; i < n; i++) {
		char code[16];
		snprintf(code, sizeof code, "127.0.0.%u", codes[i]);
		json_array_append_new(a, json_string(code));
	}
	return a;
}

static void write_json(const struct export_job *j)
{
	struct ip unit;
	struct published row;
	for (size_t i = 0; i < j->rows->count4 + j->rows->count6 && !ferror(j->out); i++) {
		char ip[IP_TEXT_SIZE], text[IP_TEXT_SIZE + 4];
		zone_rows_get(j->rows, i, &unit, &row);
		snprintf(text, sizeof text, unit.family == AF_INET ? "%s" : "%s/64", ip_text(&unit, ip));
		json_t *o =
			json_pack("{s:s, s:o, s:o, s:s, s:b, s:b}", "unit", text, "codes", codes_json(&row), "classes",
		                  format_json_classes(row.classes), "grade", grade_name(row.grade), "any",
		                  (row.flags & PUBLISHED_ANY) != 0, "manual", (row.flags & PUBLISHED_MANUAL) != 0);
		if (o) json_dumpf(o, j->out, JSON_COMPACT);
		json_decref(o);
		fputc('\n', j->out);
	}
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*write)(const struct export_job *);
} formats[] = {
#define X(name, help) {#name, write_##name},
	EXPORT_TABLE(X)
#undef X
};

bool export_format_parse(const char *name, enum export_format *out)
{
	for (size_t i = 0; i < EXPORT_COUNT; i++) {
		if (strcmp(formats[i].name, name) != 0) continue;
		*out = (enum export_format)i;
		return true;
	}
	return false;
}

void export_write(const struct export_job *j, enum export_format f)
{
	formats[f].write(j);
}
