/* SPDX-License-Identifier: Apache-2.0 */
/* libunbound against a small server of our own on loopback. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/metrics.h"
#include "net/resolver_internal.h"
#include "net/test_loop.h"

/* ---- the server -------------------------------------------------------------------------------------------------- */

#define SILENT 255 /* instead of a response code */

static const struct row {
	const char *name;
	int type;
	int rcode;
	uint32_t ttl;
	const char *rdata;
	size_t n;
	const char *alias; /* a CNAME goes before; the rest belongs to it */
} zone[] = {
#define R(rdata) rdata, sizeof(rdata) - 1
	{"2.0.0.127.bl.test", DNS_A, 0, 300, R("\177\0\0\2"), NULL},
	{"foo.invalid", DNS_A, 0, 300, R("\12\0\0\1"), NULL},
	{"host.home.arpa", DNS_A, 0, 300, R("\12\0\0\2"), NULL},
	{"1.0.0.127.in-addr.arpa", DNS_PTR, 0, 300, R("\1h\4test\0"), NULL},
	{"1.0.0.10.in-addr.arpa", DNS_PTR, 0, 300, R("\1h\4test\0"), NULL},
	{"1.2.0.192.in-addr.arpa", DNS_PTR, 0, 300, R("\1h\4test\0"), NULL},
	{"example", DNS_MX, 0, 300, R("\0\12\2mx\7example\0"), NULL},
	{"mx.example", DNS_A, 0, 300, R("\300\0\2\1"), NULL},
	{"alias.example", DNS_A, 0, 300, R("\300\0\2\1"), "mx.example"},
	{"a b\1.example", DNS_TXT, 0, 300, R("\2ok"), NULL},
	{"hollow.example", DNS_TXT, 0, 300, R(""), NULL}, /* a record without any string */
	{"empty.example", DNS_A, 0, 300, NULL, 0, NULL},
	{"short.example", DNS_A, 0, 1, R("\300\0\2\3"), NULL},
	{"fail.example", DNS_A, 2, 0, NULL, 0, NULL},
	{"refused.example", DNS_A, 5, 0, NULL, 0, NULL},
	{"silent.example", DNS_A, SILENT, 0, NULL, 0, NULL},
	{"www.signed.test", DNS_A, 0, 300, R("\300\0\2\4"), NULL},
#undef R
};

struct server {
	int fd, stop[2];
	pthread_t thread;
	atomic_int questions;
	char address[ENDPOINT_TEXT_SIZE];
};

struct packet {
	size_t n;
	unsigned char octets[512];
};

static void put(struct packet *p, const void *data, size_t n)
{
	assert_true(n <= sizeof p->octets - p->n);
	if (n > 0) memcpy(p->octets + p->n, data, n);
	p->n += n;
}

static void put_number(struct packet *p, uint32_t value, int octets)
{
	while (octets-- > 0) {
		unsigned char o = (unsigned char)(value >> (8 * octets));
		put(p, &o, 1);
	}
}

static void put_record(struct packet *p, const void *owner, size_t owner_n, int type, uint32_t ttl, const void *rdata,
                       size_t n)
{
	put(p, owner, owner_n);
	put_number(p, (uint32_t)type, 2);
	put_number(p, 1, 2);
	put_number(p, ttl, 4);
	put_number(p, (uint32_t)n, 2);
	put(p, rdata, n);
}

/* The name of the question as text (without escapes), and the octets after it. */
static size_t question_name(const unsigned char *q, size_t n, char *name)
{
	size_t at = 12, o = 0;
	while (at < n && q[at] != 0 && at + 1 + q[at] < n && o + q[at] < 250) {
		if (o) name[o++] = '.';
		for (int i = 1; i <= q[at]; i++) name[o++] = (char)tolower(q[at + i]);
		at += 1U + q[at];
	}
	name[o] = '\0';
	return at + 1;
}

static const struct row *find_row(const char *name, int type)
{
	for (size_t i = 0; i < sizeof zone / sizeof *zone; i++)
		if (strcmp(zone[i].name, name) == 0 && zone[i].type == type) return &zone[i];
	return NULL;
}

/* Name error and no data carry an SOA whose minimum (RFC 2308 5) is 30 seconds. */
static void put_soa(struct packet *p)
{
	struct packet soa = {0};
	put(&soa, "\0\0", 2);
	for (int i = 0; i < 5; i++) put_number(&soa, 30, 4);
	put_record(p, "", 1, DNS_SOA, 30, soa.octets, soa.n);
}

