/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "bounce/classify.h"
#include "bounce/structure.h"

/* Return paths of cases. */
#define UNKNOWN NULL
#define NOBODY  ""

#define TEXT_UTF8 "Content-Type: text/plain; charset=utf-8\n\n"

static const struct {
	const char *name, *mail_from;
	enum bounce_class class;
	enum bounce_kind kind;
	const char *message;
} cases[] = {
	/* ---- programs that write delivery reports */
	{"OpenSMTPD", NOBODY, CLASS_NDR, KIND_FAILED,
         "Subject: Delivery status notification: error\nFrom: Mailer Daemon <MAILER-DAEMON@mx.example.net>\n\n"
         "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n"
         "    An error has occurred while attempting to deliver a message for\n    the following list of "
         "recipients:\n\n"
         "jo@example.org: 550 5.1.1 no such user\n\n    Below is a copy of the original message:\n\nFrom: "
         "a@example.net\n"},
	{"OpenSMTPD, a warning", NOBODY, CLASS_NDR, KIND_DELAYED,
         "Subject: Delivery status notification: warning\nFrom: Mailer Daemon <MAILER-DAEMON@mx.example.net>\n\n"
         "    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    A message is delayed for more than "
         "4h "
         "for the following\n    list of recipients:\n\njo@example.org: Network error on destination MXs\n\n"
         "    Please note that this is a temporary failure report.\n    The message is kept in the queue for up to 4 "
         "days. "
         "We will keep trying until then; this is a warning only.\n"},
	{"DragonFly Mail Agent, unknown envelope", UNKNOWN, CLASS_NDR, KIND_FAILED,
         "From: MAILER-DAEMON <>\nSubject: Mail delivery failed\n\nThis is the DragonFly Mail Agent v0.13 at "
         "a.example.net.\n\n"
         "There was an error delivering your mail to <jo@example.org>.\n\nMessage headers follow.\n\nReceived: from "
         "root\n"},
	{"Courier", "postmaster@example.net", CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.net\nSubject: NOTICE: mail delivery status.\n\nThis is a delivery status "
         "notification from "
         "mx.example.net,\nrunning the Courier mail server, version 1.\n\n             UNDELIVERABLE MAIL\n\n"
         "Your message to the following recipients cannot be delivered:\n\n<jo@example.org>:\n<<< 550 no\n"},
	{"PowerMTA", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@mx.example.net\nSubject: Delivery report\n\nHello, this is the mail server on "
         "mx.example.net.\n\n"
         "I am sending you this message to inform you on the delivery status of a\nmessage you previously sent.\n\n"
         "  <jo@example.org>\n    delivery failed; will not continue trying\n"},
	{"Haraka", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\nHi. This is the Haraka Mailer program at "
         "mx.example.net.\n"
         "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
         "This is a permanent error; I've given up. Sorry it didn't work out.\n\n<jo@example.org>: 550 no\n"},
	{"Google, free text", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\nX-Failed-Recipients: jo@example.org\n"
         "Subject: Delivery Status Notification (Failure)\n\nDelivery to the following recipient failed "
         "permanently:\n\n"
         "     jo@example.org\n\nTechnical details of permanent failure:\nDNS Error\n"},
	{"Google, waiting", NOBODY, CLASS_NDR, KIND_DELAYED,
         "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\nSubject: Delivery Status Notification "
         "(Delay)\n\n"
         "This is an automatically generated Delivery Status Notification\n\nTHIS IS A WARNING MESSAGE ONLY.\n\n"
         "YOU DO NOT NEED TO RESEND YOUR MESSAGE.\n\nDelivery to the following recipient has been delayed:\n\n  "
         "jo@example.org\n"},
	{"Yahoo, whose report has the header of what it returns", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: MAILER-DAEMON@yahoo.com\nSubject: Failure Notice\nContent-Type: multipart/alternative; "
         "boundary=\"x\"\n\n"
         "Sorry, we were unable to deliver your message to the following address.\n\n<jo@example.org>:\nRemote host "
         "said:\n"
         "550 User Unknown\n\n--- Below this line is a copy of the message.\n\nReceived: from a.example.net\nFrom: "
         "a@example.net\n"
         "Subject: hello\n\n--x\n\nhello\n--x--\n"},
	{"Sun Messaging Server", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: Internet Mail Delivery <postmaster@example.net>\nSubject: Delivery Notification: Delivery has "
         "failed\n\n"
         "This report relates to a message you sent with the following header fields:\n\n  Message-id: "
         "<1@example.net>\n\n"
         "Your message cannot be delivered to the following recipients:\n\n  Recipient address: jo@example.org\n"},
	{"GMX and 1&1", UNKNOWN, CLASS_NDR, KIND_FAILED,
         "From: \"Mail Delivery System\" <mailer-daemon@example.de>\nSubject: Mail delivery failed: returning message "
         "to sender\n\n"
         "This message was created automatically by mail delivery software.\n\nA message that you sent could not be "
         "delivered to "
         "one or more of\nits recipients. The following addresses failed:\n\n\"jo@example.org\":\nno valid "
         "recipient\n"},
	{"Barracuda", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@barracuda.example.net\nSubject: **Message you sent blocked by our bulk email filter**\n\n"
         "Your message to: jo@example.org\nwas blocked by our Spam Firewall. The email you sent with the following "
         "subject has "
         "NOT BEEN DELIVERED:\n\nSubject: hello\n"},
	{"MailMarshal", "postmaster@example.net", CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.net\nSubject: Undeliverable Mail: \"hello\"\n\nYour message:\n   From: "
         "a@example.net\n"
         "   Subject: hello\n\nCould not be delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients "
         "were affected:\n"
         "   jo@example.org\n"},
	{"Apache James", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.net\nSubject: [BOUNCE]\n\nHi. This is the James mail server at mx.example.net.\n"
         "I'm afraid I wasn't able to deliver your message to the following addresses.\n\njo@example.org\n"},
	{"IMail", UNKNOWN, CLASS_NDR, KIND_FAILED,
         "From: \"Postmaster\" <postmaster@example.net>\nSubject: Undeliverable Mail\nX-Mailer: <SMTP32 v8>\n\n"
         "User mailbox exceeds allowed size: jo@example.org\n\nOriginal message follows.\n\nReceived: from a\n"},
	{"Sendmail 5", "MAILER-DAEMON@example.net", CLASS_NDR, KIND_FAILED,
         "From: Mail Delivery Subsystem <MAILER-DAEMON@example.net>\nSubject: Returned mail: User unknown\n\n"
         "   ----- Transcript of session follows -----\n>>> RCPT To:<jo@example.org>\n<<< 550 <jo@example.org>... User "
         "unknown\n\n"
         "   ----- Unsent message follows -----\nReceived: by example.net\n"},
	{"fml", "owner-list@example.jp", CLASS_NDR, KIND_FAILED,
         "From: fml-admin@example.jp\nSubject: NOT MEMBER article from a@example.net\nX-MLServer: fml\n\n"
         "Hi, I am the fml ML manager for the ML <list@example.jp>.\nYou are not a member of this ML.\n\nOriginal mail "
         "as follows:\n\n"
         "From: a@example.net\n"},
	{"Domino, German", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.de\nSubject: ZUSTELLUNGSFEHLER: User jo (jo@example.de) not listed in Domino "
         "Directory\n\n"
         "Ihre Nachricht\n\n  Betreff: hallo\n\nkonnte nicht zugestellt werden an:\n\n  jo@example.de\n"},
	{"Exchange, by HTML alone", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: Microsoft Outlook <postmaster@example.onmicrosoft.com>\nSubject: Undeliverable: hello\nAuto-Submitted: "
         "auto-replied\n"
         "Content-Type: text/html\n\n<b>Your message to jo@example.org couldn&#39;t be delivered.</b><p>jo wasn't "
         "found at example.org.\n"},
	{"a report without any text", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.net\nSubject: hello\nContent-Type: multipart/report; report-type=delivery-status; "
         "boundary=x\n\n"
         "--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; "
         "jo@example.org\n"
         "Status: 5.0.0\n--x--\n"},
	{"a report cut off in its first part", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\nSubject: Undelivered Mail Returned to Sender\n"
         "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nThis is the mail sys"},
	{"expanded", NOBODY, CLASS_NDR, KIND_EXPANDED,
         "From: postmaster@example.net\nSubject: Expanded: hello\nContent-Type: multipart/report; "
         "report-type=delivery-status; "
         "boundary=x\n\n--x\n\nExpanded.\n--x\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; "
         "list@example.org\n"
         "Action: expanded\nStatus: 2.0.0\n--x--\n"},
	{"one failure among deliveries", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.net\nSubject: Delivery Status Notification\nContent-Type: multipart/report; "
         "report-type=delivery-status; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; "
         "mx\n\n"
         "Final-Recipient: rfc822; a@example.org\nAction: delivered\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; "
         "jo@example.org\n"
         "Action: failed\nStatus: 5.1.1\n--x--\n"},
	/* ---- in other languages */
	{"Spanish", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.es\nSubject: No se puede entregar: hola\n" TEXT_UTF8
         "No se pudo entregar el mensaje a estos destinatarios:\n\njo@example.es\n"},
	{"Italian", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.it\nSubject: Non recapitabile: ciao\n" TEXT_UTF8
         "Impossibile recapitare il messaggio ai seguenti destinatari: jo@example.it\n"},
	{"Dutch", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.nl\nSubject: Onbestelbaar: hallo\n" TEXT_UTF8
         "Uw bericht kon niet worden bezorgd bij jo@example.nl\n"},
	{"Czech", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.cz\nSubject: Nedoručitelné: ahoj\n" TEXT_UTF8
         "Zprávu se nepodařilo doručit: jo@example.cz\n"},
	{"Ukrainian", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: mailer-daemon@example.ua\nSubject: Не вдалося доставити повідомлення\n" TEXT_UTF8
         "Ваш лист не може бути доставлений: jo@example.ua\n"},
	{"Turkish", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.tr\nSubject: TESLİM EDİLEMEDİ: merhaba\n" TEXT_UTF8
         "İletiniz şu alıcıya teslim edilemedi: jo@example.tr\n"},
	{"Greek", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.gr\nSubject: Αδυναμία παράδοσης: γεια\n" TEXT_UTF8
         "Η παράδοση στον jo@example.gr απέτυχε.\n"},
	{"Swedish", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.se\nSubject: Olevererbar: hej\n" TEXT_UTF8
         "Meddelandet kunde inte levereras till jo@example.se\n"},
	{"Danish", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.dk\nSubject: Kan ikke leveres: hej\n" TEXT_UTF8
         "Meddelelsen kunne ikke leveres: jo@example.dk\n"},
	{"Finnish", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.fi\nSubject: Toimitus epäonnistui: hei\n" TEXT_UTF8
         "Viestiä ei voitu toimittaa: jo@example.fi\n"},
	{"Hungarian", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.hu\nSubject: Kézbesíthetetlen: szia\n" TEXT_UTF8
         "Az üzenetet nem sikerült kézbesíteni: jo@example.hu\n"},
	{"Romanian", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.ro\nSubject: Nelivrat: salut\n" TEXT_UTF8
         "Mesajul nu a putut fi livrat: jo@example.ro\n"},
	{"Japanese in ISO-2022-JP", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: Postmaster@example.jp\nSubject: =?iso-2022-jp?B?GyRCJWEhPCVrJSglaSE8GyhC?=\nContent-Type: text/plain; "
         "charset=iso-2022-jp\n\n\x1b$BAw?.$G$-$^$;$s$G$7$?\x1b(B: jo@example.jp\n"},
	{"Chinese, traditional", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.tw\nSubject: 未傳遞的主旨: 您好\n" TEXT_UTF8
         "您的郵件無法傳遞給下列收件者: jo@example.tw\n"},
	{"Korean", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.kr\nSubject: 메일 전송 실패\n" TEXT_UTF8
         "메일을 jo@example.kr 에게 전송하지 못했습니다.\n"},
	{"Arabic", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.eg\nSubject: تعذّر التسليم\n" TEXT_UTF8 "تعذر تسليم رسالتك إلى jo@example.eg\n"},
	{"Hebrew", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.il\nSubject: לא ניתן למסור: שלום\n" TEXT_UTF8
         "לא ניתן היה למסור את ההודעה אל jo@example.il\n"},
	{"Vietnamese", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.vn\nSubject: Không thể gửi: chào\n" TEXT_UTF8
         "Thư của bạn không thể gửi đến jo@example.vn\n"},
	{"Indonesian", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: postmaster@example.id\nSubject: Tidak terkirim: halo\n" TEXT_UTF8
         "Pesan Anda tidak dapat dikirim ke jo@example.id\n"},
	/* ---- automatic replies, challenges, complaints */
	{"vacation(1)", NOBODY, CLASS_AUTOREPLY, KIND_NONE,
         "From: jo@example.org\nSubject: away from my mail\nPrecedence: bulk\nAuto-Submitted: auto-replied\n\nI will "
         "not be reading my "
         "mail for a while.\n"},
	{"an answer that only its header betrays", "jo@example.org", CLASS_AUTOREPLY, KIND_NONE,
         "From: jo@example.org\nSubject: Re: hello\nAuto-Submitted: auto-replied\n\nGone fishing.\n"},
	{"Notes", UNKNOWN, CLASS_AUTOREPLY, KIND_NONE,
         "From: jo@example.org\nSubject: AUTO: Jo is out of the office (returning 03/09/2026)\n\nI am out of the "
         "office until 03/09/2026.\n"},
	{"Portuguese", NOBODY, CLASS_AUTOREPLY, KIND_NONE,
         "From: jo@example.br\nSubject: Resposta automática: olá\n" TEXT_UTF8 "Estou de férias.\n"},
	{"Russian", NOBODY, CLASS_AUTOREPLY, KIND_NONE,
         "From: jo@example.ru\nSubject: Автоматический ответ: привет\n" TEXT_UTF8 "Я в отпуске до понедельника.\n"},
	{"Chinese", NOBODY, CLASS_AUTOREPLY, KIND_NONE,
         "From: jo@example.cn\nSubject: 自动回复: 您好\n" TEXT_UTF8 "我已收到您的来信。\n"},
	{"a user who left, from <>, with words of a bounce", NOBODY, CLASS_AUTOREPLY, KIND_NONE,
         "From: jo@example.org\nSubject: Automatic reply: hello\nX-Auto-Response-Suppress: All\n\nJo is no longer with "
         "the company. "
         "Your message was not delivered and will not be forwarded.\n"},
	{"Spam Arrest", NOBODY, CLASS_CHALLENGE, KIND_NONE,
         "From: jo@example.org\nSubject: Re: hello (verification)\n\nJust this once, verify yourself by clicking the "
         "link below so I "
         "can receive your emails.\nhttp://www.spamarrest.com/a2?x\n"},
	{"EarthLink", "jo@example.org", CLASS_CHALLENGE, KIND_NONE,
         "From: jo@example.org\nSubject: Re: hello\n\nI apologize for this automatic reply to your email.\n\nTo "
         "control spam, I now allow "
         "incoming messages only from senders I have approved beforehand.\n\nIf you would like to be added to my list "
         "of approved "
         "senders, please fill out the short request form (see link below): request to be added to my address book. "
         "https://webmail.earthlink.net/wam/addme?x\n"},
	{"a complaint of Outlook's, passed on by a program", UNKNOWN, CLASS_ARF, KIND_NONE,
         "From: relay@esp.example\nSubject: Fwd: 192.0.2.1\nContent-Type: multipart/mixed; boundary=b\n\n"
         "--b\n\nFor your account.\n--b\nContent-Type: message/rfc822\n\n"
         "X-HmXmrOriginalRecipient: jo@hotmail.example\nFrom: news@example.org\nSubject: News\n\nNews.\n--b--\n"},
	{"a complaint of old, without a report", UNKNOWN, CLASS_ARF, KIND_NONE,
         "From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.1\nContent-Type: multipart/mixed; "
         "boundary=x\n\n--x\n"
         "Content-Type: message/rfc822\n\nFrom: a@example.net\nSubject: hello\n\nhello\n--x--\n"},
	/* ---- what is none of it */
	{"a person", "ann@example.net", CLASS_OTHER, KIND_NONE,
         "From: ann@example.net\nSubject: hello\n\nHow are you?\n"},
	{"nothing", UNKNOWN, CLASS_OTHER, KIND_NONE, ""},
	{"no header", UNKNOWN, CLASS_OTHER, KIND_NONE, "hello there\n\nbye\n"},
	{"a null return path alone", NOBODY, CLASS_OTHER, KIND_NONE,
         "From: info@example.org\nSubject: hello\n\nHow are you?\n"},
	{"a person named Postmaster", "postmaster@example.org", CLASS_OTHER, KIND_NONE,
         "From: Postmaster <postmaster@example.org>\nSubject: New webmail\n\nFrom Monday on the webmail has a new "
         "address.\n"},
	{"a person tells of a bounce", "ann@example.net", CLASS_OTHER, KIND_NONE,
         "From: ann@example.net\nSubject: your mailbox is full?\n\nMy mail to you came back with 552 5.2.2 mailbox "
         "full. Call me.\n"},
	{"spam with a bounce's subject", "x@spam.example.com", CLASS_OTHER, KIND_NONE,
         "From: MAILER <x@spam.example.com>\nSubject: Undelivered Mail Returned to Sender\nContent-Type: text/html\n\n"
         "<a href=\"http://spam.example.com/\">See the message</a>\n"},
	{"spam with a bounce's words and a program", "x@spam.example.com", CLASS_OTHER, KIND_NONE,
         "From: Mail Delivery Subsystem <x@spam.example.com>\nSubject: Mail delivery failed: returning message to "
         "sender\n"
         "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nYour message could not be delivered. Open the attached "
         "document.\n--x\n"
         "Content-Type: application/zip; name=message.zip\nContent-Transfer-Encoding: base64\n\nUEsDBA==\n--x--\n"},
	{"a worm's bounce", "MAILER-DAEMON@example.net", CLASS_OTHER, KIND_NONE,
         "From: \"Mail Delivery Subsystem\" <MAILER-DAEMON@example.net>\nSubject: Returned mail: see transcript for "
         "details\n"
         "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nThe original message was received at Mon, 2 Mar 2026\n"
         "   ----- The following addresses had permanent fatal errors -----\n<jo@example.org>\n--x\n"
         "Content-Type: application/octet-stream; name=transcript.zip\nContent-Transfer-Encoding: "
         "base64\n\nUEsDBA==\n--x--\n"},
	{"a bounce by name and subject only", "x@spam.example.com", CLASS_OTHER, KIND_NONE,
         "From: MAILER-DAEMON@example.net\nSubject: failure notice\n\nBuy watches: http://spam.example.com/\n"},
	{"Dovecot's reject, as a disposition notification", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: Mail Delivery Subsystem <postmaster@example.org>\nSubject: Rejected: hello\nAuto-Submitted: "
         "auto-replied (rejected)\n"
         "Content-Type: multipart/report; report-type=disposition-notification; boundary=x\n\n--x\n\n"
         "Your message to <jo@example.org> was automatically rejected:\nno thanks\n--x\n"
         "Content-Type: message/disposition-notification\n\nReporting-UA: example.org; Dovecot Mail Delivery Agent\n"
         "Final-Recipient: rfc822; jo@example.org\nDisposition: automatic-action/MDN-sent-automatically; "
         "deleted\n--x--\n"},
	{"Exchange of old, which names the message by its fields", NOBODY, CLASS_NDR, KIND_FAILED,
         "From: System Administrator <postmaster@example.org>\nSubject: Undeliverable: hello\n\nYour message\n\n"
         "      To: jo@example.org\n Subject: hello\n    Sent: Mon, 2 Mar 2026 10:00:00 +0100\n    Date: today\n\n"
         "did not reach the following recipient(s):\n\njo@example.org on Mon, 2 Mar 2026\n    The recipient name is "
         "not recognized\n"},
	{"Boxbe, in the form of a delivery report", "noreply@boxbe.example.com", CLASS_CHALLENGE, KIND_NONE,
         "From: noreply@boxbe.example.com\nSubject: Re: hello (Action Required)\n"
         "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nYour message about "
         "\"hello\" was waitlisted. "
         "Please add yourself to my Boxbe Guest List: http://www.boxbe.com/crs?x\n--x\nContent-Type: "
         "message/delivery-status\n\n"
         "Reporting-MTA: dns; boxbe\n\nFinal-Recipient: rfc822; jo@example.org\nAction: failed\nStatus: "
         "5.7.1\n--x--\n"},
	{"an order", "shop@example.com", CLASS_OTHER, KIND_NONE,
         "From: shop@example.com\nSubject: Your order has shipped\n\nThank you for your order. The parcel is on its "
         "way.\n"},
	{"a ticket", "tickets@example.com", CLASS_OTHER, KIND_NONE,
         "From: tickets@example.com\nSubject: [Ticket #12] Re: mail to jo bounces\nAuto-Submitted: "
         "auto-generated\nPrecedence: bulk\n\n"
         "Bob wrote: the log says 550 5.1.1 user unknown.\n"},
};

struct fixture {
	struct bundle *bundle;
	struct classifier *classifier;
};

static int set_up(void **state)
{
	static struct fixture f;
	char problem[BUNDLE_PROBLEM];
	if (bundle_load(bundle_default_text(), &f.bundle, problem) != ERR_OK) {
		fprintf(stderr, "the default bundle: %s\n", problem);
		return -1;
	}
	f.classifier = classifier_new();
	*state = &f;
	return f.classifier ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	classifier_free(f->classifier);
	bundle_unref(f->bundle);
	return 0;
}

static void run(const struct fixture *f, struct arena *a, const char *mail_from, struct slice message,
                struct classification *v)
{
	struct mime m;
	struct slice path = slice_str(mail_from);
	assert_true(mime_parse(a, message, &m));
	assert_int_equal(classify(f->classifier, f->bundle, a, m.root, mail_from ? &path : NULL, v), ERR_OK);
}

static void check(const struct fixture *f, size_t i, struct slice message, const char *form, unsigned *wrong)
{
	struct arena a;
	struct classification v;
	arena_init(&a, (size_t)64 << 20);
	run(f, &a, cases[i].mail_from, message, &v);
	if (v.class != cases[i].class || v.kind != cases[i].kind) {
		print_error("%s (%s): %s %s, ndr %.1f autoreply %.1f:", cases[i].name, form, class_word(v.class),
		            kind_word(v.kind) ? kind_word(v.kind) : "", v.score[CLASS_NDR], v.score[CLASS_AUTOREPLY]);
		for (size_t k = 0; k < v.fired_count; k++) print_error(" %.*s", SLICE_ARG(v.fired[k]));
		print_error("\n");
		(*wrong)++;
	}
	assert_true(v.probability >= 0.5 && v.probability <= 1);
	arena_free(&a);
}

static void test_cases(void **state)
{
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice message = slice_str(cases[i].message);
		char *crlf = malloc(message.n * 2 + 1);
		size_t n = 0;
		assert_non_null(crlf);
		for (size_t k = 0; k < message.n; k++) {
			if (message.p[k] == '\n') crlf[n++] = '\r';
			crlf[n++] = message.p[k];
		}
		check(*state, i, message, "LF", &wrong);
		check(*state, i, slice_of(crlf, n), "CR LF", &wrong);
		free(crlf);
	}
	assert_int_equal(wrong, 0);
}

