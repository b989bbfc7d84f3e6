/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/failuretext.h"

#include "base/endpoint.h"
#include "bounce/phrases.h"

struct work {
	struct slice text, lower; /* of one length: lower differs in the case of ASCII letters only */
};

/* ---- stage --------------------------------------------------------------------------------------------------------- */

struct hint {
	struct slice words;
	enum stage stage;
};
#define H(words, stage)                                                                                                \
	{                                                                                                              \
		{"" words, sizeof(words) - 1}, STAGE_##stage                                                           \
	}

/* In the order of how sure they are. */
static const struct hint hints[] = {
	H("while receiving the initial server greeting", connect),
	H("while performing the helo handshake", helo),
	H("while performing the ehlo handshake", helo),
	H("while sending mail from", mail),
	H("while sending rcpt to", rcpt),
	H("while sending data command", data),
	H("while sending message body", data),
	H("while sending end of data", data),
	H("in reply to rcpt to", rcpt),
	H("in reply to mail from", mail),
	H("in reply to end of data", data),
	H("in reply to data", data),
	H("in reply to message", data),
	H("in reply to helo", helo),
	H("in reply to ehlo", helo),
	H("in reply to starttls", tls),
	H("after rcpt to", rcpt),
	H("after pipelined rcpt to", rcpt),
	H("after rcpt command", rcpt),
	H("after mail from", mail),
	H("after pipelined mail from", mail),
	H("after end of data", data),
	H("after pipelined end of data", data),
	H("after data", data),
	H("after sending data block", data),
	H("after helo", helo),
	H("after ehlo", helo),
	H("after starttls", tls),
	H("after initial connection", connect),
	H("during rcpt to", rcpt),
	H("rcpt to command", rcpt),
	H("[rcpt_to]", rcpt),
	H("smtp server has rejected address", rcpt),
	H("sent: rcpt to", rcpt),
	H("sent: mail from", mail),
	H("sent: data", data),
	H("sent: . ", data),
	H("[mail_from]", mail),
	H(">>> rcpt", rcpt),
	H(">>> data", data),
	H(">>> bdat", data),
	H(">>> mail", mail),
	H(">>> ehlo", helo),
	H(">>> helo", helo),
	H("does not like recipient", rcpt),
	H("recipient was rejected", rcpt),
	H("failed after i sent the message", data),
	H("does not accept message", data),
	H("message was rejected", data),
	H("sender was rejected", mail),
	H("does not like sender", mail),
	H("greeting failed", connect),
	H("my name was rejected", helo),
	H("refused to talk to me", connect),
	H("(state 9)", connect),
	H("(state 10)", helo),
	H("(state 13)", mail),
	H("(state 14)", rcpt),
	H("(state 15)", data),
	H("(state 17)", data),
	H("(state 18)", data),
	H("cannot start tls", tls),
	H("host or domain name not found", dns),
	H("name service error", dns),
	H("couldn't find any host", dns),
	H("host unknown", dns),
	H("unrouteable mail domain", dns),
	H("relevant mx records", dns),
	H("dns error", dns),
	H("retry timeout exceeded", expired),
	H("been in the queue too long", expired),
	H("queue.expired", expired),
	H("delivery failed 20 attempts", expired),
	H("message expired", expired),
	H("could not be delivered for more than", expired),
	H("could not be delivered for too long", expired),
	H("retry time not reached for any host", expired),
	H("connect to ", connect),
	H("connection timed out", connect),
	H("connection refused", connect),
	H("establish an smtp connection", connect),
};

static bool has(struct slice text, struct slice words)
{
	return slice_search(text, words) < text.n;
}

enum stage failuretext_stage(struct slice lower)
{
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (has(lower, hints[i].words)) return hints[i].stage;
	return STAGE_unknown;
}

/* ---- reply --------------------------------------------------------------------------------------------------------- */

#define S(words)                                                                                                       \
	{                                                                                                              \
		"" words, sizeof(words) - 1                                                                            \
	}
