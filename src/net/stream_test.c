/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "net/stream_internal.h"
#include "net/test_loop.h"

static int64_t soon(void)
{
	return clock_deadline(2000);
}

static void set_linger_reset(int fd)
{
	struct linger l = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

/* ---- input ------------------------------------------------------------------------------------------------------- */

static void drip(void *arg)
{
	int fd = *(int *)arg;
	const char *text = "one\r\ntwo\r\n";
	for (const char *p = text; *p; p++) {
		CHECK(test_send(fd, slice_of(p, 1)));
		fiber_sleep(clock_now_ms() + 2);
	}
}

static void body_drip(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	struct scope children;
	scope_init(&children);
	CHECK_ERROR(scope_spawn(&children, "drip", drip, &other), ERR_OK);
	static const char *const lines[] = {"one\r\n", "two\r\n"};
	for (int i = 0; i < 2; i++) {
		while (slice_search(stream_buffered(s), SLICE("\r\n")) == stream_buffered(s).n)
			CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
		CHECK(slice_equal(stream_buffered(s), slice_str(lines[i])));
		stream_consume(s, 5);
	}
	CHECK_ERROR(scope_join(&children, soon()), ERR_OK);
	stream_free(s);
	close(other);
}

static void body_idle_borrows_nothing(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	CHECK(sizeof *s < 512);
	CHECK_ERROR(stream_fill(s, clock_deadline(20)), ERR_TIMEOUT);
	CHECK(!s->in && !s->out);
	CHECK(test_send(other, SLICE("QUIT\r\n")));
	CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
	CHECK(s->in);
	stream_consume(s, 3);
	CHECK(slice_equal(stream_buffered(s), SLICE("T\r\n")));
	stream_consume(s, 3);
	CHECK(!s->in && stream_buffered(s).n == 0);
	CHECK_ERROR(stream_write(s, SLICE("221\r\n"), soon()), ERR_OK);
	CHECK(stream_output_pending(s));
	CHECK_ERROR(stream_fill(s, clock_deadline(20)), ERR_TIMEOUT); /* flushes */
	CHECK(!s->out && !stream_output_pending(s));
	char buf[8];
	CHECK(recv(other, buf, sizeof buf, 0) == 5);
	stream_free(s);
	close(other);
}

static void body_full(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	char *big = calloc(1, STREAM_BUFFER + 100);
	CHECK(test_send(other, slice_of(big, STREAM_BUFFER + 100)));
	enum error e;
	while ((e = stream_fill(s, soon())) == ERR_OK)
		;
	CHECK_ERROR(e, ERR_LIMIT);
	CHECK(stream_buffered(s).n == STREAM_BUFFER);
	stream_consume(s, 60);
	CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
	CHECK(stream_buffered(s).n == STREAM_BUFFER);
	stream_discard_input(s);
	CHECK(stream_buffered(s).n == 0);
	CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
	CHECK(stream_buffered(s).n == 40);
	free(big);
	stream_free(s);
	close(other);
}

static void body_half_closed(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	char buf[16];
	CHECK(test_send(other, SLICE("bye")));
	shutdown(other, SHUT_WR);
	CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
	CHECK_ERROR(stream_fill(s, soon()), ERR_CLOSED);
	CHECK_ERROR(stream_fill(s, soon()), ERR_CLOSED);
	CHECK(slice_equal(stream_buffered(s), SLICE("bye")));
	CHECK_ERROR(stream_write(s, SLICE("still here"), soon()), ERR_OK);
	CHECK_ERROR(stream_flush(s, soon()), ERR_OK);
	CHECK(recv(other, buf, sizeof buf, 0) == 10);
	stream_free(s);
	close(other);
}

static void body_reset(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	set_linger_reset(other);
	close(other);
	CHECK_ERROR(stream_fill(s, soon()), ERR_RESET);
	enum error e = stream_write(s, SLICE("x"), soon());
	if (!e) e = stream_flush(s, soon());
	CHECK(e == ERR_CLOSED || e == ERR_RESET);
	CHECK_ERROR(stream_write(s, SLICE("x"), soon()), e);
	CHECK_ERROR(stream_printf(s, soon(), "x"), e);
	CHECK(!stream_output_pending(s));
	stream_free(s);
}

static void body_last_words(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	CHECK_ERROR(stream_write(s, SLICE("EHLO a\r\n"), soon()), ERR_OK);
	CHECK_ERROR(stream_flush(s, soon()), ERR_OK);
	CHECK(test_send(other, SLICE("554 go away\r\n")));
	fiber_sleep(clock_now_ms() + 10);
	close(other); /* with our EHLO unread: RST */
	fiber_sleep(clock_now_ms() + 20);
	CHECK_ERROR(stream_write(s, SLICE("MAIL FROM:<>\r\n"), soon()), ERR_OK);
	CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
	CHECK(slice_equal(stream_buffered(s), SLICE("554 go away\r\n")));
	stream_consume(s, stream_buffered(s).n);
	CHECK(stream_fill(s, soon()) != ERR_OK);
	stream_free(s);
}

struct flood {
	int fd;
	pthread_t thread;
};

static void *flood(void *arg)
{
	struct flood *f = arg;
	char block[4096] = {0};
	while (send(f->fd, block, sizeof block, MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void body_flood(void *arg)
{
	struct flood f;
	struct stream *s = test_pair(&f.fd);
	pthread_create(&f.thread, NULL, flood, &f);
	enum error e;
	int64_t deadline = clock_deadline(50), begin = clock_now_ms();
	while ((e = stream_fill(s, deadline)) == ERR_OK && clock_now_ms() - begin < 1500)
		stream_consume(s, stream_buffered(s).n);
	CHECK_ERROR(e, ERR_TIMEOUT);
	stream_free(s);
	shutdown(f.fd, SHUT_RDWR);
	pthread_join(f.thread, NULL);
	close(f.fd);
}

static void fill_until_cancelled(void *arg)
{
	struct stream *s = arg;
	CHECK_ERROR(stream_fill(s, DEADLINE_NEVER), ERR_CANCELLED);
	fiber_shield(); /* a goodbye can still be said */
	CHECK_ERROR(stream_write(s, SLICE("421\r\n"), soon()), ERR_OK);
	CHECK_ERROR(stream_flush(s, soon()), ERR_OK);
	fiber_unshield();
}

static void body_cancel(void *arg)
{
	int other;
	char buf[8];
	struct stream *s = test_pair(&other);
	struct scope children;
	scope_init(&children);
	CHECK_ERROR(scope_spawn(&children, "fill", fill_until_cancelled, s), ERR_OK);
	fiber_sleep(clock_now_ms() + 10);
	scope_cancel(&children);
	CHECK_ERROR(scope_join(&children, soon()), ERR_OK);
	CHECK(recv(other, buf, sizeof buf, 0) == 5);
	stream_free(s);
	close(other);
}

static void body_idle_dead(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	CHECK(!stream_idle_dead(s));
	CHECK(test_send(other, SLICE("421")));
	fiber_sleep(clock_now_ms() + 10);
	CHECK(stream_idle_dead(s));
	CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
	CHECK(stream_idle_dead(s));
	stream_consume(s, 3);
	CHECK(!stream_idle_dead(s));
	close(other);
	fiber_sleep(clock_now_ms() + 10);
	CHECK(stream_idle_dead(s));
	stream_free(s);

	s = test_pair(&other);
	set_linger_reset(other);
	close(other);
	fiber_sleep(clock_now_ms() + 10);
	CHECK(stream_idle_dead(s));
	stream_free(s);
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

#define BIG (3 * 1024 * 1024)

static char pattern(size_t i)
{
	return (char)(i * 31 + i / 257);
}

struct reading {
	int fd;
	size_t got;
	bool right;
};

static void *read_slowly(void *arg)
{
	struct reading *r = arg;
	char block[5000];
	ssize_t n;
	r->right = true;
	while ((n = recv(r->fd, block, sizeof block, 0)) > 0) {
		for (ssize_t i = 0; i < n; i++) r->right = r->right && block[i] == pattern(r->got + (size_t)i);
		r->got += (size_t)n;
		if (r->got % 7 == 0) usleep(200);
	}
	return NULL;
}

static void body_big(void *arg)
{
	struct reading r = {0};
	struct stream *s = test_pair(&r.fd);
	pthread_t thread;
	pthread_create(&thread, NULL, read_slowly, &r);
	char *big = malloc(BIG);
	for (size_t i = 0; i < BIG; i++) big[i] = pattern(i);
	size_t at = 0, step = 1;
	while (at < BIG) { /* pieces of all sizes, below and above the buffer's */
		size_t n = step < BIG - at ? step : BIG - at;
		CHECK_ERROR(stream_write(s, slice_of(big + at, n), clock_deadline(10000)), ERR_OK);
		at += n;
		step = step * 3 % 100003;
	}
	CHECK_ERROR(stream_flush(s, clock_deadline(10000)), ERR_OK);
	stream_free(s);
	pthread_join(thread, NULL);
	CHECK(r.got == BIG && r.right);
	free(big);
	close(r.fd);
}

static void body_stalled_reader(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	char *big = calloc(1, 16 * 1024 * 1024);
	int64_t begin = clock_now_ms();
	CHECK_ERROR(stream_write(s, slice_of(big, 16 * 1024 * 1024), clock_deadline(100)), ERR_TIMEOUT);
	CHECK(clock_now_ms() - begin >= 90 && clock_now_ms() - begin < 1500);
	CHECK_ERROR(stream_write(s, SLICE("x"), soon()), ERR_TIMEOUT);
	CHECK_ERROR(stream_flush(s, soon()), ERR_TIMEOUT);
	free(big);
	stream_free(s);
	close(other);
}

static void body_printf(void *arg)
{
	int other;
	char buf[32];
	struct stream *s = test_pair(&other);
	CHECK_ERROR(stream_printf(s, soon(), "%s", ""), ERR_OK);
	CHECK(!stream_output_pending(s));
	CHECK_ERROR(stream_printf(s, soon(), "%d %s\r\n", 250, "ok"), ERR_OK);
	CHECK_ERROR(stream_printf(s, soon(), "%*d", 8193, 1), ERR_LIMIT);
	CHECK_ERROR(stream_flush(s, soon()), ERR_OK);
	CHECK(recv(other, buf, sizeof buf, 0) == 8);
	for (int i = 0; i < 3; i++) CHECK_ERROR(stream_printf(s, soon(), "%*d", 8192, 1), ERR_OK);
	stream_free(s);
	close(other);
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static void body_connect(void *arg)
{
	struct endpoint at, dead;
	struct stream *s, *t;
	struct ip source = {.family = AF_INET, .octets = {127, 0, 0, 5}};
	struct ip foreign = {.family = AF_INET, .octets = {192, 0, 2, 9}};
	struct ip v6 = {.family = AF_INET6, .octets = {[15] = 1}};
	int listening = test_listen(&at);
	CHECK_ERROR(stream_connect(&at, &source, soon(), &s), ERR_OK);
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	CHECK_ERROR(stream_accept(fd, &t), ERR_OK);
	CHECK(ip_equal(&stream_peer(t)->ip, &source) && stream_peer(t)->port == stream_local(s)->port);
	CHECK(stream_peer(s)->port == at.port && stream_local(t)->port == at.port);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(!stream_is_tls(s) && !stream_tls_version(s) && !stream_tls_cipher(s));
	stream_free(s);
	stream_free(t);
	CHECK_ERROR(stream_connect(&at, &foreign, soon(), &s), ERR_INVALID);
	CHECK_ERROR(stream_connect(&at, &v6, soon(), &s), ERR_INVALID);
	CHECK(s == NULL);
	close(listening);
	close(test_listen(&dead));
	CHECK_ERROR(stream_connect(&dead, NULL, soon(), &s), ERR_REFUSED);
	stream_free(NULL);
}

static void body_connect_timeout(void *arg)
{
	struct endpoint at;
	struct stream *filler[8] = {0};
	int listening = test_listen(&at);
	listen(listening, 0); /* the kernel drops what does not fit in the queue */
	enum error e = ERR_OK;
	for (int i = 0; i < 8 && !e; i++) e = stream_connect(&at, NULL, clock_deadline(100), &filler[i]);
	CHECK_ERROR(e, ERR_TIMEOUT);
	for (int i = 0; i < 8; i++) stream_free(filler[i]);
	close(listening);
}

static void body_v6(void *arg)
{
	struct endpoint at = {.ip = {.family = AF_INET6, .octets = {[15] = 1}}};
	struct stream *s;
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	int listening;
	if (listener_bind(&at, &listening)) return; /* no IPv6 on this machine */
	getsockname(listening, (struct sockaddr *)&sa, &n);
	endpoint_from_sockaddr((struct sockaddr *)&sa, &at);
	CHECK_ERROR(stream_connect(&at, &at.ip, soon(), &s), ERR_OK);
	CHECK(ip_equal(&stream_local(s)->ip, &at.ip));
	stream_free(s);
	close(listening);
}

static void body_accept_bad(void *arg)
{
	struct stream *s;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_ERROR(stream_accept(fd, &s), ERR_CLOSED);
	CHECK(s == NULL && fcntl(fd, F_GETFD) < 0 && errno == EBADF);
}

#define CASE(name, body)                                                                                               \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		run_in_fiber(body, NULL);                                                                              \
	}

CASE(lines_arrive_one_octet_at_a_time, body_drip)
CASE(an_idle_connection_borrows_no_buffer, body_idle_borrows_nothing)
CASE(a_full_buffer_is_a_limit, body_full)
CASE(a_peer_that_half_closed_still_reads, body_half_closed)
CASE(a_reset_is_told_and_sticks, body_reset)
CASE(the_last_words_of_a_closing_server_are_read, body_last_words)
CASE(an_endless_peer_does_not_outlast_the_deadline, body_flood)
CASE(a_cancelled_fill_ends_and_a_goodbye_can_be_said, body_cancel)
CASE(an_idle_connection_is_known_dead, body_idle_dead)
CASE(big_writes_arrive_whole, body_big)
CASE(a_stalled_reader_meets_the_deadline, body_stalled_reader)
CASE(printf_has_a_limit, body_printf)
CASE(connect_binds_and_maps_errors, body_connect)
CASE(connect_meets_the_deadline, body_connect_timeout)
CASE(connect_over_ipv6, body_v6)
CASE(accept_of_an_unconnected_socket_fails, body_accept_bad)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_arrive_one_octet_at_a_time),
		cmocka_unit_test(an_idle_connection_borrows_no_buffer),
		cmocka_unit_test(a_full_buffer_is_a_limit),
		cmocka_unit_test(a_peer_that_half_closed_still_reads),
		cmocka_unit_test(a_reset_is_told_and_sticks),
		cmocka_unit_test(the_last_words_of_a_closing_server_are_read),
		cmocka_unit_test(an_endless_peer_does_not_outlast_the_deadline),
		cmocka_unit_test(a_cancelled_fill_ends_and_a_goodbye_can_be_said),
		cmocka_unit_test(an_idle_connection_is_known_dead),
		cmocka_unit_test(big_writes_arrive_whole),
		cmocka_unit_test(a_stalled_reader_meets_the_deadline),
		cmocka_unit_test(printf_has_a_limit),
		cmocka_unit_test(connect_binds_and_maps_errors),
		cmocka_unit_test(connect_meets_the_deadline),
		cmocka_unit_test(connect_over_ipv6),
		cmocka_unit_test(accept_of_an_unconnected_socket_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
