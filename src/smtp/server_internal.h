/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_internal - what the files of the server session share: server.c (session, commands), server_data.c (DATA, BDAT),
 * server_auth.c (AUTH). Not for others.
 */
#ifndef BACKSTOP_SMTP_SERVER_INTERNAL_H
#define BACKSTOP_SMTP_SERVER_INTERNAL_H

#include "base/clock.h"
#include "smtp/server.h"

/* One line without its line end, copied into command_arena. ERR_LIMIT: it was too long (and has been skipped); ERR_SYNTAX: it had a
 * bare CR or LF (the rest of the input was dropped). Other errors end the session. */
enum error server_read_line(struct session *s, size_t limit, int64_t deadline, struct slice *line);
void server_reply(struct session *s, const struct reply *r);
void server_reply_code(struct session *s, int code, const char *enhanced, const char *text);
/* Refuses with a row of the table; counts it as an error of the client when it is one. */
void server_refuse(struct session *s, const char *stage, enum reason reason, struct slice detail);
/* Says 421 and ends the session after this command. */
void server_end(struct session *s, enum reason reason);
/* What a failed wait on the stream means: 421 timeout, shutting down, or nothing (the connection is gone). Ends the session. */
void server_lost(struct session *s, enum error e);
int64_t server_deadline(const struct session *s, int64_t timeout_ms);
void server_transaction_free(struct session *s);
struct command_extensions server_extensions(const struct session *s);

void server_command_data(struct session *s);
void server_command_bdat(struct session *s, const struct command *c);
void server_command_auth(struct session *s, const struct command *c);

#endif
