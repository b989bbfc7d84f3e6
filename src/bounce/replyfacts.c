/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/replyfacts.h"

#include <stdio.h>

#include "bounce/phrases.h"

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char at(struct slice s, size_t i)
{
	return i < s.n ? s.p[i] : ' ';
}

/* ---- codes ---------------------------------------------------------------------- */

/* "550", with nothing like a number or a name around it. */
static bool is_reply_code(struct slice s, size_t i)
{
	char before = i ? s.p[i - 1] : ' ', after = at(s, i + 3);
	if (i + 3 > s.n || (s.p[i] != '4' && s.p[i] != '5') || s.p[i + 1] < '0' || s.p[i + 1] > '5' ||
	    !digit(s.p[i + 2]))
		return false;
	if (digit(before) || letter(before) || before == '.' || before == '-' || before == '@' || before == '[')
		return false;
	return after == ' ' || after == '-' || (after == ':' && before != ':');
}

static unsigned find_code(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_reply_code(s, i))
			return (unsigned)((s.p[i] - '0') * 100 + (s.p[i + 1] - '0') * 10 + (s.p[i + 2] - '0'));
	return 0;
}

/* The first enhanced code, unless a later one says more: "5.1.0 Address error 550 '5.2.2 Mailbox full'". */
static struct statuscode find_status(struct slice s)
{
	struct statuscode best = {0}, c;
	unsigned weight = 0, most = 0, seen = 0;
	for (size_t i = 0; i < s.n && seen < 6; i++) {
		char before = i ? s.p[i - 1] : ' ';
		if (digit(before) || letter(before) || before == '.' || before == '@' || before == '/') continue;
		if (!statuscode_parse(slice_sub(s, i, s.n), &c)) continue;
		seen++;
		statuscode_cause(&c, &weight);
		if (best.class && weight <= most) continue;
		best = c;
		most = weight;
	}
	return best;
}

/* Takes "550-5.7.1 " and "550 5.7.1 " out where they stand in the middle, and "550-" of further lines. */
static struct slice without_repeats(struct slice s, unsigned code)
{
	char *p = (char *)(uintptr_t)s.p; /* our own copy, made by phrases_normalise() */
	const char word[3] = {(char)('0' + code / 100), (char)('0' + code / 10 % 10), (char)('0' + code % 10)};
	size_t n = 0;
	bool first = true;
	for (size_t i = 0; i < s.n;) {
		bool begins = code && i + 4 < s.n && (i == 0 || s.p[i - 1] == ' ') && memcmp(s.p + i, word, 3) == 0;
		if (!begins || (s.p[i + 3] != '-' && s.p[i + 3] != ' ')) {
			p[n++] = s.p[i++];
			continue;
		}
		size_t status = statuscode_length(slice_sub(s, i + 4, s.n)), end = i + 4 + status;
		if (first || (!status && s.p[i + 3] == ' ') || (status && at(s, end) != ' ' && at(s, end) != ':')) {
			p[n++] = s.p[i++];
			first = false;
			continue;
		}
		i = end;
		if (n && p[n - 1] == ' ' && at(s, i) == ' ') i++;
	}
	return slice_of(p, n);
}

/* ---- addresses, domains, links ---------------------------------------------------------------------- */

static void add_address(struct replyfacts *f, struct ip ip)
{
	if (f->address_count == REPLYFACTS_ADDRESSES ||
	    (ip.family == AF_INET && (ip.octets[0] == 127 || ip.octets[0] == 0)))
		return;
	for (size_t i = 0; i < f->address_count; i++)
		if (ip_equal(&f->addresses[i], &ip)) return;
	f->addresses[f->address_count++] = ip;
}