/* Any prefix of any message is read, and none makes trouble. */
static void test_cut_off(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i += 7) {
		struct slice message = slice_str(cases[i].message);
		for (size_t n = 0; n < message.n; n += 13) {
			struct arena a;
			struct classification v;
			arena_init(&a, (size_t)64 << 20);
			run(*state, &a, cases[i].mail_from, slice_sub(message, 0, n), &v);
			arena_free(&a);
		}
	}
}

static void test_return_path_field(void **state)
{
	static const struct {
		const char *field, *mail_from;
		enum structure fired;
	} paths[] = {
		{"Return-Path: <>\n", NULL, STRUCTURE_PATH_NULL},
		{"Return-Path: <jo@example.org>\n", NULL, STRUCTURE_PATH_USER},
		{"Return-Path: MAILER-DAEMON\n", NULL, STRUCTURE_PATH_DAEMON},
		{"Return-Path: <jo@example.org>\n", "", STRUCTURE_PATH_NULL}, /* the envelope knows better */
		{"Return-Path: <>\n", "PostMaster@example.org", STRUCTURE_PATH_DAEMON},
		{"", "<>", STRUCTURE_PATH_NULL},
		{"From MAILER-DAEMON Mon Apr 10 13:22:11 1995\nSubject: x\n", NULL, STRUCTURE_PATH_NULL},
		{"From mailer-daemon@example.org Mon Apr 10 13:22:11 1995\nSubject: x\n", NULL, STRUCTURE_PATH_DAEMON},
		{"From jo@example.org Mon Apr 10 13:22:11 1995\nSubject: x\n", NULL, STRUCTURE_COUNT},
		{"From MAILER-DAEMON Mon Apr 10 13:22:11 1995\nReturn-Path: <jo@example.org>\n", NULL,
	         STRUCTURE_PATH_USER},
	};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct arena a;
		struct mime m;
		struct signals s;
		struct signal_reader *r = signal_reader_new();
		struct slice path = slice_str(paths[i].mail_from);
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(paths[i].field), &m));
		assert_int_equal(signals_read(r, ((struct fixture *)*state)->bundle, &a, m.root,
		                              paths[i].mail_from ? &path : NULL, &s),
		                 ERR_OK);
		for (size_t k = STRUCTURE_PATH_NULL; k <= STRUCTURE_PATH_USER; k++)
			if (signal_fired(&s.fired, k) != (k == paths[i].fired)) fail_msg("case %zu", i);
		signal_reader_free(r);
		arena_free(&a);
	}
}

