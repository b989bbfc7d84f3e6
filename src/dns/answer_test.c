/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/test_list.h"

static struct list_zone zone;
static struct answer_server server = {.zone = &zone, .version = "Backstop test", .nsid = "node-1", .udp_size = 1232};

/* ---- asking -------------------------------------------------------------------------------------------------------- */

enum { EDNS = 1, NSID = 2, COOKIE = 4, DO = 8, SMALL = 16, TCP = 32, FREE = 64 /* not bounded */ };

static size_t make_request(uint8_t room[600], const char *name, unsigned class, unsigned type, unsigned how)
{
	struct wire_writer w = wire_write(room, 600);
	struct wire_header h = {.id = 0x0102, .flags = FLAG_RD, .questions = 1, .additionals = (how & EDNS) != 0};
	struct wire_name n = {.n = 0};
	assert_true(wire_name_parse(name, strlen(name), &n));
	for (size_t i = 0, at = 1; name[i]; i++, at++) /* the case as it was given */
		if (name[i] != '.') n.octets[at] = (uint8_t)name[i];
	wire_put_header(&w, &h);
	wire_put_name_plain(&w, &n);
	wire_put_u16(&w, (uint16_t)type);
	wire_put_u16(&w, (uint16_t) class);
	if (how & EDNS) {
		wire_put(&w, "\0\0\51", 3);
		wire_put_u16(&w, how & SMALL ? 512 : 4096);
		wire_put_u32(&w, how & DO ? 0x8000 : 0);
		wire_put_u16(&w, (uint16_t)((how & NSID ? 4 : 0) + (how & COOKIE ? 12 : 0)));
		if (how & NSID) wire_put(&w, "\0\3\0\0", 4);
		if (how & COOKIE) wire_put(&w, "\0\12\0\10abcdefgh", 12);
	}
	assert_false(w.full);
	return w.n;
}

struct asked {
	uint8_t request[600], answer[ANSWER_UDP_MOST];
	size_t request_size, size;
	struct answer_about about;
};

static void ask(struct asked *a, const char *name, unsigned class, unsigned type, unsigned how)
{
	struct query q;
	struct answer_way way = {.udp = !(how & TCP), .bounded = !(how & (FREE | TCP))};
	a->request_size = make_request(a->request, name, class, type, how);
	enum query_state state = query_parse(a->request, a->request_size, &q);
	if (how & COOKIE) {
		way.cookie_size = 24;
		memcpy(way.cookie, "abcdefgh0123456789ABCDEF", 24);
	}
	a->size =
		answer_write(&server, &test_list, a->request, &q, state, &way, a->answer, sizeof a->answer, &a->about);
}

/* ---- what came -------------------------------------------------------------------------------------------------------- */

struct text {
	char s[4000];
	size_t n;
};

static void say(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	t->n += (size_t)vsnprintf(t->s + t->n, sizeof t->s - t->n, format, args);
	va_end(args);
}

static void say_strings(struct text *t, const struct wire_record *r)
{
	for (size_t at = 0; at < r->length; at += 1u + r->rdata[at])
		say(t, " \"%.*s\"", r->rdata[at], (const char *)r->rdata + at + 1);
}

static void say_name(struct text *t, struct wire_reader *r)
{
	struct wire_name name;
	char text[WIRE_NAME_TEXT];
	assert_true(wire_take_name(r, &name));
	say(t, " %s", wire_name_text(&name, text));
}

static void say_record(struct text *t, const uint8_t *answer, size_t n, const struct wire_record *r)
{
	struct wire_reader in = wire_read(answer, n);
	in.at = r->rdata_at;
	switch (r->type) {
	case RR_A: say(t, " A %u.%u.%u.%u", r->rdata[0], r->rdata[1], r->rdata[2], r->rdata[3]); break;
	case RR_TXT:
		say(t, " TXT");
		say_strings(t, r);
		break;
	case RR_HINFO:
		say(t, " HINFO");
		say_strings(t, r);
		break;
	case RR_NS:
		say(t, " NS");
		say_name(t, &in);
		break;
	case RR_SOA:
		say(t, " SOA");
		say_name(t, &in);
		say_name(t, &in);
		say(t, " %u %u", wire_take_u32(&in), (unsigned)r->ttl);
		break;
	case RR_OPT:
		say(t, " OPT %u %x", r->class, (unsigned)r->ttl);
		for (size_t at = 0; at + 4 <= r->length; at += 4u + r->rdata[at + 3])
			say(t, " %u:%.*s", r->rdata[at + 1], r->rdata[at + 3], (const char *)r->rdata + at + 4);
		break;
	default: say(t, " type%u", r->type);
	}
}

