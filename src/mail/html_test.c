/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/html.h"

static const struct {
	const char *name, *in, *out;
} cases[] = {
	{"text", "hello", "hello"},
	{"nothing", "", ""},
	{"tags", "<b>bold</b> and <i class=\"x\">not</i>", "bold and not"},
	{"blanks", "  a \r\n\t b  ", "a b"},
	{"blocks", "<div>a</div><div>b</div><p>c<br/>d<BR>e", "a\nb\nc\nd\ne"},
	{"many blocks, one line end", "a<p><p></div><br><br>b", "a\nb"},
	{"cells", "<tr><td>a</td><td>b</td></tr><tr><td>c", "a b\nc"},
	{"references", "&lt;a&amp;b&gt; &quot;&auml;&euro;&quot; &apos;", "<a&b> \"\xC3\xA4\xE2\x82\xAC\" '"},
	{"numeric", "&#65;&#x42;&#X63;&#8364;", "ABc\xE2\x82\xAC"},
	{"without semicolon", "a&lt b&#65 c", "a< bA c"},
	{"no references", "a & b &; &unknown; &# &#x;", "a & b &; &unknown; &# &#x;"},
	{"out of range", "&#x110000; &#99999999999999999999; &#xD800;", "\xEF\xBF\xBD \xEF\xBF\xBD \xEF\xBF\xBD"},
	{"blanks by reference", "a&nbsp;&nbsp;b&#10;c&#0;d", "a b c d"},
	{"invisible", "hel&shy;lo&#8203;!", "hello!"},
	{"comment", "a<!-- <b>x</b> -->b", "ab"},
	{"comment without end", "a<!-- b", "a"},
	{"conditional comment", "a<!--[if mso]><p>x</p><![endif]-->b<![endif]>c", "abc"},
	{"script and style", "a<script>if (x < y) z(\"</b>\");</script>b<STYLE>p{}</style >c", "abc"},
	{"script without end", "a<script>b", "a"},
	{"title", "<head><title>t</title></head><body>b", "t\nb"},
	{"sign in an attribute", "<a title=\"x > y\">z", "z"},
	{"quotes of both kinds", "<a title='a>\"b' x=\"c>'d\" y=1>e</a>f", "ef"},
	{"quotes that are none", "<a b'c\" d>e", "e"},
	{"words and blanks", " one two  three\n four &amp; five <b>six</b> ", "one two three four & five six"},
	{"end quote missing", "<a href=\"x>y</a>z", "yz"},
	{"address in brackets", "to <joe@example.com>: no", "to <joe@example.com>: no"},
	{"not an address", "<a href=\"mailto:joe@example.com\">x</a>", "x"},
	{"less than", "1 < 2 <3", "1 < 2 <3"},
	{"tag without end", "a <b", "a <b"},
	{"preformatted", "<pre>a\n  b\nc</pre>d\ne", "a\nb\nc\nd e"},
	{"UTF-8", "<p>caf\xC3\xA9</p>", "caf\xC3\xA9"},
};

static void test_stripping(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		arena_init(&a, 1 << 16);
		struct slice out = html_to_text(&a, slice_str(cases[i].in), SIZE_MAX);
		if (!slice_equal(out, slice_str(cases[i].out))) fail_msg("%s: [%.*s]", cases[i].name, SLICE_ARG(out));
		for (size_t limit = 0; limit < out.n; limit++)
			if (html_to_text(&a, slice_str(cases[i].in), limit).n > limit)
				fail_msg("%s: limit %zu", cases[i].name, limit);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stripping)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
