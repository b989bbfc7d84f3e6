/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tagged - a subject without what filters and gateways wrote before it
 *
 * Who gets mail from outside, or through a spam filter, often has a tag before the subject that its sender wrote: "[EXTERNAL]",
 * "***SPAM***", "{Spam?}", "[SPAM 07.2]", "Spam:". Behind it "Re:" or "Automatic reply:" begins nothing any more. A tag is taken off only
 * when all its words are such as those tags are made of; "[Ticket#1]", "[jira]", "{Virus?}" and the names of lists say something and
 * stay. A subject that is nothing but tags stays as it is. Pure; any thread.
 *
 *     subject = tagged_subject(subject); // "[EXT] *** SPAM *** Re: hello" is "Re: hello"
 */
#ifndef BACKSTOP_BOUNCE_TAGGED_H
#define BACKSTOP_BOUNCE_TAGGED_H

#include "base/slice.h"

/* A part of the (decoded) subject: without the tags that it begins with. */
struct slice tagged_subject(struct slice subject);
/* Nothing but words of tags, and one of them at least that tells: "EXTERNAL EMAIL", with or without marks. */
bool tagged_is_tag(struct slice s);

#endif
