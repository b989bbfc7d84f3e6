/* SPDX-License-Identifier: Apache-2.0 */
/*
 * structure - what the form of a message shows: the signals that need no language
 *
 * A rule bundle says what each is worth. Pure; any thread.
 */
#ifndef BACKSTOP_BOUNCE_STRUCTURE_H
#define BACKSTOP_BOUNCE_STRUCTURE_H

/* X(NAME, word, what it means): the words stand in bundles and in answers; docs/rules.md describes each
 * (scripts/check-docs). */
#define STRUCTURE_TABLE(X)                                                                                             \
	X(REPORT, "type.report", "Content-Type: multipart/report")                                                     \
	X(REPORT_STATUS, "type.delivery-status", "report-type=delivery-status")                                        \
	X(REPORT_DISPOSITION, "type.disposition-notification", "report-type=disposition-notification")                 \
	X(REPORT_FEEDBACK, "type.feedback-report", "report-type=feedback-report")                                      \
	X(REPORT_OTHER, "type.other-report", "another report-type, as tlsrpt")                                         \
	X(STATUS, "part.delivery-status", "a part message/delivery-status (RFC 3464), or its RFC 6533 form")           \
	X(STATUS_FIELDS, "status.fields", "fields of a delivery status: a recipient with Action or Status")            \
	X(DISPOSITION, "part.disposition-notification", "a part message/disposition-notification (RFC 8098)")          \
	X(FEEDBACK, "part.feedback-report", "a part message/feedback-report (RFC 5965)")                               \
	X(FEEDBACK_FIELDS, "feedback.fields", "Feedback-Type in that part")                                            \
	X(ORIGINAL, "original.part", "a message, or its header, as a part behind the text")                            \
	X(ORIGINAL_TEXT, "original.text", "the header of a message quoted in the text")                                \
	X(ORIGINAL_RETURNED, "original.returned", "a message is returned to whom wrote it")                            \
	X(ORIGINAL_REPORT, "original.report", "the message as a part is a report itself")                              \
	X(ORIGINAL_COMPLAINED, "original.complained", "the message as a part names who complained of it")              \
	X(FAILED_RECIPIENTS, "header.failed-recipients", "the field X-Failed-Recipients")                              \
	X(PATH_NULL, "path.null",                                                                                      \
	  "the return path is <>: the envelope's, or the Return-Path field when it is unknown")                        \
	X(PATH_DAEMON, "path.daemon", "the return path is of mailer-daemon or postmaster")                             \
	X(PATH_USER, "path.user", "the return path is anybody else's")                                                 \
	X(LIST, "header.list", "List-Id, List-Post, List-Unsubscribe: it came by a list")                              \
	X(ANSWER, "header.answer", "In-Reply-To or References: it answers something")                                  \
	X(PROGRAM, "header.mail-program", "User-Agent, X-Mailer or the like, as people's programs write")              \
	X(NO_FROM, "from.absent", "neither a From nor a Sender field")                                                 \
	X(DIGEST, "type.digest", "multipart/digest: several messages")                                                 \
	X(CALENDAR, "part.calendar", "an invitation, or the answer to one")                                            \
	X(ATTACHMENT, "part.attachment", "a document, archive or program")                                             \
	X(HTML_ONLY, "body.html-only", "the text is there as HTML only")                                               \
	X(QUOTES, "body.quotes", "what is answered is quoted: by \">\", or below its header")                          \
	X(LONG, "body.long", "more than 6,000 octets of its own words")                                                \
	X(EMPTY, "body.empty", "no text at all")

enum structure {
#define X(name, word, meaning) STRUCTURE_##name,
	STRUCTURE_TABLE(X)
#undef X
		STRUCTURE_COUNT
};

#endif
