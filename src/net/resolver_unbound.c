/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver behind which libunbound works.
 *
 *     fiber ── ub_resolve_async ──> libunbound's thread ── pipe ──> our thread: ub_process, answered()
 *       ^                                                                │
 *       └── event ── arrived(), on the fiber's loop <── loop_post ───────┘
 *
 * The fiber may leave (deadline, cancellation) while libunbound still works; a question then outlives it. Whoever is
 * last frees it: the fiber, when it got the answer; answered(), when the fiber had left before; arrived(), when the
 * fiber left while the answer was on its way through loop_post(). Under u->lock: the list, answered, abandoned. On the
 * loop's thread only: here, left.
 *
 * Questions are not cancelled in libunbound: it gives up by itself, and the answer, late as it is, fills its cache.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unbound.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/resolver_internal.h"

#define QUESTION_MAGIC  0x51756573U
#define WHY_SIZE        256
#define QUESTIONS_MAX   8192 /* in libunbound at once; a dead server must not eat the memory */
#define RECORDS_MAX     1024 /* of one answer */
#define WARM_UP_SECONDS 10
#define CLASS_IN        1

struct question;

struct unbound {
	struct resolver base;
	struct ub_ctx *ctx;
	pthread_t thread;
	bool thread_runs;
	bool validates; /* has a trust anchor */
	int stop_fd;
	sem_t warm;
	pthread_mutex_t lock;
	struct question *first; /* those libunbound works on */
	size_t count;
};

struct question {
	uint32_t magic;
	struct unbound *u;
	struct question *next, *previous;
	struct loop *loop;
	struct post post;
	struct event event;
	enum error error;
	struct dns_answer *answer;
	bool answered, abandoned;
	bool here, left;
};

static struct question *checked(void *p)
{
	struct question *q = p;
	assert(q && q->magic == QUESTION_MAGIC);
	return q;
}

static void free_question(struct question *q)
{
	dns_answer_free(q->answer);
	q->magic = 0;
	free(q);
}

/* ---- the list of questions (u->lock is held) --------------------------------------------------------------------- */

static void link_question(struct unbound *u, struct question *q)
{
	q->next = u->first;
	if (u->first) u->first->previous = q;
	u->first = q;
	u->count++;
}

static void unlink_question(struct unbound *u, struct question *q)
{
	if (q->next) q->next->previous = q->previous;
	if (q->previous)
		q->previous->next = q->next;
	else
		u->first = q->next;
	u->count--;
}

/* ---- what libunbound says ---------------------------------------------------------------------------------------- */

static size_t collect(const struct ub_result *result, struct slice *rr)
{
	size_t n = 0;
	for (; n < RECORDS_MAX && result->havedata && result->data[n]; n++)
		rr[n] = slice_of(result->data[n], (size_t)result->len[n]);
	return n;
}

/* Text of a name without its final dot, which is not wanted; NULL when it is just what was asked. */
static const char *canonical_of(const struct ub_result *result, char text[DNS_TEXT_MAX])
{
	struct dns_name asked, canonical;
	if (!result->canonname || !dns_name_parse(slice_str(result->canonname), &canonical)) return NULL;
	if (dns_name_parse(slice_str(result->qname), &asked) &&
	    slice_equal(dns_name_slice(&asked), dns_name_slice(&canonical)))
		return NULL;
	struct slice wire = dns_name_slice(&canonical);
	return dns_name_text(&wire, text) ? text : NULL;
}

static enum error status_of(int failure, const struct ub_result *result)
{
	if (failure || !result) return failure == UB_NOMEM ? ERR_NO_MEMORY : ERR_DNS_TEMPORARY;
	if (result->bogus) return ERR_DNS_BOGUS;
	if (result->rcode != 0 && result->rcode != 3) return ERR_DNS_TEMPORARY; /* RFC 1035 4.1.1 */
	if (result->havedata) return ERR_OK;
	return result->nxdomain || result->rcode == 3 ? ERR_DNS_NXDOMAIN : ERR_DNS_NODATA;
}

