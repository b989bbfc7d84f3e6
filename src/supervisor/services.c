/* SPDX-License-Identifier: Apache-2.0 */
/* services - the table of services, and the command lines that start them */
#include "cli/cli.h"
#include "dns/dns.h"
#include "list/keeper.h"
#include "relay/relay.h"
#include "supervisor/supervisor.h"

static const char help[] = "Usage: backstop run [-c FILE]      all services that the configuration has a section for\n"
			   "       backstop relay [-c FILE]    the relay alone\n"
			   "       backstop keeper [-c FILE]   the keeper of the list alone; see also keeper --help\n"
			   "       backstop dns [-c FILE]      the name server of the list alone\n"
			   "\n"
			   "Stays in the foreground and logs to standard error. Start it as root: it opens the ports\n"
			   "and its services then drop to the configured user.\n"
			   "\n"
			   "  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
			   "  -h, --help         this text\n"
			   "\n"
			   "SIGHUP reloads the configuration and the TLS certificate without dropping a session.\n"
			   "SIGTERM or SIGINT stops: sessions may end within drain-time. A second one stops at once.\n"
			   "\n"
			   "Exit status: 0 stopped, 1 a service had to be killed, 2 usage, 3 cannot run.\n";

static bool relay_wanted(const struct config *c)
{
	return c->relay.enabled;
}

static size_t relay_listeners(const struct config *c, struct listener_want out[SERVICE_LISTENERS])
{
	size_t n = 0;
	for (size_t i = 0; i < c->relay.listen_count && n < SERVICE_LISTENERS; i++)
		out[n++] = (struct listener_want){c->relay.listen[i], LISTENER_STREAM};
	return n;
}

static bool keeper_wanted(const struct config *c)
{
	return c->keeper_enabled;
}

static size_t no_listeners(const struct config *c, struct listener_want out[SERVICE_LISTENERS])
{
	return 0;
}

static bool dns_wanted(const struct config *c)
{
	return c->dns_enabled;
}

static const struct supervisor_service services[] = {
	{"relay", relay_wanted, relay_listeners, relay_run},
	{"keeper", keeper_wanted, no_listeners, keeper_run},
	{"dns", dns_wanted, dns_listeners, dns_run},
};

int supervisor_main(int argc, char **argv)
{
	struct cli_options o;
	cli_begin(&o, argv[0], help);
	if (cli_getopt(&o, argc, argv, NULL) != -1) return o.status;
	if (optind < argc) return cli_usage("unexpected operand %s", argv[optind]);
	struct supervisor_options options = {
		.config_path = o.config_path,
		.only = strcmp(argv[0], "run") == 0 ? NULL : argv[0],
		.services = services,
		.service_count = sizeof services / sizeof *services,
	};
	return supervisor_run(&options);
}

int keeper_main(int argc, char **argv)
{
	static const char *const once[] = {"--once", "--dry-run", "--now", "--json", "--help", "-h"};
	for (int i = 1; i < argc; i++)
		for (size_t k = 0; k < sizeof once / sizeof *once; k++)
			if (strncmp(argv[i], once[k], strlen(once[k])) == 0) return cli_keeper(argc, argv);
	return supervisor_main(argc, argv);
}