static bool is_address_char(char c)
{
	return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

/* "2.2.0.192.zen.example.org": the address is written backwards. */
static bool is_reversed(struct slice s, size_t end)
{
	return at(s, end) == '.' && letter(at(s, end + 1));
}

static size_t read_address(struct replyfacts *f, struct slice s, size_t begin)
{
	size_t end = begin, dots = 0, colons = 0;
	struct ip ip;
	while (end < s.n && is_address_char(s.p[end])) {
		dots += s.p[end] == '.';
		colons += s.p[end] == ':';
		end++;
	}
	size_t stop = end, digits = begin;
	if (dots < 3 && colons < 2) return end;
	while (stop > begin && (s.p[stop - 1] == '.' || s.p[stop - 1] == ':')) stop--;
	if (ip_parse(slice_sub(s, begin, stop), &ip)) {
		/* "1.2.3.4.zone", where the zone begins with other letters than a to f */
		if (ip.family == AF_INET && stop < end && s.p[stop] == '.' && is_reversed(s, stop)) goto reversed;
		add_address(f, ip);
		return end;
	}
	/* Four numbers and what follows: a port ("192.0.2.1:25"), or a zone. */
	for (unsigned parts = 0; digits < stop; digits++) {
		if (digit(s.p[digits])) continue;
		if (s.p[digits] != '.' || ++parts == 4) break;
	}
	if (!ip_parse(slice_sub(s, begin, digits), &ip) || ip.family != AF_INET) return end;
	if (at(s, digits) == '.' && digit(at(s, digits + 1))) return end; /* five numbers */
	if (!is_reversed(s, digits)) {
		add_address(f, ip);
		return end;
	}
reversed:;
	const uint8_t turned[4] = {ip.octets[3], ip.octets[2], ip.octets[1], ip.octets[0]};
	memcpy(ip.octets, turned, sizeof turned);
	add_address(f, ip);
	return end;
}

static void find_addresses(struct replyfacts *f)
{
	struct slice s = f->raw;
	for (size_t i = 0; i < s.n;) {
		char before = i ? s.p[i - 1] : ' ';
		if (!is_address_char(s.p[i]) || s.p[i] == '.' || is_address_char(before) ||
		    (letter(before) && s.p[i] != ':'))
			i++;
		else
			i = read_address(f, s, i);
	}
}

static bool is_link_end(char c)
{
	return c == ' ' || c == '<' || c == '>' || c == '"' || c == '\'' || c == ')' || c == ']' || c == '}';
}

/* The octets of the link that begins at i; 0: none. */
static size_t link_length(struct slice s, size_t i)
{
	struct slice rest = slice_sub(s, i, s.n);
	size_t n = 0, scheme = slice_starts_nocase(rest, SLICE("https://"))  ? 8
	                       : slice_starts_nocase(rest, SLICE("http://")) ? 7
	                                                                     : 0;
	if (!scheme) return 0;
	while (n < rest.n && !is_link_end(rest.p[n])) n++;
	while (n > scheme && (rest.p[n - 1] == '.' || rest.p[n - 1] == ',' || rest.p[n - 1] == ';' ||
	                      rest.p[n - 1] == ':' || rest.p[n - 1] == '!'))
		n--;
	return n > scheme + 3 ? n : 0;
}

static void add_link(struct replyfacts *f, struct slice link)
{
	if (f->link_count == REPLYFACTS_LINKS || link.n > 500) return;
	for (size_t i = 0; i < link.n; i++)
		if ((unsigned char)link.p[i] < 0x21 || (unsigned char)link.p[i] > 0x7e) return;
	for (size_t i = 0; i < f->link_count; i++)
		if (slice_equal(f->links[i], link)) return;
	f->links[f->link_count++] = link;
}

static bool is_name_char(char c)
{
	return letter(c) || digit(c) || c == '-' || c == '.' || c == '_';
}

static bool is_domain(struct slice name)
{
	size_t dot = slice_find_last(name, '.'), label = 0;
	if (dot == name.n || name.n - dot < 3 || name.n > 253 || name.p[0] == '.' || name.p[0] == '-') return false;
	for (size_t i = dot + 1; i < name.n; i++)
		if (!letter(name.p[i]) && !slice_starts_nocase(slice_sub(name, dot + 1, name.n), SLICE("xn--")))
			return false;
	for (size_t i = 0; i < name.n; i++) {
		label = name.p[i] == '.' ? 0 : label + 1;
		if (label > 63 || (name.p[i] == '.' && at(name, i + 1) == '.')) return false;
	}
	return true;
}

static void add_domain(struct replyfacts *f, struct slice name)
{
	if (f->domain_count == REPLYFACTS_DOMAINS || !is_domain(name)) return;
	for (size_t i = 0; i < f->domain_count; i++)
		if (slice_equal_nocase(f->domains[i], name)) return;
	f->domains[f->domain_count++] = name;
}

static void add_asked(struct replyfacts *f, struct slice name)
{
	if (f->asked_count == REPLYFACTS_SENDERS || !name.n || !is_domain(name)) return;
	f->asked[f->asked_count++] = name;
}

/* "https://check.spamhaus.org/query/domain/bad.example", "?domain=bad.example" */
static void add_asked_by(struct replyfacts *f, struct slice link)
{
	static const struct slice before[] = {{"/domain/", 8}, {"domain=", 7}};
	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		size_t mark = slice_search(link, before[i]), begin = mark + before[i].n, end = begin;
		if (mark == link.n) continue;
		while (end < link.n && is_name_char(link.p[end])) end++;
		add_asked(f, slice_sub(link, begin, end));
	}
}

