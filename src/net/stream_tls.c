/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS on a stream. OpenSSL's own socket BIO would raise SIGPIPE, so the stream is its own BIO. The error queue of
 * OpenSSL belongs to the thread: it is emptied before each call and read right after it, and no wait lies between.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>

#include "net/stream_internal.h"

/* ---- the BIO ----------------------------------------------------------------------------------------------------- */

static BIO_METHOD *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static struct stream *bio_stream(BIO *bio)
{
	struct stream *s = BIO_get_data(bio);
	assert(s && s->magic == STREAM_MAGIC);
	return s;
}

static bool is_retry(int e)
{
	return e == EAGAIN || e == EWOULDBLOCK || e == EINTR;
}

static int bio_read(BIO *bio, char *buffer, int n)
{
	struct stream *s = bio_stream(bio);
	BIO_clear_retry_flags(bio);
	ssize_t got = n > 0 ? recv(s->fd, buffer, (size_t)n, MSG_DONTWAIT) : 0;
	if (got < 0 && is_retry(errno))
		BIO_set_retry_read(bio);
	else if (got < 0)
		s->io_errno = errno;
	else if (got == 0 && n > 0)
		s->io_end = true;
	return (int)got;
}

static int bio_write(BIO *bio, const char *data, int n)
{
	struct stream *s = bio_stream(bio);
	BIO_clear_retry_flags(bio);
	ssize_t sent = send(s->fd, data, n > 0 ? (size_t)n : 0, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && is_retry(errno))
		BIO_set_retry_write(bio);
	else if (sent < 0)
		s->io_errno = errno;
	return (int)sent;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	if (command == BIO_CTRL_FLUSH) return 1;
	if (command == BIO_CTRL_EOF) return bio_stream(bio)->io_end;
	return 0;
}

static void make_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "backstop stream");
	if (!m) return;
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	bio_method = m;
}

static BIO *make_bio(struct stream *s)
{
	pthread_once(&bio_once, make_bio_method);
	BIO *bio = bio_method ? BIO_new(bio_method) : NULL;
	if (!bio) return NULL;
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	return bio;
}

/* ---- one step of OpenSSL ----------------------------------------------------------------------------------------- */

static void before_call(struct stream *s)
{
	ERR_clear_error();
	s->io_errno = 0;
}

static enum error connection_error(const struct stream *s)
{
	return s->io_errno ? error_from_errno(s->io_errno) : ERR_CLOSED;
}

/* What a call that did not succeed means. */
static struct attempt outcome(struct stream *s, int result)
{
	switch (SSL_get_error(s->ssl, result)) {
	case SSL_ERROR_WANT_READ: return (struct attempt){.wait = WATCH_READ};
	case SSL_ERROR_WANT_WRITE: return (struct attempt){.wait = WATCH_WRITE};
	case SSL_ERROR_ZERO_RETURN: return (struct attempt){.error = ERR_CLOSED}; /* writing may go on */
	case SSL_ERROR_SYSCALL: s->tls_error = connection_error(s); break;
	default:
		s->tls_error = ERR_TLS;
		s->tls_reason = ERR_reason_error_string(ERR_peek_error());
		break;
	}
	ERR_clear_error();
	return (struct attempt){.error = s->tls_error};
}

struct attempt stream_tls_try_read(struct stream *s, char *buffer, size_t n)
{
	size_t got = 0;
	if (s->tls_error) return (struct attempt){.error = s->tls_error};
	before_call(s);
	int result = SSL_read_ex(s->ssl, buffer, n, &got);
	return result == 1 ? (struct attempt){.n = got} : outcome(s, result);
}

struct attempt stream_tls_try_write(struct stream *s, const char *data, size_t n)
{
	size_t sent = 0;
	if (s->tls_error) return (struct attempt){.error = s->tls_error};
	before_call(s);
	int result = SSL_write_ex(s->ssl, data, n, &sent);
	return result == 1 ? (struct attempt){.n = sent} : outcome(s, result);
}

