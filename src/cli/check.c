/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backstop check - is this configuration good, and what would it do
 *
 * Errors are what would keep the services from starting; warnings are what would surprise later.
 */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/check_rules.h"
#include "cli/cli.h"
#include "net/tls.h"

static const char help[] = "Usage: backstop check [-c FILE] [--json]\n"
			   "\n"
			   "Reads the configuration and says whether the services would take it; files of section\n"
			   "bounce are loaded and must pass their samples. Errors name file and line. Warnings (a\n"
			   "source address that this machine does not have, a user that does not exist) do not\n"
			   "change the answer.\n"
			   "\n"
			   "  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
			   "      --json         one object: {\"ok\", \"errors\", \"warnings\", \"listen\"}\n"
			   "  -h, --help         this text\n"
			   "\n"
			   "Exit status: 0 it is good, 1 it is not, 2 usage, 3 it could not be read at all.\n";

struct findings {
	const struct cli_options *options;
	json_t *errors, *warnings, *listen;
	struct check_rules rules;
};

static void note(struct findings *f, json_t *list, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void note(struct findings *f, json_t *list, const char *format, ...)
{
	char text[CONFIG_WHY];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	json_array_append_new(list, cli_json_text(text));
	if (!f->options->json) fprintf(stderr, "%s\n", text);
}

static void warn_source(struct findings *f, const struct config *c, const struct config_pool *pool, const struct ip *ip)
{
	struct endpoint at = {.ip = *ip};
	struct sockaddr_storage sa;
	char text[IP_TEXT_SIZE];
	socklen_t n = endpoint_to_sockaddr(&at, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) < 0)
		note(f, f->warnings, "%s: warning: pool \"%s\": source: this machine does not have %s (%s)", c->path,
		     pool->name, ip_text(ip, text), strerror(errno));
	if (fd >= 0) close(fd);
}

static void warn_sections(struct findings *f, const struct config *c)
{
	const struct {
		bool given;
		const char *name;
	} later[] = {{c->web_enabled, "web"}};
	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		if (later[i].given)
			note(f, f->warnings, "%s: warning: section %s: the service is not in this release", c->path,
			     later[i].name);
	if (!c->relay.enabled && !c->keeper_enabled && !c->dns_enabled)
		note(f, f->warnings, "%s: warning: no section relay, keeper or dns: there is nothing to run", c->path);
}

/* The relay does not start without it. Whether the services' user may read it is not seen from here. */
static void look_for_anchor(struct findings *f, const struct config *c)
{
	if (!c->resolver_dnssec || access(c->resolver_trust_anchor, R_OK) == 0) return;
	note(f, errno == ENOENT ? f->errors : f->warnings, "%s: resolver: trust-anchor: %s: %s%s", c->path,
	     c->resolver_trust_anchor, strerror(errno), errno == ENOENT ? " (package dns-root-data brings one)" : "");
}

static void look_around(struct findings *f, const struct config *c)
{
	warn_sections(f, c);
	look_for_anchor(f, c);
	check_rules(c, &f->rules);
	for (size_t i = 0; i < 2; i++)
		if (f->rules.error[i][0]) note(f, f->errors, "%s", f->rules.error[i]);
	if (!strchr(c->hostname, '.'))
		note(f, f->warnings, "%s: warning: hostname: %s is not a full domain name, other servers may refuse it",
		     c->path, c->hostname);
	if (geteuid() == 0 && !getpwnam(c->user))
		note(f, f->warnings, "%s: warning: user: this system has no user %s", c->path, c->user);
	for (size_t i = 0; i < c->relay.pool_count; i++)
		for (size_t j = 0; j < c->relay.pools[i].source_count; j++)
			warn_source(f, c, &c->relay.pools[i], &c->relay.pools[i].sources[j]);
	if (!c->tls_certificate) return;
	struct tls_context *tls = NULL;
	char why[256] = "";
	if (tls_server_new(c->tls_certificate_pem, c->tls_key_pem, true, &tls, why) != ERR_OK)
		note(f, f->errors, "%s: tls: %s", c->path, why);
	tls_unref(tls);
}

static void list_listeners_of(struct findings *f, const char *service, const struct endpoint *at, size_t n)
{
	char text[ENDPOINT_TEXT_SIZE];
	for (size_t i = 0; i < n; i++)
		json_array_append_new(f->listen,
		                      json_pack("{ssss}", "service", service, "address", endpoint_text(&at[i], text)));
}

static void list_listeners(struct findings *f, const struct config *c)
{
	if (c->relay.enabled) list_listeners_of(f, "relay", c->relay.listen, c->relay.listen_count);
	if (c->dns_enabled) list_listeners_of(f, "dns", c->dns.listen, c->dns.listen_count);
}

static void print_summary(const struct findings *f, const struct config *c)
{
	printf("%s: ok\n", c->path);
	size_t i;
	json_t *row;
	json_array_foreach(f->listen, i, row)
		printf("  %s listens on %s\n", json_string_value(json_object_get(row, "service")),
	               json_string_value(json_object_get(row, "address")));
	if (c->dns_enabled) printf("  the list is safe.%s and any.%s\n", c->dns.zone, c->dns.zone);
	if (!c->relay.enabled) return;
	printf("  TLS is %s to clients\n", c->tls_certificate ? "offered" : "not offered");
	printf("  %zu pools, %zu routes, %zu blocklists\n", c->relay.pool_count, c->relay.route_count,
	       c->relay.blocklist_count);
	for (i = 0; i < 2; i++)
		if (f->rules.loaded[i][0]) printf("  %s\n", f->rules.loaded[i]);
}

int cli_check(int argc, char **argv)
{
	struct cli_options o;
	cli_begin(&o, argv[0], help);
	if (cli_getopt(&o, argc, argv, NULL) != -1) return o.status;
	if (optind < argc) return cli_usage("unexpected operand %s", argv[optind]);
	struct findings f = {.options = &o, .errors = json_array(), .warnings = json_array(), .listen = json_array()};
	struct config *c = NULL;
	char why[CONFIG_WHY];
	int status = CLI_DONE;
	enum error e = config_load(o.config_path, &c, why);
	if (e == ERR_OK) {
		look_around(&f, c);
		list_listeners(&f, c);
	} else {
		for (char *rest = why, *line; (line = strsep(&rest, "\n"));) note(&f, f.errors, "%s", line);
		if (access(o.config_path, R_OK) < 0) status = CLI_CANNOT;
	}
	bool ok = json_array_size(f.errors) == 0;
	if (!ok && status == CLI_DONE) status = CLI_NO;
	if (ok && !o.json) print_summary(&f, c);
	if (o.json)
		cli_print_json(json_pack("{sbsososo}", "ok", ok, "errors", json_incref(f.errors), "warnings",
		                         json_incref(f.warnings), "listen", json_incref(f.listen)));
	json_decref(f.errors);
	json_decref(f.warnings);
	json_decref(f.listen);
	config_unref(c);
	return cli_finish(status);
}
