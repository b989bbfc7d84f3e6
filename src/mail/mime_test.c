/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "mail/mime.h"

#define HEAD   "From: a@b\r\nMIME-Version: 1.0\r\n"
#define MIXED  HEAD "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"
#define REPORT HEAD "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n"

/* A tree as text: "type/subtype[body]" of a leaf, "type/subtype(child child)" of others. */
static struct slice draw(struct arena *a, const struct mime_part *p)
{
	struct slice out = arena_printf(a, "%.*s/%.*s", SLICE_ARG(p->type_name), SLICE_ARG(p->subtype_name));
	if (!p->first) return arena_printf(a, "%.*s[%.*s]", SLICE_ARG(out), SLICE_ARG(p->body));
	const char *between = "(";
	for (const struct mime_part *child = p->first; child; child = child->sibling, between = " ")
		out = arena_printf(a, "%.*s%s%.*s", SLICE_ARG(out), between, SLICE_ARG(draw(a, child)));
	return arena_printf(a, "%.*s)", SLICE_ARG(out));
}

/* What holds of every tree. */
static void check_tree(const char *name, const struct mime *m)
{
	size_t parts = 0;
	for (const struct mime_part *p = m->root; p; p = mime_next(m->root, p), parts++) {
		bool right = p == m->root ? !p->parent && p->depth == 0 && p->message
		                          : p->parent && p->depth == p->parent->depth + 1 && p->depth <= MIME_DEPTH;
		if (!right || (p->first == NULL) != (p->last == NULL))
			fail_msg("%s: part %zu is misplaced", name, parts);
	}
	if (parts != m->parts) fail_msg("%s: %zu parts, said %zu", name, parts, m->parts);
}