/* A TLS 1.3 server sends session tickets when it likes: SSL_peek takes those in and leaves only what is for us. */
bool stream_tls_idle_dead(struct stream *s)
{
	char byte;
	size_t got;
	before_call(s);
	int result = SSL_peek_ex(s->ssl, &byte, 1, &got);
	return result == 1 || outcome(s, result).error != ERR_OK;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static enum error handshake(struct stream *s, int64_t deadline)
{
	for (;;) {
		before_call(s);
		int result = SSL_do_handshake(s->ssl);
		if (result == 1) return ERR_OK;
		struct attempt a = outcome(s, result);
		if (a.error) return a.error;
		enum error e = stream_wait(s, a.wait, deadline);
		if (e) return e;
	}
}

/* Gives the stream an SSL object with itself as the BIO. */
static enum error attach(struct stream *s, struct tls_context *context)
{
	BIO *bio = make_bio(s);
	SSL *ssl = bio ? SSL_new(tls_context_ssl(context)) : NULL;
	if (!ssl) {
		BIO_free(bio);
		return ERR_NO_MEMORY;
	}
	SSL_set_bio(ssl, bio, bio);
	s->ssl = ssl;
	s->tls_context = tls_ref(context);
	return ERR_OK;
}

/* RFC 3207 6: what came in the clear before the handshake must not be taken for what comes after it. */
static enum error begin(struct stream *s, struct tls_context *context, int64_t deadline)
{
	if (s->ssl) return ERR_INVALID;
	enum error e = stream_flush(s, deadline);
	if (e) return e;
	if (stream_buffered(s).n > 0) return ERR_PROTOCOL;
	return attach(s, context);
}

/* After a handshake that failed nothing may go over the connection any more, least of all in the clear. */
static enum error finish(struct stream *s, int64_t deadline)
{
	enum error e = handshake(s, deadline);
	s->tls_established = e == ERR_OK;
	if (e) s->tls_error = s->write_error = e;
	return e;
}

enum error stream_tls_server(struct stream *s, struct tls_context *context, int64_t deadline)
{
	enum error e = begin(s, context, deadline);
	if (e) return e;
	SSL_set_accept_state(s->ssl);
	return finish(s, deadline);
}

/* RFC 6066 3: the name indication has no final dot and is never an address. */
static void indicate_name(SSL *ssl, const char *server_name)
{
	struct slice name = slice_str(server_name);
	struct ip ip;
	char text[256];
	if (name.n > 0 && name.p[name.n - 1] == '.') name.n--;
	if (name.n == 0 || name.n >= sizeof text || ip_parse(name, &ip)) return;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	SSL_set_tlsext_host_name(ssl, text);
}

enum error stream_tls_client(struct stream *s, struct tls_context *context, const char *server_name, int64_t deadline)
{
	enum error e = begin(s, context, deadline);
	if (e) return e;
	SSL_set_connect_state(s->ssl);
	indicate_name(s->ssl, server_name);
	return finish(s, deadline);
}

void stream_tls_end(struct stream *s)
{
	if (s->tls_established && !s->tls_error && !s->write_error) {
		before_call(s);
		SSL_shutdown(s->ssl);
	}
	ERR_clear_error();
	SSL_free(s->ssl);
	s->ssl = NULL;
	tls_unref(s->tls_context);
	s->tls_context = NULL;
}

/* ---- what was agreed --------------------------------------------------------------------------------------------- */

bool stream_is_tls(const struct stream *s)
{
	return s->tls_established;
}

const char *stream_tls_version(const struct stream *s)
{
	return s->tls_established ? SSL_get_version(s->ssl) : NULL;
}

const char *stream_tls_cipher(const struct stream *s)
{
	return s->tls_established ? SSL_get_cipher_name(s->ssl) : NULL;
}

const char *stream_tls_reason(const struct stream *s)
{
	return s->tls_reason;
}

bool stream_peer_fingerprint(const struct stream *s, char out[65])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	out[0] = '\0';
	X509 *certificate = s->tls_established ? SSL_get0_peer_certificate(s->ssl) : NULL;
	if (!certificate || X509_digest(certificate, EVP_sha256(), digest, &n) != 1 || n != 32) return false;
	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	out[64] = '\0';
	return true;
}