static bool respond(const unsigned char *q, size_t n, struct packet *p)
{
	char name[256];
	struct dns_name alias;
	size_t end = question_name(q, n, name);
	if (end + 4 > n) return false;
	const struct row *r = find_row(name, q[end] << 8 | q[end + 1]);
	if (r && r->rcode == SILENT) return false;
	int rcode = r ? r->rcode : 3, answers = r && r->rdata ? (r->alias ? 2 : 1) : 0;
	put(p, q, 2);
	put_number(p, 0x8180U | (unsigned)rcode, 2);
	put_number(p, 1, 2);
	put_number(p, (uint32_t)answers, 2);
	put_number(p, (rcode == 0 || rcode == 3) && !answers, 2);
	put_number(p, 0, 2);
	put(p, q + 12, end + 4 - 12);
	if (answers == 2) {
		dns_name_parse(slice_str(r->alias), &alias);
		put_record(p, "\300\14", 2, DNS_CNAME, r->ttl, alias.wire, alias.n);
		put_record(p, alias.wire, alias.n, r->type, r->ttl, r->rdata, r->n);
	} else if (answers == 1) {
		put_record(p, "\300\14", 2, r->type, r->ttl, r->rdata, r->n);
	} else if (rcode == 0 || rcode == 3) {
		put_soa(p);
	}
	return true;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->stop[0], .events = POLLIN}};
	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		unsigned char q[512];
		struct sockaddr_storage from;
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(s->fd, q, sizeof q, 0, (struct sockaddr *)&from, &size);
		struct packet p = {0};
		if (n < 17) continue;
		atomic_fetch_add(&s->questions, 1);
		if (respond(q, (size_t)n, &p)) sendto(s->fd, p.octets, p.n, 0, (struct sockaddr *)&from, size);
	}
	return NULL;
}

