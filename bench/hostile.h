/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile - messages of 1 MiB that were made to be slow to read: a beginning, and what is repeated behind it
 *
 * For mime_parse and heart_hostile.
 */
#ifndef BACKSTOP_BENCH_HOSTILE_H
#define BACKSTOP_BENCH_HOSTILE_H

#include <string.h>

#define HOSTILE 1048576
#define M       "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
#define M10     M M M M M M M M M M

static const struct {
	const char *head, *unit;
} hostile[] = {
	{"", "a: b\n"},
	{"", "\n"},
	{"", "\r"},
	{"", "\r\r\n"},
	{"", ":"},
	{"", " \n"},
	{"", "a\n"},
	{"", "Subject: x\n a"},
	{"", "Message-ID: <a@b>\n\n"},
	{"\n", "To: a\nx\n"},
	{"\n", "> To: a\n>\n"},
	{"\n", "> "},
	{"\n", "this is the original message, which is quite long so that it is looked at in full by whoever "
               "looks\nTo: a\n\n"},
	{"\n", "original message\nTo: a\n\n"},
	{"\n", "x\nMessage-ID: <a@b>\nreceived: a\n\n"},
	{"\n", "Final-Recipient: rfc822;a@b\n"},
	{"\n", "Final-Recipient: rfc822;a@b\n\n"},
	{"Content-Type: message/delivery-status\n\n", "Action: failed\n\n"},
	{"Content-Type: message/delivery-status\n\n", "Diagnostic-Code: =?utf-8?q?a?=\n ((((\n\n"},
	{"Content-Type: message/delivery-status\n\nFinal-Recipient: utf-8; ", "\\x{FC}"},
	{"Content-Type: message/delivery-status\n\nStatus: ", "("},
	{"Content-Type: message/feedback-report\n\nFeedback-Type: a\n", "x: a\n\n"},
	{M, "--b\n"},
	{M, "--b--\n"},
	{M, "--b\n\n"},
	{M, "--c\n"},
	{M, "--\n"},
	{M10 M10 "\n", "--b\n"},
	{M10 M10 "\n", "--c\n"},
	{M10 M10 "\n", "--b--\n"},
	{M10 M10 "\n", "\n"},
	{"", M},
	{"", "Content-Type: message/rfc822\n\n"},
	{M, "Content-Type: message/rfc822\n\nA: b\n--b\n"},
	{M, "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgo=\n--b\n"},
	{M, "Content-Type: multipart/mixed\n\n--x\n"},
	{"Content-Type: multipart/mixed\n\n", "--x y\n"},
	{"Content-Type: multipart/mixed; boundary=aaaaaaaaaaaaaaaaaaaaaaab\n\n", "a"},
	{"Content-Type: multipart/mixed; boundary=--------\n\n", "-"},
	{"Content-Type: ", "("},
	{"Content-Type: ", "a/b;a=\"\\\";"},
	{"Content-Type: a/b", ";charset*1=\"x\""},
	{"Content-Type: a/b", "; charset=\"x"},
	{"Content-Type: a/b; charset=", "a =(b "},
	{"Subject: ", "=?"},
	{"Subject: ", "=?a?q?"},
	{"Subject: ", "=?a?q?x"},
	{"Subject: ", "=?a?q?x?= "},
	{"Subject: ", "=?utf-8?b?w7w=?= =?latin1?q?=FC?= "},
	{"Subject: ", "=?iso-2022-jp?q?=1B$B?="},
	{"Subject: ", "=?utf-8?q?\xFF?="},
	{"Content-Transfer-Encoding: quoted-printable\n\n", "="},
	{"Content-Transfer-Encoding: quoted-printable\n\n", "= "},
	{"Content-Transfer-Encoding: quoted-printable\n\n", " "},
	{"Content-Transfer-Encoding: quoted-printable\n\n", "=\r"},
	{"Content-Transfer-Encoding: quoted-printable\n\n", "=FC\n"},
	{"Content-Transfer-Encoding: base64\n\n", "="},
	{"Content-Transfer-Encoding: x-uue\n\n", "begin"},
	{"Content-Type: text/html\n\n", "<"},
	{"Content-Type: text/html\n\n", "<a "},
	{"Content-Type: text/html\n\n", "<a@"},
	{"Content-Type: text/html\n\n", "<a b='"},
	{"Content-Type: text/html\n\n", "<!--"},
	{"Content-Type: text/html\n\n", "<!"},
	{"Content-Type: text/html\n\n", "<script>"},
	{"Content-Type: text/html\n\n", "</script"},
	{"Content-Type: text/html\n\n", "<p>"},
	{"Content-Type: text/html\n\n", "&"},
	{"Content-Type: text/html\n\n", "&thetasym"},
	{"Content-Type: text/html\n\n", "&#1"},
	{"Content-Type: text/html\n\n", "\xFF"},
	{"Content-Type: text/plain; charset=iso-8859-5\n\n", "\xFF"},
	{"Content-Type: text/plain; charset=utf-16\n\n", "\xD8"},
	{"Content-Type: text/plain; charset=utf-7\n\n", "+AA"},
	{"Content-Type: text/plain; charset=hz\n\n", "~{"},
	{"Content-Type: text/plain; charset=iso-2022-jp\n\n", "\x1B$B\xFF"},
	{"Content-Type: text/plain; charset=iso-2022-jp\n\n", "\x1B$BA!\x1B(B"},
	{"Content-Type: text/plain; charset=iso-2022-kr\n\n", "\x1B$)C\x0E\xFF"},
	{"Content-Type: text/plain; charset=shift_jis\n\n", "\xFF"},
	{"Content-Type: text/plain; charset=gb18030\n\n", "\x81\x30"},
	{"Content-Type: text/plain; charset=big5\n\n", "\xA4"},
	{"Content-Type: text/plain; charset=euc-kr\n\n", "\xB0\xA1"},
	{"Content-Type: text/plain; charset=euc-tw\n\n", "\x8E"},
};

/* A message in `to`, which has HOSTILE + 1024 octets; its length. */
static inline size_t hostile_make(char *to, const char *head, const char *unit)
{
	size_t n = strlen(head), each = strlen(unit);
	memcpy(to, head, n);
	for (; n + each <= HOSTILE; n += each) memcpy(to + n, unit, each);
	return n;
}

#endif
