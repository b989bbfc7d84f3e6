/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup - what a session needs of one configuration, made once per (re)load
 *
 * Counted: every session holds the setup it began with, so that a reload changes nothing under it. Any thread.
 */
#ifndef BACKSTOP_RELAY_SETUP_H
#define BACKSTOP_RELAY_SETUP_H

#include "base/config.h"
#include "net/tls.h"
#include "smtp/server.h"

struct client_timeouts;
struct suffix_list;

struct setup {
	int references;
	struct config *config;
	struct tls_context *server_tls; /* NULL: none configured */
	struct tls_context *client_tls;
	struct suffix_list *suffixes; /* NULL: organisations are found by RFC 9989's tree walk */
	struct server_settings settings;
	struct client_timeouts *downstream_timeouts; /* smtp/client.h */
};

/* Takes a reference of the configuration. why: 256 bytes. */
enum error setup_new(struct config *c, const char *temporary_dir, struct setup **out, char why[256]);
struct setup *setup_ref(struct setup *);
void setup_unref(struct setup *); /* NULL is fine */

#endif
