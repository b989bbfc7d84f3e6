/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_relay - the cheapest honest store-and-forward relay, as a yardstick
 *
 * It takes any mail from anybody, appends it to one file, syncs, says 250, and forwards it over kept connections. No policy, no
 * log, no retry, no TLS, no parsing beyond the verbs: what remains is the price of sockets, copies and fsyncs on this machine. A
 * product can come near its CPU per message, not below. It is not for use.
 *
 * One thread runs all sessions and all forwarding connections in one epoll loop; a second one commits: it takes every message that waits,
 * writes them with as few writev(2) calls as the kernel allows, calls fdatasync(2) once, and hands them back. Only then the
 * client hears 250 and the message is forwarded.
 *
 *     floor_relay LISTEN-ADDRESS:PORT SINK-ADDRESS:PORT FILE [FORWARDING-CONNECTIONS]
 *
 * SIGTERM ends it and prints: messages received, forwarded, commits.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define IN_SIZE       (16 * 1024)
#define ENVELOPE_SIZE 2048
#define MESSAGE_LIMIT (50u * 1024 * 1024)
#define BATCH         512

struct message {
	struct message *next;
	struct peer *session; /* who waits for the 250; NULL when it went away */
	char *octets;         /* as it came, dot-stuffed, with the final dot line */
	size_t n, room;
	size_t envelope_n;
	char envelope[ENVELOPE_SIZE]; /* MAIL, RCPT and DATA lines as they are sent on */
};

enum kind { LISTENER, WAKEUP, SESSION, FORWARD };
/* What a forwarding connection waits for. */
enum stage { GREETING, EHLO, IDLE, ENVELOPE, CONTENT };

struct peer {
	enum kind kind;
	int fd;
	bool in_data, closing, waiting; /* SESSION; waiting: for a commit */
	enum stage stage;               /* FORWARD */
	int replies_due;                /* FORWARD: replies to the pipelined envelope still to come */
	struct message *message;
	struct peer *next_idle, *next_dead;
	size_t in_n, out_n;
	char in[IN_SIZE], out[1024];
};

struct queue {
	struct message *first, **last;
};

static int epoll_fd, wakeup_fd, store_fd;
static struct sockaddr_in sink;
static struct peer *idle, *dead;
static struct queue outgoing = {.last = &outgoing.first};
static unsigned long received, forwarded, commits;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static struct queue to_commit = {.last = &to_commit.first}, committed = {.last = &committed.first};

static void push(struct queue *q, struct message *m)
{
	m->next = NULL;
	*q->last = m;
	q->last = &m->next;
}

static struct message *take_all(struct queue *q)
{
	struct message *first = q->first;
	q->first = NULL;
	q->last = &q->first;
	return first;
}

/* ---- the committing thread -------------------------------------------------------------------------------------- */

static void write_all(struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t done = writev(store_fd, v, n);
		if (done < 0) err(1, "writev");
		while (n > 0 && (size_t)done >= v->iov_len) {
			done -= (ssize_t)v->iov_len;
			v++, n--;
		}
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
}

static void *commit_thread(void *arg)
{
	(void)arg;
	for (;;) {
		pthread_mutex_lock(&lock);
		while (!to_commit.first) pthread_cond_wait(&work, &lock);
		struct message *batch = take_all(&to_commit);
		pthread_mutex_unlock(&lock);
		struct iovec v[BATCH];
		int n = 0;
		for (struct message *m = batch; m; m = m->next) {
			v[n++] = (struct iovec){m->envelope, m->envelope_n};
			v[n++] = (struct iovec){m->octets, m->n};
			if (n == BATCH || !m->next) {
				write_all(v, n);
				n = 0;
			}
		}
		if (fdatasync(store_fd)) err(1, "fdatasync");
		pthread_mutex_lock(&lock);
		commits++;
		while (batch) {
			struct message *next = batch->next;
			push(&committed, batch);
			batch = next;
		}
		pthread_mutex_unlock(&lock);
		if (eventfd_write(wakeup_fd, 1)) err(1, "eventfd");
	}
	return NULL;
}

/* ---- sockets ---------------------------------------------------------------------------------------------------- */

static struct peer *peer_new(enum kind kind, int fd)
{
	struct peer *p = malloc(sizeof *p);
	if (!p) err(1, "malloc");
	memset(p, 0, offsetof(struct peer, in));
	p->kind = kind;
	p->fd = fd;
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e)) err(1, "epoll_ctl");
	return p;
}

/* Freed when all events of this turn have been seen. */
static void peer_close(struct peer *p)
{
	if (p->fd < 0) return;
	close(p->fd);
	p->fd = -1;
	p->next_dead = dead;
	dead = p;
}

