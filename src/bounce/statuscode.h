/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statuscode - enhanced status codes and what they say (RFC 3463, RFC 5248's registry)
 *
 * A code is class.subject.detail: the class says whether trying again may help (4) or not (5), subject and detail say
 * what is wrong. Servers use them loosely, so what one means is a hint that the words of a reply may overrule. Pure.
 *
 *     struct statuscode c;
 *     if (statuscode_parse(SLICE("5.2.2"), &c)) puts(statuscode_words(&c)); // "the mailbox is full"
 */
#ifndef BACKSTOP_BOUNCE_STATUSCODE_H
#define BACKSTOP_BOUNCE_STATUSCODE_H

#include "bounce/cause.h"

struct statuscode {
	uint8_t class; /* 2, 4 or 5; 0: none */
	uint16_t subject, detail;
};

#define STATUSCODE_TEXT_SIZE 12

/* X(subject, detail, cause, weight 0..3 of that cause, words). Weight 0: the code says too little to name a cause. */
#define STATUSCODE_TABLE(X)                                                                                            \
	X(0, 0, unknown, 0, "no reason is given")                                                                      \
	X(1, 0, mailbox_unknown, 1, "something is wrong with the address")                                             \
	X(1, 1, mailbox_unknown, 3, "the mailbox does not exist")                                                      \
	X(1, 2, dns, 3, "the domain of the address does not exist or takes no mail")                                   \
	X(1, 3, mailbox_unknown, 2, "the recipient's address is not written correctly")                                \
	X(1, 4, mailbox_unknown, 2, "the recipient's address is ambiguous")                                            \
	X(1, 5, unknown, 0, "the recipient's address is valid")                                                        \
	X(1, 6, mailbox_moved, 3, "the mailbox has moved and its mail is not forwarded")                               \
	X(1, 7, sender_address, 3, "the sender's address is not written correctly")                                    \
	X(1, 8, sender_address, 3, "the domain of the sender's address does not exist or takes no mail")               \
	X(1, 9, unknown, 0, "the message was passed on to a system that does not report delivery")                     \
	X(1, 10, dns, 3, "the recipient's domain says that it takes no mail at all (null MX)")                         \
	X(2, 0, mailbox_disabled, 1, "something is wrong with the mailbox")                                            \
	X(2, 1, mailbox_disabled, 3, "the mailbox is disabled and takes no mail")                                      \
	X(2, 2, mailbox_full, 3, "the mailbox is full")                                                                \
	X(2, 3, size, 3, "the message is bigger than this mailbox accepts")                                            \
	X(2, 4, list_rule, 2, "the mailing list could not be expanded")                                                \
	X(3, 0, server, 1, "something is wrong with the receiving mail system")                                        \
	X(3, 1, server, 3, "the receiving mail system's storage is full")                                              \
	X(3, 2, server, 2, "the receiving mail system takes no mail at present")                                       \
	X(3, 3, protocol, 2, "the receiving system lacks a feature that the message needs")                            \
	X(3, 4, size, 3, "the message is too big for the receiving system")                                            \
	X(3, 5, server, 3, "the receiving system is not set up correctly")                                             \
	X(3, 6, protocol, 1, "the message was accepted with another priority than asked for")                          \
	X(4, 0, unreachable, 1, "something is wrong with the network or with routing")                                 \
	X(4, 1, unreachable, 3, "the receiving server does not answer")                                                \
	X(4, 2, unreachable, 3, "the connection broke while the message was being delivered")                          \
	X(4, 3, dns, 2, "the directory (DNS) that is needed for routing does not answer")                              \
	X(4, 4, dns, 3, "no way to the domain is known: it has no usable MX or address record")                        \
	X(4, 5, rate, 2, "the receiving system is overloaded")                                                         \
	X(4, 6, loop, 3, "the message goes round in circles")                                                          \
	X(4, 7, unreachable, 1, "the message could not be delivered within the time allowed for trying")               \
	X(5, 0, protocol, 1, "the servers did not understand each other")                                              \
	X(5, 1, protocol, 2, "a command was invalid or came out of order")                                             \
	X(5, 2, protocol, 2, "a command had a syntax error")                                                           \
	X(5, 3, too_many_recipients, 3, "the message has too many recipients")                                         \
	X(5, 4, protocol, 2, "a command had invalid arguments")                                                        \
	X(5, 5, protocol, 2, "the servers speak different versions of the protocol")                                   \
	X(5, 6, protocol, 2, "a line of the log-in was too long")                                                      \
	X(6, 0, content, 1, "something is wrong with the content or format of the message")                            \
	X(6, 1, content, 2, "the kind of content is not supported")                                                    \
	X(6, 2, content, 2, "the content would have to be converted, which is not allowed")                            \
	X(6, 3, content, 2, "the content would have to be converted, which is not supported")                          \
	X(6, 4, content, 1, "the content was converted with loss")                                                     \
	X(6, 5, content, 2, "the conversion of the content failed")                                                    \
	X(6, 6, content, 2, "the content is not available")                                                            \
	X(6, 7, protocol, 3, "an address with non-ASCII characters is not supported there")                            \
	X(6, 8, protocol, 3, "an answer with UTF-8 is needed and not supported")                                       \
	X(6, 9, protocol, 3, "the header has UTF-8, which is not supported there")                                     \
	X(6, 10, protocol, 3, "a UTF-8 header could not be passed on")                                                 \
	X(7, 0, policy, 1, "a rule or security check refused it")                                                      \
	X(7, 1, policy, 1, "a rule of the receiving side refused it")                                                  \
	X(7, 2, list_rule, 3, "the sender may not send to this mailing list")                                          \
	X(7, 3, policy, 2, "a conversion that security needs is not possible")                                         \
	X(7, 4, protocol, 2, "a security feature is not supported")                                                    \
	X(7, 5, authentication, 1, "a cryptographic check failed")                                                     \
	X(7, 6, protocol, 2, "a cryptographic method is not supported")                                                \
	X(7, 7, authentication, 2, "the message was changed on its way")                                               \
	X(7, 8, login, 3, "the log-in was refused: wrong name or password")                                            \
	X(7, 9, login, 2, "the log-in method is too weak")                                                             \
	X(7, 10, tls, 3, "encryption is required")                                                                     \
	X(7, 11, tls, 3, "the log-in needs encryption")                                                                \
	X(7, 12, login, 3, "the password has to be changed")                                                           \
	X(7, 13, mailbox_disabled, 3, "the account is disabled")                                                       \
	X(7, 14, policy, 2, "a trust relationship between the servers is needed")                                      \
	X(7, 15, policy, 1, "the priority of the message is too low at present")                                       \
	X(7, 16, size, 2, "the message is too big for its priority")                                                   \
	X(7, 17, mailbox_moved, 2, "the mailbox has another owner than the sender expects")                            \
	X(7, 18, mailbox_moved, 2, "the domain has another owner than the sender expects")                             \
	X(7, 19, protocol, 1, "the check of the mailbox's owner cannot be completed")                                  \
	X(7, 20, authentication, 3, "no valid DKIM signature was found")                                               \
	X(7, 21, authentication, 3, "no DKIM signature that the receiver accepts was found")                           \
	X(7, 22, authentication, 3, "no valid DKIM signature of the author's domain was found")                        \
	X(7, 23, authentication, 3, "by SPF this server may not send for that domain")                                 \
	X(7, 24, authentication, 2, "the domain's SPF record could not be evaluated")                                  \
	X(7, 25, authentication, 3, "the sending address has no valid reverse DNS")                                    \
	X(7, 26, authentication, 3, "several checks of who sent it failed")                                            \
	X(7, 27, sender_address, 3, "the sender's domain says that it takes no mail (null MX)")                        \
	X(7, 28, rate, 3, "the message is part of a flood of mail")                                                    \
	X(7, 29, authentication, 3, "the ARC seals do not validate")                                                   \
	X(7, 30, tls, 3, "encryption all the way (REQUIRETLS) is asked for and cannot be had")

/* The first code in text that is "C.S.D", with C 2, 4 or 5; text may go on after it. False: text begins with none. */
bool statuscode_parse(struct slice text, struct statuscode *out);
/* The text's octets that are the code at its beginning; 0: none. */
size_t statuscode_length(struct slice text);
const char *statuscode_text(const struct statuscode *c, char out[STATUSCODE_TEXT_SIZE]);
const char *statuscode_words(const struct statuscode *c); /* NULL: not in the registry */
/* The cause that the code speaks for and its weight (0..3). */
enum cause statuscode_cause(const struct statuscode *c, unsigned *weight);

#endif