static const struct {
	const char *name, *message, *tree;
} cases[] = {
	{"no MIME at all", "From: a@b\r\n\r\nhello\r\n", "text/plain[hello\r\n]"},
	{"nothing", "", "text/plain[]"},
	{"only an empty line", "\r\n", "text/plain[]"},
	{"no body", "From: a@b\r\n", "text/plain[]"},
	{"LF", "From: a@b\n\nhello\n", "text/plain[hello\n]"},
	{"CR alone", "From: a@b\rTo: c\r\rhello\r", "text/plain[hello\n]"},
	{"CR CR LF", "From: a@b\r\r\nTo: c\r\r\n\r\r\nhello\r\r\n", "text/plain[hello\r\r\n]"},
	{"mbox line", "From a@b Mon Nov 23 22:17:00 2026\nFrom: a@b\nContent-Type: text/html\n\nx", "text/html[x]"},
	{"empty lines before the header", "\r\n\r\nContent-Type: text/html\r\n\r\nx", "text/html[x]"},
	{"empty lines before an mbox line", "\n\nFrom a@b Mon Nov 23 22:17:00 2026\nContent-Type: text/html\n\nx",
         "text/html[x]"},
	{"byte order mark",
         "\xef\xbb\xbf"
         "Content-Type: text/html\r\n\r\nx",
         "text/html[x]"},
	{"byte order mark and an empty line", "\xef\xbb\xbf\nContent-Type: text/html\n\nx", "text/html[x]"},
	{"empty lines before text", "\r\n\r\nhello", "text/plain[\r\nhello]"},
	{"type in capitals", "CONTENT-TYPE: TEXT/HTML\r\n\r\nx", "TEXT/HTML[x]"},
	{"type before MIME", "Content-Type: text\r\n\r\nx", "text/[x]"},
	{"type without a subtype", "Content-Type: X-sun-attachment\r\n\r\nx", "X-sun-attachment/[x]"},
	{"type with comments and blanks", "Content-Type: (a) text / (b) html (c); x=y\r\n\r\nx", "text/html[x]"},
	{"type folded", "Content-Type:\r\n\ttext/html;\r\n\tcharset=utf-8\r\n\r\nx", "text/html[x]"},
	{"type empty", "Content-Type:\r\n\r\nx", "text/plain[x]"},
	{"type is a parameter", "Content-Type: charset=utf-8\r\n\r\nx", "text/plain[x]"},
	/* RFC 2046 5.1.1, the example: preamble, a part without header, epilogue. */
	{"RFC 2046 simple multipart",
         "From: Nathaniel Borenstein <nsb@bellcore.com>\r\nMIME-Version: 1.0\r\n"
         "Content-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\nThis is the preamble.\r\n\r\n"
         "--simple boundary\r\n\r\nNo line end.\r\n--simple boundary\r\nContent-type: text/plain; "
         "charset=us-ascii\r\n\r\n"
         "A line end.\r\n\r\n--simple boundary--\r\n\r\nThis is the epilogue.\r\n",
         "multipart/mixed(text/plain[No line end.] text/plain[A line end.\r\n])"},
	{"no end boundary", MIXED "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n",
         "multipart/mixed(text/plain[one] text/plain[two\r\n])"},
	{"LF boundaries", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
         "multipart/mixed(text/plain[one])"},
	{"blanks after a boundary", MIXED "--b \t\r\n\r\none\r\n--b--  \r\n", "multipart/mixed(text/plain[one])"},
	{"a longer line is no boundary", MIXED "--b\r\n\r\n--bb\r\n--b-\r\n--b---\r\n--b--\r\n",
         "multipart/mixed(text/plain[--bb\r\n--b-\r\n--b---])"},
	{"an empty part", MIXED "--b\r\n\r\n--b\r\n--b--\r\n", "multipart/mixed(text/plain[] text/plain[])"},
	{"a part without its empty line", MIXED "--b\r\nContent-Type: text/html\r\n<p>x\r\n--b--\r\n",
         "multipart/mixed(text/html[<p>x])"},
	{"a part of text only", MIXED "--b\r\nHello you there\r\n\r\nx\r\n--b--\r\n",
         "multipart/mixed(text/plain[Hello you there\r\n\r\nx])"},
	{"a boundary ends a header", MIXED "--b\r\nContent-Type: text/html\r\n--b\r\n\r\nx",
         "multipart/mixed(text/html[] text/plain[x])"},
	{"a part after the end", MIXED "--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
         "multipart/mixed(text/plain[one] text/plain[two])"},
	{"boundary parameter missing",
         HEAD "Content-Type: multipart/mixed\r\n\r\nhi\r\n--xyz\r\n\r\none\r\n--xyz--\r\n",
         "multipart/mixed(text/plain[one])"},
	{"boundary parameter wrong",
         HEAD "Content-Type: multipart/mixed; boundary=abc\r\n\r\n--xyz\r\n\r\none\r\n--xyz--\r\n",
         "multipart/mixed(text/plain[one])"},
	{"boundary unquoted with a sign",
         HEAD "Content-Type: multipart/mixed; boundary=--=_a=b\r\n\r\n----=_a=b\r\n\r\none\r\n----=_a=b--",
         "multipart/mixed(text/plain[one])"},
	{"boundary without its end quote",
         HEAD "Content-Type: multipart/mixed; boundary=\"b\r\n\r\n--b\r\n\r\none\r\n--b--",
         "multipart/mixed(text/plain[one])"},
	{"no Content-Type, but parts",
         "From: a@b\r\n\r\nThis is MIME.\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n",
         "multipart/mixed(text/html[x])"},
	{"a message without Content-Type, and a part behind it",
         MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b\r\n\r\nhi\r\n--b\r\nContent-Type: "
               "text/html\r\n\r\nx\r\n--b--\r\n",
         "multipart/mixed(message/rfc822(text/plain[hi]) text/html[x])"},
	{"a multipart without parts", MIXED "nothing here\r\n", "multipart/mixed[nothing here\r\n]"},
	{"within each other",
         MIXED "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\none\r\n--c\r\nContent-Type: "
               "text/html\r\n"
               "\r\ntwo\r\n--c--\r\n--b\r\n\r\nthree\r\n--b--\r\n",
         "multipart/mixed(multipart/alternative(text/plain[one] text/html[two]) text/plain[three])"},
	{"an inner end is missing",
         MIXED
         "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
         "multipart/mixed(multipart/alternative(text/plain[one]) text/plain[two])"},
	{"the same boundary twice",
         MIXED "--b\r\nContent-Type: multipart/alternative; "
               "boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
         "multipart/mixed(multipart/alternative(text/plain[one]) text/plain[two])"},
	{"one boundary begins as the other",
         MIXED "--b\r\nContent-Type: multipart/mixed; "
               "boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb--\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
         "multipart/mixed(multipart/mixed(text/plain[one]) text/plain[two])"},
	{"a report",
         REPORT
         "--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n--b\r\n"
         "Content-Type: message/rfc822\r\n\r\nFrom: c@d\r\nContent-Type: text/html\r\n\r\nhi\r\n--b--\r\n",
         "multipart/report(text/plain[sorry] message/delivery-status[Reporting-MTA: dns; x] "
         "message/rfc822(text/html[hi]))"},
	{"an embedded multipart is cut off",
         REPORT "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; "
                "boundary=c\r\n\r\n--c\r\n\r\none\r\n"
                "--b\r\n\r\ntwo\r\n--b--\r\n",
         "multipart/report(message/rfc822(multipart/mixed(text/plain[one])) text/plain[two])"},
	{"an embedded message has nothing but a header",
         REPORT "--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: c@d\r\nSubject: x\r\n--b--\r\n",
         "multipart/report(message/rfc822(text/plain[]))"},
	{"an embedded message is not there", REPORT "--b\r\nContent-Type: message/rfc822\r\n\r\n--b--\r\n",
         "multipart/report(message/rfc822[])"},
	{"an embedded message after an empty line",
         REPORT "--b\r\nContent-Type: message/rfc822\r\n\r\n\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n",
         "multipart/report(message/rfc822(text/html[x]))"},
	{"an embedded message in base64",
         REPORT "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                "Q29udGVudC1UeXBlOiB0ZXh0L2h0bWwKCng=\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
         "multipart/report(message/rfc822(text/html[x]) text/plain[two])"},
	{"an embedded message says base64 and is not",
         REPORT "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                "Content-Type: text/html\r\n\r\nx\r\n--b--\r\n",
         "multipart/report(message/rfc822(text/html[x]))"},
	{"an embedded message in quoted-printable",
         REPORT "--b\r\nContent-Type: message/global\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                "Content-Type: text/html; charset=3Dutf-8\r\n\r\nx=C3=A9\r\n--b--\r\n",
         "multipart/report(message/global(text/html[x\xC3\xA9]))"},
	{"a digest", /* RFC 2046 5.1.5 */
         HEAD "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nFrom: c@d\r\n\r\none\r\n--b\r\n\r\nFrom: "
              "e@f\r\n\r\ntwo\r\n--b--",
         "multipart/digest(message/rfc822(text/plain[one]) message/rfc822(text/plain[two]))"},
	{"message in message",
         "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b\r\n\r\nx",
         "message/rfc822(message/rfc822(text/plain[x]))"},
};

