/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_view - what `backstop queue` and `backstop held` share: the spool opened, and its messages shown
 *
 *     struct queue_view v;
 *     int status = queue_view_open(&v, &options, true, tenant);
 *     if (!status) ... spool_each(v.spool, ...) ... queue_view_line(&v, m) ...
 *     queue_view_close(&v);
 */
#ifndef BACKSTOP_CLI_QUEUE_VIEW_H
#define BACKSTOP_CLI_QUEUE_VIEW_H

#include "cli/cli.h"
#include "store/spool.h"
#include "store/tenants.h"

#define QUEUE_VIEW_ARENA (64u * 1024 * 1024) /* of one record */

struct queue_view {
	struct config *config;
	struct db *spool;        /* NULL: there is none yet */
	struct tenants *tenants; /* NULL: none yet, all that is missing is names */
	int64_t now;
};

/* Opens the spool of the configuration; write: to change it. tenant: one that must exist, or NULL. CLI_DONE, else the exit status,
 * and it was said why. queue_view_close() in every case. */
int queue_view_open(struct queue_view *v, const struct cli_options *o, bool write, const char *tenant);
void queue_view_close(struct queue_view *v);

/* NULL when it has none, or one that was removed. */
const char *queue_view_tenant(const struct queue_view *v, uint32_t id);
bool queue_view_is_tenants(const struct queue_view *v, const struct spool_message *m,
                           const char *tenant); /* NULL: any */
/* The end of a life that begins now: of a hold, or of a released message. */
int64_t queue_view_hold_end(const struct queue_view *v);
int64_t queue_view_life_end(const struct queue_view *v, const struct spool_message *m);

/* The first that is not delivered; NULL: there are no recipients at all. */
const struct spool_recipient *queue_view_pending(const struct spool_message *m);
json_t *queue_view_json(const struct queue_view *v, const struct spool_message *m);
void queue_view_line(const struct queue_view *v, const struct spool_message *m);
void queue_view_print(const struct queue_view *v, const struct spool_message *m);
void queue_view_field(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Complain and give the exit status. */
int queue_view_failed(enum error err);
int queue_view_no_such(const char *id);
int queue_view_refuse_answer(const char *id); /* an unproven answer is not released to its addressee */

#endif