/* Words after which the other server's answer stands: SURE ones, and others in the order of how well they say so. */
#define SURE 18
static const struct slice announcements[] = {
	S(" said:"),
	S("remote host said:"),
	S("the error that the other server returned was:"),
	S("the response from the remote server was:"),
	S("the response from the remote host was:"),
	S("remote server returned '"),
	S("remote server returned:"),
	S("remote server returned"),
	S("remote server said:"),
	S("remote server responded:"),
	S("server responded with:"),
	S("server responded:"),
	S("gave this error:"),
	S("returned the following error:"),
	S("smtp error from remote mail server after "),
	S("smtp error from remote mailer after "),
	S("smtp error from remote server after "),
	S("smtp error from remote server for "),
	S("(reason: "),
	S("the response was:"),
	S("response was:"),
	S("smtp error code "),
	S("error message:"),
	S("error was:"),
	S("last error:"),
	S("diagnostic code:"),
	S("reason for delivery failure:"),
	S("the reason for the problem:"),
	S("the reason the message was rejected:"),
	S("reason given:"),
	S("delay reason:"),
	S("reason:"),
	S("failed with error:"),
	S("transcript of session follows"),
	S("because:"),
	S("aus folgendem grund:"),
	S("aus folgenden gründen:"),
	S("pour la raison suivante :"),
	S("por el motivo siguiente:"),
	S("por el siguiente motivo:"),
	S("per il motivo seguente:"),
	S("per il seguente motivo:"),
	S("pelo seguinte motivo:"),
	S("om de volgende reden:"),
};

static struct slice sub(struct slice s, size_t from, size_t to)
{
	return slice_sub(s, from, to);
}

/* Nothing, or a rule of "=====" or "-----". */
static bool is_blank(struct slice line)
{
	struct slice s = slice_trim(line);
	size_t n = 0;
	while (n < s.n && s.p[n] == s.p[0] && strchr("=-_*", s.p[0])) n++;
	return n == s.n && (n == 0 || n > 4);
}

static size_t indent(struct slice line)
{
	size_t n = 0;
	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t')) n++;
	return n;
}

struct slice failuretext_named(struct slice line, struct slice *rest)
{
	struct slice s = slice_trim(line);
	bool bracket = slice_starts(s, SLICE("<"));
	if (bracket) s = slice_sub(s, 1, s.n);
	size_t end = 0, at = slice_find(s, '@');
	while (end < s.n && s.p[end] != ' ' && s.p[end] != '\t' && s.p[end] != '>' && s.p[end] != ':' &&
	       s.p[end] != '<')
		end++;
	struct slice address = slice_sub(s, 0, end);
	*rest = slice_trim(slice_sub(s, end + (bracket && end < s.n), s.n));
	if (slice_starts(*rest, SLICE(":"))) *rest = slice_trim(slice_sub(*rest, 1, rest->n));
	bool whole = at > 0 && at + 3 < end && slice_find(slice_sub(s, at, end), '.') < end - at;
	if (!whole || (bracket && (end == s.n || s.p[end] != '>'))) return SLICE_EMPTY;
	return bracket || !rest->n ? address : SLICE_EMPTY;
}

/* Exim's next recipient: its address alone on a line, and what was said of it below, indented more. */
static bool begins_next(struct slice text, size_t line, size_t n)
{
	struct slice rest, here = sub(text, line, line + n), below = sub(text, line + n + 1, text.n);
	below = sub(below, 0, slice_find(below, '\n'));
	if (slice_starts(slice_trim(here), SLICE("<")) || !failuretext_named(here, &rest).n) return false;
	return !is_blank(below) && indent(below) > indent(here);
}

/* From the first line with words up to a blank line, or to the next recipient. */
static struct slice paragraph(struct slice text)
{
	size_t begin = 0, end;
	while (begin < text.n &&
	       (text.p[begin] == ' ' || text.p[begin] == '\t' || text.p[begin] == '\n' || text.p[begin] == '\r'))
		begin++;
	for (end = begin; end < text.n;) {
		size_t line = slice_find(sub(text, end, text.n), '\n');
		if (is_blank(sub(text, end, end + line)) || (end > begin && begins_next(text, end, line))) break;
		end += line + (end + line < text.n);
	}
	return slice_trim(sub(text, begin, end < begin + FAILURETEXT_REPLY ? end : begin + FAILURETEXT_REPLY));
}

static bool is_code(struct slice s, size_t i)
{
	const char *p = s.p + i;
	char before = i ? s.p[i - 1] : ' ';
	if (i + 4 > s.n || (p[0] != '4' && p[0] != '5') || p[1] < '0' || p[1] > '5' || p[2] < '0' || p[2] > '9')
		return false;
	if (p[3] != ' ' && p[3] != '-' && p[3] != '\n') return false;
	return (unsigned char)before >= 0x80 || before == ' ' || before == '\n' || before == '\'' || before == '"' ||
	       before == '#' || before == '(' || before == '\t' || before == ';' || before == ':';
}