static void test_trees(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct mime m;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(cases[i].message), &m));
		check_tree(cases[i].name, &m);
		struct slice tree = draw(&a, m.root);
		if (!slice_equal(tree, slice_str(cases[i].tree)) || m.cut)
			fail_msg("%s:\n%.*s\ninstead of\n%s", cases[i].name, SLICE_ARG(tree), cases[i].tree);
		arena_free(&a);
	}
}

static const struct {
	const char *name, *message, *text;
} texts[] = {
	{"plain", "A: b\r\n\r\none\r\ntwo\r\n", "one\ntwo\n"},
	{"LF", "A: b\n\none\ntwo\n", "one\ntwo\n"},
	{"CR CR LF, CR", "A: b\r\n\r\none\r\r\ntwo\rthree\r", "one\ntwo\nthree\n"},
	{"quoted-printable in latin 1",
         "Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: "
         "quoted-printable\r\n\r\nM=FCll=\r\neimer\r\n",
         "M\xC3\xBClleimer\n"},
	{"base64", "Content-Transfer-Encoding: BASE64\r\n\r\naGVsbG8N\r\nCndvcmxk\r\n", "hello\nworld"},
	{"base64 that is text", "Content-Transfer-Encoding: base64\r\n\r\n\r\nhello there\r\nyou\r\n",
         "\nhello there\nyou\n"},
	{"quoted-printable whose field was lost",
         "Content-Type: text/plain; charset=utf-8\r\n\r\nf=C3=BCr=\r\n Sie\r\n", "f\xC3\xBCr Sie\n"},
	{"quoted-printable that says 7bit", "Content-Transfer-Encoding: 7bit\n\na=3Db =\nc\n", "a=b c\n"},
	{"one equals sign at an end", "A: b\n\na =\nc\n", "a =\nc\n"},
	{"equals signs of its own", "A: b\n\na=C3=BC=\nc=\nx=y\n", "a=C3=BC=\nc=\nx=y\n"},
	{"an address with a number in it", "A: b\n\nhttp://a/?x=41&y=42 http://a/?x=43\n",
         "http://a/?x=41&y=42 http://a/?x=43\n"},
	{"8-bit in windows-1252 that says UTF-8", "Content-Type: text/plain; charset=utf-8\n\nf\xFCr\n",
         "f\xC3\xBCr\n"},
	{"unknown encoding", "Content-Transfer-Encoding: rot13\r\n\r\nx=41\r\n", "x=41\n"},
	{"quoted encoding", "Content-Transfer-Encoding: \"base64\"\r\n\r\neA==", "x"},
	{"encoding with a comment", "Content-Transfer-Encoding: base64 (yes)\r\n\r\neA==", "x"},
	{"uuencode", "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n#0V%T\r\n`\r\nend\r\n", "Cat"},
	{"HTML", "Content-Type: text/html\r\n\r\n<html><head><title>t</title></head><p>a &lt;b&gt;<br>c</p></html>",
         "t\na <b>\nc"},
	{"8-bit without a charset, UTF-8", "A: b\r\n\r\n\xC3\xBC", "\xC3\xBC"},
	{"8-bit without a charset, windows-1252", "A: b\r\n\r\n\xFC\x80", "\xC3\xBC\xE2\x82\xAC"},
	{"NUL", "A: b\r\n\r\na\0b", "a"}, /* a C string ends there; see test_nul */
	{"multipart: its preamble", MIXED "pre\r\n--b\r\n\r\none\r\n--b--\r\n", "pre"},
};