static void send_octets(struct peer *p, const char *octets, size_t n)
{
	while (n > 0) {
		ssize_t done = send(p->fd, octets, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN) {
			/* Only a forwarding connection with a big message gets here; a yardstick may block for a moment. */
			int flags = fcntl(p->fd, F_GETFL);
			fcntl(p->fd, F_SETFL, flags & ~O_NONBLOCK);
			continue;
		}
		if (done < 0) {
			p->closing = true;
			return;
		}
		octets += done;
		n -= (size_t)done;
	}
}

/* Replies gather until the input is used up: pipelined commands get theirs in one packet. */
static void reply(struct peer *p, const char *line)
{
	size_t n = strlen(line);
	if (p->out_n + n > sizeof p->out) {
		send_octets(p, p->out, p->out_n);
		p->out_n = 0;
	}
	memcpy(p->out + p->out_n, line, n);
	p->out_n += n;
}

static void flush(struct peer *p)
{
	if (p->out_n && p->fd >= 0) send_octets(p, p->out, p->out_n);
	p->out_n = 0;
}

/* ---- forwarding --------------------------------------------------------------------------------------------------- */

static void forward_start(struct peer *p, struct message *m)
{
	p->message = m;
	p->stage = ENVELOPE;
	p->replies_due = 3;
	send_octets(p, m->envelope, m->envelope_n);
}

static void forward_idle(struct peer *p)
{
	p->message = NULL;
	p->stage = IDLE;
	struct message *m = outgoing.first;
	if (!m) {
		p->next_idle = idle;
		idle = p;
		return;
	}
	outgoing.first = m->next;
	if (!outgoing.first) outgoing.last = &outgoing.first;
	forward_start(p, m);
}

static void forward_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) err(1, "socket");
	if (connect(fd, (struct sockaddr *)&sink, sizeof sink)) err(1, "connect to the sink");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	peer_new(FORWARD, fd)->stage = GREETING;
}

static void forward_reply(struct peer *p, const char *line)
{
	if (line[3] == '-') return;
	if (line[0] != '2' && line[0] != '3') errx(1, "the sink said %.80s", line);
	switch (p->stage) {
	case GREETING:
		send_octets(p, "EHLO floor\r\n", 12);
		p->stage = EHLO;
		break;
	case EHLO: forward_idle(p); break;
	case ENVELOPE:
		if (--p->replies_due == 0) {
			send_octets(p, p->message->octets, p->message->n);
			p->stage = CONTENT;
		}
		break;
	case CONTENT:
		forwarded++;
		free(p->message->octets);
		free(p->message);
		forward_idle(p);
		break;
	case IDLE: break;
	}
}

/* ---- sessions ----------------------------------------------------------------------------------------------------- */

static void message_append(struct message *m, const char *octets, size_t n)
{
	if (m->n + n > MESSAGE_LIMIT) errx(1, "message too long");
	if (m->n + n > m->room) {
		m->room = (m->n + n) * 2;
		m->octets = realloc(m->octets, m->room);
		if (!m->octets) err(1, "realloc");
	}
	memcpy(m->octets + m->n, octets, n);
	m->n += n;
}

static void envelope_append(struct message *m, const char *line, size_t n)
{
	if (m->envelope_n + n + 8 > ENVELOPE_SIZE) errx(1, "envelope too long");
	memcpy(m->envelope + m->envelope_n, line, n);
	m->envelope_n += n;
}

/* A whole command line of n octets with its CR LF. */
static void command(struct peer *p, const char *line, size_t n)
{
	if (!strncasecmp(line, "EHLO", 4))
		reply(p, "250-floor\r\n250 PIPELINING\r\n");
	else if (!strncasecmp(line, "MAIL", 4)) {
		if (!p->message) p->message = calloc(1, sizeof *p->message);
		if (!p->message) err(1, "calloc");
		p->message->envelope_n = 0;
		envelope_append(p->message, line, n);
		reply(p, "250 ok\r\n");
	} else if (!strncasecmp(line, "RCPT", 4) && p->message) {
		envelope_append(p->message, line, n);
		reply(p, "250 ok\r\n");
	} else if (!strncasecmp(line, "DATA", 4) && p->message) {
		envelope_append(p->message, "DATA\r\n", 6);
		p->in_data = true;
		reply(p, "354 go ahead\r\n");
	} else if (!strncasecmp(line, "QUIT", 4)) {
		reply(p, "221 bye\r\n");
		p->closing = true;
	} else {
		reply(p, strncasecmp(line, "HELO", 4) && strncasecmp(line, "RSET", 4) && strncasecmp(line, "NOOP", 4)
		                 ? "503 no\r\n"
		                 : "250 ok\r\n");
	}
}

static bool data_ended(const struct message *m)
{
	return (m->n >= 5 && !memcmp(m->octets + m->n - 5, "\r\n.\r\n", 5)) ||
	       (m->n == 3 && !memcmp(m->octets, ".\r\n", 3));
}

