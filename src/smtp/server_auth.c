/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH PLAIN (RFC 4616) and LOGIN, over TLS only (RFC 4954). */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "smtp/server_internal.h"

#define AUTH_FAILURES 3 /* in one session; RFC 4954 4 lets us hang up */

/* Base64 text → octets in the command arena; {NULL, 0} when it is not base64. "=" alone is the empty string. */
static struct slice decode(struct session *s, struct slice text)
{
	if (slice_equal(text, SLICE("="))) return SLICE_EMPTY;
	if (text.n == 0) return SLICE_EMPTY;
	if (text.n % 4) return (struct slice){0};
	unsigned char *out = arena_alloc(&s->command_arena, text.n / 4 * 3 + 1);
	if (!out) return (struct slice){0};
	int n = EVP_DecodeBlock(out, (const unsigned char *)text.p, (int)text.n);
	if (n < 0) return (struct slice){0};
	for (size_t i = text.n; i > text.n - 2 && text.p[i - 1] == '='; i--) n--; /* padding is counted as octets */
	return slice_of(out, (size_t)n);
}

/* Sends a challenge and reads the answer. False: the exchange is over and was answered. */
static bool ask(struct session *s, const char *challenge, struct slice *answer)
{
	struct slice line;
	server_reply_code(s, 334, "", challenge);
	enum error e =
		server_read_line(s, SERVER_AUTH_LINE_LIMIT, server_deadline(s, s->settings->command_timeout), &line);
	if (e == ERR_LIMIT) {
		server_refuse(s, "AUTH", REASON_line_too_long, SLICE_EMPTY);
	} else if (e == ERR_SYNTAX) {
		server_refuse(s, "AUTH", REASON_bare_line_ending, SLICE_EMPTY);
	} else if (e) {
		server_lost(s, e);
	} else if (slice_equal(line, SLICE("*"))) {
		server_refuse(s, "AUTH", REASON_auth_cancelled, SLICE_EMPTY);
	} else {
		*answer = decode(s, line);
		if (answer->p) return true;
		server_refuse(s, "AUTH", REASON_syntax, SLICE("not base64"));
	}
	return false;
}

static bool plain(struct session *s, struct slice initial, struct slice *user, struct slice *password)
{
	struct slice text;
	if (initial.n) {
		text = decode(s, initial);
		if (!text.p) {
			server_refuse(s, "AUTH", REASON_syntax, SLICE("not base64"));
			return false;
		}
	} else if (!ask(s, "", &text)) {
		return false;
	}
	struct slice identity = slice_split(&text, '\0');
	*user = text.p ? slice_split(&text, '\0') : SLICE_EMPTY;
	*password = text.p ? text : SLICE_EMPTY;
	if (identity.n && !slice_equal(identity, *user)) *user = SLICE_EMPTY; /* RFC 4616 2: nobody acts for another */
	return true;
}

static bool login(struct session *s, struct slice initial, struct slice *user, struct slice *password)
{
	if (initial.n) {
		*user = decode(s, initial);
		if (!user->p) {
			server_refuse(s, "AUTH", REASON_syntax, SLICE("not base64"));
			return false;
		}
	} else if (!ask(s, "VXNlcm5hbWU6", user)) { /* "Username:" */
		return false;
	}
	return ask(s, "UGFzc3dvcmQ6", password); /* "Password:" */
}

void server_command_auth(struct session *s, const struct command *c)
{
	struct slice rest = c->argument, user, password;
	if (!s->settings->auth) {
		server_refuse(s, "AUTH", REASON_not_implemented, SLICE_EMPTY);
		return;
	}
	if (!stream_is_tls(s->stream)) {
		server_refuse(s, "AUTH", REASON_auth_needs_tls, SLICE_EMPTY);
		return;
	}
	if (s->user.n) {
		server_refuse(s, "AUTH", REASON_bad_sequence, SLICE("you are authenticated already"));
		return;
	}
	struct slice mechanism = slice_split(&rest, ' ');
	struct slice initial = rest.p ? slice_trim(rest) : SLICE_EMPTY;
	bool got;
	if (slice_equal_nocase(mechanism, SLICE("PLAIN"))) {
		got = plain(s, initial, &user, &password);
	} else if (slice_equal_nocase(mechanism, SLICE("LOGIN"))) {
		got = login(s, initial, &user, &password);
	} else {
		server_refuse(s, "AUTH", REASON_auth_mechanism, SLICE_EMPTY);
		return;
	}
	if (!got) return;
	bool good = user.n > 0 && s->policy_table->authenticate && s->policy_table->authenticate(s, user, password);
	if (password.n) OPENSSL_cleanse((char *)password.p, password.n);
	if (good) s->user = arena_copy(&s->arena, user);
	if (good && s->user.p) {
		server_reply_code(s, 235, "2.7.0", "welcome");
		return;
	}
	s->user = SLICE_EMPTY;
	s->errors += s->settings->session_error_limit / AUTH_FAILURES;
	server_refuse(s, "AUTH", REASON_auth_failed, SLICE_EMPTY);
}
