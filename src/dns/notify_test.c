/* SPDX-License-Identifier: Apache-2.0 */
/* A secondary that is a socket: hears of changes, once for many, until it answers. */
#include "dns/notify.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/publish.h"
#include "store/store_test.h"

#define SECRET "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

struct world {
	struct store_test *store;
	struct config *config;
	struct list_zone zone;
	struct arena arena;
	struct tsig_keys keys;
	struct notifier *notifier;
	int fd; /* the secondary's */
	struct sockaddr_storage from;
	socklen_t from_size;
};

static struct world *world_begin(const char *key)
{
	struct world *w = calloc(1, sizeof *w);
	char text[512], why[CONFIG_WHY], at[ENDPOINT_TEXT_SIZE];
	struct endpoint here = {.ip = {.family = AF_INET, .octets = {127, 0, 0, 1}}};
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(&here, &sa);
	w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->fd, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(getsockname(w->fd, (struct sockaddr *)&sa, &n), 0);
	assert_true(endpoint_from_sockaddr((struct sockaddr *)&sa, &here));
	snprintf(text, sizeof text,
	         "hostname = a.b\ndns { zone = bl.example.net nameserver = {ns1.example.net} tsig k { secret = "
	         "\"" SECRET "\" } notify = {\"%s%s\"} notify-delay = 30ms }\n",
	         endpoint_text(&here, at), key);
	assert_int_equal(config_parse("t", slice_str(text), SLICE_EMPTY, SLICE_EMPTY, &w->config, why), ERR_OK);
	assert_true(wire_name_parse("bl.example.net", 14, &w->zone.name));
	assert_true(list_zone_contact("hostmaster@bl.example.net", &w->zone.contact.name));
	list_zone_complete(&w->zone);
	arena_init(&w->arena, 1 << 16);
	assert_int_equal(tsig_keys_read(w->config->dns.tsig, 1, &w->arena, &w->keys), ERR_OK);
	w->store = store_test_begin(DB_STATE);
	struct endpoint listen = {.ip = {.family = AF_INET, .octets = {127, 0, 0, 9}}, .port = 53};
	struct notify_setup setup = {w->store->db, w->config, &w->zone, &listen, 1};
	assert_int_equal(notify_start(&setup, &w->notifier), ERR_OK);
	assert_non_null(w->notifier);
	return w;
}

static void world_end(struct world *w)
{
	notify_stop(w->notifier);
	store_test_end(w->store);
	config_unref(w->config);
	arena_free(&w->arena);
	close(w->fd);
	free(w);
}

static enum error change(struct db_txn *t, void *arg)
{
	const uint8_t *last = arg;
	struct ip ip = {.family = AF_INET, .octets = {10, 0, 0, *last}};
	struct published row = {.classes = 1};
	return publish_row(t, &ip, &row);
}

static void list(struct world *w, uint8_t last)
{
	assert_int_equal(db_update(w->store->db, change, &last), ERR_OK);
}

/* The next NOTIFY within that time: its serial; 0: none came. */
static uint32_t hear(struct world *w, int ms, uint8_t message[1024], size_t *n)
{
	struct pollfd p = {w->fd, POLLIN, 0};
	if (poll(&p, 1, ms) <= 0) return 0;
	w->from_size = sizeof w->from;
	ssize_t got = recvfrom(w->fd, message, 1024, 0, (struct sockaddr *)&w->from, &w->from_size);
	assert_true(got > 0);
	*n = (size_t)got;
	struct endpoint from;
	assert_true(endpoint_from_sockaddr((struct sockaddr *)&w->from, &from));
	assert_int_equal(from.ip.octets[3], 9); /* where the service answers */
	struct wire_reader r = wire_read(message, *n);
	struct wire_header h;
	struct wire_name name;
	struct wire_record rr;
	assert_true(wire_take_header(&r, &h) && wire_take_name(&r, &name));
	assert_int_equal(wire_opcode(h.flags), OPCODE_NOTIFY);
	assert_true(wire_name_equal(&name, &w->zone.name));
	assert_int_equal(wire_take_u32(&r), RR_SOA << 16 | RR_CLASS_IN);
	assert_true(wire_take_record(&r, &name, &rr) && rr.type == RR_SOA);
	r.at = rr.rdata_at;
	assert_true(wire_take_name(&r, &name) && wire_take_name(&r, &name));
	return wire_take_u32(&r);
}

