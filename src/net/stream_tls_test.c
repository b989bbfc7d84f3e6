/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "net/stream_internal.h"
#include "net/test_loop.h"
#include "net/test_tls.h"

static struct test_certificate ours, theirs;
static struct tls_context *server_context, *asking_context, *client_context;

static int64_t soon(void)
{
	return clock_deadline(3000);
}

static int set_up(void **state)
{
	char why[256];
	ours = test_certificate_new("mx.example");
	theirs = test_certificate_new("tenant.example");
	struct slice certificate = test_pem(ours.certificate_pem), key = test_pem(ours.key_pem);
	return tls_server_new(certificate, key, false, &server_context, why) ||
	       tls_server_new(certificate, key, true, &asking_context, why) || tls_client_new(&client_context, why);
}

static int tear_down(void **state)
{
	tls_unref(server_context);
	tls_unref(asking_context);
	tls_unref(client_context);
	test_certificate_free(&ours);
	test_certificate_free(&theirs);
	return 0;
}

/* ---- the peer: OpenSSL in a thread ------------------------------------------------------------------------------- */

struct peer {
	int fd;
	bool server;
	int max_version; /* 0: the newest */
	bool show_certificate;
	void (*talk)(SSL *, struct peer *); /* after the handshake */
	void *arg;
	/* what came of it */
	bool shaken;
	char name[64]; /* the server name that was indicated */
	int ended;     /* SSL_get_error of the last read */
	size_t got;
	pthread_t thread;
};

static int remember_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	snprintf(((struct peer *)arg)->name, sizeof((struct peer *)arg)->name, "%s", name ? name : "");
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *peer_context(struct peer *p)
{
	SSL_CTX *ctx = SSL_CTX_new(p->server ? TLS_server_method() : TLS_client_method());
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, p->max_version);
	SSL_CTX_set_options(ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	SSL_CTX_set_tlsext_servername_callback(ctx, remember_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, p);
	if (p->server || p->show_certificate) {
		SSL_CTX_use_certificate(ctx, p->server ? ours.certificate : theirs.certificate);
		SSL_CTX_use_PrivateKey(ctx, p->server ? ours.key : theirs.key);
	}
	return ctx;
}

static void *peer_thread(void *arg)
{
	struct peer *p = arg;
	sigset_t pipe;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL); /* of this thread only: ours must never raise it */
	SSL_CTX *ctx = peer_context(p);
	SSL *ssl = SSL_new(ctx);
	SSL_set_fd(ssl, p->fd);
	p->shaken = (p->server ? SSL_accept(ssl) : SSL_connect(ssl)) == 1;
	if (p->shaken && p->talk) p->talk(ssl, p);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return NULL;
}

static struct stream *with_peer(struct peer *p)
{
	struct stream *s = test_pair(&p->fd);
	CHECK(pthread_create(&p->thread, NULL, peer_thread, p) == 0);
	return s;
}

static void join_peer(struct peer *p)
{
	pthread_join(p->thread, NULL);
	close(p->fd);
}

static void read_to_end(SSL *ssl, struct peer *p)
{
	char buf[4000];
	int n;
	while ((n = SSL_read(ssl, buf, sizeof buf)) > 0) p->got += (size_t)n;
	p->ended = SSL_get_error(ssl, n);
}

static void echo(SSL *ssl, struct peer *p)
{
	char buf[4000];
	int n;
	while ((n = SSL_read(ssl, buf, sizeof buf)) > 0) {
		p->got += (size_t)n;
		if (SSL_write(ssl, buf, n) != n) break;
	}
	p->ended = SSL_get_error(ssl, n);
}

static void exchange(struct stream *s)
{
	CHECK_ERROR(stream_write(s, SLICE("EHLO a\r\n"), soon()), ERR_OK);
	while (stream_buffered(s).n < 8) {
		enum error e = stream_fill(s, soon());
		CHECK_ERROR(e, ERR_OK);
		if (e) return;
	}
	CHECK(slice_equal(stream_buffered(s), SLICE("EHLO a\r\n")));
	stream_consume(s, 8);
}

/* ---- handshakes -------------------------------------------------------------------------------------------------- */

struct version_case {
	const char *title;
	int max_version;
	bool we_serve;
	enum error error;
	const char *version;
};