/* "NOERROR aa A 127.0.0.2 / / OPT..." */
static void describe(const struct asked *a, struct text *t)
{
	struct wire_reader r = wire_read(a->answer, a->size);
	struct wire_header h;
	t->n = 0;
	t->s[0] = '\0';
	assert_true(wire_take_header(&r, &h));
	assert_int_equal(h.id, 0x0102);
	say(t, "%u%s%s", h.flags & 15, h.flags & FLAG_AA ? " aa" : "", h.flags & FLAG_TC ? " tc" : "");
	assert_true(h.flags & FLAG_QR && h.flags & FLAG_RD && !(h.flags & (FLAG_RA | FLAG_AD)));
	if (h.questions) {
		size_t end = 12;
		while (a->request[end]) end += 1u + a->request[end];
		assert_memory_equal(a->answer + 12, a->request + 12, end + 5 - 12);
		wire_take(&r, end + 5 - 12);
	}
	unsigned counts[3] = {h.answers, h.authorities, h.additionals};
	for (unsigned section = 0; section < 3; section++) {
		if (section && counts[section]) say(t, " /");
		for (unsigned i = 0; i < counts[section]; i++) {
			struct wire_record record;
			struct wire_name owner;
			assert_true(wire_take_record(&r, &owner, &record));
			assert_true(wire_name_within(&owner, &zone.name) || record.type == RR_OPT ||
			            record.class != RR_CLASS_IN);
			say_record(t, a->answer, a->size, &record);
		}
	}
	assert_int_equal(r.at, r.n);
}

#define NO      " / SOA ns1.example.net. hostmaster.example.net. 2026 60"
#define OPTS    " / OPT 1232 0"
#define ZEROS16 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
#define V6TEST  "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0." ZEROS16
#define NET1    "1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
#define NET2    "2.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."