/* A TXT record without any string, which RFC 1035 3.3.14 forbids and which exists, makes libunbound (1.17) give up as if it
 * had no memory, and the domain's other records are lost. The answer itself is there. It says nothing of validation, so who
 * validates does without. True: it was such an answer and is now q's. */
static bool read_packet(struct question *q, const struct ub_result *result)
{
	struct slice rr[RECORDS_MAX];
	size_t count;
	uint32_t ttl;
	if (q->u->validates || !result || result->qtype != DNS_TXT || result->rcode != 2 || !result->answer_packet)
		return false;
	if (!dns_packet_answers(slice_of(result->answer_packet, (size_t)result->answer_len), DNS_TXT, rr, RECORDS_MAX,
	                        &count, &ttl))
		return false;
	q->answer = dns_answer_make(ERR_OK, false, ttl, rr, count, NULL);
	q->error = q->answer ? ERR_OK : ERR_NO_MEMORY;
	return true;
}

static void translate(struct question *q, int failure, const struct ub_result *result)
{
	struct slice rr[RECORDS_MAX];
	char text[DNS_TEXT_MAX];
	if (!failure && read_packet(q, result)) return;
	q->error = status_of(failure, result);
	if (q->error != ERR_OK && q->error != ERR_DNS_NXDOMAIN && q->error != ERR_DNS_NODATA) return;
	size_t count = q->error == ERR_OK ? collect(result, rr) : 0;
	uint32_t ttl = result->ttl > 0 ? (uint32_t)result->ttl : 0;
	q->answer = dns_answer_make(q->error, result->secure, ttl, rr, count, canonical_of(result, text));
	if (!q->answer) q->error = ERR_NO_MEMORY;
}

/* On the fiber's loop. */
static void arrived(void *arg)
{
	struct question *q = checked(arg);
	if (q->left) {
		free_question(q);
		return;
	}
	q->here = true;
	event_signal(&q->event);
}

/* On our thread, from ub_process(). */
static void answered(void *arg, int failure, struct ub_result *result)
{
	struct question *q = checked(arg);
	struct unbound *u = q->u;
	translate(q, failure, result);
	ub_resolve_free(result);
	pthread_mutex_lock(&u->lock);
	unlink_question(u, q);
	bool abandoned = q->abandoned;
	q->answered = true;
	if (!abandoned) loop_post(q->loop, &q->post);
	pthread_mutex_unlock(&u->lock);
	if (abandoned) free_question(q);
}

static void warmed_up(void *arg, int failure, struct ub_result *result)
{
	struct unbound *u = arg;
	ub_resolve_free(result);
	sem_post(&u->warm);
}

static void *process(void *arg)
{
	struct unbound *u = arg;
	struct pollfd fds[2] = {{.fd = ub_fd(u->ctx), .events = POLLIN}, {.fd = u->stop_fd, .events = POLLIN}};
	pthread_setname_np(pthread_self(), "dns-answers");
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
		if (fds[1].revents) break;
		if (fds[0].revents) ub_process(u->ctx);
	}
	return NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static struct question *new_question(struct unbound *u)
{
	struct question *q = calloc(1, sizeof *q);
	if (!q) return NULL;
	q->magic = QUESTION_MAGIC;
	q->u = u;
	q->loop = loop_current();
	q->post = (struct post){.fn = arrived, .arg = q};
	return q;
}

/* From here on libunbound has the question, unless this fails; then it is freed. */
static enum error submit(struct unbound *u, struct question *q, const char *name, enum dns_type type)
{
	pthread_mutex_lock(&u->lock);
	bool room = u->count < QUESTIONS_MAX;
	if (room) link_question(u, q);
	pthread_mutex_unlock(&u->lock);
	int failure = room ? ub_resolve_async(u->ctx, name, (int)type, CLASS_IN, q, answered, NULL) : 0;
	if (room && !failure) return ERR_OK;
	if (room) {
		pthread_mutex_lock(&u->lock);
		unlink_question(u, q);
		pthread_mutex_unlock(&u->lock);
	}
	free_question(q);
	return failure == UB_NOMEM ? ERR_NO_MEMORY : ERR_DNS_TEMPORARY;
}

