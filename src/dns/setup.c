/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/setup.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/service.h"

#define SOA_REFRESH 3600 /* secondaries are told of changes (NOTIFY); this is for when that got lost */
#define SOA_RETRY   600
#define SOA_EXPIRE  604800
#define ARENA_MOST  (1 << 20)

static bool name_of(const char *text, struct wire_name *out)
{
	return wire_name_parse(text, strlen(text), out);
}

static bool contact_of(const struct config *c, struct wire_name *out)
{
	char mailbox[300];
	if (c->dns.contact) return list_zone_contact(c->dns.contact, out);
	snprintf(mailbox, sizeof mailbox, "hostmaster@%s", c->dns.zone);
	return list_zone_contact(mailbox, out);
}

bool dns_zone_of(const struct config *c, struct list_zone *z)
{
	*z = (struct list_zone){.ttl = (uint32_t)(c->dns.ttl / 1000),
	                        .negative_ttl = (uint32_t)(c->dns.negative_ttl / 1000),
	                        .refresh = SOA_REFRESH,
	                        .retry = SOA_RETRY,
	                        .expire = SOA_EXPIRE};
	bool good = name_of(c->dns.zone, &z->name) && contact_of(c, &z->contact.name);
	for (size_t i = 0; i < c->dns.nameserver_count && i < ZONE_NAMESERVERS_MOST && good; i++)
		good = name_of(c->dns.nameservers[i], &z->nameservers[z->nameserver_count++].name);
	if (c->web_public_url) snprintf(z->site, sizeof z->site, "%s", c->web_public_url);
	if (good) list_zone_complete(z);
	return good;
}

enum error dns_setup_new(struct config *c, const struct cookie_master *cookies, struct dns_setup **out, char why[256])
{
	struct dns_setup *s = calloc(1, sizeof *s);
	*out = NULL;
	snprintf(why, 256, "%s", error_text(ERR_NO_MEMORY));
	if (!s) return ERR_NO_MEMORY;
	s->references = 1;
	s->config = config_ref(c);
	arena_init(&s->arena, ARENA_MOST);
	s->server = (struct answer_server){.zone = &s->zone,
	                                   .version = "Backstop " BACKSTOP_VERSION,
	                                   .nsid = c->dns.nsid ? c->dns.nsid : "",
	                                   .udp_size = (uint16_t)c->dns.udp_size};
	enum error e = dns_zone_of(c, &s->zone) ? ERR_OK : ERR_INVALID;
	if (e) snprintf(why, 256, "dns: a name of the zone is too long");
	if (!e && c->dns.cookie_secret)
		cookie_master_set(&s->cookies, c->dns.cookie_secret, c->dns.cookie_secret_before);
	else
		s->cookies = *cookies;
	if (!e && (e = tsig_keys_read(c->dns.tsig, c->dns.tsig_count, &s->arena, &s->keys)) != ERR_OK)
		snprintf(why, 256, "dns: tsig: %s", error_text(e));
	s->transfers = transfer_rules(c, &s->zone, &s->keys);
	if (e)
		dns_setup_unref(s);
	else
		*out = s;
	return e;
}

struct dns_setup *dns_setup_ref(struct dns_setup *s)
{
	atomic_fetch_add(&s->references, 1);
	return s;
}

void dns_setup_unref(struct dns_setup *s)
{
	if (!s || atomic_fetch_sub(&s->references, 1) != 1) return;
	config_unref(s->config);
	arena_free(&s->arena);
	explicit_bzero(&s->cookies, sizeof s->cookies);
	free(s);
}

bool dns_setup_exempt(const struct dns_setup *s, const struct ip *client)
{
	for (size_t i = 0; i < s->config->dns.rate_exempt_count; i++)
		if (prefix_contains(&s->config->dns.rate_exempt[i], client)) return true;
	return false;
}

size_t dns_workers(const struct config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = c->dns.workers > 0 ? (size_t)c->dns.workers : cores > 1 ? (size_t)cores / 2 : 1;
	size_t addresses = c->dns.listen_count ? c->dns.listen_count : 1, most = SERVICE_LISTENERS / addresses - 1;
	return n < most ? n : most;
}