static void server_start(struct server *s)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	struct endpoint at = {.ip = {.family = AF_INET, .octets = {127, 0, 0, 1}}};
	socklen_t size = endpoint_to_sockaddr(&at, &sa);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&sa, size), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&sa, &n), 0);
	endpoint_from_sockaddr((struct sockaddr *)&sa, &at);
	endpoint_text(&at, s->address);
	assert_int_equal(pipe2(s->stop, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	close(s->stop[1]);
	pthread_join(s->thread, NULL);
	close(s->stop[0]);
	close(s->fd);
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static struct server server;
static struct resolver *resolver;

static int set_up(void **state)
{
	char why[256];
	server_start(&server);
	const char *servers[] = {server.address};
	if (resolver_new(servers, 1, &resolver, why) == ERR_OK) return 0;
	print_error("%s\n", why);
	return -1;
}

static int tear_down(void **state)
{
	resolver_free(resolver);
	server_stop(&server);
	return 0;
}

static int64_t soon(void)
{
	return clock_deadline(3000);
}

static void body_table(void *arg)
{
	static const struct {
		const char *name;
		enum dns_type type;
		enum error error;
		struct slice rdata;
		uint32_t ttl;
		const char *canonical;
	} cases[] = {
		{"2.0.0.127.bl.test", DNS_A, ERR_OK, {"\177\0\0\2", 4}, 300, NULL},
		{"FOO.invalid.", DNS_A, ERR_OK, {"\12\0\0\1", 4}, 300, NULL},
		{"host.home.arpa", DNS_A, ERR_OK, {"\12\0\0\2", 4}, 300, NULL},
		{"1.0.0.127.in-addr.arpa", DNS_PTR, ERR_OK, {"\1h\4test\0", 8}, 300, NULL},
		{"1.0.0.10.in-addr.arpa", DNS_PTR, ERR_OK, {"\1h\4test\0", 8}, 300, NULL},
		{"1.2.0.192.in-addr.arpa", DNS_PTR, ERR_OK, {"\1h\4test\0", 8}, 300, NULL},
		{"example", DNS_MX, ERR_OK, {"\0\12\2mx\7example\0", 14}, 300, NULL},
		{"alias.example", DNS_A, ERR_OK, {"\300\0\2\1", 4}, 300, "mx.example"},
		{"a b\\001.example", DNS_TXT, ERR_OK, {"\2ok", 3}, 300, NULL},
		{"hollow.example", DNS_TXT, ERR_OK, {"", 0}, 300, NULL},
		{"empty.example", DNS_A, ERR_DNS_NODATA, {NULL, 0}, 30, NULL},
		{"nothing.example", DNS_A, ERR_DNS_NXDOMAIN, {NULL, 0}, 30, NULL},
		{"fail.example", DNS_A, ERR_DNS_TEMPORARY, {NULL, 0}, 0, NULL},
		{"refused.example", DNS_A, ERR_DNS_TEMPORARY, {NULL, 0}, 0, NULL},
		{"a..b", DNS_A, ERR_INVALID, {NULL, 0}, 0, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dns_answer *a;
		int before = test_failures;
		CHECK_ERROR(resolver_query(resolver, cases[i].name, cases[i].type, soon(), &a), cases[i].error);
		if (a) {
			CHECK(a->status == cases[i].error && !a->secure);
			CHECK(a->ttl <= cases[i].ttl && a->ttl + 5 >= cases[i].ttl);
			CHECK(a->count == (cases[i].rdata.p ? 1 : 0));
			CHECK(!a->count || slice_equal(a->rr[0], cases[i].rdata));
			CHECK((a->canonical_name != NULL) == (cases[i].canonical != NULL));
			CHECK(!a->canonical_name || strcmp(a->canonical_name, cases[i].canonical) == 0);
		}
		if (test_failures > before) fprintf(stderr, "... of %s\n", cases[i].name);
		dns_answer_free(a);
	}
}

static void body_cached(void *arg)
{
	struct dns_answer *a;
	int64_t cached = metric_get(METRIC_dns_cached), failed = metric_get(METRIC_dns_failures);
	CHECK_ERROR(resolver_query(resolver, "short.example", DNS_A, soon(), &a), ERR_OK);
	dns_answer_free(a);
	CHECK(metric_get(METRIC_dns_cached) == cached);
	for (int i = 0; i < 5; i++) {
		CHECK_ERROR(resolver_query(resolver, "SHORT.example.", DNS_A, soon(), &a), ERR_OK);
		dns_answer_free(a);
	}
	CHECK(metric_get(METRIC_dns_cached) == cached + 5);
	fiber_sleep(clock_now_ms() + 1010); /* its ttl is a second */
	CHECK_ERROR(resolver_query(resolver, "short.example", DNS_A, soon(), &a), ERR_OK);
	dns_answer_free(a);
	CHECK(metric_get(METRIC_dns_cached) == cached + 5);
	CHECK(metric_get(METRIC_dns_failures) == failed);
}

static void body_silent(void *arg)
{
	struct dns_answer *a;
	int64_t begin = clock_now_ms(), failed = metric_get(METRIC_dns_failures);
	CHECK_ERROR(resolver_query(resolver, "silent.example", DNS_A, clock_deadline(150), &a), ERR_TIMEOUT);
	CHECK(a == NULL && clock_now_ms() - begin >= 140 && clock_now_ms() - begin < 1000);
	CHECK(metric_get(METRIC_dns_failures) == failed + 1);
}

static void ask_until_cancelled(void *arg)
{
	struct dns_answer *a;
	CHECK_ERROR(resolver_query(resolver, "silent.example", DNS_A, DEADLINE_NEVER, &a), ERR_CANCELLED);
	CHECK(a == NULL);
}

static void body_cancelled(void *arg)
{
	struct scope children;
	scope_init(&children);
	for (int i = 0; i < 10; i++) scope_spawn(&children, "ask", ask_until_cancelled, NULL);
	fiber_sleep(clock_now_ms() + 30);
	scope_cancel(&children);
	CHECK_ERROR(scope_join(&children, soon()), ERR_OK);
}

/* Fibers that leave just when the answer comes: the three ends of a question's life. */
static void ask_hastily(void *arg)
{
	static atomic_int serial;
	for (int i = 0; i < 40; i++) {
		char name[64];
		struct dns_answer *a;
		snprintf(name, sizeof name, "hasty%d.example", atomic_fetch_add(&serial, 1));
		enum error e = resolver_query(resolver, name, DNS_A, clock_now_ms() + i % 3, &a);
		CHECK(e == ERR_TIMEOUT ? a == NULL : e == ERR_DNS_NXDOMAIN && a != NULL);
		dns_answer_free(a);
	}
}

static void body_hasty(void *arg)
{
	struct scope children;
	scope_init(&children);
	for (int i = 0; i < 20; i++) scope_spawn(&children, "hasty", ask_hastily, NULL);
	CHECK_ERROR(scope_join(&children, clock_deadline(20000)), ERR_OK);
}

struct asking_thread {
	pthread_t thread;
	struct loop *loop;
	int answers;
};

static void ask_many(void *arg)
{
	struct asking_thread *t = arg;
	for (int i = 0; i < 50; i++) {
		struct dns_answer *a;
		if (resolver_query(resolver, i % 2 ? "example" : "many.example", DNS_MX, soon(), &a) ==
		    (i % 2 ? ERR_OK : ERR_DNS_NXDOMAIN))
			t->answers++;
		dns_answer_free(a);
	}
	loop_stop(t->loop);
}

static void *asking_loop(void *arg)
{
	struct asking_thread *t = arg;
	t->loop = loop_new();
	scope_spawn(loop_scope(t->loop), "many", ask_many, t);
	loop_run(t->loop);
	loop_free(t->loop);
	return NULL;
}

static void loops_ask_at_the_same_time(void **state)
{
	struct asking_thread t[4] = {0};
	for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&t[i].thread, NULL, asking_loop, &t[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i].thread, NULL);
		assert_int_equal(t[i].answers, 50);
	}
}

static void body_bogus(void *arg)
{
	struct dns_answer *a;
	CHECK_ERROR(resolver_query(arg, "www.signed.test", DNS_A, soon(), &a), ERR_DNS_BOGUS);
	CHECK(a == NULL);
	CHECK_ERROR(resolver_query(arg, "mx.example", DNS_A, soon(), &a), ERR_OK);
	CHECK(a && !a->secure);
	dns_answer_free(a);
}

static void an_unsigned_answer_below_an_anchor_is_bogus(void **state)
{
	char path[] = "/tmp/backstop-anchor-XXXXXX", why[256];
	static const char anchor[] =
		"signed.test. IN DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
	const char *servers[] = {server.address};
	struct resolver *r;
	int fd = mkstemp(path);
	assert_int_equal(write(fd, anchor, sizeof anchor - 1), sizeof anchor - 1);
	close(fd);
	assert_int_equal(resolver_new_validating(servers, 1, path, &r, why), ERR_OK);
	unlink(path);
	run_in_fiber(body_bogus, r);
	resolver_free(r);
}

static void set_up_fails_by_table(void **state)
{
	static const char *const bad[] = {"localhost:53", "127.0.0.1:x", ""};
	struct resolver *r;
	char why[256];
	for (size_t i = 0; i < 3; i++) {
		why[0] = '\0';
		assert_int_equal(resolver_new(&bad[i], 1, &r, why), ERR_INVALID);
		assert_null(r);
		assert_true(why[0] != '\0');
	}
	const char *servers[] = {server.address};
	assert_int_equal(resolver_new_validating(servers, 1, "/nonexistent/root.key", &r, why), ERR_INVALID);
	assert_string_equal(why, "/nonexistent/root.key: No such file or directory");
	resolver_free(NULL);
}

static void a_new_resolver_sends_nothing(void **state)
{
	char why[256];
	const char *servers[] = {server.address};
	struct resolver *r;
	sigset_t before, after;
	int questions = atomic_load(&server.questions);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(resolver_new(servers, 1, &r, why), ERR_OK);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	resolver_free(r);
	assert_int_equal(atomic_load(&server.questions), questions);
	for (int s = 1; s < 32; s++) assert_int_equal(sigismember(&before, s), sigismember(&after, s));
}

#define CASE(name, body)                                                                                               \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		run_in_fiber(body, NULL);                                                                              \
	}

CASE(questions_by_table, body_table)
CASE(answers_are_cached_for_their_ttl, body_cached)
CASE(a_silent_server_meets_the_deadline, body_silent)
CASE(a_cancelled_fiber_leaves_its_question, body_cancelled)
CASE(fibers_may_leave_just_when_the_answer_comes, body_hasty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_resolver_sends_nothing),
		cmocka_unit_test(questions_by_table),
		cmocka_unit_test(answers_are_cached_for_their_ttl),
		cmocka_unit_test(fibers_may_leave_just_when_the_answer_comes),
		cmocka_unit_test(loops_ask_at_the_same_time),
		cmocka_unit_test(an_unsigned_answer_below_an_anchor_is_bogus),
		cmocka_unit_test(set_up_fails_by_table),
		cmocka_unit_test(a_silent_server_meets_the_deadline),
		cmocka_unit_test(a_cancelled_fiber_leaves_its_question), /* and the resolver is freed with them */
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
