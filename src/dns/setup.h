/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup - what answering needs of one configuration, made once per (re)load
 *
 * Immutable and counted: each thread holds a reference while it answers, so a reload changes nothing under it. Any thread.
 */
#ifndef BACKSTOP_DNS_SETUP_H
#define BACKSTOP_DNS_SETUP_H

#include "base/arena.h"
#include "base/config.h"
#include "dns/answer.h"
#include "dns/cookie.h"
#include "dns/transfer.h"

struct dns_setup {
	_Atomic int references;
	struct config *config;
	struct list_zone zone;
	struct answer_server server;
	struct cookie_master cookies;
	struct arena arena;
	struct tsig_keys keys;
	struct transfer_rules transfers;
};

/* The zone of a configuration that names one. False: a name is too long. */
bool dns_zone_of(const struct config *c, struct list_zone *out);

/* Takes a reference of the configuration. cookies: the master that stays as long as the process, for when the configuration has no
 * secret. ERR_NO_MEMORY; ERR_INVALID: a name is too long. */
enum error dns_setup_new(struct config *c, const struct cookie_master *cookies, struct dns_setup **out, char why[256]);
struct dns_setup *dns_setup_ref(struct dns_setup *);
void dns_setup_unref(struct dns_setup *); /* NULL is fine */
/* Whether the rates are not for this client. */
bool dns_setup_exempt(const struct dns_setup *s, const struct ip *client);
/* Threads for each address to listen on, 1 at least, so that all sockets fit into one service. */
size_t dns_workers(const struct config *c);

#endif
