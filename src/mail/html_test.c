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
	{"words over many octets", "The quick brown\nfox jumps over\r\nthe lazy dog, and\ta cat &lt; two",
         "The quick brown fox jumps over the lazy dog, and a cat < two"},
	{"line ends in pre", "<pre>The quick brown fox\njumps over the lazy\tdog",
         "The quick brown fox\njumps over the lazy dog"},
	{"long tags",
         "<p style=\"font: serif; color: #001122\" class='one two three four'>a<blockquote>b</fieldset>c<spanner>d",
         "a\nb\ncd"},
	{"many blanks", "a                    \n     b<pre>c                     \n            d              e",
         "a b\nc\nd e"},
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

/* Words of which sixteen octets are read at a time are, at every limit, the beginning of what they are without one. */
static void test_words(void **state)
{
	static const char *const pieces[] =
		{"word",        " ",        "\n",           "a",    "<b>",
	         "&amp;",       "\xC3\xA9", "  ",           "\r\n", "longer-words-than-these",
	         "<pre>",       "</pre>",   "\xE2\x82\xAC", "<br>", "x",
	         "<a href='y'>"};
	unsigned seed = 1;
	for (int round = 0; round < 500; round++) {
		char in[512];
		size_t n = 0;
		struct arena a;
		arena_init(&a, 1 << 20);
		for (int i = round % 30; i >= 0; i--) {
			struct slice piece = slice_str(
				pieces[((seed = seed * 1103515245u + 12345u) >> 16) % 16 % (round % 2 ? 16 : 4)]);
			memcpy(in + n, piece.p, piece.n);
			n += piece.n;
		}
		struct slice all = html_to_text(&a, slice_of(in, n), SIZE_MAX);
		for (size_t limit = 0; limit <= all.n; limit++) {
			struct slice some = html_to_text(&a, slice_of(in, n), limit);
			if (!slice_starts(all, some) || some.n + 5 < limit)
				fail_msg("limit %zu of [%.*s]: [%.*s]", limit, (int)n, in, SLICE_ARG(some));
		}
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stripping), cmocka_unit_test(test_words)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
