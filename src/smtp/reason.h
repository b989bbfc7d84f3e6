/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason - why Backstop refuses, in one table
 *
 * Invariant 4: every refusal explains itself. Each row has the SMTP code (RFC 5321), the enhanced status code
 * (RFC 3463), one plain sentence, and the anchor of the page docs/reasons.md that says what to do. The same row drives
 * the SMTP reply, the log line (reason=name) and the metric. Pure.
 *
 * A reply is made by reply_set_reason() (smtp/reply.h): code, sentence, a detail if there is one, and the link.
 */
#ifndef BACKSTOP_SMTP_REASON_H
#define BACKSTOP_SMTP_REASON_H

#include "base/slice.h"

/* X(name, code, enhanced, sentence) - append freely; every row needs a section in docs/reasons.md */
/* clang-format off */
#define REASON_TABLE(X)                                                                                                \
	X(ok, 250, "2.0.0", "ok")                                                                                      \
	X(relay_denied, 550, "5.7.1", "relaying denied: neither the sender nor the recipient belongs here")            \
	X(not_your_domain, 550, "5.7.1", "this server may send only as its own domains")                               \
	X(unknown_recipient, 550, "5.1.1", "no such user here")                                                        \
	X(learned_recipient, 550, "5.1.1", "no such user: its own server has returned mail for this address")          \
	X(unknown_domain, 550, "5.1.2", "this domain is not served here")                                              \
	X(bad_address, 501, "5.1.3", "bad recipient address syntax")                                                   \
	X(bad_sender_address, 501, "5.1.7", "bad sender address syntax")                                               \
	X(relay_trick, 550, "5.7.1", "addresses with %, ! or a second @ in the local part are not relayed")            \
	X(null_many_recipients, 550, "5.5.3", "a bounce has one recipient")                                            \
	X(other_downstream, 452, "4.5.3", "please send this recipient in a transaction of its own")                    \
	X(too_many_recipients, 452, "4.5.3", "too many recipients in one transaction; send the rest in another")       \
	X(too_many_unknown, 421, "4.7.0", "too many unknown recipients in this session")                               \
	X(listed_safe_mode, 550, "5.7.1", "this server is listed as a source of backscatter; only bounces are refused") \
	X(listed, 550, "5.7.1", "this server is on a blocklist")                                                       \
	X(downstream_unavailable, 451, "4.4.1", "the server for this recipient cannot be reached now; please try later") \
	X(downstream_lost, 451, "4.4.2", "the connection to the server for this recipient was lost; please try later") \
	X(downstream_protocol, 451, "4.5.0", "the server for this recipient gave an answer that makes no sense")       \
	X(needs_smtputf8, 550, "5.6.7", "the next server does not offer SMTPUTF8, which this address needs")           \
	X(needs_8bitmime, 550, "5.6.3", "the next server does not offer 8BITMIME, which this message needs")           \
	X(message_too_big, 552, "5.3.4", "the message is larger than this server accepts")                             \
	X(header_too_big, 552, "5.3.4", "the message header is larger than this server accepts")                       \
	X(too_many_hops, 554, "5.4.6", "too many hops: this message is going round in a loop")                         \
	X(bare_line_ending, 550, "5.6.0", "lines must end with CR LF; a bare CR or LF was found")                      \
	X(line_too_long, 500, "5.5.2", "line too long")                                                                \
	X(no_memory, 452, "4.3.1", "not enough memory now; please try later")                                          \
	X(no_space, 452, "4.3.1", "not enough storage now; please try later")                                          \
	X(storage_failed, 451, "4.3.0", "the message could not be stored; please try later")                           \
	X(syntax, 501, "5.5.4", "syntax error in parameters")                                                          \
	X(unknown_command, 500, "5.5.1", "command not recognized")                                                     \
	X(bad_sequence, 503, "5.5.1", "bad sequence of commands")                                                      \
	X(not_implemented, 502, "5.5.1", "command not implemented")                                                    \
	X(unknown_parameter, 555, "5.5.4", "parameter not recognized")                                                 \
	X(pipelined_tls, 503, "5.5.1", "nothing may follow STARTTLS before TLS has begun")                             \
	X(early_talker, 554, "5.5.1", "you must wait for the greeting")                                                \
	X(auth_required, 530, "5.7.0", "authentication required")                                                      \
	X(auth_needs_tls, 538, "5.7.11", "authentication is offered only over TLS")                                    \
	X(auth_failed, 535, "5.7.8", "authentication failed")                                                          \
	X(auth_cancelled, 501, "5.7.0", "authentication cancelled")                                                    \
	X(auth_mechanism, 504, "5.5.4", "authentication mechanism not supported")                                      \
	X(tls_unavailable, 454, "4.7.0", "TLS is not available now")                                                   \
	X(too_many_connections, 421, "4.7.0", "too many connections from your address; please try later")              \
	X(too_fast, 421, "4.7.0", "too many connections or messages in a short time; please try later")                \
	X(too_many_errors, 421, "4.7.0", "too many errors; goodbye")                                                   \
	X(too_many_messages, 421, "4.7.0", "enough messages in one session; please connect again")                     \
	X(session_too_long, 421, "4.4.2", "this session has lasted long enough; please connect again")                 \
	X(timeout, 421, "4.4.2", "timeout; closing the connection")                                                    \
	X(shutting_down, 421, "4.3.2", "the server is going down; please try again soon")                              \
	X(too_busy, 421, "4.3.2", "too busy; please try later")                                                        \
	X(internal, 451, "4.3.0", "internal error; please try later")                                                  \
	X(utf8_not_declared, 553, "5.6.7", "an address beyond ASCII needs the SMTPUTF8 parameter on MAIL")             \
	X(no_recipients, 554, "5.5.1", "no recipient was accepted, so there is nobody to send this to")                \
	X(untagged_bounce, 550, "5.7.1", "the mail that this answers was not sent from this address: its return path bears no tag") \
	X(forged_tag, 550, "5.7.1", "the mail that this answers was not sent from here: the tag of its return path is not ours") \
	X(expired_tag, 550, "5.7.1", "the mail that this answers was sent too long ago: the tag of its return path has expired") \
	X(backscatter, 550, "5.7.1", "the mail that this answers was not sent from here: its sender was forged")       \
	X(dmarc_reject, 550, "5.7.26", "the author's domain asks to reject mail that does not prove to be its own (DMARC)") \
	X(unproven_sender, 451, "4.4.1", "its server is away, and nothing proves who may be told of a failure; please try later") \
	X(trap, 550, "5.7.1", "this address never sends mail, so what answers it is backscatter")                      \
	X(report_no_bounce, 550, "5.6.0", "no bounce or automatic reply was found in it: attach the whole message that came to you") \
	X(report_no_source, 550, "5.6.0", "the Received fields of the attached message do not tell which server gave it to you") \
	X(report_genuine, 550, "5.7.1", "the attached bounce is genuine: the mail that it answers was sent from your servers") \
	X(not_read, 550, "5.1.1", "nobody reads mail for this address")                                                \
	X(tenant_disabled, 450, "4.3.2", "mail for this domain is suspended for now; please try later")
/* clang-format on */

enum reason {
#define X(name, code, enhanced, sentence) REASON_##name,
	REASON_TABLE(X)
#undef X
		REASON_COUNT
};

struct reason_row {
	const char *name; /* "relay_denied" */
	int code;
	const char *enhanced;
	const char *sentence;
};
const struct reason_row *reason_row(enum reason r);

#endif