/* Who says that it is his: From, else Sender, else nobody. */
static void test_author(void **state)
{
	static const struct {
		const char *header;
		bool absent, daemon;
	} headers[] = {
		{"From: jo@example.org\n\nx", false, false},
		{"From: MAILER-DAEMON@example.org\n\nx", false, true},
		{"Sender: MAILER-DAEMON@example.org\n\nx", false, true},
		{"From: jo@example.org\nSender: MAILER-DAEMON@example.org\n\nx", false, false},
		{"From MAILER-DAEMON Mon Apr 10 13:22:11 1995\nSubject: x\n\nx", true, false},
		{"From: \n\nx", false, false},
		{"X-From: jo@example.org\n\nFrom: jo@example.org\n", true, false},
		{"", true, false},
	};
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct arena a;
		struct classification v;
		bool absent = false, daemon = false;
		arena_init(&a, (size_t)64 << 20);
		run(*state, &a, NULL, slice_str(headers[i].header), &v);
		for (size_t k = 0; k < v.fired_count; k++) {
			absent |= slice_equal(v.fired[k], SLICE("from.absent"));
			daemon |= slice_equal(v.fired[k], SLICE("from.mailer-daemon"));
		}
		if (absent != headers[i].absent || daemon != headers[i].daemon) fail_msg("header %zu", i);
		arena_free(&a);
	}
}