/* What follows an arrow in a line of a transcript: "<<< 550 no" of Sendmail, "Tue 09:14:05: <-- 550 no" of MDaemon. */
static struct slice after_arrow(struct slice line, struct slice sendmail, struct slice mdaemon)
{
	struct slice s = slice_trim(line);
	if (slice_starts(s, sendmail)) return slice_trim(sub(s, sendmail.n, s.n));
	size_t mark = slice_search(s, mdaemon);
	return mark < 48 ? slice_trim(sub(s, mark + mdaemon.n, s.n)) : SLICE_EMPTY;
}

static enum stage stage_of_command(struct slice command)
{
	static const struct hint verbs[] = {H("RCPT", rcpt), H("MAIL", mail),    H("DATA", data),
	                                    H("BDAT", data), H(".", data),       H("EHLO", helo),
	                                    H("HELO", helo), H("STARTTLS", tls), H("QUIT", unknown)};
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (slice_starts_nocase(command, verbs[i].words)) return verbs[i].stage;
	return STAGE_unknown;
}

/* Lines "<<< 550 ..." of a transcript: the first refusal with its further lines. stage: of the command before it. */
static struct slice transcript_reply(struct slice text, size_t *at, enum stage *stage)
{
	size_t i = 0, begin = text.n, end = 0;
	enum stage asked = STAGE_unknown;
	*stage = STAGE_unknown;
	while (i < text.n) {
		size_t n = slice_find(sub(text, i, text.n), '\n');
		struct slice line = sub(text, i, i + n), answer = after_arrow(line, SLICE("<<< "), SLICE("<-- "));
		struct slice command = after_arrow(line, SLICE(">>> "), SLICE("--> "));
		bool refusal = answer.n > 2 && (answer.p[0] == '4' || answer.p[0] == '5');
		if (command.n) asked = stage_of_command(command);
		if (refusal && begin == text.n) {
			begin = (size_t)(answer.p - text.p);
			*stage = asked;
		}
		/* Times stand between the lines of MDaemon: of those the first is enough. */
		if (begin < text.n && (!answer.n || (end && answer.p != slice_trim(line).p + 4))) break;
		if (begin < text.n) end = (size_t)(answer.p - text.p) + answer.n;
		i += n + 1;
	}
	*at = begin;
	if (begin == text.n) return SLICE_EMPTY;
	return slice_trim(sub(text, begin, end < begin + FAILURETEXT_REPLY ? end : begin + FAILURETEXT_REPLY));
}

/* "host mx.example.net [192.0.2.1]" before position at: of the last such words. */
static struct slice host_before(const struct work *w, size_t at)
{
	static const struct slice words[] = {S("host "), S("while talking to "), S("connected to "), S("host: "),
	                                     S("by ")};
	struct slice found = SLICE_EMPTY, line;
	size_t from = at > 400 ? at - 400 : 0, last = 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct slice rest = sub(w->lower, from, at);
		for (size_t mark; (mark = slice_search(rest, words[i])) < rest.n;) {
			size_t begin = (size_t)(rest.p - w->lower.p) + mark + words[i].n, end = begin;
			while (end < w->lower.n &&
			       ((w->lower.p[end] >= 'a' && w->lower.p[end] <= 'z') || w->lower.p[end] == '.' ||
			        w->lower.p[end] == '-' || (w->lower.p[end] >= '0' && w->lower.p[end] <= '9')))
				end++;
			while (end > begin && w->lower.p[end - 1] == '.') end--;
			struct slice name = sub(w->lower, begin, end);
			if (slice_find(name, '.') < name.n && begin >= last) {
				found = sub(w->text, begin, end);
				last = begin;
			}
			rest = sub(rest, mark + words[i].n, rest.n);
		}
	}
	if (found.n) return found;
	/* Courier: "    mx1.example.net [192.0.2.5]:" on a line of its own */
	for (size_t end = at; end > from; end = (size_t)(line.p - w->text.p) - (line.p > w->text.p)) {
		size_t begin = end;
		while (begin > from && w->text.p[begin - 1] != '\n') begin--;
		line = sub(w->text, begin, end);
		struct slice s = slice_trim(line), name = sub(s, 0, slice_find(s, ' '));
		bool address = slice_starts(sub(s, name.n, s.n), SLICE(" [")) && slice_ends_nocase(s, SLICE("]:"));
		if (address && slice_find(name, '.') < name.n) return name;
		if (begin == from) break;
	}
	return found;
}

