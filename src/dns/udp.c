/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "dns/responder.h"
#include "net/datagram.h"

#define WAKE SIGUSR1

struct slot {
	struct sockaddr_storage peer;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct iovec in, out;
	uint8_t request[UDP_REQUEST];
	uint8_t answer[ANSWER_UDP_MOST];
};

struct worker {
	pthread_t thread;
	int fd; /* its own */
	bool wildcard;
	_Atomic bool stop;
	struct dns_setup *setup;
	struct responder responder;
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct slot slots[UDP_BATCH];
};

struct udp {
	struct db *state;
	struct limiter *limiter;
	struct filters *filters;
	struct worker **workers;
	size_t count;
};

/* ---- a batch -------------------------------------------------------------------------------------------------------------- */

static void ready_to_receive(struct worker *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct msghdr *h = &w->in[i].msg_hdr;
		struct slot *s = &w->slots[i];
		h->msg_name = &s->peer;
		h->msg_namelen = sizeof s->peer;
		h->msg_iov = &s->in;
		h->msg_iovlen = 1;
		h->msg_control = w->wildcard ? s->control : NULL;
		h->msg_controllen = w->wildcard ? sizeof s->control : 0;
		s->in = (struct iovec){s->request, sizeof s->request};
	}
}

/* The answer comes from the address that was asked, by whatever interface leads to the client; a link-local one only by its own. */
static void answer_from(struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	if (!c) return;
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		info.ipi_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof info);
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof info);
	} else {
		h->msg_controllen = 0;
	}
}

/* Port 0 is nobody's. */
static bool client_of(const struct slot *s, struct ip *out)
{
	struct endpoint peer;
	if (!endpoint_from_sockaddr((const struct sockaddr *)&s->peer, &peer) || peer.port == 0) return false;
	*out = peer.ip;
	return true;
}

/* The answers, in the order of the requests; their number. */
static size_t answer_batch(struct worker *w, size_t n)
{
	size_t answers = 0;
	responder_begin(&w->responder, w->setup);
	for (size_t i = 0; i < n; i++) {
		struct slot *s = &w->slots[i];
		struct ip client;
		size_t size = 0;
		if (client_of(s, &client))
			size = responder_udp(&w->responder, s->request, w->in[i].msg_len, &client, s->answer,
			                     sizeof s->answer);
		if (size == 0) continue;
		s->out = (struct iovec){s->answer, size};
		struct msghdr *h = &w->out[answers++].msg_hdr;
		*h = w->in[i].msg_hdr;
		h->msg_iov = &s->out;
		h->msg_flags = 0;
		if (w->wildcard) answer_from(h);
	}
	return answers;
}

/* What the system does not take is lost, as any datagram may be. */
static void send_batch(struct worker *w, size_t n)
{
	for (size_t sent = 0; sent < n;) {
		int taken = sendmmsg(w->fd, w->out + sent, (unsigned)(n - sent), MSG_DONTWAIT);
		if (taken > 0) {
			sent += (size_t)taken;
		} else if (errno != EINTR) {
			responder_count(&w->responder, METRIC_dnsbl_unsent);
			sent++;
		}
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	size_t dirty = UDP_BATCH; /* messages whose header is not as recvmmsg() wants it */
	prctl(PR_SET_NAME, "dns-udp", 0, 0, 0);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		ready_to_receive(w, dirty);
		int n = recvmmsg(w->fd, w->in, UDP_BATCH, MSG_WAITFORONE, NULL);
		dirty = n > 0 ? (size_t)n : 0;
		if (n <= 0) {
			/* An error that a datagram of before had is told of at the next call (ECONNREFUSED). */
			if (errno == EBADF || errno == ENOTSOCK || errno == EINVAL) break;
			responder_flush(&w->responder);
			continue;
		}
		send_batch(w, answer_batch(w, dirty));
		responder_end(&w->responder);
	}
	responder_free(&w->responder);
	return NULL;
}

/* ---- starting and stopping -------------------------------------------------------------------------------------------------- */

static void on_wake(int number) {}

/* Without SA_RESTART: the wait ends. */
static void catch_wake(void)
{
	struct sigaction action = {.sa_handler = on_wake};
	sigaction(WAKE, &action, NULL);
}

/* The socket is shared with the supervisor, which does not read it: it may block. */
static bool set_up_socket(int fd)
{
	struct timeval pause = {.tv_usec = UDP_PAUSE * 1000};
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause) == 0;
}

static void worker_free(struct worker *w)
{
	if (!w) return;
	if (w->fd >= 0) close(w->fd);
	dns_setup_unref(w->setup);
	free(w);
}

static struct worker *worker_start(struct udp *u, struct dns_setup *setup, const struct service_listener *l)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	w->setup = dns_setup_ref(setup);
	w->wildcard = datagram_is_wildcard(&l->at);
	w->fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	responder_init(&w->responder, u->state, u->limiter, u->filters);
	if (w->fd >= 0 && set_up_socket(w->fd) && pthread_create(&w->thread, NULL, work, w) == 0) return w;
	worker_free(w);
	return NULL;
}

/* Starts all, or none. */
static bool start_all(struct udp *u, struct dns_setup *setup, const struct service_listener *l, size_t n,
                      struct worker ***out, size_t *count, char why[256])
{
	struct worker **workers = calloc(n + 1, sizeof(struct worker *));
	size_t started = 0;
	bool good = workers != NULL;
	for (size_t i = 0; i < n && good; i++) {
		if (l[i].kind != LISTENER_DATAGRAM) continue;
		workers[started] = worker_start(u, setup, &l[i]);
		good = workers[started] != NULL;
		started += good;
	}
	*out = workers;
	*count = started;
	if (!good) snprintf(why, 256, "out of memory, threads or descriptors");
	return good;
}

static void stop_all(struct worker **workers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		atomic_store(&workers[i]->stop, true);
		pthread_kill(workers[i]->thread, WAKE);
	}
	for (size_t i = 0; i < count; i++) {
		pthread_join(workers[i]->thread, NULL);
		worker_free(workers[i]);
	}
	free(workers);
}

struct udp *udp_start(struct db *state, struct limiter *limiter, struct filters *filters, struct dns_setup *setup,
                      const struct service_listener *l, size_t n, char why[256])
{
	struct udp *u = calloc(1, sizeof *u);
	snprintf(why, 256, "%s", error_text(ERR_NO_MEMORY));
	if (!u) return NULL;
	catch_wake();
	u->state = state;
	u->limiter = limiter;
	u->filters = filters;
	if (start_all(u, setup, l, n, &u->workers, &u->count, why)) return u;
	udp_stop(u);
	return NULL;
}

/* The new threads begin before the old ones end: nothing has to wait meanwhile. */
bool udp_change(struct udp *u, struct dns_setup *setup, const struct service_listener *l, size_t n, char why[256])
{
	struct worker **fresh;
	size_t count;
	if (!start_all(u, setup, l, n, &fresh, &count, why)) {
		stop_all(fresh, count);
		return false;
	}
	stop_all(u->workers, u->count);
	u->workers = fresh;
	u->count = count;
	return true;
}

void udp_stop(struct udp *u)
{
	if (!u) return;
	stop_all(u->workers, u->count);
	free(u);
}

size_t udp_threads(const struct udp *u)
{
	return u->count;
}
