/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/orgdomain.h"
#include "smtp/client.h"

#define SUFFIX_LIST_MOST (16 * 1024 * 1024)

static void fill_settings(struct setup *s, const char *temporary_dir)
{
	const struct config *c = s->config;
	s->settings = (struct server_settings){
		.hostname = c->hostname,
		.tls = s->server_tls,
		.auth = s->server_tls != NULL,
		.temporary_dir = temporary_dir,
		.message_size_limit = c->relay.message_size_limit,
		.memory_body_limit = c->relay.memory_body_limit,
		.recipient_limit = c->relay.recipient_limit,
		.session_message_limit = c->relay.session_message_limit,
		.session_error_limit = c->relay.session_error_limit,
		.command_timeout = c->relay.command_timeout,
		.data_timeout = c->relay.data_timeout,
		.data_time_limit = c->relay.data_time_limit,
		.session_time_limit = c->relay.session_time_limit,
	};
	*s->downstream_timeouts = (struct client_timeouts){
		.connect = c->relay.downstream_connect_timeout,
		.greeting = c->relay.downstream_command_timeout,
		.command = c->relay.downstream_command_timeout,
		.data_start = c->relay.downstream_command_timeout,
		.data_block = c->relay.downstream_command_timeout,
		.data_end = c->relay.downstream_data_timeout,
	};
}

/* The file is read here, with the service's rights: enter_sandbox() in relay.c lets it. */
static enum error load_suffixes(struct setup *s, char why[256])
{
	const struct config *c = s->config;
	if (c->auth.dmarc != DMARC_BY_SUFFIX_LIST) return ERR_OK;
	if (!c->auth.suffix_list) {
		enum error e = suffix_list_load(SLICE_EMPTY, &s->suffixes);
		if (e) snprintf(why, 256, "auth: dmarc: libpsl brings no suffix list; set suffix-list");
		return e;
	}
	FILE *f = fopen(c->auth.suffix_list, "re");
	char *text = f ? malloc(SUFFIX_LIST_MOST) : NULL;
	enum error e = f ? ERR_NO_MEMORY : error_from_errno(errno);
	if (text) {
		size_t n = fread(text, 1, SUFFIX_LIST_MOST, f);
		e = ferror(f)               ? ERR_IO
		    : n == SUFFIX_LIST_MOST ? ERR_LIMIT
		                            : suffix_list_load(slice_of(text, n), &s->suffixes);
	}
	if (e) snprintf(why, 256, "suffix-list %s: %s", c->auth.suffix_list, error_text(e));
	free(text);
	if (f) fclose(f);
	return e;
}

enum error setup_new(struct config *c, const char *temporary_dir, struct setup **out, char why[256])
{
	struct setup *s = calloc(1, sizeof *s);
	enum error e = ERR_NO_MEMORY;
	*out = NULL;
	snprintf(why, 256, "%s", error_text(e));
	if (!s) return e;
	s->references = 1;
	s->config = config_ref(c);
	s->downstream_timeouts = calloc(1, sizeof *s->downstream_timeouts);
	if (s->downstream_timeouts) e = tls_client_new(&s->client_tls, why);
	if (!e && c->tls_certificate_pem.n)
		e = tls_server_new(c->tls_certificate_pem, c->tls_key_pem, true, &s->server_tls, why);
	if (!e) e = load_suffixes(s, why);
	if (e) {
		setup_unref(s);
		return e;
	}
	fill_settings(s, temporary_dir);
	*out = s;
	return ERR_OK;
}

struct setup *setup_ref(struct setup *s)
{
	__atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
	return s;
}

void setup_unref(struct setup *s)
{
	if (!s || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0) return;
	tls_unref(s->server_tls);
	tls_unref(s->client_tls);
	suffix_list_free(s->suffixes);
	config_unref(s->config);
	free(s->downstream_timeouts);
	free(s);
}