/* "5.2.2 ", as the first word of a line. */
static bool is_enhanced(struct slice s, size_t i)
{
	const char *p = s.p + i;
	return i + 6 < s.n && (i == 0 || p[-1] == '\n') && (p[0] == '4' || p[0] == '5') && p[1] == '.' && p[3] == '.' &&
	       p[5] == ' ';
}

/* "host mx [ip]: 550 ..." and "RCPT TO:<x>:\n host mx [ip]:\n 550 ...": what follows the code; of GMX only the enhanced one. */
static struct slice from_code(struct slice s)
{
	for (size_t i = 0; i + 4 <= s.n; i++)
		if (is_code(s, i)) return sub(s, i, s.n);
	for (size_t i = 0; i + 6 < s.n; i++)
		if (is_enhanced(s, i)) return sub(s, i, s.n);
	return s;
}

/* qmail and MDaemon name the other server by its address: "192.0.2.5 does not like recipient.", "connection to [192.0.2.5:25]". */
static struct slice address_before(const struct work *w, size_t at)
{
	static const struct slice words[] = {S("connected to "), S("connection to ["), S("giving up on ")};
	static const struct slice after[] = {S(" does not like"), S(" failed after"), S(" does not accept")};
	struct slice near = sub(w->lower, at > 400 ? at - 400 : 0, at + 600);
	for (size_t i = 0; i < sizeof words / sizeof *words + sizeof after / sizeof *after; i++) {
		bool behind = i >= sizeof words / sizeof *words;
		struct slice word = behind ? after[i - sizeof words / sizeof *words] : words[i];
		size_t mark = slice_search(near, word), begin = behind ? mark : mark + word.n, end = begin;
		if (mark == near.n) continue;
		while (behind && begin > 0 && near.p[begin - 1] != ' ') begin--;
		while (!behind && end < near.n && ((near.p[end] >= '0' && near.p[end] <= '9') || near.p[end] == '.'))
			end++;
		while (!behind && end > begin && near.p[end - 1] == '.') end--;
		struct ip ip;
		if (ip_parse(slice_sub(near, begin, end), &ip)) return slice_sub(near, begin, end);
	}
	return SLICE_EMPTY;
}

/* What follows announcement i; empty: it is not there. */
static struct slice announced(const struct work *w, size_t i)
{
	size_t mark = slice_search(w->lower, announcements[i]);
	if (mark == w->lower.n) return SLICE_EMPTY;
	size_t begin = mark + announcements[i].n;
	while (begin < w->text.n && (w->text.p[begin] == '-' || w->text.p[begin] == ' ')) begin++; /* a rule */
	struct slice reply = paragraph(sub(w->text, begin, w->text.n));
	return reply.n < 3 ? SLICE_EMPTY : reply;
}

/* Of the sure ones the first in the text, since a reply may hold such words itself; else the others in their order. */
static void find_announced(const struct work *w, struct failuretext *out)
{
	struct slice found = SLICE_EMPTY;
	for (size_t i = 0; i < sizeof announcements / sizeof *announcements && (i < SURE || !found.n); i++) {
		struct slice reply = announced(w, i);
		if (reply.n && (!found.n || reply.p < found.p)) found = reply;
	}
	if (!found.n) return;
	out->reply = from_code(found);
	out->quoted = true;
	/* The host is named before the words, or between them and the code. */
	out->host = host_before(w, (size_t)(out->reply.p - w->text.p));
}

static void find_reply(const struct work *w, struct failuretext *out)
{
	size_t at;
	out->reply = transcript_reply(w->text, &at, &out->stage);
	if (out->reply.n) {
		out->quoted = true;
		out->host = host_before(w, at);
		return;
	}
	find_announced(w, out);
	if (out->reply.n) return;
	for (size_t i = 0; i + 4 <= w->text.n; i++) {
		if (!is_code(w->text, i)) continue;
		out->reply = paragraph(sub(w->text, i, w->text.n));
		out->host = host_before(w, i);
		return;
	}
}

