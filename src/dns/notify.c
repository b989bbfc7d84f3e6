/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/notify.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/published.h"

#define MESSAGE_MOST 2048
#define IDLE_MS      500  /* how long a stop may take while nothing happens */
#define BUSY_MS      100  /* how long a change may go unseen while answers are waited for */
#define FIRST_WAIT   1000 /* before the second message; doubles */
#define MOST_WAIT    60000
#define SILENT       8000 /* without an answer: newer serials are no reason to be quick */

struct target { /* one secondary */
	const struct config_target *at;
	const struct tsig_key *key;
	bool waiting; /* for its answer */
	uint32_t serial;
	unsigned tries;
	int64_t next;  /* when to send again, or to give up */
	int64_t since; /* when it was first told of what it has not acknowledged */
	uint16_t id;
	struct tsig tsig; /* of the last message */
	unsigned refused; /* TSIG error or rcode of an answer that did not count */
};

struct notifier {
	struct db *state;
	struct config *config;
	struct list_zone zone;
	struct arena arena;
	struct tsig_keys keys;
	struct target *targets;
	size_t count;
	int sockets[2]; /* IPv4, IPv6; -1 */
	int stop_fd;
	_Atomic bool stopping;
	pthread_t thread;

	uint64_t generation; /* of the db, seen */
	uint32_t told;       /* serial */
	int64_t due;         /* when a change that was seen is told of; 0: none */
};

/* ---- messages -------------------------------------------------------------------------------------------------------------- */

/* RFC 1996 3.7: the zone's SOA as question; the new one as a hint in the answer section. */
static size_t write_message(struct notifier *n, struct target *t, uint8_t room[MESSAGE_MOST])
{
	struct wire_writer w = wire_write(room, MESSAGE_MOST - TSIG_ROOM);
	if (getrandom(&t->id, sizeof t->id, 0) != sizeof t->id) return 0;
	struct wire_header h = {.id = t->id, .flags = OPCODE_NOTIFY << 11 | FLAG_AA, .questions = 1, .answers = 1};
	wire_put_header(&w, &h);
	wire_put_name_plain(&w, &n->zone.name);
	wire_put_u16(&w, RR_SOA);
	wire_put_u16(&w, RR_CLASS_IN);
	wire_put_pointer(&w, WIRE_HEADER_SIZE);
	list_zone_put_soa(&w, &n->zone, n->zone.ttl, t->serial, WIRE_HEADER_SIZE);
	if (w.full) return 0;
	if (!t->key) return w.n;
	tsig_begin(&t->tsig, t->key);
	return tsig_sign(&t->tsig, room, w.n, MESSAGE_MOST, clock_unix());
}

/* Whether it is the answer to what we sent last; *rcode: what it says. */
static bool read_answer(const struct notifier *n, struct target *t, uint8_t *message, size_t size, unsigned *rcode)
{
	struct wire_reader r = wire_read(message, size);
	struct wire_header h;
	struct wire_name name;
	if (!wire_take_header(&r, &h) || h.id != t->id || !(h.flags & FLAG_QR)) return false;
	if (wire_opcode(h.flags) != OPCODE_NOTIFY || h.questions > 1) return false;
	if (h.questions && (!wire_take_name(&r, &name) || !wire_name_equal(&name, &n->zone.name))) return false;
	*rcode = h.flags & 15;
	if (!t->key) return true;
	struct tsig tsig = t->tsig; /* a forged answer must not spoil it for the right one */
	enum error e = tsig_check_answer(&tsig, message, &size, clock_unix());
	if (e != ERR_OK) t->refused = tsig.error ? tsig.error : *rcode;
	return e == ERR_OK;
}

/* ---- one secondary ------------------------------------------------------------------------------------------------------------ */

static void log_failed(const struct target *t, const char *why)
{
	char at[ENDPOINT_TEXT_SIZE];
	log_begin(LOG_WARNING, "notify_failed");
	log_str("secondary", endpoint_text(&t->at->to, at));
	log_uint("serial", t->serial);
	log_uint("tries", t->tries);
	log_str("reason", why);
	if (t->refused) log_uint("code", t->refused);
	log_end();
}

