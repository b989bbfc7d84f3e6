/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command - SMTP command lines as data (RFC 5321 4.1, 3461, 1870, 6152, 6531, 3030, 4954, PRDR)
 *
 * Pure: text in, struct out; memory from the arena, slices may point into the line. One table of verbs with the states
 * in which each is allowed drives parser, state machine and HELP.
 */
#ifndef BACKSTOP_SMTP_COMMAND_H
#define BACKSTOP_SMTP_COMMAND_H

#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/xtext.h"
#include "smtp/reason.h"

/* States of a server session, a bit each. */
enum {
	STATE_GREETED = 1, /* before HELO/EHLO */
	STATE_READY = 2,   /* no transaction */
	STATE_MAIL = 4,    /* MAIL accepted, no recipient yet */
	STATE_RCPT = 8,    /* at least one recipient accepted */
	STATE_BDAT = 16,   /* a chunk was taken, LAST not yet */
	STATE_ANY = 31,
};

/* X(verb, states in which it may come, help) */
#define VERB_TABLE(X)                                                                                                  \
	X(HELO, STATE_ANY, "HELO domain")                                                                              \
	X(EHLO, STATE_ANY, "EHLO domain")                                                                              \
	X(MAIL, STATE_READY, "MAIL FROM:<address> [SIZE= BODY= SMTPUTF8 RET= ENVID= AUTH= PRDR]")                      \
	X(RCPT, STATE_MAIL | STATE_RCPT, "RCPT TO:<address> [NOTIFY= ORCPT=]")                                         \
	X(DATA, STATE_MAIL | STATE_RCPT, "DATA")                                                                       \
	X(BDAT, STATE_MAIL | STATE_RCPT | STATE_BDAT, "BDAT size [LAST]")                                              \
	X(RSET, STATE_ANY, "RSET")                                                                                     \
	X(NOOP, STATE_ANY, "NOOP [text]")                                                                              \
	X(QUIT, STATE_ANY, "QUIT")                                                                                     \
	X(VRFY, STATE_ANY, "VRFY address")                                                                             \
	X(EXPN, STATE_ANY, "EXPN list")                                                                                \
	X(HELP, STATE_ANY, "HELP")                                                                                     \
	X(STARTTLS, STATE_READY | STATE_GREETED, "STARTTLS")                                                           \
	X(AUTH, STATE_READY, "AUTH PLAIN|LOGIN [initial-response]")

enum verb {
#define X(verb, states, help) VERB_##verb,
	VERB_TABLE(X)
#undef X
		VERB_COUNT,
	VERB_UNKNOWN = VERB_COUNT,
};
const char *verb_name(enum verb v);
int verb_states(enum verb v);
const char *verb_help(enum verb v);

struct command_extensions { /* what was offered to this client; a parameter of one that was not is an error */
	bool size, eightbitmime, smtputf8, dsn, prdr, auth, chunking;
};

struct command {
	enum verb verb;
	struct slice argument; /* the text after the verb, trimmed: HELO/EHLO name, AUTH mechanism and the rest, ... */
	struct address path;   /* MAIL, RCPT */
	/* MAIL */
	bool has_size;
	uint64_t size; /* declared (RFC 1870) */
	enum body_type body;
	bool smtputf8, prdr;
	enum dsn_ret ret;
	struct slice envid; /* xtext, checked: at most 100 octets */
	/* RCPT */
	uint8_t notify;     /* NOTIFY_ bits */
	struct slice orcpt; /* checked: addr-type;xtext, at most 500 octets */
	/* BDAT */
	uint64_t chunk_size;
	bool chunk_last;
};

/* Parses a line without its CR LF. Returns REASON_ok, or the reason to refuse with; *detail (static, arena text, or a
 * part of the line) then says what is wrong. An unknown verb gives REASON_unknown_command. Tolerates one blank after
 * "FROM:" (and "TO:"), several between parameters, and blanks at the end.
 *
 * A path beyond ASCII on MAIL needs the parameter SMTPUTF8 in the same command; on RCPT the caller compares path.utf8
 * with the MAIL of the transaction (REASON_utf8_not_declared for both). The name after HELO and EHLO is checked only
 * to be one printable ASCII word of at most 255 octets: RFC 5321 4.1.4 forbids to refuse for more. AUTH and STARTTLS
 * are parsed whether they were offered or not, since only the session knows whether TLS is on. AUTH= on MAIL is
 * checked and forgotten (RFC 4954 5: nobody here is trusted to vouch). */
enum reason command_parse(struct arena *a, struct slice line, const struct command_extensions *offered,
                          struct command *out, struct slice *detail);

#endif