static const struct {
	const char *name;
	unsigned class, type, how;
	const char *answer;
} cases[] = {
	{"1.2.0.192.safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.2"},
	{"1.2.0.192.any.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"2.2.0.192.safe.bl.example.net", 1, RR_A, FREE,
         "0 aa A 127.0.0.2 A 127.0.0.3 A 127.0.0.4 A 127.0.0.5 A 127.0.0.6 A 127.0.0.9"},
	{"2.2.0.192.any.bl.example.net", 1, RR_A, FREE,
         "0 aa A 127.0.0.2 A 127.0.0.3 A 127.0.0.4 A 127.0.0.5 A 127.0.0.6 A 127.0.0.9"},
	{"7.100.51.198.safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.9"},
	{"7.100.51.198.any.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"1.2.0.192.sAFe.bL.Example.NET", 1, RR_A, 0, "0 aa A 127.0.0.2"},
	{"1.2.0.192.safe.bl.example.net", 1, RR_TXT, FREE,
         "0 aa TXT \"192.0.2.1 sends bounces to people who never wrote to it; mostly backscatter, some real mail. "
         "Refuse its "
         "bounces only. https://bl.example.net/lookup/192.0.2.1\""},
	{"1.2.0.192.safe.bl.example.net", 1, RR_TXT, 0, "0 aa tc"},
	{"1.2.0.192.safe.bl.example.net", 1, RR_AAAA, 0, "0 aa" NO},
	{"1.2.0.192.safe.bl.example.net", 1, RR_MX, 0, "0 aa" NO},
	{"1.2.0.192.safe.bl.example.net", 1, 65280, 0, "0 aa" NO},
	{"1.2.0.192.safe.bl.example.net", 1, RR_ANY, 0, "0 aa HINFO \"RFC8482\" \"\""},
	{"x.1.2.0.192.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"3.2.0.192.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"3.2.0.192.safe.bl.example.net", 1, RR_ANY, 0, "3 aa" NO},
	/* what is above listed addresses is there, and empty */
	{"2.0.192.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"0.192.safe.bl.example.net", 1, RR_TXT, 0, "0 aa" NO},
	{"192.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"192.any.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"198.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"198.any.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"193.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"3.0.192.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"any.bl.example.net", 1, RR_ANY, 0, "0 aa" NO},
	{"bl.example.net", 1, RR_A, 0, "0 aa" NO},
	/* octets as they are written */
	{"01.2.0.192.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"1.2.0.0192.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"1.2.0.256.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"a.2.0.192.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"safe", 1, RR_A, 0, "5"},
	{"x.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"1.2.0.192.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"1.2.0.192.both.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"xbl.example.net", 1, RR_A, 0, "5"},
	{"example.net", 1, RR_SOA, 0, "5"},
	{".", 1, RR_NS, 0, "5"},
	{"1.2.0.192.safe.bl.example.com", 1, RR_A, EDNS, "5" OPTS},
	/* IPv6, by /64 */
	{ZEROS16 NET1 "safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.3"},
	{"f.E.d.C.b.a.9.8.7.6.5.4.3.2.1.0." NET1 "safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.3"},
	{ZEROS16 NET1 "any.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{ZEROS16 NET2 "any.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.2"},
	{ZEROS16 NET1 "safe.bl.example.net", 1, RR_TXT, FREE,
         "0 aa TXT \"2001:db8:0:1::/64 sends auto-replies to people who never wrote to it; backscatter among real "
         "mail. Refuse "
         "its bounces only. https://bl.example.net/lookup/2001:db8:0:1::\""},
	{"*." NET1 "safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.3"},
	{"x.*." NET1 "safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"*.x." NET1 "safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.3"},
	{ZEROS16 "3.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{NET1 "safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{NET1 "any.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"x." NET1 "safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.3"}, /* as the wildcard of a zone file */
	{"0.0.0.0.0.0.8.b.d.0.1.0.0.2.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.any.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"1.0.0.2.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO}, /* 2.0.0.1 is not listed, 2001::/16 has listings */
	{"2.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"3.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"4.3.2.1.safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.6"},
	{"2.1.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"5.2.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	/* RFC 5782 5 */
	{"2.0.0.127.safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.2"},
	{"2.0.0.127.any.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.2"},
	{"2.0.0.127.any.bl.example.net", 1, RR_TXT, FREE,
         "0 aa TXT \"127.0.0.2 is always listed, for testing (RFC 5782)\""},
	{"1.0.0.127.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"3.0.0.127.safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"0.0.127.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"127.any.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{V6TEST "safe.bl.example.net", 1, RR_A, 0, "0 aa A 127.0.0.2"},
	{V6TEST "any.bl.example.net", 1, RR_TXT, FREE,
         "0 aa TXT \"::FFFF:7F00:2 is always listed, for testing (RFC 5782)\""},
	{"1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0." ZEROS16 "safe.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"0.0.0.0.0.f.7.f.f.f.f.0.0.0.0." ZEROS16 "safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"f.f.f.0.0.0.0." ZEROS16 "any.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	{"e.f.f.0.0.0.0." ZEROS16 "any.bl.example.net", 1, RR_A, 0, "3 aa" NO},
	{"0.0.0.0.safe.bl.example.net", 1, RR_A, 0, "0 aa" NO},
	/* the apex */
	{"bl.example.net", 1, RR_SOA, 0, "0 aa SOA ns1.example.net. hostmaster.example.net. 2026 300"},
	{"BL.example.net", 1, RR_NS, 0, "0 aa NS ns1.example.net. NS ns2.example.org."},
	{"bl.example.net", 1, RR_ANY, 0, "0 aa HINFO \"RFC8482\" \"\""},
	{"bl.example.net", 1, RR_IXFR, 0, "0 aa SOA ns1.example.net. hostmaster.example.net. 2026 300"},
	{"safe.bl.example.net", 1, RR_IXFR, 0, "9"},
	{"bl.example.net", 1, RR_AXFR, 0, "1"},
	{"bl.example.net", 1, 43, 0, "0 aa" NO},
	/* EDNS */
	{"1.2.0.192.safe.bl.example.net", 1, RR_A, EDNS, "0 aa A 127.0.0.2" OPTS},
	{"1.2.0.192.safe.bl.example.net", 1, RR_A, EDNS | DO, "0 aa A 127.0.0.2 / OPT 1232 8000"},
	{"1.2.0.192.safe.bl.example.net", 1, RR_A, EDNS | NSID, "0 aa A 127.0.0.2 / OPT 1232 0 3:node-1"},
	{"1.2.0.192.safe.bl.example.net", 1, RR_A, EDNS | COOKIE,
         "0 aa A 127.0.0.2 / OPT 1232 0 10:abcdefgh0123456789ABCDEF"},
	{"1.2.0.192.safe.bl.example.net", 1, RR_TXT, EDNS, "0 aa tc" OPTS},
	/* other classes */
	{"version.bind", 3, RR_TXT, 0, "0 aa TXT \"Backstop test\""},
	{"Version.Server", 3, RR_TXT, 0, "0 aa TXT \"Backstop test\""},
	{"hostname.bind", 3, RR_TXT, 0, "0 aa TXT \"node-1\""},
	{"id.server", 3, RR_TXT, 0, "0 aa TXT \"node-1\""},
	{"id.server", 3, RR_A, 0, "5"},
	{"authors.bind", 3, RR_TXT, 0, "5"},
	{"2.0.0.127.safe.bl.example.net", 4, RR_A, 0, "5"},
	{"2.0.0.127.safe.bl.example.net", 255, RR_A, 0, "5"},
	{"bl.example.net", 1, RR_OPT, 0, "1"},
	{"bl.example.net", 1, 249, 0, "1"},
	{"bl.example.net", 1, 254, 0, "4"},
};

static void test_answers(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct asked a;
		struct text t;
		ask(&a, cases[i].name, cases[i].class, cases[i].type, cases[i].how);
		describe(&a, &t);
		if (strcmp(t.s, cases[i].answer) != 0)
			fail_msg("%s type %u: %s, not %s", cases[i].name, cases[i].type, t.s, cases[i].answer);
	}
}

static void test_exact_octets(void **state)
{
	struct asked a;
	ask(&a, "1.2.0.192.sAfe.bl.example.net", 1, RR_A, 0);
	static const char listed[] = "\1\2\205\0\0\1\0\1\0\0\0\0\1"
				     "1\1"
				     "2\1"
				     "0\3"
				     "192\4sAfe\2bl\7example\3net\0\0\1\0\1"
				     "\300\14\0\1\0\1\0\0\1\54\0\4\177\0\0\2";
	assert_int_equal(a.size, sizeof listed - 1);
	assert_memory_equal(a.answer, listed, a.size);

	ask(&a, "9.safe.bl.example.net", 1, RR_A, EDNS);
	static const char unlisted[] = "\1\2\205\3\0\1\0\0\0\1\0\1\1"
				       "9\4safe\2bl\7example\3net\0\0\1\0\1"
				       "\300\23\0\6\0\1\0\0\0\74\0\47\3ns1\300\26\12hostmaster\300\26"
				       "\0\0\7\352\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\74"
				       "\0\0\51\4\320\0\0\0\0\0\0";
	assert_int_equal(a.size, sizeof unlisted - 1);
	assert_memory_equal(a.answer, unlisted, a.size);
}

/* ---- sizes -------------------------------------------------------------------------------------------------------------- */

static const char *const all_names[] = {
	"bl.example.net",
	"safe.bl.example.net",
	"1.2.0.192.safe.bl.example.net",
	"2.2.0.192.any.bl.example.net",
	"2.2.0.192.SAFE.bl.example.net",
	"7.100.51.198.safe.bl.example.net",
	"2.0.0.127.any.bl.example.net",
	"9.9.9.9.any.bl.example.net",
	"192.safe.bl.example.net",
	ZEROS16 NET1 "safe.bl.example.net",
	ZEROS16 NET2 "any.bl.example.net",
	V6TEST "any.bl.example.net",
	"nowhere.bl.example.net",
	"else.where",
	".",
	"version.bind",
	"id.server",
};
static const unsigned all_types[] = {RR_A, RR_NS, RR_SOA, RR_TXT, RR_AAAA, RR_MX, RR_ANY, RR_IXFR, RR_AXFR, 43, 99};

static void for_all(void (*check)(const struct asked *a, unsigned type, unsigned how))
{
	for (size_t i = 0; i < sizeof all_names / sizeof *all_names; i++)
		for (size_t t = 0; t < sizeof all_types / sizeof *all_types; t++)
			for (unsigned how = 0; how < 128; how++)
				for (unsigned class = 1; class <= 3; class += 2) {
					struct asked a;
					if (!(how & EDNS) && how & (NSID | COOKIE | DO | SMALL)) continue;
					ask(&a, all_names[i], class, all_types[t], how);
					check(&a, all_types[t], how);
				}
}

static double worst;

static void check_factor(const struct asked *a, unsigned type, unsigned how)
{
	struct text t;
	assert_true(a->size >= WIRE_HEADER_SIZE);
	describe(a, &t);
	if (how & TCP) {
		assert_false(a->about.truncated);
		return;
	}
	size_t most = how & EDNS && !(how & SMALL) ? 1232 : 512;
	assert_true(a->size <= most);
	if (how & FREE) return;
	double factor = (double)a->size / (double)a->request_size;
	if (factor > worst) worst = factor;
	assert_true(factor <= ANSWER_FACTOR);
}

static void test_no_answer_is_above_three_times_its_request(void **state)
{
	struct list_zone usual = zone;
	for_all(check_factor);
	print_message("the largest answer without a cookie is %.2f times its request\n", worst);
	/* Names that are nobody's idea of short. */
	const char *far = "a-name-server-with-a-very-long-name-indeed.in-a-domain-that-shares-nothing.example.org";
	wire_name_parse(far, strlen(far), &zone.nameservers[0].name);
	list_zone_contact("somebody@a-contact-that-is-far-away-too.in-another-domain-that-shares-nothing.example.com",
	                  &zone.contact.name);
	list_zone_complete(&zone);
	for_all(check_factor);
	struct asked a;
	struct text t;
	ask(&a, "9.9.9.9.any.bl.example.net", 1, RR_A, 0);
	describe(&a, &t);
	assert_string_equal(t.s, "3 aa"); /* without its SOA, but not truncated */
	zone = usual;
}

static void test_what_fits_when_the_client_is_known(void **state)
{
	struct asked a;
	ask(&a, "2.2.0.192.safe.bl.example.net", 1, RR_TXT, EDNS | COOKIE | FREE | SMALL);
	assert_false(a.about.truncated);
	assert_true(a.size > ANSWER_FACTOR * a.request_size && a.size <= 512);
	struct list_zone usual = zone;
	for (zone.nameserver_count = 2; zone.nameserver_count < ZONE_NAMESERVERS_MOST; zone.nameserver_count++)
		zone.nameservers[zone.nameserver_count] = zone.nameservers[1];
	ask(&a, "bl.example.net", 1, RR_NS, FREE);
	struct text t;
	describe(&a, &t);
	assert_string_equal(t.s, "0 aa tc"); /* 32 servers in 512 octets */
	ask(&a, "bl.example.net", 1, RR_NS, TCP);
	assert_false(a.about.truncated);
	zone = usual;
}

/* ---- the way -------------------------------------------------------------------------------------------------------------- */

static size_t answer_raw(const void *request, size_t n, const struct answer_way *way, uint8_t room[1500])
{
	struct query q;
	struct answer_about about;
	enum query_state state = query_parse(request, n, &q);
	return answer_write(&server, &test_list, request, &q, state, way, room, 1500, &about);
}

#define RAW(octets, way, room) answer_raw(octets, sizeof(octets) - 1, way, room)

static void test_forced(void **state)
{
	uint8_t request[600], room[1500];
	size_t n = make_request(request, "1.2.0.192.safe.bl.example.net", 1, RR_A, EDNS);
	struct answer_way slip = {.udp = true, .bounded = true, .truncate = true};
	assert_int_equal(answer_raw(request, n, &slip, room), n); /* question and OPT, nothing else */
	assert_memory_equal(room + 2, "\203\0\0\1\0\0\0\0\0\1", 10);
	struct answer_way bad = {.udp = true, .bounded = true, .rcode = RCODE_BADCOOKIE};
	assert_int_equal(answer_raw(request, n, &bad, room), n);
	assert_memory_equal(room + 2, "\201\7\0\1\0\0\0\0\0\1", 10);
	assert_int_equal(room[n - 6], RCODE_BADCOOKIE >> 4);
}

static void test_of_bad_form(void **state)
{
	uint8_t room[1500];
	struct answer_way way = {.udp = true, .bounded = true};
	assert_int_equal(RAW("", &way, room), 0);
	assert_int_equal(RAW("\1\2\200\0\0\1\0\0\0\0\0\0\0\0\1\0\1", &way, room), 0);
	assert_int_equal(RAW("\1\2\50\0\0\1\0\0\0\0\0\0\0\0\6\0\1", &way, room), 12);
	assert_memory_equal(room, "\1\2\250\4\0\0\0\0\0\0\0\0", 12);
	assert_int_equal(RAW("\1\2\1\0\0\2\0\0\0\0\0\0\0\0\6\0\1\0\0\6\0\1", &way, room), 12);
	assert_memory_equal(room, "\1\2\201\1\0\0\0\0\0\0\0\0", 12);
	assert_int_equal(RAW("\1\2\1\0\0\1\0\0\0\0\0\0\0\0\6\0\1x", &way, room), 17); /* with its question */
	assert_memory_equal(room, "\1\2\201\1\0\1\0\0\0\0\0\0\0\0\6\0\1", 17);
	assert_int_equal(RAW("\1\2\0\0\0\1\0\0\0\0\0\1\0\0\6\0\1\0\0\51\4\320\0\1\0\0\0\0", &way, room), 28);
	assert_memory_equal(room, "\1\2\200\0\0\1\0\0\0\0\0\1\0\0\6\0\1\0\0\51\4\320\1\0\0\0\0\0", 28); /* BADVERS */
	way.cookie_size = 24;
	assert_int_equal(RAW("\1\2\0\0\0\0\0\0\0\0\0\1\0\0\51\4\320\0\0\0\0\0\14\0\12\0\10abcdefgh", &way, room), 51);
	assert_memory_equal(room, "\1\2\200\0\0\0\0\0\0\0\0\1\0\0\51\4\320\0\0\0\0\0\34\0\12\0\30", 27);
}

static void test_room_that_is_too_small(void **state)
{
	uint8_t request[600], room[600];
	struct answer_way way = {0};
	struct answer_about about;
	struct query q;
	size_t n = make_request(request, "bl.example.net", 1, RR_NS, EDNS);
	assert_int_equal(query_parse(request, n, &q), QUERY_GOOD);
	for (size_t size = 0; size < n; size++)
		assert_int_equal(answer_write(&server, &test_list, request, &q, QUERY_GOOD, &way, room, size, &about),
		                 0);
	assert_int_equal(answer_write(&server, &test_list, request, &q, QUERY_GOOD, &way, room, n, &about), n);
}

static int setup(void **state)
{
	test_zone(&zone);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_exact_octets),
		cmocka_unit_test(test_no_answer_is_above_three_times_its_request),
		cmocka_unit_test(test_what_fits_when_the_client_is_known),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_of_bad_form),
		cmocka_unit_test(test_room_that_is_too_small),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
