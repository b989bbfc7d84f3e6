/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result - the words in which SPF, DKIM, DMARC and ARC give their answers (RFC 8601 2.7)
 *
 * One list for all methods; which of them a method may give is in its header. Pure.
 */
#ifndef BACKSTOP_AUTH_RESULT_H
#define BACKSTOP_AUTH_RESULT_H

#include "base/slice.h"

/* X(name, text) */
#define AUTH_RESULT_TABLE(X)                                                                                           \
	X(none, "none")                                                                                                \
	X(neutral, "neutral")                                                                                          \
	X(pass, "pass")                                                                                                \
	X(fail, "fail")                                                                                                \
	X(softfail, "softfail")                                                                                        \
	X(policy, "policy")                                                                                            \
	X(temperror, "temperror")                                                                                      \
	X(permerror, "permerror")

enum auth_result {
#define X(name, text) AUTH_##name,
	AUTH_RESULT_TABLE(X)
#undef X
		AUTH_RESULT_COUNT
};

const char *auth_result_text(enum auth_result r);                 /* static text */
bool auth_result_parse(struct slice text, enum auth_result *out); /* any case; false: none of them */

#endif