static void test_text(void **state)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct arena a;
		struct mime m;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(texts[i].message), &m));
		struct slice text = mime_text(&a, m.root, 1000);
		if (!slice_equal(text, slice_str(texts[i].text)))
			fail_msg("%s: [%.*s]", texts[i].name, SLICE_ARG(text));
		assert_true(mime_text(&a, m.root, 3).n <= 3);
		arena_free(&a);
	}
}

static void test_nul(void **state)
{
	struct arena a;
	struct mime m;
	arena_init(&a, 1 << 16);
	assert_true(mime_parse(&a, SLICE("A: b\r\n\r\na\0b\0\r\n\0"), &m));
	assert_int_equal(m.root->body.n, 7);
	assert_true(slice_equal(mime_text(&a, m.root, 100), SLICE("ab\n")));
	arena_free(&a);
}

/* CR LF, CR CR LF, CR and NUL at every place of the octets that are looked at together. */
static void test_line_ends(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out;
	} rows[] = {{"\r\n", 2, "\n"}, {"\r\r\n", 3, "\n"},   {"\r", 1, "\n"},        {"\0", 1, ""},
	            {"\n", 1, "\n"},   {"\r\0\n", 3, "\n\n"}, {"\r\n\r\n", 4, "\n\n"}};
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (size_t before = 0; before < 40; before++)
			for (size_t after = 0; after < 40; after += 13) {
				char in[128] = "\n",
				     want[128]; /* no header; an LF, or CR alone would be the line end */
				struct arena a;
				struct mime m;
				size_t n = 1;
				memset(in + n, 'x', before), n += before;
				memcpy(in + n, rows[r].in, rows[r].n), n += rows[r].n;
				memset(in + n, 'y', after), n += after;
				snprintf(want, sizeof want, "%.*s%s%.*s", (int)before, in + 1, rows[r].out, (int)after,
				         in + n - after);
				arena_init(&a, 1 << 16);
				assert_true(mime_parse(&a, slice_of(in, n), &m));
				struct slice text = mime_text(&a, m.root, 1000);
				if (!slice_equal(text, slice_str(want))) fail_msg("row %zu: %.*s", r, SLICE_ARG(text));
				arena_free(&a);
			}
}

/* A boundary is found wherever it stands, and what looks like one at first is not it. */
static void test_boundary_anywhere(void **state)
{
	for (size_t before = 0; before < 70; before++) {
		char in[512];
		struct arena a;
		struct mime m;
		int n = snprintf(in, sizeof in,
		                 "Content-Type: multipart/mixed; "
		                 "boundary=b\n\n%.*s\n-\n-b\n--c\nx--b\n--b\n\n1\n--b\n\n2\n--b--\n",
		                 (int)before,
		                 "xxxxxxxxxx\n-xxxxxxxxxxxxxxx\n--xxxxxxxxxxxxxxxxxxxxx\n\nxxxxxxxxxxxxxxxxxx\n\n\n\n");
		arena_init(&a, 1 << 16);
		assert_true(mime_parse(&a, slice_of(in, (size_t)n), &m));
		assert_int_equal(m.parts, 3);
		assert_true(slice_equal(m.root->first->body, SLICE("1")));
		assert_true(slice_equal(m.root->last->body, SLICE("2")));
		arena_free(&a);
	}
}