static void find_names(struct replyfacts *f)
{
	struct slice s = f->raw;
	for (size_t i = 0; i < s.n;) {
		size_t n = link_length(s, i), end = i;
		if (n) {
			add_link(f, slice_sub(s, i, i + n));
			add_asked_by(f, slice_sub(s, i, i + n));
			i += n;
			continue;
		}
		while (end < s.n && is_name_char(s.p[end])) end++;
		if (end == i) {
			i++;
			continue;
		}
		bool of_mail = at(s, end) == '@' || (i && s.p[i - 1] == '@');
		size_t stop = end;
		while (stop > i && s.p[stop - 1] == '.') stop--;
		if (!of_mail) add_domain(f, slice_sub(s, i, stop));
		if (i && s.p[i - 1] == '@') add_asked(f, slice_sub(s, i, stop));
		i = end;
	}
}

static struct slice one_line(struct arena *a, struct slice text)
{
	size_t n = 0;
	if (text.n > REPLYFACTS_OCTETS) text.n = REPLYFACTS_OCTETS;
	char *out = arena_alloc(a, text.n + 1);
	if (!out) return (struct slice){NULL, 0};
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool blank = (unsigned char)c <= ' ' || c == 0x7f;
		if (!blank)
			out[n++] = c;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	if (n && out[n - 1] == ' ') n--;
	return slice_of(out, n);
}

bool replyfacts_read(struct arena *a, struct slice reply, struct replyfacts *out)
{
	*out = (struct replyfacts){.raw = one_line(a, reply)};
	if (!out->raw.p) return false;
	out->code = find_code(out->raw);
	out->status = find_status(out->raw);
	out->text = phrases_normalise(a, out->raw, REPLYFACTS_OCTETS);
	if (!out->text.p) return false;
	out->text = without_repeats(out->text, out->code);
	find_addresses(out);
	find_names(out);
	return true;
}

/* ---- whose address it is ---------------------------------------------------------------------- */

/* The word that ends at end, without what separates it from the next. */
static struct slice word_before(struct slice s, size_t end)
{
	while (end > 0 && (s.p[end - 1] == ' ' || s.p[end - 1] == '[' || s.p[end - 1] == '(')) end--;
	size_t begin = end;
	while (begin > 0 && s.p[begin - 1] != ' ' && s.p[begin - 1] != '<') begin--;
	return slice_sub(s, begin, end);
}

/* code: where the reply begins. */
static bool is_servers(struct slice s, size_t code, struct slice address, struct slice host)
{
	size_t mark = slice_search(s, address);
	if (slice_equal(address, host)) return true;
	if (mark == s.n) return false;
	struct slice name = word_before(s, mark);
	if (slice_find(name, '.') + 1 >= name.n) return false;
	/* Only the reporting program writes a name's last dot: "[mx.example.net. 192.0.2.5: timed out]" of Gmail */
	if (slice_equal_nocase(name, host) || name.p[name.n - 1] == '.') return true;
	if (name.p[0] == '[' && slice_find(name, ']') == name.n) return true; /* also without that dot */
	if (mark > code) return false; /* the server's own words: "550 host mail.example.org [192.0.2.9] is listed" */
	struct slice role = word_before(s, (size_t)(name.p - s.p));
	if (slice_equal_nocase(role, SLICE("to"))) return true;
	return slice_equal_nocase(role, SLICE("host")) &&
	       !slice_equal_nocase(word_before(s, (size_t)(role.p - s.p)), SLICE("client"));
}

void replyfacts_forget_server(struct replyfacts *f, struct slice host)
{
	char text[IP_TEXT_SIZE], digits[8];
	size_t n = 0, code = f->raw.n;
	snprintf(digits, sizeof digits, "%u", f->code);
	if (f->code) code = slice_search(f->raw, slice_str(digits));
	for (size_t i = 0; i < f->address_count; i++)
		if (!is_servers(f->raw, code, slice_str(ip_text(&f->addresses[i], text)), host))
			f->addresses[n++] = f->addresses[i];
	f->address_count = n;
}