/* An embedded message is classified by itself: pass its root. */
static void test_embedded(void **state)
{
	const struct fixture *f = *state;
	struct arena a;
	struct mime m;
	struct classification v;
	arena_init(&a, 1 << 20);
	struct slice message = slice_str(
		"From: ann@example.net\nSubject: Fwd: failure notice\nContent-Type: multipart/mixed; boundary=x\n\n"
		"--x\nContent-Type: message/rfc822\n\nReturn-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\n"
		"Subject: failure notice\n\nHi. This is the qmail-send program at mx.example.net.\n--x--\n");
	assert_true(mime_parse(&a, message, &m));
	assert_int_equal(classify(f->classifier, f->bundle, &a, m.root, NULL, &v), ERR_OK);
	assert_int_equal(v.class, CLASS_OTHER);
	const struct mime_part *inner = m.root->first->first;
	assert_true(inner && inner->message);
	assert_int_equal(classify(f->classifier, f->bundle, &a, inner, NULL, &v), ERR_OK);
	assert_int_equal(v.class, CLASS_NDR);
	arena_free(&a);
}

/* One classifier serves bundles that come and go; a verdict names the signals of its own. */
static void test_change_of_bundle(void **state)
{
	const struct fixture *f = *state;
	struct bundle *other;
	char problem[BUNDLE_PROBLEM];
	struct arena a;
	struct mime m;
	struct classification v;
	arena_init(&a, 1 << 20);
	assert_int_equal(bundle_load(SLICE("backstop-rules 1\nbias autoreply -1\nsignal a\nin subject\nweigh autoreply "
	                                   "2\n- hello\n"),
	                             &other, problem),
	                 ERR_OK);
	assert_true(mime_parse(&a, SLICE("Subject: Hello\n\n"), &m));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(classify(f->classifier, f->bundle, &a, m.root, NULL, &v), ERR_OK);
		assert_int_equal(v.class, CLASS_OTHER);
		assert_int_equal(classify(f->classifier, bundle_ref(other), &a, m.root, NULL, &v), ERR_OK);
		bundle_unref(other);
		assert_int_equal(v.class, CLASS_AUTOREPLY);
		assert_true(v.fired_count > 0 && slice_equal(v.fired[v.fired_count - 1], SLICE("a")));
		assert_true(v.probability > 0.59 && v.probability < 0.61); /* logistic(0.4 * 1) */
	}
	bundle_unref(other);
	arena_free(&a);
}