/* The fiber goes without an answer. False when the answer is here after all. */
static bool leave(struct unbound *u, struct question *q)
{
	pthread_mutex_lock(&u->lock);
	q->abandoned = !q->answered;
	bool mine = q->answered;
	pthread_mutex_unlock(&u->lock);
	if (!mine) return true; /* answered() has it */
	if (q->here) return false;
	q->left = true;
	return true;
}

static enum error ask(struct resolver *base, const struct dns_name *wire, enum dns_type type, int64_t deadline,
                      struct dns_answer **out)
{
	struct unbound *u = (struct unbound *)(void *)base;
	struct slice rest = dns_name_slice(wire);
	char name[DNS_TEXT_MAX];
	assert(loop_current() && fiber_current());
	if (!dns_name_text(&rest, name)) return ERR_INVALID;
	struct question *q = new_question(u);
	if (!q) return ERR_NO_MEMORY;
	enum error e = submit(u, q, name, type);
	if (e) return e;
	e = event_wait(&q->event, deadline);
	if (e && leave(u, q)) return e;
	e = q->error;
	*out = q->answer;
	q->answer = NULL;
	free_question(q);
	return e;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static enum error refuse(char *why, const char *what, const char *detail)
{
	snprintf(why, WHY_SIZE, "%s: %s", what, detail);
	return ERR_INVALID;
}

/* Small, since there is a cache in front; soon asking again a server that was down; and without the answers that
 * libunbound would make up for private addresses, which are ordinary names for a mail server inside. */
static const struct {
	const char *option, *value;
} options[] = {
	{"do-not-query-localhost:", "no"},   {"msg-cache-size:", "4m"},     {"rrset-cache-size:", "8m"},
	{"key-cache-size:", "1m"},           {"neg-cache-size:", "1m"},     {"outgoing-range:", "512"},
	{"num-queries-per-thread:", "2048"}, {"infra-host-ttl:", "60"},     {"infra-keep-probing:", "yes"},
	{"cache-max-negative-ttl:", "300"},  {"unblock-lan-zones:", "yes"}, {"insecure-lan-zones:", "yes"},
};

/* Built into libunbound as empty zones. localhost. (RFC 6761 6.3) and onion. (RFC 7686) stay. */
static const char *const unblocked[] = {"test.", "invalid.", "home.arpa.", "127.in-addr.arpa."};

static enum error set_servers(struct ub_ctx *ctx, const char *const *servers, size_t count, char *why)
{
	if (count == 0) {
		int failure = ub_ctx_resolvconf(ctx, NULL);
		return failure ? refuse(why, "/etc/resolv.conf", ub_strerror(failure)) : ERR_OK;
	}
	for (size_t i = 0; i < count; i++) {
		struct endpoint e;
		char address[IP_TEXT_SIZE], text[IP_TEXT_SIZE + 8];
		if (!endpoint_parse(slice_str(servers[i]), 53, &e)) return refuse(why, servers[i], "not ADDRESS:PORT");
		snprintf(text, sizeof text, "%s@%u", ip_text(&e.ip, address), e.port);
		int failure = ub_ctx_set_fwd(ctx, text);
		if (failure) return refuse(why, servers[i], ub_strerror(failure));
	}
	return ERR_OK;
}

static enum error configure(struct ub_ctx *ctx, const char *const *servers, size_t count, const char *anchor_file,
                            char *why)
{
	int failure = 0;
	ub_ctx_debugout(ctx, NULL); /* it would write lines of its own format to standard error */
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		failure = ub_ctx_set_option(ctx, options[i].option, options[i].value);
		if (failure) return refuse(why, options[i].option, ub_strerror(failure));
	}
	enum error e = set_servers(ctx, servers, count, why);
	if (e) return e;
	/* libunbound reads it later, and then only says that it could not begin. */
	if (anchor_file && access(anchor_file, R_OK) < 0) return refuse(why, anchor_file, strerror(errno));
	if (anchor_file && (failure = ub_ctx_add_ta_file(ctx, anchor_file)))
		return refuse(why, anchor_file, ub_strerror(failure));
	if ((failure = ub_ctx_async(ctx, 1))) return refuse(why, "libunbound", ub_strerror(failure));
	/* This reads what was configured; nothing can be set after it. */
	for (size_t i = 0; i < sizeof unblocked / sizeof *unblocked; i++) {
		failure = ub_ctx_zone_remove(ctx, unblocked[i]);
		if (failure) return refuse(why, "libunbound", ub_strerror(failure));
	}
	return ERR_OK;
}

