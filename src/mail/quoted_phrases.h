/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quoted_phrases - what stands in lines by which a program announces the message that it returns; for quoted.c only
 *
 * ASCII in lower case. Found anywhere in such a line; those of mail servers first, then those of people's programs.
 */
#ifndef BACKSTOP_MAIL_QUOTED_PHRASES_H
#define BACKSTOP_MAIL_QUOTED_PHRASES_H

/* clang-format off */
static const char *const announcements[] = {
	"copy of the message", "copy of your message", "copy of message", "copy of the original message",
	"copy of the mail", "original message", "original mail", "original email", "original e-mail",
	"original header", "message header", "mail header", "headers of the message", "headers of your message",
	"header of the message", "header of your message", "message follows", "mail follows",
	"message text follows", "headers follow", "header follows", "returned message", "returned mail",
	"undelivered message", "undeliverable message", "unsent message", "failed message", "rejected message",
	"bounced message", "your message reads", "text of your message", "text of message", "message contents",
	"contents of the message", "content of your message", "message you sent", "message was sent with",
	"following header fields", "first part of the message", "beginning of the message",
	"beginning of your message", "lines of the message", "lines of your message", "forwarded message",
	"message below", "message is below", "attached message", "ursprüngliche nachricht", "ursprüngliche mail",
	"originalnachricht", "kopie der nachricht", "kopie ihrer nachricht", "originale nachricht",
	"originalen nachricht", "message d'origine", "message original", "message initial", "copie du message",
	"mensaje original", "mensaje inicial", "copia del mensaje", "messaggio originale", "copia del messaggio",
	"mensagem original", "cópia da mensagem", "oorspronkelijk bericht", "originele bericht",
	"ursprungligt meddelande", "ursprungliga meddelandet", "opprinnelig melding", "oprindelig meddelelse",
	"alkuperäinen viesti", "oryginalna wiadomo", "původní zpráva", "eredeti üzenet", "mesajul original",
	"orijinal ileti", "сходное сообщ", "ригинально", "опия сообщен", "元のメッセージ", "元のメール", "原始邮件", "原始郵件", "原邮件",
	"원본 메시지",
};
/* clang-format on */

#endif
