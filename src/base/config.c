/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config_read.h"

#define CONFIG_MAGIC 0x636f6e66u /* "conf" */
#define TEXT_LIMIT   (1 << 20)
#define PEM_LIMIT    (1 << 20)
#define ARENA_LIMIT  (16 << 20)

struct box {
	unsigned magic;
	_Atomic int references;
	struct arena arena;
	struct slice text, secrets;
	struct config config;
};

static struct box *box_of(const struct config *c)
{
	struct box *box = (struct box *)((char *)(uintptr_t)c - offsetof(struct box, config));
	assert(box->magic == CONFIG_MAGIC);
	return box;
}

struct config *config_ref(struct config *c)
{
	atomic_fetch_add(&box_of(c)->references, 1);
	return c;
}

void config_unref(struct config *c)
{
	if (!c) return;
	struct box *box = box_of(c);
	if (atomic_fetch_sub(&box->references, 1) != 1) return;
	if (c->tls_key_pem.n) explicit_bzero((char *)(uintptr_t)c->tls_key_pem.p, c->tls_key_pem.n);
	if (box->secrets.n) explicit_bzero((char *)(uintptr_t)box->secrets.p, box->secrets.n);
	arena_free(&box->arena);
	box->magic = 0;
	free(box);
}

struct slice config_text(const struct config *c)
{
	return box_of(c)->text;
}

struct slice config_secrets(const struct config *c)
{
	return box_of(c)->secrets;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------ */

static enum error read_all(int fd, char *buf, size_t room, size_t *n)
{
	*n = 0;
	while (*n < room) {
		ssize_t got = read(fd, buf + *n, room - *n);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return error_from_errno(errno);
		if (got == 0) return ERR_OK;
		*n += (size_t)got;
	}
	return ERR_LIMIT;
}

/* The whole of a small file, malloc'ed. Not only regular files: a configuration may come through a pipe. */
static enum error read_file(const char *path, size_t limit, char **out, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return error_from_errno(errno);
	struct stat st;
	enum error e = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? ERR_INVALID : ERR_OK;
	*out = malloc(limit + 1);
	if (!*out) e = ERR_NO_MEMORY;
	if (e == ERR_OK) e = read_all(fd, *out, limit + 1, n);
	close(fd);
	if (e != ERR_OK) {
		free(*out);
		*out = NULL;
	}
	return e;
}

/* ---- what concerns several options ---------------------------------------------------------------------------------------------- */

static enum error check_hostname(struct box *box, struct config_complaints *complaints)
{
	struct config *c = &box->config;
	if (!c->hostname) {
		char own[256] = "", name[254];
		if (gethostname(own, sizeof own - 1) < 0 || !config_name_parse(slice_str(own), name)) {
			config_complain(complaints, 0,
			                "hostname: the system's name '%s' is not a domain name; set hostname", own);
			return ERR_INVALID;
		}
		c->hostname = arena_strdup(&box->arena, slice_str(name));
		if (!c->hostname) return ERR_NO_MEMORY;
	}
	for (size_t i = 0; i < c->relay.pool_count; i++)
		if (!c->relay.pools[i].hostname) c->relay.pools[i].hostname = c->hostname;
	if (!c->auth.authserv_id) c->auth.authserv_id = c->hostname;
	if (!c->relay.return_path_domain) c->relay.return_path_domain = c->hostname;
	return ERR_OK;
}

static enum error check_listen(const char *section, const struct endpoint *l, size_t n,
                               struct config_complaints *complaints)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++) {
			if (l[i].port == 0 || l[i].port != l[j].port || l[i].scope != l[j].scope ||
			    !ip_equal(&l[i].ip, &l[j].ip))
				continue;
			char buf[ENDPOINT_TEXT_SIZE];
			config_complain(complaints, 0, "%s: listen: %s is given twice", section,
			                endpoint_text(&l[i], buf));
			return ERR_INVALID;
		}
	return ERR_OK;
}

static enum error take_pem(struct box *box, const char *option, const char *path, struct slice given, struct slice *out,
                           int line, struct config_complaints *complaints)
{
	char *text = NULL;
	struct slice pem = given;
	enum error e = ERR_OK;
	if (given.n == 0) {
		e = read_file(path, PEM_LIMIT, &text, &pem.n);
		pem.p = text;
		if (e == ERR_OK && pem.n == 0) e = ERR_INVALID;
		if (e != ERR_OK) config_complain(complaints, line, "tls: %s: %s: %s", option, path, error_text(e));
	}
	if (e == ERR_OK) {
		*out = arena_copy(&box->arena, pem);
		if (!out->p) e = ERR_NO_MEMORY;
	}
	if (text) explicit_bzero(text, pem.n);
	free(text);
	return e;
}