static void reply(struct world *w, uint8_t *message, size_t n, unsigned rcode, uint16_t id_change)
{
	message[0] ^= (uint8_t)(id_change >> 8);
	message[2] |= 0x80;
	message[3] = (uint8_t)rcode;
	assert_int_equal(sendto(w->fd, message, n, 0, (struct sockaddr *)&w->from, w->from_size), (ssize_t)n);
}

static void wait_for(enum metric m, int64_t value)
{
	for (int64_t end = clock_deadline(5000); metric_get(m) < value && clock_now_ms() < end;) usleep(2000);
	assert_int_equal(metric_get(m), value);
}

static void test_changes(void **state)
{
	struct world *w = world_begin("");
	uint8_t m[1024];
	size_t n;
	int64_t answered = metric_get(METRIC_dns_notifies_answered);
	assert_int_equal(hear(w, 5000, m, &n), 1); /* at the start */
	reply(w, m, n, 0, 0);
	wait_for(METRIC_dns_notifies_answered, answered + 1);
	for (uint8_t i = 1; i <= 5; i++) list(w, i);
	uint32_t serial = 0;
	for (int64_t count = 0; serial != 6; count++) { /* not all commits may come within 30 ms */
		assert_true(count < 5);
		serial = hear(w, 5000, m, &n);
		assert_true(serial > 1);
		reply(w, m, n, 0, 0);
		wait_for(METRIC_dns_notifies_answered, answered + 2 + count);
	}
	assert_int_equal(hear(w, 100, m, &n), 0); /* nothing more */
	world_end(w);
}

static void test_again_until_answered(void **state)
{
	struct world *w = world_begin("");
	uint8_t m[1024], again[1024];
	size_t n;
	int64_t answered = metric_get(METRIC_dns_notifies_answered);
	assert_int_equal(hear(w, 5000, m, &n), 1);
	reply(w, m, n, 0, 0x100); /* the answer to something else */
	assert_int_equal(hear(w, 5000, again, &n), 1);
	reply(w, again, n, 0, 0);
	wait_for(METRIC_dns_notifies_answered, answered + 1);
	world_end(w);
}

static void test_refused(void **state)
{
	struct world *w = world_begin("");
	uint8_t m[1024];
	size_t n;
	int64_t failed = metric_get(METRIC_dns_notifies_failed);
	assert_int_equal(hear(w, 5000, m, &n), 1);
	reply(w, m, n, RCODE_REFUSED, 0);
	wait_for(METRIC_dns_notifies_failed, failed + 1);
	world_end(w);
}

static void test_signed(void **state)
{
	struct world *w = world_begin(" key k");
	uint8_t m[1024], plain[1024];
	size_t n, plain_n;
	struct tsig t;
	int64_t answered = metric_get(METRIC_dns_notifies_answered);
	assert_int_equal(hear(w, 5000, m, &n), 1);
	assert_int_equal(tsig_check_request(m, &n, &w->keys, clock_unix(), &t), TSIG_GOOD);
	memcpy(plain, m, n);
	plain_n = n;
	reply(w, plain, plain_n, 0, 0); /* anybody could say that */
	m[2] |= 0x80;
	n = tsig_sign(&t, m, n, sizeof m, clock_unix());
	assert_true(n > plain_n);
	reply(w, m, n, 0, 0);
	wait_for(METRIC_dns_notifies_answered, answered + 1);
	world_end(w);
}

static void test_nobody(void **state)
{
	struct config *c;
	char why[CONFIG_WHY];
	struct list_zone zone = {0};
	assert_int_equal(config_parse("t",
	                              SLICE("hostname = a.b\ndns { zone = bl.example.net nameserver = "
	                                    "{ns1.example.net} }\n"),
	                              SLICE_EMPTY, SLICE_EMPTY, &c, why),
	                 ERR_OK);
	struct notify_setup setup = {NULL, c, &zone, NULL, 0};
	struct notifier *n = (struct notifier *)&setup;
	assert_int_equal(notify_start(&setup, &n), ERR_OK);
	assert_null(n);
	notify_stop(n);
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes), cmocka_unit_test(test_again_until_answered),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_signed),
		cmocka_unit_test(test_nobody),
	};
	log_setup(LOG_LOGFMT, LOG_ERROR, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
