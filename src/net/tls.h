/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - contexts of OpenSSL for both roles
 *
 * TLS 1.2 and 1.3 only. A context is immutable and counted: sessions hold the one they began with while a reload puts a
 * new one in place. Any thread.
 */
#ifndef BACKSTOP_NET_TLS_H
#define BACKSTOP_NET_TLS_H

#include "base/error.h"
#include "base/slice.h"

struct tls_context;

/* pem texts, not file names (the supervisor read them). request_client_certificate: any certificate is taken, trusted
 * or not; a tenant is known by its fingerprint. why (at least 256 bytes) gets the reason on failure. */
enum error tls_server_new(struct slice certificate_pem, struct slice key_pem, bool request_client_certificate,
                          struct tls_context **out, char *why);
/* Opportunistic: certificates are not verified, only encryption is had (RFC 7435). */
enum error tls_client_new(struct tls_context **out, char *why);
struct tls_context *tls_ref(struct tls_context *);
void tls_unref(struct tls_context *); /* NULL is fine */

#endif