/* A first question, which needs no packet, makes libunbound start its thread and open what it needs. */
static enum error warm_up(struct unbound *u, char *why)
{
	struct timespec until;
	int failure = ub_resolve_async(u->ctx, "localhost", DNS_A, CLASS_IN, u, warmed_up, NULL);
	if (failure) return refuse(why, "libunbound", ub_strerror(failure));
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WARM_UP_SECONDS;
	while (sem_timedwait(&u->warm, &until) < 0)
		if (errno != EINTR) return refuse(why, "libunbound", "its thread does not answer");
	return ERR_OK;
}

/* Signals are for the threads that asked for them. */
static enum error start_threads(struct unbound *u, char *why)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&u->thread, NULL, process, u);
	u->thread_runs = failure == 0;
	enum error e =
		failure ? refuse(why, "a thread for DNS", error_text(error_from_errno(failure))) : warm_up(u, why);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e;
}

static void unbound_free(struct resolver *base)
{
	struct unbound *u = (struct unbound *)(void *)base;
	uint64_t one = 1;
	if (u->thread_runs && write(u->stop_fd, &one, sizeof one) == sizeof one) pthread_join(u->thread, NULL);
	ub_ctx_delete(u->ctx); /* no more answers come */
	while (u->first) {
		struct question *q = u->first;
		assert(q->abandoned);
		u->first = q->next;
		free_question(q);
	}
	if (u->stop_fd >= 0) close(u->stop_fd);
	pthread_mutex_destroy(&u->lock);
	sem_destroy(&u->warm);
	free(u);
}

static const struct resolver_kind unbound_kind = {.ask = ask, .free = unbound_free};

enum error resolver_new_validating(const char *const *servers, size_t count, const char *anchor_file,
                                   struct resolver **out, char *why)
{
	*out = NULL;
	struct unbound *u = calloc(1, sizeof *u);
	struct ub_ctx *ctx = u ? ub_ctx_create() : NULL;
	if (!ctx) {
		free(u);
		snprintf(why, WHY_SIZE, "%s", error_text(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	resolver_init(&u->base, &unbound_kind, true);
	u->ctx = ctx;
	u->validates = anchor_file != NULL;
	sem_init(&u->warm, 0, 0);
	pthread_mutex_init(&u->lock, NULL);
	u->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	enum error e = u->stop_fd < 0 ? error_from_errno(errno) : ERR_OK;
	if (e) snprintf(why, WHY_SIZE, "%s", error_text(e));
	if (!e) e = configure(ctx, servers, count, anchor_file, why);
	if (!e) e = start_threads(u, why);
	if (e)
		resolver_free(&u->base);
	else
		*out = &u->base;
	return e;
}

enum error resolver_new(const char *const *servers, size_t count, struct resolver **out, char *why)
{
	return resolver_new_validating(servers, count, NULL, out, why);
}