static void body_version(void *arg)
{
	const struct version_case *c = arg;
	struct peer p = {.server = !c->we_serve, .max_version = c->max_version, .talk = echo};
	struct stream *s = with_peer(&p);
	enum error e = c->we_serve ? stream_tls_server(s, server_context, soon())
	                           : stream_tls_client(s, client_context, "mx.example.", soon());
	CHECK_ERROR(e, c->error);
	if (!e) {
		CHECK(stream_is_tls(s) && strcmp(stream_tls_version(s), c->version) == 0 && stream_tls_cipher(s));
		exchange(s);
	} else {
		CHECK(!stream_is_tls(s) && !stream_tls_version(s) && stream_tls_reason(s));
		CHECK_ERROR(stream_write(s, SLICE("in the clear"), soon()), e);
		CHECK_ERROR(stream_fill(s, soon()), e);
		CHECK(stream_idle_dead(s));
	}
	stream_free(s);
	join_peer(&p);
	CHECK(p.shaken == (c->error == ERR_OK));
	if (!e) CHECK(p.got == 8 && p.ended == SSL_ERROR_ZERO_RETURN); /* close_notify came */
	if (!e && !c->we_serve) CHECK(strcmp(p.name, "mx.example") == 0);
}

static void versions_by_table(void **state)
{
	static struct version_case cases[] = {
		{"newest client", 0, true, ERR_OK, "TLSv1.3"},
		{"TLS 1.2 client", TLS1_2_VERSION, true, ERR_OK, "TLSv1.2"},
		{"TLS 1.1 client", TLS1_1_VERSION, true, ERR_TLS, NULL},
		{"newest server", 0, false, ERR_OK, "TLSv1.3"},
		{"TLS 1.2 server", TLS1_2_VERSION, false, ERR_OK, "TLSv1.2"},
		{"TLS 1.1 server", TLS1_1_VERSION, false, ERR_TLS, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		print_message("    %s\n", cases[i].title);
		run_in_fiber(body_version, &cases[i]);
	}
}

static void hex_of(X509 *certificate, char out[65])
{
	unsigned char digest[32];
	X509_digest(certificate, EVP_sha256(), digest, NULL);
	for (int i = 0; i < 32; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void body_fingerprint(void *arg)
{
	char expected[65], got[65];
	hex_of(theirs.certificate, expected);
	struct peer p = {.show_certificate = true, .talk = echo};
	struct stream *s = with_peer(&p);
	CHECK(!stream_peer_fingerprint(s, got));
	CHECK_ERROR(stream_tls_server(s, asking_context, soon()), ERR_OK);
	CHECK(stream_peer_fingerprint(s, got) && strcmp(got, expected) == 0);
	exchange(s);
	stream_free(s);
	join_peer(&p);

	struct peer shy = {.talk = echo};
	s = with_peer(&shy);
	CHECK_ERROR(stream_tls_server(s, asking_context, soon()), ERR_OK);
	CHECK(!stream_peer_fingerprint(s, got) && got[0] == '\0');
	stream_free(s);
	join_peer(&shy);

	struct peer server = {.server = true, .talk = echo};
	hex_of(ours.certificate, expected);
	s = with_peer(&server);
	CHECK_ERROR(stream_tls_client(s, client_context, "127.0.0.1", soon()), ERR_OK);
	CHECK(stream_peer_fingerprint(s, got) && strcmp(got, expected) == 0);
	stream_free(s);
	join_peer(&server);
	CHECK(server.name[0] == '\0'); /* an address is not indicated */
}

static void body_garbage(void *arg)
{
	static const struct slice garbage[] = {{"EHLO there\r\nMAIL FROM:<a@b>\r\n", 29},
	                                       {"\x16\x03\x01\xff\xff", 5},
	                                       {"\x15\x03\x03\x00\x02\x02\x28", 7}};
	for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
		int other;
		struct stream *s = test_pair(&other);
		CHECK(test_send(other, garbage[i]));
		CHECK_ERROR(stream_tls_server(s, server_context, soon()), ERR_TLS);
		stream_free(s);
		close(other);
		s = test_pair(&other);
		CHECK(test_send(other, garbage[i]));
		CHECK_ERROR(stream_tls_client(s, client_context, NULL, soon()), ERR_TLS);
		stream_free(s);
		close(other);
	}
}

static void body_silent_and_gone(void *arg)
{
	int other;
	struct stream *s = test_pair(&other);
	CHECK_ERROR(stream_tls_server(s, server_context, clock_deadline(30)), ERR_TIMEOUT);
	CHECK_ERROR(stream_write(s, SLICE("x"), soon()), ERR_TIMEOUT);
	CHECK_ERROR(stream_fill(s, soon()), ERR_TIMEOUT);
	stream_free(s);
	close(other);
	s = test_pair(&other);
	close(other);
	CHECK_ERROR(stream_tls_server(s, server_context, soon()), ERR_CLOSED);
	stream_free(s);
}

static void body_injection(void *arg)
{
	int other;
	char buf[16];
	struct stream *s = test_pair(&other);
	CHECK(test_send(other, SLICE("STARTTLS\r\nRSET\r\n")));
	CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
	stream_consume(s, 10);
	CHECK_ERROR(stream_write(s, SLICE("220 go\r\n"), soon()), ERR_OK);
	CHECK_ERROR(stream_tls_server(s, server_context, soon()), ERR_PROTOCOL);
	CHECK(recv(other, buf, sizeof buf, 0) == 8); /* was flushed */
	CHECK_ERROR(stream_write(s, SLICE("500\r\n"), soon()), ERR_OK);
	CHECK_ERROR(stream_flush(s, soon()), ERR_OK);
	stream_free(s);
	close(other);
}

static void renegotiate(SSL *ssl, struct peer *p)
{
	SSL_renegotiate(ssl);
	p->got = SSL_do_handshake(ssl) == 1;
}

static void body_renegotiation(void *arg)
{
	struct peer p = {.max_version = TLS1_2_VERSION, .talk = renegotiate, .got = 9};
	struct stream *s = with_peer(&p);
	CHECK_ERROR(stream_tls_server(s, server_context, soon()), ERR_OK);
	CHECK(stream_fill(s, soon()) != ERR_OK);
	stream_free(s);
	join_peer(&p);
	CHECK(p.shaken && p.got == 0);
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static void write_single_octets(SSL *ssl, struct peer *p)
{
	for (int i = 0; i < 2000; i++)
		if (SSL_write(ssl, "x", 1) != 1) return;
	SSL_shutdown(ssl);
}

static void body_tiny_records(void *arg)
{
	struct peer p = {.talk = write_single_octets};
	struct stream *s = with_peer(&p);
	CHECK_ERROR(stream_tls_server(s, server_context, soon()), ERR_OK);
	enum error e;
	size_t got = 0;
	while ((e = stream_fill(s, soon())) == ERR_OK) {
		got += stream_buffered(s).n;
		stream_consume(s, stream_buffered(s).n);
	}
	CHECK_ERROR(e, ERR_CLOSED);
	CHECK(got == 2000);
	stream_free(s);
	join_peer(&p);
}

/* Carries octets one at a time between two sockets. */
struct dripper {
	int from, to;
	pthread_t thread;
};

static void *drip(void *arg)
{
	struct dripper *d = arg;
	char c;
	while (recv(d->from, &c, 1, 0) == 1 && test_send(d->to, slice_of(&c, 1)))
		;
	shutdown(d->to, SHUT_WR);
	return NULL;
}

static void body_dripped(void *arg)
{
	int inner[2], other;
	struct stream *s = test_pair(&other);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, inner) == 0);
	struct dripper up = {.from = other, .to = inner[0]}, down = {.from = inner[0], .to = other};
	struct peer p = {.fd = inner[1], .server = true, .talk = echo};
	pthread_create(&up.thread, NULL, drip, &up);
	pthread_create(&down.thread, NULL, drip, &down);
	pthread_create(&p.thread, NULL, peer_thread, &p);
	CHECK_ERROR(stream_tls_client(s, client_context, "mx.example", soon()), ERR_OK);
	for (int i = 0; i < 20; i++) exchange(s);
	stream_free(s);
	pthread_join(p.thread, NULL);
	close(inner[1]);
	pthread_join(up.thread, NULL);
	pthread_join(down.thread, NULL);
	close(inner[0]);
	close(other);
	CHECK(p.got == 160);
}

#define BIG (2 * 1024 * 1024)

static void sleepy_read(SSL *ssl, struct peer *p)
{
	usleep(50000);
	read_to_end(ssl, p);
}

static void body_big(void *arg)
{
	struct peer p = {.talk = sleepy_read};
	struct stream *s = with_peer(&p);
	char *big = calloc(1, BIG);
	CHECK_ERROR(stream_tls_server(s, server_context, soon()), ERR_OK);
	CHECK_ERROR(stream_write(s, SLICE("x"), soon()), ERR_OK);
	CHECK_ERROR(stream_write(s, slice_of(big, BIG), clock_deadline(10000)), ERR_OK);
	CHECK_ERROR(stream_flush(s, clock_deadline(10000)), ERR_OK);
	free(big);
	stream_free(s);
	join_peer(&p);
	CHECK(p.got == BIG + 1 && p.ended == SSL_ERROR_ZERO_RETURN);
}

static void wait_for_end(SSL *ssl, struct peer *p)
{
	pthread_mutex_lock(p->arg);
	pthread_mutex_unlock(p->arg);
}

static void body_stalled(void *arg)
{
	pthread_mutex_t stop = PTHREAD_MUTEX_INITIALIZER;
	struct peer p = {.talk = wait_for_end, .arg = &stop};
	pthread_mutex_lock(&stop);
	struct stream *s = with_peer(&p);
	char *big = calloc(1, 16 * 1024 * 1024);
	CHECK_ERROR(stream_tls_server(s, server_context, soon()), ERR_OK);
	CHECK_ERROR(stream_write(s, slice_of(big, 16 * 1024 * 1024), clock_deadline(100)), ERR_TIMEOUT);
	CHECK_ERROR(stream_flush(s, soon()), ERR_TIMEOUT);
	stream_free(s);
	pthread_mutex_unlock(&stop);
	join_peer(&p);
	free(big);
}

/* Both sides write much before they read: neither may wait for the other for ever. */
static void write_then_read(SSL *ssl, struct peer *p)
{
	char block[8000] = {0};
	for (int i = 0; i < 20; i++)
		if (SSL_write(ssl, block, sizeof block) != sizeof block) return;
	SSL_shutdown(ssl);
	read_to_end(ssl, p);
}

static void body_both_ways(void *arg)
{
	struct peer p = {.server = true, .talk = write_then_read};
	struct stream *s = with_peer(&p);
	char *block = calloc(1, 40000);
	CHECK_ERROR(stream_tls_client(s, client_context, NULL, soon()), ERR_OK);
	CHECK_ERROR(stream_write(s, slice_of(block, 40000), soon()), ERR_OK);
	enum error e;
	size_t got = 0;
	while ((e = stream_fill(s, soon())) == ERR_OK) {
		got += stream_buffered(s).n;
		stream_consume(s, stream_buffered(s).n);
	}
	CHECK_ERROR(e, ERR_CLOSED);
	CHECK(got == 160000);
	CHECK_ERROR(stream_write(s, slice_of(block, 40000), soon()), ERR_OK); /* after their close_notify */
	CHECK_ERROR(stream_flush(s, soon()), ERR_OK);
	stream_free(s);
	join_peer(&p);
	CHECK(p.got == 80000);
	free(block);
}

static void speak_when_told(SSL *ssl, struct peer *p)
{
	wait_for_end(ssl, p);
	SSL_write(ssl, "421", 3);
}

static void body_idle_dead(void *arg)
{
	pthread_mutex_t stop = PTHREAD_MUTEX_INITIALIZER;
	struct peer p = {.server = true, .talk = speak_when_told, .arg = &stop};
	pthread_mutex_lock(&stop);
	struct stream *s = with_peer(&p);
	CHECK_ERROR(stream_tls_client(s, client_context, "mx.example", soon()), ERR_OK);
	fiber_sleep(clock_now_ms() + 30);
	char byte;
	CHECK(recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1); /* the tickets are there, */
	CHECK(!stream_idle_dead(s));                                /* and are not a word */
	CHECK(recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0);
	pthread_mutex_unlock(&stop);
	fiber_sleep(clock_now_ms() + 50);
	CHECK(stream_idle_dead(s));
	CHECK_ERROR(stream_fill(s, soon()), ERR_OK);
	CHECK(slice_equal(stream_buffered(s), SLICE("421")));
	stream_consume(s, 3);
	join_peer(&p); /* closes without close_notify */
	fiber_sleep(clock_now_ms() + 30);
	CHECK(stream_idle_dead(s));
	CHECK_ERROR(stream_fill(s, soon()), ERR_CLOSED);
	stream_free(s);
}

#define CASE(name, body)                                                                                               \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		run_in_fiber(body, NULL);                                                                              \
	}

