/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics - counters in a shared mapping, readable by other processes
 *
 * One table yields the enum, the Prometheus names, the help texts and docs/metrics.md's check. A service opens
 * RUN-DIR/SERVICE.metrics (0644) and counts into it; `backstop status` and, later, `web` map it read-only. Counting is a
 * relaxed atomic add; before metrics_open(), and in tools, it goes to a private page. Any thread.
 *
 *     metric_add(METRIC_smtp_sessions, 1);
 */
#ifndef BACKSTOP_BASE_METRICS_H
#define BACKSTOP_BASE_METRICS_H

#include <stdint.h>

#include "base/error.h"

/* X(name, kind, help): kind COUNTER (only grows), GAUGE (may fall) */
#define METRIC_TABLE(X)                                                                                                \
	X(smtp_sessions, COUNTER, "SMTP sessions accepted")                                                            \
	X(smtp_sessions_open, GAUGE, "SMTP sessions open now")                                                         \
	X(smtp_sessions_refused, COUNTER, "connections refused by a limit")                                            \
	X(smtp_tls_sessions, COUNTER, "sessions that started TLS")                                                     \
	X(smtp_commands, COUNTER, "SMTP commands read")                                                                \
	X(smtp_rejected_recipients, COUNTER, "RCPT commands refused for good (5xx)")                                   \
	X(smtp_deferred_recipients, COUNTER, "RCPT commands refused for now (4xx)")                                    \
	X(smtp_rejected_messages, COUNTER, "messages refused for good at end of data")                                 \
	X(smtp_deferred_messages, COUNTER, "messages refused for now at end of data")                                  \
	X(smtp_bytes, COUNTER, "message octets received")                                                              \
	X(cutthrough_messages, COUNTER, "inbound messages handed to a downstream with its 250")                        \
	X(cutthrough_connections, COUNTER, "connections opened to downstreams")                                        \
	X(cutthrough_reused, COUNTER, "transactions on a downstream connection used before")                           \
	X(cutthrough_duplicates, COUNTER, "second copies answered 250 and not delivered again")                        \
	X(directory_unknown, COUNTER, "recipients refused by the directory")                                           \
	X(safe_mode_refused, COUNTER, "null or postmaster return paths refused by a list")                             \
	X(relay_denied, COUNTER, "recipients refused because the client may not relay")                                \
	X(spool_commits, COUNTER, "spool commits (each one pair of fsyncs)")                                           \
	X(spool_stored, COUNTER, "messages stored")                                                                    \
	X(spool_removed, COUNTER, "messages removed when finished")                                                    \
	X(spool_failures, COUNTER, "spool commits that failed")                                                        \
	X(ledger_written, COUNTER, "transactions written to the ledger")                                               \
	X(ledger_dropped, COUNTER, "transactions not written to the ledger: it could not keep up, or the disk failed") \
	X(ledger_expired, COUNTER, "transactions removed from the ledger for their age or its size")                   \
	X(evidence_acts, COUNTER, "acts of backscatter recorded")                                                      \
	X(evidence_dropped, COUNTER, "acts of backscatter not recorded: too many of one address, or the disk failed")  \
	X(exposure_counted, COUNTER, "ordinary inbound messages counted for their senders")                            \
	X(exposure_dropped, COUNTER, "ordinary inbound messages not counted: too many senders, or the disk failed")    \
	X(trap_answers, COUNTER, "bounces, auto-replies, challenges and virus notices that came to traps")             \
	X(trap_callouts, COUNTER, "callouts that asked for a trap")                                                    \
	X(trap_other, COUNTER, "other messages that came to traps: nobody was accused")                                \
	X(reported_acts, COUNTER, "acts of backscatter that tenants reported")                                         \
	X(reported_refused, COUNTER, "reports of tenants that proved nothing")                                         \
	X(queue_messages, GAUGE, "messages in the queue")                                                              \
	X(queue_held, GAUGE, "messages on hold")                                                                       \
	X(held_added, COUNTER, "messages put on hold")                                                                 \
	X(held_released, COUNTER, "messages released from hold")                                                       \
	X(held_expired, COUNTER, "messages whose hold came to its end")                                                \
	X(digests_sent, COUNTER, "digests of held mail made for tenants")                                              \
	X(delivery_attempts, COUNTER, "delivery transactions started")                                                 \
	X(delivery_connections, COUNTER, "connections opened for delivery")                                            \
	X(delivery_delivered, COUNTER, "recipients delivered")                                                         \
	X(delivery_deferred, COUNTER, "recipient attempts that failed for now")                                        \
	X(delivery_failed, COUNTER, "recipients failed for good")                                                      \
	X(delivery_expired, COUNTER, "recipients given up after queue-lifetime")                                       \
	X(delivery_tls, COUNTER, "delivery connections with TLS")                                                      \
	X(pool_regular, COUNTER, "recipients delivered through pool regular")                                          \
	X(pool_bounce, COUNTER, "recipients delivered through pool bounce")                                            \
	X(pool_ndr, COUNTER, "recipients delivered through pool ndr")                                                  \
	X(pool_risk, COUNTER, "recipients delivered through pool risk")                                                \
	X(reports_sent, COUNTER, "delivery reports made for senders who proved themselves")                            \
	X(tagged, COUNTER, "transactions whose return path was tagged")                                                \
	X(tag_too_long, COUNTER, "transactions not tagged because the local part would be too long")                   \
	X(proof_none, COUNTER, "inbound messages whose return path proved nothing")                                    \
	X(proof_source, COUNTER, "messages of tenants' own sources")                                                   \
	X(proof_tag, COUNTER, "inbound messages proven by a tag of ours in the return path")                           \
	X(proof_spf, COUNTER, "inbound messages proven by SPF")                                                        \
	X(proof_dkim, COUNTER, "inbound messages proven by an aligned DKIM signature")                                 \
	X(proof_dmarc, COUNTER, "inbound messages proven by DMARC")                                                    \
	X(dmarc_refused, COUNTER, "messages refused because their author's domain asks for it")                        \
	X(bounces_genuine, COUNTER, "bounces, auto-replies and challenges to tenants about mail that they did send")   \
	X(bounces_unknown, COUNTER, "those of which it cannot be told: they are let in")                               \
	X(bounces_backscatter, COUNTER, "those about mail that the tenant did not send")                               \
	X(bounces_refused, COUNTER, "recipients for whom backscatter was refused at end of data")                      \
	X(inbound_spooled, COUNTER, "inbound messages kept while the tenant's servers were away")                      \
	X(tags_good, COUNTER, "recipients with a good tag of ours")                                                    \
	X(tags_noted, COUNTER, "bounces without a good tag, let in because the tenant learns")                         \
	X(tags_refused, COUNTER, "bounces refused for want of a good tag")                                             \
	X(answers_proven, COUNTER, "tenants' bounces and auto-replies to proven senders")                              \
	X(answers_unknown, COUNTER, "tenants' bounces and auto-replies about mail that is not known")                  \
	X(answers_unproven, COUNTER, "tenants' bounces and auto-replies held because their addressee proved nothing")  \
	X(answers_discarded, COUNTER, "of those, thrown away because the tenant wants it")                             \
	X(answers_stormed, COUNTER, "answers about unknown mail that were held while a forged campaign lasted")        \
	X(answers_after_loss, COUNTER, "answers about unknown mail that were held because the ledger had been lost")   \
	X(storms, COUNTER, "forged campaigns that were noticed by the answers to them")                                \
	X(storms_open, GAUGE, "forged campaigns that last")                                                            \
	X(answers_contained, COUNTER, "answers that came back by a contained return path, and were held")              \
	X(learned_recipients, COUNTER,                                                                                 \
	  "recipients that a tenant's server took and then bounced: refused from then on")                             \
	X(learned_refused, COUNTER, "recipients refused because they were learned so")                                 \
	X(learned_dropped, COUNTER, "such recipients not learned: too many at a time, or the disk failed")             \
	X(class_ndr, COUNTER, "messages classified as delivery reports")                                               \
	X(class_autoreply, COUNTER, "messages classified as automatic replies")                                        \
	X(class_challenge, COUNTER, "messages classified as challenges")                                               \
	X(class_arf, COUNTER, "messages classified as feedback reports")                                               \
	X(class_other, COUNTER, "messages classified as anything else")                                                \
	X(class_unknown, COUNTER, "messages that could not be classified, for want of memory or rules")                \
	X(rules_refused, COUNTER, "files of rules or knowledge that were refused")                                     \
	X(signed, COUNTER, "outbound messages signed with DKIM")                                                       \
	X(sign_failed, COUNTER, "outbound messages that could not be signed")                                          \
	X(dns_queries, COUNTER, "DNS questions asked")                                                                 \
	X(dns_cached, COUNTER, "DNS questions answered from the relay's cache")                                        \
	X(dns_failures, COUNTER, "DNS questions that failed")                                                          \
	X(dns_transfers_whole, COUNTER, "zone transfers of the whole list")                                            \
	X(dns_transfers_difference, COUNTER, "zone transfers of what had changed, or of nothing new")                  \
	X(dns_transfers_refused, COUNTER, "requests for a transfer that were refused")                                 \
	X(dns_transfers_failed, COUNTER, "zone transfers that broke off")                                              \
	X(dns_notifies_sent, COUNTER, "NOTIFY messages sent to secondaries")                                           \
	X(dns_notifies_answered, COUNTER, "changes that a secondary has acknowledged")                                 \
	X(dns_notifies_failed, COUNTER, "changes that a secondary did not acknowledge in time")                        \
	X(keeper_weighed, COUNTER, "times that the evidence against an address was weighed")                           \
	X(keeper_listed, COUNTER, "addresses listed by their evidence")                                                \
	X(keeper_delisted, COUNTER, "addresses taken off: their time was over, or they became exempt")                 \
	X(keeper_changed, COUNTER, "listings whose classes, grade or zone changed")                                    \
	X(keeper_failures, COUNTER, "rounds of the keeper that could not be written")                                  \
	X(list_published, GAUGE, "addresses on the list")                                                              \
	X(list_serial, GAUGE, "serial of the list")                                                                    \
	X(evidence_rows, GAUGE, "rows of evidence kept")                                                               \
	X(evidence_aged, COUNTER, "rows of evidence dropped after evidence-lifetime")                                  \
	X(dnsbl_udp, COUNTER, "requests to the list by UDP")                                                           \
	X(dnsbl_tcp, COUNTER, "requests to the list by TCP")                                                           \
	X(dnsbl_ignored, COUNTER, "datagrams that were no request")                                                    \
	X(dnsbl_type_a, COUNTER, "questions to the list of type A")                                                    \
	X(dnsbl_type_txt, COUNTER, "questions to the list of type TXT")                                                \
	X(dnsbl_type_soa, COUNTER, "questions to the list of type SOA")                                                \
	X(dnsbl_type_ns, COUNTER, "questions to the list of type NS")                                                  \
	X(dnsbl_type_other, COUNTER, "questions to the list of other types")                                           \
	X(dnsbl_apex, COUNTER, "questions about the zone itself")                                                      \
	X(dnsbl_safe, COUNTER, "questions about names in the zone's part safe")                                        \
	X(dnsbl_any, COUNTER, "questions about names in the zone's part any")                                          \
	X(dnsbl_elsewhere, COUNTER, "questions about other names")                                                     \
	X(dnsbl_listed, COUNTER, "questions about addresses that are listed")                                          \
	X(dnsbl_noerror, COUNTER, "answers of the list with NOERROR")                                                  \
	X(dnsbl_nxdomain, COUNTER, "answers of the list with NXDOMAIN")                                                \
	X(dnsbl_refused, COUNTER, "answers of the list with REFUSED")                                                  \
	X(dnsbl_formerr, COUNTER, "answers of the list with FORMERR")                                                  \
	X(dnsbl_notimp, COUNTER, "answers of the list with NOTIMP")                                                    \
	X(dnsbl_servfail, COUNTER, "answers of the list with SERVFAIL")                                                \
	X(dnsbl_badcookie, COUNTER, "answers of the list with BADCOOKIE")                                              \
	X(dnsbl_other_code, COUNTER, "answers of the list with other codes")                                           \
	X(dnsbl_truncated, COUNTER, "answers of the list by UDP that were truncated")                                  \
	X(dnsbl_limited, COUNTER, "requests to the list dropped because their network sent too many")                  \
	X(dnsbl_slipped, COUNTER, "requests beyond that limit that were told to come by TCP")                          \
	X(dnsbl_cookie_good, COUNTER, "requests to the list with a cookie of ours")                                    \
	X(dnsbl_cookie_new, COUNTER, "requests to the list that asked for a cookie")                                   \
	X(dnsbl_cookie_bad, COUNTER, "requests to the list with a cookie that is not ours, or too old")                \
	X(dnsbl_signed, COUNTER, "requests to the list signed with a key that we know (TSIG)")                         \
	X(dnsbl_signed_badly, COUNTER, "requests to the list whose signature failed")                                  \
	X(dnsbl_unsent, COUNTER, "answers of the list that the system did not take")                                   \
	X(dnsbl_connections, COUNTER, "TCP connections to the list")                                                   \
	X(dnsbl_connections_open, GAUGE, "TCP connections to the list open now")                                       \
	X(dnsbl_connections_evicted, COUNTER, "idle TCP connections to the list closed to make room")                  \
	X(out_of_resources, COUNTER, "421 and 452 answers for want of memory, disk or descriptors")

enum metric {
#define X(name, kind, help) METRIC_##name,
	METRIC_TABLE(X)
#undef X
		METRIC_COUNT
};

enum error metrics_open(const char *run_dir, const char *service); /* creates or resets the file */
void metric_add(enum metric m, int64_t delta);
void metric_set(enum metric m, int64_t value);
int64_t metric_get(enum metric m);

const char *metric_name(enum metric m); /* "smtp_sessions" */
const char *metric_help(enum metric m);
const char *metric_kind(enum metric m); /* "counter" or "gauge" */

/* Another process's values. ERR_NOT_FOUND when the service never ran; *pid is the writer's process, 0 if it is gone. */
enum error metrics_read(const char *run_dir, const char *service, int64_t values[METRIC_COUNT], int64_t *pid,
                        int64_t *started_unix);

#endif