static void send_message(struct notifier *n, struct target *t)
{
	uint8_t room[MESSAGE_MOST];
	struct sockaddr_storage to;
	socklen_t to_size = endpoint_to_sockaddr(&t->at->to, &to);
	int64_t wait = (int64_t)FIRST_WAIT << t->tries;
	size_t size = write_message(n, t, room);
	int fd = n->sockets[t->at->to.ip.family == AF_INET6];
	t->tries++;
	t->next = clock_now_ms() + (wait < MOST_WAIT ? wait : MOST_WAIT);
	if (size == 0 || fd < 0) return;
	/* What does not get through is sent again like what is not answered. */
	if (sendto(fd, room, size, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, to_size) >= 0)
		metric_add(METRIC_dns_notifies_sent, 1);
}

static void tell(struct notifier *n, struct target *t, uint32_t serial)
{
	int64_t now = clock_now_ms();
	t->serial = serial;
	/* It is told at its next turn: a list that changes all the time must not keep it from being given up. */
	if (t->waiting && now - t->since > SILENT) return;
	if (!t->waiting) t->since = now;
	t->waiting = true;
	t->tries = 0;
	t->refused = 0;
	send_message(n, t);
}

static void give_up(struct target *t)
{
	t->waiting = false;
	metric_add(METRIC_dns_notifies_failed, 1);
	log_failed(t, t->refused ? "refused" : "no_answer");
}

static void take_answer(struct notifier *n, const struct endpoint *from, uint8_t *message, size_t size)
{
	unsigned rcode;
	for (size_t i = 0; i < n->count; i++) {
		struct target *t = &n->targets[i];
		if (!t->waiting || t->at->to.port != from->port || !ip_equal(&t->at->to.ip, &from->ip)) continue;
		if (!read_answer(n, t, message, size, &rcode)) continue;
		t->waiting = false;
		t->refused = rcode;
		metric_add(rcode ? METRIC_dns_notifies_failed : METRIC_dns_notifies_answered, 1);
		if (rcode) log_failed(t, "refused");
		return;
	}
}

static void receive(struct notifier *n, int fd)
{
	uint8_t room[MESSAGE_MOST];
	struct sockaddr_storage sa;
	struct endpoint from;
	for (;;) {
		socklen_t sa_size = sizeof sa;
		ssize_t size = recvfrom(fd, room, sizeof room, MSG_DONTWAIT, (struct sockaddr *)&sa, &sa_size);
		if (size < 0) return; /* also ICMP's word that nobody listens: it is sent again later */
		if (endpoint_from_sockaddr((struct sockaddr *)&sa, &from)) take_answer(n, &from, room, (size_t)size);
	}
}

/* ---- the thread ------------------------------------------------------------------------------------------------------------------ */

/* False: the state cannot be read now. */
static bool present_serial(struct notifier *n, uint32_t *serial)
{
	struct db_txn *t;
	if (db_begin_read(n->state, &t) != ERR_OK) return false;
	*serial = published_serial(t);
	db_end_read(t);
	return true;
}

static void look_for_changes(struct notifier *n)
{
	uint64_t generation = db_generation(n->state);
	if (generation == n->generation) return;
	n->generation = generation;
	uint32_t serial;
	if (!n->due && (!present_serial(n, &serial) || serial != n->told))
		n->due = clock_now_ms() + n->config->dns.notify_delay;
}

static void tell_all(struct notifier *n, int64_t now)
{
	uint32_t serial;
	n->due = 0;
	if (!present_serial(n, &serial)) {
		n->due = now + IDLE_MS;
		return;
	}
	if (serial == n->told) return;
	n->told = serial;
	for (size_t i = 0; i < n->count; i++) tell(n, &n->targets[i], serial);
}

static void do_what_is_due(struct notifier *n)
{
	int64_t now = clock_now_ms();
	if (n->due && n->due <= now) tell_all(n, now);
	for (size_t i = 0; i < n->count; i++) {
		struct target *t = &n->targets[i];
		if (!t->waiting || t->next > now) continue;
		if (t->tries < NOTIFY_TRIES)
			send_message(n, t);
		else
			give_up(t);
	}
}

/* Until something may be due; at most BUSY_MS, to see changes meanwhile. 0: nothing is under way. */
static int64_t busy_for(const struct notifier *n)
{
	int64_t next = n->due ? n->due : INT64_MAX, now = clock_now_ms();
	for (size_t i = 0; i < n->count; i++)
		if (n->targets[i].waiting && n->targets[i].next < next) next = n->targets[i].next;
	if (next == INT64_MAX) return 0;
	int64_t wait = next - now;
	return wait < 1 ? 1 : wait < BUSY_MS ? wait : BUSY_MS;
}

