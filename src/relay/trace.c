/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/trace.h"

#include "mail/date.h"
#include "mail/header.h"

/* An EHLO name is the client's word: what could end the field or its comment is shown as '?'. */
static struct slice safe_name(struct arena *a, struct slice name)
{
	struct slice out = arena_copy(a, slice_sub(name, 0, 255));
	for (size_t i = 0; i < out.n; i++) {
		unsigned char c = (unsigned char)out.p[i];
		if (c <= ' ' || c == 127 || strchr("()<>;,\\\"", c)) ((char *)out.p)[i] = '?';
	}
	return out.n ? out : SLICE("unknown");
}

struct slice trace_received(struct arena *a, const struct session *s, const struct transaction *t,
                            const struct endpoint *client, struct slice id, int64_t now)
{
	char ip[IP_TEXT_SIZE], date[DATE_TEXT_SIZE];
	struct slice tls = SLICE_EMPTY, recipient = SLICE_EMPTY;
	if (stream_is_tls(s->stream))
		tls = arena_printf(a, "\r\n\t(using %s with cipher %s)", stream_tls_version(s->stream),
		                   stream_tls_cipher(s->stream));
	if (t->envelope.recipient_count == 1)
		recipient = arena_printf(a, "\r\n\tfor <%.*s>", SLICE_ARG(t->envelope.recipients[0].address));
	return arena_printf(a, "Received: from %.*s ([%s%s])%.*s\r\n\tby %s with %s id %.*s%.*s;\r\n\t%s\r\n",
	                    SLICE_ARG(safe_name(a, s->helo)), client->ip.family == AF_INET6 ? "IPv6:" : "",
	                    ip_text(&client->ip, ip), SLICE_ARG(tls), s->settings->hostname, server_protocol(s, t),
	                    SLICE_ARG(id), SLICE_ARG(recipient), date_rfc5322(date, now));
}

static enum reason judge(struct arena *a, struct slice text, bool whole, uint64_t size_limit, int64_t hop_limit,
                         struct trace_header *out)
{
	struct header_survey survey;
	struct header_limits limits = {.octets = (size_t)size_limit, .received = (size_t)hop_limit};
	header_survey(text, &limits, &survey);
	if (survey.verdict == HEADER_TOO_MANY_HOPS) return REASON_too_many_hops; /* RFC 5321 6.3 */
	if (survey.verdict || (!survey.complete && !whole)) return REASON_header_too_big;
	out->size = survey.octets;
	out->dated = survey.date.n > 0;
	out->several_ids = survey.message_ids > 1;
	struct slice id = header_unfold(a, survey.message_id);
	out->message_id = id.p ? arena_copy(a, slice_sub(id, 0, 998)) : SLICE_EMPTY;
	return out->message_id.p ? REASON_ok : REASON_no_memory;
}

enum reason trace_read_header(struct arena *a, const struct blob *body, uint64_t size_limit, int64_t hop_limit,
                              struct trace_header *out)
{
	struct slice all = blob_in_memory(body);
	*out = (struct trace_header){.message_id = SLICE_EMPTY, .text = SLICE_EMPTY};
	if (body->size == 0) return REASON_ok;
	if (!all.p) {
		size_t want = size_limit + 4 < body->size ? (size_t)size_limit + 4 : (size_t)body->size, got = 0;
		char *copy = arena_alloc(a, want);
		if (!copy) return REASON_no_memory;
		if (blob_read(body, 0, copy, want, &got)) return REASON_storage_failed;
		all = slice_of(copy, got);
	}
	enum reason r = judge(a, all, all.n == body->size, size_limit, hop_limit, out);
	out->text = slice_sub(all, 0, out->size);
	return r;
}