CASE(a_certificate_is_known_by_its_fingerprint, body_fingerprint)
CASE(plaintext_in_the_handshake_is_refused, body_garbage)
CASE(a_silent_or_vanished_peer_ends_the_handshake, body_silent_and_gone)
CASE(commands_behind_STARTTLS_are_refused, body_injection)
CASE(renegotiation_is_refused, body_renegotiation)
CASE(records_of_one_octet, body_tiny_records)
CASE(records_that_arrive_one_octet_at_a_time, body_dripped)
CASE(big_writes_arrive_whole, body_big)
CASE(a_stalled_reader_meets_the_deadline, body_stalled)
CASE(writing_goes_on_after_the_peers_close_notify, body_both_ways)
CASE(session_tickets_do_not_make_an_idle_connection_dead, body_idle_dead)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_by_table),
		cmocka_unit_test(a_certificate_is_known_by_its_fingerprint),
		cmocka_unit_test(plaintext_in_the_handshake_is_refused),
		cmocka_unit_test(a_silent_or_vanished_peer_ends_the_handshake),
		cmocka_unit_test(commands_behind_STARTTLS_are_refused),
		cmocka_unit_test(renegotiation_is_refused),
		cmocka_unit_test(records_of_one_octet),
		cmocka_unit_test(records_that_arrive_one_octet_at_a_time),
		cmocka_unit_test(big_writes_arrive_whole),
		cmocka_unit_test(a_stalled_reader_meets_the_deadline),
		cmocka_unit_test(writing_goes_on_after_the_peers_close_notify),
		cmocka_unit_test(session_tickets_do_not_make_an_idle_connection_dead),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
