/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify - is it a bounce?
 *
 * A message becomes a class, by the signals of a rule bundle. Each signal adds its weight (log-odds) to the classes that it
 * speaks for or against; the first class in the order feedback report, challenge, delivery report, automatic reply with
 * a sum above zero is the verdict, and the greater the sum the more probable it is: calibrated by what the sums were worth on mail
 * that the rules had not seen (docs/rules.md). The envelope is one signal of many: a quarter of automatic replies come from <>, and bounces that went through a list do not.
 *
 * Bounded: the first SIGNALS_TEXT octets of text are looked at. Pure; a struct classifier belongs to one thread, the bundle
 * may be shared.
 *
 *     struct classifier *c = classifier_new();
 *     struct classification v;
 *     if (mime_parse(&arena, message, &m) && classify(c, bundle, &arena, m.root, &mail_from, &v) == ERR_OK)
 *             if (v.class == CLASS_NDR) ...
 */
#ifndef BACKSTOP_BOUNCE_CLASSIFY_H
#define BACKSTOP_BOUNCE_CLASSIFY_H

#include "bounce/bundle.h"
#include "bounce/class.h"
#include "bounce/signals.h"

struct classification {
	enum bounce_class class;
	enum bounce_kind kind;     /* KIND_NONE unless it is an NDR */
	double probability;        /* that the class is right, 0 to 1 */
	double score[CLASS_COUNT]; /* the sum of each; 0 for other */
	const struct slice *fired; /* names of the signals, in the arena and the bundle: both must outlive it */
	size_t fired_count;
	const struct status_report *status; /* the delivery status, where there is one; NULL */
};

struct classifier;

struct classifier *classifier_new(void); /* NULL without memory */
void classifier_free(struct classifier *c);
/* root: a message or one within it. mail_from: NULL when the envelope is unknown, else the return path without brackets, empty
 * for <>. ERR_OK, ERR_NO_MEMORY. */
enum error classify(struct classifier *c, const struct bundle *b, struct arena *a, const struct mime_part *root,
                    const struct slice *mail_from, struct classification *out);

#endif
