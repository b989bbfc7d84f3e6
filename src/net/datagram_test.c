/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "net/datagram.h"

static struct endpoint bound(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	struct endpoint at;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	assert_true(endpoint_from_sockaddr((struct sockaddr *)&sa, &at));
	return at;
}

static void test_several_of_one_address(void **state)
{
	struct endpoint at = {.ip = {.family = AF_INET, .octets = {127, 0, 0, 1}}};
	int a, b, other;
	assert_int_equal(datagram_bind(&at, &a), ERR_OK);
	at = bound(a);
	assert_int_equal(datagram_bind(&at, &b), ERR_OK);
	assert_int_equal(bound(b).port, at.port);
	assert_int_equal(fcntl(a, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(a, F_GETFL) & O_NONBLOCK);
	close(a);
	close(b);

	/* A program that does not share is not joined. */
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(&at, &sa);
	other = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(other, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(datagram_bind(&at, &a), ERR_BUSY);
	assert_int_equal(a, -1);
	close(other);
}

static void test_wildcards_tell_where_to(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct endpoint at = {.ip = {.family = v6 ? AF_INET6 : AF_INET}};
		int fd, on = 0;
		socklen_t n = sizeof on;
		assert_true(datagram_is_wildcard(&at));
		enum error e = datagram_bind(&at, &fd);
		if (e != ERR_OK && v6) break; /* a system without IPv6 */
		assert_int_equal(e, ERR_OK);
		assert_int_equal(getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on,
		                            &n),
		                 0);
		assert_int_equal(on, 1);
		close(fd);
	}
}

static void test_addresses_that_are_not_ours(void **state)
{
	struct endpoint at = {.ip = {.family = AF_INET, .octets = {192, 0, 2, 1}}, .port = 53}, none = {.port = 53};
	int fd;
	assert_int_equal(datagram_bind(&at, &fd), ERR_INVALID);
	assert_int_equal(datagram_bind(&none, &fd), ERR_INVALID);
	assert_false(datagram_is_wildcard(&at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_of_one_address),
		cmocka_unit_test(test_wildcards_tell_where_to),
		cmocka_unit_test(test_addresses_that_are_not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
