/* SPDX-License-Identifier: Apache-2.0 */
#include "net/proxy.h"

#include "net/test_loop.h"

#define V2     "\r\n\r\n\0\r\nQUIT\n"
#define A4     "\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x34\x00\x19" /* 192.0.2.1:4660 to 198.51.100.2:25 */
#define V6_1   "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
#define V6_2   "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"
#define X32    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* clang-format off */
static const struct {
	const char *name;
	struct slice data;
	enum proxy_result result;
	size_t size;
	const char *source, *destination; /* NULL: not addressed */
} cases[] = {
#define D(text) {"" text, sizeof(text) - 1}
	{"nothing yet", D(""), PROXY_MORE, 0, NULL, NULL},
	{"v1", D("PROXY TCP4 192.0.2.1 198.51.100.2 4660 25\r\nEHLO"), PROXY_DONE, 43, "192.0.2.1:4660", "198.51.100.2:25"},
	{"v1 IPv6", D("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"), PROXY_DONE, 44,
	 "[2001:db8::1]:1", "[2001:db8::2]:65535"},
	{"v1 mapped", D("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), PROXY_DONE, 37, "192.0.2.1:1", "[::1]:2"},
	{"v1 unknown", D("PROXY UNKNOWN\r\n"), PROXY_DONE, 15, NULL, NULL},
	{"v1 unknown with more", D("PROXY UNKNOWN ffff:f...f:ffff what ever\r\nX"), PROXY_DONE, 41, NULL, NULL},
	{"v1 longest", D("PROXY UNKNOWN " X32 X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"), PROXY_DONE, 107, NULL, NULL},
	{"v1 one too long", D("PROXY UNKNOWN " X32 X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 without end", D("PROXY TCP4 192.0.2.1 198.51.100.2 4660 25\r"), PROXY_MORE, 0, NULL, NULL},
	{"v1 LF only", D("PROXY TCP4 192.0.2.1 198.51.100.2 4660 25\nEHLO a\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 beginning", D("PRO"), PROXY_MORE, 0, NULL, NULL},
	{"v1 wrong beginning", D("PRX"), PROXY_BAD, 0, NULL, NULL},
	{"v1 lower case", D("proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 no family", D("PROXY \r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 UDP4", D("PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 wrong family", D("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 family by halves", D("PROXY TCP6 2001:db8::1 192.0.2.1 1 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 two spaces", D("PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 a field short", D("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 a field more", D("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 space at end", D("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 port too big", D("PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 port with zero", D("PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 port signed", D("PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 short address", D("PROXY TCP4 192.0.1 198.51.100.2 1 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v1 NUL in address", D("PROXY TCP4 192.0.2.1\0 198.51.100.2 1 2\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"v2", D(V2 "\x21\x11\0\x0c" A4 "EHLO"), PROXY_DONE, 28, "192.0.2.1:4660", "198.51.100.2:25"},
	{"v2 IPv6", D(V2 "\x21\x21\0\x24" V6_1 V6_2 "\0\x01\0\x02"), PROXY_DONE, 52, "[2001:db8::1]:1", "[2001:db8::2]:2"},
	{"v2 mapped", D(V2 "\x21\x21\0\x24" MAPPED V6_2 "\0\x01\0\x02"), PROXY_DONE, 52, "192.0.2.1:1", "[2001:db8::2]:2"},
	{"v2 extension", D(V2 "\x21\x11\0\x13" A4 "\x02\0\x04" "mail"), PROXY_DONE, 35, "192.0.2.1:4660", "198.51.100.2:25"},
	{"v2 local", D(V2 "\x20\0\0\0"), PROXY_DONE, 16, NULL, NULL},
	{"v2 local with addresses", D(V2 "\x20\x11\0\x0c" A4), PROXY_DONE, 28, NULL, NULL},
	{"v2 unspecified", D(V2 "\x21\0\0\x03" "abc"), PROXY_DONE, 19, NULL, NULL},
	{"v2 UDP", D(V2 "\x21\x12\0\x0c" A4), PROXY_DONE, 28, NULL, NULL},
	{"v2 unix", D(V2 "\x21\x31\0\x01" "x"), PROXY_DONE, 17, NULL, NULL},
	{"v2 beginning", D("\r\n\r\n\0\r\n"), PROXY_MORE, 0, NULL, NULL},
	{"v2 signature only", D(V2), PROXY_MORE, 0, NULL, NULL},
	{"v2 wrong signature", D("\r\n\r\n\0\r\nQUIX"), PROXY_BAD, 0, NULL, NULL},
	{"v2 half", D(V2 "\x21\x11\0\x0c\xc0"), PROXY_MORE, 0, NULL, NULL},
	{"v2 version 1", D(V2 "\x11\x11\0\x0c" A4), PROXY_BAD, 0, NULL, NULL},
	{"v2 unknown command", D(V2 "\x22\x11\0\x0c" A4), PROXY_BAD, 0, NULL, NULL},
	{"v2 unknown family", D(V2 "\x21\x41\0\x0c" A4), PROXY_BAD, 0, NULL, NULL},
	{"v2 unknown transport", D(V2 "\x21\x13\0\x0c" A4), PROXY_BAD, 0, NULL, NULL},
	{"v2 addresses cut", D(V2 "\x21\x11\0\x0b" A4), PROXY_BAD, 0, NULL, NULL},
	{"v2 too long", D(V2 "\x21\x11\x02\x19" A4), PROXY_BAD, 0, NULL, NULL},
	{"v2 longest, half", D(V2 "\x21\x11\x02\x18" A4), PROXY_MORE, 0, NULL, NULL},
	{"v2 extension cut", D(V2 "\x21\x11\0\x12" A4 "\x02\0\x04" "mai"), PROXY_BAD, 0, NULL, NULL},
	{"v2 extension of two octets", D(V2 "\x21\x11\0\x0e" A4 "\x02\0"), PROXY_BAD, 0, NULL, NULL},
	{"SMTP", D("EHLO a.example\r\n"), PROXY_BAD, 0, NULL, NULL},
	{"TLS", D("\x16\x03\x01\x02\x00"), PROXY_BAD, 0, NULL, NULL},
#undef D
};
/* clang-format on */

static void headers_by_table(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char source[ENDPOINT_TEXT_SIZE], destination[ENDPOINT_TEXT_SIZE];
		struct proxy_header h = {0};
		enum proxy_result result = proxy_parse(cases[i].data, &h);
		if (result != cases[i].result) fail_msg("%s: result %d", cases[i].name, result);
		if (result != PROXY_DONE) continue;
		if (h.size != cases[i].size) fail_msg("%s: size %zu", cases[i].name, h.size);
		if (h.addressed != (cases[i].source != NULL)) fail_msg("%s: addressed %d", cases[i].name, h.addressed);
		if (!h.addressed) continue;
		assert_string_equal(endpoint_text(&h.source, source), cases[i].source);
		assert_string_equal(endpoint_text(&h.destination, destination), cases[i].destination);
	}
}

static void body_read(void *arg)
{
	int other;
	char text[ENDPOINT_TEXT_SIZE];
	struct stream *s = test_pair(&other);
	CHECK(test_send(other, SLICE("PROXY TCP4 192.0.2.1 198.51.100.2 4660 25\r\nEHLO a\r\n")));
	CHECK_ERROR(proxy_read(s, clock_deadline(1000)), ERR_OK);
	CHECK(strcmp(endpoint_text(stream_peer(s), text), "192.0.2.1:4660") == 0);
	CHECK(strcmp(endpoint_text(stream_local(s), text), "198.51.100.2:25") == 0);
	CHECK(slice_equal(stream_buffered(s), SLICE("EHLO a\r\n")));
	stream_free(s);
	close(other);
}

static void body_read_local(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	struct endpoint before = *stream_peer(s);
	CHECK(test_send(other, slice_of(V2 "\x20\0\0\0", 16)));
	CHECK_ERROR(proxy_read(s, clock_deadline(1000)), ERR_OK);
	CHECK(ip_equal(&stream_peer(s)->ip, &before.ip) && stream_peer(s)->port == before.port);
	CHECK(stream_buffered(s).n == 0);
	stream_free(s);
	close(other);
}

static void body_read_fails(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	CHECK(test_send(other, SLICE("PROXY TC")));
	CHECK_ERROR(proxy_read(s, clock_deadline(20)), ERR_TIMEOUT);
	CHECK(test_send(other, SLICE("P9 x\r\n")));
	CHECK_ERROR(proxy_read(s, clock_deadline(1000)), ERR_PROTOCOL);
	stream_discard_input(s);
	CHECK(test_send(other, SLICE("PROXY ")));
	close(other);
	CHECK_ERROR(proxy_read(s, clock_deadline(1000)), ERR_CLOSED);
	stream_free(s);
}

static void a_header_sets_the_peer(void **state)
{
	run_in_fiber(body_read, NULL);
}

static void a_health_check_keeps_the_peer(void **state)
{
	run_in_fiber(body_read_local, NULL);
}

static void a_bad_or_missing_header_is_an_error(void **state)
{
	run_in_fiber(body_read_fails, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_by_table),
		cmocka_unit_test(a_header_sets_the_peer),
		cmocka_unit_test(a_health_check_keeps_the_peer),
		cmocka_unit_test(a_bad_or_missing_header_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