static void session_input(struct peer *p)
{
	size_t used = 0;
	while (used < p->in_n && !p->closing && !p->waiting) {
		char *at = p->in + used;
		if (p->in_data) {
			/* No client pipelines behind the final dot before it has heard 250: smtp-source does not. */
			message_append(p->message, at, p->in_n - used);
			used = p->in_n;
			if (!data_ended(p->message)) break;
			p->in_data = false;
			p->waiting = true;
			p->message->session = p;
			pthread_mutex_lock(&lock);
			push(&to_commit, p->message);
			pthread_cond_signal(&work);
			pthread_mutex_unlock(&lock);
			break;
		}
		char *end = memchr(at, '\n', p->in_n - used);
		if (!end) break;
		command(p, at, (size_t)(end + 1 - at));
		used += (size_t)(end + 1 - at);
	}
	memmove(p->in, p->in + used, p->in_n - used);
	p->in_n -= used;
	flush(p);
}

static void forward_input(struct peer *p)
{
	size_t used = 0;
	char *end;
	while ((end = memchr(p->in + used, '\n', p->in_n - used))) {
		if (end - (p->in + used) < 4) errx(1, "bad reply");
		forward_reply(p, p->in + used);
		used = (size_t)(end + 1 - p->in);
	}
	memmove(p->in, p->in + used, p->in_n - used);
	p->in_n -= used;
}

static void session_gone(struct peer *p)
{
	if (p->waiting)
		p->message->session = NULL;
	else if (p->message) {
		free(p->message->octets);
		free(p->message);
	}
	peer_close(p);
}

static void peer_input(struct peer *p)
{
	ssize_t n = recv(p->fd, p->in + p->in_n, IN_SIZE - p->in_n, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) return;
	if (n <= 0) {
		if (p->kind == FORWARD) errx(1, "the sink closed a connection");
		session_gone(p);
		return;
	}
	p->in_n += (size_t)n;
	if (p->kind == FORWARD)
		forward_input(p);
	else
		session_input(p);
	if (p->closing) session_gone(p);
}

static void accept_sessions(int listener)
{
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		struct peer *p = peer_new(SESSION, fd);
		reply(p, "220 floor\r\n");
		flush(p);
	}
}

/* Committed messages: 250 to the client, then onward. */
static void after_commit(void)
{
	eventfd_t count;
	eventfd_read(wakeup_fd, &count);
	pthread_mutex_lock(&lock);
	struct message *m = take_all(&committed);
	pthread_mutex_unlock(&lock);
	while (m) {
		struct message *next = m->next;
		received++;
		if (m->session) {
			struct peer *p = m->session;
			p->message = NULL;
			p->waiting = false;
			reply(p, "250 ok\r\n");
			flush(p);
		}
		if (idle) {
			struct peer *p = idle;
			idle = p->next_idle;
			forward_start(p, m);
		} else {
			push(&outgoing, m);
		}
		m = next;
	}
}

/* ---- main --------------------------------------------------------------------------------------------------------- */

static struct sockaddr_in parse_endpoint(const char *text)
{
	char host[64];
	unsigned port;
	struct sockaddr_in a = {.sin_family = AF_INET};
	if (sscanf(text, "%63[^:]:%u", host, &port) != 2 || port > 65535 || inet_pton(AF_INET, host, &a.sin_addr) != 1)
		errx(2, "not an IPv4 ADDRESS:PORT: %s", text);
	a.sin_port = htons((uint16_t)port);
	return a;
}

static int listen_at(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (const struct sockaddr *)at, sizeof *at) || listen(fd, 4096)) err(1, "listen");
	return fd;
}

static volatile sig_atomic_t stopped;
static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void turn(void)
{
	struct epoll_event events[256];
	int n = epoll_wait(epoll_fd, events, 256, -1);
	for (int i = 0; i < n; i++) {
		struct peer *p = events[i].data.ptr;
		if (p->fd < 0) continue;
		if (p->kind == LISTENER)
			accept_sessions(p->fd);
		else if (p->kind == WAKEUP)
			after_commit();
		else
			peer_input(p);
	}
	while (dead) {
		struct peer *next = dead->next_dead;
		free(dead);
		dead = next;
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) errx(2, "usage: floor_relay LISTEN-ADDRESS:PORT SINK-ADDRESS:PORT FILE [FORWARDING-CONNECTIONS]");
	struct sockaddr_in at = parse_endpoint(argv[1]);
	sink = parse_endpoint(argv[2]);
	int connections = argc > 4 ? atoi(argv[4]) : 20;
	store_fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (store_fd < 0) err(1, "%s", argv[3]);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	peer_new(WAKEUP, wakeup_fd);
	peer_new(LISTENER, listen_at(&at));
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
	for (int i = 0; i < connections; i++) forward_connect();
	pthread_t thread;
	if (pthread_create(&thread, NULL, commit_thread, NULL)) errx(1, "pthread_create");
	while (!stopped) turn();
	printf("received=%lu forwarded=%lu commits=%lu\n", received, forwarded, commits);
	return 0;
}