/* Without what the reporting program adds: "(in reply to RCPT TO command)", "Giving up on 192.0.2.1." */
static struct slice without_tail(const struct work *w, struct slice reply)
{
	static const struct slice tails[] = {S("(in reply to "), S("giving up on ")};
	if (!reply.n) return reply;
	struct slice lower = sub(w->lower, (size_t)(reply.p - w->text.p), (size_t)(reply.p - w->text.p) + reply.n);
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) lower = sub(lower, 0, slice_search(lower, tails[i]));
	/* "<mail.example.net #5.5.0 smtp;550 no>" of Exchange 2003 */
	if (lower.n && lower.p[lower.n - 1] == '>' && slice_find(lower, '<') == lower.n) lower.n--;
	/* "joe@example.com (452 Mailbox full)" of GroupWise */
	if (lower.n && lower.p[lower.n - 1] == ')' && slice_find(lower, '(') == lower.n) lower.n--;
	return slice_trim(sub(reply, 0, lower.n)).n ? slice_trim(sub(reply, 0, lower.n)) : reply;
}

/* ---- recipient ----------------------------------------------------------------------------------------------------- */

static bool is_atom(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

/* Before end stands a mark of Chinese or Japanese text: "，", "：", "。", "「", or a quotation mark of any. */
static bool is_wide_mark(struct slice s, size_t end)
{
	static const char *const first[] = {"\xef\xbc", "\xe3\x80", "\xe2\x80"};
	for (size_t i = 0; end >= 3 && end <= s.n && i < sizeof first / sizeof *first; i++)
		if (memcmp(s.p + end - 3, first[i], 2) == 0) return true;
	return false;
}

/* The address around the "@" at position at; empty: none. */
static struct slice address_at(struct slice s, size_t at)
{
	size_t begin = at, end = at + 1;
	while (begin > 0 && at - begin < 128 && is_atom(s.p[begin - 1]) && !is_wide_mark(s, begin)) begin--;
	while (end < s.n && end - at < 255 && is_atom(s.p[end]) && s.p[end] != '/' && !is_wide_mark(s, end + 3)) end++;
	while (end > at + 1 && (s.p[end - 1] == '.' || s.p[end - 1] == '-' || s.p[end - 1] == '\'')) end--;
	/* A path or a URL is none. */
	if (begin < at && s.p[begin] == '/') return SLICE_EMPTY;
	while (begin < at && (s.p[begin] == '\'' || s.p[begin] == '.' || s.p[begin] == '`')) begin++;
	struct slice domain = sub(s, at + 1, end);
	if (begin == at || slice_find(domain, '.') == domain.n || slice_starts(domain, SLICE("."))) return SLICE_EMPTY;
	return sub(s, begin, end);
}

static bool is_daemon(struct slice address)
{
	static const struct slice names[] = {S("mailer-daemon@"), S("postmaster@"), S("abuse@"),
	                                     S("noreply@"),       S("no-reply@"),   S("support@")};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_starts_nocase(address, names[i])) return true;
	return false;
}

static void find_recipient(const struct work *w, struct slice own, struct failuretext *out)
{
	for (size_t i = 0, seen = 0; i < w->text.n && seen < 40; i++) {
		if (w->text.p[i] != '@') continue;
		seen++;
		struct slice address = address_at(w->text, i);
		if (!address.n || is_daemon(address) || slice_equal_nocase(address, own)) continue;
		out->recipient = address;
		return;
	}
}

/* "(expanded from <list@example.com>)" of Postfix and Sendmail, "(generated from list@example.com)" of Exim. */
static void find_written_to(const struct work *w, struct failuretext *out)
{
	static const struct slice words[] = {S("(expanded from"), S("generated from ")};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t mark = slice_search(w->lower, words[i]), end = mark + words[i].n;
		if (mark == w->lower.n) continue;
		size_t at = end + slice_find(sub(w->text, end, end + 300), '@');
		if (at < w->text.n && w->text.p[at] == '@') out->written_to = address_at(w->text, at);
		return;
	}
}