static void wait_busy(struct notifier *n, int64_t ms)
{
	struct pollfd fds[] = {{n->sockets[0], POLLIN, 0}, {n->sockets[1], POLLIN, 0}, {n->stop_fd, POLLIN, 0}};
	if (poll(fds, 3, (int)ms) <= 0) return;
	for (int i = 0; i < 2; i++)
		if (fds[i].revents) receive(n, n->sockets[i]);
}

static void *run(void *arg)
{
	struct notifier *n = arg;
	n->generation = db_generation(n->state);
	n->due = clock_now_ms(); /* the present serial, to those who missed it while we were away */
	while (!atomic_load(&n->stopping)) {
		do_what_is_due(n);
		int64_t busy = busy_for(n);
		if (busy)
			wait_busy(n, busy);
		else
			db_wait_change(n->state, n->generation, clock_deadline(IDLE_MS));
		look_for_changes(n);
	}
	return NULL;
}

/* ---- start and stop ---------------------------------------------------------------------------------------------------------------- */

/* The address of that family that the service answers at, if it is one; else the system chooses. */
static struct endpoint source_of(const struct notify_setup *s, sa_family_t family)
{
	static const uint8_t any[16];
	struct endpoint source = {.ip = {.family = (uint8_t)family}};
	for (size_t i = 0; i < s->listen_count; i++) {
		const struct endpoint *e = &s->listen[i];
		if (e->ip.family != family || memcmp(e->ip.octets, any, sizeof any) == 0) continue;
		source = *e;
		source.port = 0;
		break;
	}
	return source;
}

static enum error open_socket(struct notifier *n, const struct notify_setup *s, sa_family_t family)
{
	bool wanted = false;
	for (size_t i = 0; i < n->count; i++) wanted = wanted || n->targets[i].at->to.ip.family == family;
	if (!wanted) return ERR_OK;
	struct endpoint source = source_of(s, family);
	struct sockaddr_storage sa;
	socklen_t size = endpoint_to_sockaddr(&source, &sa);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return error_from_errno(errno);
	n->sockets[family == AF_INET6] = fd;
	return bind(fd, (struct sockaddr *)&sa, size) < 0 ? error_from_errno(errno) : ERR_OK;
}

static enum error prepare(struct notifier *n, const struct notify_setup *s)
{
	const struct config *c = n->config;
	enum error e = tsig_keys_read(c->dns.tsig, c->dns.tsig_count, &n->arena, &n->keys);
	n->targets = arena_zalloc(&n->arena, c->dns.notify_count * sizeof *n->targets);
	if (e != ERR_OK || !n->targets) return e != ERR_OK ? e : ERR_NO_MEMORY;
	n->count = c->dns.notify_count;
	for (size_t i = 0; i < n->count; i++) {
		n->targets[i].at = &c->dns.notify[i];
		if (c->dns.notify[i].key) n->targets[i].key = tsig_key_find(&n->keys, c->dns.notify[i].key);
	}
	n->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->stop_fd < 0) return error_from_errno(errno);
	e = open_socket(n, s, AF_INET);
	return e == ERR_OK ? open_socket(n, s, AF_INET6) : e;
}

static void free_notifier(struct notifier *n)
{
	for (int i = 0; i < 2; i++)
		if (n->sockets[i] >= 0) close(n->sockets[i]);
	if (n->stop_fd >= 0) close(n->stop_fd);
	arena_free(&n->arena);
	config_unref(n->config);
	free(n);
}

enum error notify_start(const struct notify_setup *setup, struct notifier **out)
{
	*out = NULL;
	if (setup->config->dns.notify_count == 0) return ERR_OK;
	struct notifier *n = calloc(1, sizeof *n);
	if (!n) return ERR_NO_MEMORY;
	n->state = setup->state;
	n->config = config_ref(setup->config);
	n->zone = *setup->zone;
	n->sockets[0] = n->sockets[1] = n->stop_fd = -1;
	arena_init(&n->arena, 1 << 20);
	enum error e = prepare(n, setup);
	if (e == ERR_OK && pthread_create(&n->thread, NULL, run, n) != 0) e = ERR_NO_MEMORY;
	if (e != ERR_OK) {
		free_notifier(n);
		return e;
	}
	*out = n;
	return ERR_OK;
}

void notify_stop(struct notifier *n)
{
	if (!n) return;
	uint64_t one = 1;
	atomic_store(&n->stopping, true);
	while (write(n->stop_fd, &one, sizeof one) < 0 && errno == EINTR) continue;
	pthread_join(n->thread, NULL);
	free_notifier(n);
}