static void test_finding(void **state)
{
	struct arena a;
	struct mime m;
	arena_init(&a, 1 << 20);
	assert_true(mime_parse(&a,
	                       SLICE("Received: 1\r\nreceived: 2\r\nSubject:  x\r\n y \r\nContent-Type: "
	                             "multipart/report; boundary=b\r\n\r\n"
	                             "pre\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: "
	                             "text/html\r\nSubject: in\r\n\r\nx\r\n"
	                             "--b\r\nContent-Type: application/x-tar\r\nContent-Disposition: ATTACHMENT; "
	                             "filename=a\r\n\r\n"
	                             "--b--\r\npost\r\n"),
	                       &m));
	assert_int_equal(m.parts, 4);
	const struct mime_part *holder = mime_find(m.root, MIME_MESSAGE_RFC822), *inner = holder->first;
	assert_true(inner->message && inner->embedded == 1 && holder->embedded == 0 && !holder->message);
	assert_null(mime_find(m.root, MIME_TEXT_HTML)); /* it is another message's */
	assert_ptr_equal(mime_find(inner, MIME_TEXT_HTML), inner);
	assert_null(mime_next(holder, inner));
	assert_ptr_equal(mime_next(m.root, inner), holder->sibling);
	assert_true(mime_is(holder->sibling, "application", "X-TAR") && holder->sibling->attachment);
	assert_int_equal(holder->sibling->type, MIME_OTHER);
	const struct header_field *f = mime_field(m.root, "RECEIVED");
	assert_true(slice_equal(slice_trim(f->value), SLICE("1")));
	f = mime_field_after(m.root, "Received", f);
	assert_true(slice_equal(slice_trim(f->value), SLICE("2")));
	assert_null(mime_field_after(m.root, "Received", f));
	assert_true(slice_equal(mime_value(m.root, "subject"), SLICE("x\r\n y")));
	assert_true(slice_equal(mime_value(inner, "subject"), SLICE("in")));
	assert_int_equal(mime_value(inner, "To").n, 0);
	assert_true(slice_equal(m.root->preamble, SLICE("pre")) && slice_equal(m.root->epilogue, SLICE("post\r\n")));
	arena_free(&a);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static struct slice repeat(struct arena *a, const char *head, const char *unit, size_t octets)
{
	size_t n = strlen(head), each = strlen(unit);
	char *p = arena_alloc(a, octets);
	assert_non_null(p);
	memcpy(p, head, n);
	while (n + each <= octets) {
		memcpy(p + n, unit, each);
		n += each;
	}
	return slice_of(p, n);
}

/* Parts, levels and fields end at their limits; what follows is content, and nothing is lost. */
static void test_limits(void **state)
{
	static const struct {
		const char *name, *head, *unit;
		size_t parts;
	} rows[] = {
		{"parts", MIXED, "--b\r\n\r\n", MIME_PARTS},
		{"ends", MIXED "--b\r\n\r\n", "--b--\r\n", 2},
		{"levels", "", "Content-Type: message/rfc822\r\n\r\n", MIME_DEPTH + 1},
		{"multiparts", "", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", MIME_PARTS},
		{"fields", "", "A:\r\n", 1},
		{"nearly boundaries", MIXED "--b\r\n\r\n", "--\r\n", 2},
		{"lines", MIXED "--b\r\n\r\n", "\n", 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a;
		struct mime m;
		arena_init(&a, 16 << 20);
		assert_true(mime_parse(&a, repeat(&a, rows[i].head, rows[i].unit, 1 << 20), &m));
		check_tree(rows[i].name, &m);
		if (m.parts != rows[i].parts) fail_msg("%s: %zu parts", rows[i].name, m.parts);
		assert_true(m.root->field_count <= MIME_FIELDS);
		arena_free(&a);
	}
}

static void test_no_memory(void **state)
{
	struct slice message =
		SLICE(REPORT "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	                     "Q29udGVudC1UeXBlOiB0ZXh0L2h0bWwKCng=\r\n--b\r\n\r\ntwo\r\n--b--\r\n");
	size_t enough = 0;
	for (size_t limit = 16; limit < 1 << 15 && !enough; limit += 16) {
		struct arena a;
		struct mime m;
		arena_init(&a, limit);
		if (mime_parse(&a, message, &m)) enough = limit;
		assert_true(enough || arena_exhausted(&a));
		arena_free(&a);
	}
	assert_true(enough > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_trees),
	                                   cmocka_unit_test(test_text),
	                                   cmocka_unit_test(test_nul),
	                                   cmocka_unit_test(test_line_ends),
	                                   cmocka_unit_test(test_boundary_anywhere),
	                                   cmocka_unit_test(test_finding),
	                                   cmocka_unit_test(test_limits),
	                                   cmocka_unit_test(test_no_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
