/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cause - why mail is refused, at which stage, and who can do something about it
 *
 * The words of explain, each list once. The names are what `backstop explain --json` prints and what a knowledge file
 * (docs/knowledge.md) may say. Pure; any thread.
 */
#ifndef BACKSTOP_BOUNCE_CAUSE_H
#define BACKSTOP_BOUNCE_CAUSE_H

#include "base/slice.h"

/* X(name, in plain words) */
#define ACTOR_TABLE(X)                                                                                                 \
	X(sender, "the person who wrote the message")                                                                  \
	X(sender_admin, "the administrator of the sending server")                                                     \
	X(recipient_admin, "the recipient, or the administrator of the receiving server")                              \
	X(nobody, "nobody; it settles by itself")

enum actor {
#define X(name, words) ACTOR_##name,
	ACTOR_TABLE(X)
#undef X
		ACTOR_COUNT
};

/* X(name, in plain words): where in its way the message was when it was refused. */
#define STAGE_TABLE(X)                                                                                                 \
	X(unknown, "at an unknown point")                                                                              \
	X(dns, "before a connection, when the server was looked for")                                                  \
	X(connect, "when the connection was made")                                                                     \
	X(helo, "when the sending server gave its name (HELO)")                                                        \
	X(tls, "when encryption was agreed on (STARTTLS)")                                                             \
	X(mail, "when the sender was named (MAIL FROM)")                                                               \
	X(rcpt, "when the recipient was named (RCPT TO)")                                                              \
	X(data, "when the message was sent (DATA)")                                                                    \
	X(after_acceptance, "after the receiving side had accepted it")                                                \
	X(expired, "when it had been tried for too long")                                                              \
	X(local, "on the reporting server itself")

enum stage {
#define X(name, words) STAGE_##name,
	STAGE_TABLE(X)
#undef X
		STAGE_COUNT
};

/* X(name, who acts unless an entry knows better, in plain words, what to do) */
#define CAUSE_TABLE(X)                                                                                                 \
	X(unknown, sender, "the reason cannot be told from the report",                                                \
	  "Read the other server's words, and ask the recipient by other means.")                                      \
	X(blocklist, sender_admin, "the sending server or domain is on a blocklist",                                   \
	  "Look the address up at the list, end what it was listed for, then ask for its removal.")                    \
	X(reputation, sender_admin, "the sending server or domain has a poor reputation with the receiver",            \
	  "Check that the server sends nothing unwanted, and ask the receiver's postmaster to look at the address.")   \
	X(content, sender, "what the message says or carries was refused",                                             \
	  "Change the text, links or attachments and send it again; if it is harmless, tell the recipient's side.")    \
	X(policy, recipient_admin, "a rule of the receiving side refused it",                                          \
	  "Ask the recipient's administrator which rule it was, and to let you through.")                              \
	X(authentication, sender_admin, "the message failed the check of who sent it",                                 \
	  "Correct SPF, DKIM, DMARC, or the reverse DNS of the sending server.")                                       \
	X(tls, sender_admin, "the servers could not agree on encryption",                                              \
	  "Compare the TLS settings and certificates of both servers.")                                                \
	X(rate, sender_admin, "too much mail in too short a time",                                                     \
	  "Send more slowly; a server that keeps trying will get through.")                                            \
	X(mailbox_unknown, sender, "the address does not exist", "Check the spelling of the address.")                 \
	X(mailbox_full, recipient_admin, "the recipient's mailbox is full",                                            \
	  "Try again in a few days, or reach the recipient by other means.")                                           \
	X(mailbox_disabled, recipient_admin, "the mailbox exists but takes no mail",                                   \
	  "Reach the recipient by other means; only the receiving side can open the mailbox again.")                   \
	X(mailbox_moved, sender, "the recipient has moved to another address", "Use the recipient's new address.")     \
	X(size, sender, "the message is too big", "Send it with smaller attachments, or share them by a link.")        \
	X(greylisting, nobody, "a first try is put off on purpose (greylisting)",                                      \
	  "Nothing to do: the sending server tries again by itself.")                                                  \
	X(relay_denied, recipient_admin, "the server says that it is not responsible for that address",                \
	  "The receiving side must see to it that its server accepts mail for the domain; check the address too.")     \
	X(login, sender, "the server wants a log-in before it takes mail",                                             \
	  "Check account, password and port (587 or 465) in the mail program.")                                        \
	X(dns, sender, "the domain of the address cannot be found or has no mail server",                              \
	  "Check the part after the @; if it is right, the domain's administrator must correct its DNS.")              \
	X(unreachable, recipient_admin, "the receiving server could not be reached",                                   \
	  "The receiving server or the network before it is down; try again later.")                                   \
	X(loop, recipient_admin, "the message went round in circles",                                                  \
	  "The receiving side must correct a forwarding that leads back to where the message came from.")              \
	X(server, recipient_admin, "the receiving server has a fault of its own",                                      \
	  "The receiving server's administrator must repair it; try again later.")                                     \
	X(protocol, sender_admin, "one server did not understand the other",                                           \
	  "The administrators of both servers should compare their logs.")                                             \
	X(sender_address, sender_admin, "the sender's own address was refused",                                        \
	  "Make sure that the sender's address exists, can be answered, and belongs to a domain with DNS records.")    \
	X(too_many_recipients, sender, "there were too many recipients at once",                                       \
	  "Send to fewer recipients at a time.")                                                                       \
	X(list_rule, recipient_admin, "the mailing list or group takes no mail from this sender",                      \
	  "Join the list, or ask its owner to allow the sender.")                                                      \
	X(delay, nobody, "it has not been delivered yet, and is still being tried",                                    \
	  "Nothing to do yet: the sending server keeps trying.")

/* X(cause, detail, in plain words): where the detail of an entry makes another sentence of the cause. */
#define CAUSE_DETAIL_TABLE(X)                                                                                          \
	X(blocklist, "link", "a link in the message leads to a domain on a blocklist")                                 \
	X(reputation, "account", "the sender's own provider stopped the account")

enum cause {
#define X(name, actor, words, advice) CAUSE_##name,
	CAUSE_TABLE(X)
#undef X
		CAUSE_COUNT
};

const char *actor_name(enum actor a);  /* "sender_admin" */
const char *actor_words(enum actor a); /* "the administrator of the sending server" */
bool actor_parse(struct slice name, enum actor *out);

const char *stage_name(enum stage s);
const char *stage_words(enum stage s);
bool stage_parse(struct slice name, enum stage *out);

const char *cause_name(enum cause c);
const char *cause_words(enum cause c, struct slice detail); /* detail: of an entry; or empty */
const char *cause_advice(enum cause c);
enum actor cause_actor(enum cause c);
bool cause_parse(struct slice name, enum cause *out);

#endif