/* Words of a set count when they are near each other and in one paragraph, whatever their order. */
static void test_words_together(void **state)
{
	static const struct {
		const char *text;
		bool found;
	} texts[] = {
		{"Subject: x\n\nYour message was not delivered.\n", true},
		{"Subject: x\n\nNot delivered:\nthe message.\n", true},
		{"Subject: x\n\nYour message was not\n\ndelivered.\n", false},
		{"Subject: x\n\nThe message that was seen here yesterday and that nobody has not delivered.\n", false},
		{"Subject: x\n\nYour message was noted and delivered.\n", false},
		{"Subject: x\n\nYour message wasn't delivered.\n", true},
		{"Subject: x\n\nA submessage was not delivered.\n", false},
		{"Subject: Not delivered message\n\nx\n", false},
		{"Subject: x\n\nWe could not deliver delivered messages.\n", true},
		{"Subject: x\n\n\346\202\250\347\232\204\351\202\256\344\273\266\346\234\252\351\200\201\350\276\276\n",
	         true},
	};
	const struct fixture *f = *state;
	struct bundle *b;
	char problem[BUNDLE_PROBLEM];
	assert_int_equal(bundle_load(SLICE("backstop-rules 1\nbias ndr -1\nsignal a\nin body\nweigh ndr 2\n"
	                                   "& 60 message & =not|*n't & deliver\n& 60 \351\202\256\344\273\266 & "
	                                   "\351\200\201\350\276\276\nsignal b\nin body\n& 10 message & other\n"),
	                             &b, problem),
	                 ERR_OK);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct arena a;
		struct mime m;
		struct classification v;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(texts[i].text), &m));
		assert_int_equal(classify(f->classifier, b, &a, m.root, NULL, &v), ERR_OK);
		if ((v.class == CLASS_NDR) != texts[i].found) fail_msg("case %zu", i);
		arena_free(&a);
	}
	bundle_unref(b);
}

static void test_no_memory(void **state)
{
	const struct fixture *f = *state;
	for (size_t limit = 2000; limit < 40000; limit += 500) {
		struct arena a;
		struct mime m;
		struct classification v;
		arena_init(&a, limit);
		if (mime_parse(&a, slice_str(cases[0].message), &m)) {
			enum error e = classify(f->classifier, f->bundle, &a, m.root, NULL, &v);
			assert_true(e == ERR_NO_MEMORY || (e == ERR_OK && v.class == CLASS_NDR));
		}
		arena_free(&a);
	}
}

static void test_default_bundle(void **state)
{
	const struct fixture *f = *state;
	assert_true(bundle_samples(f->bundle) >= 50);
	assert_true(bundle_phrases(f->bundle) >= 2000);
	assert_true(bundle_revision(f->bundle).n > 0);
	assert_true(bundle_memory(f->bundle) < ((size_t)8 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_return_path_field),
		cmocka_unit_test(test_author),
		cmocka_unit_test(test_embedded),
		cmocka_unit_test(test_change_of_bundle),
		cmocka_unit_test(test_words_together),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_default_bundle),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