/* Programs without a part for programs say that it is a warning: Exim, Sendmail, qmail-send with a patch, Courier, CommuniGate. */
static bool is_delay(struct slice lower)
{
	static const struct slice words[] = {
		S("has not yet been delivered"),
		S("not been delivered to all of its recipients after"),
		S("delivery attempts will continue"),
		S("this is a warning message only"),
		S("this is a warning only"),
		S("will be retried until"),
		S("still being retried"),
		S("do not need to resend"),
		S("remains in the queue"),
		S("will keep trying"),
		S("delivery has been delayed"),
		S("weitere zustellversuche"),
		S("wird weiter versucht"),
		S("noch nicht zugestellt"),
		S("bisher nicht zugestellt"),
		S("versuchen es weiter"),
		S("n'a pas encore été"),
		S("aún no se ha entregado"),
		S("ainda não foi entregue"),
		S("non è stato ancora consegnato"),
		S("nog niet bezorgd"),
		S("ещё не доставлено"),
		S("до сих пор не доставлено"),
		S("まだ配信"),
		S("尚未送达"),
		S("will try again until"),
		S("will retry for"),
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (has(lower, words[i])) return true;
	return false;
}

/* Where the recipient is named first, but for "To:" in a list of the original's fields (Exchange) when there is another place. */
static size_t place_of(const struct work *w, struct slice recipient)
{
	size_t first = (size_t)(recipient.p - w->text.p), line = first;
	while (line > 0 && w->text.p[line - 1] != '\n') line--;
	struct slice label = slice_trim(sub(w->text, line, first));
	while (label.n && strchr("'\"<[ ", label.p[label.n - 1])) label.n--;
	size_t end = first + recipient.n, next = slice_find(sub(w->text, end, w->text.n), '\n') + end + 1;
	bool field = label.n > 1 && label.p[label.n - 1] == ':' && slice_find(label, ' ') == label.n;
	bool fields = field && slice_find(sub(w->text, next, next + 40), ':') < 40;
	size_t again = slice_search(sub(w->text, end, w->text.n), recipient);
	return fields && end + again < w->text.n ? end + again : first;
}

/* The paragraph that names the recipient, without the address's own line when that is all there is. */
static void find_paragraph(const struct work *w, struct failuretext *out)
{
	if (out->reply.n || !out->recipient.n) return;
	size_t at = place_of(w, out->recipient);
	while (at > 0 && w->text.p[at - 1] != '\n') at--;
	out->reply = paragraph(sub(w->text, at, w->text.n));
	if (out->reply.n < out->recipient.n + 8) {
		size_t end = (size_t)(out->reply.p - w->text.p) + out->reply.n;
		out->reply = paragraph(sub(w->text, end, w->text.n));
	}
}

struct slice failuretext_unreached(struct slice text)
{
	static const struct slice words[] = {S("connect to "), S("connection with "), S("conversation with ")};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t begin = slice_search(text, words[i]) + words[i].n, end = begin;
		while (end < text.n && text.p[end] != '[' && (unsigned char)text.p[end] > ' ') end++;
		struct slice name = sub(text, begin, end);
		if (end < text.n && text.p[end] == '[' && slice_find(name, '.') < name.n) return name;
	}
	return SLICE_EMPTY;
}

bool failuretext_read(struct arena *a, struct slice text, struct slice own, struct failuretext *out)
{
	struct work w = {.text = sub(text, 0, FAILURETEXT_OCTETS)};
	*out = (struct failuretext){.reply = SLICE_EMPTY,
	                            .host = SLICE_EMPTY,
	                            .recipient = SLICE_EMPTY,
	                            .written_to = SLICE_EMPTY};
	if (!w.text.n) return true;
	char *lower = arena_alloc(a, w.text.n);
	if (!lower) return false;
	for (size_t i = 0; i < w.text.n; i++) {
		char c = w.text.p[i];
		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '\n' || c == '\t' ? ' ' : c;
	}
	w.lower = slice_of(lower, w.text.n);
	find_reply(&w, out);
	if (out->quoted && !out->host.n) out->host = address_before(&w, (size_t)(out->reply.p - w.text.p));
	out->reply = without_tail(&w, out->reply);
	find_recipient(&w, own, out);
	find_written_to(&w, out);
	find_paragraph(&w, out);
	struct slice words = phrases_normalise(a, w.text, w.text.n);
	if (!words.p) return false;
	if (out->stage == STAGE_unknown) out->stage = failuretext_stage(words);
	out->delayed = is_delay(words);
	/* Sendmail with pipelining: it says that it was about to send DATA when the answer to RCPT came. */
	if (out->stage == STAGE_data && has(w.lower, SLICE(">>> data")) &&
	    (has(w.lower, SLICE("<<< 503 ")) || has(w.lower, SLICE("no valid recipients"))))
		out->stage = STAGE_rcpt;
	return true;
}