static enum error check_tls(struct box *box, struct slice certificate, struct slice key, int line,
                            struct config_complaints *complaints)
{
	struct config *c = &box->config;
	if (!c->tls_certificate && !c->tls_key) return ERR_OK;
	if (!c->tls_certificate || !c->tls_key) {
		config_complain(complaints, line, "tls: %s is missing: certificate and key belong together",
		                c->tls_key ? "certificate" : "key");
		return ERR_INVALID;
	}
	enum error e = take_pem(box, "certificate", c->tls_certificate, certificate, &c->tls_certificate_pem, line,
	                        complaints);
	if (e == ERR_OK) e = take_pem(box, "key", c->tls_key, key, &c->tls_key_pem, line, complaints);
	return e;
}

static bool is_cookie_secret(const char *text)
{
	return !text || (strlen(text) == 32 && strspn(text, "0123456789abcdefABCDEF") == 32);
}

static enum error check_dns(const struct config *c, struct config_complaints *complaints)
{
	const char *why = NULL;
	if (!c->dns.zone)
		why = "zone is missing: the domain whose subdomains safe and any are the lists";
	else if (strlen(c->dns.zone) > 180)
		why = "zone is too long: names of IPv6 addresses must fit in front of it";
	else if (c->dns.nameserver_count == 0)
		why = "nameserver is missing: the name under which this server, or a secondary, is reached";
	else if (!is_cookie_secret(c->dns.cookie_secret) || !is_cookie_secret(c->dns.cookie_secret_before))
		why = "cookie-secret: 32 hexadecimal digits are needed, such as openssl rand -hex 16 prints";
	else if (c->dns.cookie_secret_before && !c->dns.cookie_secret)
		why = "cookie-secret-before is of use beside cookie-secret only";
	if (!why) return ERR_OK;
	config_complain(complaints, 0, "dns: %s", why);
	return ERR_INVALID;
}

static enum error check_tsig_names(const struct config *c, struct config_complaints *complaints)
{
	for (size_t i = 0; i < c->dns.transfer_count + c->dns.notify_count; i++) {
		bool access = i < c->dns.transfer_count;
		const char *key = access ? c->dns.transfer[i].key : c->dns.notify[i - c->dns.transfer_count].key;
		size_t k = 0;
		while (key && k < c->dns.tsig_count && strcmp(c->dns.tsig[k].name, key) != 0) k++;
		if (!key || k < c->dns.tsig_count) continue;
		config_complain(complaints, 0, "dns: %s: key %s: there is no section tsig \"%s\"",
		                access ? "transfer" : "notify", key, key);
		return ERR_INVALID;
	}
	return ERR_OK;
}

static enum error read_secret(struct box *box, struct config_tsig *key, struct config_complaints *complaints)
{
	char *text = NULL;
	size_t n = 0;
	enum error e = read_file(key->secret_file, PEM_LIMIT, &text, &n);
	struct slice secret = slice_trim(slice_of(text ? text : "", n));
	if (e == ERR_OK && !config_secret_good(secret)) e = ERR_INVALID;
	if (e == ERR_INVALID)
		config_complain(complaints, 0,
		                "dns: tsig \"%s\": secret-file: %s: not a secret in base64, such as openssl rand "
		                "-base64 32 prints",
		                key->name, key->secret_file);
	else if (e != ERR_OK)
		config_complain(complaints, 0, "dns: tsig \"%s\": secret-file: %s: %s", key->name, key->secret_file,
		                error_text(e));
	if (e == ERR_OK && !(key->secret = arena_strdup(&box->arena, secret))) e = ERR_NO_MEMORY;
	if (text) explicit_bzero(text, n);
	free(text);
	return e;
}

/* All secrets in one piece, a line each; the keys point into it. */
static enum error gather_secrets(struct box *box)
{
	struct config *c = &box->config;
	size_t n = 0;
	for (size_t i = 0; i < c->dns.tsig_count; i++) n += strlen(c->dns.tsig[i].secret) + 1;
	char *all = arena_alloc(&box->arena, n ? n : 1), *p = all;
	if (!all) return ERR_NO_MEMORY;
	for (size_t i = 0; i < c->dns.tsig_count; i++) {
		size_t length = strlen(c->dns.tsig[i].secret);
		memcpy(p, c->dns.tsig[i].secret, length);
		p += length;
		*p++ = '\n';
	}
	box->secrets = slice_of(all, n);
	return ERR_OK;
}

static enum error check_tsig(struct box *box, struct slice given, struct config_complaints *complaints)
{
	struct config *c = &box->config;
	enum error e = check_tsig_names(c, complaints);
	for (size_t i = 0; i < c->dns.tsig_count && e == ERR_OK; i++) {
		struct config_tsig *key = &c->dns.tsig[i];
		if (given.n) {
			struct slice line = slice_split(&given, '\n');
			e = !config_secret_good(line)                         ? ERR_INVALID
			    : (key->secret = arena_strdup(&box->arena, line)) ? ERR_OK
			                                                      : ERR_NO_MEMORY;
		} else if (!key->secret) {
			e = read_secret(box, key, complaints);
		}
	}
	return e == ERR_OK ? gather_secrets(box) : e;
}

static int compare_routes(const void *a, const void *b)
{
	return strcmp(((const struct config_route *)a)->domain, ((const struct config_route *)b)->domain);
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------ */

static enum error box_read(struct box *box, struct slice text, struct slice certificate_pem, struct slice key_pem,
                           struct slice secrets, struct config_complaints *complaints)
{
	struct config *c = &box->config;
	char *copy = arena_strdup(&box->arena, text);
	c->path = arena_strdup(&box->arena, slice_str(complaints->path));
	if (!copy || !c->path) return ERR_NO_MEMORY;
	box->text = slice_of(copy, text.n);
	int tls_line = 0;
	enum error e = config_read(copy, &box->arena, c, &tls_line, complaints);
	if (e == ERR_OK) e = check_hostname(box, complaints);
	if (e == ERR_OK) e = check_listen("relay", c->relay.listen, c->relay.listen_count, complaints);
	if (e == ERR_OK) e = check_listen("dns", c->dns.listen, c->dns.listen_count, complaints);
	if (e == ERR_OK && c->dns_enabled) e = check_dns(c, complaints);
	if (e == ERR_OK) e = check_tls(box, certificate_pem, key_pem, tls_line, complaints);
	if (e == ERR_OK) e = check_tsig(box, secrets, complaints);
	if (e == ERR_OK && c->relay.route_count)
		qsort(c->relay.routes, c->relay.route_count, sizeof *c->relay.routes, compare_routes);
	return e;
}

enum error config_parse(const char *path, struct slice text, struct slice certificate_pem, struct slice key_pem,
                        struct config **out, char why[CONFIG_WHY])
{
	return config_parse_secrets(path, text, certificate_pem, key_pem, SLICE_EMPTY, out, why);
}

enum error config_parse_secrets(const char *path, struct slice text, struct slice certificate_pem, struct slice key_pem,
                                struct slice secrets, struct config **out, char why[CONFIG_WHY])
{
	struct config_complaints complaints = {path, why};
	*out = NULL;
	why[0] = '\0';
	size_t nul = slice_find(text, '\0');
	if (text.n > TEXT_LIMIT || nul < text.n) {
		int line = 1;
		for (size_t i = 0; i < nul && nul < text.n; i++) line += text.p[i] == '\n';
		config_complain(&complaints, nul < text.n ? line : 0, "%s",
		                nul < text.n ? "a NUL octet is no text" : "the file is larger than 1 MiB");
		return ERR_SYNTAX;
	}
	struct box *box = calloc(1, sizeof *box);
	enum error e = ERR_NO_MEMORY;
	if (box) {
		box->magic = CONFIG_MAGIC;
		box->references = 1;
		arena_init(&box->arena, ARENA_LIMIT);
		e = box_read(box, text, certificate_pem, key_pem, secrets, &complaints);
	}
	if (e == ERR_OK) {
		*out = &box->config;
		return ERR_OK;
	}
	if (why[0] == '\0') config_complain(&complaints, 0, "%s", error_text(e));
	if (box) config_unref(&box->config);
	return e;
}

enum error config_load(const char *path, struct config **out, char why[CONFIG_WHY])
{
	char *text = NULL;
	size_t n = 0;
	*out = NULL;
	enum error e = read_file(path, TEXT_LIMIT, &text, &n);
	if (e != ERR_OK) {
		snprintf(why, CONFIG_WHY, "%.800s: %s", path, e == ERR_INVALID ? "not a file" : error_text(e));
		return e;
	}
	e = config_parse(path, slice_of(text, n), (struct slice){NULL, 0}, (struct slice){NULL, 0}, out, why);
	free(text);
	return e;
}

/* ---- look-ups ------------------------------------------------------------------------------------------------------------------- */

const struct config_pool *config_pool(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->relay.pool_count; i++)
		if (strcmp(c->relay.pools[i].name, name) == 0) return &c->relay.pools[i];
	return NULL;
}

static const struct config_route *route_find(const struct config *c, struct slice domain)
{
	size_t low = 0, high = c->relay.route_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_compare(domain, slice_str(c->relay.routes[middle].domain));
		if (order == 0) return &c->relay.routes[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct config_route *config_route(const struct config *c, struct slice domain)
{
	const struct config_route *route = route_find(c, domain);
	for (size_t dot = slice_find(domain, '.'); !route && dot < domain.n;) {
		domain = slice_sub(domain, dot, domain.n); /* ".parent" */
		route = route_find(c, domain);
		dot = slice_find(slice_sub(domain, 1, domain.n), '.') + 1;
	}
	return route ? route : route_find(c, SLICE("*"));
}
